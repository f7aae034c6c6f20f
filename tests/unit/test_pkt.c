/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_pkt.h"
#include "sample_frames.h"

static uint64_t seed;
static struct sample all[SAMPLES];

static int setup(void **state)
{
	(void)state;
	seed = unit_seed();
	samples(all);
	return 0;
}

static void sum_is_that_of_the_slow_one(void **state)
{
	uint8_t buf[3000];

	(void)state;
	for (int fill = 0; fill < 3; fill++) {
		/* random, and the two words that are zero in one's complement */
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = fill == 0 ? (uint8_t)unit_random(&seed) : fill == 1 ? 0x00 : 0xff;
		for (size_t len = 0; len <= 300; len++)
			for (size_t align = 0; align < 9; align++) {
				uint16_t sum = el_sum_fold(el_sum(buf + align, len, 0));
				uint8_t in_memory[2];

				memcpy(in_memory, &sum, 2);
				assert_int_equal((uint16_t)~el_get16(in_memory),
						 naive_checksum(buf + align, len, NULL, 0));
			}
	}
	/* In pieces of even length, and with the largest words there are. */
	memset(buf, 0xff, sizeof(buf));
	buf[7] = 3;
	assert_int_equal(el_sum_fold(el_sum(buf, sizeof(buf), 0)),
			 el_sum_fold(el_sum(buf + 1002, sizeof(buf) - 1002, el_sum(buf, 1002, 0))));
	assert_int_equal(el_sum_fold(0), 0);
	assert_int_equal(el_sum_fold(0xffff), 0xffff);
	assert_int_equal(el_sum_fold(0x10000), 1);
	assert_int_equal(el_sum_fold(UINT64_MAX >> 1), 0x7fff);
}

/* Puts the right checksum of the L4 header in; its place, NULL where there is none to put. */
static uint8_t *fix_l4(struct sample *s)
{
	uint8_t *ip = s->frame.bytes + s->l3, *l4 = s->frame.bytes + s->l4;
	uint8_t *at = l4 + (s->protocol == IPPROTO_TCP ? 16 : s->protocol == IPPROTO_UDP ? 6 : 2);
	size_t len = s->ip_end - s->l4;

	put16(at, 0);
	put16(at, s->protocol == IPPROTO_ICMP
		      ? naive_checksum(l4, len, NULL, 0)
		      : naive_l4_checksum(ip + (s->family == 4 ? 12 : 8), s->family == 4 ? 4 : 16,
					  (uint8_t)s->protocol, l4, len));
	return at;
}

static bool is_right(const struct frame *f)
{
	struct el_pkt p;

	assert_int_equal(el_pkt_parse(f->bytes, f->len, &p), EL_PKT_OK);
	return el_pkt_checksums_right(&p);
}

/* Of every kind of packet: any byte of what a checksum covers that changes makes it wrong, padding
 * does not. */
static void checksums_are_verified(void **state)
{
	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		struct sample s = all[i];
		const uint8_t *at;

		if (!s.ip)
			continue;
		at = fix_l4(&s);
		assert_true(is_right(&s.frame));
		for (size_t k = s.l4; k < s.frame.len; k++) {
			struct el_pkt p;
			uint8_t was = s.frame.bytes[k];

			s.frame.bytes[k] ^= 0x81;
			/* some can't be parsed any more then */
			if (el_pkt_parse(s.frame.bytes, s.frame.len, &p) == EL_PKT_OK &&
			    el_pkt_checksums_right(&p) != (k >= s.ip_end))
				fail_msg("%s, byte %zu", s.name, k - s.l4);
			s.frame.bytes[k] = was;
		}
		s.frame.bytes[s.family == 4 ? s.l3 + 12 : s.l3 + 8] ^= 1; /* the source address */
		assert_false(is_right(&s.frame));
		s.frame.bytes[s.family == 4 ? s.l3 + 12 : s.l3 + 8] ^= 1;
		if (s.family == 4) {
			s.frame.bytes[s.l3 + 8]--; /* its time to live */
			assert_false(is_right(&s.frame));
			s.frame.bytes[s.l3 + 8]++;
		}
		/* none at all: allowed for UDP over IPv4 alone */
		put16(s.frame.bytes + (at - s.frame.bytes), 0);
		assert_int_equal(is_right(&s.frame), s.family == 4 && s.protocol == IPPROTO_UDP);
	}
}

/* Whether all that a parse found lies within the frame. */
static void check_views(const struct el_pkt *p, const uint8_t *frame, size_t len)
{
	const uint8_t *end = frame + len;
	size_t addr_len = p->family == 4 ? 4 : 16;

	assert_true(p->family == 4 || p->family == 6);
	assert_ptr_equal(p->l2, frame);
	assert_true(p->l3 >= frame + 14 && p->l3 < end);
	assert_true(p->l4 >= p->l3 + 20 && p->l4 <= end && p->l4_len <= end - p->l4);
	assert_true(p->l4_len >= (p->protocol == IPPROTO_TCP ? 20 : 8));
	assert_true(p->ip.src > p->l3 && p->ip.src + addr_len == p->ip.dst && p->ip.dst < p->l4);
	if (p->quote.l3 == NULL)
		return;
	assert_true(p->quote.family == p->family);
	assert_true(p->quote.l3 == p->l4 + 8);
	assert_true(p->quote.l4 >= p->quote.l3 + 20 &&
		    p->quote.l4_len <= p->l4 + p->l4_len - p->quote.l4);
	assert_true(p->quote.src > p->quote.l3 && p->quote.src + addr_len == p->quote.dst &&
		    p->quote.dst < p->quote.l4);
}

/* Parses a copy in memory of exactly its length, so that the sanitiser sees whoever reads on. */
static enum el_pkt_error parse_exact(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1), *frame = len ? copy : copy + 1;
	enum el_pkt_error error;
	struct el_pkt pkt;

	assert_non_null(copy);
	memcpy(frame, bytes, len);
	error = el_pkt_parse(frame, len, &pkt);
	assert_in_range(error, EL_PKT_OK, EL_PKT_ERRORS - 1);
	if (error == EL_PKT_OK)
		check_views(&pkt, frame, len);
	free(copy);
	return error;
}

static void parses_samples(void **state)
{
	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		const struct sample *s = &all[i];
		struct el_pkt p;

		print_message("%s\n", s->name);
		if (!s->ip) {
			assert_int_equal(el_pkt_parse(s->frame.bytes, s->frame.len, &p),
					 EL_PKT_UNSUPPORTED);
			continue;
		}
		assert_int_equal(el_pkt_parse(s->frame.bytes, s->frame.len, &p), EL_PKT_OK);
		check_views(&p, s->frame.bytes, s->frame.len);
		assert_int_equal(p.family, s->family);
		assert_int_equal(p.protocol, s->protocol);
		assert_int_equal(p.vlan_tags, s->vlan_tags);
		assert_int_equal(p.l3 - s->frame.bytes, s->l3);
		assert_int_equal(p.l4 - s->frame.bytes, s->l4);
		assert_int_equal(p.l4_len, s->ip_end - s->l4);
		if (!s->quote_l3) {
			assert_null(p.quote.l3);
			continue;
		}
		assert_int_equal(p.quote.l3 - s->frame.bytes, s->quote_l3);
		assert_int_equal(p.quote.l4 - s->frame.bytes, s->quote_l4);
		assert_memory_equal(p.quote.src, s->family == 4 ? SAMPLE_OWN4 : SAMPLE_OWN6,
				    s->family == 4 ? 4 : 16);
		assert_memory_equal(p.quote.dst, s->family == 4 ? SAMPLE_TARGET4 : SAMPLE_TARGET6,
				    s->family == 4 ? 4 : 16);
	}
}

static void truncated_at_every_length(void **state)
{
	(void)state;
	for (int i = 0; i < SAMPLES; i++)
		for (size_t len = 0; len <= all[i].frame.len; len++) {
			enum el_pkt_error expected =
			    len < 14 || (all[i].ip && len < all[i].ip_end)
				? EL_PKT_TRUNCATED
				: (all[i].ip ? EL_PKT_OK : EL_PKT_UNSUPPORTED);
			assert_int_equal(parse_exact(all[i].frame.bytes, len), expected);
		}
}

/* A packet whose IP header agrees that it ends early. */
static void shortened_at_every_length(void **state)
{
	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		struct frame f = all[i].frame;
		size_t l3 = all[i].l3, min = all[i].l4 + (all[i].protocol == IPPROTO_TCP ? 20 : 8);
		size_t first = l3 + (all[i].family == 4 ? all[i].l4 - l3 : 40);

		if (!all[i].ip)
			continue;
		for (size_t end = first; end <= all[i].ip_end; end++) {
			if (all[i].family == 4)
				put16(f.bytes + l3 + 2, (unsigned)(end - l3));
			else
				put16(f.bytes + l3 + 4, (unsigned)(end - l3 - 40));
			assert_int_equal(parse_exact(f.bytes, end),
					 end < min ? EL_PKT_TRUNCATED : EL_PKT_OK);
			assert_int_equal(parse_exact(f.bytes, f.len),
					 end < min ? EL_PKT_TRUNCATED : EL_PKT_OK);
		}
	}
}

static void random_mutations(void **state)
{
	(void)state;
	for (int n = 0; n < 200000; n++) {
		struct frame f = all[unit_random(&seed) % SAMPLES].frame;
		uint64_t changes = 1 + unit_random(&seed) % 4;

		while (changes--) {
			uint64_t r = unit_random(&seed);
			size_t at = r % (n % 2 ? f.len : 80);
			f.bytes[at] =
			    (uint8_t)(r & 1 << 20 ? r >> 32 : f.bytes[at] ^ 1U << (r >> 40 & 7));
		}
		parse_exact(f.bytes, n % 3 ? f.len : unit_random(&seed) % (f.len + 1));
	}
}

static struct frame changed(int sample, size_t at, uint8_t value)
{
	struct frame f = all[sample].frame;

	f.bytes[at] = value;
	return f;
}

#define PARSE(f) parse_exact((f).bytes, (f).len)

static void refuses_bad_ipv4(void **state)
{
	static const struct {
		uint8_t at, value; /* in the IP header */
		enum el_pkt_error error;
	} cases[] = {
	    {0, 0x65, EL_PKT_MALFORMED},  {0, 0x05, EL_PKT_MALFORMED},  {0, 0x44, EL_PKT_MALFORMED},
	    {0, 0x40, EL_PKT_MALFORMED},  {0, 0x4f, EL_PKT_MALFORMED},  {3, 19, EL_PKT_MALFORMED},
	    {3, 0, EL_PKT_MALFORMED},     {3, 20, EL_PKT_TRUNCATED},    {3, 39, EL_PKT_TRUNCATED},
	    {2, 1, EL_PKT_TRUNCATED},     {6, 0x20, EL_PKT_FRAGMENT},   {6, 0x60, EL_PKT_FRAGMENT},
	    {7, 1, EL_PKT_FRAGMENT},      {6, 0x10, EL_PKT_FRAGMENT},   {6, 0x80, EL_PKT_OK},
	    {9, 2, EL_PKT_UNSUPPORTED},   {9, 58, EL_PKT_UNSUPPORTED},  {9, 41, EL_PKT_UNSUPPORTED},
	    {32, 0x40, EL_PKT_MALFORMED}, {32, 0x60, EL_PKT_TRUNCATED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = changed(0, 14 + (size_t)cases[i].at, cases[i].value);
		assert_int_equal(PARSE(f), cases[i].error);
	}
}

static void refuses_vlan_tags_past_two(void **state)
{
	struct frame f;
	uint8_t l4[28];

	(void)state;
	for (unsigned tags = 0; tags < 5; tags++) {
		frame_ether(&f, tags, 0x0800);
		frame_ipv4(&f, 0, IPPROTO_TCP, SAMPLE_TARGET4, SAMPLE_OWN4, l4,
			   sample_l4(l4, IPPROTO_TCP, true, 0));
		assert_int_equal(PARSE(f), tags <= 2 ? EL_PKT_OK : EL_PKT_UNSUPPORTED);
	}
}

/* The VLAN of a frame by its tags, and where its type is. */
static void reads_tags(void **state)
{
	static const struct {
		const char *tags; /* and the type, with which the frame ends */
		size_t len, header;
		el_vlan vlan;
	} cases[] = {
	    {"\x08\x00", 2, 14, 0},
	    {"\x81\x00\xe0\x64\x08\x00", 6, 18, 100},
	    {"\x81\x00\xa0\x00\x08\x00", 6, 18, 0}, /* a priority */
	    {"\x88\xa8\x00\x07\x81\x00\x30\x64\x08\x06", 10, 22, 7 << 16 | 100},
	    /* no VLAN that a link can be on: the type is unknown */
	    {"\x88\xa8\x00\x07\x08\x00", 6, 14, 0},
	    {"\x88\xa8\x00\x07\x88\xa8\x00\x64\x08\x00", 10, 14, 0},
	    {"\x88\xa8\x00\x00\x81\x00\x00\x64\x08\x00", 10, 14, 0},
	    {"\x88\xa8\x00\x07\x81\x00\x00\x00\x08\x00", 10, 14, 0},
	    {"\x81\x00\x00\x07\x81\x00\x00\x64\x08\x00", 10, 18, 7},
	    {"\x91\x00\x00\x07\x08\x00", 6, 14, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* exactly as long as it is said to be */
		for (size_t len = 0; len <= 12 + cases[i].len; len++) {
			uint8_t *f = calloc(1, len + 1), *exact = f + 1;
			el_vlan is = 77;
			size_t got;

			if (len > 12)
				memcpy(exact + 12, cases[i].tags, len - 12);
			got = el_tags_read(exact, len, &is);
			if (got && len == 12 + cases[i].len) {
				assert_int_equal(got, cases[i].header);
				assert_int_equal(is, cases[i].vlan);
			} else if (len < cases[i].header) {
				assert_int_equal(got, 0);
			}
			free(f);
		}
	}
}

/* What is written is read again. */
static void tags_come_back(void **state)
{
	static const el_vlan vlans[] = {0, 1, 100, 4094, 7 << 16 | 100, 4094 << 16 | 4094};

	(void)state;
	for (size_t i = 0; i < sizeof(vlans) / sizeof(vlans[0]); i++) {
		const struct el_tags tags = el_tags_of(vlans[i]);
		uint8_t frame[22] = {0};
		el_vlan is;

		el_put16(frame + 12 + el_tags_write(frame, &tags), 0x0800);
		assert_int_equal(el_tags_read(frame, 14U + tags.len, &is), 14 + tags.len);
		assert_int_equal(is, vlans[i]);
	}
}

static void ipv6_extensions_are_bounded(void **state)
{
	uint8_t chain[8 * 20] = {0};
	struct sample s;

	(void)state;
	for (size_t n = 1; n <= 20; n++) {
		for (size_t i = 0; i < n; i++)
			chain[8 * i] = i + 1 < n ? IPPROTO_DSTOPTS : IPPROTO_TCP;
		sample_ip6(&s, "", IPPROTO_DSTOPTS, chain, 8 * n, IPPROTO_TCP, 0);
		assert_int_equal(PARSE(s.frame), n <= 8 ? EL_PKT_OK : EL_PKT_UNSUPPORTED);
	}
}

static void refuses_bad_ipv6(void **state)
{
	uint8_t fragment[8] = {IPPROTO_TCP};
	uint8_t long_option[8] = {IPPROTO_TCP, 255};
	struct sample s;
	struct frame f;

	(void)state;
	fragment[3] = 1; /* more fragments */
	sample_ip6(&s, "", IPPROTO_FRAGMENT, fragment, 8, IPPROTO_TCP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_FRAGMENT);
	fragment[3] = 8; /* offset */
	sample_ip6(&s, "", IPPROTO_FRAGMENT, fragment, 8, IPPROTO_TCP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_FRAGMENT);
	fragment[3] = 6; /* reserved */
	sample_ip6(&s, "", IPPROTO_FRAGMENT, fragment, 8, IPPROTO_TCP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_OK);
	sample_ip6(&s, "", IPPROTO_ROUTING, long_option, 8, IPPROTO_TCP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_TRUNCATED);
	sample_ip6(&s, "", IPPROTO_ICMP, "", 0, IPPROTO_ICMP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_UNSUPPORTED);
	sample_ip6(&s, "", 50, "", 0, IPPROTO_TCP, 0);
	assert_int_equal(PARSE(s.frame), EL_PKT_UNSUPPORTED);
	sample_ip6(&s, "", IPPROTO_TCP, "", 0, IPPROTO_TCP, 0);
	f = s.frame;
	f.bytes[14] = 0x40;
	assert_int_equal(PARSE(f), EL_PKT_MALFORMED);
	f = s.frame;
	put16(f.bytes + 18, 0);
	assert_int_equal(PARSE(f), EL_PKT_TRUNCATED);
	put16(f.bytes + 18, 21);
	assert_int_equal(PARSE(f), EL_PKT_TRUNCATED);
}

/* From no byte of the quote to all of them, with and without options in its header. */
static void quotes_of_every_length(void **state)
{
	(void)state;
	for (unsigned options = 0; options <= 40; options += 20)
		for (size_t cut = 0; cut <= 20 + options + 24; cut++) {
			struct sample s;
			struct el_pkt p;

			sample_quote4(&s, "", 3, options, IPPROTO_UDP, 16, cut, false);
			assert_int_equal(PARSE(s.frame), EL_PKT_OK);
			assert_int_equal(el_pkt_parse(s.frame.bytes, s.frame.len, &p), EL_PKT_OK);
			if (cut < 20 + options) {
				assert_null(p.quote.l3);
				continue;
			}
			assert_non_null(p.quote.l3);
			assert_int_equal(p.quote.l4_len, cut - 20 - options);
			assert_int_equal(p.quote.protocol, IPPROTO_UDP);
		}
}

static const uint8_t *quote_of(const struct frame *f, struct el_pkt *p)
{
	assert_int_equal(el_pkt_parse(f->bytes, f->len, p), EL_PKT_OK);
	check_views(p, f->bytes, f->len);
	return p->quote.l3;
}

static void quotes_that_are_damaged(void **state)
{
	struct sample s;
	struct frame f;
	struct el_pkt p;

	(void)state;
	sample_quote4(&s, "", 3, 0, IPPROTO_UDP, 16, 1000, false);
	assert_non_null(quote_of(&s.frame, &p));
	assert_int_equal(p.quote.l4_len, 24);
	f = s.frame;
	f.bytes[s.quote_l3] = 0x55;
	assert_null(quote_of(&f, &p));
	f.bytes[s.quote_l3] = 0x44;
	assert_null(quote_of(&f, &p));
	f = s.frame;
	put16(f.bytes + s.quote_l3 + 2, 19);
	assert_null(quote_of(&f, &p));
	put16(f.bytes + s.quote_l3 + 2,
	      20 + 12); /* what is behind the quoted packet's end does not count */
	assert_non_null(quote_of(&f, &p));
	assert_int_equal(p.quote.l4_len, 12);
	put16(f.bytes + s.quote_l3 + 2, 1500); /* what is not there neither */
	assert_non_null(quote_of(&f, &p));
	assert_int_equal(p.quote.l4_len, 24);
	f = s.frame;
	f.bytes[s.quote_l3 + 6] = 0x20; /* a first fragment has the header */
	assert_non_null(quote_of(&f, &p));
	f.bytes[s.quote_l3 + 7] = 0x01;
	assert_null(quote_of(&f, &p));
	for (unsigned type = 0; type < 256; type++) {
		f = s.frame;
		f.bytes[s.l4] = (uint8_t)type;
		assert_true((quote_of(&f, &p) != NULL) == (type == 3 || type == 11 || type == 12));
	}
}

static void quote_ends_where_an_extension_begins(void **state)
{
	struct sample s;
	struct el_pkt p;

	(void)state;
	sample_quote4(&s, "", 11, 0, IPPROTO_UDP, 400, 128, true);
	assert_non_null(quote_of(&s.frame, &p));
	assert_int_equal(p.quote.l4_len, 108);
	s.frame.bytes[s.l4 + 5] = 1; /* rubbish in a field that was unused once */
	assert_non_null(quote_of(&s.frame, &p));
	assert_int_equal(p.quote.l4_len, 116);
	s.frame.bytes[s.l4 + 5] = 255;
	assert_non_null(quote_of(&s.frame, &p));
	assert_int_equal(p.quote.l4_len, 116);
}

static void icmp6_quotes(void **state)
{
	struct sample s;
	struct el_pkt p;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		sample_quote6(&s, "", (uint8_t)type, IPPROTO_UDP, "", 0, IPPROTO_UDP, 20);
		assert_true((quote_of(&s.frame, &p) != NULL) == (type >= 1 && type <= 4));
	}
	sample_quote6(&s, "", 1, IPPROTO_UDP, "", 0, IPPROTO_UDP, 20);
	assert_non_null(quote_of(&s.frame, &p));
	assert_int_equal(p.quote.l4_len, 28);
	assert_int_equal(p.quote.family, 6);
	s.frame.bytes[s.quote_l3] = 0x40;
	assert_null(quote_of(&s.frame, &p));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sum_is_that_of_the_slow_one),
	    cmocka_unit_test(checksums_are_verified),
	    cmocka_unit_test(parses_samples),
	    cmocka_unit_test(truncated_at_every_length),
	    cmocka_unit_test(shortened_at_every_length),
	    cmocka_unit_test(random_mutations),
	    cmocka_unit_test(refuses_bad_ipv4),
	    cmocka_unit_test(refuses_vlan_tags_past_two),
	    cmocka_unit_test(reads_tags),
	    cmocka_unit_test(tags_come_back),
	    cmocka_unit_test(ipv6_extensions_are_bounded),
	    cmocka_unit_test(refuses_bad_ipv6),
	    cmocka_unit_test(quotes_of_every_length),
	    cmocka_unit_test(quotes_that_are_damaged),
	    cmocka_unit_test(quote_ends_where_an_extension_begins),
	    cmocka_unit_test(icmp6_quotes),
	};

	return cmocka_run_group_tests_name("pkt", tests, setup, NULL);
}
