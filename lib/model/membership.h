/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which groups a target is in: (all groups that permit it, if it registers by itself) + register_to
 * - exclude_from. */
#include "el_conf.h"
#include "el_names.h"

struct membership {
	const struct el_conf *conf;
	struct el_names groups; /* to their index */
	bool *in;               /* by group: whether the target that was asked for last is in it */
	size_t n_missing;       /* groups that it registers to and that don't exist */
};

/* 0 or -ENOMEM; to be ended with membership_fini in any case. */
int membership_init(struct membership *m, const struct el_conf *conf);
void membership_fini(struct membership *m);

/* Fills in m->in for a target and returns in how many groups it is. Names of groups that don't
 * exist are logged, unless `quiet`. */
size_t membership_of(struct membership *m, const struct el_conf_target *target, bool quiet);

/* Whether number `i` of the groups that a target registers to is one that does not exist, and that
 * it is not excluded from, either. */
bool membership_is_missing(const struct membership *m, const struct el_conf_target *target,
			   size_t i);
