/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* ARP packets (RFC 826) as bytes. Private to lib/neigh. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_pkt.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ARP_FRAME_LEN 60 /* Ethernet's least, checksum aside; the end is padding */

struct arp {
	uint16_t operation;
	uint8_t sender_mac[6], target_mac[6];
	uint32_t sender_ip, target_ip; /* network order */
	uint8_t to[6], from[6];        /* Ethernet; what is built comes from sender_mac */
	el_vlan vlan;
};

enum arp_parse { ARP_OK, ARP_NOT, ARP_MALFORMED };

/* Parses an Ethernet frame on any VLAN; ARP_NOT if it is something else than ARP for
 * IPv4 over Ethernet. */
enum arp_parse arp_parse(const uint8_t *frame, size_t len, struct arp *ret_arp);

/* Builds a frame from `arp`. */
void arp_build(const struct arp *arp, uint8_t ret_frame[ARP_FRAME_LEN]);
