/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame of messages, and attributes. Whatever contradicts itself is refused: libmnl's own walks
 * end without a word at the first message or attribute that is not whole. */
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define ERRNO_MAX 4095 /* of the kernel's (its MAX_ERRNO) */

/* ---- attributes ---- */

int rtnl_read_nested(const void *payload, size_t len, struct rtnl_attrs *ret)
{
	const struct nlattr *attr = payload;

	*ret = (struct rtnl_attrs){0};
	while (len >= sizeof(*attr) && attr->nla_len >= sizeof(*attr) && attr->nla_len <= len) {
		size_t aligned = MNL_ALIGN((size_t)attr->nla_len);
		uint16_t type = mnl_attr_get_type(attr);

		if (type < RTNL_ATTRS)
			ret->by_type[type] = attr;
		if (aligned >= len)
			return 0;
		len -= aligned;
		attr = (const struct nlattr *)(const void *)((const char *)attr + aligned);
	}
	return len == 0 ? 0 : -EBADMSG;
}

int rtnl_read_attrs(const struct nlmsghdr *message, size_t header_len, struct rtnl_attrs *ret)
{
	size_t len = mnl_nlmsg_get_payload_len(message);
	size_t aligned = MNL_ALIGN(header_len);

	if (len < header_len)
		return -EBADMSG;
	if (len <= aligned)
		return rtnl_read_nested(NULL, 0, ret);
	return rtnl_read_nested(mnl_nlmsg_get_payload_offset(message, aligned), len - aligned, ret);
}

uint8_t rtnl_family(uint8_t address_family)
{
	return address_family == AF_INET ? 4 : address_family == AF_INET6 ? 6 : 0;
}

int rtnl_read_ip(const struct nlattr *attr, uint8_t family, struct el_ip *ret_ip)
{
	*ret_ip = (struct el_ip){0};
	if (!attr)
		return 0;
	if (mnl_attr_get_payload_len(attr) != (family == 4 ? 4 : 16))
		return -EBADMSG;
	*ret_ip = el_ip_from_bytes(mnl_attr_get_payload(attr), family);
	return 0;
}

int rtnl_read_u32(const struct nlattr *attr, uint32_t otherwise, uint32_t *ret)
{
	if (attr && mnl_attr_get_payload_len(attr) != sizeof(*ret))
		return -EBADMSG;
	*ret = attr ? mnl_attr_get_u32(attr) : otherwise;
	return 0;
}

/* ---- messages ---- */

/* The last need not be filled up to what alignment asks for. */
int rtnl_each(const void *buf, size_t len, int (*each)(const struct nlmsghdr *message, void *data),
	      void *data)
{
	const struct nlmsghdr *m = buf;

	while (len >= sizeof(*m) && m->nlmsg_len >= sizeof(*m) && m->nlmsg_len <= len) {
		size_t aligned = MNL_ALIGN((size_t)m->nlmsg_len);
		int r = each(m, data);

		if (r < 0 || aligned >= len)
			return r;
		len -= aligned;
		m = (const struct nlmsghdr *)(const void *)((const char *)m + aligned);
	}
	return len == 0 ? 0 : -EBADMSG;
}

/* An answer, as far as it is read. */
struct answer {
	const struct rtnl_request *request;
	int (*object)(const struct nlmsghdr *message, void *data);
	void *data;
	bool ended; /* by NLMSG_DONE, or an acknowledgement */
};

/* The error that a message's payload begins with; 0 if there is none. */
static int read_error(const struct nlmsghdr *m)
{
	int error = 0;

	if (mnl_nlmsg_get_payload_len(m) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(m), sizeof(error));
	if (error > 0 || error < -ERRNO_MAX)
		return -EBADMSG;
	return error;
}

static int take_part(const struct nlmsghdr *m, void *data)
{
	struct answer *a = data;

	if (m->nlmsg_seq != a->request->sequence || m->nlmsg_pid != a->request->port_id || a->ended)
		return -EBADMSG;
	if (m->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	switch (m->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_ERROR:
		if (mnl_nlmsg_get_payload_len(m) < sizeof(int))
			return -EBADMSG;
		/* fall through */
	case NLMSG_DONE: /* with the error that a dump ended by, if any */
		a->ended = true;
		return read_error(m);
	default:
		return a->object(m, a->data);
	}
}

static int keep_only(const struct nlmsghdr *message, void *data)
{
	const struct nlmsghdr **only = data;

	if (*only)
		return -EBADMSG;
	*only = message;
	return 0;
}

int rtnl_find_answer(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct nlmsghdr **ret_message)
{
	const struct nlmsghdr *only = NULL;
	struct answer a = {.request = request, .object = keep_only, .data = &only};
	int r = rtnl_each(buf, len, take_part, &a);

	if (r == 0 && !only)
		r = -EBADMSG;
	if (r == 0)
		*ret_message = only;
	return r;
}

/* ---- addresses ---- */

struct dump {
	unsigned ifindex;
	struct rtnl_addresses *addresses;
};

static int add_address(const struct nlmsghdr *m, void *data)
{
	struct dump *d = data;
	struct el_rtnl_address address, *items;
	int r;

	if (m->nlmsg_type != RTM_NEWADDR)
		return -EBADMSG;
	r = rtnl_read_address(m, &address);
	if (r == -EAFNOSUPPORT || r == -ENODATA ||
	    (r == 0 && d->ifindex && address.ifindex != d->ifindex))
		return 0;
	if (r < 0)
		return r;
	items = realloc(d->addresses->items, (d->addresses->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	d->addresses->items = items;
	items[d->addresses->count++] = address;
	return 0;
}

int rtnl_parse_addresses(const void *buf, size_t len, const struct rtnl_request *request,
			 unsigned ifindex, struct rtnl_addresses *addresses)
{
	struct dump d = {.ifindex = ifindex, .addresses = addresses};
	struct answer a = {.request = request, .object = add_address, .data = &d};
	int r = rtnl_each(buf, len, take_part, &a);

	return r < 0 ? r : !a.ended;
}
