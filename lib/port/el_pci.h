/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The PCI functions of this machine that are network controllers, as sysfs tells of them: without
 * DPDK, without rights, and nothing is touched. */
#include <net/if.h>

#include "el_port.h"

#define EL_PCI_ADDRESS_LEN 13 /* "0000:3b:00.0" and a NUL */

struct el_pci {
	char address[EL_PCI_ADDRESS_LEN];
	struct el_pci_id id;
	uint32_t class;       /* 0x020000: an Ethernet controller */
	char driver[32];      /* of the kernel that it is bound to; "": none */
	char override[32];    /* the only driver that may have it; "": any */
	char iommu_group[16]; /* "": no IOMMU is used for it */
	bool virtual_function;
	uint32_t n_virtual_functions; /* that it has now */
	char interface[IFNAMSIZ];     /* of the kernel, in this network namespace; "": none */
	int numa_node;                /* -1: unknown or none */
};

/* Reads the function at `address`; `sys` is "/sys". 0, -ENODEV, or -errno. */
int el_pci_read(const char *sys, const char *address, struct el_pci *ret);

/* All network controllers, by address, in an array that is the caller's to free. Their number, 0
 * where the machine has no PCI, or -ENOMEM. */
int el_pci_list(const char *sys, struct el_pci **ret);

/* How DPDK can have a device that is bound to this driver. */
enum el_pci_use {
	EL_PCI_KERNEL,    /* not: it has to be bound to another */
	EL_PCI_USERS,     /* it is DPDK's alone */
	EL_PCI_BIFURCATED /* it is shared: the kernel keeps its interface */
};
enum el_pci_use el_pci_use(const char *driver);
