/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The list of an inventory: what one document of it holds. Counted, never changed: it goes when
 * neither its program nor any lists that were taken have it. Any thread. */
#include <stdatomic.h>

#include "el_conf.h"

struct list {
	struct el_conf_inventory inventory;
	_Atomic unsigned users;
};

/* An empty one, to be filled before anybody else has it. NULL: no memory. */
struct list *list_create(void);
struct list *list_get(struct list *l);
/* Who lets go of it last frees it, which takes a while if it is long. NULL is fine. */
void list_put(struct list *l);
