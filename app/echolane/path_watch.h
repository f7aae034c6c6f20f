/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Targets that somebody looks at path by path. Figures of paths are made of these alone, and only
 * as long as they are asked for: there may be a hundred million of them. */
#include "el_paths.h"

struct path_watch;

struct path_watch *path_watch_create(void);    /* NULL: no memory */
void path_watch_destroy(struct path_watch *w); /* NULL is fine */

/* The paths of a target in the last round of which they are known; NULL: of none yet. From now on
 * they are looked at, for some time; of several targets too many, no longer those that were asked
 * for the longest time ago. One reference; any thread. */
struct el_paths *path_watch_take(struct path_watch *w, const char *target);

/* A round has come in. The statistics thread's. */
void path_watch_round(struct path_watch *w, struct el_block *const *blocks, uint32_t n_blocks);
