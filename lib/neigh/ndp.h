/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Neighbour solicitations and advertisements (RFC 4861 sections 4.3 and 4.4) as bytes. Private to
 * lib/neigh. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_ip.h"
#include "el_pkt.h"

#define NDP_SOLICITATION 135
#define NDP_ADVERTISEMENT 136
#define NDP_FRAME_MAX 94 /* Ethernet with two tags, IPv6, the message, one option */

/* Flags of advertisements. */
#define NDP_SOLICITED 0x40
#define NDP_OVERRIDE 0x20

struct ndp {
	uint8_t type;
	uint8_t flags; /* of advertisements */
	el_vlan vlan;
	uint8_t to[6], from[6]; /* Ethernet */
	struct el_ip source, destination;
	struct el_ip target;
	bool has_mac;   /* has the option of its type: who sends (135), whose the target is (136) */
	uint8_t mac[6]; /* what the option says */
};

enum ndp_parse { NDP_OK, NDP_NOT, NDP_MALFORMED };

/* Parses an Ethernet frame on any VLAN, checksum and all that RFC 4861 sections 7.1.1
 * and 7.1.2 ask for; NDP_NOT if it is something else. */
enum ndp_parse ndp_parse(const uint8_t *frame, size_t len, struct ndp *ret_ndp);

/* Builds a frame from `ndp`; its length. */
size_t ndp_build(const struct ndp *ndp, uint8_t ret_frame[NDP_FRAME_MAX]);

extern const struct el_ip ndp_all_nodes; /* ff02::1 */

bool ndp_is_unspecified(const struct el_ip *ip);

/* Where an address is asked for (RFC 4291 section 2.7.1), and the MAC address of a multicast group
 * (RFC 2464 section 7). */
struct el_ip ndp_solicited_node(const struct el_ip *ip);
void ndp_multicast_mac(const struct el_ip *group, uint8_t ret_mac[6]);
