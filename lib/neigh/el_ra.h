/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What routers advertise on the link of one port (RFC 4861): default routers with their preferences
 * (RFC 4191), prefixes that are on the link, the MTU, and addresses that are made from prefixes
 * (RFC 4862). Plain memory, an explicit `now_ns` of one monotonic clock; one thread.
 *
 * Anybody on the link can forge all of it. So each list is short and whoever is on it stays there,
 * only so many advertisements are read, and no value of one is taken but what the RFCs let one
 * have. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_ip.h"
#include "el_pkt.h"

#define EL_RA_ROUTERS_MAX 8
#define EL_RA_PREFIXES_MAX 8
#define EL_RA_FRAME_MAX 128

enum el_ra_preference { EL_RA_LOW = -1, EL_RA_MEDIUM, EL_RA_HIGH };

/* A default router. */
struct el_ra_router {
	struct el_ip ip; /* link-local */
	enum el_ra_preference preference;
	uint64_t until_ns; /* UINT64_MAX: for ever */
};

struct el_ra_prefix {
	struct el_prefix prefix;
	uint64_t on_link_until_ns;                   /* 0: it is not known to be on the link */
	struct el_ip address;                        /* of ours, made from it; family 0: none */
	uint64_t valid_until_ns, preferred_until_ns; /* of the address */
};

struct el_ra {
	uint8_t mac[6];
	el_vlan vlan;
	/* Those that are listed; routers by their preference, the highest first. */
	struct el_ra_router routers[EL_RA_ROUTERS_MAX];
	struct el_ra_prefix prefixes[EL_RA_PREFIXES_MAX];
	uint32_t n_routers, n_prefixes;
	uint16_t mtu; /* of IPv6 packets; 0: none is told */
	/* what is asked: how many solicitations are left, and when the next is due */
	uint8_t solicitations;
	uint64_t solicit_ns;
	uint64_t full_ns; /* when as many advertisements are read at once again as ever may be */
	/* ever: read, not read for there were too many, that can't be, for which there was no room
	 */
	uint64_t n_read, n_limited, n_malformed, n_no_room;
};

/* Nothing is known, and routers are asked. */
void el_ra_init(struct el_ra *ra, const uint8_t mac[6], el_vlan vlan, uint64_t now_ns);
/* The link is up again: routers are asked, three times at most (RFC 4861 section 6.3.7). */
void el_ra_ask_again(struct el_ra *ra, uint64_t now_ns);

/* A frame that came in; true if what is listed, or how long, has changed but for times. What is no
 * advertisement (RFC 4861 section 6.1.2) is not looked at. */
bool el_ra_input(struct el_ra *ra, const uint8_t *frame, size_t len, uint64_t now_ns);

/* Drops what is over; true if anything has changed. */
bool el_ra_tick(struct el_ra *ra, uint64_t now_ns);
/* When el_ra_tick or el_ra_solicit has something to do; UINT64_MAX: not before something comes in.
 */
uint64_t el_ra_next_ns(const struct el_ra *ra);

/* A solicitation, if one is due (RFC 4861 section 4.1); its length, 0: none is. */
size_t el_ra_solicit(const struct el_ra *ra, uint64_t now_ns, uint8_t ret_frame[EL_RA_FRAME_MAX]);
/* It is sent. */
void el_ra_solicited(struct el_ra *ra, uint64_t now_ns);

/* The addresses, those first that are preferred (RFC 4862 section 5.5.4), each with the length of
 * its prefix if that is on the link, else with its own, into ret[EL_RA_PREFIXES_MAX]; how many. */
size_t el_ra_addresses(const struct el_ra *ra, uint64_t now_ns, struct el_prefix *ret);
