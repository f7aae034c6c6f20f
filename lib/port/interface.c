/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces of the Linux kernel: what is known before DPDK is asked, and what its packet sockets
 * dropped. */
#include "port_private.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

/* ---- by name ---- */

static int no_interface(const char *name, struct el_error *err)
{
	struct if_nameindex *all = if_nameindex();
	const char *names[256], *nearest;
	size_t n = 0;

	for (; all && n < 256 && all[n].if_name; n++)
		names[n] = all[n].if_name;
	nearest = el_nearest(name, names, n);
	el_error_set(err, -ENODEV, "this machine has no interface %s%s%s%s", name,
		     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	if (all)
		if_freenameindex(all);
	return -ENODEV;
}

/* What is known by its type, as ip(8) shows it. */
static const char *type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} types[] = {
	    {ARPHRD_NONE, "has no link layer, as tun and WireGuard"},
	    {ARPHRD_RAWIP, "has no link layer, as modems"},
	    {ARPHRD_PPP, "is PPP"},
	    {ARPHRD_TUNNEL, "is a tunnel, IP in IP"},
	    {ARPHRD_TUNNEL6, "is a tunnel, IP in IPv6"},
	    {ARPHRD_SIT, "is a tunnel, IPv6 in IPv4"},
	    {ARPHRD_IPGRE, "is a tunnel, GRE"},
	    {ARPHRD_IP6GRE, "is a tunnel, GRE over IPv6"},
	    {ARPHRD_INFINIBAND, "is InfiniBand"},
	    {ARPHRD_CAN, "is a CAN bus"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "is of another type";
}

int interface_find(struct el_rtnl *rtnl, const char *name, struct el_rtnl_link *ret_link,
		   struct el_error *err)
{
	struct el_rtnl_link link;
	int r = el_rtnl_link(rtnl, name, 0, &link);

	if (r == -ENODEV)
		return no_interface(name, err);
	if (r < 0)
		return el_error_set(err, r, "interface %s: %s", name, strerror(-r));
	/* frames on loopback have an Ethernet header, of zeros */
	if (link.type != ARPHRD_ETHER && link.type != ARPHRD_LOOPBACK)
		return el_error_set(err, -ENODEV,
				    "interface %s is no Ethernet interface: it %s (type %u), and "
				    "probes are Ethernet frames",
				    name, type_name(link.type), link.type);
	*ret_link = link;
	return 0;
}

/* ---- of a port ---- */

int interface_check(struct el_port *port, const char *name, struct el_error *err)
{
	struct el_port_private *p = port->private;
	struct el_rtnl_link link;
	struct el_error why;
	int r = p->rtnl ? 0 : el_rtnl_open(&p->rtnl, &why);

	if (r == 0)
		r = interface_find(p->rtnl, name, &link, &why);
	if (r < 0)
		return port_error(port, err, r, "%s", why.text);
	if (!link.enabled)
		return port_error(port, err, -ENETDOWN, "interface %s is down", name);
	if (link.mtu == 0)
		return port_error(port, err, -EIO, "interface %s has no MTU", name);
	if (p->packet_socket < 0)
		p->packet_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (p->packet_socket < 0)
		return port_error(
		    port, err, -errno, "no packet socket can be had on interface %s: %s%s", name,
		    strerror(errno), errno == EPERM ? " (it takes root, or CAP_NET_RAW)" : "");
	port->ifindex = link.ifindex;
	port->mtu = link.mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)link.mtu;
	memcpy(port->interface, link.name, sizeof(port->interface));
	p->interface_drops = link.dropped;
	return 0;
}

bool interface_read(const struct el_port *port, struct el_rtnl_link *ret_link)
{
	return el_rtnl_link(port->private->rtnl, NULL, port->ifindex, ret_link) == 0;
}

uint16_t interface_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t n = 0;

	memcpy(ifr.ifr_name, name, strnlen(name, sizeof(ifr.ifr_name) - 1));
	if (fd >= 0 && ioctl(fd, SIOCETHTOOL, &ifr) == 0)
		n = channels.combined_count + channels.rx_count;
	if (fd >= 0)
		close(fd);
	return (uint16_t)(n ? n : 1); /* devices that don't know the question have one */
}

uint64_t interface_speed_bps(const char *name)
{
	char path[64 + IFNAMSIZ];
	int64_t mbps = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/speed", name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%" SCNd64, &mbps) != 1)
			mbps = -1;
		fclose(f);
	}
	return mbps > 0 ? (uint64_t)mbps * 1000000 : 0;
}

int interface_join_all(int packet_socket, unsigned ifindex)
{
	struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};

	return setsockopt(packet_socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == 0
		   ? 0
		   : -errno;
}

static bool is_packet_socket_on(int fd, unsigned ifindex)
{
	struct sockaddr_ll addr = {0};
	socklen_t len = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	       addr.sll_family == AF_PACKET && addr.sll_ifindex == (int)ifindex;
}

void interface_find_sockets(struct el_port *port)
{
	struct el_port_private *p = port->private;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	p->n_sockets = 0;
	while (dir && (e = readdir(dir)) && p->n_sockets < EL_PORT_QUEUES_MAX) {
		char *end;
		long fd = strtol(e->d_name, &end, 10);

		if (end != e->d_name && !*end && is_packet_socket_on((int)fd, port->ifindex))
			p->sockets[p->n_sockets++] = (int)fd;
	}
	if (dir)
		closedir(dir);
	interface_read_drops(port); /* what was before the start is not counted */
	p->socket_drops = 0;
}

void interface_read_drops(struct el_port *port)
{
	struct el_port_private *p = port->private;

	for (uint16_t i = 0; i < p->n_sockets; i++) {
		struct tpacket_stats stats = {0};
		socklen_t len = sizeof(stats);

		/* Reading sets the kernel's counters to zero. */
		if (getsockopt(p->sockets[i], SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
			p->socket_drops += stats.tp_drops;
	}
}
