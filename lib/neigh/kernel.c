/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's addresses and routes. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "el_rtnl.h"

#define REPLY_TIMEOUT_S 2
#define DUMP_TRIES 5
#define DUMP_BYTES 32768 /* what the kernel fills at once, at most */

/* ---- dumps ---- */

typedef int (*kernel_parse)(void *data, const void *buf, size_t len, unsigned port_id);

static int receive_dump(struct mnl_socket *socket, kernel_parse parse, void *data)
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
		r = parse(data, buf, (size_t)n, mnl_socket_get_portid(socket));
	} while (r > 0);
	return r;
}

/* Asks for all objects of `type` and hands what is received to `parse`. A socket each time: an
 * answer that is given up leaves nothing for the next. -EINTR: the kernel's tables changed
 * meanwhile. */
static int dump(uint16_t type, size_t header_size, kernel_parse parse, void *data)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r;

	if (!socket)
		return -errno;
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = KERNEL_SEQUENCE;
	mnl_nlmsg_put_extra_header(request, header_size); /* family 0: all */
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		r = -errno;
	else
		r = receive_dump(socket, parse, data);
	mnl_socket_close(socket);
	return r;
}

/* The address in an attribute, which may be missing: then it has no family. False if it is not
 * whole. */
static bool read_ip(const struct nlattr *attr, uint8_t family, struct el_ip *ret_ip)
{
	size_t size = family == AF_INET ? 4 : 16;

	*ret_ip = (struct el_ip){0};
	if (!attr)
		return true;
	if (mnl_attr_get_payload_len(attr) < size)
		return false;
	ret_ip->family = family == AF_INET ? 4 : 6;
	memcpy(ret_ip->bytes, mnl_attr_get_payload(attr), size);
	return true;
}

/* The same of a prefix. */
static bool read_prefix(const struct nlattr *attr, uint8_t family, uint8_t len,
			struct el_prefix *ret_prefix)
{
	ret_prefix->len = len;
	return len <= (family == AF_INET ? 32 : 128) && read_ip(attr, family, &ret_prefix->ip);
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

/* What a callback returns for the error `number`. */
static int fail(int number)
{
	errno = number;
	return MNL_CB_ERROR;
}

/* Whether messages fill a buffer, by the lengths that they tell of themselves; the last need not be
 * aligned. libmnl leaves out without a word what is not whole, and takes a length of 2^31 and more
 * for a negative one. */
static bool are_whole(const void *buf, size_t len)
{
	const struct nlmsghdr *m = buf;

	while (len >= sizeof(*m) && m->nlmsg_len >= sizeof(*m) && m->nlmsg_len <= len) {
		size_t aligned = NLMSG_ALIGN((size_t)m->nlmsg_len);

		if (aligned >= len)
			return true;
		len -= aligned;
		m = (const struct nlmsghdr *)(const void *)((const char *)m + aligned);
	}
	return len == 0;
}

/* Hands each message of a buffer to `each`; what kernel_parse_... return. */
static int run(mnl_cb_t each, void *data, const void *buf, size_t len, unsigned port_id)
{
	int r;

	if (!are_whole(buf, len))
		return -EBADMSG;
	r = mnl_cb_run(buf, len, KERNEL_SEQUENCE, port_id, each, data);

	if (r < 0)
		return errno > 0 ? -errno : -EPROTO; /* the message's own number, whatever it is */
	return r > MNL_CB_STOP;
}

/* ---- addresses ---- */

int el_kernel_addresses(unsigned ifindex, struct el_kernel_addresses *ret_addresses,
			struct el_error *err)
{
	struct el_kernel_addresses addresses = {0};
	struct el_rtnl_address *all = NULL;
	struct el_rtnl *rtnl;
	size_t n = 0;
	int r = el_rtnl_open(&rtnl, err);

	if (r < 0)
		return r;
	r = el_rtnl_addresses(rtnl, ifindex, &all, &n);
	el_rtnl_close(rtnl);
	if (r == -ENODEV) /* it is gone, and they with it */
		r = 0;
	if (r == 0)
		addresses.items = malloc((n + 1) * sizeof(*addresses.items));
	if (r == 0 && !addresses.items)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!all[i].tentative)
			addresses.items[addresses.count++] = all[i].prefix;
	free(all);
	if (r < 0)
		return el_error_set(err, r, "the kernel's addresses can't be read: %s",
				    strerror(-r));
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

/* What the readers of a route return: it is one of the interface's, it is none, or it contradicts
 * itself. */
enum verdict { OURS, OTHER, BROKEN };

/* The next hop of a multipath route that leaves by the interface: its gateway into `ret_via`. */
static enum verdict find_nexthop(const struct nlattr *multipath, unsigned ifindex, uint8_t family,
				 struct el_ip *ret_via)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);

	while (left >= sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		size_t aligned = NLMSG_ALIGN(nh->rtnh_len);

		if (nh->rtnh_ifindex == (int)ifindex && !(nh->rtnh_flags & RTNH_F_DEAD)) {
			struct attrs a = {0};

			mnl_attr_parse_payload(nh + 1, nh->rtnh_len - sizeof(*nh), take_attr, &a);
			if (a.by_type[RTA_VIA]) /* a gateway of another family */
				return OTHER;
			return read_ip(a.by_type[RTA_GATEWAY], family, ret_via) ? OURS : BROKEN;
		}
		if (aligned >= left)
			return OTHER;
		left -= aligned;
		nh = (const struct rtnexthop *)(const void *)((const char *)nh + aligned);
	}
	return BROKEN;
}

/* The gateway of a route that leaves by the interface. */
static enum verdict read_via(const struct kernel_route_dump *d, uint8_t family,
			     const struct attrs *a, struct el_ip *ret_via)
{
	if (a->by_type[RTA_MULTIPATH])
		return find_nexthop(a->by_type[RTA_MULTIPATH], d->ifindex, family, ret_via);
	if (u32_of(a->by_type[RTA_OIF], 0) != d->ifindex)
		return OTHER;
	return read_ip(a->by_type[RTA_GATEWAY], family, ret_via) ? OURS : BROKEN;
}

static enum verdict read_route(const struct kernel_route_dump *d, const struct rtmsg *rtm,
			       const struct attrs *a, struct el_route *ret_route)
{
	struct el_route route = {.port = d->port};
	enum verdict verdict;

	if (rtm->rtm_type != RTN_UNICAST || (rtm->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) ||
	    u32_of(a->by_type[RTA_TABLE], rtm->rtm_table) != RT_TABLE_MAIN ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || a->by_type[RTA_VIA])
		return OTHER;
	verdict = read_via(d, rtm->rtm_family, a, &route.via);
	if (verdict != OURS)
		return verdict;
	if (!read_prefix(a->by_type[RTA_DST], rtm->rtm_family, rtm->rtm_dst_len, &route.to) ||
	    !read_ip(a->by_type[RTA_PREFSRC], rtm->rtm_family, &route.source))
		return BROKEN;
	if (!route.to.ip.family && route.to.len) /* only the default route has no RTA_DST */
		return BROKEN;
	route.to.ip.family = rtm->rtm_family == AF_INET ? 4 : 6;
	route.metric = u32_of(a->by_type[RTA_PRIORITY], 0);
	if (!route.source.family)
		route.source = el_route_source(d->addresses->items, d->addresses->count,
					       &route.to.ip, &route.via);
	*ret_route = route;
	return OURS;
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	struct kernel_route_dump *d = data;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(message);
	enum verdict verdict;
	struct attrs a = {0};
	struct el_route route;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*rtm))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*rtm), take_attr, &a);
	verdict = read_route(d, rtm, &a, &route);
	if (verdict == BROKEN)
		return fail(EBADMSG);
	if (verdict == OURS && el_routes_add(d->routes, &route) < 0)
		return fail(ENOMEM);
	return MNL_CB_OK;
}

int kernel_parse_routes(void *dump, const void *buf, size_t len, unsigned port_id)
{
	return run(take_route, dump, buf, len, port_id);
}

int el_kernel_routes(unsigned ifindex, struct el_port_idx port, struct el_routes *routes,
		     struct el_error *err)
{
	struct el_kernel_addresses addresses = {0};
	struct kernel_route_dump d = {
	    .ifindex = ifindex, .port = port, .routes = routes, .addresses = &addresses};
	size_t before = routes->count;
	int r = el_kernel_addresses(ifindex, &addresses, err);

	if (r < 0)
		return r;
	r = -EINTR;
	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++) {
		routes->count = before;
		r = dump(RTM_GETROUTE, sizeof(struct rtmsg), kernel_parse_routes, &d);
	}
	free(addresses.items);
	if (r < 0) {
		routes->count = before;
		return el_error_set(err, r, "the kernel's routes can't be read: %s", strerror(-r));
	}
	return 0;
}
