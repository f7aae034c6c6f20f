/* SPDX-License-Identifier: BSD-3-Clause */
/* Rounds of two workers whose time stamp counters are not what they should be, in simulated time:
 * counters of other rates, that step, go back, stand still, differ from each other. Every answer
 * takes RTT_NS, each tenth probe gets none; whatever the clocks do, no loss is invented and no
 * round-trip time is wrong. */
#include "worker_bench.h"

#include "el_ticks.h"

#define MS 1000000ULL
#define HOUR (3600LL * 1000000000)
#define RTT_NS (300000ULL)
#define LOOK_NS 20000ULL /* between two iterations */
#define PERIOD_NS (200 * MS)
#define TIMEOUT_NS (5 * MS)
#define PACKETS 100
#define ROUNDS 12
#define STEP_AT (5 * PERIOD_NS + 77 * MS + LOOK_NS / 2) /* in the sixth round */
/* Just before its end, with a probe of each worker under way; control's next look is later. */
#define STEP_LATE (5 * PERIOD_NS + 194 * MS + 150000)

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 0;

/* What goes on with the clocks; times in ns. */
struct scenario {
	const char *name;
	uint64_t at;           /* the step, since the first round began; 0: STEP_AT */
	double ghz, ghz_after; /* of the counters, and from the step on; 0: as before */
	int64_t jump;          /* of all counters at the step */
	int64_t raw_jump;      /* of the kernel's time then */
	int64_t skew;          /* of the second worker's counter, from the start */
	bool stops;            /* the counters stand still from then on */
	bool one_core;         /* what happens does so on the second worker's core alone */
	bool fixed;            /* the counter is used however bad it is */
	bool monotonic;        /* the kernel's time is used */
	bool no_vdso;          /* control reads the time for the workers */
	bool elsewhere;        /* answers come in on the other worker's queue */
	uint32_t steps;        /* that each worker is to find; 0 where `one_core` spares it */
	bool ends_monotonic;
};

static struct scenario now_playing;
static uint64_t began; /* when the rounds did, in true time */

/* The counter of the current core, at the true time. */
static uint64_t counter_at(uint64_t now)
{
	const struct scenario *s = &now_playing;
	bool applies = !s->one_core || sim_core == 1;
	uint64_t at = began + now_playing.at;
	double after = s->ghz_after > 0 ? s->ghz_after : s->ghz;
	long double cycles;

	if (began == 0 || now < at || !applies)
		cycles = (long double)now * s->ghz;
	else if (s->stops)
		cycles = (long double)at * s->ghz;
	else
		cycles = (long double)at * s->ghz + (long double)(now - at) * after +
			 (long double)s->jump * s->ghz;
	if (sim_core == 1)
		cycles += (long double)s->skew * s->ghz;
	return (1ULL << 60) + (uint64_t)(int64_t)cycles;
}

static uint64_t raw_at(uint64_t now)
{
	return began && now >= began + now_playing.at ? now + (uint64_t)now_playing.raw_jump : now;
}

/* As control does it at the start: the cores are measured over 100 ms. */
static void survey(void)
{
	struct el_clock_pair first[WORKERS];

	for (sim_core = 0; sim_core < WORKERS; sim_core++)
		first[sim_core] = el_clock_pair_read(1);
	sim_ns += 100 * MS;
	for (sim_core = 0; sim_core < WORKERS; sim_core++) {
		struct el_clock_pair second = el_clock_pair_read(1);
		struct el_core_clock *c = &worker_clocks[sim_core];

		el_core_clock_init(c, &first[sim_core], &second);
		c->fixed = now_playing.fixed;
		if (now_playing.monotonic)
			el_core_clock_init_monotonic(c);
	}
	sim_core = 0;
}

/* Answers on their way, a queue: all take the same time. */
static struct {
	uint64_t at;
	uint32_t queue;
	size_t len;
	uint8_t frame[256];
} under_way[1024];
static uint32_t head, tail, taken;

static void answer_probes(struct bench *b)
{
	struct rte_mbuf *m;

	for (uint32_t w = 0; w < WORKERS; w++) {
		while ((m = take(b, w)) != NULL) {
			if (taken++ % 10 != 3) {
				assert_true(tail - head < 1024);
				under_way[tail % 1024].at = sim_ns + RTT_NS;
				under_way[tail % 1024].queue = now_playing.elsewhere ? 1 - w : w;
				under_way[tail % 1024].len =
				    answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_ECHO,
					   under_way[tail % 1024].frame);
				tail++;
			}
			rte_pktmbuf_free(m);
		}
	}
	for (; head != tail && under_way[head % 1024].at <= sim_ns; head++)
		give(b, under_way[head % 1024].queue, under_way[head % 1024].frame,
		     under_way[head % 1024].len);
}

static void send_pairs(struct bench *b)
{
	struct el_command c = {.kind = EL_COMMAND_CLOCK};

	sim_core = 0;
	c.pair = el_clock_pair_read(1);
	for (uint32_t w = 0; w < WORKERS; w++)
		assert_true(el_worker_command(b->workers[w], &c));
}

/* What the rounds of a run came to. */
struct outcome {
	uint64_t sent, answered, lost, unknown, untimed, unsent;
	uint32_t timed_rounds; /* with round-trip times of all answers */
	uint64_t steps[WORKERS];
	bool monotonic[WORKERS];
};

static void check_series(const struct el_figures *f, struct outcome *o)
{
	assert_int_equal(f->sent, f->answered + f->lost);
	assert_int_equal(f->out_of_order, 0);
	assert_int_equal(f->late, 0);
	o->sent += f->sent;
	o->answered += f->answered;
	o->lost += f->lost;
	o->unknown += f->unknown;
	o->untimed += f->untimed;
	if (f->untimed == f->answered)
		return;
	/* it takes up to two looks longer than the answer does; an unseen step of the clock, or its
	 * rate while that is not known well, adds what is allowed for */
	if (f->rtt_min_ns < RTT_NS - EL_CLOCK_STEP_NS ||
	    f->rtt_max_ns > RTT_NS + 3 * LOOK_NS + 2 * EL_CLOCK_STEP_NS)
		fail_msg("%s: round-trip times of %.3f to %.3f us", now_playing.name,
			 (double)f->rtt_min_ns / 1e3, (double)f->rtt_max_ns / 1e3);
}

static void take_round(struct el_block *blocks[WORKERS], struct outcome *o)
{
	struct el_round_figures *r = el_stats_round(blocks, WORKERS);
	uint64_t untimed = o->untimed;

	assert_non_null(r);
	for (uint32_t s = 0; s < WORKERS; s++)
		check_series(&r->series[s], o);
	o->unsent += r->unsent;
	o->timed_rounds += o->untimed == untimed;
	el_round_figures_free(r);
	for (uint32_t w = 0; w < WORKERS; w++)
		el_block_free(blocks[w]);
}

static void order_rounds(struct bench *b, uint64_t start)
{
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		for (uint32_t w = 0; w < WORKERS; w++) {
			order_block(b, w, round, start + (round - 1) * PERIOD_NS);
		}
	}
}

static struct bench *play_bench(void)
{
	struct fixture *f = fixture(1, 100);

	f->in.interval_s = (double)PERIOD_NS / 1e9;
	for (uint32_t w = 0; w < WORKERS; w++) {
		add_target(f, EL_PROBE_ICMPPING, w ? "198.51.100.2" : "198.51.100.1", PACKETS);
		f->targets[w].timeout_s = (double)TIMEOUT_NS / 1e9;
	}
	return bench(f, WORKERS);
}

static void collect(struct bench *b, struct el_block *done[ROUNDS][WORKERS], uint32_t n[WORKERS])
{
	struct el_block *block;

	for (uint32_t w = 0; w < WORKERS; w++) {
		while (n[w] < ROUNDS && el_worker_reports(b->workers[w], &block, 1)) {
			assert_int_equal(block->round, n[w] + 1);
			done[n[w]++][w] = block;
		}
	}
}

/* What control does with a worker's word of a step, to the rounds that are open then. */
static void mark(struct el_block *done[ROUNDS][WORKERS], const struct el_span *step)
{
	for (uint32_t round = 0; step->to_ns && round < ROUNDS; round++) {
		for (uint32_t w = 0; w < WORKERS; w++) {
			const struct el_block *other = done[round][1 - w];

			if (other->step.to_ns == step->to_ns)
				el_span_add(&done[round][w]->step, step);
		}
	}
}

static struct outcome play(const struct scenario *s)
{
	struct el_block *done[ROUNDS][WORKERS];
	struct el_clock_note notes[64];
	uint32_t n[WORKERS] = {0};
	struct outcome o = {0};
	uint64_t end, pairs_at;
	struct bench *b;

	now_playing = *s;
	now_playing.at = s->at ? s->at : STEP_AT;
	began = 0;
	head = tail = taken = 0;
	sim_counter = counter_at;
	sim_raw = raw_at;
	reads_time = !s->no_vdso;
	survey();
	b = play_bench();
	began = sim_ns;
	pairs_at = began + 49 * MS + 100000; /* while probes are under way */
	order_rounds(b, began);
	for (end = began + 3 * ROUNDS * PERIOD_NS; n[0] < ROUNDS || n[1] < ROUNDS;) {
		if (sim_ns > end)
			fail_msg("%s: %u and %u rounds", s->name, n[0], n[1]);
		sim_ns += LOOK_NS;
		if (sim_ns >= pairs_at) {
			send_pairs(b);
			pairs_at += 100 * MS;
		}
		answer_probes(b);
		poll_all(b);
		collect(b, done, n);
	}
	for (uint32_t w = 0; w < WORKERS; w++) {
		unsigned k = el_worker_clock_notes(b->workers[w], notes, 64);
		o.steps[w] = k ? notes[k - 1].steps : 0;
		o.monotonic[w] = k && notes[k - 1].monotonic;
		for (unsigned i = 0; i < k; i++)
			mark(done, &notes[i].step);
	}
	for (uint32_t round = 0; round < ROUNDS; round++)
		take_round(done[round], &o);
	answer_probes(b);
	drain(b->in[0]);
	drain(b->in[1]);
	bench_free(b);
	sim_counter = sim_raw = NULL;
	memset(worker_clocks, 0, sizeof(worker_clocks));
	return o;
}

static const struct scenario steady[] = {
    {.name = "2.6 GHz", .ghz = 2.6},
    {.name = "50 ppm fast", .ghz = 2.6 * 1.00005},
    {.name = "50 ppm slow", .ghz = 2.6 * 0.99995},
    {.name = "30 % fast", .ghz = 2.6 * 1.3},
    {.name = "30 % slow", .ghz = 2.6 * 0.7},
    {.name = "24 MHz", .ghz = 0.024},
    {.name = "control reads the time", .ghz = 2.1, .no_vdso = true},
    {.name = "cores differ by 1 us", .ghz = 2.6, .skew = 1000, .elsewhere = true, .fixed = true},
    {.name = "cores differ by 10 ms",
     .ghz = 2.6,
     .skew = 10000000,
     .elsewhere = true,
     .fixed = true},
    {.name = "by 10 ms the other way", .ghz = 2.6, .skew = -10000000, .elsewhere = true},
    {.name = "the kernel's time", .ghz = 2.6, .monotonic = true},
    {.name = "the kernel's time, a step", .ghz = 2.6, .jump = HOUR, .monotonic = true},
    {.name = "the kernel's time, backwards", .ghz = 2.6, .jump = -HOUR, .monotonic = true},
    {.name = "the kernel's time, no counter", .ghz = 2.6, .stops = true, .monotonic = true},
};

/* Counters that only need to be measured: all is as if they were perfect. */
static void steady_counters(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(steady); i++) {
		struct outcome o = play(&steady[i]);

		if (o.sent != ROUNDS * WORKERS * PACKETS || o.lost != o.sent / 10 || o.unknown ||
		    o.timed_rounds != ROUNDS || o.steps[0] || o.steps[1])
			fail_msg("%s: sent %lu, lost %lu, unknown %lu, %u rounds with times",
				 steady[i].name, o.sent, o.lost, o.unknown, o.timed_rounds);
	}
}

static const struct scenario stepping[] = {
    {.name = "1 ms forth", .ghz = 2.6, .jump = 1000000, .steps = 1},
    {.name = "1 ms back", .ghz = 2.6, .jump = -1000000, .steps = 1},
    {.name = "10 us forth", .ghz = 2.6, .jump = 10000, .steps = 1},
    {.name = "10 us back", .ghz = 2.6, .jump = -10000, .steps = 1},
    {.name = "1 s forth", .ghz = 2.6, .jump = 1000000000, .steps = 1},
    {.name = "1 s back", .ghz = 2.6, .jump = -1000000000, .steps = 1},
    {.name = "1 h forth", .ghz = 2.6, .jump = HOUR, .steps = 1},
    {.name = "1 h back", .ghz = 2.6, .jump = -HOUR, .steps = 1},
    {.name = "1 h forth, fixed", .ghz = 2.6, .jump = HOUR, .fixed = true, .steps = 1},
    {.name = "one core, 1 h back",
     .ghz = 2.6,
     .jump = -HOUR,
     .one_core = true,
     .elsewhere = true,
     .steps = 1},
    {.name = "one core, 1 ms forth",
     .ghz = 2.6,
     .jump = 1000000,
     .one_core = true,
     .elsewhere = true,
     .steps = 1},
    {.name = "one core, 10 ms back",
     .ghz = 2.6,
     .jump = -10000000,
     .one_core = true,
     .elsewhere = true,
     .steps = 1},
    {.name = "late, 100 us forth", .ghz = 2.6, .jump = 100000, .at = STEP_LATE, .steps = 1},
    {.name = "late, 15 us back", .ghz = 2.6, .jump = -15000, .at = STEP_LATE, .steps = 1},
    {.name = "one core, late, 15 us back",
     .ghz = 2.6,
     .jump = -15000,
     .at = STEP_LATE,
     .one_core = true,
     .elsewhere = true,
     .steps = 1},
    {.name = "one core, 0.5 ms forth",
     .ghz = 2.6,
     .jump = 500000,
     .one_core = true,
     .elsewhere = true,
     .steps = 1},
    {.name = "30 % faster", .ghz = 2.6, .ghz_after = 2.6 * 1.3, .steps = 1},
    {.name = "30 % slower", .ghz = 2.6, .ghz_after = 2.6 * 0.7, .steps = 1},
    {.name = "50 ppm faster", .ghz = 2.6, .ghz_after = 2.6 * 1.00005, .steps = 1},
    {.name = "another machine", .ghz = 2.6, .ghz_after = 2.1, .jump = -HOUR, .steps = 1},
    {.name = "stands still", .ghz = 2.6, .stops = true, .steps = 1, .ends_monotonic = true},
    {.name = "1 h forth, control reads", .ghz = 2.6, .jump = HOUR, .no_vdso = true, .steps = 1},
    {.name = "1 h back, control reads", .ghz = 2.6, .jump = -HOUR, .no_vdso = true, .steps = 1},
    {.name = "1 ms back, control reads", .ghz = 2.6, .jump = -1000000, .no_vdso = true, .steps = 1},
    {.name = "the kernel's time jumps", .ghz = 2.6, .raw_jump = HOUR, .at = STEP_LATE, .steps = 1},
};

/* Something happens in the sixth round: that one has no round-trip times, and what was not answered
 * around that time is neither sent nor lost. */
static void counters_that_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(stepping); i++) {
		const struct scenario *s = &stepping[i];
		struct outcome o = play(s);
		uint64_t unanswered = o.lost + o.unknown;

		if (o.steps[1] != s->steps || o.steps[0] != (s->one_core ? 0 : s->steps) ||
		    o.monotonic[1] != s->ends_monotonic)
			fail_msg("%s: %lu and %lu steps", s->name, o.steps[0], o.steps[1]);
		/* the hours of all other rounds are over at once */
		if (s->raw_jump) {
			assert_true(o.lost <= (taken + 6) / 10);
			continue;
		}
		/* all that was answered counts as answered, and of the rest nothing is made up */
		if (o.answered != taken - unanswered || unanswered != (taken + 6) / 10)
			fail_msg("%s: answered %lu, lost %lu, unknown %lu of %u", s->name,
				 o.answered, o.lost, o.unknown, taken);
		if (o.timed_rounds < ROUNDS - (s->stops ? 4 : 2) || o.timed_rounds == ROUNDS)
			fail_msg("%s: %u rounds with times", s->name, o.timed_rounds);
		if (o.sent + o.unknown + o.unsent != ROUNDS * WORKERS * PACKETS ||
		    o.unknown > (s->stops ? 8 : 4) * PACKETS / 10 || (!s->no_vdso && o.unsent > 20))
			fail_msg("%s: sent %lu, unknown %lu, unsent %lu", s->name, o.sent,
				 o.unknown, o.unsent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steady_counters),
	    cmocka_unit_test(counters_that_step),
	};

	return worker_bench_main("worker_clock", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
