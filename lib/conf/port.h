/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"

/* The name that a port has by default: the interface of its device, else the device itself. NULL:
 * out of memory. */
char *conf_port_default_name(const char *device);

/* Whether router advertisements can be heard as the port says. 0, or -EINVAL with a sentence. */
int conf_port_check_advertised(const struct el_conf_port *port, struct el_error *err);

/* Whether `ip` can be a gateway or a route's next hop on this port. 0, or -EINVAL with a sentence.
 */
int conf_port_check_next_hop(const struct el_conf_port *port, const struct el_ip *ip,
			     struct el_error *err);
