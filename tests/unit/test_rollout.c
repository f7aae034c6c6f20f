/* SPDX-License-Identifier: BSD-3-Clause */
/* From generation to generation: the rollout between workers and statistics that are modelled here,
 * in any order of events. Whatever the order, rounds follow each other without a gap, none is begun
 * twice by a worker or under two plans, each is published once, nothing is freed that is in use,
 * and all is freed at the end. */
#include "unit.h"

#include <stdlib.h>

#include "rollout.h"

#define WORKERS 2
#define ROUNDS 512
#define MS (EL_NS_PER_S / 1000)
#define OPEN_MAX 64

struct worker {
	const struct el_schedule *schedule;
	uint64_t token; /* of the schedules posted when its last iteration ended */
	bool works;     /* its iteration is not over */
	struct el_block *orders[OPEN_MAX], *open[OPEN_MAX];
	uint32_t n_orders, n_open;
	struct el_block *sending;
	uint64_t sent_ns; /* when all of it will be */
	uint64_t begun;
	struct el_block *back[OPEN_MAX]; /* not collected yet */
	uint32_t n_back;
};

/* Control, workers and statistics. */
static struct world {
	struct rollout rollout;
	struct worker workers[WORKERS];
	const struct el_schedule *posted;
	uint64_t token, now_ns, generation;
	struct stats_job *jobs[OPEN_MAX];
	uint32_t n_jobs;
	const struct el_plan_set *begun[WORKERS][ROUNDS]; /* by whom and under what */
	uint32_t published[ROUNDS];
	uint32_t n_made, n_freed;
	bool hops_settled, names_known, is_making;
} world;

/* ---- generations ---- */

static bool order(void *ctx, struct el_block *const *blocks)
{
	(void)ctx;
	for (uint32_t w = 0; w < WORKERS; w++) {
		if (world.workers[w].n_orders == OPEN_MAX)
			return false;
	}
	for (uint32_t w = 0; w < WORKERS; w++)
		world.workers[w].orders[world.workers[w].n_orders++] = blocks[w];
	return true;
}

static void submit(void *ctx, struct stats_job *job)
{
	(void)ctx;
	assert_true(world.n_jobs < OPEN_MAX);
	world.jobs[world.n_jobs++] = job;
}

static struct generation make(uint64_t period_ns, uint64_t timeout_ns)
{
	struct el_plan_set *set = calloc(1, sizeof(*set));
	struct rounds_config config = {
	    .n_workers = WORKERS, .set = set, .order = order, .submit = submit};
	struct generation p = {.set = set};

	set->refs = 1;
	set->generation = ++world.generation;
	set->n_workers = WORKERS;
	set->period_ns = period_ns;
	set->timeout_ns = timeout_ns;
	set->n_blocks = 3;
	for (uint32_t w = 0; w < WORKERS; w++) {
		set->plans[w] = calloc(1, sizeof(*set->plans[w]));
		set->plans[w]->set = set;
	}
	p.streams = el_streams_create(set);
	p.rounds = rounds_create(&config);
	assert_true(p.rounds && p.streams);
	world.n_made++;
	return p;
}

static void destroy(struct generation *p)
{
	rounds_destroy(p->rounds);
	el_streams_put(p->streams);
	el_plan_set_put(p->set);
	*p = (struct generation){0};
	world.n_freed++;
}

/* Nobody may have anything of it. */
static void free_generation(struct generation *p)
{
	for (uint32_t w = 0; w < WORKERS; w++) {
		const struct worker *x = &world.workers[w];

		assert_null(el_schedule_find_generation(world.posted, p->set->generation));
		if (x->works)
			assert_null(el_schedule_find_generation(x->schedule, p->set->generation));
		for (uint32_t i = 0; i < x->n_open; i++)
			assert_ptr_not_equal(x->open[i]->set, p->set);
		for (uint32_t i = 0; i < x->n_orders; i++)
			assert_ptr_not_equal(x->orders[i]->set, p->set);
	}
	destroy(p);
}

/* ---- a worker's iteration, in two parts: between them control may do anything ---- */

static void give_back(struct worker *x, struct el_block *b)
{
	assert_true(x->n_back < OPEN_MAX);
	b->closed_ns = world.now_ns;
	x->back[x->n_back++] = b;
}

static void close_open(struct worker *x, uint32_t i)
{
	struct el_block *b = x->open[i];

	if (x->sending == b)
		x->sending = NULL;
	x->n_open--;
	memmove(&x->open[i], &x->open[i + 1], (x->n_open - i) * sizeof(x->open[0]));
	give_back(x, b);
}

static void take_schedule(struct worker *x)
{
	uint32_t n = x->n_orders;

	if (x->schedule == world.posted)
		return;
	x->schedule = world.posted;
	if (x->sending && x->sending->round < x->schedule->cut)
		x->sending = NULL;
	x->n_orders = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct el_block *b = x->orders[i];
		const struct el_schedule_span *span = el_schedule_find(x->schedule, b->round);

		if (b->round < x->schedule->gate && span && span->set == b->set) {
			x->orders[x->n_orders++] = b;
			continue;
		}
		b->cut = true;
		give_back(x, b);
	}
	while (x->n_open && !el_schedule_find(x->schedule, x->open[0]->round))
		close_open(x, 0);
}

static void begin(struct worker *x, struct el_block *b)
{
	uint32_t w = (uint32_t)(x - world.workers);
	const struct el_schedule_span *span = el_schedule_find(x->schedule, b->round);

	assert_non_null(span);
	assert_ptr_equal(span->set, b->set);
	assert_true(b->round < ROUNDS);
	assert_null(world.begun[w][b->round]);
	for (uint32_t other = 0; other < WORKERS; other++) {
		if (world.begun[other][b->round])
			assert_ptr_equal(world.begun[other][b->round], b->set);
	}
	world.begun[w][b->round] = b->set;
	b->began_ns = world.now_ns;
	x->begun = b->round;
	x->sending = b;
	x->sent_ns = world.now_ns + 3 * MS;
	x->open[x->n_open++] = b;
	memmove(x->orders, x->orders + 1, --x->n_orders * sizeof(x->orders[0]));
}

static void worker_works(struct worker *x)
{
	x->works = true;
	take_schedule(x);
	for (uint32_t i = 0; i < x->n_open;) {
		const struct el_block *b = x->open[i];

		if (b != x->sending && world.now_ns >= b->began_ns + b->set->timeout_ns)
			close_open(x, i);
		else
			i++;
	}
	if (x->sending && (world.now_ns >= x->sent_ns || (x->n_orders && x->orders[0]->start_ns &&
							  world.now_ns >= x->orders[0]->start_ns)))
		x->sending = NULL;
	if (!x->sending && x->n_orders && x->orders[0]->round < x->schedule->gate &&
	    world.now_ns >= x->orders[0]->start_ns && x->n_open < OPEN_MAX)
		begin(x, x->orders[0]);
}

static void worker_rests(struct worker *x)
{
	if (x->works)
		x->token = world.token;
	x->works = false;
}

/* ---- control ---- */

static struct rollout_world look_round(void)
{
	struct rollout_world now = {.now_ns = world.now_ns,
				    .taken = true,
				    .begun_last = UINT64_MAX,
				    .is_making = world.is_making,
				    .names_known = world.names_known,
				    .hops_settled = world.hops_settled,
				    .hops_told = true};

	for (uint32_t w = 0; w < WORKERS; w++) {
		const struct worker *x = &world.workers[w];

		now.taken &= x->token == world.token;
		now.begun_first = x->begun > now.begun_first ? x->begun : now.begun_first;
		now.begun_last = x->begun < now.begun_last ? x->begun : now.begun_last;
	}
	return now;
}

static void collect(void)
{
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct worker *x = &world.workers[w];

		for (uint32_t i = 0; i < x->n_back; i++) {
			struct generation *p = rollout_find(&world.rollout, x->back[i]->set);

			assert_non_null(p);
			assert_non_null(p->rounds);
			rounds_report(p->rounds, x->back[i]);
		}
		x->n_back = 0;
	}
	for (uint32_t i = 0; i < world.rollout.n; i++) {
		if (world.rollout.generations[i].rounds)
			rounds_submit(world.rollout.generations[i].rounds, 0);
	}
}

static void tick(void)
{
	struct rollout_world now = look_round();
	const struct el_schedule *schedule = rollout_poll(&world.rollout, &now);
	struct generation over;

	if (schedule) {
		assert_true(now.taken);
		world.posted = schedule;
		world.token++;
	}
	now = look_round();
	rounds_destroy(rollout_take_rounds(&world.rollout, world.now_ns));
	while (rollout_take_over(&world.rollout, &now, &over))
		free_generation(&over);
	collect();
	if (rollout_hands_out(&world.rollout))
		rounds_hand_out(rollout_newest(&world.rollout)->rounds, world.now_ns, 0);
}

static void publish_one(void)
{
	struct stats_job *job;

	if (!world.n_jobs)
		return;
	job = world.jobs[0];
	memmove(world.jobs, world.jobs + 1, --world.n_jobs * sizeof(world.jobs[0]));
	assert_int_equal(world.published[job->round]++, 0);
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_reset(job->blocks[i], 0, 0);
	rounds_recycle(job->owner, job);
}

static void propose(uint64_t period_ns, uint64_t timeout_ns, bool cut)
{
	struct generation p;

	if (!rollout_may_propose(&world.rollout))
		return;
	p = make(period_ns, timeout_ns);
	rollout_propose(&world.rollout, &p, cut, world.now_ns);
}

/* ---- */

static void begin_world(uint64_t period_ns, uint64_t timeout_ns)
{
	static const struct el_schedule nothing;
	struct generation first;

	memset(&world, 0, sizeof(world));
	world.posted = &nothing;
	world.now_ns = EL_NS_PER_S;
	world.hops_settled = world.names_known = true;
	for (uint32_t w = 0; w < WORKERS; w++)
		world.workers[w].schedule = &nothing;
	first = make(period_ns, timeout_ns);
	rollout_init(&world.rollout, &first);
}

/* All goes on for a while, in an orderly way. */
static void run(uint64_t ms)
{
	for (uint64_t end = world.now_ns + ms * MS; world.now_ns < end; world.now_ns += MS) {
		tick();
		for (uint32_t w = 0; w < WORKERS; w++) {
			worker_works(&world.workers[w]);
			worker_rests(&world.workers[w]);
		}
		publish_one();
	}
}

/* Ends it, at once or when answers can't come any more; all that was begun has been published,
 * without a gap, and all is freed. */
static void end_world_as(bool at_once)
{
	uint64_t last = 0;

	rollout_stop(&world.rollout);
	if (at_once) {
		rollout_end(&world.rollout);
		run(OPEN_MAX);
	}
	for (int i = 0; i < 10000 && !rollout_is_finished(&world.rollout) && !at_once; i++) {
		run(1);
		world.now_ns += EL_NS_PER_S;
	}
	assert_true(rollout_is_finished(&world.rollout));
	for (uint32_t w = 0; w < WORKERS; w++)
		last = world.workers[w].begun > last ? world.workers[w].begun : last;
	for (uint64_t r = 0; r < ROUNDS; r++) {
		bool begun = world.begun[0][r] || world.begun[1][r];

		assert_int_equal(begun, r > 0 && r <= last);
		assert_int_equal(world.published[r], begun);
	}
	for (uint32_t i = 0; i < world.rollout.n; i++)
		destroy(&world.rollout.generations[i]);
	if (world.rollout.next.set)
		destroy(&world.rollout.next);
	assert_int_equal(world.n_freed, world.n_made);
}

static void end_world(void)
{
	end_world_as(false);
}

static void first_round_waits_for_names_and_hops(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 100 * MS);
	world.names_known = world.hops_settled = false;
	run(1000);
	assert_int_equal(world.rollout.state, ROLLOUT_STARTING);
	world.names_known = true;
	run(1000);
	assert_int_equal(world.rollout.state, ROLLOUT_STARTING);
	run(2600); /* but not for ever */
	assert_int_equal(world.rollout.state, ROLLOUT_RUNNING);
	assert_int_equal(world.workers[0].begun, 1);
	end_world();
}

static void a_plan_before_the_first_round_takes_its_place(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 100 * MS);
	world.is_making = true;
	run(10);
	propose(EL_NS_PER_S, 100 * MS, false);
	run(10);
	assert_int_equal(world.n_freed, 1);
	assert_int_equal(world.rollout.state, ROLLOUT_STARTING);
	world.is_making = false;
	run(100);
	assert_int_equal(world.begun[0][1]->generation, 2);
	end_world();
}

static void a_change_follows_the_round_under_way(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 100 * MS);
	run(500);
	propose(EL_NS_PER_S, 100 * MS, false);
	run(100);
	assert_int_equal(world.rollout.state, ROLLOUT_RUNNING);
	assert_int_equal(world.workers[0].begun, 1);
	run(440); /* the second round begins when it would have */
	assert_int_equal(world.begun[0][2]->generation, 2);
	end_world();
}

static void a_cut_begins_at_once(void **state)
{
	(void)state;
	begin_world(10 * EL_NS_PER_S, 100 * MS);
	run(500);
	propose(10 * EL_NS_PER_S, 100 * MS, true);
	run(30);
	assert_int_equal(world.begun[0][2]->generation, 2);
	assert_int_equal(world.begun[1][2]->generation, 2);
	end_world();
}

/* However long the timeouts: changes wait for none. Where there is no room for another plan the
 * oldest is closed; and once it is over it goes. */
static void no_change_waits_for_a_timeout(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 3600 * EL_NS_PER_S);
	run(100);
	for (uint64_t i = 2; i <= 30; i++) {
		propose(EL_NS_PER_S, 3600 * EL_NS_PER_S, true);
		run(50);
		assert_int_equal(world.begun[0][i]->generation, i);
		assert_in_range(world.rollout.n, 1, EL_SCHEDULE_SPANS_MAX + 1);
	}
	for (uint64_t i = 1; i <= 22; i++)
		assert_int_equal(world.published[i], 1);
	assert_int_equal(world.published[23], 0);
	end_world();
}

/* Plans of which nothing is open make room before one of which something is. */
static void what_is_open_stays_longest(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 3600 * EL_NS_PER_S);
	run(100);
	for (uint64_t i = 2; i <= 30; i++) {
		propose(EL_NS_PER_S, 10 * MS, true);
		run(50);
		assert_int_equal(world.begun[0][i]->generation, i);
	}
	assert_int_equal(world.published[1], 0);
	assert_int_equal(world.published[2], 1);
	end_world();
}

/* A plan that takes the place of one that has not begun needs no room. */
static void a_plan_in_place_of_one_that_has_not_begun(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 3600 * EL_NS_PER_S);
	run(100);
	for (int i = 2; i < EL_SCHEDULE_SPANS_MAX; i++) {
		propose(EL_NS_PER_S, 3600 * EL_NS_PER_S, true);
		run(50);
	}
	for (int i = 0; i < 10; i++) { /* that follow the round under way */
		propose(EL_NS_PER_S, 3600 * EL_NS_PER_S, false);
		run(20);
	}
	run(EL_NS_PER_S / MS);
	assert_int_equal(world.workers[0].begun, EL_SCHEDULE_SPANS_MAX);
	assert_int_equal(world.published[1], 0);
	end_world();
}

/* Answers may come late for a minute after the last round of a plan; its blocks go before. */
static void an_old_plan_goes_after_a_minute(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 100 * MS);
	run(100);
	propose(EL_NS_PER_S, 100 * MS, true);
	run(3000);
	assert_int_equal(world.rollout.n, 2);
	assert_null(world.rollout.generations[0].rounds);
	run(56000);
	assert_int_equal(world.rollout.n, 2);
	run(5000);
	assert_int_equal(world.rollout.n, 1);
	end_world();
}

/* Changes that come faster than rounds can begin leave some rounds to each but the last. */
static void a_storm_of_changes_probes_something(void **state)
{
	(void)state;
	begin_world(EL_NS_PER_S, 10 * MS);
	for (int i = 0; i < 1000; i++) {
		propose(EL_NS_PER_S, 10 * MS, true);
		run(10);
	}
	assert_in_range(world.workers[0].begun, 200, ROUNDS);
	end_world();
}

/* One event of any kind. */
static void any_event(void)
{
	static const uint64_t periods[] = {0, 5 * MS, 20 * MS, 200 * MS};
	static const uint64_t timeouts[] = {1 * MS, 30 * MS, EL_NS_PER_S, 3600 * EL_NS_PER_S};
	struct worker *x = &world.workers[random() % WORKERS];

	switch (random() % 16) {
	case 0:
		propose(periods[random() % 4], timeouts[random() % 4], random() % 2);
		break;
	case 1:
		world.hops_settled = random() % 4;
		world.is_making = random() % 8 == 0;
		break;
	case 2:
	case 3:
	case 4:
		publish_one();
		break;
	case 5:
		world.now_ns +=
		    random() % 50 == 0 ? 61 * EL_NS_PER_S : (uint64_t)random() % (30 * MS);
		break;
	case 6:
	case 7:
	case 8:
		world.now_ns += MS;
		tick();
		break;
	case 9:
	case 10:
	case 11:
		worker_rests(x);
		break;
	default: /* an iteration that is not over yet */
		worker_works(x);
		if (random() % 2)
			worker_rests(x);
	}
}

static void any_order(void **state)
{
	unsigned seed = getenv("EL_ROLLOUT_SEED") ? (unsigned)atoi(getenv("EL_ROLLOUT_SEED")) : 0;
	unsigned end = getenv("EL_ROLLOUT_SEED") ? seed + 1 : 100000;

	(void)state;
	for (; seed < end; seed++) {
		srandom(seed);
		begin_world(random() % 2 ? 20 * MS : 0, random() % 2 ? MS : 100 * MS);
		for (long n = 20 + random() % 200; n > 0; n--)
			any_event();
		world.hops_settled = true;
		world.is_making = false;
		end_world_as(random() % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_round_waits_for_names_and_hops),
	    cmocka_unit_test(a_plan_before_the_first_round_takes_its_place),
	    cmocka_unit_test(a_change_follows_the_round_under_way),
	    cmocka_unit_test(a_cut_begins_at_once),
	    cmocka_unit_test(no_change_waits_for_a_timeout),
	    cmocka_unit_test(what_is_open_stays_longest),
	    cmocka_unit_test(a_plan_in_place_of_one_that_has_not_begun),
	    cmocka_unit_test(an_old_plan_goes_after_a_minute),
	    cmocka_unit_test(a_storm_of_changes_probes_something),
	    cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests_name("rollout", tests, NULL, NULL);
}
