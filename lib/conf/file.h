/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The bytes of a configuration, and whether they may be believed. */
#include <stddef.h>

#include "el_error.h"

/* Reads all of a file, up to somewhat more than CONF_TREE_BYTES_MAX. ret_text is to be freed; it is
 * not NUL-terminated. ret_doubt: a sentence where others than root and the effective user can
 * change the file or put another one in its place (el_trust_open); untouched where none can.
 * 0, -ENOMEM, or what open(2) or read(2) failed with. */
int conf_file_read(const char *path, char **ret_text, size_t *ret_len, struct el_error *ret_doubt);
