/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_pkt.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

/* Every step knows how many bytes remain from where it stands, and compares that with what it needs
 * before it reads or moves on: no pointer is ever made that lies past the end. */

#define ETHER_LEN 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100 /* IEEE 802.1Q */
#define ETHERTYPE_QINQ 0x88a8 /* IEEE 802.1ad */
#define VLAN_TAG_LEN 4
#define VLAN_TAGS_MAX 2

#define IPV4_LEN 20
#define IPV4_FRAGMENT 0x3fff /* more fragments, offset */
#define IPV4_OFFSET 0x1fff
#define IPV6_LEN 40
#define IPV6_FRAGMENT 0xfff9 /* offset, more fragments; the two bits between are reserved */
#define IPV6_EXTENSIONS_MAX 8

#define TCP_LEN 20
#define UDP_LEN 8
#define ICMP_LEN 8
#define QUOTE_WITH_EXTENSION_MIN 128 /* RFC 4884 section 4.1 */

/* Where a walk through a packet stands. */
struct cursor {
	const uint8_t *p;
	size_t len;       /* bytes from p on */
	uint8_t protocol; /* of what p points to */
};

/* From a first IPv6 extension header to what is behind the last (RFC 8200 section 4). */
static enum el_pkt_error skip_extensions(struct cursor *c)
{
	for (unsigned i = 0; i <= IPV6_EXTENSIONS_MAX; i++) {
		size_t n;

		switch (c->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			n = c->len < 8 ? 8 : 8 + (size_t)c->p[1] * 8;
			break;
		case IPPROTO_FRAGMENT:
			if (c->len >= 8 && (el_get16(c->p + 2) & IPV6_FRAGMENT))
				return EL_PKT_FRAGMENT;
			n = 8;
			break;
		default:
			return EL_PKT_OK;
		}
		if (c->len < n)
			return EL_PKT_TRUNCATED;
		c->protocol = c->p[0];
		c->p += n;
		c->len -= n;
	}
	return EL_PKT_UNSUPPORTED;
}

/* The quoted packet is cut wherever the sender of the error liked: its own length only bounds it.
 */
static void parse_quote_v4(const uint8_t *l3, size_t len, struct el_pkt_quote *quote)
{
	size_t header_len, total_len;

	if (len < IPV4_LEN)
		return;
	header_len = (l3[0] & 15U) * 4;
	total_len = el_get16(l3 + 2);
	if (l3[0] >> 4 != 4 || header_len < IPV4_LEN || header_len > len ||
	    total_len < header_len || (el_get16(l3 + 6) & IPV4_OFFSET))
		return;
	quote->l3 = l3;
	quote->l4 = l3 + header_len;
	quote->src = l3 + 12;
	quote->dst = l3 + 16;
	quote->l4_len = (uint16_t)((total_len < len ? total_len : len) - header_len);
	quote->protocol = l3[9];
	quote->family = 4;
}

static void parse_quote_v6(const uint8_t *l3, size_t len, struct el_pkt_quote *quote)
{
	struct cursor c;
	size_t payload_len;

	if (len < IPV6_LEN || l3[0] >> 4 != 6)
		return;
	payload_len = el_get16(l3 + 4);
	c.p = l3 + IPV6_LEN;
	c.len = len - IPV6_LEN < payload_len ? len - IPV6_LEN : payload_len;
	c.protocol = l3[6];
	if (skip_extensions(&c) != EL_PKT_OK)
		return;
	quote->l3 = l3;
	quote->l4 = c.p;
	quote->src = l3 + 8;
	quote->dst = l3 + 24;
	quote->l4_len = (uint16_t)c.len;
	quote->protocol = c.protocol;
	quote->family = 6;
}

/* An error may carry extensions behind the quote; its length is then told in the header, in units
 * of `unit` bytes, and is at least 128 (RFC 4884 section 4). Smaller values are rubbish in a field
 * that was unused before. */
static size_t quote_len(size_t len, uint8_t told, size_t unit)
{
	size_t n = told * unit;

	return n >= QUOTE_WITH_EXTENSION_MIN && n < len ? n : len;
}

static void parse_icmp(struct el_pkt *pkt)
{
	const uint8_t *p = pkt->l4;
	size_t len = pkt->l4_len - (size_t)ICMP_LEN;

	switch (p[0]) {
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		parse_quote_v4(p + ICMP_LEN, quote_len(len, p[5], 4), &pkt->quote);
	}
}

static void parse_icmp6(struct el_pkt *pkt)
{
	const uint8_t *p = pkt->l4;
	size_t len = pkt->l4_len - (size_t)ICMP_LEN;

	switch (p[0]) {
	case ICMP6_DST_UNREACH:
	case ICMP6_TIME_EXCEEDED:
		parse_quote_v6(p + ICMP_LEN, quote_len(len, p[4], 8), &pkt->quote);
		break;
	case ICMP6_PACKET_TOO_BIG:
	case ICMP6_PARAM_PROB:
		parse_quote_v6(p + ICMP_LEN, len, &pkt->quote);
	}
}

static enum el_pkt_error parse_l4(struct el_pkt *pkt)
{
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		if (pkt->l4_len < TCP_LEN)
			return EL_PKT_TRUNCATED;
		if (pkt->l4[12] >> 4 < TCP_LEN / 4)
			return EL_PKT_MALFORMED;
		return (pkt->l4[12] >> 4) * 4 > pkt->l4_len ? EL_PKT_TRUNCATED : EL_PKT_OK;
	case IPPROTO_UDP:
		return pkt->l4_len < UDP_LEN ? EL_PKT_TRUNCATED : EL_PKT_OK;
	case IPPROTO_ICMP:
		if (pkt->family != 4)
			return EL_PKT_UNSUPPORTED;
		if (pkt->l4_len < ICMP_LEN)
			return EL_PKT_TRUNCATED;
		parse_icmp(pkt);
		return EL_PKT_OK;
	case IPPROTO_ICMPV6:
		if (pkt->family != 6)
			return EL_PKT_UNSUPPORTED;
		if (pkt->l4_len < ICMP_LEN)
			return EL_PKT_TRUNCATED;
		parse_icmp6(pkt);
		return EL_PKT_OK;
	}
	return EL_PKT_UNSUPPORTED;
}

static enum el_pkt_error parse_ipv4(const uint8_t *l3, size_t len, struct el_pkt *pkt)
{
	size_t header_len, total_len;

	if (len < IPV4_LEN)
		return EL_PKT_TRUNCATED;
	header_len = (l3[0] & 15U) * 4;
	total_len = el_get16(l3 + 2);
	if (l3[0] >> 4 != 4 || header_len < IPV4_LEN || total_len < header_len)
		return EL_PKT_MALFORMED;
	if (total_len > len)
		return EL_PKT_TRUNCATED;
	if (el_get16(l3 + 6) & IPV4_FRAGMENT)
		return EL_PKT_FRAGMENT;
	pkt->family = 4;
	pkt->protocol = l3[9];
	pkt->l4 = l3 + header_len;
	pkt->l4_len = (uint16_t)(total_len - header_len); /* what is behind it pads the frame */
	pkt->ip.src = l3 + 12;
	pkt->ip.dst = l3 + 16;
	return parse_l4(pkt);
}

static enum el_pkt_error parse_ipv6(const uint8_t *l3, size_t len, struct el_pkt *pkt)
{
	struct cursor c;
	enum el_pkt_error error;

	if (len < IPV6_LEN)
		return EL_PKT_TRUNCATED;
	if (l3[0] >> 4 != 6)
		return EL_PKT_MALFORMED;
	c.p = l3 + IPV6_LEN;
	c.len = el_get16(l3 + 4);
	c.protocol = l3[6];
	if (c.len > len - IPV6_LEN)
		return EL_PKT_TRUNCATED;
	error = skip_extensions(&c);
	if (error != EL_PKT_OK)
		return error;
	pkt->family = 6;
	pkt->protocol = c.protocol;
	pkt->l4 = c.p;
	pkt->l4_len = (uint16_t)c.len;
	pkt->ip.src = l3 + 8;
	pkt->ip.dst = l3 + 24;
	return parse_l4(pkt);
}

enum el_pkt_error el_pkt_parse(const uint8_t *frame, size_t len, struct el_pkt *ret_pkt)
{
	const uint8_t *p = frame;
	uint8_t tags = 0;
	uint16_t ethertype;

	if (len < ETHER_LEN)
		return EL_PKT_TRUNCATED;
	ethertype = el_get16(p + 12);
	p += ETHER_LEN;
	len -= ETHER_LEN;
	while (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ) {
		if (tags++ == VLAN_TAGS_MAX)
			return EL_PKT_UNSUPPORTED;
		if (len < VLAN_TAG_LEN)
			return EL_PKT_TRUNCATED;
		ethertype = el_get16(p + 2);
		p += VLAN_TAG_LEN;
		len -= VLAN_TAG_LEN;
	}
	ret_pkt->vlan_tags = tags;
	ret_pkt->l2 = frame;
	ret_pkt->l3 = p;
	ret_pkt->quote.l3 = NULL;
	if (ethertype == ETHERTYPE_IPV4)
		return parse_ipv4(p, len, ret_pkt);
	if (ethertype == ETHERTYPE_IPV6)
		return parse_ipv6(p, len, ret_pkt);
	return EL_PKT_UNSUPPORTED;
}
