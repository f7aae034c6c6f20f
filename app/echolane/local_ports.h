/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Source ports that a kernel also gives to connections of its own. */
#include "el_conf.h"

/* Ports in the range `first` to `last`, numbers a to z being the kernel's for connections that name
 * none, but for those in `reserved` ("8080,9000-9100", as the kernel prints it): whether there are
 * any. Pure. */
bool local_ports_overlap(uint16_t first, uint16_t last, uint16_t a, uint16_t z,
			 const char *reserved);

/* Calls `warn` with a sentence for each group that probes from an address of this machine's kernel
 * and from ports that the kernel may use at the same time for connections by the same interface. */
void local_ports_check(const struct el_conf *conf, void (*warn)(const char *sentence));
