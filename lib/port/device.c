/* SPDX-License-Identifier: BSD-3-Clause */
/* Having DPDK make the device of a port, and finding its profile; and asking it what it would do.
 */
#include "port_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_devargs.h>
#include <rte_ethdev.h>

#include "capture.h"
#include "el_pci.h"
#include "look.h"

/* False if no driver of DPDK takes such a device. */
static bool has_driver(const char *devargs)
{
	struct rte_devargs da;
	int r = rte_devargs_parse(&da, devargs);

	rte_devargs_reset(&da);
	return r != -EFAULT;
}

static int no_driver(const struct el_port *port, const char *name, struct el_error *err)
{
	char hint[96] = "";
	struct el_str s = EL_STR_INIT(hint);
	struct el_device device;

	if (el_device_parse(name, &device, NULL) == 0)
		look_add_driver(&device, &s);
	return port_error(port, err, -ENODEV,
			  "%s is neither an interface of this machine nor a device that DPDK has a "
			  "driver for%s",
			  name, hint);
}

int device_probe(struct el_port *port, const char *name, const char *devargs, struct el_error *err)
{
	struct el_port_private *p = port->private;
	struct el_port_device *d = &p->devices[p->n_devices];
	struct capture capture;
	char last[256];
	int r = 0;

	if (rte_eth_dev_get_port_by_name(name, &d->id) < 0) {
		capture_begin(&capture);
		r = rte_dev_probe(devargs);
		capture_end(&capture, last, sizeof(last));
		if (r < 0 && !has_driver(devargs))
			return no_driver(port, name, err);
		if (r < 0)
			return port_error(port, err, -EIO, "DPDK has no device %s: %s", name,
					  last[0] ? last : strerror(-r));
		d->ours = true;
		r = rte_eth_dev_get_port_by_name(name, &d->id);
		if (r < 0)
			return port_error(port, err, -ENODEV, "%s is no Ethernet device", name);
	}
	p->n_devices++;
	return 0;
}

/* The profile of a device that DPDK has. */
static int find_profile(struct el_port *port, const struct el_device *device,
			const char *profile_dir, struct el_error *err)
{
	struct rte_eth_dev_info info;
	struct el_error why;
	struct el_pci pci;
	bool is_pci = device->kind == EL_DEVICE_PCI && el_pci_read("/sys", device->name, &pci) == 0;
	int r = rte_eth_dev_info_get(port->private->devices[0].id, &info);

	if (r < 0)
		return port_error(port, err, r, "%s: %s", device->name, strerror(-r));
	r = el_profile_find(profile_dir, info.driver_name, is_pci ? &pci.id : NULL, &port->profile,
			    &why);
	if (r < 0)
		return port_error(port, err, r, "%s", why.text);
	el_log(EL_LOG_DEBUG, "port", "port %s: driver %s, profile %s", port->name, info.driver_name,
	       port->profile.name);
	return 0;
}

int device_take(struct el_port *port, const struct el_conf_port *conf,
		const struct el_device *device, const char *profile_dir, struct el_error *err)
{
	const char *devargs = conf->device;
	char pci[sizeof(device->name) + sizeof(port->profile.pci_args)];
	struct el_str s = EL_STR_INIT(pci);
	int r;

	if (device->kind == EL_DEVICE_PCI) {
		if (profile_of_pci("/sys", profile_dir, conf, device->name, &port->profile, NULL) <
		    0)
			port->profile.pci_args[0] = '\0'; /* it is looked for again below */
		profile_add_pci_device(&s, device->name, &port->profile);
		devargs = pci;
	}
	r = device_probe(port, device->name, devargs, err);
	/* The EAL has probed it at its start because we named it. Left to it, it would be closed at
	 * the EAL's end, when the pools of the buffers in its queues are gone. */
	if (r == 0 && device->kind == EL_DEVICE_PCI)
		port->private->devices[0].ours = true;
	if (r == 0 && !conf->profile)
		r = find_profile(port, device, profile_dir, err);
	return r;
}

/* ---- asking ---- */

static int ask(struct el_port *port, const struct el_conf_port *conf, uint16_t queues,
	       const char *profile_dir, struct el_error *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf unused;
	struct el_port_deal *d = &port->deal;
	struct el_device device;
	uint16_t id;
	int r = el_device_parse(conf->device, &device, err);

	if (r == 0 && conf->profile)
		r = profile_named(profile_dir, conf->profile, &port->profile, err);
	if (r == 0)
		r = device_take(port, conf, &device, profile_dir, err);
	if (r < 0)
		return r;
	id = port->private->devices[0].id;
	r = rte_eth_dev_info_get(id, &info);
	if (r < 0)
		return port_error(port, err, r, "%s: %s", device.name, strerror(-r));
	queues = RTE_MIN(queues, port->profile.queues_max);
	deal_conf(port, &info, RTE_MIN(queues, RTE_MIN(info.max_rx_queues, info.max_tx_queues)), 0,
		  &unused);
	d->queues_wanted = queues;
	d->queues = RTE_MIN(queues, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	d->rx_descriptors = port->profile.rx_descriptors;
	d->tx_descriptors = port->profile.tx_descriptors;
	rte_eth_dev_adjust_nb_rx_tx_desc(id, &d->rx_descriptors, &d->tx_descriptors);
	return 0;
}

int el_port_ask(const struct el_conf_port *conf, uint16_t queues, const char *profile_dir,
		struct el_profile *ret_profile, struct el_port_deal *ret_deal, struct el_error *err)
{
	struct el_port *port = port_create(conf);
	int r;

	if (!port)
		return el_error_set(err, -ENOMEM, "port %s: no memory", conf->device);
	r = ask(port, conf, queues ? queues : 1, profile_dir, err);
	if (r == 0) {
		*ret_profile = port->profile;
		*ret_deal = port->deal;
	}
	el_port_close(port);
	return r;
}
