/* SPDX-License-Identifier: BSD-3-Clause */
#include "clocks.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_launch.h>

#include "el_port.h"
#include "el_ticks.h"

#define SURVEY_NS 100000000L

/* The two pairs of a core. */
struct survey {
	struct el_clock_pair first, second;
	atomic_bool done; /* written by the core, after the pairs */
};

struct clocks {
	struct el_core_clock control; /* not used for time: what the workers' are compared with */
	struct el_wall_clock wall;
	enum el_clock_source source;
	const char *reason;
	bool reads_time;
	uint32_t n_workers;
	struct clocks_worker {
		struct el_core_clock first; /* as it is at the start */
		struct el_clock_note told;
		double skew_ns; /* between its counter and the line of control's core */
	} workers[EL_PLAN_WORKERS_MAX];
};

/* On the core that is measured; a lcore_function_t. */
static int survey_core(void *arg)
{
	struct timespec span = {.tv_nsec = SURVEY_NS};
	struct survey *s = arg;

	s->first = el_clock_pair_read_good(EL_PAIR_READS);
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &span) == EINTR)
		;
	s->second = el_clock_pair_read_good(EL_PAIR_READS);
	atomic_store_explicit(&s->done, true, memory_order_release);
	return 0;
}

/* Workers' cores and this one, at the same time. */
static int survey_all(struct survey *cores, uint32_t n_workers, struct el_error *err)
{
	uint32_t n = 0;
	int ret = 0;

	for (; n < n_workers && ret == 0; n++)
		ret =
		    rte_eal_remote_launch(survey_core, &cores[n + 1],
					  el_eal_worker_lcore((struct el_worker_idx){(uint16_t)n}));
	survey_core(&cores[0]);
	for (uint32_t w = 0; w < n; w++)
		rte_eal_wait_lcore(el_eal_worker_lcore((struct el_worker_idx){(uint16_t)w}));
	for (uint32_t w = 0; ret == 0 && w < n; w++) {
		if (!atomic_load_explicit(&cores[w + 1].done, memory_order_acquire))
			ret = -EIO;
	}
	return ret == 0 ? 0
			: el_error_set(err, ret, "the clock of worker %u can't be measured", n - 1);
}

/* Nanoseconds that a call takes at best. */
static uint64_t cost_ns(bool by_system_call)
{
	uint64_t best = UINT64_MAX;
	struct timespec ts;

	for (int i = 0; i < EL_PAIR_READS; i++) {
		uint64_t begin = el_raw_ns(), took;

		for (int k = 0; k < 8; k++) {
			if (by_system_call)
				syscall(SYS_clock_gettime, CLOCK_MONOTONIC_RAW, &ts);
			else
				clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		}
		took = el_raw_ns() - begin;
		best = took < best ? took : best;
	}
	return best;
}

/* Whether the kernel's time can be had without a system call. Its clock source does not tell for
 * sure; the time that it takes does. */
static bool has_vdso(void)
{
	return 2 * cost_ns(false) < cost_ns(true);
}

/* What the counters are like decides, unless the configuration does. */
static void choose(struct clocks *c, enum el_conf_clock wanted, const struct el_counter_survey *s)
{
	static const char *const reasons[] = {[EL_COUNTER_GOOD] = "measured",
					      [EL_COUNTER_STOPPED] = "stopped",
					      [EL_COUNTER_FREQUENCY] = "frequency",
					      [EL_COUNTER_SKEW] = "skew"};

	c->source = s->verdict == EL_COUNTER_GOOD ? EL_CLOCK_TSC : EL_CLOCK_MONOTONIC;
	c->reason = reasons[s->verdict];
	if (wanted == EL_CONF_CLOCK_TSC) {
		c->source = EL_CLOCK_TSC;
		c->reason = "configured";
	}
}

/* With the first clock of each core. */
static void begin(struct clocks *c, const struct survey *cores, bool fixed)
{
	el_core_clock_init(&c->control, &cores[0].first, &cores[0].second);
	for (uint32_t w = 0; w < c->n_workers; w++) {
		struct el_core_clock *clock = &c->workers[w].first;

		if (c->source == EL_CLOCK_TSC)
			el_core_clock_init(clock, &cores[w + 1].first, &cores[w + 1].second);
		else
			el_core_clock_init_monotonic(clock);
		clock->fixed = fixed;
		/* one that does not go on is of no use, whatever is asked for */
		if (clock->monotonic && c->source == EL_CLOCK_TSC) {
			c->source = EL_CLOCK_MONOTONIC;
			c->reason = "stopped";
		}
	}
}

static void log_choice(const struct clocks *c, const struct el_counter_survey *s)
{
	if (s->verdict == EL_COUNTER_GOOD)
		el_log(EL_LOG_DEBUG, "clock",
		       "the time stamp counter, %.3f MHz to %.2f ppm, cores within %.0f ns",
		       el_core_clock_hz(&c->control) / 1e6, s->error_ppm, s->skew_ns);
	else
		el_log(EL_LOG_WARNING, "clock",
		       "the time stamp counter is no good (%s; cores differ by %.3g ns and %.3g "
		       "ppm): %s",
		       s->verdict == EL_COUNTER_STOPPED     ? "it does not go on"
		       : s->verdict == EL_COUNTER_FREQUENCY ? "not of one frequency"
							    : "not the same on all cores",
		       s->skew_ns, s->rate_ppm,
		       c->source == EL_CLOCK_TSC
			   ? "used all the same, as dataplane.clock asks for"
			   : "times are the kernel's, which costs some more cycles a packet");
}

static int measure(struct clocks *c, enum el_conf_clock wanted, struct el_error *err)
{
	struct survey *cores = calloc(c->n_workers + 1, sizeof(*cores));
	struct el_clock_pair pairs[2][EL_PLAN_WORKERS_MAX + 1];
	struct el_counter_survey s;
	int ret = cores ? survey_all(cores, c->n_workers, err)
			: el_error_set(err, -ENOMEM, "not enough memory");

	if (ret == 0) {
		for (uint32_t i = 0; i <= c->n_workers; i++) {
			pairs[0][i] = cores[i].first;
			pairs[1][i] = cores[i].second;
		}
		s = el_counter_survey(pairs[0], pairs[1], c->n_workers + 1);
		c->workers[0].skew_ns = s.skew_ns;
		choose(c, wanted, &s);
		begin(c, cores, wanted == EL_CONF_CLOCK_TSC);
		log_choice(c, &s);
	}
	free(cores);
	return ret;
}

int clocks_create(enum el_conf_clock wanted, uint32_t n_workers, struct clocks **ret_clocks,
		  struct el_error *err)
{
	struct clocks *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return el_error_set(err, -ENOMEM, "not enough memory");
	el_wall_clock_read(&c->wall);
	c->n_workers = n_workers;
	c->reads_time = has_vdso();
	c->source = EL_CLOCK_MONOTONIC;
	c->reason = "configured";
	if (wanted != EL_CONF_CLOCK_MONOTONIC) {
		ret = measure(c, wanted, err);
	} else {
		el_core_clock_init_monotonic(&c->control);
		for (uint32_t w = 0; w < n_workers; w++)
			el_core_clock_init_monotonic(&c->workers[w].first);
		el_log(EL_LOG_DEBUG, "clock",
		       "times are the kernel's, as dataplane.clock asks for");
	}
	if (ret < 0)
		free(c);
	else
		*ret_clocks = c;
	return ret;
}

void clocks_destroy(struct clocks *c)
{
	free(c);
}

void clocks_worker(const struct clocks *c, uint32_t worker, struct el_worker_config *ret_config)
{
	ret_config->clock = c->workers[worker].first;
	ret_config->reads_time = c->reads_time;
	ret_config->wall_line = c->wall.line;
}

static void take_note(struct clocks *c, uint32_t worker, const struct el_clock_note *note)
{
	struct clocks_worker *w = &c->workers[worker];

	if (note->steps > w->told.steps)
		el_log(
		    EL_LOG_WARNING, "clock",
		    "the time stamp counter of worker %u's core has stepped or changed its rate: "
		    "the rounds that were open have no round-trip times",
		    worker);
	if (note->monotonic && !w->told.monotonic) {
		c->source = EL_CLOCK_MONOTONIC;
		c->reason = "steps";
		el_log(EL_LOG_WARNING, "clock",
		       "the time stamp counter of worker %u's core goes on being wrong: its times "
		       "are the kernel's from now on",
		       worker);
	}
	if (!c->control.monotonic)
		w->skew_ns =
		    fabs((double)(int64_t)(el_core_clock_line(&c->control, note->pair.tsc) -
					   note->pair.ns));
	w->told = *note;
}

void clocks_poll(struct clocks *c, struct el_worker *const *workers)
{
	struct el_command command = {.kind = EL_COMMAND_CLOCK,
				     .pair = el_clock_pair_read_good(EL_PAIR_READS)};
	struct el_command wall = {.kind = EL_COMMAND_WALL_CLOCK};
	uint32_t steps = c->wall.line.steps;
	struct el_span step;

	el_core_clock_check(&c->control, &command.pair, &step);
	el_wall_clock_read(&c->wall);
	if (c->wall.line.steps != steps)
		el_log(EL_LOG_INFO, "clock", "CLOCK_REALTIME was set");
	wall.wall_line = c->wall.line;
	/* where there is no room, the next one will do */
	for (uint32_t w = 0; w < c->n_workers; w++) {
		el_worker_command(workers[w], &command);
		el_worker_command(workers[w], &wall);
	}
}

struct el_span clocks_take_notes(struct clocks *c, struct el_worker *const *workers)
{
	struct el_span steps = {0};
	struct el_clock_note notes[8];

	for (uint32_t w = 0; w < c->n_workers; w++) {
		unsigned n = el_worker_clock_notes(workers[w], notes, RTE_DIM(notes));

		for (unsigned i = 0; i < n; i++) {
			take_note(c, w, &notes[i]);
			if (notes[i].step.to_ns)
				el_span_add(&steps, &notes[i].step);
		}
	}
	return steps;
}

struct el_clock_state clocks_state(const struct clocks *c)
{
	struct el_clock_state s = {.source = c->source,
				   .reason = c->reason,
				   .error_ppm = (double)c->control.error_ppb * 1e-3};

	for (uint32_t w = 0; w < c->n_workers; w++) {
		s.steps += c->workers[w].told.steps;
		s.skew_s = fmax(s.skew_s, c->workers[w].skew_ns * 1e-9);
		s.error_ppm = fmax(s.error_ppm, (double)c->workers[w].told.error_ppb * 1e-3);
	}
	if (c->source == EL_CLOCK_MONOTONIC)
		s.error_ppm = 0;
	return s;
}

void clocks_facts(const struct clocks *c, struct el_clock_facts *ret)
{
	ret->all = clocks_state(c);
	for (uint32_t w = 0; w < c->n_workers; w++) {
		ret->workers[w].steps = c->workers[w].told.steps;
		ret->workers[w].error_ppm = (double)c->workers[w].told.error_ppb * 1e-3;
		ret->workers[w].skew_s = c->workers[w].skew_ns * 1e-9;
		ret->workers[w].monotonic =
		    c->source == EL_CLOCK_MONOTONIC || c->workers[w].told.monotonic;
	}
}
