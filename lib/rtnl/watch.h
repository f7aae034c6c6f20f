/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What notifications change. Pure. */
#include "message.h"

/* Links and addresses as they were told of last. What is not known yet counts as changed when it
 * is told of. */
struct rtnl_known {
	struct el_rtnl_link *links;
	size_t n_links;
	struct rtnl_addresses addresses;
};

void rtnl_known_fini(struct rtnl_known *known);

/* What `len` bytes of notifications, aligned as netlink's are, change: a set of el_rtnl_change. */
unsigned rtnl_parse_changes(const void *buf, size_t len, struct rtnl_known *known);
