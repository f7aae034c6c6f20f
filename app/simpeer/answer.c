/* SPDX-License-Identifier: BSD-3-Clause */
#include "answer.h"

#include <net/if_arp.h>

#include "el_respond_plain.h"

static void set_len(struct simpeer_buf *b, const struct simpeer_frame *f, size_t l4_len)
{
	b->len = f->l2_len + SIMPEER_IPV4_LEN + (uint32_t)l4_len;
}

void simpeer_answer_echo(struct simpeer_buf *b, const struct simpeer_frame *f)
{
	el_respond_echo(&f->pkt, b->data + f->l2_len);
	set_len(b, f, f->pkt.l4_len);
}

void simpeer_answer_tcp(struct simpeer_buf *b, const struct simpeer_frame *f,
			const struct el_respond_segment *segment)
{
	el_respond_tcp(&f->pkt, segment, b->data + f->l2_len);
	set_len(b, f, EL_RESPOND_TCP_LEN);
}

void simpeer_answer_udp(struct simpeer_buf *b, const struct simpeer_frame *f, uint8_t tos,
			uint8_t ttl, size_t len)
{
	uint8_t *l3 = b->data + f->l2_len, *udp = el_respond_udp(&f->pkt, l3, tos, ttl, len);
	uint16_t whole = (uint16_t)(SIMPEER_UDP_LEN + len);

	el_respond_udp_set_checksum(udp, el_respond_udp_sum(l3, udp, whole));
	set_len(b, f, whole);
}

_Static_assert(SIMPEER_HEADROOM == SIMPEER_IPV4_LEN + EL_RESPOND_ERROR_LEN, "in front of a quote");

void simpeer_answer_icmp_error(struct simpeer_buf *b, const struct simpeer_frame *f, uint8_t type,
			       uint8_t code, uint16_t quote_bytes)
{
	size_t quoted = SIMPEER_IPV4_LEN + (size_t)f->pkt.l4_len;

	if (quoted > quote_bytes)
		quoted = quote_bytes;
	memmove(b->data - SIMPEER_HEADROOM, b->data, f->l2_len);
	b->data -= SIMPEER_HEADROOM;
	b->headroom -= SIMPEER_HEADROOM;
	el_respond_error(&f->pkt, type, code, quoted, b->data + f->l2_len);
	set_len(b, f, EL_RESPOND_ERROR_LEN + quoted);
}

void simpeer_answer_arp(struct simpeer_buf *b, const struct simpeer_frame *f, const uint8_t mac[6])
{
	uint8_t *p = b->data + f->l2_len, *sender = p + SIMPEER_ARP_SENDER;

	el_put16(p + 6, ARPOP_REPLY);
	memcpy(p + SIMPEER_ARP_TARGET, sender, 10);
	memcpy(sender, mac, 6);
	memcpy(sender + 6, &f->dst, 4);
	b->len = f->l2_len + SIMPEER_ARP_LEN;
}

void simpeer_answer_sum_ipv4(uint8_t *l3)
{
	uint16_t checksum;

	el_put16(l3 + 10, 0);
	checksum = (uint16_t)~el_sum_fold(el_sum(l3, SIMPEER_IPV4_LEN, 0));
	memcpy(l3 + 10, &checksum, 2);
}

void simpeer_answer_set_source(uint8_t *l3, uint32_t source)
{
	memcpy(l3 + 12, &source, 4);
	simpeer_answer_sum_ipv4(l3);
}

void simpeer_answer_ethernet(struct simpeer_buf *b, const uint8_t mac[6])
{
	memcpy(b->data, b->data + 6, 6);
	memcpy(b->data + 6, mac, 6);
}
