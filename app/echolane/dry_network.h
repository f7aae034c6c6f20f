/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the ports of a configuration could reach from this machine as it is now, without opening
 * any: addresses and routes from the configuration, or where a port has none there, from the
 * kernel. */
#include "el_conf.h"
#include "el_plan.h"

struct dry_network;

/* Looks at all ports of `conf`, which has at least one and must outlive it; `warn` is told of what
 * would keep a port from carrying anything. 0; or -errno with a sentence: a route of the
 * configuration that can't be, no memory, a kernel that gives no answer. */
int dry_network_create(const struct el_conf *conf, void (*warn)(void *ctx, const char *sentence),
		       void *warn_ctx, struct dry_network **ret, struct el_error *err);
void dry_network_destroy(struct dry_network *n); /* NULL is fine */

/* The prober's addresses: those of the ports and the groups' source addresses, but not their
 * subnets. */
const struct el_ip *dry_network_addresses(const struct dry_network *n, size_t *ret_count);

/* el_plan_input.route, with a dry_network as context. Where a port is nothing that this machine has
 * and has no address, either, what no other port reaches is taken to be reached by it: what it
 * would do can't be known here. */
struct el_plan_route dry_network_route(void *dry_network, const struct el_model_target *target,
				       const struct el_model_group *group,
				       const struct el_ip *destination);
