/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the ports have in common with this host's kernel: interfaces, addresses, source ports. */
#include "el_conf.h"

/* Ports in the range `first` to `last`, numbers a to z being the kernel's for connections that name
 * none, but for those in `reserved` ("8080,9000-9100", as the kernel prints it): whether there are
 * any. Pure. */
bool shared_interface_ports_overlap(uint16_t first, uint16_t last, uint16_t a, uint16_t z,
				    const char *reserved);

/* Calls `warn` with a sentence for each group that probes from an address of this machine's kernel
 * and from ports that the kernel may use at the same time for connections by the same interface;
 * and with `frames` for each port that takes from the kernel what comes in on an interface where
 * the kernel has addresses of more than link-local scope. */
void shared_interface_check(const struct el_conf *conf, bool frames,
			    void (*warn)(const char *sentence));
