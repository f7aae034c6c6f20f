/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and neighbour discovery are control's, which looks at some frames a tick: so only what can
 * matter to it goes up, and nobody's flood keeps a next hop's answer from it. That is what asks for
 * an address of ours, what claims one, and what comes from a neighbour that control has asked for,
 * on the port's VLAN, sound by RFC 826 and RFC 4861 section 7.1. Answers may fill the ring to
 * control, questions half of it. */
#include "worker_internal.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_ether.h>

enum { ARP = 28, IPV6 = 40, MESSAGE = 24, ADVERTISEMENT = 16, HOP_LIMIT = 255 };

/* What a message says: who tells of which address, or asks for it. */
struct message {
	struct el_ip
	    sender; /* ARP: of the sender; NA: of the target, which it tells of; else none */
	struct el_ip target; /* that is asked for; none where nothing is */
	bool is_router;      /* it is one that advertises itself */
};

static uint32_t awaited_bit(const struct el_worker *w, const struct el_ip *ip)
{
	return (uint32_t)el_siphash(&w->awaited_key, ip->bytes, sizeof(ip->bytes)) % AWAITED_BITS;
}

static bool is_awaited(const struct el_worker *w, const struct el_ip *ip)
{
	uint32_t bit = awaited_bit(w, ip);

	return atomic_load_explicit(&w->awaited[bit / 64], memory_order_relaxed) >> (bit % 64) & 1;
}

static bool is_own(const struct queue *q, const struct el_ip *ip)
{
	return ip->family && el_prefixes_contain(q->conf.own, q->conf.n_own, ip);
}

/* RFC 826; false: it can't be right. */
static bool read_arp(const uint8_t *p, size_t len, struct message *ret)
{
	uint16_t operation;

	if (len < ARP || el_get16(p) != RTE_ARP_HRD_ETHER ||
	    el_get16(p + 2) != RTE_ETHER_TYPE_IPV4 || p[4] != 6 || p[5] != 4)
		return false;
	operation = el_get16(p + 6);
	ret->sender = el_ip_from_bytes(p + 14, 4);
	if (operation == RTE_ARP_OP_REQUEST)
		ret->target = el_ip_from_bytes(p + 24, 4);
	return operation == RTE_ARP_OP_REQUEST || operation == RTE_ARP_OP_REPLY;
}

/* RFC 4861 sections 6.1.2, 7.1.1 and 7.1.2, but for the options; from the IPv6 header, and the type
 * behind it, on. */
static bool read_ndp(const uint8_t *l3, size_t len, struct message *ret)
{
	const uint8_t *icmp = l3 + IPV6;
	size_t least = icmp[0] == ND_ROUTER_ADVERT ? ADVERTISEMENT : MESSAGE;
	uint16_t payload_len;

	if (len < IPV6 + least)
		return false;
	payload_len = el_get16(l3 + 4);
	if (payload_len < least || payload_len > len - IPV6 || l3[7] != HOP_LIMIT || icmp[1] != 0 ||
	    el_sum_fold(el_sum(icmp, payload_len,
			       el_sum_pseudo(l3, IPPROTO_ICMPV6, payload_len))) != 0xffff)
		return false;
	if (icmp[0] == ND_NEIGHBOR_SOLICIT)
		ret->target = el_ip_from_bytes(icmp + 8, 6);
	else if (icmp[0] == ND_NEIGHBOR_ADVERT)
		ret->sender = el_ip_from_bytes(icmp + 8, 6);
	ret->is_router = icmp[0] == ND_ROUTER_ADVERT;
	return true;
}

/* ARP or neighbour discovery; ret_sound: as the RFCs have it, with its content in *ret. */
static bool read_message(const uint8_t *frame, size_t len, el_vlan *ret_vlan, bool *ret_sound,
			 struct message *ret)
{
	size_t at = el_tags_read(frame, len, ret_vlan);
	uint16_t type;

	*ret = (struct message){.sender.family = 0};
	if (!at)
		return false;
	type = el_get16(frame + at - 2);
	if (type == RTE_ETHER_TYPE_ARP) {
		*ret_sound = read_arp(frame + at, len - at, ret);
		return true;
	}
	/* with extension headers it would be no message that anybody sends */
	if (type != RTE_ETHER_TYPE_IPV6 || len < at + IPV6 + 1 || frame[at + 6] != IPPROTO_ICMPV6 ||
	    frame[at + IPV6] < ND_ROUTER_SOLICIT || frame[at + IPV6] > ND_REDIRECT)
		return false;
	*ret_sound = read_ndp(frame + at, len - at, ret);
	return true;
}

enum neighbour_kind neighbour_sort(const struct el_worker *w, const struct queue *q,
				   const uint8_t *frame, size_t len)
{
	struct message m;
	el_vlan vlan;
	bool sound;

	if (!read_message(frame, len, &vlan, &sound, &m))
		return NEIGHBOUR_NOT;
	/* a kernel that shares the port sends with its MAC address, and is heard here */
	if (!sound || vlan != q->conf.vlan || memcmp(frame + 6, q->conf.mac, 6) == 0 ||
	    (!(frame[0] & 1) && memcmp(frame, q->conf.mac, 6) != 0))
		return NEIGHBOUR_NOBODYS;
	if (m.sender.family && (is_awaited(w, &m.sender) || is_own(q, &m.sender)))
		return NEIGHBOUR_TELLS;
	return is_own(q, &m.target) || (m.is_router && q->conf.accepts_ra) ? NEIGHBOUR_ASKS
									   : NEIGHBOUR_NOBODYS;
}

bool neighbour_punt(struct el_worker *w, struct rte_mbuf *m, enum neighbour_kind kind)
{
	if (kind == NEIGHBOUR_NOBODYS) {
		count(w, EL_COUNTER_DROP_RX_NEIGHBOUR, 1);
		return false;
	}
	if ((kind == NEIGHBOUR_TELLS || rte_ring_count(w->punted) < RING_FRAMES / 2) &&
	    rte_ring_sp_enqueue(w->punted, m) == 0)
		return true;
	count(w, EL_COUNTER_DROP_PUNT_FULL, 1);
	return false;
}

void neighbour_await(struct el_worker *w, const uint8_t *frame, size_t len)
{
	struct message m;
	el_vlan vlan;
	uint32_t bit;
	bool sound;

	if (!read_message(frame, len, &vlan, &sound, &m) || !sound || !m.target.family)
		return;
	bit = awaited_bit(w, &m.target);
	atomic_fetch_or_explicit(&w->awaited[bit / 64], UINT64_C(1) << (bit % 64),
				 memory_order_relaxed);
}
