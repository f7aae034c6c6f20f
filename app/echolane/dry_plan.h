/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The plan that a configuration would come to, for `check`. */
#include <stdio.h>

#include "el_conf.h"
#include "el_stamp.h"

/* Compiles a plan, which finds what the keys alone don't show: ids that don't fit, source ports
 * that are too few, and, where there are ports, what would not be probed. Names are not asked for:
 * each is taken to have an address that can be reached. Prints a sentence on the whole to `out`,
 * and to standard error a line on each series that would not be probed, with the reason as
 * echolane_targets_not_probed has it. keys: of the targets, NULL: none. `file`: the
 * configuration's, for the lines. 0; or -errno with
 * a sentence: the configuration can't be used. */
int dry_plan_print(const struct el_conf *conf, struct el_stamp_keys *keys, const char *file,
		   FILE *out, struct el_error *err);
