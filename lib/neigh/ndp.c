/* SPDX-License-Identifier: BSD-3-Clause */
#include "ndp.h"

#include <netinet/in.h>
#include <string.h>

#include "el_pkt.h"
#include "ethernet.h"

#define IPV6_LEN 40
#define MESSAGE_LEN 24
#define OPTION_SOURCE 1 /* link-layer addresses (RFC 4861 section 4.6.1) */
#define OPTION_TARGET 2
#define OPTION_LEN 8
#define HOP_LIMIT 255 /* proves that no router has forwarded it */

const struct el_ip ndp_all_nodes = {.family = 6, .bytes = {0xff, 2, [15] = 1}};

bool ndp_is_unspecified(const struct el_ip *ip)
{
	static const struct el_ip unspecified = {.family = 6};

	return el_ip_equal(ip, &unspecified);
}

struct el_ip ndp_solicited_node(const struct el_ip *ip)
{
	struct el_ip group = {.family = 6, .bytes = {0xff, 2, [11] = 1, [12] = 0xff}};

	memcpy(group.bytes + 13, ip->bytes + 13, 3);
	return group;
}

void ndp_multicast_mac(const struct el_ip *group, uint8_t ret_mac[6])
{
	ret_mac[0] = ret_mac[1] = 0x33;
	memcpy(ret_mac + 2, group->bytes + 12, 4);
}

static bool is_multicast(const struct el_ip *ip)
{
	return ip->bytes[0] == 0xff;
}

static struct el_ip ip_at(const uint8_t *p)
{
	struct el_ip ip = {.family = 6};

	memcpy(ip.bytes, p, 16);
	return ip;
}

static uint8_t option_of(uint8_t type)
{
	return type == NDP_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET;
}

static uint16_t checksum(const uint8_t *l3, const uint8_t *message, size_t len)
{
	uint8_t lengths[8] = {0};

	el_put16(lengths + 2, (uint16_t)len);
	lengths[7] = IPPROTO_ICMPV6;
	return (uint16_t)~el_sum_fold(
	    el_sum(message, len, el_sum(lengths, sizeof(lengths), el_sum(l3 + 8, 32, 0))));
}

/* The options, all of which must have a length; those that are not known are passed over. */
static bool parse_options(const uint8_t *p, size_t len, struct ndp *n)
{
	while (len > 0) {
		size_t size = len < 2 ? 0 : (size_t)p[1] * 8;

		if (size == 0 || size > len)
			return false;
		if (p[0] == option_of(n->type) && size == OPTION_LEN) {
			memcpy(n->mac, p + 2, 6);
			n->has_mac = true;
		}
		p += size;
		len -= size;
	}
	return true;
}

/* What the two sections of the RFC say of addresses. */
static bool is_sound(const struct ndp *n)
{
	struct el_ip group = ndp_solicited_node(&n->target);

	if (is_multicast(&n->target) || ndp_is_unspecified(&n->target) ||
	    is_multicast(&n->source) || !ethernet_is_station(n->from) ||
	    (n->has_mac && !ethernet_is_station(n->mac)))
		return false;
	if (n->type == NDP_ADVERTISEMENT)
		return !ndp_is_unspecified(&n->source) &&
		       !(is_multicast(&n->destination) && (n->flags & NDP_SOLICITED));
	return !ndp_is_unspecified(&n->source) ||
	       (!n->has_mac && el_ip_equal(&n->destination, &group));
}

enum ndp_parse ndp_parse(const uint8_t *frame, size_t len, struct ndp *ret_ndp)
{
	struct ndp n = {0};
	const uint8_t *l3, *message;
	uint16_t type;
	size_t payload_len, l2_len = ethernet_parse(frame, len, &n.vlan, &type);

	if (l2_len == 0 || type != ETHERNET_IPV6)
		return NDP_NOT;
	l3 = frame + l2_len;
	len -= l2_len;
	/* with extension headers it would be no message that anybody sends */
	if (len < IPV6_LEN + 1 || l3[0] >> 4 != 6 || l3[6] != IPPROTO_ICMPV6)
		return NDP_NOT;
	message = l3 + IPV6_LEN;
	n.type = message[0];
	if (n.type != NDP_SOLICITATION && n.type != NDP_ADVERTISEMENT)
		return NDP_NOT;
	payload_len = el_get16(l3 + 4);
	if (payload_len > len - IPV6_LEN || payload_len < MESSAGE_LEN || l3[7] != HOP_LIMIT ||
	    message[1] != 0 || checksum(l3, message, payload_len) != 0)
		return NDP_MALFORMED;
	memcpy(n.to, frame, 6);
	memcpy(n.from, frame + 6, 6);
	n.source = ip_at(l3 + 8);
	n.destination = ip_at(l3 + 24);
	n.target = ip_at(message + 8);
	if (n.type == NDP_ADVERTISEMENT)
		n.flags = message[4] & (NDP_SOLICITED | NDP_OVERRIDE);
	if (!parse_options(message + MESSAGE_LEN, payload_len - MESSAGE_LEN, &n) || !is_sound(&n))
		return NDP_MALFORMED;
	*ret_ndp = n;
	return NDP_OK;
}

size_t ndp_build(const struct ndp *ndp, uint8_t ret_frame[NDP_FRAME_MAX])
{
	uint16_t len = ndp->has_mac ? MESSAGE_LEN + OPTION_LEN : MESSAGE_LEN;
	uint8_t *l3, *message;

	memset(ret_frame, 0, NDP_FRAME_MAX);
	l3 = ret_frame + ethernet_header(ret_frame, ndp->to, ndp->from, ndp->vlan, ETHERNET_IPV6);
	l3[0] = 6 << 4;
	el_put16(l3 + 4, len);
	l3[6] = IPPROTO_ICMPV6;
	l3[7] = HOP_LIMIT;
	memcpy(l3 + 8, ndp->source.bytes, 16);
	memcpy(l3 + 24, ndp->destination.bytes, 16);
	message = l3 + IPV6_LEN;
	message[0] = ndp->type;
	message[4] = ndp->flags;
	memcpy(message + 8, ndp->target.bytes, 16);
	if (ndp->has_mac) {
		message[MESSAGE_LEN] = option_of(ndp->type);
		message[MESSAGE_LEN + 1] = 1;
		memcpy(message + MESSAGE_LEN + 2, ndp->mac, 6);
	}
	/* the sum lies in memory as it goes onto the wire */
	memcpy(message + 2, &(uint16_t){checksum(l3, message, len)}, 2);
	return (size_t)(message + len - ret_frame);
}
