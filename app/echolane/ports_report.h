/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What `echolane ports` prints: as text, or as JSON whose keys stay. */
#include <stdio.h>

#include "el_nic.h"

/* A port of the configuration. */
struct port_report {
	const char *name, *device; /* the configuration's */
	uint16_t vlan, outer_vlan; /* likewise */
	const char *shares;        /* the first port that has the device; NULL: this one */
	const struct el_nic *nic;  /* that it is of; NULL: of none, or of none that is here */
	struct el_profile profile; /* "": what profile it would have is not known */
	bool asked;                /* its driver was, and this is what it would do: */
	struct el_port_deal deal;
	char deal_text[512]; /* what of the profile it does not do */
	struct el_nic_lacks lacks;
};

struct ports_report {
	struct el_nic_machine machine;
	struct el_nic *nics;
	size_t n_nics;
	char (*others)[IFNAMSIZ]; /* interfaces of hardware that is no PCI function */
	size_t n_others;
	struct port_report *ports;
	size_t n_ports;
};

void ports_report_text(const struct ports_report *r, FILE *out);
void ports_report_json(const struct ports_report *r, FILE *out);
