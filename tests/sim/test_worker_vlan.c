/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports on VLANs: their probes are tagged, and what is on another VLAN is not theirs. */
#include "worker_bench.h"

#define N 40
#define QINQ(service, customer) ((el_vlan)(service) << 16 | (customer))

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 100;

static const struct {
	enum el_probe_type type;
	enum reply reply;
} kinds[] = {{EL_PROBE_ICMPPING, REPLY_ECHO},
	     {EL_PROBE_TCPSYN, REPLY_SYNACK},
	     {EL_PROBE_TCPSYN, REPLY_RST},
	     {EL_PROBE_UDPUNREACHABLE, REPLY_UNREACHABLE},
	     {EL_PROBE_STAMP, REPLY_REFLECTED}};

/* Takes the tags of the port's VLAN off a frame, which has them. */
static size_t untag(uint8_t *frame, size_t len)
{
	const struct el_tags tags = el_tags_of(vlan);

	assert_memory_equal(frame + 12, &tags.bytes, tags.len);
	memmove(frame + 12, frame + 12 + tags.len, len - 12 - tags.len);
	return len - tags.len;
}

/* Puts those of a VLAN on an untagged one, with a priority. */
static size_t tag(uint8_t *frame, size_t len, el_vlan with, uint8_t priority)
{
	const struct el_tags tags = el_tags_of(with);
	uint8_t bytes[EL_TAGS_LEN_MAX];

	memmove(frame + 12 + tags.len, frame + 12, len - 12);
	memcpy(bytes, &tags.bytes, sizeof(bytes));
	bytes[2] |= (uint8_t)(priority << 5);
	memcpy(frame + 12, bytes, tags.len);
	return len + tags.len;
}

/* How the answers to a round come in. */
struct coming {
	el_vlan on;
	uint8_t priority;
	bool stripped; /* the NIC has taken the tag off, and says which it was */
	bool is_cut;   /* in the middle of its tags */
};

static void come_in(struct bench *b, uint8_t *frame, size_t len, const struct coming *c)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	assert_non_null(m);
	if (!c->stripped)
		len = tag(frame, len, c->on, c->priority);
	if (c->is_cut)
		len = 16;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	if (c->stripped) {
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = (uint16_t)(c->on | (uint32_t)c->priority << 13);
	}
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
}

/* One round of N probes of a kind on the port's VLAN; how many were answered. */
static uint64_t answered(size_t kind, const struct coming *c, struct bench **ret_bench)
{
	struct bench *b = bench(quick(1, 100, kinds[kind].type, N), 1);
	struct el_figures f;
	struct rte_mbuf *m;
	uint8_t buf[2048], frame[2048];
	uint32_t got = 0;
	size_t len;

	order_round(b, 1);
	while (got < N) {
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			len = m->data_len;
			memcpy(frame, rte_pktmbuf_mtod(m, void *), len);
			rte_pktmbuf_free(m);
			len = untag(frame, len);
			if (frame[ETH + L3 + 13] == 0x04 && kinds[kind].type == EL_PROBE_TCPSYN)
				continue; /* a reset */
			len = answer(frame, len, kinds[kind].reply, buf);
			come_in(b, buf, len, c);
			got++;
		}
	}
	sim_step = 50000; /* until the timeout */
	f = figures(b, 0);
	sim_step = 100;
	assert_int_equal(f.sent, N);
	assert_int_equal(f.answered + f.lost, N);
	while ((m = take(b, 0)) != NULL) {
		assert_int_equal(untag(rte_pktmbuf_mtod(m, uint8_t *), m->data_len) + 0U,
				 (unsigned)(ETH + L3 + 20));
		rte_pktmbuf_free(m);
	}
	*ret_bench = b;
	return f.answered;
}

static void check(const struct coming *c, bool is_ours)
{
	for (size_t kind = 0; kind < RTE_DIM(kinds); kind++) {
		struct bench *b;

		assert_int_equal(answered(kind, c, &b), is_ours ? N : 0);
		assert_int_equal(counter(b, EL_COUNTER_DROP_RX_VLAN) +
				     counter(b, EL_COUNTER_DROP_RX_TRUNCATED),
				 is_ours ? 0 : N);
		assert_int_equal(counter(b, EL_COUNTER_RX_PACKETS), N);
		if (kinds[kind].reply == REPLY_SYNACK)
			assert_int_equal(counter(b, EL_COUNTER_TX_RESETS), is_ours ? N : 0);
		bench_free(b);
	}
}

static const el_vlan ports[] = {0, 1, 100, 4094, QINQ(7, 100)};

/* Whatever their priority. */
static void answers_on_the_vlan_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(ports); i++) {
		vlan = ports[i];
		check(&(struct coming){.on = vlan}, true);
		check(&(struct coming){.on = vlan, .priority = 5}, true);
	}
	vlan = 0;
}

static void others_do_not(void **state)
{
	static const el_vlan others[] = {0,   99,           100,          101,
					 356, QINQ(7, 101), QINQ(8, 100), QINQ(100, 100)};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ports); i++) {
		vlan = ports[i];
		for (size_t k = 0; k < RTE_DIM(others); k++) {
			if (others[k] != vlan)
				check(&(struct coming){.on = others[k]}, false);
		}
		if (vlan)
			check(&(struct coming){.on = vlan, .is_cut = true}, false);
	}
	vlan = 0;
}

/* A tag of VLAN 0 is there for its priority alone. */
static void a_priority_is_no_vlan(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 1), 1);
	uint8_t buf[2048], probe[256];
	struct rte_mbuf *m;
	size_t len;

	(void)state;
	order_round(b, 1);
	while (!(m = take(b, 0)))
		poll_all(b);
	len = m->data_len;
	memcpy(probe, rte_pktmbuf_mtod(m, void *), len);
	rte_pktmbuf_free(m);
	len = answer(probe, len, REPLY_ECHO, buf);
	memmove(buf + 16, buf + 12, len - 12);
	memcpy(buf + 12, "\x81\x00\xa0\x00", 4);
	give(b, 0, buf, len + 4);
	assert_int_equal(figures(b, 0).answered, 1);
	bench_free(b);
}

/* A NIC that takes tags off, though it was told not to. */
static void stripped_tags_count(void **state)
{
	(void)state;
	strips_tags = true;
	for (vlan = 0; vlan <= 100; vlan += 100) {
		check(&(struct coming){.on = 100, .stripped = true}, vlan == 100);
		check(&(struct coming){.on = 100, .priority = 3, .stripped = true}, vlan == 100);
		check(&(struct coming){.on = 200, .stripped = true}, false);
		check(&(struct coming){.on = 0}, vlan == 0);
	}
	vlan = 0;
	strips_tags = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_on_the_vlan_count),
	    cmocka_unit_test(others_do_not),
	    cmocka_unit_test(a_priority_is_no_vlan),
	    cmocka_unit_test(stripped_tags_count),
	};

	return worker_bench_main("worker_vlan", tests, RTE_DIM(tests), tests, RTE_DIM(tests));
}
