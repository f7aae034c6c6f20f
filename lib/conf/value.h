/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* One value in a field of a configuration's structs, by its row of the table. */
#include "el_error.h"
#include "scalar.h"
#include "schema.h"

/* Reads a scalar into the field at `field`, whose former value is freed. 0; -EINVAL with a sentence
 * in `err` ("expected ..., got ..."), the field untouched; -ENOMEM. Not for maps and lists. */
int conf_value_set(const struct conf_key *key, const struct conf_scalar *s, void *field,
		   struct el_error *err);

/* What a row expects: "an integer from 1 to 65535". Returns buf. */
char *conf_value_expected(const struct conf_key *key, char *buf, size_t cap);

/* Fills a field with its default. It must be zero before. 0 or -ENOMEM. */
int conf_default_set(const struct conf_key *key, void *obj);

/* Frees what the fields of a map own. */
void conf_map_release(const struct conf_map *map, void *obj);

/* An integer of `size` bytes, 1 to 8; signed where the row has a value for "not set". */
int64_t conf_int_get(const struct conf_key *key, const void *field);
