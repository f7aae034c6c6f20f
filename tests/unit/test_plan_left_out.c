/* SPDX-License-Identifier: BSD-3-Clause */
/* One impossible target among others: it is left out alone, and seen; the rest is probed. */
#include "plan_fixture.h"

/* What can be wrong with one target, given to the last of the fixture's. */
enum fault {
	TOO_LONG_FOR_THE_PORT,
	TOO_LONG_FOR_ALL,
	A_NINTH_SIZE,
	TOO_SLOW_BY_NUMBER,
	TOO_SLOW_FOR_IDS,
	TOO_SLOW_FOR_MEMORY,
	TOO_LARGE_FOR_MEMORY,
	NO_ROUTE,
	NO_SOURCE,
	NO_NEXT_HOP,
	NO_HOST,
	FROM_ITSELF,
	FAULTS
};

static const struct {
	enum el_model_status status;
	int error; /* where a target of the configuration has it; 0: it is left out, too */
} expected[FAULTS] = {
    [TOO_LONG_FOR_THE_PORT] = {EL_MODEL_TOO_LONG, 0},
    [TOO_LONG_FOR_ALL] = {EL_MODEL_TOO_LONG, -EMSGSIZE},
    [A_NINTH_SIZE] = {EL_MODEL_TOO_MANY_SIZES, -ENOSPC},
    [TOO_SLOW_BY_NUMBER] = {EL_MODEL_TOO_SLOW, -E2BIG},
    [TOO_SLOW_FOR_IDS] = {EL_MODEL_TOO_SLOW, -E2BIG},
    [TOO_SLOW_FOR_MEMORY] = {EL_MODEL_TOO_SLOW, 0},
    [TOO_LARGE_FOR_MEMORY] = {EL_MODEL_TOO_MANY_PROBES, -ENOMEM},
    [NO_ROUTE] = {EL_MODEL_NO_ROUTE, 0},
    [NO_SOURCE] = {EL_MODEL_NO_SOURCE, 0},
    [NO_NEXT_HOP] = {EL_MODEL_NO_NEXT_HOP, 0},
    [NO_HOST] = {EL_MODEL_NO_HOST, 0},
    [FROM_ITSELF] = {EL_MODEL_OWN_ADDRESS, 0},
};

#define GOOD 8

/* The route to an address that ends with .250 has the status that the test asks for. */
static enum el_model_status route_status;

static struct el_plan_route some_route(void *ctx, const struct el_model_target *target,
				       const struct el_model_group *group,
				       const struct el_ip *destination)
{
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	if (destination->bytes[3] == 250)
		r = (struct el_plan_route){.status = route_status};
	return r;
}

/* Eight good targets of eight sizes in two groups, 16 series, and one with a fault after them. */
static struct fixture *with_fault(enum fault fault)
{
	struct fixture *f = fixture(2, 100);
	struct el_model_target *bad = &f->targets[GOOD];
	uint32_t packets = fault == TOO_SLOW_FOR_IDS ? 3000000 : 10;

	for (int i = 0; i < GOOD; i++) {
		char address[32];
		snprintf(address, sizeof(address), "198.51.100.%d", i + 1);
		add_target(f, EL_PROBE_TCPSYN, address, packets);
		f->targets[i].ip_payload_size = 100 + i;
	}
	add_target(f, EL_PROBE_TCPSYN,
		   fault == NO_HOST       ? "239.1.1.1"
		   : fault == FROM_ITSELF ? "192.0.2.10" /* fixture_route */
		   : fault >= NO_ROUTE    ? "198.51.100.250"
					  : "198.51.100.100",
		   10);
	f->in.interval_s = 1;
	f->in.route = some_route;
	route_status = expected[fault].status;
	bad->ip_payload_size = 100;
	bad->timeout_s = fault == TOO_SLOW_BY_NUMBER    ? 3600
			 : fault == TOO_SLOW_FOR_IDS    ? 500
			 : fault == TOO_SLOW_FOR_MEMORY ? 500
							: 1;
	if (fault == TOO_LONG_FOR_THE_PORT)
		bad->ip_payload_size = 3000;
	else if (fault == TOO_LONG_FOR_ALL)
		bad->ip_payload_size = 9300;
	else if (fault == A_NINTH_SIZE)
		bad->ip_payload_size = 200;
	if (fault == TOO_SLOW_FOR_MEMORY)
		f->in.memory_bytes = 100000; /* the rounds of 1 s would take 700 kB */
	if (fault == TOO_LARGE_FOR_MEMORY) {
		bad->nb_packets = 1000000;
		f->in.memory_bytes = 10000000;
	}
	return f;
}

static bool is_planned(const struct el_plan_set *set, uint32_t series)
{
	for (uint32_t i = 0; i < set->plans[0]->n_slices; i++) {
		if (set->plans[0]->slices[i].series == series)
			return true;
	}
	return false;
}

static void assert_left_out(struct fixture *f, enum el_model_status status)
{
	struct el_plan_set *set = compile(f);

	for (uint32_t s = 0; s < f->model.n_series; s++) {
		bool bad = f->series[s].target == GOOD;
		assert_int_equal(is_planned(set, s), !bad);
		assert_int_equal(f->series[s].status, bad ? status : EL_MODEL_ACTIVE);
		assert_int_equal(el_model_is_probed(&f->series[s]), !bad);
	}
	for (int i = EL_MODEL_ACTIVE + 1; i < EL_MODEL_STATUSES; i++)
		assert_int_equal(f->model.n_not_probed[i], i == (int)status);
	assert_true(set->n_blocks < 20);
	assert_int_equal(set->n_probes, (uint64_t)2 * GOOD * f->targets[0].nb_packets);
	assert_true(el_plan_set_blocks_bytes(set) <= f->in.memory_bytes || !f->in.memory_bytes);
	el_plan_set_put(set);
}

/* Of an inventory: left out at the start, by a reload and while running. */
static void of_an_inventory(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		for (int update = 0; update < 2; update++) {
			struct fixture *f = with_fault((enum fault)fault);
			f->targets[GOOD].dynamic = true;
			f->in.is_update = update;
			assert_left_out(f, expected[fault].status);
			free(f);
		}
	}
}

/* Of the configuration: what depends on the ports is left out, and the rest an error at the start
 * and by a reload. */
static void of_the_configuration(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		struct fixture *f = with_fault((enum fault)fault);
		struct el_plan_set *set = NULL;
		struct el_error err = {{0}};

		if (fault == TOO_SLOW_FOR_MEMORY)
			f->in.memory_bytes = 0; /* which is no matter of one target then */
		if (fault == TOO_SLOW_FOR_MEMORY || !expected[fault].error) {
			int code = el_plan_compile(&f->in, &set, &err);
			if (code < 0)
				fail_msg("fault %d: %s", fault, err.text);
			el_plan_set_put(set);
			free(f);
			continue;
		}
		assert_int_equal(el_plan_compile(&f->in, &set, &err), expected[fault].error);
		assert_true(strlen(err.text) > 20);
		free(f);
	}
}

/* A fault that comes up later, since a name has an address only now, is no error any more. */
static void of_the_configuration_while_running(void **state)
{
	static const enum fault faults[] = {TOO_LONG_FOR_THE_PORT, TOO_LONG_FOR_ALL, A_NINTH_SIZE};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct fixture *f = with_fault(faults[i]);
		f->in.is_update = true;
		assert_left_out(f, expected[faults[i]].status);
		free(f);
	}
}

/* An inventory's target that comes first takes nothing away from those of the configuration. */
static void the_configuration_comes_first(void **state)
{
	struct fixture *f = with_fault(A_NINTH_SIZE);
	struct el_model_target first = f->targets[0];
	struct el_plan_set *set;

	(void)state;
	f->targets[0].ip_payload_size = f->targets[GOOD].ip_payload_size;
	f->targets[GOOD].ip_payload_size = first.ip_payload_size;
	f->targets[0].dynamic = true;
	set = compile(f);
	assert_int_equal(f->series[0].status, EL_MODEL_TOO_MANY_SIZES);
	for (uint32_t s = 2; s < f->model.n_series; s++)
		assert_int_equal(f->series[s].status, EL_MODEL_ACTIVE);
	el_plan_set_put(set);
	free(f);
}

/* A subnet of which some addresses can't be probed is probed, and is not among those that are not.
 */
static void in_part(void **state)
{
	struct fixture *f = fixture(1, 100);
	struct el_plan_set *set;

	(void)state;
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.249", 1);
	f->targets[0].is_subnet = true;
	for (int i = 1; i < 4; i++) {
		f->streams[i] = f->streams[0];
		f->streams[i].address.bytes[3] = (uint8_t)(249 + i);
	}
	f->model.n_streams = f->series[0].n_streams = 4;
	f->in.route = some_route;
	route_status = EL_MODEL_NO_ROUTE;
	set = compile(f);
	assert_int_equal(set->n_probes, 3);
	assert_true(f->series[0].in_part);
	assert_true(el_model_is_probed(&f->series[0]));
	assert_int_equal(f->model.n_not_probed[EL_MODEL_NO_ROUTE], 0);
	el_plan_set_put(set);
	free(f);
}

/* What no host has as its address, of both families. */
static void addresses_of_no_host(void **state)
{
	static const char *const addresses[] = {
	    "0.0.0.0",         "127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
	    "255.255.255.255", "::",        "::1",       "ff02::1",         "ff0e::1",
	    "::ffff:192.0.2.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct fixture *f = fixture(1, 10);
		struct el_plan_set *set;

		add_target(f, EL_PROBE_ICMPPING, addresses[i], 1);
		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 1);
		set = compile(f);
		assert_int_equal(f->series[0].status, EL_MODEL_NO_HOST);
		assert_int_equal(f->series[1].status, EL_MODEL_ACTIVE);
		assert_int_equal(set->n_probes, 1);
		el_plan_set_put(set);
		free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_no_host),
	    cmocka_unit_test(of_an_inventory),
	    cmocka_unit_test(of_the_configuration),
	    cmocka_unit_test(of_the_configuration_while_running),
	    cmocka_unit_test(the_configuration_comes_first),
	    cmocka_unit_test(in_part),
	};

	el_log_set_level(EL_LOG_ERROR);
	return cmocka_run_group_tests_name("plan_left_out", tests, NULL, NULL);
}
