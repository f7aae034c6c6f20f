/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <string.h>
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_icmp.h>

static_assert(sizeof(struct rte_ipv4_hdr) == 20, "IPv4 header");
static_assert(sizeof(struct rte_tcp_hdr) == 20, "TCP header");
static_assert(sizeof(struct rte_udp_hdr) == 8, "UDP header");
static_assert(sizeof(struct rte_icmp_hdr) == 8, "ICMP header");

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32_be(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static enum simpeer_frame_kind parse_arp(const uint8_t *p, size_t len, struct simpeer_frame *f)
{
	struct rte_arp_hdr arp;

	if (len < sizeof(arp))
		return SIMPEER_FRAME_MALFORMED;
	memcpy(&arp, p, sizeof(arp));
	if (arp.arp_hardware != htons(RTE_ARP_HRD_ETHER) ||
	    arp.arp_protocol != htons(RTE_ETHER_TYPE_IPV4) || arp.arp_hlen != 6 ||
	    arp.arp_plen != 4 || arp.arp_opcode != htons(RTE_ARP_OP_REQUEST))
		return SIMPEER_FRAME_OTHER;
	f->src = arp.arp_data.arp_sip;
	f->dst = arp.arp_data.arp_tip;
	/* An announcement (RFC 5227, 3) asks for nothing. */
	return f->src == f->dst ? SIMPEER_FRAME_OTHER : SIMPEER_FRAME_ARP_REQUEST;
}

static enum simpeer_frame_kind parse_tcp(const uint8_t *l4, uint32_t l4_len,
					 struct simpeer_frame *f)
{
	uint32_t hdr_len;

	if (l4_len < sizeof(struct rte_tcp_hdr))
		return SIMPEER_FRAME_MALFORMED;
	hdr_len = (uint32_t)(l4[12] >> 4) * 4;
	if (hdr_len < sizeof(struct rte_tcp_hdr) || hdr_len > l4_len)
		return SIMPEER_FRAME_MALFORMED;
	f->type = SIMPEER_TCP;
	f->src_port = get16(l4);
	f->dst_port = get16(l4 + 2);
	f->seq = ntohl(get32_be(l4 + 4));
	f->payload_len = (uint16_t)(l4_len - hdr_len);
	if (l4[13] & RTE_TCP_RST_FLAG)
		return SIMPEER_FRAME_RST;
	if ((l4[13] & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG)
		return SIMPEER_FRAME_PROBE;
	return SIMPEER_FRAME_OTHER;
}

static enum simpeer_frame_kind parse_l4(const uint8_t *l4, uint32_t l4_len, uint8_t protocol,
					struct simpeer_frame *f)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return parse_tcp(l4, l4_len, f);
	case IPPROTO_UDP:
		if (l4_len < sizeof(struct rte_udp_hdr) || get16(l4 + 4) != l4_len)
			return SIMPEER_FRAME_MALFORMED;
		f->type = SIMPEER_UDP;
		f->src_port = get16(l4);
		f->dst_port = get16(l4 + 2);
		f->payload_len = (uint16_t)(l4_len - sizeof(struct rte_udp_hdr));
		return SIMPEER_FRAME_PROBE;
	case IPPROTO_ICMP:
		if (l4_len < sizeof(struct rte_icmp_hdr))
			return SIMPEER_FRAME_MALFORMED;
		f->type = SIMPEER_ICMP;
		f->payload_len = (uint16_t)(l4_len - sizeof(struct rte_icmp_hdr));
		return l4[0] == RTE_IP_ICMP_ECHO_REQUEST && l4[1] == 0 ? SIMPEER_FRAME_PROBE
								       : SIMPEER_FRAME_OTHER;
	default:
		return SIMPEER_FRAME_OTHER;
	}
}

static bool l4_checksum_right(const struct rte_ipv4_hdr *ip, const uint8_t *l4, uint32_t l4_len)
{
	uint64_t sum = rte_raw_cksum(l4, l4_len);

	if (ip->next_proto_id == IPPROTO_UDP && l4[6] == 0 && l4[7] == 0)
		return true; /* none (RFC 768) */
	if (ip->next_proto_id != IPPROTO_ICMP)
		sum += (uint64_t)ip->src_addr + ip->dst_addr + htons(ip->next_proto_id) +
		       htons((uint16_t)l4_len);
	return simpeer_checksum(sum) == 0;
}

static enum simpeer_frame_kind parse_ipv4(const uint8_t *p, size_t len, bool verify,
					  struct simpeer_frame *f)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p;
	enum simpeer_frame_kind kind;
	uint32_t l4_len;

	if (len < sizeof(*ip))
		return SIMPEER_FRAME_MALFORMED;
	f->ip_len = ntohs(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || rte_ipv4_hdr_len(ip) < sizeof(*ip) || f->ip_len > len ||
	    f->ip_len < rte_ipv4_hdr_len(ip))
		return SIMPEER_FRAME_MALFORMED;
	if (ip->version_ihl != RTE_IPV4_VHL_DEF)
		return SIMPEER_FRAME_OTHER;
	if (verify && rte_raw_cksum(ip, sizeof(*ip)) != 0xffff)
		return SIMPEER_FRAME_BAD_CHECKSUM;
	f->src = ip->src_addr;
	f->dst = ip->dst_addr;
	if (ip->fragment_offset & htons(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return SIMPEER_FRAME_FRAGMENT;
	l4_len = f->ip_len - (uint32_t)sizeof(*ip);
	kind = parse_l4(p + sizeof(*ip), l4_len, ip->next_proto_id, f);
	if (verify && (kind == SIMPEER_FRAME_PROBE || kind == SIMPEER_FRAME_RST) &&
	    !l4_checksum_right(ip, p + sizeof(*ip), l4_len))
		return SIMPEER_FRAME_BAD_CHECKSUM;
	return kind;
}

void simpeer_frame_parse(const struct simpeer_buf *b, const uint8_t mac[6], bool verify_checksums,
			 struct simpeer_frame *ret_frame)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct simpeer_frame *f = ret_frame;
	uint16_t ether_type;

	*f = (struct simpeer_frame){.kind = SIMPEER_FRAME_MALFORMED,
				    .l2_len = sizeof(struct rte_ether_hdr)};
	if (b->len < f->l2_len)
		return;
	f->dst_mac_own = memcmp(b->data, mac, 6) == 0 || memcmp(b->data, broadcast, 6) == 0;
	ether_type = get16(b->data + 12);
	for (int tags = 0;
	     tags < 2 && (ether_type == RTE_ETHER_TYPE_VLAN || ether_type == RTE_ETHER_TYPE_QINQ);
	     tags++) {
		f->l2_len += (uint16_t)sizeof(struct rte_vlan_hdr);
		if (b->len < f->l2_len)
			return;
		ether_type = get16(b->data + f->l2_len - 2);
	}
	if (ether_type == RTE_ETHER_TYPE_IPV4)
		f->kind = parse_ipv4(b->data + f->l2_len, b->len - f->l2_len, verify_checksums, f);
	else if (ether_type == RTE_ETHER_TYPE_ARP)
		f->kind = parse_arp(b->data + f->l2_len, b->len - f->l2_len, f);
	else
		f->kind = SIMPEER_FRAME_OTHER;
}
