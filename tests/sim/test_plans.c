/* SPDX-License-Identifier: BSD-3-Clause */
/* From plan to plan: control's part of a change with workers that are driven an iteration at a
 * time, so that what happens between two of its steps can be had in any order. */
#include "worker_bench.h"

#include <sys/eventfd.h>

#include "el_rtnl.h"
#include "planner.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static uint32_t n_freed;
static uint64_t waited_ns;      /* by control, without the workers */
static struct el_worker *hasty; /* goes on to its next plan before it is told to stop */
static uint32_t refused;        /* of eight orders of a kind, for want of room */
static uint32_t n_sent[EL_COMMAND_STOP + 1], n_refused[EL_COMMAND_STOP + 1];

/* What a change needs of the rest of control. */

bool network_told(const struct network *n)
{
	(void)n;
	return true;
}

bool network_take_room(struct network *n)
{
	(void)n;
	return false;
}

static unsigned changes; /* of addresses and routes; once */

unsigned network_follow(struct network *n)
{
	unsigned what = changes;

	(void)n;
	changes = 0;
	return what;
}

const struct el_port *network_find_replaced(const struct network *n)
{
	(void)n;
	return NULL;
}

void control_stop(struct control *c)
{
	(void)c;
}

bool network_settled(const struct network *n)
{
	(void)n;
	return true;
}

bool names_settled(const struct names *n)
{
	(void)n;
	return true;
}

bool names_take_changed(struct names *n)
{
	(void)n;
	return false;
}

void control_republish(struct control *c)
{
	(void)c;
}

void reload_take_result(struct control *c, struct planner_job *job)
{
	(void)c, (void)job;
}

void shared_conf_put(struct shared_conf *s)
{
	(void)s;
}

struct shared_conf *shared_conf_get(struct shared_conf *s)
{
	return s;
}

int planning_take_snapshot(struct control *c, struct planning_snapshot *ret)
{
	(void)c;
	(void)ret;
	return 0;
}

void planning_adopt(struct control *c, const struct planning *p)
{
	(void)c;
	(void)p;
}

void planning_release(struct control *c, const struct planning *p)
{
	(void)c;
	(void)p;
}

void planning_order_fini(struct planning_order *order)
{
	(void)order;
}

int job_thread_fd(const struct job_thread *p)
{
	static int fd = -1;

	(void)p;
	if (fd < 0)
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return fd;
}

static struct planner_job *ordered, *made;

void planner_submit(struct job_thread *p, struct planner_job *job)
{
	(void)p;
	assert_null(ordered);
	ordered = job;
}

struct planner_job *planner_take(struct job_thread *p)
{
	struct planner_job *job = made;

	(void)p;
	made = NULL;
	return job;
}

void planner_free(struct job_thread *p, struct planning *planning)
{
	(void)p;
	n_freed += planning->set != NULL;
	rounds_destroy(planning->rounds);
	el_plan_set_put(planning->set);
	*planning = (struct planning){0};
}

static uint64_t n_lost, n_local; /* of all rounds */

/* Statistics are done at once. */
void stats_thread_submit(struct stats_thread *pool, struct stats_job *job)
{
	struct el_round_figures *f = el_stats_round(job->blocks, job->n_blocks);

	(void)pool;
	assert_non_null(f);
	for (uint32_t i = 0; i < f->n_series; i++) {
		n_lost += f->series[i].lost;
		n_local += f->series[i].local;
	}
	el_round_figures_free(f);
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_reset(job->blocks[i], 0, 0);
	rounds_recycle(job->owner, job);
}

void control_collect_blocks(struct control *c)
{
	struct el_block *block;

	for (uint32_t w = 0; w < c->n_workers; w++) {
		while (el_worker_reports(c->workers[w], &block, 1))
			rounds_report(block->set == c->now.set ? c->now.rounds : c->old.rounds,
				      block);
	}
}

bool __real_el_workers_command(struct el_worker *const *workers, uint32_t n,
			       const struct el_command *commands);
bool __wrap_el_workers_command(struct el_worker *const *workers, uint32_t n,
			       const struct el_command *commands);

static void go_on(struct el_worker *w)
{
	uint64_t plan = el_worker_newest_plan(w), end = rte_rdtsc() + 10 * EL_NS_PER_S;

	while (el_worker_newest_plan(w) == plan && rte_rdtsc() < end)
		el_worker_poll(w);
}

bool __wrap_el_workers_command(struct el_worker *const *workers, uint32_t n,
			       const struct el_command *commands)
{
	uint32_t kind = commands[0].kind;

	if (n_sent[kind]++ % 8 < refused) {
		n_refused[kind]++;
		return false;
	}
	if (hasty && kind == EL_COMMAND_CUT) {
		go_on(hasty);
		hasty = NULL;
	}
	return __real_el_workers_command(workers, n, commands);
}

/* ---- */

static struct planning planning(struct control *c, struct bench *b)
{
	const struct rounds_config conf = {
	    .workers = b->workers, .n_workers = b->n_workers, .set = compile(b->f)};
	struct planning p = {
	    .model = &b->f->model, .set = conf.set, .rounds = rounds_create(&conf)};

	assert_non_null(p.rounds);
	c->generation = b->f->in.generation++;
	return p;
}

/* Control that has just started on the bench's workers. */
static struct control *control(struct bench *b)
{
	struct control *c = calloc(1, sizeof(*c));

	n_freed = 0;
	memcpy(c->workers, b->workers, sizeof(b->workers));
	c->n_workers = b->n_workers;
	c->now = planning(c, b);
	c->started = true;
	rounds_start(c->now.rounds, 1,
		     b->f->in.interval_s > 0 ? rte_rdtsc() + EL_NS_PER_S / 100 : 0);
	return c;
}

/* A new plan of the same targets waits to be taken; its set. */
static const struct el_plan_set *change(struct control *c, struct bench *b, bool cut)
{
	assert_null(c->next.set);
	c->next = planning(c, b);
	c->next_cuts = cut;
	return c->next.set;
}

static void tick(struct control *c)
{
	c->now_ns = (uint64_t)((double)sim_ns / (double)EL_NS_PER_S * 1e9) + waited_ns;
	moved_poll(c);
	plans_poll(c);
	control_collect_blocks(c);
	moved_mark(c);
	if (c->old.rounds)
		rounds_submit(c->old.rounds, 0);
	if (!c->old.rounds || rounds_idle(c->old.rounds))
		rounds_submit(c->now.rounds, moved_undecided_ns(c));
	rounds_hand_out(c->now.rounds, rte_rdtsc());
	plans_release_old(c);
}

/* Control every 2 ms and the workers meanwhile. */
static void run(struct control *c, struct bench *b, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)EL_NS_PER_S);

	while (rte_rdtsc() < end) {
		uint64_t next = sim_ns + EL_NS_PER_S / 500;
		tick(c);
		while (sim_ns < next) {
			exchange(b, REPLY_ECHO);
			sim_ns += EL_NS_PER_S / 20000;
		}
	}
}

/* A minute passes after the last round of the plan before; then it is gone. */
static void wait_for_late_answers(struct control *c, struct bench *b)
{
	assert_null(c->old.rounds);
	assert_non_null(c->old.set);
	waited_ns += 61 * EL_NS_PER_S;
	run(c, b, 0.05);
	assert_null(c->old.set);
}

static void control_free(struct control *c, struct bench *b)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};

	c->stopping = true;
	for (uint32_t w = 0; w < b->n_workers; w++) {
		el_worker_command(b->workers[w], &stop);
		el_worker_poll(b->workers[w]);
	}
	control_collect_blocks(c);
	rounds_submit(c->now.rounds, 0);
	if (c->old.rounds)
		rounds_submit(c->old.rounds, 0);
	if (c->old.set)
		planner_free(NULL, &c->old);
	planner_free(NULL, &c->now);
	if (c->next.set)
		planner_free(NULL, &c->next);
	free(c);
}

/* Ten probes a second to each of two targets, one for each worker. */
static struct bench *two_workers(double interval_s)
{
	struct fixture *f = fixture(1, 100);

	for (int i = 0; i < WORKERS; i++) {
		add_target(f, EL_PROBE_ICMPPING, i == 0 ? "198.51.100.1" : "198.51.100.2", 10);
		f->targets[i].timeout_s = 0.3;
	}
	f->in.interval_s = interval_s;
	f->in.interval_packets_s = 0.1;
	return bench(f, WORKERS);
}

/* Many changes one after the other, each taken up within the timeout and none forgotten. */
static void changes_follow_each_other(void **state)
{
	struct bench *b = two_workers(1);
	struct control *c = control(b);

	(void)state;
	run(c, b, 0.5);
	for (int i = 0; i < 20; i++) {
		const struct el_plan_set *set = change(c, b, i % 2 == 0);
		for (int k = 0; k < 20 && c->next.set; k++)
			run(c, b, 0.1);
		assert_ptr_equal(c->now.set, set);
	}
	run(c, b, 3);
	assert_int_equal(n_freed, 19);
	wait_for_late_answers(c, b);
	assert_int_equal(n_freed, 20);
	poll_all(b); /* the last answers; no more than one probe a worker goes out */
	assert_in_range(counter(b, EL_COUNTER_TX_PROBES) - counter(b, EL_COUNTER_ANSWERS), 0,
			WORKERS);
	control_free(c, b);
	bench_free(b);
}

/* Has a second plan taken that follows the round under way, which is the first one; its set. */
static const struct el_plan_set *second_plan(struct control *c, struct bench *b)
{
	const struct el_plan_set *second;

	run(c, b, 0.5);
	second = change(c, b, false);
	run(c, b, 0.1);
	assert_ptr_equal(c->now.set, second);
	return second;
}

/* A change comes when both workers are away at the time that they should begin the plan before: one
 * that only some begin would be in the way. It is waited for. */
static void what_is_about_to_begin_is_waited_for(void **state)
{
	struct bench *b = two_workers(1);
	struct control *c = control(b);
	const struct el_plan_set *third;

	(void)state;
	second_plan(c, b);
	sim_ns = rounds_next_begin(c->now.rounds, 0) + EL_NS_PER_S / 100;
	third = change(c, b, true);
	for (int i = 0; i < 10; i++)
		tick(c);
	assert_int_equal(c->taken_back, 1);
	run(c, b, 1);
	assert_ptr_equal(c->now.set, third);
	control_free(c, b);
	bench_free(b);
}

/* Control can't see everything: one worker begins a plan while control has all give it back, and
 * the plan before is still open. The other one never begins it, and the change is made all the
 * same. */
static void a_plan_that_one_worker_began(void **state)
{
	struct bench *b = two_workers(0);
	struct control *c = control(b);
	const struct el_plan_set *second, *third;

	(void)state;
	second = second_plan(c, b);
	assert_int_equal(el_worker_newest_plan(b->workers[0]), c->old.set->generation);
	third = change(c, b, true);
	hasty = b->workers[0];
	for (int i = 0; i < 8 && hasty; i++)
		tick(c);
	assert_null(hasty);
	assert_int_equal(el_worker_newest_plan(b->workers[0]), second->generation);
	assert_int_not_equal(el_worker_newest_plan(b->workers[1]), second->generation);
	run(c, b, 2);
	assert_ptr_equal(c->now.set, third);
	run(c, b, 2);
	wait_for_late_answers(c, b);
	control_free(c, b);
	bench_free(b);
}

/* A stop: nothing more is begun, and what has been sent is reported. */
static void a_stop_is_an_end(void **state)
{
	struct bench *b = two_workers(1);
	struct control *c = control(b);
	uint64_t sent;

	(void)state;
	run(c, b, 0.5);
	c->stopping = true;
	run(c, b, 0.1);
	sent = counter(b, EL_COUNTER_TX_PROBES);
	assert_in_range(sent, 1, 10 * WORKERS - 1);
	run(c, b, 0.5);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), sent);
	assert_true(rounds_finished(c->now.rounds));
	control_free(c, b);
	bench_free(b);
}

/* Under the next plan answers to a probe of the one before are late, for a minute, and no other
 * change waits for that. */
static void answers_to_the_plan_before(void **state)
{
	struct bench *b = two_workers(1);
	struct control *c = control(b);
	const struct el_plan_set *next;
	uint8_t probe[256], buf[2048];
	struct el_event events[64];
	struct rte_mbuf *m = NULL;
	uint64_t generation = c->now.set->generation;
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
	next = change(c, b, true);
	run(c, b, 3);
	assert_ptr_equal(c->now.set, next);
	assert_int_equal(el_worker_events(b->workers[0], events, 64), 0);
	give(b, 0, buf, answer(probe, len, REPLY_ECHO, buf));
	run(c, b, 0.01);
	assert_int_equal(el_worker_events(b->workers[0], events, 64), 1);
	assert_int_equal(events[0].ns_kind & 0xff, EL_EVENT_LATE);
	assert_int_equal(events[0].b, generation);
	next = change(c, b, true);
	run(c, b, 0.05);
	assert_ptr_equal(c->now.set, next);
	run(c, b, 2);
	wait_for_late_answers(c, b);
	give(b, 0, buf, answer(probe, len, REPLY_ECHO, buf));
	run(c, b, 0.01);
	assert_int_equal(el_worker_events(b->workers[0], events, 64), 0);
	control_free(c, b);
	bench_free(b);
}

/* Most orders find no room at first: they are all given later, and nothing else is different. */
static void orders_that_find_no_room(void **state)
{
	static void (*const again[])(void **) = {changes_follow_each_other,
						 a_plan_that_one_worker_began, a_stop_is_an_end};
	static const enum el_command_kind kinds[] = {EL_COMMAND_ROUND, EL_COMMAND_PLAN,
						     EL_COMMAND_FORGET, EL_COMMAND_WITHDRAW,
						     EL_COMMAND_CUT};

	memset(n_sent, 0, sizeof(n_sent));
	refused = 7;
	for (size_t i = 0; i < RTE_DIM(again); i++)
		again[i](state);
	refused = 0;
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		if (!n_refused[kinds[i]] || n_refused[kinds[i]] == n_sent[kinds[i]])
			fail_msg("order %d: %u refused of %u", kinds[i], n_refused[kinds[i]],
				 n_sent[kinds[i]]);
	}
}

/* Control every 2 ms, and workers whose probes nobody answers. */
static void run_in_vain(struct control *c, struct bench *b, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)EL_NS_PER_S);
	struct rte_mbuf *m;

	while (rte_rdtsc() < end) {
		uint64_t next = sim_ns + EL_NS_PER_S / 500;
		tick(c);
		while (sim_ns < next) {
			poll_all(b);
			for (uint32_t w = 0; w < b->n_workers; w++)
				while ((m = take(b, w)) != NULL)
					rte_pktmbuf_free(m);
			sim_ns += EL_NS_PER_S / 20000;
		}
	}
}

/* The plan that was ordered is made: `p`, or, NULL, it says that nothing has moved. */
static void make(struct control *c, const struct planning *p)
{
	assert_non_null(ordered);
	assert_true(ordered->cut && ordered->order.only_if_moved);
	ordered->status = p ? 0 : 1;
	if (p)
		ordered->planning = *p;
	made = ordered;
	ordered = NULL;
	plans_take_results(c);
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
		struct bench *b = two_workers(1);
		struct control *c = control(b);
		struct planning p;
		uint64_t lost;

		n_lost = n_local = 0;
		run(c, b, 1.5);
		assert_int_equal(n_lost + n_local, 0);
		run_in_vain(c, b, cases[i].lost_s); /* the network's doing */
		changes = EL_RTNL_ROUTES;
		run_in_vain(c, b, cases[i].making_s);
		p = planning(c, b);
		if (!cases[i].moves) {
			el_plan_set_put(p.set);
			rounds_destroy(p.rounds);
		}
		make(c, cases[i].moves ? &p : NULL);
		if (cases[i].moves)
			run_in_vain(c, b, 0.01); /* until it is taken */
		run(c, b, 0.5);
		if (cases[i].moves)
			assert_ptr_equal(c->now.set, p.set);
		run(c, b, 3);
		lost = (uint64_t)(cases[i].lost_s * 20);
		if (cases[i].moves) {
			assert_in_range(n_lost, lost, lost + 1);
			assert_true(n_local > 0);
		} else {
			assert_in_range(n_lost, lost + (uint64_t)(cases[i].making_s * 20) - 2,
					lost + (uint64_t)(cases[i].making_s * 20) + 2);
			assert_int_equal(n_local, 0);
		}
		assert_false(c->moved.wanted || c->moved.ordered);
		control_free(c, b);
		bench_free(b);
	}
}

/* Somewhere else routes change all the time. What is lost meanwhile is lost, and rounds are
 * published. */
static void changes_that_do_not_matter(void **state)
{
	struct bench *b = two_workers(1);
	struct control *c = control(b);
	uint32_t plans = 0;

	(void)state;
	n_lost = n_local = 0;
	run(c, b, 1.5);
	for (int i = 0; i < 500; i++) { /* 5 s */
		changes = EL_RTNL_ROUTES;
		run_in_vain(c, b, 0.01);
		if (ordered && i % 8 == 0) {
			make(c, NULL);
			plans++;
		}
	}
	assert_in_range(plans, 10, 25);
	assert_in_range(n_lost, 70, 90); /* of 20 a second, but for a round and what is undecided */
	assert_int_equal(n_local, 0);
	for (int i = 0; i < 100; i++) {
		run(c, b, 0.03);
		if (ordered)
			make(c, NULL);
	}
	assert_in_range(n_lost, 98, 102);
	assert_int_equal(n_local, 0);
	assert_false(c->moved.wanted || c->moved.ordered);
	control_free(c, b);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_follow_each_other),
	    cmocka_unit_test(what_is_about_to_begin_is_waited_for),
	    cmocka_unit_test(a_plan_that_one_worker_began),
	    cmocka_unit_test(answers_to_the_plan_before),
	    cmocka_unit_test(a_stop_is_an_end),
	    cmocka_unit_test(orders_that_find_no_room),
	    cmocka_unit_test(a_change_of_routes),
	    cmocka_unit_test(changes_that_do_not_matter),
	};

	return worker_bench_main("plans", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
