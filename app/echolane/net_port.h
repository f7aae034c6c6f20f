/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A port with the addresses that are ours there. For network.c. */
#include "el_conf.h"
#include "el_conservation.h"
#include "el_counters.h"
#include "el_neigh.h"
#include "el_port.h"
#include "el_ra.h"
#include "el_rtnl.h"

/* The law of conservation on a port, one way: network_drops.c. */
struct port_law_way {
	struct el_conservation conservation;
	uint64_t unaccounted; /* ever */
	bool doubted;         /* its counters count something else, which has been said */
};

/* And both. */
struct port_law {
	struct port_law_way ways[EL_DIRECTIONS];
	bool counts; /* anything yet */
	bool said;   /* that it does not */
	struct el_port_view last;
};

/* The link of a port: network_link.c. */
struct port_link {
	bool up;             /* as read last */
	bool was_up;         /* ever, or it would be known */
	uint64_t checked_ns; /* until then at most */
	bool is_checked; /* it is up again, and its addresses are asked for before they are used */
	/* An address of it is another's, and the plan that is executed does not know that yet. */
	bool is_held;
	bool told;          /* the workers know */
	uint64_t read_ns;   /* when it is read again */
	uint64_t downs;     /* times that it went down */
	uint64_t told_down; /* as read last of el_port_link_downs */
	uint64_t sent_up;   /* packets that workers had sent when it was last seen up */
	/* the device is removed; it was let go of; and is there again */
	bool is_removed, is_detached, is_back;
};

/* A link: a VLAN of a device, or what is untagged there, with its addresses. Several may have one
 * device; what is the device's alone then is at the first of them. */
struct net_port {
	struct el_port *port;            /* the first one's */
	struct port_law law;             /* of the first one */
	struct port_link link;           /* likewise */
	const struct el_conf_port *conf; /* stays as it is */
	uint16_t first;                  /* of its device, by index; itself */
	bool follows; /* its addresses and routes are those of the kernel's interface */
	/* The interface is gone and another has its name, or it has another MAC address than the
	 * port; and it is up. */
	bool replaced;
	uint16_t mtu; /* of IP packets, as it is now; never more than at the start */
	/* of the configuration and of advertisements, but those that are refused, or of the
	 * kernel's interface */
	struct el_neigh_address *addresses;
	size_t n_addresses;
	/* accept_ra: what routers advertise, and the addresses that are made of it as last looked
	 * at */
	struct el_ra ra;
	struct el_prefix advertised[EL_RA_PREFIXES_MAX];
	size_t n_advertised;
	/* changes of these: when as many may follow each other at once again as ever may; one waits
	 */
	uint64_t changes_full_ns;
	bool change_waits;
	struct el_ip *refused; /* not used, for another host has them; of groups, too */
	size_t n_refused;
	struct net_lists *lists, *old_lists; /* those before may still be looked at by workers */
};

/* What workers know of the addresses on a port, in one piece of memory: el_worker_queue.own and
 * .silent. */
struct net_lists {
	/* of `own`, the first n_home and the first n_pinged: el_worker_queue's */
	uint32_t n_own, n_home, n_silent, n_pinged;
	struct el_prefix *own, *silent;
	struct el_prefix items[];
};

/* What the kernel says of its links and addresses. */
struct net_kernel {
	struct el_rtnl *rtnl;
	/* of all interfaces, those that can't be used yet, too */
	struct el_rtnl_address *addresses;
	size_t n_addresses;
};

/* Reads the addresses again. 0, or a negative errno and they are as before. */
int net_kernel_read(struct net_kernel *k);

/* The link of `conf` on a device that is open; `first`: index of the first one there. follows: it
 * takes the kernel's addresses, where the device has an interface. */
void net_port_init(struct net_port *p, struct el_port *port, const struct el_conf_port *conf,
		   uint16_t first, bool follows, uint64_t now_ns);

/* The port's addresses and MTU from what the kernel says now; *ret_changed: they are others. 0, or
 * -ENOMEM and they are as before. */
int net_port_refresh(struct net_port *p, const struct net_kernel *k, uint64_t now_ns,
		     bool *ret_changed);

/* Another host has `ip`, an address of ours: it is not used until nobody has. Whether that is news.
 */
bool net_port_refuse(struct net_port *p, const struct el_ip *ip, bool refused);
bool net_port_is_refused(const struct net_port *p, const struct el_ip *ip);
/* Forgets refusals of addresses that are not among `addresses` any more. */
void net_port_forget_refused(struct net_port *p, const struct el_neigh_address *addresses,
			     size_t n);

/* Its name, as far as it fits. */
void net_port_name(const struct net_port *p, char *buf, size_t size);

/* The addresses in words, for a log. */
const char *net_port_addresses_text(const struct net_port *p, char *buf, size_t size);

/* Appends a group's source address or network to the `n` addresses of a port if it is on the port's
 * link and not there yet; there is room. Whether it is appended. */
bool net_port_add_source(struct el_neigh_address *addresses, size_t n,
			 const struct el_prefix *source);

struct network_plan;

/* What is ours on a port. */
struct net_own {
	struct el_neigh_address *addresses; /* for ARP; to be freed with free() */
	size_t n_addresses;
	struct net_lists *lists; /* likewise */
};

/* Of port `index`, with the sources of `plans`, a list: those on the port's link are asked for
 * there; and addresses that it had when they were made. 0 or -ENOMEM. */
int net_port_list_own(const struct net_port *p, struct el_port_idx index,
		      const struct network_plan *plans, const struct net_kernel *k,
		      struct net_own *ret_own);
/* Lets in what asks for them. 0, or -errno with a sentence. */
int net_port_let_requests_in(struct net_port *p, const struct net_own *own, struct el_error *err);

/* Frees what it has, but for the device. */
void net_port_fini(struct net_port *p);
