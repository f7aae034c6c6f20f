/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Series that are configured and can't be: of targets in no group, in groups that don't exist, and
 * of those whose name another target has. */
#include "el_model.h"
#include "membership.h"

/* Lists them in model->absent, each once and none that the model has as a series, sorted by names;
 * for a model that has all of its targets and series. 0 or -ENOMEM. */
int absent_list(struct el_model *model, struct membership *membership, const struct el_conf *conf);
void absent_fini(struct el_model *model);
