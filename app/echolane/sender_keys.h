/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The keys that STAMP targets sign with. */
#include "el_conf.h"
#include "el_stamp.h"

/* Reads the keys of all files that a configuration's targets name; NULL where none does. `file`:
 * the configuration's. 0 and *ret_keys with one reference, or -errno with a sentence that begins
 * with the file, the line and the column that name the key. Reads files: not control's, while it
 * runs. */
int sender_keys_read(const struct el_conf *conf, const char *file, struct el_stamp_keys **ret_keys,
		     struct el_error *err);
