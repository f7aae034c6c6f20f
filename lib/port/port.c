/* SPDX-License-Identifier: BSD-3-Clause */
/* A port: finding its profile, having DPDK make its devices, and the counters and link of them all.
 */
#include "port_private.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "capture.h"
#include "look.h"
#include "permission.h"

int port_error(const struct el_port *port, struct el_error *err, int code, const char *fmt, ...)
{
	char text[448];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return el_error_set(err, code, "port %s: %s", port->name, text);
}

static int load_named_profile(struct el_port *port, const char *dir, const char *name,
			      struct el_error *err)
{
	struct el_error why;
	int r = profile_named(dir, name, &port->profile, &why);

	return r < 0 ? port_error(port, err, r, "%s", why.text) : 0;
}

/* ---- devices ---- */

/* What of its profile a device does not do. */
static void tell_deal(const struct el_port *port)
{
	bool forced = port->deal.rx_forced || port->deal.tx_forced;
	char text[512] = "";
	struct el_str s = EL_STR_INIT(text);

	el_port_deal_add(&port->deal, &port->profile, &s);
	if (s.len)
		el_log(forced ? EL_LOG_WARNING : EL_LOG_INFO, "port",
		       "port %s: of its profile %s the device has: %s", port->name,
		       port->profile.name, text);
}

/* `again`: what is started already, with another number of queues. */
static int start(struct el_port *port, uint16_t index, uint16_t queues, uint16_t mtu, bool again,
		 struct el_error *err)
{
	struct el_port_device *d = &port->private->devices[index];
	struct el_error why = {""};
	struct capture capture;
	char last[256];
	int r;

	capture_begin(&capture);
	r = again ? ethdev_restart(port, queues, &why)
		  : ethdev_start(port, index, queues, mtu, &why);
	capture_end(&capture, last, sizeof(last));
	if (r < 0)
		return el_error_set(err, r, "%.250s%s%.240s", why.text, last[0] ? ": " : "", last);
	el_log(d->is_short ? EL_LOG_WARNING : EL_LOG_DEBUG, "port",
	       "port %s: its driver leaves %u of %u receive buffers%s", port->name, d->buffers_left,
	       d->buffers, d->is_short ? ": packets may be lost for want of them" : "");
	tell_deal(port);
	return 0;
}

/* DRIVER:NAME, by the profile's template. */
static int open_named(struct el_port *port, const struct el_device *device, uint16_t queues,
		      uint16_t mtu, struct el_error *err)
{
	const struct el_profile *profile = &port->profile;
	uint16_t n_devices = 1;

	if (!profile->devargs[0])
		return port_error(port, err, -EINVAL,
				  "the profile %s makes no devices; give an EAL device string",
				  profile->name);
	if (profile->kernel_interface) {
		int r = interface_check(port, device->name, err);

		if (r < 0)
			return r;
		if (mtu > port->mtu)
			return port_error(port, err, -EINVAL,
					  "an MTU of %u is more than the %u of interface %s", mtu,
					  port->mtu, device->name);
		mtu = port->mtu; /* what comes in may be as long as the interface takes */
	}
	if (queues > profile->queues_max)
		queues = profile->queues_max;
	if (profile->device_per_queue) {
		uint16_t all = profile->kernel_interface ? interface_queues(device->name) : queues;

		/* What comes in on a queue that has no device would be lost to us. */
		if (all > queues)
			return port_error(port, err, -EINVAL,
					  "interface %s has %u receive queues, and there are "
					  "workers for %u; set their "
					  "number with ethtool -L %s",
					  device->name, all, queues, device->name);
		n_devices = all;
		queues = 1;
	}
	for (uint16_t i = 0; i < n_devices; i++) {
		char devargs[512], name[RTE_ETH_NAME_MAX_LEN];
		size_t n;
		int r = el_profile_devargs(profile, device->name, i, queues,
					   mtu ? mtu : RTE_ETHER_MTU, devargs, sizeof(devargs));

		if (r < 0)
			return port_error(port, err, r,
					  "the device string of profile %s can't be made",
					  profile->name);
		n = strcspn(devargs, ",");
		if (n >= sizeof(name))
			return port_error(port, err, -EINVAL, "the device's name is too long");
		memcpy(name, devargs, n);
		name[n] = '\0';
		r = device_probe(port, name, devargs, err);
		if (r == 0)
			r = start(port, i, queues, mtu, false, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A PCI function, an EAL device string or an existing device: the profile is found by its ids or
 * its driver. */
static int open_plain(struct el_port *port, const struct el_conf_port *conf,
		      const struct el_device *device, uint16_t queues, const char *profile_dir,
		      struct el_error *err)
{
	char interface[IFNAMSIZ];
	int r = device_take(port, conf, device, profile_dir, err);

	if (r < 0)
		return r;
	if (port->profile.kernel_interface && el_device_interface(device, interface)) {
		r = interface_check(port, interface, err);
		if (r < 0)
			return r;
	}
	if (queues > port->profile.queues_max)
		queues = port->profile.queues_max;
	return start(port, 0, queues, conf->mtu, false, err);
}

/* ---- queues ---- */

/* Has no queue used that carries nothing. Where each queue is a device of its own, or the link is
 * down, that is not looked at. */
static int leave_out_dead_queues(struct el_port *port, struct el_error *err)
{
	uint16_t all = port->n_queues, carrying;
	int r;

	if (all < 2 || port->private->n_devices > 1 || !port->link_up)
		return 0;
	carrying = queues_that_carry(port);
	if (carrying == all) {
		counters_begin(&port->private->devices[0]); /* what was sent was not workers' */
		return 0;
	}
	el_log(
	    EL_LOG_WARNING, "port",
	    "port %s: its driver claims %u queues, but what is sent by queue %u does not go out: "
	    "%u used, by so many workers",
	    port->name, all, carrying, carrying);
	r = start(port, 0, carrying, 0, true, err);
	if (r < 0)
		return r;
	port->queues_dead = (uint16_t)(all - carrying);
	link_wait(port);
	return 0;
}

/* ---- open and close ---- */

/* Why a device could not be had, in better words than DPDK's where there are any. */
static int explain(const struct el_port *port, const struct el_device *device, int code,
		   struct el_error *err)
{
	char text[320] = "";
	struct el_str s = EL_STR_INIT(text);
	struct el_error why;

	if (device->kind == EL_DEVICE_PCI && look_at_pci("/sys", device->name, &why) < 0)
		return port_error(port, err, code, "%s", why.text);
	if (permission_missing(device, &s))
		return port_error(port, err, code, "%s", text);
	return code;
}

static int open_port(struct el_port *port, const struct el_conf_port *conf, uint16_t queues,
		     const char *profile_dir, struct el_error *err)
{
	struct el_device device;
	struct el_error why;
	int r = el_port_look(conf, profile_dir, &why);

	bool is_pci =
	    el_device_parse(conf->device, &device, NULL) == 0 && device.kind == EL_DEVICE_PCI;

	/* a PCI function that looks as if DPDK could not have it is tried all the same */
	if (r < 0 && !(is_pci && r == -ENODEV))
		return port_error(port, err, r, "%s", why.text);
	if (queues == 0)
		queues = 1;
	if (queues > EL_PORT_QUEUES_MAX)
		queues = EL_PORT_QUEUES_MAX;
	if (conf->profile || device.kind == EL_DEVICE_NAMED) {
		r = load_named_profile(port, profile_dir,
				       conf->profile ? conf->profile : device.driver, err);
		if (r < 0)
			return r;
	}
	if (is_pci)
		memcpy(port->private->pci, device.name, sizeof(device.name));
	if (device.kind == EL_DEVICE_NAMED)
		r = open_named(port, &device, queues, conf->mtu, err);
	else
		r = open_plain(port, conf, &device, queues, profile_dir, err);
	if (r < 0)
		return explain(port, &device, r, err);
	link_wait(port);
	r = leave_out_dead_queues(port, err);
	if (r < 0)
		return r;
	if (conf->mtu && conf->mtu < port->mtu)
		port->mtu = conf->mtu;
	port->kernel_receives = port->profile.kernel_receives;
	if (conf->checksum == EL_CONF_CHECKSUM_STRICT)
		port->partial_checksums = false;
	if (port->profile.packet_socket_drops)
		interface_find_sockets(port);
	return 0;
}

struct el_port *port_create(const struct el_conf_port *conf)
{
	struct el_port *port = calloc(1, sizeof(*port));
	struct el_str name;

	if (port)
		port->private = calloc(1, sizeof(*port->private));
	if (!port || !port->private) {
		free(port);
		return NULL;
	}
	port->private->packet_socket = -1;
	port->tagged = conf->vlan != 0;
	el_str_init(&name, port->name, sizeof(port->name));
	el_str_add(&name, conf->name ? conf->name : conf->device);
	return port;
}

int el_port_open(const struct el_conf_port *conf, uint16_t queues, const char *profile_dir,
		 struct el_port **ret_port, struct el_error *err)
{
	struct el_port *port = port_create(conf);
	int r;

	if (!port)
		return el_error_set(err, -ENOMEM, "port %s: no memory", conf->device);
	r = open_port(port, conf, queues, profile_dir, err);
	if (r < 0) {
		el_port_close(port);
		return r;
	}
	*ret_port = port;
	return 0;
}

void el_port_close(struct el_port *port)
{
	struct capture capture;
	char last[256];

	if (!port)
		return;
	capture_begin(&capture);
	while (port->private->n_devices > 0) {
		struct el_port_device *d = &port->private->devices[--port->private->n_devices];

		link_unwatch(port, d);
		ethdev_stop(d);
	}
	capture_end(&capture, last, sizeof(last));
	if (port->private->packet_socket >= 0)
		close(port->private->packet_socket);
	el_rtnl_close(port->private->rtnl);
	free(port->private);
	free(port);
}

int el_port_pass_vlan(struct el_port *port, const struct el_conf_port *link, struct el_error *err)
{
	struct el_port_private *p = port->private;
	uint16_t vlan = link->outer_vlan ? link->outer_vlan : link->vlan;
	int r = 0;

	for (uint16_t i = 0; r >= 0 && vlan && i < p->n_devices; i++)
		r = ethdev_pass_vlan(&p->devices[i], vlan);
	if (r < 0)
		return port_error(port, err, r, "it can't be told of VLAN %u: %s", vlan,
				  strerror(-r));
	return 0;
}

int el_port_receive_multicast(struct el_port *port, struct el_error *err)
{
	struct el_port_private *p = port->private;
	int r = 0;

	if (port->ifindex && !p->receives_multicast) {
		r = interface_join_all(p->packet_socket, port->ifindex);
		p->receives_multicast = r == 0;
	}
	for (uint16_t i = 0; r >= 0 && !port->ifindex && !p->is_detached && i < p->n_devices; i++)
		r = ethdev_receive_multicast(&p->devices[i]);
	if (r < 0)
		return port_error(port, err, r, "it can't receive multicast frames: %s",
				  strerror(-r));
	return 0;
}
