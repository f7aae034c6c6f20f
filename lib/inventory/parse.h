/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Reads a document on a thread of its own: a large one takes longer than control may. */
#include "list.h"

struct parse;

/* Takes `text` (freed also if this fails) and, if it doesn't fail, a list that is not needed any
 * more, or NULL: freeing takes time too. When it is done, 1 is added to the eventfd `event_fd`.
 * NULL: no thread can be had. `name` must stay. */
struct parse *parse_start(const char *name, char *text, size_t len, uint32_t max_addresses,
			  struct list **old, int event_fd);

bool parse_is_done(const struct parse *p);

/* Ends it, waiting if it is not done: the list, or NULL where el_conf_load_inventory fails. */
struct list *parse_finish(struct parse *p, struct el_conf_diags *ret_diags);
