/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Dumps of rtnetlink as bytes: what the kernel's answers say, without a kernel. */
#include "el_neigh.h"

#define KERNEL_SEQUENCE 1 /* of each request, and so of its answers */

/* The routes that leave by interface `ifindex` are added to `routes`, as those of `port`;
 * `addresses` are the interface's own, of which those that name no source get one. */
struct kernel_route_dump {
	unsigned ifindex;
	struct el_port_idx port;
	struct el_routes *routes;
	const struct el_kernel_addresses *addresses;
};

/* Read `len` bytes of messages, aligned as netlink's are, to the socket `port_id`; `dump` is the
 * above. 1: more are to come; 0: the dump's end was among them; or a negative errno, that of
 * the kernel's error message or -EINTR where it was interrupted, included. What was added before an
 * error stays. Pure. */
int kernel_parse_routes(void *dump, const void *buf, size_t len, unsigned port_id);
