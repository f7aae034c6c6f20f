/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethernet.h"

#include <string.h>

#include "el_pkt.h"

#define TYPE_VLAN 0x8100

bool ethernet_is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0;
}

size_t ethernet_parse(const uint8_t *frame, size_t len, uint16_t *ret_vlan, uint16_t *ret_type)
{
	if (len < ETHERNET_LEN)
		return 0;
	*ret_type = el_get16(frame + 12);
	*ret_vlan = 0;
	if (*ret_type != TYPE_VLAN)
		return ETHERNET_LEN;
	if (len < ETHERNET_LEN + ETHERNET_VLAN_LEN)
		return 0;
	*ret_vlan = el_get16(frame + 14) & 0xfff;
	*ret_type = el_get16(frame + 16);
	return ETHERNET_LEN + ETHERNET_VLAN_LEN;
}

size_t ethernet_header(uint8_t *buf, const uint8_t to[6], const uint8_t from[6], uint16_t vlan,
		       uint16_t ethertype)
{
	uint8_t *p = buf + 12;

	memcpy(buf, to, 6);
	memcpy(buf + 6, from, 6);
	if (vlan) {
		el_put16(p, TYPE_VLAN);
		el_put16(p + 2, vlan);
		p += ETHERNET_VLAN_LEN;
	}
	el_put16(p, ethertype);
	return (size_t)(p + 2 - buf);
}
