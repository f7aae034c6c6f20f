/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of answers whose checksum is wrong, by our own sum or by what the NIC says. */
#include "worker_bench.h"

#include <rte_mbuf.h>

#define PROBES 40

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

struct answer_kind {
	enum el_probe_type type;
	enum reply reply;
};

static const struct answer_kind kinds[] = {{EL_PROBE_ICMPPING, REPLY_ECHO},
					   {EL_PROBE_TCPSYN, REPLY_SYNACK},
					   {EL_PROBE_TCPSYN, REPLY_RST},
					   {EL_PROBE_TCPSYN, REPLY_UNREACHABLE},
					   {EL_PROBE_UDPUNREACHABLE, REPLY_UNREACHABLE},
					   {EL_PROBE_UDPUNREACHABLE, REPLY_ROUTER}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

enum fault { NO_FAULT, L4_CHECKSUM, LAST_BYTE, IP_HEADER };

/* How answers are made from probes, and come in. */
struct wire {
	enum reply reply;
	enum fault fault;
	bool tagged;
	uint64_t ol_flags;    /* what the NIC says */
	uint32_t padding;     /* bytes of payload more than the probe had */
	uint32_t segment;     /* bytes of one; 0: all in one */
	uint32_t other_queue; /* it comes in on */
};

static size_t checksum_at(const uint8_t *frame)
{
	return frame[ETH + (family == 6 ? 6 : 9)] == IPPROTO_TCP ? 16 : 2;
}

static size_t make_answer(const struct rte_mbuf *m, const struct wire *wire, uint8_t *buf)
{
	size_t len = answer(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, wire->reply, buf);

	if (wire->padding) {
		uint8_t *length = buf + ETH + (family == 6 ? 4 : 2);
		memset(buf + len, 0xa5, wire->padding);
		len += wire->padding;
		el_put16(length, (uint16_t)(el_get16(length) + wire->padding));
		fix_checksums(buf);
	}
	if (wire->fault == L4_CHECKSUM)
		buf[ETH + L3 + checksum_at(buf)] ^= 0x55;
	if (wire->fault == LAST_BYTE)
		buf[len - 1] ^= 0x01;
	if (wire->fault == IP_HEADER)
		buf[ETH + 8] ^= 0x03; /* time to live */
	if (wire->tagged) {
		memmove(buf + 16, buf + 12, len - 12);
		el_put16(buf + 12, 0x8100);
		el_put16(buf + 14, 0);
		len += 4;
	}
	return len;
}

static void give_on(struct bench *b, uint32_t queue, const struct wire *wire, const uint8_t *frame,
		    size_t len)
{
	size_t segment = wire->segment ? wire->segment : len;
	struct rte_mbuf *head = NULL;

	for (size_t at = 0; at < len; at += segment) {
		uint16_t n = (uint16_t)(len - at < segment ? len - at : segment);
		struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, n), frame + at, n);
		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	assert_non_null(head);
	head->ol_flags |= wire->ol_flags;
	assert_int_equal(rte_ring_enqueue(b->in[queue], head), 0);
}

/* PROBES probes of `type`, answered as `wire` says; the figures of their round. */
static struct el_figures run(struct bench *b, const struct wire *wire)
{
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	uint32_t got = 0;

	order_round(b, 1);
	while (got < PROBES && rte_rdtsc() < end) {
		poll_all(b);
		for (uint32_t w = 0; w < b->n_workers; w++) {
			struct rte_mbuf *m;
			while ((m = take(b, w)) != NULL) {
				uint8_t buf[8192];
				if (!is_reset(m)) {
					got++;
					give_on(b, w ^ wire->other_queue, wire, buf,
						make_answer(m, wire, buf));
				}
				rte_pktmbuf_free(m);
			}
		}
	}
	assert_int_equal(got, PROBES);
	return figures(b, 0);
}

static void is_refused(const struct answer_kind *kind, struct wire wire, uint16_t payload)
{
	struct fixture *fx = quick(1, 500, kind->type, PROBES);
	struct el_figures f;
	struct bench *b;

	wire.reply = kind->reply;
	fx->targets[0].ip_payload_size = payload;
	b = bench(fx, 1);
	f = run(b, &wire);
	assert_int_equal(f.sent, PROBES);
	assert_int_equal(f.lost, PROBES);
	assert_int_equal(f.icmp_errors, 0);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_CHECKSUM), PROBES);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 0);
	assert_int_equal(counter(b, EL_COUNTER_WRONG_CHECKSUMS), 0);
	assert_int_equal(counter(b, EL_COUNTER_TX_RESETS), 0);
	bench_free(b);
}

static void is_accepted(const struct answer_kind *kind, struct wire wire, uint16_t payload,
			uint32_t n_workers, uint64_t wrong)
{
	struct fixture *fx = quick(1, 500, kind->type, PROBES);
	struct el_figures f;
	struct bench *b;

	wire.reply = kind->reply;
	fx->targets[0].ip_payload_size = payload;
	b = bench(fx, n_workers);
	f = run(b, &wire);
	assert_int_equal(f.sent, PROBES);
	assert_int_equal(kind->reply == REPLY_ROUTER ? f.icmp_errors : f.answered, PROBES);
	assert_int_equal(counter(b, EL_COUNTER_WRONG_CHECKSUMS), wrong);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_CHECKSUM), 0);
	if (wire.other_queue)
		assert_int_equal(counter(b, EL_COUNTER_FORWARDED), PROBES);
	bench_free(b);
}

static void wrong_checksums_are_no_answers(void **state)
{
	(void)state;
	checksums = EL_CHECKSUMS_REFUSED;
	for (size_t i = 0; i < KINDS; i++) {
		for (int tagged = 0; tagged < 2; tagged++) {
			is_refused(&kinds[i], (struct wire){.fault = L4_CHECKSUM, .tagged = tagged},
				   0);
			if (family == 4)
				is_refused(&kinds[i],
					   (struct wire){.fault = IP_HEADER, .tagged = tagged}, 0);
			is_accepted(&kinds[i], (struct wire){.tagged = tagged}, 0, 1, 0);
		}
		is_refused(&kinds[i], (struct wire){.fault = L4_CHECKSUM, .segment = 13}, 0);
	}
}

/* The sum goes to the last byte, whatever the length. */
static void all_of_the_payload_counts(void **state)
{
	(void)state;
	checksums = EL_CHECKSUMS_REFUSED;
	for (uint16_t payload = 24; payload < 42; payload++) {
		is_refused(&kinds[0], (struct wire){.fault = LAST_BYTE}, payload);
		is_accepted(&kinds[0], (struct wire){.fault = NO_FAULT}, payload, 1, 0);
	}
	/* longer ones, in segments */
	is_refused(&kinds[0], (struct wire){.fault = LAST_BYTE, .padding = 3001, .segment = 1000},
		   0);
	is_accepted(&kinds[0], (struct wire){.padding = 3001, .segment = 1000}, 0, 1, 0);
}

static void a_kernel_may_leave_them_out(void **state)
{
	(void)state;
	checksums = EL_CHECKSUMS_COUNTED;
	for (size_t i = 0; i < KINDS; i++) {
		is_accepted(&kinds[i], (struct wire){.fault = L4_CHECKSUM}, 0, 1, PROBES);
		is_accepted(&kinds[i], (struct wire){.fault = L4_CHECKSUM, .tagged = true}, 0, 1,
			    PROBES);
		is_accepted(&kinds[i], (struct wire){.fault = NO_FAULT}, 0, 1, 0);
	}
	checksums = EL_CHECKSUMS_IGNORED;
	is_accepted(&kinds[0], (struct wire){.fault = L4_CHECKSUM}, 0, 1, 0);
}

static void the_nic_has_its_say(void **state)
{
	const struct answer_kind *tcp = &kinds[1], *echo = &kinds[0];
	const uint64_t ip = family == 4 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0;
	const uint64_t good = ip | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t bad = ip | RTE_MBUF_F_RX_L4_CKSUM_BAD;
	const uint64_t none = ip | RTE_MBUF_F_RX_L4_CKSUM_NONE;

	(void)state;
	checksums = EL_CHECKSUMS_REFUSED;
	rx_checksum_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	is_refused(tcp, (struct wire){.ol_flags = bad, .fault = L4_CHECKSUM}, 0);
	is_accepted(tcp, (struct wire){.ol_flags = good, .fault = L4_CHECKSUM}, 0, 1, 0);
	/* "not in the packet, but its data is verified" */
	is_accepted(tcp, (struct wire){.ol_flags = none, .fault = L4_CHECKSUM}, 0, 1, 0);
	is_refused(tcp, (struct wire){.ol_flags = ip, .fault = L4_CHECKSUM}, 0);
	is_accepted(tcp, (struct wire){.ol_flags = ip}, 0, 1, 0);
	is_refused(tcp, (struct wire){.fault = L4_CHECKSUM, .tagged = true}, 0);
	is_accepted(tcp, (struct wire){.ol_flags = good, .fault = L4_CHECKSUM, .tagged = true}, 0,
		    1, 0);
	is_accepted(tcp, (struct wire){.ol_flags = bad}, 0, 1, 0); /* the NIC is wrong */
	if (family == 4) {
		const uint64_t all = RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		is_accepted(tcp, (struct wire){.ol_flags = all, .fault = IP_HEADER}, 0, 1, 0);
		is_refused(tcp,
			   (struct wire){.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD |
						     RTE_MBUF_F_RX_L4_CKSUM_GOOD,
					 .fault = IP_HEADER},
			   0);
		is_refused(
		    tcp, (struct wire){.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD, .fault = IP_HEADER},
		    0);
	}
	/* of ICMP no NIC knows; drivers say good, or bad, of whatever they have not looked at */
	is_refused(echo, (struct wire){.ol_flags = good, .fault = L4_CHECKSUM}, 0);
	is_accepted(echo, (struct wire){.ol_flags = bad}, 0, 1, 0);
	/* what it was not asked for, it has not verified */
	rx_checksum_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	is_refused(tcp, (struct wire){.ol_flags = good, .fault = L4_CHECKSUM}, 0);
	rx_checksum_flags = 0;
	is_refused(tcp, (struct wire){.ol_flags = good, .fault = L4_CHECKSUM}, 0);
	is_accepted(tcp, (struct wire){.ol_flags = bad}, 0, 1, 0);
}

static void it_is_so_on_another_queue(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		const struct wire wire = {.fault = L4_CHECKSUM, .other_queue = 1};

		checksums = EL_CHECKSUMS_COUNTED;
		is_accepted(&kinds[i], wire, 0, WORKERS, PROBES);
	}
	checksums = EL_CHECKSUMS_REFUSED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wrong_checksums_are_no_answers),
	    cmocka_unit_test(all_of_the_payload_counts),
	    cmocka_unit_test(a_kernel_may_leave_them_out),
	    cmocka_unit_test(the_nic_has_its_say),
	    cmocka_unit_test(it_is_so_on_another_queue),
	};
	const size_t n = sizeof(tests) / sizeof(tests[0]);

	return worker_bench_main("worker_checksum", tests, n, tests, n);
}
