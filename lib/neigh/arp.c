/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"

#include <string.h>

#include "el_pkt.h"

#define ETHERNET_LEN 14
#define VLAN_LEN 4
#define ARP_LEN 28

#define TYPE_ARP 0x0806
#define TYPE_VLAN 0x8100
#define TYPE_IPV4 0x0800
#define HARDWARE_ETHERNET 1

/* What a station can have as its address: neither a group's nor none. */
static bool is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0;
}

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
	const uint8_t *p = frame + 12;
	uint16_t type;

	if (len < ETHERNET_LEN)
		return ARP_MALFORMED;
	memcpy(a.to, frame, 6);
	type = el_get16(p);
	if (type == TYPE_VLAN) {
		if (len < ETHERNET_LEN + VLAN_LEN)
			return ARP_MALFORMED;
		a.vlan = el_get16(p + 2) & 0xfff;
		p += VLAN_LEN;
		type = el_get16(p);
	}
	p += 2;
	if (type != TYPE_ARP)
		return ARP_NOT;
	if (len - (size_t)(p - frame) < ARP_LEN)
		return ARP_MALFORMED;
	if (el_get16(p) != HARDWARE_ETHERNET || el_get16(p + 2) != TYPE_IPV4)
		return ARP_NOT;
	a.operation = el_get16(p + 6);
	if (p[4] != 6 || p[5] != 4 || (a.operation != ARP_REQUEST && a.operation != ARP_REPLY))
		return ARP_MALFORMED;
	memcpy(a.sender_mac, p + 8, 6);
	memcpy(&a.sender_ip, p + 14, 4);
	memcpy(a.target_mac, p + 18, 6);
	memcpy(&a.target_ip, p + 24, 4);
	if (!is_station(a.sender_mac) || !is_host(a.sender_ip) || !is_host(a.target_ip))
		return ARP_MALFORMED;
	*ret_arp = a;
	return ARP_OK;
}

size_t arp_ethernet_header(uint8_t *buf, const uint8_t to[6], const uint8_t from[6], uint16_t vlan,
			   uint16_t ethertype)
{
	uint8_t *p = buf + 12;

	memcpy(buf, to, 6);
	memcpy(buf + 6, from, 6);
	if (vlan) {
		el_put16(p, TYPE_VLAN);
		el_put16(p + 2, vlan);
		p += VLAN_LEN;
	}
	el_put16(p, ethertype);
	return (size_t)(p + 2 - buf);
}

void arp_build(const struct arp *arp, uint8_t ret_frame[ARP_FRAME_LEN])
{
	uint8_t *p = ret_frame;

	memset(ret_frame, 0, ARP_FRAME_LEN);
	p += arp_ethernet_header(p, arp->to, arp->sender_mac, arp->vlan, TYPE_ARP);
	el_put16(p, HARDWARE_ETHERNET);
	el_put16(p + 2, TYPE_IPV4);
	p[4] = 6;
	p[5] = 4;
	el_put16(p + 6, arp->operation);
	memcpy(p + 8, arp->sender_mac, 6);
	memcpy(p + 14, &arp->sender_ip, 4);
	memcpy(p + 18, arp->target_mac, 6);
	memcpy(p + 24, &arp->target_ip, 4);
}
