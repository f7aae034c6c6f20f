/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel tells of much that is no change to us: counters, lifetimes that every router
 * advertisement renews, flags that are repeated. What was told of last is kept, to tell them from
 * changes; where that can't be, it counts as a change. */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define NOTIFICATIONS_MAX 100          /* read at a time */
#define PARTS_MAX 4096                 /* of a dump */
#define NOTIFICATION_BYTES 32768       /* the most that the kernel puts into one, with room */
#define RECEIVE_BUFFER_BYTES (1 << 20) /* some 1,000 of them wait; then they are lost */

/* ---- pure ---- */

void rtnl_known_fini(struct rtnl_known *known)
{
	free(known->links);
	free(known->addresses.items);
	*known = (struct rtnl_known){0};
}

/* Whether a link is what it was, but for its counters. */
static bool is_same_link(const struct el_rtnl_link *a, const struct el_rtnl_link *b)
{
	return strcmp(a->name, b->name) == 0 && a->type == b->type &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu &&
	       a->enabled == b->enabled && a->up == b->up && a->master == b->master;
}

static bool change_link(struct rtnl_known *known, const struct el_rtnl_link *link, bool gone)
{
	struct el_rtnl_link *items = known->links;
	size_t i = 0;

	while (i < known->n_links && items[i].ifindex != link->ifindex)
		i++;
	if (gone) {
		if (i < known->n_links)
			items[i] = items[--known->n_links];
		return true;
	}
	if (i < known->n_links) {
		bool same = is_same_link(&items[i], link);

		items[i] = *link;
		return !same;
	}
	items = realloc(items, (known->n_links + 1) * sizeof(*items));
	if (items) {
		known->links = items;
		items[known->n_links++] = *link;
	}
	return true;
}

static bool change_address(struct rtnl_addresses *known, const struct el_rtnl_address *address,
			   bool gone)
{
	struct el_rtnl_address *items = known->items;
	size_t i = 0;

	while (i < known->count && (items[i].ifindex != address->ifindex ||
				    items[i].prefix.len != address->prefix.len ||
				    !el_ip_equal(&items[i].prefix.ip, &address->prefix.ip)))
		i++;
	if (gone) {
		if (i < known->count)
			items[i] = items[--known->count];
		return true;
	}
	if (i < known->count) {
		bool same = items[i].deprecated == address->deprecated &&
			    items[i].tentative == address->tentative;

		items[i] = *address;
		return !same;
	}
	items = realloc(items, (known->count + 1) * sizeof(*items));
	if (items) {
		known->items = items;
		items[known->count++] = *address;
	}
	return true;
}

/* A bridge tells of its ports in messages of its own family, and wireless devices of events. */
static unsigned link_changes(const struct nlmsghdr *m, struct rtnl_known *known)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(m);
	struct el_rtnl_link link;
	struct rtnl_attrs a;

	if (rtnl_read_attrs(m, sizeof(*ifi), &a) < 0)
		return EL_RTNL_LOST;
	if (ifi->ifi_family != AF_UNSPEC || (a.by_type[IFLA_WIRELESS] && !a.by_type[IFLA_IFNAME]))
		return 0;
	if (rtnl_read_link(m, &link) < 0)
		return EL_RTNL_LOST;
	return change_link(known, &link, m->nlmsg_type == RTM_DELLINK) ? EL_RTNL_LINKS : 0;
}

static unsigned address_changes(const struct nlmsghdr *m, struct rtnl_known *known)
{
	struct el_rtnl_address address;
	int r = rtnl_read_address(m, &address);

	if (r == -EAFNOSUPPORT || r == -ENODATA)
		return 0;
	if (r < 0)
		return EL_RTNL_LOST;
	return change_address(&known->addresses, &address, m->nlmsg_type == RTM_DELADDR)
		   ? EL_RTNL_ADDRESSES
		   : 0;
}

static unsigned route_changes(const struct nlmsghdr *m)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(m);

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*rtm))
		return EL_RTNL_LOST;
	return rtm->rtm_flags & RTM_F_CLONED ? 0 : EL_RTNL_ROUTES;
}

struct reading {
	struct rtnl_known *known;
	unsigned changes;
};

static int take_notification(const struct nlmsghdr *m, void *data)
{
	struct reading *r = data;

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		r->changes |= link_changes(m, r->known);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		r->changes |= address_changes(m, r->known);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		r->changes |= route_changes(m);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		r->changes |= EL_RTNL_ROUTES;
		break;
	case NLMSG_OVERRUN:
		r->changes |= EL_RTNL_LOST;
		break;
	default:
		break;
	}
	return 0;
}

unsigned rtnl_parse_changes(const void *buf, size_t len, struct rtnl_known *known)
{
	struct reading r = {.known = known};

	if (rtnl_each(buf, len, take_notification, &r) < 0)
		r.changes |= EL_RTNL_LOST;
	return r.changes;
}

/* ---- the socket ---- */

struct el_rtnl_watch {
	struct mnl_socket *socket;
	struct rtnl_known known;
	_Alignas(struct nlmsghdr) char buf[NOTIFICATION_BYTES];
};

static int join(struct mnl_socket *socket)
{
	static const int groups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
				     RTNLGRP_IPV6_RULE,  RTNLGRP_NEXTHOP};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
			return -errno;
	}
	return 0;
}

enum received { NOTHING, RECEIVED, UNREADABLE };

/* Reads one datagram; adds what it changes to `changes`. */
static enum received receive(struct el_rtnl_watch *w, unsigned *changes)
{
	struct sockaddr_nl from = {0};
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(mnl_socket_get_fd(w->socket), w->buf, sizeof(w->buf),
			     MSG_TRUNC | MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < 0 && errno == EAGAIN)
		return NOTHING;
	if (n < 0 || (size_t)n > sizeof(w->buf)) /* ENOBUFS: some are lost */
		return UNREADABLE;
	if (from.nl_pid == 0) /* the kernel */
		*changes |= rtnl_parse_changes(w->buf, (size_t)n, &w->known);
	return RECEIVED;
}

/* Has all objects of a kind told of, so that they are known. The kernel makes each part of a dump
 * as the one before it is read. Where that fails they count as changed when they are told of. */
static void learn(struct el_rtnl_watch *w, uint16_t type, size_t header_size)
{
	_Alignas(struct nlmsghdr) char buf[64];
	struct nlmsghdr *question = mnl_nlmsg_put_header(buf);
	enum received received = RECEIVED;
	unsigned ignored = 0;

	question->nlmsg_type = type;
	question->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(question, header_size); /* family 0: all */
	if (mnl_socket_sendto(w->socket, question, question->nlmsg_len) < 0)
		return;
	for (int i = 0; received == RECEIVED && i < PARTS_MAX; i++)
		received = receive(w, &ignored);
}

int el_rtnl_watch_open(struct el_rtnl_watch **ret, struct el_error *err)
{
	struct el_rtnl_watch *w = malloc(sizeof(*w));
	int size = RECEIVE_BUFFER_BYTES, error = -ENOMEM;

	if (w) {
		w->known = (struct rtnl_known){0};
		w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
		error = -errno;
	}
	if (w && w->socket) {
		int fd = mnl_socket_get_fd(w->socket);

		/* more than the host allows to everybody, where we may; what there is else */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		error = mnl_socket_bind(w->socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno
									      : join(w->socket);
	}
	if (error == 0) {
		learn(w, RTM_GETLINK, sizeof(struct ifinfomsg));
		learn(w, RTM_GETADDR, sizeof(struct ifaddrmsg));
	}
	if (error < 0) {
		el_rtnl_watch_close(w);
		return el_error_set(err, error, "the kernel's network can't be followed: %s",
				    strerror(-error));
	}
	*ret = w;
	return 0;
}

void el_rtnl_watch_close(struct el_rtnl_watch *w)
{
	if (!w)
		return;
	if (w->socket)
		mnl_socket_close(w->socket);
	rtnl_known_fini(&w->known);
	free(w);
}

int el_rtnl_watch_fd(const struct el_rtnl_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

unsigned el_rtnl_watch_read(struct el_rtnl_watch *w)
{
	enum received received = RECEIVED;
	unsigned changes = 0;

	for (int i = 0; received != NOTHING && i < NOTIFICATIONS_MAX; i++) {
		received = receive(w, &changes);
		if (received == UNREADABLE)
			changes |= EL_RTNL_LOST;
	}
	if (changes & EL_RTNL_LOST)
		rtnl_known_fini(&w->known);
	return changes;
}
