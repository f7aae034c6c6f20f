/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Reads a document on a thread of its own: a large one takes longer than control may. */
#include "el_conf.h"

struct parse;

/* Takes `text` (freed also if this fails) and, if it doesn't fail, a list that is not needed any
 * more: freeing takes time too. When it is done, 1 is added to the eventfd `event_fd`. NULL: no
 * thread can be had. `name` must stay. */
struct parse *parse_start(const char *name, char *text, size_t len, uint32_t max_addresses,
			  struct el_conf_inventory *old, int event_fd);

bool parse_is_done(const struct parse *p);

/* Ends it, waiting if it is not done: the results of el_conf_load_inventory. */
int parse_finish(struct parse *p, struct el_conf_inventory *ret_inventory,
		 struct el_conf_diags *ret_diags);
