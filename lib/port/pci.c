/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETWORK_CLASS 0x02

/* ---- attributes ---- */

const char *pci_path(char buf[PATH_MAX], const char *folder, const char *name)
{
	struct el_str s;

	el_str_init(&s, buf, PATH_MAX);
	el_str_addf(&s, "%s/%s", folder, name);
	return buf;
}

void pci_read_line(const char *device, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	buf[0] = '\0';
	f = fopen(pci_path(path, device, name), "re");
	if (!f)
		return;
	if (!fgets(buf, (int)size, f))
		buf[0] = '\0';
	fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
}

static long read_number(const char *device, const char *name, int base, long otherwise)
{
	char text[32], *end;
	long n;

	pci_read_line(device, name, text, sizeof(text));
	n = strtol(text, &end, base);
	return end == text ? otherwise : n;
}

/* What a symbolic link leads to, its last word; "" where there is none. */
static void read_link(const char *device, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	struct el_str out;
	const char *slash;
	ssize_t n;

	el_str_init(&out, buf, size);
	n = readlink(pci_path(path, device, name), to, sizeof(to) - 1);
	if (n < 0)
		return;
	to[n] = '\0';
	slash = strrchr(to, '/');
	el_str_add(&out, slash ? slash + 1 : to);
}

/* The interface that a kernel's driver made of a device: in its folder net, or in that of the
 * virtio device below it. */
static void find_interface(const char *device, struct el_str *out)
{
	char path[PATH_MAX];
	DIR *dir;
	struct dirent *e;

	dir = opendir(pci_path(path, device, "net"));
	while (dir && !out->len && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			el_str_add(out, e->d_name);
	if (dir)
		closedir(dir);
	dir = out->len ? NULL : opendir(device);
	while (dir && !out->len && (e = readdir(dir))) {
		if (strncmp(e->d_name, "virtio", 6) == 0)
			find_interface(pci_path(path, device, e->d_name), out);
	}
	if (dir)
		closedir(dir);
}

/* ---- devices ---- */

int el_pci_read(const char *sys, const char *address, struct el_pci *ret)
{
	struct el_pci pci = {.class = 0};
	char device[PATH_MAX], path[PATH_MAX];
	struct el_str s;

	if (strlen(address) >= sizeof(pci.address))
		return -ENODEV;
	pci_path(device, pci_path(path, sys, "bus/pci/devices"), address);
	if (access(device, F_OK) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;
	memcpy(pci.address, address, strlen(address) + 1);
	pci.id.vendor = (uint16_t)read_number(device, "vendor", 16, 0);
	pci.id.device = (uint16_t)read_number(device, "device", 16, 0);
	pci.class = (uint32_t)read_number(device, "class", 16, 0);
	pci.numa_node = (int)read_number(device, "numa_node", 10, -1);
	pci.n_virtual_functions = (uint32_t)read_number(device, "sriov_numvfs", 10, 0);
	pci_read_line(device, "driver_override", pci.override, sizeof(pci.override));
	if (strcmp(pci.override, "(null)") == 0)
		pci.override[0] = '\0';
	read_link(device, "driver", pci.driver, sizeof(pci.driver));
	read_link(device, "iommu_group", pci.iommu_group, sizeof(pci.iommu_group));
	pci.virtual_function = access(pci_path(path, device, "physfn"), F_OK) == 0;
	el_str_init(&s, pci.interface, sizeof(pci.interface));
	find_interface(device, &s);
	*ret = pci;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct el_pci *)a)->address, ((const struct el_pci *)b)->address);
}

int el_pci_list(const char *sys, struct el_pci **ret)
{
	struct el_pci *list = NULL;
	char path[PATH_MAX];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	dir = opendir(pci_path(path, sys, "bus/pci/devices"));
	while (dir && (e = readdir(dir))) {
		struct el_pci pci, *longer;

		if (e->d_name[0] == '.' || el_pci_read(sys, e->d_name, &pci) < 0 ||
		    pci.class >> 16 != NETWORK_CLASS)
			continue;
		longer = realloc(list, (n + 1) * sizeof(*list));
		if (!longer) {
			closedir(dir);
			free(list);
			return -ENOMEM;
		}
		list = longer;
		list[n++] = pci;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(list, n, sizeof(*list), by_address);
	*ret = list;
	return (int)n;
}

enum el_pci_use el_pci_use(const char *driver)
{
	static const struct {
		const char *driver;
		enum el_pci_use use;
	} drivers[] = {
	    {"vfio-pci", EL_PCI_USERS},       {"uio_pci_generic", EL_PCI_USERS},
	    {"igb_uio", EL_PCI_USERS},        {"mlx4_core", EL_PCI_BIFURCATED},
	    {"mlx5_core", EL_PCI_BIFURCATED},
	};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i].driver) == 0)
			return drivers[i].use;
	return EL_PCI_KERNEL;
}
