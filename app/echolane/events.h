/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What workers note down as events because no record holds it, counted per series and target of one
 * model until the next snapshot. For control's thread. */
#include "el_stats.h"
#include "el_worker.h"

struct events;

/* For the model of a plan set of this generation; takes a reference. NULL: no memory. */
struct events *events_create(struct el_model *model, uint64_t generation);
void events_free(struct events *e); /* NULL is fine */

/* Counts an event; false if it is of another plan's series. */
bool events_take(struct events *e, const struct el_event *event);

/* A snapshot of another model than that of the one before follows: what is counted for that from
 * now on is for its series, as its series_before tells, or by their names where a newer plan's
 * snapshot comes before any of this one. Nothing happens if it is not counted for that. 0 or
 * -ENOMEM, and what is counted is lost. */
int events_hand_on(struct events *e, const struct el_model *before, const struct el_snapshot *s);

/* Adds what was counted to the totals of a snapshot that is not published yet, and begins anew.
 * Nothing happens if the snapshot is of another model, and it is not handed on to that. */
void events_apply(struct events *e, struct el_snapshot *s);
/* Whether there is something to add to a snapshot of this model. */
bool events_wait_for(const struct events *e, const struct el_model *model);
