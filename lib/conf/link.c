/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports that have one device: each is a link of its own, by its VLAN. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool have_one_device(const struct el_conf_port *a, const struct el_conf_port *b)
{
	struct el_device x, y;

	return a->device && b->device && el_device_parse(a->device, &x, NULL) == 0 &&
	       el_device_parse(b->device, &y, NULL) == 0 && x.kind == y.kind &&
	       strcmp(x.name, y.name) == 0 &&
	       (x.kind != EL_DEVICE_NAMED || strcmp(x.driver, y.driver) == 0);
}

size_t el_conf_port_first(const struct el_conf_port *ports, size_t i)
{
	size_t first = 0;

	while (first < i && !have_one_device(&ports[first], &ports[i]))
		first++;
	return first;
}

bool el_conf_port_follows(const struct el_conf_port *ports, size_t n, size_t i)
{
	bool alone = true;

	for (size_t k = 0; k < n; k++)
		alone &= k == i || !have_one_device(&ports[k], &ports[i]);
	return !ports[i].n_addresses && (alone || !el_conf_port_vlan(&ports[i]));
}

size_t conf_link_find(const struct el_conf_port *ports, size_t n, const struct el_conf_port *port)
{
	size_t i = 0;

	while (i < n && (el_conf_port_vlan(&ports[i]) != el_conf_port_vlan(port) ||
			 !have_one_device(&ports[i], port)))
		i++;
	return i;
}

char *conf_link_default_name(const struct el_conf_port *ports, size_t n,
			     const struct el_conf_port *port)
{
	char *base = conf_port_default_name(port->device), *name = NULL;
	size_t first = 0;

	while (first < n && !have_one_device(&ports[first], port))
		first++;
	if (!base || first == n)
		return base;
	if (port->outer_vlan ? asprintf(&name, "%s.%u.%u", base, port->outer_vlan, port->vlan) < 0
			     : asprintf(&name, "%s.%u", base, port->vlan) < 0)
		name = NULL;
	free(base);
	return name;
}

int conf_link_check(const struct el_conf_port *ports, size_t n, size_t place,
		    const struct el_conf_port *port, const char **ret_key, struct el_error *err)
{
	struct el_device here, there;

	for (size_t i = 0; i < n; i++) {
		const struct el_conf_port *other = &ports[i];

		if (i == place || !have_one_device(other, port))
			continue;
		el_device_parse(port->device, &here, NULL);
		el_device_parse(other->device, &there, NULL);
		*ret_key = NULL;
		if (el_conf_port_vlan(other) == el_conf_port_vlan(port))
			return el_error_set(err, -EINVAL,
					    "ports[%zu], \"%s\", has the same device and VLAN: "
					    "another \"vlan\" or \"outer_vlan\" is needed",
					    i, other->name);
		*ret_key = strcmp(here.args, there.args) != 0          ? "device"
			   : !same_text(other->profile, port->profile) ? "profile"
			   : other->checksum != port->checksum         ? "checksum"
								       : NULL;
		if (*ret_key)
			return el_error_set(
			    err, -EINVAL,
			    "ports[%zu], \"%s\", has the same device, and something "
			    "else here: it has to be the same for all of its ports",
			    i, other->name);
	}
	return 0;
}
