/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames for tests, written byte by byte and apart from the code under test: a slow, plain
 * checksum, and a builder of Ethernet frames that fills in lengths and checksums. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct frame {
	uint8_t bytes[2048];
	size_t len;
};

/* RFC 1071 section 4.1, word by word. */
static inline uint16_t naive_checksum(const uint8_t *a, size_t a_len, const uint8_t *b,
				      size_t b_len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < a_len + b_len; i++) {
		uint8_t byte = i < a_len ? a[i] : b[i - a_len];
		sum += i % 2 ? byte : (uint32_t)byte << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)~sum;
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The checksum of an L4 header and payload with the IPv4 or IPv6 pseudo header in front, checksum
 * field as it is: 0 if it is right. `src` and `dst` lie one behind the other. */
static inline uint16_t naive_l4_checksum(const uint8_t *src, size_t addr_len, uint8_t protocol,
					 const uint8_t *l4, size_t l4_len)
{
	uint8_t pseudo[36] = {0};

	memcpy(pseudo, src, 2 * addr_len);
	put16(pseudo + 2 * addr_len, protocol);
	put16(pseudo + 2 * addr_len + 2, (unsigned)l4_len);
	return naive_checksum(pseudo, 2 * addr_len + 4, l4, l4_len);
}

static inline void frame_add(struct frame *f, const void *bytes, size_t n)
{
	memcpy(f->bytes + f->len, bytes, n);
	f->len += n;
}

static inline void frame_add16(struct frame *f, unsigned v)
{
	put16(f->bytes + f->len, v);
	f->len += 2;
}

static inline void frame_ether(struct frame *f, unsigned vlan_tags, unsigned ethertype)
{
	f->len = 0;
	frame_add(f, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	for (unsigned i = 0; i < vlan_tags; i++) {
		frame_add16(f, i + 1 < vlan_tags ? 0x88a8 : 0x8100);
		frame_add16(f, 100 + i);
	}
	frame_add16(f, ethertype);
}

/* An IPv4 packet; `options` bytes of NOP in its header. */
static inline void frame_ipv4(struct frame *f, unsigned options, uint8_t protocol,
			      const uint8_t src[4], const uint8_t dst[4], const void *l4,
			      size_t l4_len)
{
	uint8_t *p = f->bytes + f->len;
	size_t header_len = 20 + options;

	memset(p, 1, header_len);
	p[0] = (uint8_t)(0x40 | header_len / 4);
	p[1] = 0;
	put16(p + 2, (unsigned)(header_len + l4_len));
	put16(p + 4, 0x1234);
	put16(p + 6, 0x4000);
	p[8] = 63;
	p[9] = protocol;
	put16(p + 10, 0);
	memcpy(p + 12, src, 4);
	memcpy(p + 16, dst, 4);
	put16(p + 10, naive_checksum(p, header_len, NULL, 0));
	f->len += header_len;
	frame_add(f, l4, l4_len);
}

/* An IPv6 packet. `next` is the protocol of the first byte of `rest`. */
static inline void frame_ipv6(struct frame *f, uint8_t next, const uint8_t src[16],
			      const uint8_t dst[16], const void *rest, size_t len)
{
	uint8_t *p = f->bytes + f->len;

	memset(p, 0, 40);
	p[0] = 0x60;
	put16(p + 4, (unsigned)len);
	p[6] = next;
	p[7] = 63;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
	f->len += 40;
	frame_add(f, rest, len);
}
