/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"

#include <string.h>

#include "el_pkt.h"
#include "ethernet.h"

#define ARP_LEN 28
#define HARDWARE_ETHERNET 1

/* 0.0.0.0 is allowed: that is an ARP probe's sender (RFC 5227, 1.1). */
static bool is_host(uint32_t ip_be)
{
	uint8_t bytes[4];

	memcpy(bytes, &ip_be, 4);
	return bytes[0] < 224 && bytes[0] != 127;
}

enum arp_parse arp_parse(const uint8_t *frame, size_t len, struct arp *ret_arp)
{
	struct arp a = {0};
	uint16_t type;
	size_t l2_len = ethernet_parse(frame, len, &a.vlan, &type);
	const uint8_t *p = frame + l2_len;

	if (l2_len == 0)
		return ARP_MALFORMED;
	if (type != ETHERNET_ARP)
		return ARP_NOT;
	if (len - l2_len < ARP_LEN)
		return ARP_MALFORMED;
	memcpy(a.to, frame, 6);
	memcpy(a.from, frame + 6, 6);
	if (el_get16(p) != HARDWARE_ETHERNET || el_get16(p + 2) != ETHERNET_IPV4)
		return ARP_NOT;
	a.operation = el_get16(p + 6);
	if (p[4] != 6 || p[5] != 4 || (a.operation != ARP_REQUEST && a.operation != ARP_REPLY))
		return ARP_MALFORMED;
	memcpy(a.sender_mac, p + 8, 6);
	memcpy(&a.sender_ip, p + 14, 4);
	memcpy(a.target_mac, p + 18, 6);
	memcpy(&a.target_ip, p + 24, 4);
	if (!ethernet_is_station(a.sender_mac) || !ethernet_is_station(a.from) ||
	    !is_host(a.sender_ip) || !is_host(a.target_ip))
		return ARP_MALFORMED;
	*ret_arp = a;
	return ARP_OK;
}

void arp_build(const struct arp *arp, uint8_t ret_frame[ARP_FRAME_LEN])
{
	uint8_t *p = ret_frame;

	memset(ret_frame, 0, ARP_FRAME_LEN);
	p += ethernet_header(p, arp->to, arp->sender_mac, arp->vlan, ETHERNET_ARP);
	el_put16(p, HARDWARE_ETHERNET);
	el_put16(p + 2, ETHERNET_IPV4);
	p[4] = 6;
	p[5] = 4;
	el_put16(p + 6, arp->operation);
	memcpy(p + 8, arp->sender_mac, 6);
	memcpy(p + 14, &arp->sender_ip, 4);
	memcpy(p + 18, arp->target_mac, 6);
	memcpy(p + 24, &arp->target_ip, 4);
}
