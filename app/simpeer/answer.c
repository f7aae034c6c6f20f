/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers are made in the memory of the probe, so that the plain ones cost no copy: an echo reply
 * is the request with addresses exchanged, and an ICMP error is 28 bytes put in front of the packet
 * that it quotes. */
#include "frame.h"

#include <string.h>
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_icmp.h>

#define ANSWER_TTL 64
#define TOS_INTERNETWORK_CONTROL 0xc0 /* of ICMP errors (RFC 1812, 4.3.2.5) */
#define IPV4_LEN 20U
#define ICMP_LEN 8U
#define UDP_LEN 8U
#define SYNACK_MSS 1460
#define WINDOW 64240

static_assert(SIMPEER_HEADROOM == IPV4_LEN + ICMP_LEN, "IPv4 and ICMP header");

static void put_macs(uint8_t *l2, const uint8_t mac[6])
{
	memcpy(l2, l2 + 6, 6);
	memcpy(l2 + 6, mac, 6);
}

static void put_ipv4(uint8_t *p, const struct simpeer_frame *f, const struct simpeer_answer *a,
		     uint8_t tos, uint8_t protocol, uint32_t l4_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;
	uint16_t total_length = htons((uint16_t)(IPV4_LEN + l4_len)), packet_id = htons(a->ip_id);
	uint8_t ttl = a->ttl ? a->ttl : ANSWER_TTL;

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = tos;
	ip->total_length = total_length;
	ip->packet_id = packet_id;
	ip->fragment_offset = 0;
	ip->time_to_live = ttl;
	ip->next_proto_id = protocol;
	ip->src_addr = a->from;
	ip->dst_addr = f->src;
	ip->hdr_checksum = simpeer_checksum(
	    (uint64_t)htons((uint16_t)(RTE_IPV4_VHL_DEF << 8 | tos)) + total_length + packet_id +
	    htons((uint16_t)(ttl << 8 | protocol)) + a->from + f->src);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Makes a checksum wrong, and not "none" where there is that. */
static void spoil_checksum(uint8_t *p)
{
	p[0] ^= 0x55;
	if (p[0] == 0 && p[1] == 0)
		p[0] = 0x33;
}

static bool invert(uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)~p[i];
	return len > 0;
}

uint32_t simpeer_answer_echo(struct simpeer_buf *b, const struct simpeer_frame *f,
			     const struct simpeer_answer *a)
{
	uint8_t *l3 = b->data + f->l2_len, *icmp = l3 + IPV4_LEN;
	uint32_t undone = 0;

	put_macs(b->data, a->mac);
	put_ipv4(l3, f, a, l3[1], IPPROTO_ICMP, ICMP_LEN + f->payload_len);
	icmp[0] = RTE_IP_ICMP_ECHO_REPLY;
	if (!a->corrupt_payload) {
		/* RFC 1624, eqn 3: the type went from 8 to 0. */
		uint32_t sum = (uint32_t)(icmp[2] << 8 | icmp[3]) + (RTE_IP_ICMP_ECHO_REQUEST << 8);

		put16(icmp + 2, (uint16_t)(sum + (sum >> 16)));
	} else {
		uint16_t sum;

		if (!invert(icmp + ICMP_LEN, f->payload_len))
			undone |= SIMPEER_BIT(SIMPEER_CORRUPT_PAYLOAD);
		memset(icmp + 2, 0, 2);
		sum = (uint16_t)~rte_raw_cksum(icmp, ICMP_LEN + f->payload_len);
		memcpy(icmp + 2, &sum, sizeof(sum));
	}
	if (a->bad_checksum)
		spoil_checksum(icmp + 2);
	b->len = f->l2_len + IPV4_LEN + ICMP_LEN + f->payload_len;
	return undone;
}

uint32_t simpeer_answer_tcp(struct simpeer_buf *b, const struct simpeer_frame *f,
			    const struct simpeer_answer *a)
{
	bool syn = a->tcp_flags & RTE_TCP_SYN_FLAG;
	uint8_t *l3 = b->data + f->l2_len, *l4 = l3 + IPV4_LEN;
	uint16_t l4_len = (uint16_t)(sizeof(struct rte_tcp_hdr) + (syn ? 4 : 0));
	uint32_t mss = syn ? htonl(2 << 24 | 4 << 16 | SYNACK_MSS) : 0; /* RFC 9293, 3.7.1 */
	uint32_t ports = htonl((uint32_t)a->from_port << 16 | a->to_port);
	uint32_t seq = htonl(a->tcp_seq), ack = htonl(a->tcp_ack);
	uint16_t window = htons(a->tcp_flags & RTE_TCP_RST_FLAG ? 0 : WINDOW);
	uint16_t offset_flags = htons((uint16_t)(l4_len / 4 << 12 | a->tcp_flags));
	uint16_t check =
	    simpeer_checksum((uint64_t)a->from + f->src + htons(IPPROTO_TCP) + htons(l4_len) +
			     ports + seq + ack + offset_flags + window + mss);

	put_macs(b->data, a->mac);
	put_ipv4(l3, f, a, 0, IPPROTO_TCP, l4_len);
	memcpy(l4, &ports, 4);
	memcpy(l4 + 4, &seq, 4);
	memcpy(l4 + 8, &ack, 4);
	memcpy(l4 + 12, &offset_flags, 2);
	memcpy(l4 + 14, &window, 2);
	memcpy(l4 + 16, &check, 2);
	memset(l4 + 18, 0, 2);
	if (syn)
		memcpy(l4 + 20, &mss, sizeof(mss));
	if (a->bad_checksum)
		spoil_checksum(l4 + 16);
	b->len = f->l2_len + IPV4_LEN + l4_len;
	return 0;
}

uint32_t simpeer_answer_udp(struct simpeer_buf *b, const struct simpeer_frame *f,
			    const struct simpeer_answer *a)
{
	uint8_t *l3 = b->data + f->l2_len, *l4 = l3 + IPV4_LEN;
	struct rte_udp_hdr udp = {
	    .src_port = htons(a->from_port),
	    .dst_port = htons(a->to_port),
	    .dgram_len = htons((uint16_t)(UDP_LEN + f->payload_len)),
	};
	struct rte_ipv4_hdr ip;
	uint32_t undone = 0;

	put_macs(b->data, a->mac);
	put_ipv4(l3, f, a, l3[1], IPPROTO_UDP, UDP_LEN + f->payload_len);
	memcpy(l4, &udp, sizeof(udp));
	if (a->corrupt_payload && !invert(l4 + UDP_LEN, f->payload_len))
		undone |= SIMPEER_BIT(SIMPEER_CORRUPT_PAYLOAD);
	memcpy(&ip, l3, sizeof(ip));
	udp.dgram_cksum = rte_ipv4_udptcp_cksum(&ip, l4);
	memcpy(l4 + 6, &udp.dgram_cksum, sizeof(udp.dgram_cksum));
	if (a->bad_checksum)
		spoil_checksum(l4 + 6);
	b->len = f->l2_len + IPV4_LEN + UDP_LEN + f->payload_len;
	return undone;
}

/* Sets two bytes of the quote to zero; false if they are not in it or are zero already. */
static bool zero16(uint8_t *quote, uint32_t len, uint32_t at)
{
	if (at + 2 > len || (quote[at] == 0 && quote[at + 1] == 0))
		return false;
	memset(quote + at, 0, 2);
	return true;
}

/* Damages the quoted packet, whose IP header keeps a right checksum. False if there was nothing to
 * damage. */
static bool damage_quote(uint8_t *quote, uint32_t *len, const struct simpeer_frame *f,
			 enum simpeer_quote_fault fault)
{
	static const uint8_t checksum_at[SIMPEER_TYPES] = {
	    [SIMPEER_TCP] = 16, [SIMPEER_ICMP] = 2, [SIMPEER_UDP] = 6};
	uint8_t *l4 = quote + IPV4_LEN;
	uint32_t l4_len = *len - IPV4_LEN;
	struct rte_ipv4_hdr ip;
	bool done = true;

	switch (fault) {
	case SIMPEER_QUOTE_ZERO_IP_ID:
		done = zero16(quote, *len, offsetof(struct rte_ipv4_hdr, packet_id));
		break;
	case SIMPEER_QUOTE_ZERO_CHECKSUM:
		done = zero16(l4, l4_len, checksum_at[f->type]);
		break;
	case SIMPEER_QUOTE_TRUNCATE:
		*len = IPV4_LEN + 4;
		break;
	case SIMPEER_QUOTE_WRONG_PORT:
		done = f->type != SIMPEER_ICMP;
		if (done)
			l4[1] ^= 1;
		break;
	case SIMPEER_QUOTE_FLIP_PAYLOAD: {
		uint32_t hdr_len = f->ip_len - IPV4_LEN - f->payload_len;

		done = l4_len > hdr_len && invert(l4 + hdr_len, l4_len - hdr_len);
		break;
	}
	case SIMPEER_QUOTE_WRONG_ADDRESS:
		quote[offsetof(struct rte_ipv4_hdr, dst_addr) + 3] ^= 1;
		break;
	}
	memcpy(&ip, quote, sizeof(ip));
	ip.hdr_checksum = 0;
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(quote, &ip, sizeof(ip));
	return done;
}

uint32_t simpeer_answer_icmp_error(struct simpeer_buf *b, const struct simpeer_frame *f,
				   const struct simpeer_answer *a)
{
	uint8_t *quote = b->data + f->l2_len, *icmp = quote - ICMP_LEN;
	uint8_t tos = (uint8_t)((quote[1] & 0x1e) | TOS_INTERNETWORK_CONTROL);
	uint32_t len = f->ip_len < a->quote_bytes ? f->ip_len : a->quote_bytes;
	uint32_t undone = 0;
	uint16_t sum;

	if (f->type != SIMPEER_ICMP) {
		put16(quote + IPV4_LEN, a->to_port);
		put16(quote + IPV4_LEN + 2, a->from_port);
	}
	if (a->corrupt_quote && !damage_quote(quote, &len, f, a->quote_fault))
		undone |= SIMPEER_BIT(SIMPEER_CORRUPT_QUOTE);
	memmove(b->data - SIMPEER_HEADROOM, b->data, f->l2_len);
	b->data -= SIMPEER_HEADROOM;
	b->headroom -= SIMPEER_HEADROOM;
	put_macs(b->data, a->mac);
	put_ipv4(b->data + f->l2_len, f, a, tos, IPPROTO_ICMP, ICMP_LEN + len);
	memset(icmp, 0, ICMP_LEN);
	icmp[0] = a->icmp_type;
	icmp[1] = a->icmp_code;
	sum = (uint16_t)~rte_raw_cksum(icmp, ICMP_LEN + len);
	memcpy(icmp + 2, &sum, sizeof(sum));
	if (a->bad_checksum)
		spoil_checksum(icmp + 2);
	b->len = f->l2_len + IPV4_LEN + ICMP_LEN + len;
	return undone;
}

void simpeer_answer_arp(struct simpeer_buf *b, const struct simpeer_frame *f, const uint8_t mac[6])
{
	uint8_t *p = b->data + f->l2_len;
	struct rte_arp_hdr arp;

	put_macs(b->data, mac);
	memcpy(&arp, p, sizeof(arp));
	arp.arp_opcode = htons(RTE_ARP_OP_REPLY);
	arp.arp_data.arp_tha = arp.arp_data.arp_sha;
	memcpy(&arp.arp_data.arp_sha, mac, 6);
	arp.arp_data.arp_tip = f->src;
	arp.arp_data.arp_sip = f->dst;
	memcpy(p, &arp, sizeof(arp));
	b->len = f->l2_len + (uint32_t)sizeof(arp);
}
