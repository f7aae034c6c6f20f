/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* How el_inventory_lists are made. */
#include "el_inventory.h"
#include "list.h"

/* With room for `max` lists; as of the time of day `unix_s`. NULL: no memory. */
struct el_inventory_lists *lists_create(size_t max, int64_t unix_s);
/* The next one; a reference is taken. */
void lists_add(struct el_inventory_lists *lists, struct list *list);
