/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* From a configuration to what is to be executed: model, plan and blocks. */
#include "control.h"

/* Compiles conf (which becomes the result's, also on failure) into `ret`; its rounds have not
 * started. 0, or -errno with a sentence. */
int planning_make(struct control *c, struct el_conf *conf, struct planning *ret,
		  struct el_error *err);

/* Frees all of it. */
void planning_fini(struct planning *p);
