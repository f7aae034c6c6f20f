/* SPDX-License-Identifier: BSD-3-Clause */
/* Router advertisements, byte by byte: what is taken of them, for how long, and what is not. */
#include "unit.h"

#include "addresses.h"
#include "el_ra.h"
#include "frames.h"

#define S UINT64_C(1000000000)
#define T0 (1000 * S)
#define HOUR (3600 * S)
#define FOREVER UINT32_MAX
#define L 0x80
#define A 0x40

static const uint8_t OUR_MAC[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t ROUTER_MAC[6] = {2, 0, 0, 0, 0, 0x10};

static struct el_ra ra;
static uint64_t now; /* far enough apart that none is one too many */

static int setup(void **state)
{
	(void)state;
	now = T0;
	el_ra_init(&ra, OUR_MAC, 0, now);
	return 0;
}

struct advertisement {
	const char *source;
	uint16_t lifetime_s;
	uint8_t flags;
	uint8_t options[160];
	size_t options_len;
};

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void add_prefix(struct advertisement *a, const char *text, uint8_t flags, uint32_t valid_s,
		       uint32_t preferred_s)
{
	struct el_prefix p = prefix(text);
	uint8_t *o = a->options + a->options_len;

	memset(o, 0, 32);
	o[0] = 3;
	o[1] = 4;
	o[2] = p.len;
	o[3] = flags;
	put32(o + 4, valid_s);
	put32(o + 8, preferred_s);
	memcpy(o + 16, p.ip.bytes, 16);
	a->options_len += 32;
}

static void add_mtu(struct advertisement *a, uint32_t mtu)
{
	uint8_t *o = a->options + a->options_len;

	memcpy(o, "\5\1\0", 4);
	put32(o + 4, mtu);
	a->options_len += 8;
}

static void sum_up(struct frame *f)
{
	uint8_t *icmp = f->bytes + 14 + 40;

	put16(icmp + 2, 0);
	put16(icmp + 2, naive_l4_checksum(f->bytes + 14 + 8, 16, 58, icmp, f->len - 14 - 40));
}

static struct frame make(const struct advertisement *a)
{
	struct el_ip source = ip(a->source ? a->source : "fe80::1"), all = ip("ff02::1");
	uint8_t body[200] = {134, 0, 0, 0, 64, a->flags};
	struct frame f;

	put16(body + 6, a->lifetime_s);
	memcpy(body + 16, a->options, a->options_len);
	frame_ether(&f, 0, 0x86dd);
	memcpy(f.bytes, "\x33\x33\0\0\0\1", 6);
	memcpy(f.bytes + 6, ROUTER_MAC, 6);
	frame_ipv6(&f, 58, source.bytes, all.bytes, body, 16 + a->options_len);
	f.bytes[14 + 7] = 255;
	sum_up(&f);
	return f;
}

/* In memory of its own, so that nothing past it is read. */
static bool receive(const struct frame *f)
{
	uint8_t *copy = malloc(f->len);
	bool changed;

	assert_non_null(copy);
	memcpy(copy, f->bytes, f->len);
	changed = el_ra_input(&ra, copy, f->len, now);
	free(copy);
	return changed;
}

static bool hear(const struct advertisement *a)
{
	struct frame f = make(a);

	return receive(&f);
}

/* Of one prefix. */
static bool hear_prefix(const char *text, uint8_t flags, uint32_t valid_s, uint32_t preferred_s)
{
	struct advertisement a = {.lifetime_s = 1800};

	add_prefix(&a, text, flags, valid_s, preferred_s);
	now += S;
	return hear(&a);
}

static void assert_router(uint32_t i, const char *text)
{
	struct el_ip wanted = ip(text);

	assert_true(i < ra.n_routers);
	assert_true(el_ip_equal(&ra.routers[i].ip, &wanted));
}

static void assert_addresses(size_t n, const char *first)
{
	struct el_prefix addresses[EL_RA_PREFIXES_MAX], wanted;

	assert_int_equal(el_ra_addresses(&ra, now, addresses), n);
	if (!n)
		return;
	wanted = prefix(first);
	if (!el_ip_equal(&addresses[0].ip, &wanted.ip) || addresses[0].len != wanted.len) {
		char text[EL_IP_STRLEN];

		fail_msg("%s, not %s", el_prefix_format(&addresses[0], text), first);
	}
}

/* By preference, those of the same as they came; a lifetime of 0 ends one, and so does time. */
static void routers(void **state)
{
	static const struct {
		const char *source;
		uint8_t flags;
	} all[] = {{"fe80::1", 0},
		   {"fe80::2", 0x18},
		   {"fe80::3", 0x08},
		   {"fe80::4", 0},
		   {"fe80::5", 0x10}};
	struct advertisement a = {0};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		a = (struct advertisement){.source = all[i].source,
					   .flags = all[i].flags,
					   .lifetime_s = (uint16_t)(100 + i)};
		assert_true(hear(&a));
	}
	assert_int_equal(ra.n_routers, 5);
	assert_router(0, "fe80::3");
	assert_router(1, "fe80::1");
	assert_router(2, "fe80::4");
	assert_router(3, "fe80::5");
	assert_router(4, "fe80::2");
	a = (struct advertisement){.lifetime_s = 50}; /* that of the first is another now */
	assert_false(hear(&a));
	a.flags = 0x08;
	assert_true(hear(&a));
	assert_router(1, "fe80::1");
	a.source = "fe80::3";
	a.lifetime_s = 0;
	assert_true(hear(&a));
	assert_false(hear(&a));
	assert_int_equal(ra.n_routers, 4);
}

static void routers_run_out(void **state)
{
	struct advertisement a = {.lifetime_s = 50}, b = {.source = "fe80::2", .lifetime_s = 80};

	(void)state;
	assert_true(hear(&a));
	assert_true(hear(&b));
	assert_int_equal(ra.n_routers, 2);
	ra.solicitations = 0;
	assert_int_equal(el_ra_next_ns(&ra), T0 + 50 * S);
	assert_false(el_ra_tick(&ra, T0 + 50 * S - 1));
	assert_true(el_ra_tick(&ra, T0 + 50 * S));
	assert_int_equal(ra.n_routers, 1);
	assert_router(0, "fe80::2");
	assert_true(el_ra_tick(&ra, T0 + 80 * S));
	assert_int_equal(ra.n_routers, 0);
	assert_int_equal(el_ra_next_ns(&ra), UINT64_MAX);
}

/* Whoever forges any number of them has no more than is listed, and those that are there stay. */
static void lists_are_bounded(void **state)
{
	char text[64];

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct advertisement a = {
		    .source = text, .lifetime_s = 9000, .flags = i ? 0x08 : 0};

		snprintf(text, sizeof(text), "fe80::%x", i + 1);
		now += S;
		assert_int_equal(hear(&a), i < EL_RA_ROUTERS_MAX);
	}
	assert_int_equal(ra.n_routers, EL_RA_ROUTERS_MAX);
	assert_router(EL_RA_ROUTERS_MAX - 1, "fe80::1");
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::/64", i);
		assert_int_equal(hear_prefix(text, L | A, 9000, 9000), i < EL_RA_PREFIXES_MAX);
	}
	assert_int_equal(ra.n_prefixes, EL_RA_PREFIXES_MAX);
	assert_int_equal(ra.n_no_room, 100 - EL_RA_ROUTERS_MAX + 100 - EL_RA_PREFIXES_MAX);
}

static void floods_are_not_read(void **state)
{
	struct advertisement a = {.lifetime_s = 1800};

	(void)state;
	for (int i = 0; i < 100; i++)
		hear(&a);
	assert_int_equal(ra.n_read, 20);
	assert_int_equal(ra.n_limited, 80);
	now += S;
	for (int i = 0; i < 100; i++)
		hear(&a);
	assert_int_equal(ra.n_read, 30);
}

static void prefixes_on_the_link(void **state)
{
	(void)state;
	assert_true(hear_prefix("2001:db8:1::/48", L, 100, 100));
	assert_int_equal(ra.n_prefixes, 1);
	assert_int_equal(ra.prefixes[0].prefix.len, 48);
	assert_int_equal(ra.prefixes[0].on_link_until_ns, now + 100 * S);
	assert_addresses(0, NULL);
	assert_false(hear_prefix("2001:db8:1::/48", L, 200, 100));
	assert_int_equal(ra.prefixes[0].on_link_until_ns, now + 200 * S);
	/* without the flag nothing is said of it (RFC 4861 section 6.3.4) */
	assert_false(hear_prefix("2001:db8:1::/48", 0, 0, 0));
	assert_int_equal(ra.n_prefixes, 1);
	assert_true(hear_prefix("2001:db8:1::/48", L, 0, 0));
	assert_int_equal(ra.n_prefixes, 0);
	assert_true(hear_prefix("2001:db8:2::/64", L, FOREVER, FOREVER));
	assert_true(el_ra_tick(&ra, now + 1000000 * HOUR)); /* the router is gone */
	assert_int_equal(ra.n_prefixes, 1);
	assert_int_equal(ra.prefixes[0].on_link_until_ns, UINT64_MAX);
	assert_true(hear_prefix("2001:db8:2::/64", L, FOREVER, FOREVER)); /* and is there again */
	/* what can be on no link */
	assert_false(hear_prefix("::/0", L, 100, 100));
	assert_false(hear_prefix("2000::/3", L, 100, 100));
	assert_false(hear_prefix("fe80::/64", L | A, 100, 100));
	assert_false(hear_prefix("ff05::/64", L | A, 100, 100));
	assert_false(hear_prefix("::/96", L, 100, 100));
	assert_int_equal(ra.n_prefixes, 1);
}

static void addresses(void **state)
{
	(void)state;
	assert_true(hear_prefix("2001:db8::/64", L | A, 9000, 900));
	assert_addresses(1, "2001:db8::ff:fe00:1/64");
	assert_true(hear_prefix("2001:db8:1::/64", A, 9000, 800));
	assert_addresses(2, "2001:db8::ff:fe00:1/64");
	assert_true(hear_prefix("2001:db8::/64", L, 0, 0)); /* not on the link any more */
	assert_addresses(2, "2001:db8::ff:fe00:1/128");
	/* deprecated: the last to be taken */
	assert_true(hear_prefix("2001:db8::/64", A, 9000, 0));
	assert_addresses(2, "2001:db8:1::ff:fe00:1/128");
	/* none: of another length, or with lifetimes that can't be */
	assert_false(hear_prefix("2001:db8:2::/63", A, 9000, 900));
	assert_false(hear_prefix("2001:db8:2::/65", A, 9000, 900));
	assert_false(hear_prefix("2001:db8:2::/64", A, 900, 9000));
	assert_addresses(2, "2001:db8:1::ff:fe00:1/128");
	/* one that is not preferred any more is no news when that is said again */
	assert_true(hear_prefix("2001:db8:3::/64", A, 9000, 0));
	now += S;
	assert_false(el_ra_tick(&ra, now));
	assert_false(hear_prefix("2001:db8:3::/64", A, 9000, 0));
	assert_false(el_ra_tick(&ra, now + S));
	/* and over */
	now += 801 * S;
	assert_true(el_ra_tick(&ra, now));
	now += 9000 * S;
	assert_true(el_ra_tick(&ra, now));
	assert_addresses(0, NULL);
	assert_int_equal(ra.n_prefixes, 0);
}

/* RFC 4862 section 5.5.3 e */
static void two_hours(void **state)
{
	static const struct {
		uint32_t have_s, told_s, left_s;
	} cases[] = {
	    {3 * 3600, 4 * 3600, 4 * 3600}, /* longer */
	    {9 * 3600, 3 * 3600, 3 * 3600}, /* above two hours */
	    {9 * 3600, 60, 2 * 3600},       /* not below them at once */
	    {9 * 3600, 0, 2 * 3600},
	    {3600, 60, 3600 - 1}, /* there it stays, but for the second that has gone by */
	    {3600, 0, 3600 - 1},
	    {3600, 5000, 5000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(NULL);
		assert_true(hear_prefix("2001:db8::/64", A, cases[i].have_s, 60));
		hear_prefix("2001:db8::/64", A, cases[i].told_s, 0);
		assert_int_equal((ra.prefixes[0].valid_until_ns - now) / S, cases[i].left_s);
		assert_addresses(1, "2001:db8::ff:fe00:1/128");
		assert_true(ra.prefixes[0].preferred_until_ns <= now);
	}
}

static void mtu(void **state)
{
	static const struct {
		uint32_t told;
		uint16_t taken;
	} cases[] = {{1279, 0}, {1280, 1280}, {0, 1280}, {70000, 1280}, {1480, 1480}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct advertisement a = {0};

		add_mtu(&a, cases[i].told);
		assert_int_equal(hear(&a), cases[i].told == cases[i].taken);
		assert_int_equal(ra.mtu, cases[i].taken);
	}
}

/* RFC 4861 section 6.1.2 */
static void wrong_ones(void **state)
{
	struct advertisement a = {.lifetime_s = 1800};
	struct frame good, f;
	uint64_t n = 0;

	(void)state;
	add_prefix(&a, "2001:db8::/64", L | A, 9000, 900);
	good = make(&a);
	f = good;
	f.bytes[14 + 7] = 254; /* forwarded */
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, ++n);
	f = good;
	f.bytes[14 + 40 + 1] = 1; /* code */
	sum_up(&f);
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, ++n);
	f = good;
	f.bytes[f.len - 1] ^= 1; /* checksum */
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, ++n);
	f = good;
	f.bytes[14 + 40 + 16 + 1] = 0; /* an option without length */
	sum_up(&f);
	assert_false(receive(&f));
	f.bytes[14 + 40 + 16 + 1] = 5; /* one that is longer than the message */
	sum_up(&f);
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, n += 2);
	for (size_t len = 14 + 40 + 1; len < good.len; len++) {
		f = good;
		f.len = len;
		assert_false(receive(&f));
		assert_int_equal(ra.n_malformed, ++n);
	}
	a.source = "2001:db8::1"; /* not link-local */
	assert_false(hear(&a));
	assert_int_equal(ra.n_malformed, ++n);
	f = good;
	memcpy(f.bytes + 6, OUR_MAC, 6);
	assert_false(receive(&f));
	f = good;
	f.bytes[6] = 1; /* from a group */
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, n += 2);
	f = good;
	f.bytes[14 + 40] = 135; /* something else */
	assert_false(receive(&f));
	assert_int_equal(ra.n_malformed, n);
	assert_int_equal(ra.n_routers + ra.n_prefixes, 0);
	assert_true(receive(&good));
}

/* Three solicitations, 4 s apart, until a router answers; and again when the link is up again. */
static void solicitations(void **state)
{
	uint8_t frame[EL_RA_FRAME_MAX];
	struct advertisement a = {.lifetime_s = 1800};
	uint64_t first = el_ra_next_ns(&ra);
	size_t len;

	(void)state;
	assert_in_range(first, T0, T0 + S);
	assert_int_equal(el_ra_solicit(&ra, first - 1, frame), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(el_ra_next_ns(&ra), first + (uint64_t)i * 4 * S);
		len = el_ra_solicit(&ra, el_ra_next_ns(&ra), frame);
		assert_int_equal(len, 14 + 40 + 8);
		assert_memory_equal(frame, "\x33\x33\0\0\0\2", 6);
		assert_int_equal(frame[14 + 7], 255);
		assert_int_equal(frame[14 + 40], 133);
		assert_int_equal(naive_l4_checksum(frame + 14 + 8, 16, 58, frame + 14 + 40, 8), 0);
		el_ra_solicited(&ra, el_ra_next_ns(&ra));
	}
	assert_int_equal(el_ra_next_ns(&ra), UINT64_MAX);
	el_ra_ask_again(&ra, T0 + 100 * S);
	el_ra_solicited(&ra, el_ra_next_ns(&ra));
	assert_int_equal(ra.solicitations, 2);
	now = T0 + 102 * S;
	a.lifetime_s = 0; /* of no default router */
	hear(&a);
	assert_int_equal(ra.solicitations, 2);
	a.lifetime_s = 1800;
	assert_true(hear(&a));
	assert_int_equal(ra.solicitations, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(routers, setup),
	    cmocka_unit_test_setup(routers_run_out, setup),
	    cmocka_unit_test_setup(lists_are_bounded, setup),
	    cmocka_unit_test_setup(floods_are_not_read, setup),
	    cmocka_unit_test_setup(prefixes_on_the_link, setup),
	    cmocka_unit_test_setup(addresses, setup),
	    cmocka_unit_test_setup(two_hours, setup),
	    cmocka_unit_test_setup(mtu, setup),
	    cmocka_unit_test_setup(wrong_ones, setup),
	    cmocka_unit_test_setup(solicitations, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
