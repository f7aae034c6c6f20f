/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"

/* Why a port can't have an outer VLAN alone. */
#define CONF_OUTER_ALONE "expected a \"vlan\" above 0 beside it, for the tag inside"

/* The name that a device has by default: the interface of its device, else the device itself. NULL:
 * out of memory. */
char *conf_port_default_name(const char *device);

/* Whether router advertisements can be heard as the port says. 0, or -EINVAL with a sentence. */
int conf_port_check_advertised(const struct el_conf_port *port, struct el_error *err);

/* Whether a port's profile is one of the folder of profiles, which only root can change, and no
 * file elsewhere. 0, or -EINVAL with a sentence. */
int conf_port_check_profile(const struct el_conf_port *port, struct el_error *err);

/* Whether an address can be one of a host. 0, or -EINVAL with a sentence. */
int conf_check_host(const struct el_ip *ip, struct el_error *err);

/* Whether address i of a port can be one of the prober's, and is none of those before it. 0, or
 * -EINVAL with a sentence. */
int conf_port_check_address(const struct el_conf_port *port, size_t i, struct el_error *err);

/* Whether `ip` can be a gateway or a route's next hop on this port. 0, or -EINVAL with a sentence.
 */
int conf_port_check_next_hop(const struct el_conf_port *port, const struct el_ip *ip,
			     struct el_error *err);

/* The one of `n` ports that has the device and the tags of `port`; n: none. */
size_t conf_link_find(const struct el_conf_port *ports, size_t n, const struct el_conf_port *port);

/* The name that a port has by default behind `n` others: where one of these has its device, with
 * the numbers of its VLANs ("eth1.7.100", "eth1.0" untagged). NULL: out of memory. */
char *conf_link_default_name(const struct el_conf_port *ports, size_t n,
			     const struct el_conf_port *port);

/* Whether `port` can stand at `place` among `n` ports, as far as others of these have its device.
 * 0, or -EINVAL with a sentence and the key that it is about (NULL: the port itself). */
int conf_link_check(const struct el_conf_port *ports, size_t n, size_t place,
		    const struct el_conf_port *port, const char **ret_key, struct el_error *err);
