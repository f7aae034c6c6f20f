/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement by itself: what is remembered, for how much, and when it is asked for. */
#include "plan_fixture.h"

#include <rte_ethdev.h>

#include "steering.h"

static struct el_port port;

static struct steering *steering(uint16_t queues)
{
	struct steering *p = steering_create();

	port.n_queues = queues;
	port.rss = (struct el_port_rss){.on = true}; /* a device that tells nothing */
	steering_add_port(p, &port);
	return p;
}

/* A slice of IPv4 addresses. */
static struct el_slice slice(uint32_t target, enum el_probe_type type)
{
	return (struct el_slice){
	    .type = (uint8_t)type, .family = 4, .n_packets = 1, .addr_key = target};
}

/* A plan set of `n` slices that worker 0 of `workers` has, whose answers came in at
 * rx_worker[number]. */
struct plans {
	struct el_plan_set set;
	struct el_plan plans[16];
	struct el_slice *slices;
	_Atomic uint8_t *rx_worker;
	struct el_streams streams;
};

static void plans_init(struct plans *x, uint32_t n, uint32_t workers, uint32_t first)
{
	*x = (struct plans){.set = {.n_workers = workers}};
	for (uint32_t w = 0; w < workers; w++) {
		x->plans[w].worker.v = (uint16_t)w;
		x->set.plans[w] = &x->plans[w];
	}
	x->slices = aligned_alloc(64, n * sizeof(*x->slices));
	x->streams.set = &x->set;
	x->streams.of[0].rx_worker = x->rx_worker = calloc(n, 1);
	for (uint32_t i = 0; i < n; i++) {
		x->slices[i] = slice(first + i, EL_PROBE_TCPSYN);
		x->rx_worker[i] = (uint8_t)(i % workers ? i % workers + 1 : 0);
	}
	x->plans[0].n_slices = n;
	x->plans[0].slices = x->slices;
}

static void plans_fini(struct plans *x)
{
	free(x->slices);
	free((void *)(uintptr_t)x->rx_worker);
}

static void what_is_learnt_is_kept(void **state)
{
	struct steering *p = steering(4);
	struct plans x;

	(void)state;
	plans_init(&x, 5000, 4, 0);
	assert_int_equal(steering_learn(p, &x.streams), 3750);
	for (uint32_t i = 0; i < 5000; i++) {
		struct el_slice s = slice(i, EL_PROBE_TCPSYN);
		if (i % 4)
			assert_int_equal(steering_worker(p, &s), i % 4);
	}
	/* it is no use to a port that has fewer queues now */
	port.n_queues = 2;
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(steering_worker(p, &x.slices[i]) < 2);
	plans_fini(&x);
	steering_destroy(p);
}

static void types_are_apart(void **state)
{
	struct steering *p = steering(2);
	struct el_slice tcp = slice(7, EL_PROBE_TCPSYN), icmp = slice(7, EL_PROBE_ICMPPING);
	uint32_t before = steering_worker(p, &icmp);
	struct plans x;

	(void)state;
	plans_init(&x, 8, 2, 0);
	for (int i = 0; i < 8; i++) { /* half of them anew each */
		x.rx_worker[i] = i < 4 ? 2 : 0;
	}
	x.slices[0] = tcp;
	steering_learn(p, &x.streams);
	assert_int_equal(steering_worker(p, &tcp), 1);
	assert_int_equal(steering_worker(p, &icmp), before);
	plans_fini(&x);
	steering_destroy(p);
}

/* However many there are, memory is bounded: what is learnt last counts. */
static void memory_is_bounded(void **state)
{
	struct steering *p = steering(2);
	struct plans x;

	(void)state;
	for (uint32_t k = 0; k < 3; k++) {
		plans_init(&x, 1000000, 2, k * 1000000);
		assert_int_equal(steering_learn(p, &x.streams), 500000);
		for (uint32_t i = 1; i < 1000000; i += 999)
			assert_true(i % 2 == 0 || steering_worker(p, &x.slices[i]) == 1);
		plans_fini(&x);
	}
	plans_init(&x, 3000000, 2, 0);
	assert_int_equal(steering_learn(p, &x.streams), 1 << 20);
	plans_fini(&x);
	steering_destroy(p);
}

/* Nothing is learnt that would leave most of the work to few. */
static void work_stays_spread(void **state)
{
	static const struct {
		uint16_t queues;
		uint32_t shares; /* of 16 slices, come in elsewhere than at worker 0 */
		bool learnt;
	} cases[] = {{2, 3, false},  {2, 4, true},  {2, 12, true},
		     {2, 13, false}, {8, 12, true}, {8, 11, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct steering *p = steering(cases[i].queues);
		struct plans x;
		plans_init(&x, 16, cases[i].queues, 0);
		for (uint32_t k = 0; k < 16; k++)
			x.rx_worker[k] =
			    (uint8_t)(k < cases[i].shares ? 2 + k % (cases[i].queues - 1U) : 0);
		if ((steering_learn(p, &x.streams) > 0) != cases[i].learnt)
			fail_msg("case %zu", i);
		plans_fini(&x);
		steering_destroy(p);
	}
}

static void it_is_not_asked_for_again_and_again(void **state)
{
	struct steering_watch w = {0};
	uint32_t asked = 0;

	(void)state;
	assert_false(steering_watch_round(&w, 0, 0));
	assert_false(steering_watch_round(&w, 10, 1000));
	for (int i = 0; i < 1000; i++)
		asked += steering_watch_round(&w, 500, 1000);
	assert_int_equal(asked, 3);
	/* rounds without need give it back, slowly */
	for (int i = 0; i < 63; i++)
		assert_false(steering_watch_round(&w, 0, 1000));
	assert_false(steering_watch_round(&w, 500, 1000));
	for (int i = 0; i < 64; i++)
		assert_false(steering_watch_round(&w, 0, 1000));
	assert_true(steering_watch_round(&w, 11, 1000));
	assert_false(steering_watch_round(&w, 11, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_learnt_is_kept),
	    cmocka_unit_test(types_are_apart),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(work_stays_spread),
	    cmocka_unit_test(it_is_not_asked_for_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
