/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ARP and neighbour discovery goes up to control. */
#include "worker_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define OWN (family == 6 ? "2001:db8::10" : "192.0.2.10")
#define GATEWAY (family == 6 ? "2001:db8::1" : "192.0.2.1")
#define OTHER (family == 6 ? "2001:db8::77" : "192.0.2.77")
#define THIRD (family == 6 ? "2001:db8::78" : "192.0.2.78")
#define SOLICIT 135
#define ADVERTISE 136

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t mac_other[6] = {2, 0, 0, 0, 0, 0x66};

static void put_ip(uint8_t *p, const char *text)
{
	struct el_ip ip;

	assert_int_equal(el_ip_parse(text, &ip), 0);
	memcpy(p, ip.bytes, ip.family == 4 ? 4 : 16);
}

static size_t ether(uint8_t *f, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	memset(f, 0, 128);
	memcpy(f, to, 6);
	memcpy(f + 6, from, 6);
	el_put16(f + 12, type);
	return ETH;
}

static size_t arp(uint8_t *f, const uint8_t *to, const uint8_t *from, uint16_t operation,
		  const char *sender, const char *target)
{
	uint8_t *p = f + ether(f, to, from, 0x0806);

	memcpy(p, "\0\1\x08\0\6\4", 6);
	el_put16(p + 6, operation);
	memcpy(p + 8, from, 6);
	put_ip(p + 14, sender);
	put_ip(p + 24, target);
	return 60;
}

/* `about`: the target of the message. */
static size_t ndp(uint8_t *f, const uint8_t *to, const uint8_t *from, uint8_t type,
		  const char *source, const char *about)
{
	uint8_t *ip = f + ether(f, to, from, 0x86dd), *icmp = ip + 40;

	ip[0] = 0x60;
	el_put16(ip + 4, 24);
	ip[6] = 58;
	ip[7] = 255;
	put_ip(ip + 8, source);
	put_ip(ip + 24, OWN);
	icmp[0] = type;
	put_ip(icmp + 8, about);
	fix_checksums(f);
	return ETH + 64;
}

/* A question of `asker` for an address; what the owner of an address says of itself. */
static size_t question(uint8_t *f, const uint8_t *from, const char *asker, const char *about)
{
	return family == 6 ? ndp(f, everybody, from, SOLICIT, asker, about)
			   : arp(f, everybody, from, 1, asker, about);
}

static size_t statement(uint8_t *f, const uint8_t *to, const uint8_t *from, const char *about)
{
	return family == 6 ? ndp(f, to, from, ADVERTISE, about, about)
			   : arp(f, to, from, 2, about, OWN);
}

static bool goes_up(struct bench *b, const uint8_t *frame, size_t len)
{
	uint64_t dropped = counter(b, EL_COUNTER_DROP_RX_NEIGHBOUR);
	struct rte_mbuf *m;

	give(b, 0, frame, len);
	poll_all(b);
	if (el_worker_punted(b->workers[0], &m, 1) == 0) {
		assert_int_equal(counter(b, EL_COUNTER_DROP_RX_NEIGHBOUR), dropped + 1);
		return false;
	}
	rte_pktmbuf_free(m);
	assert_int_equal(counter(b, EL_COUNTER_DROP_RX_NEIGHBOUR), dropped);
	return true;
}

/* Control asks for an address. */
static void ask(struct bench *b, uint32_t worker, const char *about)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);
	uint8_t f[128];
	size_t len = question(f, mac_own, OWN, about);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), f, len);
	assert_true(el_worker_inject(b->workers[worker], m, 0));
	poll_all(b);
	m = take(b, worker);
	assert_non_null(m);
	rte_pktmbuf_free(m);
}

static struct bench *idle(uint32_t workers)
{
	return bench(quick(1, 1, EL_PROBE_ICMPPING, 1), workers);
}

/* Questions for our addresses, claims of them, and the neighbours that control has asked for:
 * nothing else of all that is said on a link. */
static void what_concerns_us_goes_up(void **state)
{
	struct bench *b = idle(1);
	uint8_t f[128];

	(void)state;
	assert_true(goes_up(b, f, question(f, mac_a, GATEWAY, OWN)));
	assert_true(goes_up(b, f, question(f, mac_a, family == 6 ? "::" : "0.0.0.0", OWN)));
	assert_true(goes_up(b, f, statement(f, mac_own, mac_other, OWN)));
	assert_true(goes_up(b, f, statement(f, everybody, mac_other, OWN)));
	assert_false(goes_up(b, f, question(f, mac_a, GATEWAY, OTHER)));
	assert_false(goes_up(b, f, statement(f, mac_own, mac_a, GATEWAY)));
	ask(b, 0, GATEWAY);
	assert_true(goes_up(b, f, statement(f, mac_own, mac_a, GATEWAY)));
	assert_true(goes_up(b, f, statement(f, everybody, mac_b, GATEWAY)));
	assert_false(goes_up(b, f, statement(f, mac_own, mac_a, OTHER)));
	assert_false(goes_up(b, f, question(f, mac_a, OTHER, THIRD)));
	/* what the port itself sends, and what is sent to another station */
	assert_false(goes_up(b, f, question(f, mac_own, OWN, GATEWAY)));
	assert_false(goes_up(b, f, statement(f, mac_b, mac_a, GATEWAY)));
	bench_free(b);
}

/* The worker that asks need not be the one that hears the answer. */
static void all_workers_know_who_is_awaited(void **state)
{
	struct bench *b = idle(2);
	uint8_t f[128];

	(void)state;
	ask(b, 1, GATEWAY);
	assert_true(goes_up(b, f, statement(f, mac_own, mac_a, GATEWAY)));
	bench_free(b);
}

/* RFC 826, RFC 4861 sections 7.1.1 and 7.1.2: each byte that makes it wrong. */
static void what_cannot_be_right_does_not(void **state)
{
	static const struct {
		uint8_t at, value;
	} wrong_arp[] = {{1, 2}, {3, 1}, {4, 5}, {5, 16}, {7, 3}, {7, 0}},
	  wrong_ndp[] = {{7, 64}, {7, 254}, {41, 1}, {5, 23}, {5, 70}, {43, 0x55}, {6, 17}};
	struct bench *b = idle(1);
	uint8_t good[128], f[128];
	size_t len, n = family == 6 ? sizeof(wrong_ndp) / 2 : sizeof(wrong_arp) / 2;

	(void)state;
	len = question(good, mac_a, GATEWAY, OWN);
	assert_true(goes_up(b, good, len));
	for (size_t i = 0; i < n; i++) {
		struct rte_mbuf *m;
		memcpy(f, good, len);
		if (family == 6)
			f[ETH + wrong_ndp[i].at] = wrong_ndp[i].value;
		else
			f[ETH + wrong_arp[i].at] = wrong_arp[i].value;
		give(b, 0, f, len);
		poll_all(b);
		if (el_worker_punted(b->workers[0], &m, 1) != 0)
			fail_msg("case %zu goes up", i);
	}
	for (size_t cut = ETH + 4; cut < ETH + (family == 6 ? 64U : 28U); cut++) {
		struct rte_mbuf *m;
		give(b, 0, good, cut);
		poll_all(b);
		assert_int_equal(el_worker_punted(b->workers[0], &m, 1), 0);
	}
	bench_free(b);
}

/* Where it is wanted; of the others of routers nothing is. */
static void advertisements_go_up(void **state)
{
	struct bench *b;
	uint8_t f[128];

	(void)state;
	accepts_ra = true;
	b = idle(1);
	assert_true(goes_up(b, f, ndp(f, everybody, mac_a, 134, GATEWAY, OWN)));
	el_put16(f + ETH + 4, 16); /* the shortest */
	fix_checksums(f);
	assert_true(goes_up(b, f, ETH + 56));
	el_put16(f + ETH + 4, 15);
	fix_checksums(f);
	assert_false(goes_up(b, f, ETH + 55));
	assert_false(goes_up(b, f, ndp(f, everybody, mac_own, 134, GATEWAY, OWN)));
	assert_false(goes_up(b, f, ndp(f, mac_b, mac_a, 134, GATEWAY, OWN)));
	assert_false(goes_up(b, f, ndp(f, everybody, mac_a, 133, GATEWAY, OWN)));
	assert_false(goes_up(b, f, ndp(f, mac_own, mac_a, 137, GATEWAY, OWN)));
	bench_free(b);
	accepts_ra = false;
}

/* Else nobody uses what routers say of themselves. */
static void router_messages_do_not(void **state)
{
	struct bench *b = idle(1);
	uint8_t f[128];

	(void)state;
	ask(b, 0, GATEWAY);
	assert_false(goes_up(b, f, ndp(f, everybody, mac_a, 133, GATEWAY, OWN)));
	assert_false(goes_up(b, f, ndp(f, everybody, mac_a, 134, GATEWAY, OWN)));
	assert_false(goes_up(b, f, ndp(f, mac_own, mac_a, 137, GATEWAY, OWN)));
	bench_free(b);
}

static void other_vlans_do_not(void **state)
{
	struct bench *b = idle(1);
	struct rte_mbuf *m;
	uint8_t f[128], tagged[132];
	size_t len = question(f, mac_a, GATEWAY, OWN);

	(void)state;
	memcpy(tagged, f, 12);
	memcpy(tagged + 12, "\x81\0\0\7", 4);
	memcpy(tagged + 16, f + 12, len - 12);
	give(b, 0, tagged, len + 4);
	poll_all(b);
	assert_int_equal(el_worker_punted(b->workers[0], &m, 1), 0);
	/* ARP as what control has no use for, IPv6 as of another VLAN */
	assert_int_equal(
	    counter(b, EL_COUNTER_DROP_RX_NEIGHBOUR) + counter(b, EL_COUNTER_DROP_RX_VLAN), 1);
	bench_free(b);
}

/* However many ask for our address while control is away, there is room for the answer that it
 * waits for; what finds none is counted. */
static void questions_leave_room_for_answers(void **state)
{
	struct bench *b = idle(1);
	uint8_t f[128];
	struct rte_mbuf *m;
	size_t len;
	bool answered = false;

	(void)state;
	ask(b, 0, GATEWAY);
	len = question(f, mac_other, OTHER, OWN);
	for (int i = 0; i < 1500; i++) {
		give(b, 0, f, len);
		poll_all(b);
	}
	assert_true(counter(b, EL_COUNTER_DROP_PUNT_FULL) > 500);
	give(b, 0, f, statement(f, mac_own, mac_a, GATEWAY));
	poll_all(b);
	while (el_worker_punted(b->workers[0], &m, 1) == 1) {
		answered |= memcmp(rte_pktmbuf_mtod(m, uint8_t *) + 6, mac_a, 6) == 0;
		rte_pktmbuf_free(m);
	}
	assert_true(answered);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_concerns_us_goes_up),
	    cmocka_unit_test(all_workers_know_who_is_awaited),
	    cmocka_unit_test(what_cannot_be_right_does_not),
	    cmocka_unit_test(other_vlans_do_not),
	    cmocka_unit_test(questions_leave_room_for_answers),
	};
	const struct CMUnitTest over_ipv6[] = {
	    cmocka_unit_test(what_concerns_us_goes_up),
	    cmocka_unit_test(all_workers_know_who_is_awaited),
	    cmocka_unit_test(what_cannot_be_right_does_not),
	    cmocka_unit_test(advertisements_go_up),
	    cmocka_unit_test(router_messages_do_not),
	    cmocka_unit_test(other_vlans_do_not),
	    cmocka_unit_test(questions_leave_room_for_answers),
	};

	return worker_bench_main("worker_neighbour", tests, sizeof(tests) / sizeof(tests[0]),
				 over_ipv6, sizeof(over_ipv6) / sizeof(over_ipv6[0]));
}
