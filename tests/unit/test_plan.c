/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_fixture.h"

/* Every record of a plan belongs to one (slice, packet), and each slice has exactly its packets. */
static void check_records(const struct el_plan *plan)
{
	uint32_t *packets = calloc(plan->n_slices, sizeof(*packets));

	for (uint32_t i = 0; i < plan->n_records; i++) {
		uint32_t pass, packet, s = el_plan_locate(plan, i, &pass).v;
		const struct el_plan_class *c = el_plan_class_of(plan, i);
		assert_in_range(s, c->first_slice, c->first_slice + c->n_slices - 1);
		assert_int_equal(i, c->base + pass * c->n_slices + (s - c->first_slice));
		if (el_slice_packet_of_pass(&plan->slices[s], pass, &packet))
			assert_int_equal(packet, packets[s]++);
	}
	for (uint32_t s = 0; s < plan->n_slices; s++)
		assert_int_equal(packets[s], plan->slices[s].n_packets);
	free(packets);
}

static void classes_are_pass_major(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;
	const struct el_plan *plan;

	(void)state;
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 10);
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.2", 3);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.3", 10);
	set = compile(f);
	plan = set->plans[0];
	assert_int_equal(plan->n_classes, 2);
	assert_int_equal(plan->n_records, 23);
	assert_int_equal(plan->classes[0].n_packets, 3);
	assert_int_equal(plan->classes[1].n_slices, 2);
	check_records(plan);
	assert_int_equal(set->n_probes, 23);
	assert_int_equal(set->n_blocks, 3); /* ceil(1 / 10) + 2 */
	assert_int_equal(set->period_tsc, 10 * HZ);
	assert_int_equal(set->timeout_tsc, HZ);
	el_plan_set_put(set);
	free(f);
}

static void many_counts_share_classes(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;
	uint64_t used = 0;

	(void)state;
	for (uint32_t i = 1; i <= 300; i++)
		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", i);
	set = compile(f);
	assert_int_equal(set->plans[0]->n_classes, EL_PLAN_CLASSES_MAX);
	check_records(set->plans[0]);
	for (uint32_t i = 1; i <= 300; i++)
		used += i;
	assert_int_equal(set->n_probes, used);
	assert_true(set->plans[0]->n_records < used + used / 10);
	el_plan_set_put(set);
	free(f);
}

static void rates_are_exact(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;
	uint64_t rate;

	(void)state;
	for (int i = 0; i < 7; i++)
		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 13);
	set = compile(f);
	rate = set->plans[0]->classes[0].rate_q64;
	/* all 91 are due at the end of the window, the last not a microsecond before its turn */
	assert_int_equal(set->window_tsc, 98 * HZ / 10);
	assert_int_equal((uint64_t)(((unsigned __int128)set->window_tsc * rate) >> 64), 91);
	assert_int_equal((uint64_t)(((unsigned __int128)(set->window_tsc - 1000) * rate) >> 64),
			 90);
	el_plan_set_put(set);
	/* the cap stretches the round, and the time that a round needs follows it */
	f->in.rate_pps = 7;
	set = compile(f);
	assert_int_equal(set->window_tsc, 13 * HZ);
	assert_in_range(set->period_tsc, 13 * HZ / 98 * 100 - 1, 13 * HZ / 98 * 100 + 100);
	assert_true(fabs(set->iteration_s - 14) < 1e-9);
	el_plan_set_put(set);
	/* interval_packets: pass p starts at p times that */
	f->in.rate_pps = 0;
	f->in.interval_packets_s = 0.1;
	set = compile(f);
	assert_int_equal(set->window_tsc, 13 * HZ / 10);
	assert_int_equal(set->period_tsc, 10 * HZ);
	el_plan_set_put(set);
	f->in.interval_packets_s = 2;
	set = compile(f);
	assert_int_equal(set->window_tsc, 26 * HZ);
	assert_in_range(set->period_tsc, 26 * HZ / 98 * 100 - 1, 26 * HZ / 98 * 100 + 100);
	el_plan_set_put(set);
	f->in.interval_packets_s = 0;
	f->in.asap = true;
	set = compile(f);
	assert_int_equal(set->plans[0]->classes[0].rate_q64, UINT64_MAX);
	assert_int_equal(set->period_tsc, 10 * HZ);
	el_plan_set_put(set);
	/* no interval: a round follows when the one before is sent, also where a cap paces it */
	f->in.interval_s = 0;
	f->in.rate_pps = 7;
	set = compile(f);
	assert_int_equal(set->window_tsc, 13 * HZ);
	assert_int_equal(set->period_tsc, 0);
	assert_int_equal(set->n_blocks, 3);
	el_plan_set_put(set);
	free(f);
}

/* Two groups with the same two ports, one target: the two slices must not use a port in the same
 * pass. */
static void same_ports_are_shared(void **state)
{
	struct fixture *f = fixture(2, 2);
	struct el_plan_set *set;
	const struct el_slice *s;

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 100);
	set = compile(f);
	s = set->plans[0]->slices;
	assert_int_equal(set->plans[0]->n_slices, 2);
	for (uint32_t n = 0; n < 100; n++)
		assert_int_not_equal(el_slice_port(&s[0], n), el_slice_port(&s[1], n));
	assert_int_equal(set->plans[0]->n_paths, 2);
	assert_int_equal(s[0].path_first, s[1].path_first);
	el_plan_set_put(set);
	free(f);
}

/* With ports enough no 4-tuple comes twice in a round, and no table is kept. */
static void enough_ports_need_no_table(void **state)
{
	struct fixture *f = fixture(2, 200);
	struct el_plan_set *set;
	bool used[200] = {false};

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 100);
	f->in.interval_s = 70; /* longer than a peer waits for the end of a handshake */
	set = compile(f);
	for (uint32_t k = 0; k < 2; k++) {
		const struct el_slice *s = &set->plans[0]->slices[k];
		assert_int_equal(s->path_first, EL_PATH_NONE);
		for (uint32_t n = 0; n < 100; n++) {
			uint16_t port = el_slice_port(s, n);
			assert_in_range(port, 65000, 65199);
			assert_false(used[port - 65000]);
			used[port - 65000] = true;
		}
	}
	assert_int_equal(set->plans[0]->n_paths, 0);
	el_plan_set_put(set);
	/* an answer that is lost leaves the peer waiting: closer rounds bring the table back */
	f->in.interval_s = 10;
	set = compile(f);
	assert_int_equal(set->plans[0]->n_paths, 200);
	el_plan_set_put(set);
	free(f);
}

/* netprobify's rule holds for a stream alone: packet n leaves from src_port_a + n mod ports. */
static void ports_go_round_the_range(void **state)
{
	struct fixture *f = fixture(1, 7);
	struct el_plan_set *set;

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 20);
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.1", 20);
	set = compile(f);
	for (uint32_t s = 0; s < 2; s++) {
		for (uint32_t n = 0; n < 20; n++)
			assert_int_equal(el_slice_port(&set->plans[0]->slices[s], n),
					 65000 + n % 7);
	}
	el_plan_set_put(set);
	free(f);
}

static void expect_error(struct fixture *f, int code, const char *part)
{
	struct el_plan_set *set = NULL;
	struct el_error err = {{0}};

	assert_int_equal(el_plan_compile(&f->in, &set, &err), code);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	assert_null(set);
}

static void limits_are_errors_with_numbers(void **state)
{
	struct fixture *f = fixture(1, 2);

	(void)state;
	for (int i = 0; i < 9; i++) {
		add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 10);
		f->targets[i].ip_payload_size = 100 + i;
	}
	expect_error(f, -ENOSPC, "8 different ip_payload_size");
	f->targets[8].ip_payload_size = 100;
	f->in.max_probes = 89;
	expect_error(f, -E2BIG, "90 probes");
	f->in.max_probes = 1000;
	f->targets[0].ip_payload_size = 1481;
	expect_error(f, -EMSGSIZE, "1501 bytes");
	f->targets[0].ip_payload_size = 1480;
	free(f);
	/* 2^27 records, and rounds of a second open for an hour: 27 + 12 bits */
	f = fixture(1, 2);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 90000000);
	f->targets[0].timeout_s = 3600;
	f->in.interval_s = 1;
	expect_error(f, -E2BIG, "32 bits");
	free(f);
}

static void workers_get_their_own(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;

	(void)state;
	f->workers = 3;
	for (int i = 0; i < 10; i++)
		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 5);
	set = compile(f);
	assert_int_equal(set->plans[0]->n_slices, 4);
	assert_int_equal(set->plans[1]->n_slices, 3);
	assert_int_equal(set->plans[2]->n_slices, 3);
	for (uint32_t w = 0; w < 3; w++)
		check_records(set->plans[w]);
	el_plan_set_put(set);
	/* workers without work have plans too */
	f->workers = 12;
	set = compile(f);
	assert_int_equal(set->plans[11]->n_records, 0);
	el_plan_set_put(set);
	free(f);
}

static void records_keep_their_fields(void **state)
{
	uint64_t sent_tsc = 0xfffffffffffff000, seen_tsc = sent_tsc + 5000;
	el_record r = el_record_sent(sent_tsc);

	(void)state;
	assert_int_equal(el_record_state(0), EL_RECORD_UNSENT);
	assert_int_equal(el_record_state(r), EL_RECORD_SENT);
	assert_int_equal(el_record_time(r), sent_tsc & EL_RECORD_TIME_MASK);
	r = el_record_answered(r | EL_RECORD_ICMP_ERROR, seen_tsc);
	assert_int_equal(el_record_state(r), EL_RECORD_ANSWERED);
	assert_int_equal(el_record_time(r), 5000);
	assert_true(r & EL_RECORD_ICMP_ERROR);
	for (unsigned i = 1; i < 6; i++) {
		r = el_record_duplicate(r);
		assert_int_equal(el_record_duplicates(r), i < 3 ? i : 3);
		assert_int_equal(el_record_time(r), 5000);
		assert_int_equal(el_record_state(r), EL_RECORD_ANSWERED);
	}
	/* a receive stamp before the send shows in the sign */
	r = el_record_answered(el_record_sent(1000), 900);
	assert_true(r & EL_RECORD_TIME_SIGN);
	assert_int_equal(el_record_state(el_record_local()), EL_RECORD_LOCAL);
	assert_int_equal(el_stamp_tsc(el_stamp_make(123456789, 255)), 123456789);
	assert_int_equal(el_stamp_count(el_stamp_make(123456789, 255)), 255);
}

static void blocks_are_empty_again(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;
	struct el_block *b;

	(void)state;
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 5);
	set = compile(f);
	b = el_block_create(set, 0);
	assert_non_null(b);
	b->records[4] = el_record_sent(1);
	b->n_stamps[0] = 5;
	b->cut = true;
	el_block_reset(b, 7, 8);
	assert_int_equal(b->records[4], 0);
	assert_int_equal(b->n_stamps[0], 0);
	assert_false(b->cut);
	assert_int_equal(b->round, 7);
	assert_int_equal(b->start_tsc, 8);
	el_plan_set_put(set); /* the block still holds it */
	el_block_free(b);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(classes_are_pass_major),
	    cmocka_unit_test(many_counts_share_classes),
	    cmocka_unit_test(rates_are_exact),
	    cmocka_unit_test(same_ports_are_shared),
	    cmocka_unit_test(enough_ports_need_no_table),
	    cmocka_unit_test(ports_go_round_the_range),
	    cmocka_unit_test(limits_are_errors_with_numbers),
	    cmocka_unit_test(workers_get_their_own),
	    cmocka_unit_test(records_keep_their_fields),
	    cmocka_unit_test(blocks_are_empty_again),
	};

	el_log_set_level(EL_LOG_ERROR);
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
