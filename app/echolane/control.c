/* SPDX-License-Identifier: BSD-3-Clause */
/* The control loop: one thread, one epoll. */
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "compile.h"
#include "el_ticks.h"
#include "signals.h"
#include "stats_thread.h"

/* The timer's period: the long one where nothing changes and rounds are long (is_quiet). A tick
 * costs control 10 to 20 us, half of which are switches between threads. */
#define QUICK_TICK_NS 2000000ULL
#define TICK_NS 10000000ULL
/* Bursts of 64 events at most that a tick takes from a worker: all that its ring holds. */
#define EVENT_BURSTS 128
/* Between two looks at the ports' counters, clocks and the log's counts. */
#define SLOW_NS 100000000ULL
/* What a stop waits for at most, besides the answers that are still out. */
#define STOP_GRACE_NS EL_NS_PER_S
#define STOP_TIMEOUT_MAX_NS (5 * EL_NS_PER_S)
/* And for figures that are being made when that is over. */
#define STOP_FIGURES_NS (30 * EL_NS_PER_S)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* When 1970 began by the workers' clock, modulo 2^64. */
static uint64_t epoch_ns(void)
{
	return el_raw_ns() - clock_ns(CLOCK_REALTIME);
}

/* Sends no more probes, and ends the program once the answers that are out are in or their time is
 * over. Called again: ends it now. */
static void stop(struct control *c)
{
	uint64_t timeout_ns = rollout_timeout_ns(&c->rollout);

	if (c->stopping) { /* asked again: now, and without the figures that it waits for */
		c->stop_deadline_ns = c->now_ns;
		c->stop_at_once = c->rollout.state >= ROLLOUT_ENDING;
		return;
	}
	c->stopping = true;
	rollout_stop(&c->rollout);
	c->stop_deadline_ns = c->now_ns + STOP_GRACE_NS + RTE_MIN(timeout_ns, STOP_TIMEOUT_MAX_NS);
	el_inventory_stop(c->inventory, c->now_ns);
}

/* ---- the loop ---- */

static void take_signal(struct control *c)
{
	struct signalfd_siginfo info;

	while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			c->reload.wanted = true;
			continue;
		}
		el_log(EL_LOG_INFO, "control", "stopping: %s", strsignal((int)info.ssi_signo));
		stop(c);
	}
}

void control_collect_blocks(struct control *c)
{
	struct el_block *blocks[16];
	unsigned n;

	for (uint32_t w = 0; w < c->n_workers; w++) {
		while ((n = el_worker_reports(c->workers[w], blocks, 16)) > 0) {
			for (unsigned i = 0; i < n; i++)
				rounds_report(rollout_find(&c->rollout, blocks[i]->set)->rounds,
					      blocks[i]);
		}
	}
}

/* Whether some round waits to be passed to statistics. */
static bool rounds_wait(const struct control *c)
{
	for (uint32_t i = 0; i < c->rollout.n; i++) {
		const struct rounds *rounds = c->rollout.generations[i].rounds;

		if (rounds && rounds_are_whole(rounds))
			return true;
	}
	return false;
}

static void take_reports(struct control *c)
{
	uint64_t undecided_ns = moved_undecided_ns(&c->moved, &c->rollout, c->reload.is_making);
	struct rounds_note clocks = {0};

	control_collect_blocks(c);
	clocks.step = clocks_take_notes(c->clocks, c->workers);
	if (clocks.step.to_ns)
		rollout_note(&c->rollout, &clocks, clocks.step.to_ns);
	/* what ports have dropped up to now counts for the rounds that are about to be passed on */
	if (rounds_wait(c))
		publisher_read_ports(c);
	moved_mark(&c->moved, &c->rollout, c->reload.is_making, el_raw_ns());
	for (uint32_t i = 0; i < c->rollout.n; i++) {
		struct rounds *rounds = c->rollout.generations[i].rounds;

		if (rounds)
			rounds_submit(rounds, undecided_ns);
	}
	stats_thread_run(c->stats, c->publisher.current);
}

static void take_event(struct control *c, const struct el_event *event)
{
	for (uint32_t i = c->rollout.n; i > 0; i--) {
		if (events_take(c->rollout.generations[i - 1].events, event))
			return;
	}
}

static void take_events(struct control *c)
{
	struct el_event events[64];

	for (uint32_t w = 0; w < c->n_workers; w++) {
		/* bounded: a flood of events must not hold control up */
		for (int burst = 0; burst < EVENT_BURSTS; burst++) {
			unsigned n = el_worker_events(c->workers[w], events, 64);
			for (unsigned i = 0; i < n; i++)
				take_event(c, &events[i]);
			if (n < 64)
				break;
		}
	}
}

/* The sockets of DPDK's drivers stay with the interface that they were opened on: whoever started
 * this program has to do so again. */
static void look_for_replaced(struct control *c)
{
	const struct el_port *port = network_find_replaced(c->network);

	if (!port || c->stopping)
		return;
	if (port->ifindex)
		el_log(EL_LOG_ERROR, "network",
		       "port %s: %s was removed and made again or has another MAC address, which "
		       "its driver can't follow: ending with status %d, to be started again",
		       port->name, port->interface, EX_UNAVAILABLE);
	else
		el_log(EL_LOG_ERROR, "network",
		       "port %s: its device is there again, which DPDK can't follow: ending with "
		       "status %d, to be started again",
		       port->name, EX_UNAVAILABLE);
	c->status = EX_UNAVAILABLE;
	stop(c);
}

static void look_at_network(struct control *c)
{
	uint64_t now_ns = el_raw_ns();

	moved_look(&c->moved, network_follow(c->network), rollout_timeout_ns(&c->rollout), now_ns);
	look_for_replaced(c);
}

/* What the rollout decides by. */
static struct rollout_world look_at_world(struct control *c)
{
	struct rollout_world world = {.now_ns = el_raw_ns(),
				      .epoch_ns = epoch_ns(),
				      .taken = el_board_is_taken(c->board),
				      .begun_last = UINT64_MAX,
				      .is_making = c->reload.is_making,
				      .names_known = reload_names_are_known(c),
				      .hops_settled = network_settled(c->network),
				      .hops_told = network_told(c->network)};

	for (uint32_t w = 0; w < c->n_workers; w++) {
		uint64_t begun = el_worker_begun(c->workers[w]);

		world.begun_first = RTE_MAX(world.begun_first, begun);
		world.begun_last = RTE_MIN(world.begun_last, begun);
	}
	return world;
}

/* Has generations freed that nobody uses any more, once their counts of late answers are published.
 */
static void let_go(struct control *c, const struct rollout_world *world)
{
	struct generation over = {.rounds = rollout_take_rounds(&c->rollout, world->now_ns)};
	const struct generation *next;

	if (over.rounds)
		compile_free(c->compile_thread, &over);
	while ((next = rollout_over(&c->rollout, world)) != NULL) {
		if (events_wait_for(next->events, c->publisher.current->model))
			publisher_again(c);
		if (c->publisher.again) /* statistics is busy */
			return;
		rollout_take_over(&c->rollout, world, &over);
		network_release(c->network, over.net);
		compile_free(c->compile_thread, &over);
	}
}

static void poll_rollout(struct control *c)
{
	struct rollout_world world = look_at_world(c);
	const struct el_plan_set *before = rollout_newest(&c->rollout)->set;
	const struct el_schedule *schedule = rollout_poll(&c->rollout, &world);
	const struct generation *newest = rollout_newest(&c->rollout);

	if (schedule)
		el_board_post(c->board, schedule);
	if (newest->set != before) {
		moved_end(&c->moved, &c->rollout, world.now_ns);
		el_log(EL_LOG_DEBUG, "control", "a new plan of %u series begins with round %llu",
		       newest->model->n_series, (unsigned long long)rounds_first(newest->rounds));
	}
	network_execute(c->network, newest->net);
	world.taken = el_board_is_taken(c->board);
	let_go(c, &world);
}

static bool is_quiet(struct control *c)
{
	/* older plans may still have rounds that are not published */
	for (uint32_t i = 0; i + 1 < c->rollout.n; i++) {
		if (c->rollout.generations[i].rounds)
			return false;
	}
	return c->rollout.state == ROLLOUT_RUNNING && !c->reload.is_making &&
	       rollout_newest(&c->rollout)->set->period_ns >= 10 * TICK_NS &&
	       network_settled(c->network);
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

/* Notes which workers have done all that they were told. Between two ticks each is told something;
 * what it was told just before one it can't have done yet. */
static void watch_workers(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (el_worker_has_read_all(c->workers[w]))
			c->alive_ns[w] = c->now_ns;
	}
}

static void tick(struct control *c)
{
	uint64_t expirations;

	if (read(c->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "timerfd: %s", strerror(errno));
	watch_workers(c); /* before they are told more */
	network_read_links(c->network, c->now_ns);
	network_poll(c->network, c->now_ns);
	look_at_network(c);
	service_poll(c);
	if (!c->stopping)
		reload_poll(c);
	responder_poll(c);
	poll_rollout(c);
	if (c->now_ns - c->slow_ns >= SLOW_NS) {
		c->slow_ns = c->now_ns;
		publisher_read_ports(c);
		network_read_clocks(c->network);
		clocks_poll(c->clocks, c->workers);
		el_log_poll();
	}
	take_reports(c);
	if (rollout_hands_out(&c->rollout))
		rounds_hand_out(rollout_newest(&c->rollout)->rounds, el_raw_ns(), epoch_ns());
	take_events(c);
	facts_poll(c);
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
		ret = watch(c, job_thread_fd(c->compile_thread));
	if (ret == 0)
		ret = watch(c, el_inventory_fd(c->inventory));
	return ret;
}

int control_init(struct control *c, struct el_error *err)
{
	int ret = open_descriptors(c);

	reload_init(c);
	return ret < 0 ? el_error_set(err, ret, "the control loop's descriptors can't be had: %s",
				      strerror(-ret))
		       : 0;
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
	el_streams_put(c->reload.misplaced);
	el_conf_put(c->reload.watched);
}

/* What is open when its time is over is closed, and its figures are waited for. */
static bool is_done(struct control *c)
{
	if (rollout_is_finished(&c->rollout))
		return true;
	if (!c->stopping || c->now_ns < c->stop_deadline_ns)
		return false;
	if (c->rollout.state < ROLLOUT_ENDING) {
		rollout_end(&c->rollout);
		c->stop_deadline_ns = c->now_ns + STOP_GRACE_NS;
		return false;
	}
	if (!c->stop_at_once && stats_thread_is_busy(c->stats) &&
	    c->now_ns < c->stop_deadline_ns + STOP_FIGURES_NS)
		return false;
	el_log(EL_LOG_WARNING, "control", "ending without the figures of the last rounds");
	return true;
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
				publisher_take_results(c);
			else if (events[i].data.fd == job_thread_fd(c->compile_thread))
				reload_take_results(c);
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
	publisher_take_results(c);
}
