/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The kernel's network, by rtnetlink (rtnetlink(7)): links, addresses, the way that a packet would
 * take, and what changes of all that. Nothing else here speaks it. An object is of the network
 * namespace of the thread that opened it, and for one thread at a time. */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"

/* ---- questions ---- */

struct el_rtnl;

/* 0, or -errno with a sentence. */
int el_rtnl_open(struct el_rtnl **ret, struct el_error *err);
void el_rtnl_close(struct el_rtnl *r);

/* All below return 0 or a negative errno, wait 2 s at most (in truth the kernel answers before they
 * have asked), and ask again, a few times, where the kernel's tables changed meanwhile (-EINTR).
 * -EBADMSG: the answer makes no sense; -ETIMEDOUT: there was none. */

/* A link as the kernel has it now. */
struct el_rtnl_link {
	unsigned ifindex;
	char name[IFNAMSIZ];
	uint16_t type;  /* ARPHRD_... of <net/if_arp.h> */
	uint8_t mac[6]; /* zeros where addresses of that type have another length */
	uint32_t mtu;
	bool enabled;    /* IFF_UP: ip link set up */
	bool up;         /* and IFF_RUNNING: it has a carrier */
	unsigned master; /* the ifindex of its bridge, bond or VRF; 0: none */
	/* what the kernel has dropped, both ways: IFLA_STATS64's rx_dropped, rx_missed_errors and
	 * tx_dropped, which is what /proc/net/dev has under "drop" */
	uint64_t dropped;
};

/* The link of that name, or, with `name` NULL, of that index. -ENODEV: there is none. */
int el_rtnl_link(struct el_rtnl *r, const char *name, unsigned ifindex, struct el_rtnl_link *ret);

struct el_rtnl_address {
	struct el_prefix prefix; /* host bits set; on a point-to-point link, our own end */
	unsigned ifindex;
	bool deprecated; /* it is not for new connections (RFC 4862 section 5.5.4) */
	bool tentative;  /* it is not known to be ours alone, or known to be another's, too */
};

/* All addresses of an interface, of all for ifindex 0; `*ret` to be freed with free(). */
int el_rtnl_addresses(struct el_rtnl *r, unsigned ifindex, struct el_rtnl_address **ret,
		      size_t *ret_count);

/* A packet, to ask about. */
struct el_rtnl_query {
	struct el_ip to;
	struct el_ip from; /* family 0: any */
	unsigned oif;      /* the interface that it has to leave by; 0: any */
};

struct el_rtnl_route {
	unsigned oif;
	struct el_ip via;    /* family 0: `to` is on the link; may be IPv6 where `to` is IPv4 */
	struct el_ip source; /* `from`, or what the kernel would take; family 0: it has none */
	uint32_t mtu;        /* of the route, or learnt for the path (RTAX_MTU); 0: the link's */
};

/* The way that the kernel would send a packet of its own, by rules, VRFs, next-hop objects and all
 * (RTM_GETROUTE). Where several ways are equal that is one of them: by `oif`, the first. IPv4's
 * `from` has to be an address of the host: with another, the kernel says -EINVAL, or
 * -ENETUNREACH.
 * Negative is what the kernel says, -ENETUNREACH, -EHOSTUNREACH ("unreachable"), -EACCES
 * ("prohibit"), -EINVAL ("blackhole"), -ENODEV (there is no `oif`); or
 * -ENETUNREACH: it has no route by `oif`, and would assume that `to` is on the link (IPv4);
 * -EXDEV: it would send it by another interface than `oif`: IPv6 holds to that only where `from` is
 *   not given, a VRF of Linux before 6.0 not at all;
 * -EADDRINUSE: `to` is the host's own (which is not seen with `oif`, unless it has the address);
 * -EDESTADDRREQ: `to` is a broadcast, multicast or anycast address;
 * -EPROTONOSUPPORT: the route puts it into a tunnel (MPLS, segment routing and their like);
 * -EAFNOSUPPORT: `to` and `from` are not of one family. */
int el_rtnl_route(struct el_rtnl *r, const struct el_rtnl_query *q, struct el_rtnl_route *ret);

/* Of the route that el_rtnl_route would find, its prefix length and metric (RTM_F_FIB_MATCH), by
 * which ways that several interfaces have can be compared: the longest prefix, then the least
 * metric wins. Negative as above. */
int el_rtnl_match(struct el_rtnl *r, const struct el_rtnl_query *q, uint8_t *ret_len,
		  uint32_t *ret_metric);

/* ---- changes ---- */

struct el_rtnl_watch;

enum el_rtnl_change {
	EL_RTNL_LINKS = 1,
	EL_RTNL_ADDRESSES = 2,
	EL_RTNL_ROUTES = 4, /* routes, rules, next-hop objects */
	EL_RTNL_LOST = 8,   /* not everything could be told: anything may have changed */
};

/* Follows what changes from now on: who asks only then misses nothing. 0, or -errno with a
 * sentence.
 */
int el_rtnl_watch_open(struct el_rtnl_watch **ret, struct el_error *err);
void el_rtnl_watch_close(struct el_rtnl_watch *w);

/* Readable when something may have changed. */
int el_rtnl_watch_fd(const struct el_rtnl_watch *w);

/* What has changed since the last call, as a set of el_rtnl_change: of links, one of the members of
 * el_rtnl_link but `dropped`; of addresses, one of el_rtnl_address, so not how long it is still
 * valid; of routes anything. IPv4's routes that go with their link go without a word of their own:
 * who has asked for ways asks again after any change. Does not wait, and reads no more than some
 * 100 messages: the descriptor is readable as long as there are more. */
unsigned el_rtnl_watch_read(struct el_rtnl_watch *w);
