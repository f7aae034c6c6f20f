/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What /-/ready and /-/healthy say; for the control thread, which serves them: while it stands
 * still itself, nobody gets an answer. */
#include "control.h"

/* NULL: at least one port is up, at least one series is probed, and there are figures. Else why
 * not, until the next call. */
const char *state_not_ready(struct control *c);

/* NULL: all workers do what they are told. Else which does not, until the next call. */
const char *state_not_healthy(struct control *c);

/* Notes which workers have done all that they were told. Between two calls each is told something;
 * what it was told just before the call it can't have done yet. */
void state_watch_workers(struct control *c);
