/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_pci.h"

/* The first line of a file in `folder`, without its end; "" where it can't be read. */
void pci_read_line(const char *folder, const char *name, char *buf, size_t size);
