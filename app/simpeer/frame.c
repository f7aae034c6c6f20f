/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/tcp.h>

#include "answer.h"
#include "el_respond_plain.h"

#define TAG_LEN 4
#define TAGS_MAX 2

/* Of a frame that is not IP. */
static enum simpeer_frame_kind parse_arp(const struct simpeer_buf *b, struct simpeer_frame *f)
{
	const uint8_t *p = b->data;
	uint16_t type = el_get16(p + 12);

	f->l2_len = ETHER_HDR_LEN;
	for (int tags = 0; tags < TAGS_MAX && (type == ETHERTYPE_VLAN || type == 0x88a8); tags++) {
		f->l2_len += TAG_LEN; /* there is one: the frame has been parsed so far */
		type = el_get16(p + f->l2_len - 2);
	}
	p += f->l2_len;
	if (type != ETHERTYPE_ARP)
		return SIMPEER_FRAME_OTHER;
	if (b->len - f->l2_len < SIMPEER_ARP_LEN)
		return SIMPEER_FRAME_MALFORMED;
	if (el_get16(p) != ARPHRD_ETHER || el_get16(p + 2) != ETHERTYPE_IP || p[4] != 6 ||
	    p[5] != 4 || el_get16(p + 6) != ARPOP_REQUEST)
		return SIMPEER_FRAME_OTHER;
	memcpy(&f->src, p + SIMPEER_ARP_SENDER + 6, 4);
	memcpy(&f->dst, p + SIMPEER_ARP_TARGET + 6, 4);
	/* An announcement (RFC 5227, 3) asks for nothing. */
	return f->src == f->dst ? SIMPEER_FRAME_OTHER : SIMPEER_FRAME_ARP_REQUEST;
}

static enum simpeer_frame_kind parse_l4(struct simpeer_frame *f)
{
	const struct el_pkt *pkt = &f->pkt;
	const uint8_t *l4 = pkt->l4;

	f->src_port = f->dst_port = 0;
	if (pkt->protocol == IPPROTO_ICMP) {
		f->type = SIMPEER_ICMP;
		return el_respond_is_echo(pkt) ? SIMPEER_FRAME_PROBE : SIMPEER_FRAME_OTHER;
	}
	f->src_port = el_get16(l4);
	f->dst_port = el_get16(l4 + 2);
	if (pkt->protocol == IPPROTO_UDP) {
		f->type = SIMPEER_UDP;
		return el_get16(l4 + 4) == pkt->l4_len ? SIMPEER_FRAME_PROBE
						       : SIMPEER_FRAME_MALFORMED;
	}
	f->type = SIMPEER_TCP;
	if (l4[13] & TH_RST)
		return SIMPEER_FRAME_RST;
	return (l4[13] & (TH_FIN | TH_SYN | TH_ACK)) == TH_SYN ? SIMPEER_FRAME_PROBE
							       : SIMPEER_FRAME_OTHER;
}

static enum simpeer_frame_kind parse_ip(struct simpeer_frame *f, bool verify_checksums)
{
	enum simpeer_frame_kind kind;

	if (f->pkt.family != 4 || f->pkt.l4 - f->pkt.l3 != SIMPEER_IPV4_LEN)
		return SIMPEER_FRAME_OTHER;
	f->l2_len = (uint16_t)(f->pkt.l3 - f->pkt.l2);
	memcpy(&f->src, f->pkt.ip.src, 4);
	memcpy(&f->dst, f->pkt.ip.dst, 4);
	kind = parse_l4(f);
	if (verify_checksums && (kind == SIMPEER_FRAME_PROBE || kind == SIMPEER_FRAME_RST) &&
	    !el_pkt_checksums_right(&f->pkt))
		return SIMPEER_FRAME_BAD_CHECKSUM;
	return kind;
}

void simpeer_frame_parse(const struct simpeer_buf *b, const uint8_t mac[6], bool verify_checksums,
			 struct simpeer_frame *ret_frame)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct simpeer_frame *f = ret_frame;

	f->dst_mac_own =
	    b->len >= 6 && (memcmp(b->data, mac, 6) == 0 || memcmp(b->data, broadcast, 6) == 0);
	switch (el_pkt_parse(b->data, b->len, &f->pkt)) {
	case EL_PKT_OK:
		f->kind = parse_ip(f, verify_checksums);
		break;
	case EL_PKT_UNSUPPORTED:
		f->kind = parse_arp(b, f);
		break;
	case EL_PKT_FRAGMENT:
		f->kind = SIMPEER_FRAME_FRAGMENT;
		break;
	default:
		f->kind = SIMPEER_FRAME_MALFORMED;
	}
}
