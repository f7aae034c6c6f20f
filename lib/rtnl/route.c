/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers about routes. */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "message.h"

/* An answer with its attributes. */
struct route {
	const struct rtmsg *rtm;
	uint8_t family;
	struct rtnl_attrs attrs;
};

/* Why a route of that type takes a packet to no other host; 0: it does. */
static int type_error(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return 0;
	case RTN_LOCAL:
		return -EADDRINUSE;
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return -EDESTADDRREQ;
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_THROW:
		return -ENETUNREACH;
	default:
		return -EBADMSG;
	}
}

/* Reads an answer up to what makes it a way at all. */
static int read_route(const void *buf, size_t len, const struct rtnl_request *request,
		      const struct el_rtnl_query *q, struct route *ret_route)
{
	const struct nlmsghdr *m;
	int r = rtnl_find_answer(buf, len, request, &m);

	if (r < 0)
		return r;
	if (m->nlmsg_type != RTM_NEWROUTE)
		return -EBADMSG;
	ret_route->rtm = mnl_nlmsg_get_payload(m);
	r = rtnl_read_attrs(m, sizeof(*ret_route->rtm), &ret_route->attrs);
	if (r < 0)
		return r;
	ret_route->family = rtnl_family(ret_route->rtm->rtm_family);
	if (ret_route->family != q->to.family)
		return -EBADMSG;
	r = type_error(ret_route->rtm->rtm_type);
	if (r == 0 &&
	    (ret_route->attrs.by_type[RTA_ENCAP] || ret_route->attrs.by_type[RTA_ENCAP_TYPE]))
		r = -EPROTONOSUPPORT;
	return r;
}

/* A gateway of the other family: its address family, then its address. */
static int read_via(const struct nlattr *attr, struct el_ip *ret_via)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	uint8_t family;

	if (len < sizeof(*via))
		return -EBADMSG;
	family = via->rtvia_family == AF_INET ? 4 : via->rtvia_family == AF_INET6 ? 6 : 0;
	if (!family || len - sizeof(*via) != (family == 4 ? 4 : 16))
		return -EBADMSG;
	*ret_via = el_ip_from_bytes(via->rtvia_addr, family);
	return 0;
}

static int read_gateway(const struct route *route, struct el_ip *ret_via)
{
	const struct nlattr *via = route->attrs.by_type[RTA_VIA];

	if (via)
		return route->attrs.by_type[RTA_GATEWAY] ? -EBADMSG : read_via(via, ret_via);
	return rtnl_read_ip(route->attrs.by_type[RTA_GATEWAY], route->family, ret_via);
}

static int read_mtu(const struct nlattr *metrics, uint32_t *ret_mtu)
{
	struct rtnl_attrs a;
	int r;

	*ret_mtu = 0;
	if (!metrics)
		return 0;
	r = rtnl_read_nested(mnl_attr_get_payload(metrics), mnl_attr_get_payload_len(metrics), &a);
	return r < 0 ? r : rtnl_read_u32(a.by_type[RTAX_MTU], 0, ret_mtu);
}

/* The kernel's assumption that what no route leads to is on the link is of no table. */
static int check_table(const struct route *route)
{
	uint32_t table;
	int r = rtnl_read_u32(route->attrs.by_type[RTA_TABLE], route->rtm->rtm_table, &table);

	if (r < 0)
		return r;
	return table == RT_TABLE_UNSPEC ? -ENETUNREACH : 0;
}

int rtnl_parse_route(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct el_rtnl_query *q, struct el_rtnl_route *ret_route)
{
	struct el_rtnl_route found = {0};
	struct route route;
	struct el_ip to;
	int r = read_route(buf, len, request, q, &route);

	if (r == 0)
		r = rtnl_read_ip(route.attrs.by_type[RTA_DST], route.family, &to);
	if (r == 0 && !el_ip_equal(&to, &q->to)) /* an answer to another question */
		r = -EBADMSG;
	if (r == 0)
		r = check_table(&route);
	if (r == 0)
		r = rtnl_read_u32(route.attrs.by_type[RTA_OIF], 0, &found.oif);
	if (r == 0)
		r = read_gateway(&route, &found.via);
	if (r == 0)
		r = rtnl_read_ip(route.attrs.by_type[RTA_PREFSRC], route.family, &found.source);
	if (r == 0)
		r = read_mtu(route.attrs.by_type[RTA_METRICS], &found.mtu);
	if (r < 0)
		return r;
	if (!found.oif)
		return -EBADMSG;
	if (q->oif && found.oif != q->oif)
		return -EXDEV;
	if (q->from.family)
		found.source = q->from;
	*ret_route = found;
	return 0;
}

/* Whether one of the next hops of a multipath route leaves by the interface. -EBADMSG where they
 * are not whole, -EXDEV: none does. */
static int find_nexthop(const struct nlattr *multipath, unsigned ifindex)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	int r = -EXDEV;

	while (left >= sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		size_t aligned = MNL_ALIGN((size_t)nh->rtnh_len);

		if (nh->rtnh_ifindex == (int)ifindex)
			r = 0;
		if (aligned >= left)
			return r;
		left -= aligned;
		nh = (const struct rtnexthop *)(const void *)((const char *)nh + aligned);
	}
	return left == 0 ? r : -EBADMSG;
}

/* A next-hop object may be all that is told of where it leads (nexthop_compat_mode 0). */
static int check_oif(const struct route *route, unsigned asked)
{
	const struct nlattr *multipath = route->attrs.by_type[RTA_MULTIPATH];
	uint32_t oif;
	int r = rtnl_read_u32(route->attrs.by_type[RTA_OIF], 0, &oif);

	if (r == 0 && !oif && !multipath && !route->attrs.by_type[RTA_NH_ID])
		r = -EBADMSG;
	if (r < 0 || !asked)
		return r;
	if (multipath)
		return find_nexthop(multipath, asked);
	return oif && oif != asked ? -EXDEV : 0;
}

int rtnl_parse_match(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct el_rtnl_query *q, uint8_t *ret_len, uint32_t *ret_metric)
{
	struct el_prefix to;
	struct route route;
	uint32_t metric;
	int r = read_route(buf, len, request, q, &route);

	if (r == 0)
		r = rtnl_read_ip(route.attrs.by_type[RTA_DST], route.family, &to.ip);
	if (r == 0)
		r = rtnl_read_u32(route.attrs.by_type[RTA_PRIORITY], 0, &metric);
	if (r == 0)
		r = check_oif(&route, q->oif);
	if (r < 0)
		return r;
	to.len = route.rtm->rtm_dst_len;
	/* only a default route has no RTA_DST */
	if (to.len > (route.family == 4 ? 32 : 128) || (to.len && !to.ip.family) ||
	    (to.ip.family && !el_prefix_contains(&to, &q->to)))
		return -EBADMSG;
	*ret_len = to.len;
	*ret_metric = metric;
	return 0;
}
