/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Messages of rtnetlink as bytes: what they say, without a kernel. Pure. */
#include "el_rtnl.h"

struct nlattr;
struct nlmsghdr;

/* Whose answer is awaited. */
struct rtnl_request {
	uint32_t sequence;
	uint32_t port_id; /* of our socket */
};

struct rtnl_addresses {
	struct el_rtnl_address *items;
	size_t count;
};

/* ---- answers: `len` bytes of messages, aligned as netlink's are ---- */

/* The answer to a question for one object. 0; the error that it tells of; -EBADMSG if it is
 * anything but whole, ours, and one object of that kind. */
int rtnl_parse_link(const void *buf, size_t len, const struct rtnl_request *request,
		    struct el_rtnl_link *ret_link);
int rtnl_parse_route(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct el_rtnl_query *q, struct el_rtnl_route *ret_route);
int rtnl_parse_match(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct el_rtnl_query *q, uint8_t *ret_len, uint32_t *ret_metric);

/* A part of a dump of addresses: those of `ifindex` (0: all) are added to `addresses`. 1: more are
 * to come; 0: its end was in it; negative as above, or -EINTR where the kernel's tables changed
 * meanwhile, or -ENOMEM: what was added before stays. */
int rtnl_parse_addresses(const void *buf, size_t len, const struct rtnl_request *request,
			 unsigned ifindex, struct rtnl_addresses *addresses);

/* ---- of which they are made ---- */

#define RTNL_ATTRS 80

/* Attributes by type; those of types that this does not know are left out. */
struct rtnl_attrs {
	const struct nlattr *by_type[RTNL_ATTRS];
};

/* The attributes of a message behind a header of `header_len` bytes, or those that fill `len`
 * bytes; of two of one type, the last. 0, or -EBADMSG if they are not whole. */
int rtnl_read_attrs(const struct nlmsghdr *message, size_t header_len, struct rtnl_attrs *ret);
int rtnl_read_nested(const void *payload, size_t len, struct rtnl_attrs *ret);

/* The address in an attribute, which may be missing: then it has no family. -EBADMSG if it is of
 * another length than the family's (4 or 6). */
int rtnl_read_ip(const struct nlattr *attr, uint8_t family, struct el_ip *ret_ip);
/* `otherwise` for what is missing. -EBADMSG if it is no 32-bit number. */
int rtnl_read_u32(const struct nlattr *attr, uint32_t otherwise, uint32_t *ret);
uint8_t rtnl_family(uint8_t address_family); /* 4 or 6, or 0 for another */

/* Hands each message of a buffer to `each`, until that returns a negative errno. 0, that errno, or
 * -EBADMSG where they are not whole. */
int rtnl_each(const void *buf, size_t len, int (*each)(const struct nlmsghdr *message, void *data),
	      void *data);

/* The one message of an answer. 0 or a negative errno, as of rtnl_parse_link. */
int rtnl_find_answer(const void *buf, size_t len, const struct rtnl_request *request,
		     const struct nlmsghdr **ret_message);

/* RTM_NEWLINK and RTM_DELLINK, RTM_NEWADDR and RTM_DELADDR. 0, or -EBADMSG; rtnl_read_address also
 * -EAFNOSUPPORT, where the address is neither IPv4 nor IPv6, and -ENODATA, where it has none. */
int rtnl_read_link(const struct nlmsghdr *message, struct el_rtnl_link *ret_link);
int rtnl_read_address(const struct nlmsghdr *message, struct el_rtnl_address *ret_address);
