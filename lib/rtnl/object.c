/* SPDX-License-Identifier: BSD-3-Clause */
/* Links and addresses, as one message tells of one. */
#include "message.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* Of older kernels the structure is shorter: but for newer members, which nobody reads here. */
static int read_drops(const struct nlattr *attr, uint64_t *ret_drops)
{
	struct rtnl_link_stats64 stats;
	size_t needed = offsetof(struct rtnl_link_stats64, tx_aborted_errors);
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (len < needed)
		return -EBADMSG;
	memcpy(&stats, mnl_attr_get_payload(attr), needed);
	*ret_drops = stats.rx_dropped + stats.rx_missed_errors + stats.tx_dropped;
	return 0;
}

static int read_name(const struct nlattr *attr, char ret_name[IFNAMSIZ])
{
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;
	const char *name = attr ? mnl_attr_get_payload(attr) : NULL;

	if (len == 0 || strnlen(name, len) == 0 || strnlen(name, len) >= IFNAMSIZ)
		return -EBADMSG;
	memset(ret_name, 0, IFNAMSIZ);
	memcpy(ret_name, name, strnlen(name, len));
	return 0;
}

int rtnl_read_link(const struct nlmsghdr *message, struct el_rtnl_link *ret_link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(message);
	struct el_rtnl_link link = {0};
	const struct nlattr *mac;
	struct rtnl_attrs a;
	int r = rtnl_read_attrs(message, sizeof(*ifi), &a);

	if (r == 0)
		r = read_name(a.by_type[IFLA_IFNAME], link.name);
	if (r == 0)
		r = rtnl_read_u32(a.by_type[IFLA_MTU], 0, &link.mtu);
	if (r == 0)
		r = rtnl_read_u32(a.by_type[IFLA_MASTER], 0, &link.master);
	if (r == 0)
		r = read_drops(a.by_type[IFLA_STATS64], &link.dropped);
	if (r < 0 || ifi->ifi_index <= 0)
		return -EBADMSG;
	link.ifindex = (unsigned)ifi->ifi_index;
	link.type = ifi->ifi_type;
	link.enabled = ifi->ifi_flags & IFF_UP;
	link.up = link.enabled && (ifi->ifi_flags & IFF_RUNNING);
	mac = a.by_type[IFLA_ADDRESS];
	if (mac && mnl_attr_get_payload_len(mac) == sizeof(link.mac))
		memcpy(link.mac, mnl_attr_get_payload(mac), sizeof(link.mac));
	*ret_link = link;
	return 0;
}

int rtnl_read_address(const struct nlmsghdr *message, struct el_rtnl_address *ret_address)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(message);
	struct el_rtnl_address address = {0};
	const struct nlattr *own;
	struct rtnl_attrs a;
	uint32_t flags;
	uint8_t family;
	int r = rtnl_read_attrs(message, sizeof(*ifa), &a);

	if (r < 0)
		return r;
	family = rtnl_family(ifa->ifa_family);
	if (!family)
		return -EAFNOSUPPORT;
	/* IFA_ADDRESS is the other end's on a point-to-point link; IFA_LOCAL is always ours, where
	 * it is given */
	own = a.by_type[a.by_type[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS];
	r = rtnl_read_ip(own, family, &address.prefix.ip);
	if (r == 0)
		r = rtnl_read_u32(a.by_type[IFA_FLAGS], ifa->ifa_flags, &flags);
	if (r < 0 || ifa->ifa_prefixlen > (family == 4 ? 32 : 128) || ifa->ifa_index == 0)
		return -EBADMSG;
	if (!own)
		return -ENODATA;
	address.prefix.len = ifa->ifa_prefixlen;
	address.ifindex = ifa->ifa_index;
	address.deprecated = flags & IFA_F_DEPRECATED;
	address.tentative = flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
	*ret_address = address;
	return 0;
}

int rtnl_parse_link(const void *buf, size_t len, const struct rtnl_request *request,
		    struct el_rtnl_link *ret_link)
{
	const struct nlmsghdr *m;
	int r = rtnl_find_answer(buf, len, request, &m);

	if (r < 0)
		return r;
	return m->nlmsg_type == RTM_NEWLINK ? rtnl_read_link(m, ret_link) : -EBADMSG;
}
