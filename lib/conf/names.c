/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void el_names_init(struct el_names *names)
{
	memset(names, 0, sizeof(*names));
	if (getrandom(&names->key, sizeof(names->key), GRND_NONBLOCK) < 0)
		names->key.k0 = (uintptr_t)names;
}

void el_names_fini(struct el_names *names)
{
	free(names->entries);
	names->entries = NULL;
	names->capacity = names->count = 0;
}

/* Where `name` is, or the free entry where it belongs. */
static struct el_names_entry *probe(const struct el_names *names, const char *name)
{
	size_t i = el_siphash(&names->key, name, strlen(name));

	for (;; i++) {
		struct el_names_entry *e = &names->entries[i & (names->capacity - 1)];

		if (!e->name || strcmp(e->name, name) == 0)
			return e;
	}
}

static int grow(struct el_names *names)
{
	struct el_names bigger = *names;

	bigger.capacity = names->capacity ? 2 * names->capacity : 64;
	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -1;
	for (size_t i = 0; i < names->capacity; i++)
		if (names->entries[i].name)
			*probe(&bigger, names->entries[i].name) = names->entries[i];
	free(names->entries);
	*names = bigger;
	return 0;
}

struct el_names_entry *el_names_add(struct el_names *names, const char *name, uint32_t value,
				    int *ret_added)
{
	struct el_names_entry *e;

	if (2 * (names->count + 1) > names->capacity && grow(names) < 0)
		return NULL;
	e = probe(names, name);
	if (ret_added)
		*ret_added = !e->name;
	if (!e->name) {
		*e = (struct el_names_entry){.name = name, .value = value};
		names->count++;
	}
	return e;
}

struct el_names_entry *el_names_find(const struct el_names *names, const char *name)
{
	struct el_names_entry *e;

	if (!names->count)
		return NULL;
	e = probe(names, name);
	return e->name ? e : NULL;
}
