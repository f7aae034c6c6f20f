/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said where source ports are too few, with numbers that were worked out by hand. Probes
 * are spread over 98 % of the interval: of 100 in 10 s one leaves every 98 ms. */
#include "plan_fixture.h"

struct example {
	uint32_t packets, ports;
	double interval_s, timeout_s;
	uint32_t n_groups;
	uint32_t needed;  /* 0: nothing is said, unless `says` */
	const char *says; /* NULL: nothing */
};

static const struct example examples[] = {
    /* a port for each probe of a round, and rounds a timeout apart */
    {100, 100, 10, 1, 1, 0, NULL},
    {100, 100, 1, 1, 1, 0, NULL},
    /* back after 100 of 150 probes: 6.53 s; in the next round 10 - 6.53 s later */
    {150, 100, 10, 1, 1, 0, NULL},
    {150, 100, 10, 3.4, 1, 0, NULL},
    {150, 100, 10, 3.5, 1, 150, "150 source ports would avoid that"},
    /* back after 0.98 s. 21 ports: after 2.06 s, but the last use of the first port is that of
     * probe 84, at 8.23 s, 1.77 s before the next round; 25: probe 75, at 7.35 s, 2.65 s before */
    {100, 10, 10, 2, 1, 25, "25 source ports would avoid that"},
    {100, 10, 10, 0.9, 1, 0, NULL},
    /* two groups on the same ports are twice the probes */
    {50, 50, 10, 1, 2, 0, NULL},
    {50, 10, 10, 2, 2, 25, "gets 100 TCP probes a round from 10 source ports"},
    /* rounds are closer than the timeout */
    {10, 100, 10, 20, 1, 0, "an interval of at least 20 s would help"},
    {100000, 1000, 1, 1, 1, 0, "no number of ports would"},
};

static struct el_plan_set *compile_example(struct fixture **ret, const struct example *e)
{
	struct fixture *f = *ret = fixture(e->n_groups, (uint16_t)e->ports);

	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", e->packets);
	f->targets[0].timeout_s = e->timeout_s;
	f->in.interval_s = e->interval_s;
	return compile(f);
}

static void numbers_are_those_worked_out_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct fixture *f;
		struct el_plan_set *set = compile_example(&f, e);
		char text[768] = "";
		bool says = el_plan_tight_text(&set->tight, text, sizeof(text));

		if (says != (e->says != NULL) || (says && !strstr(text, e->says)))
			fail_msg("example %zu: %s", i, says ? text : "nothing is said");
		assert_int_equal(set->tight.needed, e->needed);
		el_plan_set_put(set);
		free(f);
	}
}

/* The number that is named is enough, and one less is not. */
static void what_is_needed_is_enough(void **state)
{
	uint64_t random = 7;
	uint32_t named = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct example e = {.packets = 2 + (uint32_t)(unit_random(&random) % 300),
				    .ports = 1 + (uint32_t)(unit_random(&random) % 100),
				    .interval_s = 5,
				    .timeout_s = 0.1 + (double)(unit_random(&random) % 48) / 10,
				    .n_groups = 1};
		struct fixture *f;
		struct el_plan_set *set = compile_example(&f, &e);
		uint32_t needed = set->tight.needed;

		el_plan_set_put(set);
		free(f);
		if (!needed)
			continue;
		named++;
		assert_true(needed > e.ports);
		for (e.ports = needed - 1; e.ports <= needed; e.ports++) {
			set = compile_example(&f, &e);
			assert_int_equal(set->tight.n, e.ports < needed);
			el_plan_set_put(set);
			free(f);
		}
	}
	assert_true(named > 50);
}

/* The timeout is that of the targets that share the ports. */
static void other_targets_timeouts_do_not_count(void **state)
{
	struct fixture *f = fixture(1, 100);
	struct el_plan_set *set;

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 100);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 10);
	f->targets[1].timeout_s = 60;
	set = compile(f);
	assert_int_equal(set->tight.n, 0);
	el_plan_set_put(set);
	free(f);
}

/* More ports don't help groups whose ports overlap in part. */
static void ports_that_overlap(void **state)
{
	struct fixture *f = fixture(2, 100);
	struct el_plan_set *set;
	char text[768];

	(void)state;
	f->groups[1].src_port_first = 65050;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 10);
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.2", 20);
	set = compile(f);
	assert_true(el_plan_tight_text(&set->tight, text, sizeof(text)));
	assert_non_null(strstr(text, "gets 40 TCP probes a round from 150 source ports"));
	assert_non_null(strstr(text, "ports that no two of them share"));
	assert_non_null(strstr(text, "so it is with 2 destinations"));
	assert_null(strstr(text, "would avoid"));
	el_plan_set_put(set);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_those_worked_out_by_hand),
	    cmocka_unit_test(what_is_needed_is_enough),
	    cmocka_unit_test(other_targets_timeouts_do_not_count),
	    cmocka_unit_test(ports_that_overlap),
	};
	return cmocka_run_group_tests_name("plan_ports", tests, NULL, NULL);
}
