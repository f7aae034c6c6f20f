/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a NIC is and what it lacks for DPDK, and the command that mends it; read from files alone,
 * without the EAL, so that nothing is touched and no rights are needed. */
#include "el_pci.h"

struct el_nic_lack {
	char what[256];
	char command[192]; /* "": there is none */
};

#define EL_NIC_LACKS_MAX 8

struct el_nic_lacks {
	struct el_nic_lack items[EL_NIC_LACKS_MAX];
	uint32_t count;
};

/* Adds one; `command` may be NULL. Those that are too many are left out. */
void el_nic_lacks_add(struct el_nic_lacks *lacks, const char *what, const char *command);

struct el_nic {
	struct el_pci pci;
	char name[160]; /* by pci.ids; "": unknown */
	enum el_pci_use use;
	struct el_profile
	    profile; /* that its ids tell; the generic one may give way to its driver's */
	/* Of the kernel's interface, where there is one: */
	char mac[18];        /* "02:00:00:00:00:01"; "": not known */
	bool enabled;        /* set up by who runs the machine */
	int link;            /* 1, 0; -1: not known */
	uint64_t speed_mbps; /* 0: not known */
	struct el_nic_lacks lacks;
};

/* Fills in a NIC of el_pci_list. 0, or with a sentence what el_profile_find returns. */
int el_nic_read(const char *sys, const char *profile_dir, const struct el_pci *pci,
		struct el_nic *ret, struct el_error *err);

struct el_nic_machine {
	bool iommu; /* some device is behind one */
	uint64_t huge_free_mib;
	struct el_nic_lacks lacks;
};

/* What all NICs of this machine share. `modules` is "/lib/modules/RELEASE". */
void el_nic_machine_read(const char *sys, const char *modules, struct el_nic_machine *ret);

/* What the kernel refuses this process of a device, in a sentence; false: nothing that is known. */
bool el_nic_permission(const struct el_device *device, struct el_str *out);

/* The vendor's and device's names by the file pci.ids, of the usual places where `file` is NULL;
 * nothing is added where neither is known. */
void el_pci_add_name(const char *file, const struct el_pci_id *id, struct el_str *out);
