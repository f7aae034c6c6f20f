/* SPDX-License-Identifier: BSD-3-Clause */
/* Several links on one device: untagged, on a VLAN, on a VLAN in a service VLAN, with the same
 * addresses on all of them. */
#include "worker_bench.h"

#define N 40
#define LINKS 3
#define QINQ(service, customer) ((el_vlan)(service) << 16 | (customer))
#define NOBODYS 200 /* a VLAN that no link is on */

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 100;

static const el_vlan links[LINKS] = {0, 100, QINQ(7, 100)};

static const struct {
	enum el_probe_type type;
	enum reply reply;
} kinds[] = {{EL_PROBE_ICMPPING, REPLY_ECHO},
	     {EL_PROBE_TCPSYN, REPLY_SYNACK},
	     {EL_PROBE_UDPUNREACHABLE, REPLY_UNREACHABLE},
	     {EL_PROBE_STAMP, REPLY_REFLECTED}};

/* Target i by link i. */
static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	const struct fixture *f = ctx;
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	r.next_hop.v = (uint16_t)(3 + (target - f->targets));
	return r;
}

static struct bench *links_bench(enum el_probe_type type)
{
	struct fixture *f = quick(1, 100, type, N);
	struct bench *b;

	for (int i = 1; i < LINKS; i++) {
		add_target(f, type, family == 6 ? "2001:db8:100::1" : "198.51.100.1", N);
		f->targets[i].timeout_s = 0.05;
	}
	f->in.route = route;
	memcpy(more_links, links + 1, sizeof(more_links));
	n_more_links = LINKS - 1;
	b = bench(f, 1);
	n_more_links = 0;
	for (uint16_t i = 1; i < LINKS; i++) {
		struct el_command c = {.kind = EL_COMMAND_NEXT_HOP, .index = 3 + i};

		vlan = links[i];
		c.next_hop = next_hop(mac_a, EL_NEXT_HOP_READY);
		c.next_hop.queue = (uint8_t)i;
		assert_true(el_worker_command(b->workers[0], &c));
	}
	vlan = 0;
	return b;
}

static size_t untag(uint8_t *frame, size_t len, el_vlan *ret_vlan)
{
	size_t tags = el_tags_read(frame, len, ret_vlan) - ETH;

	memmove(frame + 12, frame + 12 + tags, len - 12 - tags);
	return len - tags;
}

static size_t tag(uint8_t *frame, size_t len, el_vlan on)
{
	const struct el_tags tags = el_tags_of(on);

	memmove(frame + 12 + tags.len, frame + 12, len - 12);
	memcpy(frame + 12, &tags.bytes, tags.len);
	if (loses_tpid && tags.len)
		el_put16(frame + 12, 0x8100);
	return len + tags.len;
}

/* As the NIC gives it that takes a tag off. */
static void give_stripped(struct bench *b, const uint8_t *frame, size_t len, el_vlan on)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = (uint16_t)on;
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
}

/* On which VLAN what went out on one is answered. */
typedef el_vlan comes_on(el_vlan);

static el_vlan same(el_vlan on)
{
	return on;
}

static el_vlan next(el_vlan on)
{
	for (int i = 0; i + 1 < LINKS; i++) {
		if (links[i] == on)
			return links[i + 1];
	}
	return links[0];
}

static el_vlan nobodys(el_vlan on)
{
	(void)on;
	return NOBODYS;
}

/* Answers what is on the wire; how many probes there were, by link. */
static void answer_all(struct bench *b, enum reply kind, comes_on *on, uint32_t sent[LINKS])
{
	uint8_t frame[2048], buf[2048];
	struct rte_mbuf *m;
	el_vlan was;

	poll_all(b);
	while ((m = take(b, 0)) != NULL) {
		size_t len = m->data_len;

		memcpy(frame, rte_pktmbuf_mtod(m, void *), len);
		rte_pktmbuf_free(m);
		len = untag(frame, len, &was);
		if (kind == REPLY_SYNACK && frame[ETH + L3 + 13] == 0x04)
			continue; /* a reset */
		for (int i = 0; i < LINKS; i++)
			sent[i] += links[i] == was;
		len = answer(frame, len, kind, buf);
		if (strips_tags && on(was) && on(was) <= 0xfff)
			give_stripped(b, buf, len, on(was));
		else
			give(b, 0, buf, tag(buf, len, on(was)));
	}
}

/* One round of N probes by each link; all of a link are answered, or none. */
static void check_round(struct bench *b, enum reply kind, comes_on *on, uint32_t answered)
{
	uint32_t sent[LINKS] = {0};
	struct el_round_figures *r;
	struct el_block *block;

	order_round(b, 1);
	while (sent[0] + sent[1] + sent[2] < LINKS * N)
		answer_all(b, kind, on, sent);
	sim_step = 50000; /* until the timeout */
	block = report(b, 0);
	sim_step = 100;
	r = el_stats_round(&block, 1);
	assert_non_null(r);
	for (int i = 0; i < LINKS; i++) {
		assert_int_equal(sent[i], N);
		assert_int_equal(r->series[i].sent, N);
		assert_int_equal(r->series[i].answered, answered);
	}
	el_round_figures_free(r);
	el_block_free(block);
	assert_int_equal(counter(b, EL_COUNTER_RX_PACKETS), LINKS * N);
	assert_int_equal(counter(b, EL_COUNTER_DROP_RX_VLAN), answered ? 0 : LINKS * N);
}

static void check(comes_on *on, uint32_t answered)
{
	for (size_t k = 0; k < RTE_DIM(kinds); k++) {
		struct bench *b = links_bench(kinds[k].type);
		struct rte_mbuf *m;
		uint32_t resets = 0;
		el_vlan was;

		check_round(b, kinds[k].reply, on, answered);
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			untag(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &was);
			resets++;
			rte_pktmbuf_free(m);
		}
		if (!answered)
			assert_int_equal(resets, 0);
		bench_free(b);
	}
}

static void each_link_has_its_answers(void **state)
{
	(void)state;
	check(same, N);
}

/* Although ids, addresses and ports are those of a probe. */
static void answers_by_another_link_are_none(void **state)
{
	(void)state;
	check(next, 0);
}

static void frames_of_no_link_are_counted_once(void **state)
{
	(void)state;
	check(nobodys, 0);
}

/* Routers may have them come by any link. */
static void answers_to_addresses_of_no_network_come_by_any(void **state)
{
	(void)state;
	n_home = 0;
	check(next, N);
	n_home = 2;
}

static void stripped_tags_part_them_too(void **state)
{
	(void)state;
	strips_tags = true;
	check(same, N);
	check(next, 0);
	check(nobodys, 0);
	strips_tags = false;
}

/* As a packet socket gives them. */
static void service_tags_may_come_as_customer_tags(void **state)
{
	(void)state;
	loses_tpid = true;
	check(same, N);
	check(next, 0);
	check(nobodys, 0);
	loses_tpid = false;
}

/* The device is down for all. */
static void a_device_is_down_for_all_links(void **state)
{
	struct bench *b = links_bench(EL_PROBE_ICMPPING);
	struct el_command c = {.kind = EL_COMMAND_PORT, .index = 1, .down = true};
	struct el_round_figures *r;
	struct el_block *block;

	(void)state;
	assert_true(el_worker_command(b->workers[0], &c));
	order_round(b, 1);
	sim_step = 50000;
	block = report(b, 0);
	sim_step = 100;
	r = el_stats_round(&block, 1);
	for (int i = 0; i < LINKS; i++)
		assert_int_equal(r->series[i].sent, 0);
	assert_int_equal(counter(b, EL_COUNTER_DROP_PORT_DOWN), LINKS * N);
	assert_null(take(b, 0));
	el_round_figures_free(r);
	el_block_free(block);
	bench_free(b);
}

/* And gone: rounds end all the same, and nothing is received. */
static void a_device_is_gone_for_all_links(void **state)
{
	struct bench *b = links_bench(EL_PROBE_ICMPPING);
	struct el_command c = {.kind = EL_COMMAND_PORT, .index = 2, .down = true, .gone = true};
	uint8_t frame[60] = {0};

	(void)state;
	assert_true(el_worker_command(b->workers[0], &c));
	order_round(b, 1);
	give(b, 0, frame, sizeof(frame));
	sim_step = 50000;
	el_block_free(report(b, 0));
	sim_step = 100;
	assert_int_equal(counter(b, EL_COUNTER_RX_PACKETS), 0);
	bench_free(b);
}

/* Whether a question for our address on a VLAN goes up. */
static bool goes_up(struct bench *b, el_vlan on)
{
	static const uint8_t arp[] = {0,   1, 8, 0, 6, 4, 0, 1, 2, 0, 0,   0, 0, 1,
				      192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10};
	uint8_t frame[128] = {0};
	struct rte_mbuf *m;
	el_vlan is;
	bool up;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac_a, 6);
	el_put16(frame + 12, 0x0806);
	memcpy(frame + ETH, arp, sizeof(arp));
	give(b, 0, frame, tag(frame, 60, on));
	poll_all(b);
	up = el_worker_punted(b->workers[0], &m, 1) == 1;
	if (up) {
		assert_true(el_tags_read(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &is) > 0);
		assert_int_equal(is, on);
		rte_pktmbuf_free(m);
	}
	return up;
}

static void questions_go_up_with_their_tags(void **state)
{
	struct bench *b = links_bench(EL_PROBE_ICMPPING);

	(void)state;
	for (int i = 0; i < LINKS; i++)
		assert_true(goes_up(b, links[i]));
	assert_false(goes_up(b, NOBODYS));
	assert_false(goes_up(b, QINQ(7, 101)));
	assert_false(goes_up(b, QINQ(8, 100)));
	assert_int_equal(counter(b, EL_COUNTER_DROP_RX_VLAN), 3);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_link_has_its_answers),
	    cmocka_unit_test(answers_by_another_link_are_none),
	    cmocka_unit_test(frames_of_no_link_are_counted_once),
	    cmocka_unit_test(answers_to_addresses_of_no_network_come_by_any),
	    cmocka_unit_test(stripped_tags_part_them_too),
	    cmocka_unit_test(service_tags_may_come_as_customer_tags),
	    cmocka_unit_test(a_device_is_down_for_all_links),
	    cmocka_unit_test(a_device_is_gone_for_all_links),
	    cmocka_unit_test(questions_go_up_with_their_tags),
	};

	return worker_bench_main("worker_links", tests, RTE_DIM(tests), tests, RTE_DIM(tests) - 1);
}
