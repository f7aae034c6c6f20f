/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"
#include "el_str.h"

/* Which permissions this process lacks that a device of this kind takes, as a sentence in `out`;
 * false: none that is known. For after something failed: it may also be had by ways that are not
 * known here. */
bool permission_missing(const struct el_device *device, struct el_str *out);
