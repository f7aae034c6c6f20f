/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_nic.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pci.h"
#include "permission.h"

/* What the EAL takes where nothing else is asked for. */
#define HUGE_MIB 512

void el_nic_lacks_add(struct el_nic_lacks *lacks, const char *what, const char *command)
{
	struct el_nic_lack *l = &lacks->items[lacks->count];

	if (lacks->count == EL_NIC_LACKS_MAX)
		return;
	snprintf(l->what, sizeof(l->what), "%s", what);
	snprintf(l->command, sizeof(l->command), "%s", command ? command : "");
	lacks->count++;
}

static bool exists(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return access(pci_path(path, folder, name), F_OK) == 0;
}

/* ---- one NIC ---- */

static void read_interface(const char *sys, struct el_nic *n)
{
	char folder[PATH_MAX], interfaces[PATH_MAX], text[64];

	n->link = -1;
	if (!n->pci.interface[0])
		return;
	pci_path(folder, pci_path(interfaces, sys, "class/net"), n->pci.interface);
	pci_read_line(folder, "address", n->mac, sizeof(n->mac));
	pci_read_line(folder, "flags", text, sizeof(text));
	n->enabled = strtoul(text, NULL, 16) & IFF_UP;
	/* neither can be read of an interface that is not enabled */
	pci_read_line(folder, "carrier", text, sizeof(text));
	if (text[0] == '0' || text[0] == '1')
		n->link = text[0] - '0';
	pci_read_line(folder, "speed", text, sizeof(text));
	if (text[0] >= '1' && text[0] <= '9')
		n->speed_mbps = strtoull(text, NULL, 10);
}

static void look_for_driver(struct el_nic *n)
{
	char what[128], command[64];

	if (n->use != EL_PCI_KERNEL)
		return;
	if (n->pci.driver[0])
		snprintf(what, sizeof(what), "it is with the kernel's driver %s", n->pci.driver);
	else
		snprintf(what, sizeof(what), "it has no driver");
	snprintf(command, sizeof(command), "echolane-bind bind %s", n->pci.address);
	el_nic_lacks_add(&n->lacks, what, command);
}

static void look_for_rights(struct el_nic *n)
{
	struct el_device device = {.kind = EL_DEVICE_PCI};
	char what[256] = "", command[64] = "";
	struct el_str s = EL_STR_INIT(what);

	if (n->use != EL_PCI_USERS)
		return;
	snprintf(device.name, sizeof(device.name), "%s", n->pci.address);
	if (!el_nic_permission(&device, &s))
		return;
	if (strstr(what, "opened"))
		snprintf(command, sizeof(command), "setfacl -m u:%u:rw /dev/vfio/%s", geteuid(),
			 n->pci.iommu_group);
	el_nic_lacks_add(&n->lacks, what, command);
}

static void look_for_modules(const char *sys, struct el_nic *n)
{
	char folder[PATH_MAX];

	pci_path(folder, sys, "module");
	if (n->use == EL_PCI_BIFURCATED && strcmp(n->pci.driver, "mlx5_core") == 0 &&
	    !(exists(folder, "mlx5_ib") && exists(folder, "ib_uverbs")))
		el_nic_lacks_add(&n->lacks, "the modules mlx5_ib and ib_uverbs are not loaded",
				 "modprobe -a mlx5_ib ib_uverbs");
}

static void look_for_link(struct el_nic *n)
{
	char what[128], command[64];

	if (!n->pci.interface[0])
		return;
	if (!n->enabled) {
		snprintf(what, sizeof(what), "its interface %s is down", n->pci.interface);
		snprintf(command, sizeof(command), "ip link set dev %s up", n->pci.interface);
		el_nic_lacks_add(&n->lacks, what, command);
	} else if (n->link == 0) {
		el_nic_lacks_add(&n->lacks, "it has no link: look at the cable and the other end",
				 NULL);
	}
}

int el_nic_read(const char *sys, const char *profile_dir, const struct el_pci *pci,
		struct el_nic *ret, struct el_error *err)
{
	struct el_nic n = {.pci = *pci, .use = el_pci_use(pci->driver)};
	struct el_str s = EL_STR_INIT(n.name);
	int r = el_profile_find(profile_dir, NULL, &pci->id, &n.profile, err);

	if (r < 0)
		return r;
	el_pci_add_name(NULL, &pci->id, &s);
	read_interface(sys, &n);
	look_for_driver(&n);
	look_for_rights(&n);
	look_for_modules(sys, &n);
	look_for_link(&n);
	*ret = n;
	return 0;
}

bool el_nic_permission(const struct el_device *device, struct el_str *out)
{
	return permission_missing(device, out);
}

/* ---- the machine ---- */

static bool has_entries(const char *sys, const char *name)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool any = false;
	DIR *dir;

	dir = opendir(pci_path(path, sys, name));
	while (dir && !any && (e = readdir(dir)))
		any = e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return any;
}

/* Whether a list of modules has one, "kernel/drivers/vfio/pci/vfio-pci.ko.xz: ...". */
static bool lists_module(const char *modules, const char *list, const char *name)
{
	char path[PATH_MAX], line[4096];
	bool found = false;
	FILE *f;

	f = fopen(pci_path(path, modules, list), "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, name) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

void el_nic_machine_read(const char *sys, const char *modules, struct el_nic_machine *ret)
{
	struct el_nic_machine m = {.iommu = has_entries(sys, "kernel/iommu_groups"),
				   .huge_free_mib = el_eal_huge_free_mib()};
	char what[128], command[64];

	if (!m.iommu)
		el_nic_lacks_add(
		    &m.lacks,
		    "no IOMMU is in use: turn it on in the BIOS, and with intel_iommu=on "
		    "(AMD has it on) on the kernel's command line; without it NICs are "
		    "bound to uio_pci_generic",
		    NULL);
	if (!exists(sys, "bus/pci/drivers/vfio-pci")) {
		if (lists_module(modules, "modules.dep", "/vfio-pci.ko"))
			el_nic_lacks_add(&m.lacks, "the module vfio-pci is not loaded",
					 "modprobe vfio-pci");
		else
			el_nic_lacks_add(&m.lacks, "this kernel has no module vfio-pci", NULL);
	}
	if (m.huge_free_mib < HUGE_MIB) {
		snprintf(what, sizeof(what),
			 "%llu MiB of huge pages are free, %u are of use for a DPDK driver",
			 (unsigned long long)m.huge_free_mib, HUGE_MIB);
		snprintf(command, sizeof(command), "echolane-bind hugepages %u", HUGE_MIB);
		el_nic_lacks_add(&m.lacks, what, command);
	}
	*ret = m;
}
