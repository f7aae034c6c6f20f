/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes from an address that the kernel also connects from share its ports. A SYN of ours on the
 * ports of a connection that the host has to the same peer is answered for that connection, if at
 * all: the probe is lost, and the host's connection is delayed or, with old peers, at risk. */
#include "local_ports.h"

#include <stdio.h>
#include <stdlib.h>

#include "el_neigh.h"
#include "el_port.h"

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range" /* of IPv6, too */
#define RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RESERVED_MAX 16384

bool local_ports_overlap(uint16_t first, uint16_t last, uint16_t a, uint16_t z,
			 const char *reserved)
{
	uint32_t next = first > a ? first : a, end = last < z ? last : z;

	/* the kernel prints them in order */
	while (next <= end && *reserved >= '0' && *reserved <= '9') {
		char *rest;
		unsigned long from = strtoul(reserved, &rest, 10), to = from;

		if (*rest == '-')
			to = strtoul(rest + 1, &rest, 10);
		if (next < from)
			return true;
		if (next <= to)
			next = (uint32_t)to + 1;
		reserved = *rest == ',' ? rest + 1 : "";
	}
	return next <= end;
}

static bool read_range(uint16_t *ret_a, uint16_t *ret_z)
{
	FILE *f = fopen(RANGE_FILE, "re");
	bool good = f && fscanf(f, "%hu %hu", ret_a, ret_z) == 2;

	if (f)
		fclose(f);
	return good;
}

static void read_reserved(char *buf, size_t size)
{
	FILE *f = fopen(RESERVED_FILE, "re");

	buf[0] = '\0';
	if (f && !fgets(buf, (int)size, f))
		buf[0] = '\0';
	if (f)
		fclose(f);
}

/* The first address of `kernel` that a group probes from by a port: its own source of that family,
 * else the port's. NULL: none. */
static const struct el_ip *shared_address(const struct el_conf_group *group,
					  const struct el_conf_port *port,
					  const struct el_kernel_addresses *kernel,
					  const struct el_kernel_addresses *interface)
{
	for (size_t i = 0; i < kernel->count; i++) {
		const struct el_ip *ip = &kernel->items[i].ip;
		const struct el_ip *source = ip->family == 4 ? &group->src_ipv4 : &group->src_ipv6;
		const struct el_prefix *subnet =
		    ip->family == 4 ? &group->src_subnet_ipv4 : &group->src_subnet_ipv6;

		if (source->family || subnet->ip.family) {
			if (el_ip_equal(source, ip) || el_prefix_contains(subnet, ip))
				return ip;
			continue;
		}
		if (!port->n_addresses && el_kernel_owns(interface, ip))
			return ip;
		for (size_t k = 0; k < port->n_addresses; k++) {
			if (el_ip_equal(&port->addresses[k].ip, ip))
				return ip;
		}
	}
	return NULL;
}

static void check_port(const struct el_conf *conf, const struct el_conf_port *port,
		       const struct el_kernel_addresses *kernel, void (*warn)(const char *))
{
	struct el_kernel_addresses interface = {0};
	char name[IFNAMSIZ], reserved[RESERVED_MAX], text[EL_IP_STRLEN], sentence[512];
	struct el_device device;
	struct el_error err;
	unsigned ifindex;
	uint16_t a, z;

	if (el_device_parse(port->device, &device, &err) < 0 ||
	    !el_device_interface(&device, name) || (ifindex = if_nametoindex(name)) == 0 ||
	    !read_range(&a, &z) || el_kernel_addresses(ifindex, &interface, &err) < 0)
		return;
	read_reserved(reserved, sizeof(reserved));
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct el_conf_group *g = &conf->groups[i];
		const struct el_ip *ip = shared_address(g, port, kernel, &interface);

		if (!ip || !local_ports_overlap(g->src_port_a, g->src_port_z, a, z, reserved))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "group %s: source ports %u to %u are partly those that the kernel uses "
			 "for connections from %s on %s too (%u to %u): probes and connections to "
			 "the same peer may meet; take others, or reserve them with sysctl "
			 "net.ipv4.ip_local_reserved_ports=%u-%u",
			 g->name, g->src_port_a, g->src_port_z, el_ip_format(ip, text), name, a, z,
			 g->src_port_a, g->src_port_z);
		warn(sentence);
	}
	free(interface.items);
}

void local_ports_check(const struct el_conf *conf, void (*warn)(const char *sentence))
{
	struct el_kernel_addresses kernel;
	struct el_error err;

	if (!conf->dataplane.n_ports || el_kernel_addresses(0, &kernel, &err) < 0)
		return;
	for (size_t i = 0; i < conf->dataplane.n_ports; i++)
		check_port(conf, &conf->dataplane.ports[i], &kernel, warn);
	free(kernel.items);
}
