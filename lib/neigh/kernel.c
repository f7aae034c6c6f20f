/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's addresses and routes: rtnetlink dumps. */
#include "el_neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define REPLY_TIMEOUT_S 2
#define DUMP_TRIES 5
#define DUMP_BYTES 32768 /* what the kernel fills at once, at most */
#define SEQUENCE 1

/* ---- dumps ---- */

static int receive_dump(struct mnl_socket *socket, mnl_cb_t each, void *data)
{
	static const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_S};
	char buf[DUMP_BYTES];
	int r;

	if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(socket, buf, sizeof(buf));

		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = mnl_cb_run(buf, (size_t)n, SEQUENCE, mnl_socket_get_portid(socket), each, data);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

/* Asks for all objects of `type` and hands each to `each`. A socket each time: an answer that is
 * given up leaves nothing for the next. -EINTR: the kernel's tables changed meanwhile. */
static int dump(uint16_t type, size_t header_size, mnl_cb_t each, void *data)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r;

	if (!socket)
		return -errno;
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = SEQUENCE;
	mnl_nlmsg_put_extra_header(request, header_size); /* family 0: all */
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		r = -errno;
	else
		r = receive_dump(socket, each, data);
	mnl_socket_close(socket);
	return r;
}

static struct el_ip ip_of(const struct nlattr *attr, uint8_t family)
{
	struct el_ip ip = {0};
	size_t size = family == AF_INET ? 4 : 16;

	if (!attr || mnl_attr_get_payload_len(attr) < size)
		return ip;
	ip.family = family == AF_INET ? 4 : 6;
	memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
	return ip;
}

static uint32_t u32_of(const struct nlattr *attr, uint32_t otherwise)
{
	return attr && mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : otherwise;
}

/* Attributes by type, those past `max` left out. */
struct attrs {
	const struct nlattr *by_type[RTA_MAX + 1];
};

static int take_attr(const struct nlattr *attr, void *data)
{
	struct attrs *a = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= RTA_MAX)
		a->by_type[type] = attr;
	return MNL_CB_OK;
}

/* ---- addresses ---- */

struct address_dump {
	unsigned ifindex;
	struct el_kernel_addresses *addresses;
};

static int take_address(const struct nlmsghdr *message, void *data)
{
	struct address_dump *d = data;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(message);
	struct attrs a = {0};
	struct el_prefix prefix, *items;
	uint32_t flags;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) ||
	    (d->ifindex && ifa->ifa_index != d->ifindex))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*ifa), take_attr, &a);
	flags = u32_of(a.by_type[IFA_FLAGS], ifa->ifa_flags);
	if (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		return MNL_CB_OK;
	/* IFA_ADDRESS is the other end's on a point-to-point link; IFA_LOCAL is always ours, where
	 * it is given */
	prefix.ip = ip_of(a.by_type[IFA_LOCAL] ? a.by_type[IFA_LOCAL] : a.by_type[IFA_ADDRESS],
			  ifa->ifa_family);
	prefix.len = ifa->ifa_prefixlen;
	if (!prefix.ip.family)
		return MNL_CB_OK;
	items = realloc(d->addresses->items, (d->addresses->count + 1) * sizeof(*items));
	if (!items) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	d->addresses->items = items;
	items[d->addresses->count++] = prefix;
	return MNL_CB_OK;
}

int el_kernel_addresses(unsigned ifindex, struct el_kernel_addresses *ret_addresses,
			struct el_error *err)
{
	struct el_kernel_addresses addresses = {0};
	struct address_dump d = {.ifindex = ifindex, .addresses = &addresses};
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		addresses.count = 0;
		r = dump(RTM_GETADDR, sizeof(struct ifaddrmsg), take_address, &d);
	}
	if (r < 0) {
		free(addresses.items);
		return el_error_set(err, r, "the kernel's addresses can't be read: %s",
				    strerror(-r));
	}
	*ret_addresses = addresses;
	return 0;
}

bool el_kernel_owns(const struct el_kernel_addresses *addresses, const struct el_ip *ip)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (el_ip_equal(&addresses->items[i].ip, ip))
			return true;
	return false;
}

/* ---- routes ---- */

struct route_dump {
	unsigned ifindex;
	struct el_port_idx port;
	struct el_routes *routes;
	const struct el_kernel_addresses *addresses;
};

/* The next hop of a multipath route that leaves by the interface: its gateway into `ret_via`. */
static bool find_nexthop(const struct nlattr *multipath, unsigned ifindex, uint8_t family,
			 struct el_ip *ret_via)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);

	while (left >= sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		size_t aligned = NLMSG_ALIGN(nh->rtnh_len);

		if (nh->rtnh_ifindex == (int)ifindex && !(nh->rtnh_flags & RTNH_F_DEAD)) {
			struct attrs a = {0};

			mnl_attr_parse_payload(nh + 1, nh->rtnh_len - sizeof(*nh), take_attr, &a);
			*ret_via = ip_of(a.by_type[RTA_GATEWAY], family);
			return !a.by_type[RTA_VIA]; /* a gateway of another family */
		}
		if (aligned >= left)
			break;
		left -= aligned;
		nh = (const struct rtnexthop *)(const void *)((const char *)nh + aligned);
	}
	return false;
}

/* Into `ret_route` if it is one of the interface's. */
static bool read_route(const struct route_dump *d, const struct rtmsg *rtm, const struct attrs *a,
		       struct el_route *ret_route)
{
	struct el_route route = {.port = d->port};

	if (rtm->rtm_type != RTN_UNICAST || (rtm->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) ||
	    u32_of(a->by_type[RTA_TABLE], rtm->rtm_table) != RT_TABLE_MAIN ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || a->by_type[RTA_VIA])
		return false;
	if (a->by_type[RTA_MULTIPATH]) {
		if (!find_nexthop(a->by_type[RTA_MULTIPATH], d->ifindex, rtm->rtm_family,
				  &route.via))
			return false;
	} else if (u32_of(a->by_type[RTA_OIF], 0) != d->ifindex) {
		return false;
	} else {
		route.via = ip_of(a->by_type[RTA_GATEWAY], rtm->rtm_family);
	}
	route.to.ip = ip_of(a->by_type[RTA_DST], rtm->rtm_family);
	route.to.ip.family =
	    rtm->rtm_family == AF_INET ? 4 : 6; /* the default route has no RTA_DST */
	route.to.len = rtm->rtm_dst_len;
	route.metric = u32_of(a->by_type[RTA_PRIORITY], 0);
	route.source = ip_of(a->by_type[RTA_PREFSRC], rtm->rtm_family);
	if (!route.source.family)
		route.source = el_route_source(d->addresses->items, d->addresses->count,
					       &route.to.ip, &route.via);
	*ret_route = route;
	return true;
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	struct route_dump *d = data;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(message);
	struct attrs a = {0};
	struct el_route route;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*rtm))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*rtm), take_attr, &a);
	if (!read_route(d, rtm, &a, &route))
		return MNL_CB_OK;
	if (el_routes_add(d->routes, &route) < 0) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

int el_kernel_routes(unsigned ifindex, struct el_port_idx port, struct el_routes *routes,
		     struct el_error *err)
{
	struct el_kernel_addresses addresses = {0};
	struct route_dump d = {
	    .ifindex = ifindex, .port = port, .routes = routes, .addresses = &addresses};
	size_t before = routes->count;
	int r = el_kernel_addresses(ifindex, &addresses, err);

	if (r < 0)
		return r;
	r = -EINTR;
	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		routes->count = before;
		r = dump(RTM_GETROUTE, sizeof(struct rtmsg), take_route, &d);
	}
	free(addresses.items);
	if (r < 0) {
		routes->count = before;
		return el_error_set(err, r, "the kernel's routes can't be read: %s", strerror(-r));
	}
	return 0;
}
