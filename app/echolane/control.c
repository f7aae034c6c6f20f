/* SPDX-License-Identifier: BSD-3-Clause */
/* The control loop: one thread, one epoll. */
#include "control.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_version.h>

#include "el_ticks.h"
#include "planner.h"
#include "signals.h"
#include "state.h"
#include "table.h"
#include "writer.h"

/* Between two looks at workers and ports: while rounds follow each other or something changes, and
 * else. What control does then is 10 to 20 us, half of which are switches between threads. */
#define QUICK_TICK_NS 2000000ULL
#define TICK_NS 10000000ULL
#define EVENT_BURSTS 128     /* of 64, at most in a look: all that a ring holds */
#define SLOW_NS 100000000ULL /* ports' counters, clocks, the log's counts */
/* What a stop waits for at most, besides the answers that are still out. */
#define STOP_GRACE_NS EL_NS_PER_S
#define STOP_TIMEOUT_MAX_NS (5 * EL_NS_PER_S)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- pages ---- */

/* Everything that a page is printed from, held until it is finished. */
struct page {
	struct el_snapshot *snapshot;
	struct el_worker_view workers[EL_PLAN_WORKERS_MAX];
	struct el_port_view ports[];
};

static void *page_open(void *ctx, struct el_expo_input *ret_input)
{
	struct control *c = ctx;
	uint32_t n_ports = network_n_ports(c->network);
	struct page *p = calloc(1, sizeof(*p) + n_ports * sizeof(p->ports[0]));

	if (!p)
		return NULL;
	p->snapshot = el_snapshot_store_take(c->snapshots);
	for (uint32_t w = 0; w < c->n_workers; w++)
		el_worker_view(c->workers[w], &p->workers[w]);
	memcpy(p->ports, network_port_views(c->network), n_ports * sizeof(p->ports[0]));
	*ret_input = (struct el_expo_input){
	    .snapshot = p->snapshot,
	    .version = EL_VERSION,
	    .dpdk_version = rte_version() + strlen(RTE_VER_PREFIX) + 1,
	    .workers = p->workers,
	    .n_workers = c->n_workers,
	    .ports = p->ports,
	    .n_ports = n_ports,
	};
	return p;
}

static void page_close(void *ctx, void *handle)
{
	struct control *c = ctx;
	struct page *p = handle;

	stats_thread_drop(c->stats, p->snapshot);
	free(p);
}

static const char *page_not_ready(void *ctx)
{
	return state_not_ready(ctx);
}

static const char *page_not_healthy(void *ctx)
{
	return state_not_healthy(ctx);
}

struct el_httpd_source control_page_source(struct control *c)
{
	return (struct el_httpd_source){.open = page_open,
					.close = page_close,
					.not_ready = page_not_ready,
					.not_healthy = page_not_healthy,
					.ctx = c};
}

/* ---- telemetry: on its own thread ---- */

static struct el_snapshot *telemetry_snapshot(void *ctx)
{
	struct control *c = ctx;

	return el_snapshot_store_take(c->snapshots);
}

static uint32_t telemetry_workers(void *ctx, struct el_worker_view *ret, uint32_t max)
{
	struct control *c = ctx;
	uint32_t n = c->n_workers < max ? c->n_workers : max;

	for (uint32_t w = 0; w < n; w++)
		el_worker_view(c->workers[w], &ret[w]);
	return n;
}

static uint32_t telemetry_ports(void *ctx, struct el_port_view *ret, uint32_t max)
{
	struct control *c = ctx;
	uint32_t n = network_n_ports(c->network) < max ? network_n_ports(c->network) : max;

	pthread_mutex_lock(&c->ports_lock);
	memcpy(ret, c->ports, n * sizeof(*ret));
	pthread_mutex_unlock(&c->ports_lock);
	return n;
}

struct el_telemetry_source control_telemetry_source(struct control *c)
{
	return (struct el_telemetry_source){.version = EL_VERSION,
					    .snapshot = telemetry_snapshot,
					    .workers = telemetry_workers,
					    .ports = telemetry_ports,
					    .ctx = c};
}

static void read_ports(struct control *c)
{
	uint64_t drops = network_read_drops(c->network);

	if (drops) {
		uint64_t now = el_raw_ns();
		rounds_add_drops(c->now.rounds, drops, now);
		if (c->old.rounds)
			rounds_add_drops(c->old.rounds, drops, now);
	}
	pthread_mutex_lock(&c->ports_lock);
	memcpy(c->ports, network_port_views(c->network),
	       network_n_ports(c->network) * sizeof(*c->ports));
	pthread_mutex_unlock(&c->ports_lock);
}

void control_print_metrics(struct control *c, FILE *out)
{
	struct el_expo_cursor cursor = {0};
	struct el_expo_input input;
	char buf[2 * EL_EXPO_LINE_MAX];
	void *page = page_open(c, &input);

	if (!page)
		return;
	while (!cursor.done)
		fwrite(buf, 1, el_expo_render(&input, &cursor, buf, sizeof(buf)), out);
	page_close(c, page);
}

/* ---- rounds and snapshots ---- */

static void publish(struct control *c, struct el_snapshot *s)
{
	struct el_snapshot *before = c->current;

	s->clock = clocks_state(c->clocks);
	s->requested_pps = c->now.set->requested_pps;
	s->worker_skew = c->now.set->skew;
	s->app.rounds_skipped =
	    c->skipped_before + (c->now.rounds ? rounds_skipped(c->now.rounds) : 0);
	s->app.rounds_timed_out = c->timed_out;
	s->reload_failed = c->reload_failed;
	s->control_loop_s = (double)c->longest_loop_ns / 1e9;
	s->control_loop_cpu_s = (double)c->longest_loop_cpu_ns / 1e9;
	events_apply(c->now.events, s);
	if (c->old.events && s->series_before && before->model == c->old.model)
		events_hand_on(c->old.events, s);
	if (c->old.events)
		events_apply(c->old.events, s);
	c->current = el_snapshot_get(s);
	el_snapshot_store_publish(c->snapshots, s);
	if (before)
		stats_thread_drop(c->stats, before);
}

void control_republish(struct control *c)
{
	struct el_snapshot *s;

	/* one is being made that this would get lost behind: when it is there, then */
	c->republish = stats_thread_is_busy(c->stats);
	if (c->republish)
		return;
	s = el_snapshot_next(c->current, c->current->model, NULL);
	if (s)
		publish(c, s);
	else
		el_log(EL_LOG_ERROR, "stats", "not enough memory for a snapshot");
}

static void show_table(const struct control *c)
{
	const char *address = c->started_with->conf->global.prometheus_address;
	char url[128], *text;
	size_t len;
	FILE *out = c->tables ? open_memstream(&text, &len) : NULL;

	if (!out)
		return;
	snprintf(url, sizeof(url), "http://%s:%u/metrics",
		 strcmp(address, "0.0.0.0") == 0 ? "localhost" : address, el_httpd_port(c->httpd));
	table_print(out, c->current, url, c->options->table == TABLE_SCREEN ? STDOUT_FILENO : -1);
	if (fclose(out) == 0)
		writer_put(c->tables, text, len);
	else
		free(text);
}

/* The time that the round needed: what its plan says, and what it overran that by. */
static double iteration_s(const struct el_plan_set *set, const struct el_round_figures *f)
{
	double took_s = el_s_from_ns(f->sent_ns - f->began_ns);
	double window_s = el_s_from_ns(set->window_ns);

	if (set->window_ns == 0)
		return took_s + el_s_from_ns(set->timeout_ns);
	return set->iteration_s + fmax(took_s - window_s, 0);
}

/* Whether a round was ended because its schedule is longer than a round may take. */
static bool was_ended(const struct el_plan_set *set, const struct el_round_figures *f)
{
	return set->limit_ns && set->window_ns > set->limit_ns && f->unsent && !f->cut;
}

/* Has streams placed anew if too many answers came in on other workers' queues. */
static void watch_placement(struct control *c, struct el_plan_set *set,
			    const struct el_round_figures *f)
{
	/* only of the plan that is executed; and one that is being made may already be better */
	if (set != c->now.set || c->planning || c->next.set || c->misplaced ||
	    !network_can_learn(c->network))
		return;
	if (c->watched != c->now.shared)
		c->placement_watch = (struct placement_watch){0};
	c->watched = c->now.shared;
	if (placement_watch_round(&c->placement_watch, f->forwarded, f->sent))
		c->misplaced = el_plan_set_get(set);
}

static void publish_round(struct control *c, struct el_plan_set *set, struct el_snapshot *s)
{
	const struct el_round_figures *f = s->last;
	double took_s = fmax(el_s_from_ns(f->sent_ns - f->began_ns), el_s_from_ns(set->window_ns));

	s->iteration_s = iteration_s(set, f);
	c->timed_out += s->iteration_s > c->now.conf->global.timeout_s || was_ended(set, f);
	s->achieved_pps = took_s > 0 ? (double)f->sent / took_s : 0;
	publish(c, s);
	watch_placement(c, set, f);
	show_table(c);
}

static void finish_round(struct control *c, struct stats_job *job)
{
	struct el_snapshot *s = job->snapshot;
	struct rounds *owner = job->owner;

	rounds_recycle(owner, job);
	if (s)
		publish_round(c, rounds_set(owner), s);
	else
		el_log(EL_LOG_ERROR, "stats", "not enough memory for the figures of a round");
	if (c->republish)
		control_republish(c);
}

static void take_results(struct control *c)
{
	struct stats_job *job;
	uint64_t n;

	if (read(stats_thread_fd(c->stats), &n, sizeof(n)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "eventfd: %s", strerror(errno));
	while ((job = stats_thread_take(c->stats)) != NULL)
		finish_round(c, job);
	stats_thread_run(c->stats, c->current);
}

void control_stop(struct control *c)
{
	uint64_t timeout_ns = c->now.set->timeout_ns;

	if (c->stopping) { /* asked twice: now */
		c->stop_deadline_ns = c->now_ns;
		return;
	}
	if (c->old.rounds)
		timeout_ns = RTE_MAX(timeout_ns, c->old.set->timeout_ns);
	c->stopping = true;
	c->stop_deadline_ns = c->now_ns + STOP_GRACE_NS + RTE_MIN(timeout_ns, STOP_TIMEOUT_MAX_NS);
	el_inventory_stop(c->inventory, c->now_ns);
}

/* ---- the loop ---- */

static void take_signal(struct control *c)
{
	struct signalfd_siginfo info;

	while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			c->reload_wanted = true;
			continue;
		}
		el_log(EL_LOG_INFO, "control", "stopping: %s", strsignal((int)info.ssi_signo));
		control_stop(c);
	}
}

void control_collect_blocks(struct control *c)
{
	struct el_block *blocks[16];
	unsigned n;

	for (uint32_t w = 0; w < c->n_workers; w++) {
		while ((n = el_worker_reports(c->workers[w], blocks, 16)) > 0) {
			for (unsigned i = 0; i < n; i++)
				rounds_report(blocks[i]->set == c->now.set ? c->now.rounds
									   : c->old.rounds,
					      blocks[i]);
		}
	}
}

static void take_reports(struct control *c)
{
	struct el_span step;

	control_collect_blocks(c);
	step = clocks_take_notes(c->clocks, c->workers);
	if (step.to_ns) {
		rounds_add_step(c->now.rounds, &step);
		if (c->old.rounds)
			rounds_add_step(c->old.rounds, &step);
	}
	/* what was dropped up to its end is still the round's */
	if (rounds_are_whole(c->now.rounds) || (c->old.rounds && rounds_are_whole(c->old.rounds)))
		read_ports(c);
	moved_mark(c);
	/* figures of the new plan's rounds come after all of the old's */
	if (c->old.rounds)
		rounds_submit(c->old.rounds, 0);
	if (!c->old.rounds || rounds_idle(c->old.rounds))
		rounds_submit(c->now.rounds, moved_undecided_ns(c));
	stats_thread_run(c->stats, c->current);
}

static void take_events(struct control *c)
{
	struct el_event events[64];

	for (uint32_t w = 0; w < c->n_workers; w++) {
		/* bounded: a flood of events must not hold control up */
		for (int burst = 0; burst < EVENT_BURSTS; burst++) {
			unsigned n = el_worker_events(c->workers[w], events, 64);
			for (unsigned i = 0; i < n; i++) {
				if (!events_take(c->now.events, &events[i]) && c->old.events)
					events_take(c->old.events, &events[i]);
			}
			if (n < 64)
				break;
		}
	}
}

static bool is_quiet(const struct control *c)
{
	return c->started && !c->stopping && !c->planning && !c->next.set && !c->old.rounds &&
	       c->now.set->period_ns >= 10 * TICK_NS && network_settled(c->network);
}

static int set_tick(struct control *c, uint64_t ns)
{
	const struct itimerspec every = {.it_interval.tv_nsec = (long)ns,
					 .it_value.tv_nsec = (long)ns};

	if (c->tick_ns == ns)
		return 0;
	c->tick_ns = ns;
	return timerfd_settime(c->timer_fd, 0, &every, NULL) < 0 ? -errno : 0;
}

static void tick(struct control *c)
{
	uint64_t expirations;

	if (read(c->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "timerfd: %s", strerror(errno));
	state_watch_workers(c); /* before they are told more */
	network_read_links(c->network, c->now_ns);
	network_poll(c->network, c->now_ns);
	moved_poll(c);
	plans_poll(c);
	if (c->now_ns - c->slow_ns >= SLOW_NS) {
		c->slow_ns = c->now_ns;
		read_ports(c);
		network_read_clocks(c->network);
		clocks_poll(c->clocks, c->workers);
		el_log_poll();
	}
	take_reports(c);
	rounds_hand_out(c->now.rounds, el_raw_ns());
	take_events(c);
	plans_release_old(c);
	if (!c->stopping)
		reload_poll(c);
	set_tick(c, is_quiet(c) ? TICK_NS : QUICK_TICK_NS);
}

static int watch(struct control *c, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int open_descriptors(struct control *c)
{
	int ret;

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->signal_fd = signals_open();
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->epoll_fd < 0 || c->signal_fd < 0 || c->timer_fd < 0)
		return -errno;
	ret = set_tick(c, QUICK_TICK_NS);
	if (ret == 0)
		ret = watch(c, c->signal_fd);
	if (ret == 0)
		ret = watch(c, c->timer_fd);
	if (ret == 0)
		ret = watch(c, stats_thread_fd(c->stats));
	if (ret == 0)
		ret = watch(c, el_httpd_fd(c->httpd));
	if (ret == 0)
		ret = watch(c, names_fd(c->names));
	if (ret == 0)
		ret = watch(c, job_thread_fd(c->planner));
	if (ret == 0)
		ret = watch(c, el_inventory_fd(c->inventory));
	return ret;
}

int control_init(struct control *c, struct el_error *err)
{
	struct el_snapshot *first;
	int ret = open_descriptors(c);

	if (ret < 0)
		return el_error_set(err, ret, "the control loop's descriptors can't be had: %s",
				    strerror(-ret));
	c->ports = calloc(network_n_ports(c->network) + 1, sizeof(*c->ports));
	first = el_snapshot_next(NULL, c->now.model, NULL);
	if (!c->ports || !first) {
		el_snapshot_put(first);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	reload_init(c);
	publish(c, first);
	return 0;
}

static void close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void control_fini(struct control *c)
{
	close_if_open(&c->timer_fd);
	close_if_open(&c->signal_fd);
	close_if_open(&c->epoll_fd);
	el_snapshot_put(c->current);
	c->current = NULL;
	el_plan_set_put(c->misplaced);
	free(c->ports);
}

static bool is_done(const struct control *c)
{
	if (c->stopping && c->now_ns >= c->stop_deadline_ns)
		return true;
	if ((c->old.rounds && !rounds_idle(c->old.rounds)) || (c->taking_back && !c->stopping))
		return false;
	return (c->started || c->stopping) && rounds_finished(c->now.rounds);
}

void control_run(struct control *c)
{
	struct epoll_event events[8];

	c->now_ns = c->started_ns = c->slow_ns = clock_ns(CLOCK_MONOTONIC);
	c->moved.quiet_ns = el_raw_ns();
	for (uint32_t w = 0; w < c->n_workers; w++)
		c->alive_ns[w] = c->now_ns;
	network_read_drops(c->network); /* what was dropped before does not count */
	while (!is_done(c)) {
		int n = epoll_wait(c->epoll_fd, events, 8, el_httpd_timeout_ms(c->httpd));
		uint64_t begin_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		c->now_ns = clock_ns(CLOCK_MONOTONIC);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == c->timer_fd)
				tick(c);
			else if (events[i].data.fd == c->signal_fd)
				take_signal(c);
			else if (events[i].data.fd == stats_thread_fd(c->stats))
				take_results(c);
			else if (events[i].data.fd == job_thread_fd(c->planner))
				plans_take_results(c);
		}
		/* bounded work; also when only its own time has come */
		el_httpd_run(c->httpd);
		names_run(c->names, c->now_ns);
		el_inventory_run(c->inventory, c->now_ns, time(NULL));
		c->longest_loop_ns =
		    RTE_MAX(c->longest_loop_ns, clock_ns(CLOCK_MONOTONIC) - c->now_ns);
		c->longest_loop_cpu_ns = RTE_MAX(c->longest_loop_cpu_ns,
						 clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_ns);
	}
	/* what came in between the last figures and now */
	take_reports(c);
	take_results(c);
}
