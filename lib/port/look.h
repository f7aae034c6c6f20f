/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"

/* Why DPDK can't have the PCI function at `address` ("0000:3b:00.0"): there is none, or another
 * driver has it. `sys` is /sys. 0: nothing speaks against it; -ENODEV with a sentence. */
int look_at_pci(const char *sys, const char *address, struct el_error *err);

/* Appends "; did you mean ..." where a device string's driver looks like one that DPDK has. */
void look_add_driver(const struct el_device *device, struct el_str *out);
