/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* From a configuration to what is to be executed: model and plan. */
#include "control.h"

/* A configuration that several plans are made from, one after the other; counted, for control's
 * thread. */
struct shared_conf {
	struct el_conf *conf;
	unsigned users;
};

/* Takes conf over; NULL (and conf freed): no memory. */
struct shared_conf *shared_conf_create(struct el_conf *conf);
struct shared_conf *shared_conf_get(struct shared_conf *s);
void shared_conf_put(struct shared_conf *s); /* NULL is fine */

/* Compiles conf (the caller's reference becomes the result's, also on failure) into `ret`; it has
 * no rounds yet. 0, or -errno with a sentence. */
int planning_make(struct control *c, struct shared_conf *conf, struct planning *ret,
		  struct el_error *err);

/* Frees all of it. */
void planning_fini(struct planning *p);
