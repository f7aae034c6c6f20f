/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <limits.h>

#include "el_pci.h"

/* "FOLDER/NAME", in `buf`. */
const char *pci_path(char buf[PATH_MAX], const char *folder, const char *name);

/* The first line of a file in `folder`, without its end; "" where it can't be read. */
void pci_read_line(const char *folder, const char *name, char *buf, size_t size);
