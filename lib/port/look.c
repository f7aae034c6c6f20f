/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be said of a device before DPDK is asked, or better than DPDK says it. */
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "el_pci.h"
#include "port_private.h"

#define PROFILES_MAX 128

/* ---- interfaces of the kernel ---- */

static bool is_interface(const char *name)
{
	return strlen(name) < IFNAMSIZ && if_nametoindex(name) != 0;
}

static int look_at_interface(const char *name, struct el_error *err)
{
	struct el_rtnl_link link;
	struct el_rtnl *rtnl;
	int r = el_rtnl_open(&rtnl, err);

	if (r < 0)
		return r;
	r = interface_find(rtnl, name, &link, err);
	el_rtnl_close(rtnl);
	return r;
}

/* ---- PCI ---- */

int look_at_pci(const char *sys, const char *address, struct el_error *err)
{
	char also[96] = "";
	struct el_str a = EL_STR_INIT(also);
	struct el_pci pci;
	int r = el_pci_read(sys, address, &pci);

	if (r < 0)
		return el_error_set(err, -ENODEV, "this machine has no PCI device %s", address);
	if (!pci.driver[0])
		return el_error_set(err, -ENODEV,
				    "the PCI device %s has no driver: bind it for DPDK first "
				    "(echolane-bind bind %s)",
				    address, address);
	if (el_pci_use(pci.driver) != EL_PCI_KERNEL)
		return 0;
	if (pci.interface[0])
		el_str_addf(&a, ", or probe from its interface with af_packet:%s", pci.interface);
	return el_error_set(err, -ENODEV,
			    "the PCI device %s is with the kernel's driver %s: bind it for DPDK "
			    "first (echolane-bind bind %s)%s",
			    address, pci.driver, address, also);
}

/* ---- driver profiles ---- */

static int no_profile(const char *dir, const char *name, struct el_error *err)
{
	struct dirent **entries = NULL;
	const char *names[PROFILES_MAX], *nearest;
	int n = scandir(dir, &entries, NULL, alphasort), kept = 0;

	for (int i = 0; i < n; i++) {
		char *dot = strrchr(entries[i]->d_name, '.');

		if (dot && dot != entries[i]->d_name && strcmp(dot, ".yaml") == 0 &&
		    kept < PROFILES_MAX) {
			*dot = '\0';
			names[kept++] = entries[i]->d_name;
		}
	}
	nearest = el_nearest(name, names, (size_t)kept);
	el_error_set(err, -EINVAL, "there is no driver profile %.60s in %.200s%s%s%s", name, dir,
		     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return -EINVAL;
}

static int look_at_profile(const char *dir, const char *name, struct el_profile *ret,
			   struct el_error *err)
{
	char path[PATH_MAX];
	struct el_error why;
	int r = -ENOENT;

	if (!strchr(name, '/')) {
		snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
		r = el_profile_load(path, ret, &why);
	}
	if (r == -ENOENT)
		return no_profile(dir, name, err);
	return r < 0 ? el_error_set(err, r, "%s", why.text) : 0;
}

/* ---- device strings ---- */

void look_add_driver(const struct el_device *device, struct el_str *out)
{
	static const char *const drivers[] = {"af_packet", "af_xdp", "memif", "tap",        "ring",
					      "null",      "pcap",   "vhost", "virtio_user"};
	const char *driver = device->driver + (strncmp(device->driver, "net_", 4) == 0 ? 4 : 0);
	const char *nearest = el_nearest(driver, drivers, sizeof(drivers) / sizeof(drivers[0]));

	if (nearest)
		el_str_addf(out, "; did you mean net_%s%s?", nearest,
			    device->name + strlen(device->driver));
}

static int look_at_string(const struct el_device *device, struct el_error *err)
{
	char interface[IFNAMSIZ];

	if (!device->args[0] && is_interface(device->name))
		return el_error_set(err, -EINVAL,
				    "%s is an interface of the kernel: did you mean af_packet:%s?",
				    device->name, device->name);
	return el_device_interface(device, interface) ? look_at_interface(interface, err) : 0;
}

int el_port_look(const struct el_conf_port *conf, const char *profile_dir, struct el_error *err)
{
	struct el_profile profile = {0};
	struct el_device device;
	int r = el_device_parse(conf->device, &device, err);

	if (r == 0 && (conf->profile || device.kind == EL_DEVICE_NAMED))
		r = look_at_profile(profile_dir, conf->profile ? conf->profile : device.driver,
				    &profile, err);
	if (r < 0)
		return r;
	if (device.kind == EL_DEVICE_PCI)
		return look_at_pci("/sys", device.name, err);
	if (device.kind == EL_DEVICE_EAL)
		return look_at_string(&device, err);
	return profile.kernel_interface ? look_at_interface(device.name, err) : 0;
}
