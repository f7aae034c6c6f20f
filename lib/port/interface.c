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
#include <linux/if_packet.h>
#include <linux/sockios.h>

/* An interface ioctl; `ifr` is filled in but for the name. */
static int request(const char *name, unsigned long what, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	memcpy(ifr->ifr_name, name, strnlen(name, sizeof(ifr->ifr_name) - 1));
	r = ioctl(fd, what, ifr) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int interface_check(struct el_port *port, const char *name, struct el_error *err)
{
	struct ifreq ifr = {0};
	int fd, r;

	port->ifindex = strlen(name) < IFNAMSIZ ? if_nametoindex(name) : 0;
	if (port->ifindex == 0)
		return port_error(port, err, -ENODEV, "interface %s does not exist", name);
	r = request(name, SIOCGIFFLAGS, &ifr);
	if (r < 0)
		return port_error(port, err, r, "interface %s: %s", name, strerror(-r));
	if (!(ifr.ifr_flags & IFF_UP))
		return port_error(port, err, -ENETDOWN, "interface %s is down", name);
	r = request(name, SIOCGIFMTU, &ifr);
	if (r < 0 || ifr.ifr_mtu <= 0)
		return port_error(port, err, r < 0 ? r : -EIO, "interface %s has no MTU", name);
	port->mtu = ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)ifr.ifr_mtu;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return port_error(
		    port, err, -errno, "no packet socket can be had on interface %s: %s%s", name,
		    strerror(errno), errno == EPERM ? " (it takes root, or CAP_NET_RAW)" : "");
	close(fd);
	memcpy(port->interface, name, strlen(name) + 1);
	return 0;
}

uint16_t interface_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&channels};
	uint32_t n = 0;

	if (request(name, SIOCETHTOOL, &ifr) == 0)
		n = channels.combined_count + channels.rx_count;
	return (uint16_t)(n ? n : 1); /* devices that don't know the question have one */
}

bool interface_running(unsigned ifindex)
{
	struct ifreq ifr = {0};
	char name[IFNAMSIZ];

	/* its name may be another's now */
	return if_indextoname(ifindex, name) && request(name, SIOCGIFFLAGS, &ifr) == 0 &&
	       (ifr.ifr_flags & IFF_UP) && (ifr.ifr_flags & IFF_RUNNING);
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

/* A NIC's ring that ran over, a backlog or transmit queue that was full: of these the kernel tells
 * here. */
bool interface_drops(const char *name, uint64_t *ret_drops)
{
	FILE *f = fopen("/proc/net/dev", "re");
	bool found = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		uint64_t in, out;

		if (!colon)
			continue;
		*colon = '\0';
		/* each way: bytes packets errors drops ... */
		if (strcmp(line + strspn(line, " "), name) == 0 &&
		    sscanf(colon + 1,
			   "%*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &in,
			   &out) == 2) {
			*ret_drops = in + out;
			found = true;
		}
	}
	if (f)
		fclose(f);
	return found;
}

int interface_join_all(unsigned ifindex)
{
	struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
	int fd =
	    socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: it receives nothing */
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
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
