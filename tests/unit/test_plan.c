/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_fixture.h"

#include <arpa/inet.h>
#include <errno.h>

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
	assert_int_equal(set->period_ns, 10 * EL_NS_PER_S);
	assert_int_equal(set->timeout_ns, EL_NS_PER_S);
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
	assert_int_equal(set->window_ns, 98 * EL_NS_PER_S / 10);
	assert_int_equal((uint64_t)(((unsigned __int128)set->window_ns * rate) >> 64), 91);
	assert_int_equal((uint64_t)(((unsigned __int128)(set->window_ns - 1000) * rate) >> 64), 90);
	el_plan_set_put(set);
	/* the cap stretches the round, and the time that a round needs follows it */
	f->in.rate_pps = 7;
	set = compile(f);
	assert_int_equal(set->window_ns, 13 * EL_NS_PER_S);
	assert_in_range(set->period_ns, 13 * EL_NS_PER_S / 98 * 100 - 1,
			13 * EL_NS_PER_S / 98 * 100 + 100);
	assert_true(fabs(set->iteration_s - 14) < 1e-9);
	el_plan_set_put(set);
	/* interval_packets: pass p starts at p times that */
	f->in.rate_pps = 0;
	f->in.interval_packets_s = 0.1;
	set = compile(f);
	assert_int_equal(set->window_ns, 13 * EL_NS_PER_S / 10);
	assert_int_equal(set->period_ns, 10 * EL_NS_PER_S);
	assert_true(fabs(set->iteration_s - 2.3) < 1e-9);
	el_plan_set_put(set);
	/* the global timeout bounds that, the interval staying the least */
	f->in.interval_packets_s = 2;
	f->in.round_timeout_s = 20;
	set = compile(f);
	assert_int_equal(set->period_ns, 20 * EL_NS_PER_S);
	assert_int_equal(set->limit_ns, 19 * EL_NS_PER_S);
	assert_true(fabs(set->iteration_s - 20) < 1e-9);
	el_plan_set_put(set);
	f->in.interval_packets_s = 0;
	f->in.round_timeout_s = 3;
	set = compile(f);
	assert_int_equal(set->limit_ns, 10 * EL_NS_PER_S);
	assert_true(fabs(set->iteration_s - 1) < 1e-9);
	el_plan_set_put(set);
	f->in.interval_packets_s = 2;
	f->in.round_timeout_s = 0;
	set = compile(f);
	assert_int_equal(set->window_ns, 26 * EL_NS_PER_S);
	assert_true(fabs(set->iteration_s - 27) < 1e-9);
	assert_in_range(set->period_ns, 26 * EL_NS_PER_S / 98 * 100 - 1,
			26 * EL_NS_PER_S / 98 * 100 + 100);
	el_plan_set_put(set);
	f->in.interval_packets_s = 0;
	f->in.asap = true;
	set = compile(f);
	assert_int_equal(set->plans[0]->classes[0].rate_q64, UINT64_MAX);
	assert_int_equal(set->period_ns, 10 * EL_NS_PER_S);
	el_plan_set_put(set);
	/* no interval: a round follows when the one before is sent, also where a cap paces it */
	f->in.interval_s = 0;
	f->in.rate_pps = 7;
	set = compile(f);
	assert_int_equal(set->window_ns, 13 * EL_NS_PER_S);
	assert_int_equal(set->period_ns, 0);
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
	assert_int_equal(set->plans[0]->n_half_open, 2);
	assert_int_equal(s[0].half_open_first, s[1].half_open_first);
	el_plan_set_put(set);
	free(f);
}

/* With ports enough no 4-tuple comes twice in a round. */
static void enough_ports_come_once(void **state)
{
	struct fixture *f = fixture(2, 200);
	struct el_plan_set *set;
	bool used[200] = {false};

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.1", 100);
	set = compile(f);
	for (uint32_t k = 0; k < 2; k++) {
		const struct el_slice *s = &set->plans[0]->slices[k];
		for (uint32_t n = 0; n < 100; n++) {
			uint16_t port = el_slice_port(s, n);
			assert_in_range(port, 65000, 65199);
			assert_false(used[port - 65000]);
			used[port - 65000] = true;
		}
	}
	assert_int_equal(set->plans[0]->n_half_open, 200);
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

static void set_source_subnet(struct fixture *f, uint32_t group, const char *prefix)
{
	struct el_prefix p;

	assert_int_equal(el_prefix_parse(prefix, &p), 0);
	f->groups[group].src_subnet_ipv4 = p;
}

/* The number in its subnet of the address that a slice sends from. */
static uint32_t source_number(const struct el_slice *s, const struct fixture *f)
{
	const struct el_ip *first = &f->groups[0].src_subnet_ipv4.ip;
	uint32_t addresses[2]; /* the destination and the source */

	memcpy(addresses, &s->addr_key, sizeof(addresses));
	return ntohl(addresses[1]) - ntohl(el_ip_v4(first));
}

/* Packet i is sent from address number i mod K + 1 of the subnet (K its addresses but the first; a
 * /32 is one address, number 0), and from port first + i / K mod ports. The slices of a stream send
 * each packet once. */
static void check_rotation(enum el_probe_type type, unsigned prefix_len, uint32_t packets,
			   uint16_t ports)
{
	struct fixture *f = fixture(1, ports);
	uint64_t k_max = prefix_len == 32 ? 1 : (1ULL << (32 - prefix_len)) - 1;
	bool *sent = calloc(packets, sizeof(*sent));
	struct el_plan_set *set;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "203.0.113.0/%u", prefix_len);
	set_source_subnet(f, 0, prefix);
	f->groups[0].src_subnet_ipv4 = el_prefix_network(&f->groups[0].src_subnet_ipv4);
	add_target(f, type, "198.51.100.1", packets);
	set = compile(f);
	assert_int_equal(set->n_probes, packets);
	assert_int_equal(set->plans[0]->n_slices, k_max < packets ? k_max : packets);
	check_records(set->plans[0]);
	for (uint32_t n = 0; n < set->plans[0]->n_slices; n++) {
		const struct el_slice *s = &set->plans[0]->slices[n];
		uint32_t number = source_number(s, f);

		for (uint32_t p = 0; p < s->n_packets; p++) {
			uint64_t i = p * k_max + (prefix_len == 32 ? 0 : number - 1);
			assert_true(i < packets && !sent[i]);
			sent[i] = true;
			assert_int_equal(number, prefix_len == 32 ? 0 : i % k_max + 1);
			assert_int_equal(el_slice_port(s, p),
					 type == EL_PROBE_ICMPPING ? 0 : 65000 + i / k_max % ports);
		}
	}
	for (uint32_t i = 0; i < packets; i++)
		assert_true(sent[i]);
	el_plan_set_put(set);
	free(sent);
	free(f);
}

static void sources_rotate_by_the_rule(void **state)
{
	static const uint32_t packets[] = {1, 2, 3, 7, 15, 16, 30, 100, 509, 510, 511, 2000};
	static const unsigned lens[] = {32, 31, 30, 28, 24, 16, 1, 0};
	static const uint16_t ports[] = {1, 2, 3, 7, 500};

	(void)state;
	for (size_t m = 0; m < sizeof(packets) / sizeof(packets[0]); m++)
		for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++)
			for (size_t p = 0; p < sizeof(ports) / sizeof(ports[0]); p++)
				for (int type = 0; type < EL_PROBE_TYPES; type++)
					check_rotation(type, lens[l], packets[m], ports[p]);
}

/* In the order of the records, too, where the rotation ends with the round; and streams take
 * turns. */
static void rotation_is_in_order(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;
	const struct el_plan *plan;

	(void)state;
	set_source_subnet(f, 0, "203.0.113.0/28");
	for (int i = 0; i < 20; i++)
		add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.1", 30);
	set = compile(f);
	plan = set->plans[0];
	assert_int_equal(plan->n_classes, 1);
	assert_int_equal(plan->n_records, 600);
	for (uint32_t r = 0; r < 600; r++) {
		uint32_t pass, i = r / 20;
		const struct el_slice *s = &plan->slices[el_plan_locate(plan, r, &pass).v];

		assert_int_equal(s->series, r % 20);
		assert_int_equal(source_number(s, f), i % 15 + 1);
		assert_int_equal(el_slice_port(s, pass), 65000 + i / 15);
	}
	el_plan_set_put(set);
	/* a stream that rotates lies between those that don't */
	f->groups[0].src_subnet_ipv4.ip.family = 0;
	for (int i = 0; i < 20; i++)
		f->targets[i].nb_packets = 1;
	set = compile(f);
	for (uint32_t r = 0; r < 20; r++)
		assert_int_equal(set->plans[0]->slices[r].series, r);
	el_plan_set_put(set);
	free(f);
	f = fixture(2, 2);
	set_source_subnet(f, 1, "203.0.113.0/28"); /* 15 sources */
	for (int i = 0; i < 45; i++)
		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 1);
	f->targets[7].nb_packets = 15;
	set = compile(f);
	plan = set->plans[0];
	assert_int_equal(plan->n_classes, 2);
	assert_int_equal(plan->classes[0].n_slices, 44 * 2 + 15); /* but for 15 of one source */
	for (uint32_t n = 1; n < plan->classes[0].n_slices; n++)
		assert_int_not_equal(plan->slices[n].series, plan->slices[n - 1].series);
	el_plan_set_put(set);
	free(f);
}

/* interval_packets is the time between packets of a stream, from whichever address. */
static void rotation_keeps_the_interval_of_packets(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set;

	(void)state;
	set_source_subnet(f, 0, "203.0.113.4/30"); /* 3 sources: 4, 3 and 3 packets */
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.1", 10);
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.2", 20);
	f->in.interval_packets_s = 0.1;
	set = compile(f);
	assert_int_equal(set->window_ns, 2 * EL_NS_PER_S);
	/* 3 and 4 packets in 1 s; 6 and 7 in 2 s */
	assert_int_equal(set->plans[0]->n_classes, 4);
	for (uint32_t i = 0; i < 4; i++) {
		const struct el_plan_class *c = &set->plans[0]->classes[i];
		uint64_t window = (i < 2 ? 1 : 2) * EL_NS_PER_S;

		assert_int_equal((uint64_t)(((unsigned __int128)window * c->rate_q64) >> 64),
				 (uint64_t)c->n_slices * c->n_packets);
	}
	el_plan_set_put(set);
	free(f);
}

static void too_many_slices_are_refused(void **state)
{
	struct fixture *f = fixture(1, 2);
	struct el_plan_set *set = NULL;
	struct el_error err;

	(void)state;
	set_source_subnet(f, 0, "0.0.0.0/0");
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 100000001);
	assert_int_equal(el_plan_compile(&f->in, &set, &err), -E2BIG);
	assert_non_null(strstr(err.text, "100000001 probes"));
	free(f);
}

/* The bytes of an IPv4 packet of a slice, and its type of service. */
static uint32_t ip_size(const struct el_slice *s)
{
	return (uint32_t)s->header_len + s->payload_len;
}

static uint8_t tos(const struct el_slice *s)
{
	return s->template[EL_SLICE_TEMPLATE_BYTES - s->header_len + 1];
}

/* DSCP is the group's; a payload size is the target's, for ICMPping else the group's. */
static void groups_give_dscp_and_size(void **state)
{
	struct fixture *f = fixture(2, 2);
	struct el_plan_set *set;
	const struct el_slice *s;

	(void)state;
	f->groups[0].dscp = 46;
	f->groups[1].ip_payload_size = 400;
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 1);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.2", 1);
	f->targets[1].ip_payload_size = 100;
	add_target(f, EL_PROBE_TCPSYN, "198.51.100.3", 1);
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.4", 1);
	set = compile(f);
	s = set->plans[0]->slices;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(s[i].series, i);
		assert_int_equal(tos(&s[i]), i % 2 == 0 ? 46 << 2 : 0);
	}
	assert_int_equal(ip_size(&s[0]), 20 + 8 + 16);
	assert_int_equal(ip_size(&s[1]), 20 + 400);
	assert_int_equal(ip_size(&s[2]), 20 + 100);
	assert_int_equal(ip_size(&s[3]), 20 + 100);
	assert_int_equal(ip_size(&s[4]), 20 + 20);
	assert_int_equal(ip_size(&s[5]), 20 + 20);
	assert_int_equal(ip_size(&s[6]), 20 + 8 + 16);
	assert_int_equal(ip_size(&s[7]), 20 + 8 + 16);
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

static void check_blocks(struct fixture *f, uint32_t n_blocks)
{
	struct el_plan_set *set = compile(f);

	assert_int_equal(set->n_blocks, n_blocks);
	el_plan_set_put(set);
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
	f->targets[0].ip_payload_size = 9300;
	expect_error(f, -EMSGSIZE, "target t: its probes carry more than 9216 bytes");
	f->targets[0].ip_payload_size = 1480;
	free(f);
	/* 2^27 records, and rounds of a second open for an hour: 27 + 12 bits */
	f = fixture(1, 2);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 90000000);
	f->targets[0].timeout_s = 3600;
	f->in.interval_s = 1;
	expect_error(f, -E2BIG, "32 bits");
	free(f);
	/* an hour of rounds of three seconds is 1,202 of them, of four is 902 */
	f = fixture(1, 2);
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 1);
	f->targets[0].timeout_s = 3600;
	f->in.interval_s = 3;
	expect_error(f, -E2BIG,
		     "target t: with its timeout of 3600 s and a round every 3 s, 1202 rounds "
		     "would be open at a time, more than 1024: a timeout of 3066 s at most is "
		     "needed, or an interval of 4 s at least");
	f->targets[0].timeout_s = 3066;
	check_blocks(f, 1024);
	f->targets[0].timeout_s = 3600;
	f->in.interval_s = 4;
	check_blocks(f, 902);
	/* of a round of 100 s only what may be sent by then is, and the next begins after 5 s */
	f->targets[0].timeout_s = 60;
	f->targets[0].nb_packets = 1000;
	f->in.interval_s = 1;
	f->in.rate_pps = 10;
	f->in.round_timeout_s = 5;
	check_blocks(f, 14);
	f->targets[0].timeout_s = 3600;
	f->targets[0].nb_packets = 1;
	f->in.rate_pps = 0;
	f->in.round_timeout_s = 0;
	/* without an interval, rounds wait */
	f->in.interval_s = 0;
	check_blocks(f, 1024);
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
	uint64_t sent_ns = 0xfffffffffffff000, seen_ns = sent_ns + 5000;
	el_record r = el_record_sent(sent_ns);

	(void)state;
	assert_int_equal(el_record_state(0), EL_RECORD_UNSENT);
	assert_int_equal(el_record_state(r), EL_RECORD_SENT);
	assert_int_equal(el_record_time(r), sent_ns & EL_RECORD_TIME_MASK);
	r = el_record_answered(r | EL_RECORD_ICMP_ERROR, seen_ns);
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
	b->uncertain = 5;
	b->cut = true;
	el_block_reset(b, 7, 8);
	assert_int_equal(b->records[4], 0);
	assert_int_equal(b->uncertain, 0);
	assert_false(b->cut);
	assert_int_equal(b->round, 7);
	assert_int_equal(b->start_ns, 8);
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
	    cmocka_unit_test(enough_ports_come_once),
	    cmocka_unit_test(ports_go_round_the_range),
	    cmocka_unit_test(sources_rotate_by_the_rule),
	    cmocka_unit_test(rotation_is_in_order),
	    cmocka_unit_test(rotation_keeps_the_interval_of_packets),
	    cmocka_unit_test(too_many_slices_are_refused),
	    cmocka_unit_test(groups_give_dscp_and_size),
	    cmocka_unit_test(limits_are_errors_with_numbers),
	    cmocka_unit_test(workers_get_their_own),
	    cmocka_unit_test(records_keep_their_fields),
	    cmocka_unit_test(blocks_are_empty_again),
	};

	el_log_set_level(EL_LOG_ERROR);
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
