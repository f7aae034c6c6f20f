/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_stamp.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct el_stamp_keys {
	struct {
		char *path;
		struct el_stamp_key *key;
	} items[EL_STAMP_KEYS_MAX];
	uint32_t n;
	_Atomic uint32_t refs;
};

struct el_stamp_keys *el_stamp_keys_create(void)
{
	struct el_stamp_keys *keys = calloc(1, sizeof(*keys));

	if (keys)
		atomic_init(&keys->refs, 1);
	return keys;
}

const struct el_stamp_key *el_stamp_keys_find(const struct el_stamp_keys *keys, const char *path)
{
	for (uint32_t i = 0; keys && i < keys->n; i++) {
		if (strcmp(keys->items[i].path, path) == 0)
			return keys->items[i].key;
	}
	return NULL;
}

int el_stamp_keys_read(struct el_stamp_keys *keys, const char *path, struct el_error *err)
{
	struct el_stamp_key *key;
	char *copy;
	int ret;

	if (el_stamp_keys_find(keys, path))
		return 0;
	if (keys->n == EL_STAMP_KEYS_MAX)
		return el_error_set(err, -ENOSPC,
				    "it is one file more than the %d that there may be with keys",
				    EL_STAMP_KEYS_MAX);
	ret = el_stamp_key_read(path, &key, err);
	if (ret < 0)
		return ret;
	copy = strdup(path);
	if (!copy) {
		el_stamp_key_destroy(key);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	keys->items[keys->n].path = copy;
	keys->items[keys->n++].key = key;
	return 0;
}

struct el_stamp_keys *el_stamp_keys_get(struct el_stamp_keys *keys)
{
	if (keys)
		atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void el_stamp_keys_put(struct el_stamp_keys *keys)
{
	if (!keys || atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < keys->n; i++) {
		free(keys->items[i].path);
		el_stamp_key_destroy(keys->items[i].key);
	}
	free(keys);
}
