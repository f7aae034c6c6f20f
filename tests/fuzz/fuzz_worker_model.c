/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_worker_model.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <rte_mbuf.h>

#include "frames.h"
#include "fuzz.h"

#define ECHO_WITH_COOKIE 24 /* bytes from the ICMP header on: id, complement, cookie behind it */

void fuzz_probe_init(struct fuzz_probe *p, const uint8_t *frame, size_t len)
{
	uint8_t protocol;

	FUZZ_ASSERT(len > 54 - 20 && len <= sizeof(p->frame));
	memset(p, 0, sizeof(*p));
	memcpy(p->frame, frame, len);
	p->len = len;
	p->l3 = p->frame + 14;
	p->family = p->l3[0] >> 4;
	p->l4 = p->l3 + (p->family == 4 ? 20 : 40);
	p->src = p->l3 + (p->family == 4 ? 12 : 8);
	p->dst = p->src + (p->family == 4 ? 4 : 16);
	p->l4_len = (size_t)(p->frame + len - p->l4);
	protocol = p->l3[p->family == 4 ? 9 : 6];
	p->type = protocol == IPPROTO_TCP   ? EL_PROBE_TCPSYN
		  : protocol == IPPROTO_UDP ? EL_PROBE_UDPUNREACHABLE
					    : EL_PROBE_ICMPPING;
}

bool fuzz_same(const uint8_t *a, const uint8_t *b, uint8_t version)
{
	return memcmp(a, b, version == 4 ? 4 : 16) == 0;
}

/* Bytes that may be changed in two places without being noticed: their sum is what is kept. */
static bool same_cookie(const uint8_t *a, const uint8_t *b)
{
	return (el_get32(a) ^ el_get32(a + 4)) == (el_get32(b) ^ el_get32(b + 4));
}

static bool is_echo_reply_to(const struct el_pkt *pkt, const struct fuzz_probe *p)
{
	uint8_t reply = p->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;

	if (pkt->protocol != (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ||
	    pkt->l4[0] != reply || pkt->l4[1] != 0 ||
	    (pkt->l4_len < ECHO_WITH_COOKIE) != (p->l4_len < ECHO_WITH_COOKIE))
		return false;
	if (p->l4_len < ECHO_WITH_COOKIE)
		return memcmp(pkt->l4 + 4, p->l4 + 4, 4) == 0;
	return memcmp(pkt->l4 + 8, p->l4 + 8, 8) == 0 && same_cookie(pkt->l4 + 16, p->l4 + 16);
}

bool fuzz_is_syn_ack(const struct el_pkt *pkt)
{
	return pkt->protocol == IPPROTO_TCP &&
	       (pkt->l4[13] & (TH_SYN | TH_RST | TH_ACK | TH_FIN)) == (TH_SYN | TH_ACK);
}

/* RFC 5961 section 4.2: of a connection that nobody here has; without data. */
static bool is_challenge(const struct el_pkt *pkt)
{
	return pkt->protocol == IPPROTO_TCP &&
	       (pkt->l4[13] & (TH_SYN | TH_RST | TH_ACK | TH_FIN)) == TH_ACK &&
	       pkt->l4_len == (pkt->l4[12] >> 4) * 4;
}

/* RFC 9293 section 3.10.7.1: a reset may acknowledge the SYN's payload. */
static bool is_tcp_answer_to(const struct el_pkt *pkt, const struct fuzz_probe *p)
{
	bool is_rst =
	    pkt->protocol == IPPROTO_TCP && (pkt->l4[13] & (TH_SYN | TH_RST | TH_FIN)) == TH_RST;
	uint32_t acknowledged;

	if ((!fuzz_is_syn_ack(pkt) && !is_rst) || memcmp(pkt->l4, p->l4 + 2, 2) != 0 ||
	    memcmp(pkt->l4 + 2, p->l4, 2) != 0)
		return false;
	acknowledged = el_get32(pkt->l4 + 8) - el_get32(p->l4 + 4);
	return acknowledged == 1 || (is_rst && acknowledged == 1 + p->l4_len - 20);
}

static bool quotes_echo(const struct el_pkt_quote *q, const struct fuzz_probe *p)
{
	size_t before = (size_t)(q->l4 - q->l3);
	size_t sent = el_get16(q->l3 + (p->family == 4 ? 2 : 4)) + (p->family == 4 ? 0U : 40U);

	sent = (uint16_t)(sent - before);
	if (q->l4_len < 8 || q->l4[0] != p->l4[0] || q->l4[1] != 0 ||
	    (sent < ECHO_WITH_COOKIE) != (p->l4_len < ECHO_WITH_COOKIE))
		return false;
	if (sent < ECHO_WITH_COOKIE)
		return memcmp(q->l4 + 4, p->l4 + 4, 4) == 0;
	return q->l4_len >= 12 && memcmp(q->l4 + 8, p->l4 + 8, q->l4_len >= 16 ? 8 : 4) == 0 &&
	       (q->l4_len < ECHO_WITH_COOKIE || same_cookie(q->l4 + 16, p->l4 + 16));
}

/* Quotes with ports: what the answer is found by, and all that says whose it is. */
static bool quotes(const struct el_pkt_quote *q, const struct fuzz_probe *p)
{
	if (!q->l3 || q->family != p->family || q->protocol != p->l3[p->family == 4 ? 9 : 6] ||
	    !fuzz_same(q->src, p->src, p->family) || !fuzz_same(q->dst, p->dst, p->family))
		return false;
	if (p->type == EL_PROBE_ICMPPING)
		return quotes_echo(q, p);
	if (q->l4_len < 8 || memcmp(q->l4, p->l4, 4) != 0)
		return false;
	if (p->type == EL_PROBE_TCPSYN)
		return memcmp(q->l4 + 4, p->l4 + 4, 4) == 0;
	if (p->family == 6)
		return q->l4_len >= 12 && memcmp(q->l4 + 8, p->l4 + 8, 4) == 0;
	return memcmp(q->l3 + 4, p->l3 + 4, 2) == 0 && memcmp(q->l4 + 6, p->l4 + 6, 2) == 0;
}

/* By a sum of our own, word by word. */
bool fuzz_checksums_right(const struct el_pkt *pkt, uint64_t said_good)
{
	bool v4 = pkt->family == 4;

	if (v4 && !(said_good & RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
	    naive_checksum(pkt->l3, (size_t)(pkt->l4 - pkt->l3), NULL, 0) != 0)
		return false;
	if (pkt->protocol == IPPROTO_TCP && (said_good & RTE_MBUF_F_RX_L4_CKSUM_GOOD))
		return true;
	if (pkt->protocol == IPPROTO_ICMP)
		return naive_checksum(pkt->l4, pkt->l4_len, NULL, 0) == 0;
	return naive_l4_checksum(pkt->l3 + (v4 ? 12 : 8), v4 ? 4 : 16, pkt->protocol, pkt->l4,
				 pkt->l4_len) == 0;
}

static bool is_icmp_error(const struct el_pkt *pkt)
{
	if (pkt->protocol == IPPROTO_ICMP)
		return pkt->l4[0] == ICMP_DEST_UNREACH || pkt->l4[0] == ICMP_TIME_EXCEEDED ||
		       pkt->l4[0] == ICMP_PARAMETERPROB;
	return pkt->protocol == IPPROTO_ICMPV6 && pkt->l4[0] >= ICMP6_DST_UNREACH &&
	       pkt->l4[0] <= ICMP6_PARAM_PROB;
}

struct fuzz_answer fuzz_answer_of(const struct el_pkt *pkt, struct fuzz_probe *probes, size_t n)
{
	uint8_t unreachable = pkt->family == 4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;

	for (struct fuzz_probe *p = probes; p < probes + n; p++) {
		if (pkt->family != p->family)
			continue;
		if (is_icmp_error(pkt)) {
			if (quotes(&pkt->quote, p))
				return (struct fuzz_answer){
				    p, p->type == EL_PROBE_ICMPPING || pkt->l4[0] != unreachable ||
					   !fuzz_same(pkt->ip.src, p->dst, p->family)};
		} else if (fuzz_same(pkt->ip.src, p->dst, p->family) &&
			   fuzz_same(pkt->ip.dst, p->src, p->family) &&
			   (p->type == EL_PROBE_ICMPPING ? is_echo_reply_to(pkt, p)
			    : p->type == EL_PROBE_TCPSYN ? is_tcp_answer_to(pkt, p)
							 : false)) {
			return (struct fuzz_answer){p, false};
		}
	}
	return (struct fuzz_answer){.probe = NULL};
}

static bool arp_is_for_control(const uint8_t *arp, size_t len, const uint8_t *own4)
{
	static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4, 0};
	bool is_request;

	if (len < 28 || memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 || !arp[7] ||
	    arp[7] > 2)
		return false;
	is_request = arp[7] == 1;
	return memcmp(arp + 14, own4, 4) == 0 || (is_request && memcmp(arp + 24, own4, 4) == 0);
}

static bool ndp_is_for_control(const uint8_t *ip, size_t len, const uint8_t *own6)
{
	const uint8_t *icmp = ip + 40;
	size_t icmp_len;

	if (len < 64 || ip[6] != IPPROTO_ICMPV6 || ip[7] != 255)
		return false;
	icmp_len = el_get16(ip + 4);
	return icmp_len >= 24 && icmp_len <= len - 40 &&
	       (icmp[0] == ND_NEIGHBOR_SOLICIT || icmp[0] == ND_NEIGHBOR_ADVERT) && !icmp[1] &&
	       naive_l4_checksum(ip + 8, 16, IPPROTO_ICMPV6, icmp, icmp_len) == 0 &&
	       memcmp(icmp + 8, own6, 16) == 0;
}

bool fuzz_is_for_control(const uint8_t *frame, size_t len, const struct fuzz_port *port)
{
	const uint8_t *type = frame + 12;

	if (len < 18 || memcmp(frame + 6, port->mac, 6) == 0 ||
	    (!(frame[0] & 1) && memcmp(frame, port->mac, 6) != 0))
		return false;
	if (el_get16(type) == 0x8100 && !(el_get16(type + 2) & 0xfff))
		type += 4; /* a tag with a priority alone */
	len -= (size_t)(type + 2 - frame);
	if (el_get16(type) == 0x0806)
		return arp_is_for_control(type + 2, len, port->own4);
	return el_get16(type) == 0x86dd && ndp_is_for_control(type + 2, len, port->own6);
}

bool fuzz_is_untagged(const struct el_pkt *pkt)
{
	return !pkt->vlan_tags || (pkt->vlan_tags == 1 && !(el_get16(pkt->l2 + 14) & 0xfff));
}

bool fuzz_is_resettable(const struct el_pkt *pkt, const struct fuzz_port *port)
{
	static const uint8_t zero[6];
	const uint8_t *to = pkt->l2, *from = pkt->l2 + 6;
	const uint8_t *own = pkt->family == 4 ? port->own4 : port->own6;
	struct el_ip host = el_ip_from_bytes(pkt->ip.src, pkt->family);

	if (!fuzz_is_untagged(pkt))
		return false;
	return (fuzz_is_syn_ack(pkt) || is_challenge(pkt)) && fuzz_checksums_right(pkt, 0) &&
	       !memcmp(to, port->mac, 6) && !(from[0] & 1) && memcmp(from, zero, 6) != 0 &&
	       memcmp(from, port->mac, 6) != 0 && fuzz_same(pkt->ip.dst, own, pkt->family) &&
	       !fuzz_same(pkt->ip.src, own, pkt->family) && el_ip_is_host(&host) &&
	       (pkt->family == 6 || !fuzz_same(pkt->ip.src, port->silent4, 4));
}
