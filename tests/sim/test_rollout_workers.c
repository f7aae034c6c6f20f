/* SPDX-License-Identifier: BSD-3-Clause */
/* From plan to plan with real workers, that are driven an iteration at a time: what is sent under
 * one plan and answered under the next, and what changes of routes mean for it. */
#include "worker_bench.h"

#include "el_rtnl.h"
#include "moved.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

/* Control's part, with statistics that are done at once. */
struct control {
	struct bench *b;
	struct rollout rollout;
	struct moved moved;
	bool is_making;     /* a plan was ordered because routes have changed */
	unsigned changes;   /* of addresses and routes; once */
	uint64_t waited_ns; /* by control, without the workers */
	uint32_t n_freed;
	uint64_t n_lost, n_local, n_abandoned; /* of all rounds */
};

static uint32_t refused; /* of eight rounds that are handed out, for want of room */

static bool order(void *ctx, struct el_block *const *blocks)
{
	static uint32_t n;
	struct control *c = ctx;
	struct el_command commands[WORKERS];

	if (n++ % 8 < refused)
		return false;
	for (uint32_t w = 0; w < WORKERS; w++)
		commands[w] = (struct el_command){.kind = EL_COMMAND_ROUND, .block = blocks[w]};
	return el_workers_command(c->b->workers, WORKERS, commands);
}

static void submit(void *ctx, struct stats_job *job)
{
	struct control *c = ctx;
	struct el_round_figures *f = el_stats_round(job->blocks, job->n_blocks);

	assert_non_null(f);
	for (uint32_t i = 0; i < f->n_series; i++) {
		c->n_lost += f->series[i].lost;
		c->n_local += f->series[i].local;
		c->n_abandoned += f->series[i].abandoned;
	}
	el_round_figures_free(f);
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_reset(job->blocks[i], 0, 0);
	rounds_recycle(job->owner, job);
}

static struct generation make(struct control *c)
{
	const struct rounds_config conf = {.n_workers = WORKERS,
					   .set = compile(c->b->f),
					   .order = order,
					   .submit = submit,
					   .ctx = c};
	struct generation p = {
	    .model = &c->b->f->model, .set = conf.set, .rounds = rounds_create(&conf)};

	p.streams = el_streams_create(conf.set);
	assert_true(p.rounds && p.streams);
	c->b->f->in.generation++;
	return p;
}

/* Control that has just started on the bench's workers. */
static struct control *control(struct bench *b)
{
	struct control *c = calloc(1, sizeof(*c));
	struct generation first;

	c->b = b;
	b->f->in.generation = 1;
	first = make(c);
	rollout_init(&c->rollout, &first);
	c->moved.quiet_ns = rte_rdtsc();
	return c;
}

/* A new plan of the same targets is to be taken; its set. */
static const struct el_plan_set *change(struct control *c, bool cut)
{
	struct generation p = make(c);
	const struct el_plan_set *set = p.set;

	assert_true(rollout_may_propose(&c->rollout));
	rollout_propose(&c->rollout, &p, cut, rte_rdtsc());
	return set;
}

static void destroy(struct generation *p)
{
	rounds_destroy(p->rounds);
	el_streams_put(p->streams);
	el_plan_set_put(p->set);
}

static struct rollout_world look_round(struct control *c)
{
	struct rollout_world world = {.now_ns = rte_rdtsc() + c->waited_ns,
				      .taken = el_board_is_taken(c->b->board),
				      .begun_last = UINT64_MAX,
				      .names_known = true,
				      .hops_settled = true,
				      .hops_told = true};

	for (uint32_t w = 0; w < WORKERS; w++) {
		uint64_t begun = el_worker_begun(c->b->workers[w]);

		world.begun_first = RTE_MAX(world.begun_first, begun);
		world.begun_last = RTE_MIN(world.begun_last, begun);
	}
	return world;
}

static void collect(struct control *c)
{
	struct el_block *block;

	for (uint32_t w = 0; w < WORKERS; w++) {
		while (el_worker_reports(c->b->workers[w], &block, 1))
			rounds_report(rollout_find(&c->rollout, block->set)->rounds, block);
	}
}

static void poll_rollout(struct control *c)
{
	struct rollout_world world = look_round(c);
	const struct el_plan_set *before = rollout_newest(&c->rollout)->set;
	const struct el_schedule *schedule = rollout_poll(&c->rollout, &world);
	struct generation over;

	if (schedule)
		el_board_post(c->b->board, schedule);
	if (rollout_newest(&c->rollout)->set != before)
		moved_end(&c->moved, &c->rollout, rte_rdtsc());
	world.taken = el_board_is_taken(c->b->board);
	rounds_destroy(rollout_take_rounds(&c->rollout, world.now_ns));
	while (rollout_take_over(&c->rollout, &world, &over)) {
		destroy(&over);
		c->n_freed++;
	}
}

static void tick(struct control *c)
{
	uint64_t undecided_ns;

	moved_look(&c->moved, c->changes, rollout_timeout_ns(&c->rollout), rte_rdtsc());
	c->changes = 0;
	if (moved_is_due(&c->moved, rte_rdtsc()) && !c->is_making &&
	    rollout_may_propose(&c->rollout))
		c->is_making = moved_order(&c->moved, rte_rdtsc());
	poll_rollout(c);
	collect(c);
	moved_mark(&c->moved, &c->rollout, c->is_making, rte_rdtsc());
	undecided_ns = moved_undecided_ns(&c->moved, &c->rollout, c->is_making);
	for (uint32_t i = 0; i < c->rollout.n; i++) {
		if (c->rollout.generations[i].rounds)
			rounds_submit(c->rollout.generations[i].rounds, undecided_ns);
	}
	if (rollout_hands_out(&c->rollout))
		rounds_hand_out(rollout_newest(&c->rollout)->rounds, rte_rdtsc(), 0);
}

/* Control every 2 ms and the workers meanwhile, whose probes are answered as `kind`, unless < 0. */
static void run_as(struct control *c, double seconds, int kind)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)EL_NS_PER_S);

	while (rte_rdtsc() < end) {
		uint64_t next = sim_ns + EL_NS_PER_S / 500;
		tick(c);
		while (sim_ns < next) {
			exchange(c->b, kind);
			sim_ns += EL_NS_PER_S / 20000;
		}
	}
}

static void run(struct control *c, double seconds)
{
	run_as(c, seconds, REPLY_ECHO);
}

static void run_in_vain(struct control *c, double seconds)
{
	run_as(c, seconds, -1);
}

/* A minute passes after the last round of the plans before; then they are gone. */
static void wait_for_late_answers(struct control *c)
{
	assert_int_not_equal(c->rollout.n, 1);
	assert_null(c->rollout.generations[0].rounds);
	c->waited_ns += 61 * EL_NS_PER_S;
	run(c, 0.5);
	assert_int_equal(c->rollout.n, 1);
}

static const struct el_plan_set *newest(struct control *c)
{
	return rollout_newest(&c->rollout)->set;
}

static void control_free(struct control *c)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};
	struct bench *b = c->b;

	for (uint32_t w = 0; w < WORKERS; w++) {
		el_worker_command(b->workers[w], &stop);
		el_worker_poll(b->workers[w]);
	}
	collect(c);
	for (uint32_t i = 0; i < c->rollout.n; i++) {
		if (c->rollout.generations[i].rounds)
			rounds_submit(c->rollout.generations[i].rounds, 0);
		destroy(&c->rollout.generations[i]);
	}
	assert_null(c->rollout.next.set);
	free(c);
	bench_free(b);
}

/* Ten probes a second to each of two targets, one for each worker. */
static struct bench *two_workers(double interval_s, double timeout_s)
{
	struct fixture *f = fixture(1, 100);

	for (int i = 0; i < WORKERS; i++) {
		add_target(f, EL_PROBE_ICMPPING, i == 0 ? "198.51.100.1" : "198.51.100.2", 10);
		f->targets[i].timeout_s = timeout_s;
	}
	f->in.interval_s = interval_s;
	f->in.interval_packets_s = 0.1;
	return bench(f, WORKERS);
}

/* Many changes one after the other, each taken up at once, whatever the timeout, and none
 * forgotten. */
static void changes_follow_each_other(void **state)
{
	static const double timeouts_s[] = {0.3, 600};

	(void)state;
	for (size_t t = 0; t < RTE_DIM(timeouts_s); t++) {
		struct bench *b = two_workers(1, timeouts_s[t]);
		struct control *c = control(b);

		run(c, 0.5);
		for (int i = 0; i < 20; i++) {
			const struct el_plan_set *set = change(c, i % 2 == 0);

			run(c, i % 2 == 0 ? 0.1 : 1.1);
			assert_ptr_equal(newest(c), set);
			assert_int_equal(el_worker_begun(b->workers[0]),
					 el_worker_begun(b->workers[1]));
		}
		run(c, 3);
		assert_int_equal(c->n_lost + c->n_local + c->n_abandoned, 0);
		if (timeouts_s[t] < 1) {
			wait_for_late_answers(c);
			assert_int_equal(c->n_freed, 20);
		}
		poll_all(b); /* the last answers; no more than one probe a worker goes out */
		assert_in_range(counter(b, EL_COUNTER_TX_PROBES) - counter(b, EL_COUNTER_ANSWERS),
				0, WORKERS);
		control_free(c);
	}
}

/* Where there are too many plans with open rounds the oldest one is closed: what is still waited
 * for of it is neither sent nor lost. */
static void the_oldest_is_abandoned(void **state)
{
	struct control *c = control(two_workers(1, 600));

	(void)state;
	run_in_vain(c, 0.95);
	for (int i = 0; i < EL_SCHEDULE_SPANS_MAX - 1; i++) {
		change(c, true);
		run(c, 0.1);
	}
	assert_int_equal(c->n_abandoned, 0);
	change(c, true);
	run(c, 0.1);
	assert_in_range(c->n_abandoned, 18, 20);
	assert_int_equal(c->n_lost, 0);
	control_free(c);
}

/* Rounds of a plan are over when its timeouts are, whatever is still open of an older one. */
static void no_round_waits_for_an_older_plan(void **state)
{
	struct fixture *f = fixture(1, 100);
	struct control *c;
	uint64_t lost;

	(void)state;
	for (int i = 0; i < WORKERS; i++) {
		add_target(f, EL_PROBE_ICMPPING, i == 0 ? "198.51.100.1" : "198.51.100.2", 10);
		f->targets[i].timeout_s = 600;
	}
	f->in.interval_s = 0.01;
	f->in.max_probes = 1 << 30;
	f->targets[0].timeout_s = f->targets[1].timeout_s = 9;
	c = control(bench(f, WORKERS));
	run_in_vain(c, 0.1);
	f->targets[0].timeout_s = f->targets[1].timeout_s = 0.005;
	change(c, true);
	run_in_vain(c, 1);
	lost = c->n_lost;
	assert_in_range(lost, 1000, 2200);
	/* and where there are more rounds than a worker has places, the oldest is abandoned */
	run(c, 10.5);
	assert_in_range(c->n_abandoned + c->n_lost, lost + 100, lost + 400);
	control_free(c);
}

/* A stop: nothing more is begun, and what has been sent is reported. */
static void a_stop_is_an_end(void **state)
{
	struct control *c = control(two_workers(1, 0.3));
	uint64_t sent;

	(void)state;
	run(c, 0.5);
	rollout_stop(&c->rollout);
	run(c, 0.1);
	sent = counter(c->b, EL_COUNTER_TX_PROBES);
	assert_in_range(sent, 1, 10 * WORKERS - 1);
	run(c, 0.5);
	assert_int_equal(counter(c->b, EL_COUNTER_TX_PROBES), sent);
	assert_true(rollout_is_finished(&c->rollout));
	control_free(c);
}

/* Under the next plan answers to a probe of the one before are late, for a minute or until the plan
 * after that comes. */
static void answers_to_a_plan_before(void **state)
{
	struct control *c = control(two_workers(1, 0.3));
	struct bench *b = c->b;
	uint8_t probe[256], buf[2048];
	struct el_event events[64];
	struct rte_mbuf *m = NULL;
	uint64_t generation = newest(c)->generation;
	size_t len;

	(void)state;
	while (!m) {
		tick(c);
		poll_all(b);
		m = take(b, 0);
		sim_ns += EL_NS_PER_S / 20000;
	}
	len = m->data_len;
	memcpy(probe, rte_pktmbuf_mtod(m, void *), len);
	rte_pktmbuf_free(m);
	for (int i = 0; i < 2; i++) {
		const struct el_plan_set *next = change(c, true);

		run(c, 1.5);
		assert_ptr_equal(newest(c), next);
		assert_int_equal(el_worker_events(b->workers[0], events, 64), 0);
		give(b, 0, buf, answer(probe, len, REPLY_ECHO, buf));
		run(c, 0.01);
		assert_int_equal(el_worker_events(b->workers[0], events, 64), i == 0);
		if (i == 0) {
			assert_int_equal(events[0].ns_kind & 0xff, EL_EVENT_LATE);
			assert_int_equal(events[0].b, generation);
		}
	}
	run(c, 2);
	wait_for_late_answers(c);
	give(b, 0, buf, answer(probe, len, REPLY_ECHO, buf));
	run(c, 0.01);
	assert_int_equal(el_worker_events(b->workers[0], events, 64), 0);
	control_free(c);
}

/* Most orders find no room at first: they are all given later, and nothing else is different. */
static void orders_that_find_no_room(void **state)
{
	refused = 7;
	changes_follow_each_other(state);
	a_stop_is_an_end(state);
	refused = 0;
}

/* The plan that was ordered is made: it is to be taken, or it says that nothing has moved. */
static const struct el_plan_set *made(struct control *c, bool moves)
{
	assert_true(c->is_making);
	c->is_making = false;
	moved_take_result(&c->moved, moves ? PLAN_MADE : PLAN_NOT_NEEDED, rte_rdtsc());
	return moves ? change(c, true) : NULL;
}

/* Routes change, and what is sent from then on goes astray until the plan that knows of it is
 * there: not one of these is lost, and all that is lost otherwise is. The plan takes so long that
 * rounds end meanwhile, or comes when answers to the plan before are still waited for. */
static void a_change_of_routes(void **state)
{
	static const struct {
		double lost_s, making_s;
		bool moves;
	} cases[] = {{0, 0.05, true}, {0, 0.8, true},  {0.2, 0.05, true},
		     {0.2, 3, true},  {0.2, 1, false}, {0, 0.8, false}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct control *c = control(two_workers(1, 0.3));
		const struct el_plan_set *set;
		uint64_t lost;

		run(c, 1.5);
		assert_int_equal(c->n_lost + c->n_local, 0);
		run_in_vain(c, cases[i].lost_s); /* the network's doing */
		c->changes = EL_RTNL_ROUTES;
		run_in_vain(c, cases[i].making_s);
		set = made(c, cases[i].moves);
		if (cases[i].moves)
			run_in_vain(c, 0.01); /* until it is taken */
		run(c, 0.5);
		if (cases[i].moves)
			assert_ptr_equal(newest(c), set);
		run(c, 3);
		lost = (uint64_t)(cases[i].lost_s * 20);
		if (cases[i].moves) {
			assert_in_range(c->n_lost, lost, lost + 1);
			assert_true(c->n_local > 0);
		} else {
			lost += (uint64_t)(cases[i].making_s * 20);
			assert_in_range(c->n_lost, lost - 2, lost + 2);
			assert_int_equal(c->n_local, 0);
		}
		assert_false(c->moved.wanted || c->moved.ordered);
		control_free(c);
	}
}

/* Somewhere else routes change all the time. What is lost meanwhile is lost, and rounds are
 * published. */
static void changes_that_do_not_matter(void **state)
{
	struct control *c = control(two_workers(1, 0.3));
	uint32_t plans = 0;

	(void)state;
	run(c, 1.5);
	for (int i = 0; i < 500; i++) { /* 5 s */
		c->changes = EL_RTNL_ROUTES;
		run_in_vain(c, 0.01);
		if (c->is_making && i % 8 == 0) {
			made(c, false);
			plans++;
		}
	}
	assert_in_range(plans, 10, 25);
	/* of 20 a second, but for a round and what is undecided */
	assert_in_range(c->n_lost, 70, 90);
	assert_int_equal(c->n_local, 0);
	for (int i = 0; i < 100; i++) {
		run(c, 0.03);
		if (c->is_making)
			made(c, false);
	}
	assert_in_range(c->n_lost, 98, 102);
	assert_int_equal(c->n_local, 0);
	assert_false(c->moved.wanted || c->moved.ordered);
	control_free(c);
}

/* Addresses change somewhere else while rounds of an older plan are open: what is lost is lost. */
static void older_rounds_and_changes_that_do_not_matter(void **state)
{
	struct control *c = control(two_workers(1, 2));

	(void)state;
	run_in_vain(c, 0.95);
	change(c, true);
	run(c, 0.2);
	c->changes = EL_RTNL_ADDRESSES;
	run(c, 0.2);
	made(c, false);
	run(c, 3);
	assert_in_range(c->n_lost, 18, 20);
	assert_int_equal(c->n_local, 0);
	control_free(c);
}

/* Routes change, and then it is looked whether the file has changed, which takes the order of a
 * plan for that with it; or the plan can't be made. It is ordered again, and nothing is lost. */
static void changes_are_not_forgotten(void **state)
{
	static const int results[] = {PLAN_NOT_TRIED, -ENOMEM};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(results); i++) {
		struct control *c = control(two_workers(1, 0.3));
		const struct el_plan_set *set;

		run(c, 1.5);
		c->changes = EL_RTNL_ROUTES;
		run_in_vain(c, 0.1);
		assert_true(c->is_making);
		c->is_making = false;
		moved_take_result(&c->moved, results[i], rte_rdtsc());
		run_in_vain(c, 0.5);
		set = made(c, true);
		run_in_vain(c, 0.01);
		run(c, 3);
		assert_ptr_equal(newest(c), set);
		assert_in_range(c->n_lost, 0, 1);
		assert_true(c->n_local > 0);
		control_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_follow_each_other),
	    cmocka_unit_test(the_oldest_is_abandoned),
	    cmocka_unit_test(no_round_waits_for_an_older_plan),
	    cmocka_unit_test(a_stop_is_an_end),
	    cmocka_unit_test(answers_to_a_plan_before),
	    cmocka_unit_test(orders_that_find_no_room),
	    cmocka_unit_test(a_change_of_routes),
	    cmocka_unit_test(changes_that_do_not_matter),
	    cmocka_unit_test(changes_are_not_forgotten),
	    cmocka_unit_test(older_rounds_and_changes_that_do_not_matter),
	};

	return worker_bench_main("rollout_workers", tests, sizeof(tests) / sizeof(tests[0]), NULL,
				 0);
}
