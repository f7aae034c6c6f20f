/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses a port has, and which its link leads to. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "port.h"
#include "scalar.h"

bool el_conf_port_on_link(const struct el_conf_port *port, const struct el_ip *ip)
{
	size_t hosts = 0, networks = 0;

	if (el_ip_is_link_local(ip))
		return true;
	for (size_t i = 0; i < port->n_addresses; i++) {
		const struct el_prefix *a = &port->addresses[i];

		if (a->ip.family != ip->family)
			continue;
		if (el_prefix_contains(a, ip))
			return true;
		if (el_prefix_is_range(a))
			networks++;
		else
			hosts++;
	}
	return hosts > 0 && networks == 0;
}

int conf_port_check_profile(const struct el_conf_port *port, struct el_error *err)
{
	char shown[160];

	if (!port->profile || !strchr(port->profile, '/'))
		return 0;
	conf_escape(port->profile, strlen(port->profile), 48, shown, sizeof(shown));
	return el_error_set(err, -EINVAL, "expected a name, without \"/\", got \"%s\"", shown);
}

int conf_check_host(const struct el_ip *ip, struct el_error *err)
{
	char text[EL_IP_STRLEN];

	if (el_ip_is_host(ip))
		return 0;
	return el_error_set(err, -EINVAL, "expected an address of a host, got %s",
			    el_ip_format(ip, text));
}

/* RFC 1122 section 3.2.1.3; RFC 3021 for the shortest networks. */
int conf_port_check_address(const struct el_conf_port *port, size_t i, struct el_error *err)
{
	const struct el_prefix *address = &port->addresses[i];
	const struct el_prefix network = el_prefix_network(address);
	char text[EL_IP_STRLEN], of[EL_IP_STRLEN + 4];
	uint32_t host;

	if (conf_check_host(&address->ip, err) < 0)
		return -EINVAL;
	el_ip_format(&address->ip, text);
	for (size_t k = 0; k < i; k++) {
		if (el_ip_equal(&port->addresses[k].ip, &address->ip))
			return el_error_set(err, -EINVAL, "the port has the address %s already",
					    text);
	}
	if (address->ip.family != 4 || address->len > 30)
		return 0;
	host = ntohl(el_ip_v4(&address->ip)) & UINT32_MAX >> address->len;
	if (host == 0 || host == UINT32_MAX >> address->len)
		return el_error_set(err, -EINVAL, "%s is the %s %s, and no host's", text,
				    host == 0 ? "address of its network," : "broadcast address of",
				    el_prefix_format(&network, of));
	return 0;
}

int conf_port_check_advertised(const struct el_conf_port *port, struct el_error *err)
{
	struct el_device device;
	char name[IFNAMSIZ];

	if (!port->accept_ra || port->n_addresses || !port->device ||
	    el_device_parse(port->device, &device, NULL) < 0 || !el_device_interface(&device, name))
		return 0;
	return el_error_set(
	    err, -EINVAL,
	    "the addresses and routes of interface %s are the kernel's, which hears "
	    "routers itself; with \"addresses\" of this port they are not",
	    name);
}

int conf_port_check_next_hop(const struct el_conf_port *port, const struct el_ip *ip,
			     struct el_error *err)
{
	char text[EL_IP_STRLEN], address[EL_IP_STRLEN];
	const struct el_prefix *same_family = NULL;

	for (size_t i = 0; i < port->n_addresses; i++) {
		const struct el_prefix *a = &port->addresses[i];

		if (a->ip.family != ip->family)
			continue;
		same_family = same_family ? same_family : a;
		if (el_ip_equal(&a->ip, ip))
			return el_error_set(err, -EINVAL, "%s is an address of this port itself",
					    el_ip_format(ip, text));
	}
	if (!ip->family || el_conf_port_on_link(port, ip))
		return 0;
	if (!port->n_addresses)
		return el_error_set(err, -EINVAL,
				    "%s needs addresses of this port beside it; without any, the "
				    "kernel's addresses and routes are used",
				    el_ip_format(ip, text));
	if (!same_family)
		return el_error_set(err, -EINVAL,
				    "%s can't be reached: this port has no IPv%u address",
				    el_ip_format(ip, text), ip->family);
	return el_error_set(
	    err, -EINVAL,
	    "%s is in no network of this port's addresses (%s%s): expected an address on "
	    "its link",
	    el_ip_format(ip, text), el_prefix_format(same_family, address),
	    port->n_addresses > 1 ? ", ..." : "");
}
