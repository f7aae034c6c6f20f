/* SPDX-License-Identifier: BSD-3-Clause */
#include "list.h"

#include <stdlib.h>

struct list *list_create(void)
{
	struct list *l = calloc(1, sizeof(*l));

	if (l)
		atomic_init(&l->users, 1);
	return l;
}

struct list *list_get(struct list *l)
{
	atomic_fetch_add_explicit(&l->users, 1, memory_order_relaxed);
	return l;
}

void list_put(struct list *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->users, 1, memory_order_acq_rel) != 1)
		return;
	el_conf_inventory_fini(&l->inventory);
	free(l);
}
