/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* One frame of each shape that the parser knows. */
#include <netinet/in.h>

#include "frames.h"

#define SAMPLE_OWN4 ((const uint8_t[]){192, 0, 2, 10})
#define SAMPLE_TARGET4 ((const uint8_t[]){198, 51, 100, 7})
#define SAMPLE_ROUTER4 ((const uint8_t[]){192, 0, 2, 1})
#define SAMPLE_OWN6 ((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 10})
#define SAMPLE_TARGET6 ((const uint8_t[16]){0x20, 1, 0xd, 0xb8, 1, [15] = 7})

struct sample {
	const char *name;
	struct frame frame;
	size_t l3, l4, ip_end;     /* offsets; ip_end: where padding begins */
	size_t quote_l3, quote_l4; /* 0: none */
	unsigned vlan_tags, family, protocol;
	bool ip; /* false: not for us */
};

/* A TCP, UDP or echo header with `payload` bytes behind; for `kind` see the callers. */
static inline size_t sample_l4(uint8_t *p, uint8_t protocol, bool answer, size_t payload)
{
	size_t len = protocol == IPPROTO_TCP ? 20 : 8;

	memset(p, 0x5a, len + payload);
	put16(p, answer ? 443 : 65000);
	put16(p + 2, answer ? 65000 : 443);
	switch (protocol) {
	case IPPROTO_TCP:
		p[12] = 0x50;
		p[13] = answer ? 0x12 : 0x02;
		break;
	case IPPROTO_UDP:
		put16(p + 4, (unsigned)(8 + payload));
		break;
	case IPPROTO_ICMP:
		put16(p, answer ? 0x0000 : 0x0800);
		break;
	case IPPROTO_ICMPV6:
		put16(p, answer ? 0x8100 : 0x8000);
	}
	return len + payload;
}

static inline void sample_ip(struct sample *s, const char *name, unsigned vlan_tags,
			     unsigned options, uint8_t protocol, size_t payload)
{
	uint8_t l4[1500];
	size_t n = sample_l4(l4, protocol, true, payload);

	memset(s, 0, sizeof(*s));
	s->name = name;
	frame_ether(&s->frame, vlan_tags, 0x0800);
	s->l3 = s->frame.len;
	frame_ipv4(&s->frame, options, protocol, SAMPLE_TARGET4, SAMPLE_OWN4, l4, n);
	s->l4 = s->l3 + 20 + options;
	s->ip_end = s->frame.len;
	while (s->frame.len < 60)
		s->frame.bytes[s->frame.len++] = 0;
	s->vlan_tags = vlan_tags;
	s->family = 4;
	s->protocol = protocol;
	s->ip = true;
}

/* An ICMP error of `type` that quotes the first `cut` bytes of a probe of `protocol`; `extension`:
 * padded to 128 and followed by an object of 8 bytes (RFC 4884). */
static inline void sample_quote4(struct sample *s, const char *name, uint8_t type, unsigned options,
				 uint8_t protocol, size_t payload, size_t cut, bool extension)
{
	uint8_t l4[1500], icmp[1500] = {0};
	struct frame quote = {.len = 0};
	size_t n = 8;

	frame_ipv4(&quote, options, protocol, SAMPLE_OWN4, SAMPLE_TARGET4, l4,
		   sample_l4(l4, protocol, false, payload));
	icmp[0] = type;
	icmp[1] = 3;
	if (cut > quote.len)
		cut = quote.len;
	memcpy(icmp + n, quote.bytes, cut);
	n += cut;
	if (extension) {
		icmp[5] = 128 / 4;
		n = 8 + 128;
		memcpy(icmp + n, "\x20\0\0\0\0\x08\x01\x01", 8);
		n += 8;
	}
	put16(icmp + 2, naive_checksum(icmp, n, NULL, 0));
	memset(s, 0, sizeof(*s));
	s->name = name;
	frame_ether(&s->frame, 0, 0x0800);
	s->l3 = s->frame.len;
	frame_ipv4(&s->frame, 0, IPPROTO_ICMP, SAMPLE_ROUTER4, SAMPLE_OWN4, icmp, n);
	s->l4 = s->l3 + 20;
	s->quote_l3 = s->l4 + 8;
	s->quote_l4 = s->quote_l3 + 20 + options;
	s->ip_end = s->frame.len;
	s->family = 4;
	s->protocol = IPPROTO_ICMP;
	s->ip = true;
}

/* IPv6 with `extensions` (already chained up to `protocol`) in front of the L4 header. */
static inline void sample_ip6(struct sample *s, const char *name, uint8_t next,
			      const void *extensions, size_t extensions_len, uint8_t protocol,
			      size_t payload)
{
	uint8_t rest[1500];
	size_t n;

	memcpy(rest, extensions, extensions_len);
	n = extensions_len + sample_l4(rest + extensions_len, protocol, true, payload);
	memset(s, 0, sizeof(*s));
	s->name = name;
	frame_ether(&s->frame, 0, 0x86dd);
	s->l3 = s->frame.len;
	frame_ipv6(&s->frame, next, SAMPLE_TARGET6, SAMPLE_OWN6, rest, n);
	s->l4 = s->l3 + 40 + extensions_len;
	s->ip_end = s->frame.len;
	s->family = 6;
	s->protocol = protocol;
	s->ip = true;
}

/* An ICMPv6 error that quotes a probe with `payload` bytes, whole, `extensions` (chained up to
 * `protocol`) in front of its L4 header. */
static inline void sample_quote6(struct sample *s, const char *name, uint8_t type, uint8_t next,
				 const void *extensions, size_t extensions_len, uint8_t protocol,
				 size_t payload)
{
	uint8_t rest[1500], icmp[1500] = {0};
	size_t n;
	struct frame quote = {.len = 0};

	memcpy(rest, extensions, extensions_len);
	n = extensions_len + sample_l4(rest + extensions_len, protocol, false, payload);
	frame_ipv6(&quote, next, SAMPLE_OWN6, SAMPLE_TARGET6, rest, n);
	icmp[0] = type;
	icmp[1] = 4;
	memcpy(icmp + 8, quote.bytes, quote.len);
	memset(s, 0, sizeof(*s));
	s->name = name;
	frame_ether(&s->frame, 1, 0x86dd);
	s->l3 = s->frame.len;
	frame_ipv6(&s->frame, IPPROTO_ICMPV6, SAMPLE_TARGET6, SAMPLE_OWN6, icmp, 8 + quote.len);
	s->l4 = s->l3 + 40;
	s->quote_l3 = s->l4 + 8;
	s->quote_l4 = s->quote_l3 + 40 + extensions_len;
	s->ip_end = s->frame.len;
	s->vlan_tags = 1;
	s->family = 6;
	s->protocol = IPPROTO_ICMPV6;
	s->ip = true;
}

#define SAMPLES 24

static inline void samples(struct sample s[SAMPLES])
{
	/* hop-by-hop, then destination options of 16 bytes, then TCP */
	static const uint8_t options6[24] = {IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0,
					     IPPROTO_TCP,     1, 1, 12};
	static const uint8_t atomic6[8] = {IPPROTO_UDP};

	sample_ip(s++, "tcp", 0, 0, IPPROTO_TCP, 0);
	sample_ip(s++, "tcp-vlan", 1, 0, IPPROTO_TCP, 0);
	sample_ip(s++, "tcp-qinq-payload", 2, 0, IPPROTO_TCP, 77);
	sample_ip(s++, "tcp-options", 0, 40, IPPROTO_TCP, 3);
	sample_ip(s++, "udp", 0, 0, IPPROTO_UDP, 100);
	sample_ip(s++, "echo-reply", 0, 0, IPPROTO_ICMP, 16);
	sample_ip(s++, "echo-reply-short", 0, 4, IPPROTO_ICMP, 0);
	sample_quote4(s++, "unreachable-udp", 3, 0, IPPROTO_UDP, 16, 28, false);
	sample_quote4(s++, "unreachable-udp-full", 3, 0, IPPROTO_UDP, 16, 1000, false);
	sample_quote4(s++, "unreachable-tcp", 3, 0, IPPROTO_TCP, 0, 28, false);
	sample_quote4(s++, "unreachable-tcp-options", 3, 24, IPPROTO_TCP, 0, 1000, false);
	sample_quote4(s++, "unreachable-echo", 3, 0, IPPROTO_ICMP, 16, 1000, false);
	sample_quote4(s++, "exceeded-tcp", 11, 0, IPPROTO_TCP, 0, 28, false);
	sample_quote4(s++, "exceeded-udp-extension", 11, 0, IPPROTO_UDP, 400, 128, true);
	sample_quote4(s++, "parameter-echo", 12, 0, IPPROTO_ICMP, 40, 60, false);
	sample_ip6(s++, "tcp6", IPPROTO_TCP, "", 0, IPPROTO_TCP, 0);
	sample_ip6(s++, "tcp6-options", IPPROTO_HOPOPTS, options6, sizeof(options6), IPPROTO_TCP,
		   5);
	sample_ip6(s++, "udp6-atomic-fragment", IPPROTO_FRAGMENT, atomic6, sizeof(atomic6),
		   IPPROTO_UDP, 9);
	sample_ip6(s++, "echo-reply6", IPPROTO_ICMPV6, "", 0, IPPROTO_ICMPV6, 16);
	sample_quote6(s++, "unreachable6-udp", 1, IPPROTO_UDP, "", 0, IPPROTO_UDP, 20);
	sample_quote6(s++, "too-big6-tcp", 2, IPPROTO_TCP, "", 0, IPPROTO_TCP, 20);
	sample_quote6(s++, "unreachable6-udp-long", 1, IPPROTO_UDP, "", 0, IPPROTO_UDP, 1180);
	sample_quote6(s++, "unreachable6-tcp-options", 1, IPPROTO_HOPOPTS, options6,
		      sizeof(options6), IPPROTO_TCP, 5);
	memset(s, 0, sizeof(*s));
	s->name = "arp";
	frame_ether(&s->frame, 0, 0x0806);
	frame_add(&s->frame, "\0\1\x08\0\6\4\0\1\x02\0\0\0\0\2\xc0\0\2\1\0\0\0\0\0\0\xc0\0\2\x0a",
		  28);
	s->ip_end = s->frame.len;
}
