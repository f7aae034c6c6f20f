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

/* Drivers that let DPDK have a device, and those that share it with DPDK. */
static bool is_dpdk_driver(const char *driver)
{
	static const char *const names[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core",
					    "mlx5_core"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(driver, names[i]) == 0)
			return true;
	return false;
}

/* The interface that a kernel's driver made of a PCI device: in its folder net, or in that of the
 * virtio device below it. */
static void find_interface(const char *device, struct el_str *out)
{
	char path[PATH_MAX];
	DIR *dir;
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/net", device);
	dir = opendir(path);
	while (dir && !out->len && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			el_str_add(out, e->d_name);
	if (dir)
		closedir(dir);
	dir = out->len ? NULL : opendir(device);
	while (dir && !out->len && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", device, e->d_name);
		if (strncmp(e->d_name, "virtio", 6) == 0)
			find_interface(path, out);
	}
	if (dir)
		closedir(dir);
}

int look_at_pci(const char *sys, const char *address, struct el_error *err)
{
	char device[512], path[600], link[PATH_MAX] = "", interface[IFNAMSIZ] = "", also[96] = "";
	struct el_str i = EL_STR_INIT(interface), a = EL_STR_INIT(also);
	const char *driver;
	ssize_t n;

	snprintf(device, sizeof(device), "%s/bus/pci/devices/%s", sys, address);
	if (access(device, F_OK) < 0)
		return el_error_set(err, -ENODEV, "this machine has no PCI device %s", address);
	snprintf(path, sizeof(path), "%s/driver", device);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return el_error_set(err, -ENODEV,
				    "the PCI device %s has no driver: bind it to vfio-pci first "
				    "(dpdk-devbind.py --bind=vfio-pci %s)",
				    address, address);
	link[n] = '\0';
	driver = strrchr(link, '/') ? strrchr(link, '/') + 1 : link;
	if (is_dpdk_driver(driver))
		return 0;
	find_interface(device, &i);
	if (i.len)
		el_str_addf(&a, ", or probe from its interface with af_packet:%s", interface);
	return el_error_set(
	    err, -ENODEV,
	    "the PCI device %s is with the kernel's driver %.40s: bind it to vfio-pci "
	    "first (dpdk-devbind.py --bind=vfio-pci %s)%s",
	    address, driver, address, also);
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
