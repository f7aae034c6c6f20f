/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What ARP and neighbour discovery share of Ethernet. Private to lib/neigh. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_pkt.h"

#define ETHERNET_LEN 14
#define ETHERNET_ARP 0x0806
#define ETHERNET_IPV4 0x0800
#define ETHERNET_IPV6 0x86dd

/* The header, through the tags of a VLAN: its length, 14, 18 or 22, or 0 if the frame is shorter.
 */
size_t ethernet_parse(const uint8_t *frame, size_t len, el_vlan *ret_vlan, uint16_t *ret_type);

/* Writes the header; its length, 14, 18 or 22. */
size_t ethernet_header(uint8_t *buf, const uint8_t to[6], const uint8_t from[6], el_vlan vlan,
		       uint16_t ethertype);

/* What a station can have as its address: neither a group's nor none. */
bool ethernet_is_station(const uint8_t mac[6]);
