/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes from an address that the kernel also connects from share its ports. A SYN of ours on the
 * ports of a connection that the host has to the same peer is answered for that connection, if at
 * all: the probe is lost, and the host's connection is delayed or, with old peers, at risk.
 *
 * A packet socket sees a copy of each frame, and the kernel gets it as before. An XDP program that
 * hands frames to its socket takes them: nothing that comes in on those queues reaches the kernel
 * any more, the sessions of whoever started this among it. So does a NIC that DPDK shares with the
 * kernel, with what comes in for the interface's MAC address. */
#include "shared_interface.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_neigh.h"
#include "el_pci.h"
#include "el_port.h"

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range" /* of IPv6, too */
#define RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RESERVED_MAX 16384

bool shared_interface_ports_overlap(uint16_t first, uint16_t last, uint16_t a, uint16_t z,
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

/* A port on an interface of this host. */
struct shared {
	const struct el_conf_port *port;
	const char *interface;
	const char *taker; /* of what comes in, so that the kernel does not get it; NULL: none */
	struct el_kernel_addresses addresses; /* that the kernel has on it */
};

static void check_ports(const struct el_conf *conf, const struct shared *s,
			const struct el_kernel_addresses *kernel,
			void (*warn)(const char *sentence))
{
	char reserved[RESERVED_MAX], text[EL_IP_STRLEN], sentence[512];
	uint16_t a, z;

	if (!read_range(&a, &z))
		return;
	read_reserved(reserved, sizeof(reserved));
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct el_conf_group *g = &conf->groups[i];
		const struct el_ip *ip = g->port && strcmp(g->port, s->port->name) != 0
					     ? NULL
					     : shared_address(g, s->port, kernel, &s->addresses);

		if (!ip ||
		    !shared_interface_ports_overlap(g->src_port_a, g->src_port_z, a, z, reserved))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "group %s: source ports %u to %u are partly those that the kernel uses "
			 "for connections from %s on %s too (%u to %u): probes and connections to "
			 "the same peer may meet; take others, or reserve them with sysctl "
			 "net.ipv4.ip_local_reserved_ports=%u-%u",
			 g->name, g->src_port_a, g->src_port_z, el_ip_format(ip, text),
			 s->interface, a, z, g->src_port_a, g->src_port_z);
		warn(sentence);
	}
}

static void check_frames(const struct shared *s, void (*warn)(const char *sentence))
{
	char text[EL_IP_STRLEN], sentence[512];

	for (size_t i = 0; i < s->addresses.count; i++) {
		const struct el_ip *ip = &s->addresses.items[i].ip;

		if (el_ip_is_link_local(ip))
			continue;
		snprintf(
		    sentence, sizeof(sentence),
		    "port %s: %s takes what comes in on %s from the kernel, which has %s "
		    "there: "
		    "the host's own connections over it break; use af_packet:%s, or an interface "
		    "that the host does not use",
		    s->port->name, s->taker, s->interface, el_ip_format(ip, text), s->interface);
		warn(sentence);
		return;
	}
}

/* The kernel's interface that a device is on, and what takes frames from it. */
static bool find_interface(const struct el_device *device, char name[IFNAMSIZ], struct shared *s)
{
	struct el_pci pci;

	if (device->kind != EL_DEVICE_PCI) {
		s->taker = strstr(device->driver, "af_xdp") ? "af_xdp" : NULL;
		return el_device_interface(device, name);
	}
	if (el_pci_read("/sys", device->name, &pci) < 0 ||
	    el_pci_use(pci.driver) != EL_PCI_BIFURCATED || !pci.interface[0])
		return false;
	s->taker = "DPDK's driver";
	memcpy(name, pci.interface, IFNAMSIZ);
	return true;
}

void shared_interface_check(const struct el_conf *conf, bool frames,
			    void (*warn)(const char *sentence))
{
	struct el_kernel_addresses kernel = {0};
	struct el_error err;

	if (!conf->dataplane.n_ports || el_kernel_addresses(0, &kernel, &err) < 0)
		return;
	for (size_t i = 0; i < conf->dataplane.n_ports; i++) {
		char name[IFNAMSIZ];
		struct shared s = {.port = &conf->dataplane.ports[i], .interface = name};
		struct el_device device;
		unsigned ifindex;

		if (el_device_parse(s.port->device, &device, &err) < 0 ||
		    !find_interface(&device, name, &s) || (ifindex = if_nametoindex(name)) == 0 ||
		    el_kernel_addresses(ifindex, &s.addresses, &err) < 0)
			continue;
		check_ports(conf, &s, &kernel, warn);
		if (frames && s.taker && el_conf_port_first(conf->dataplane.ports, i) == i)
			check_frames(&s, warn);
		free(s.addresses.items);
	}
	free(kernel.items);
}
