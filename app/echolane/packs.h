/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Pages that are packed ahead of time, for who asks for gzip: of each snapshot as it is published,
 * as long as somebody has asked lately, on a thread of its own that yields to all others. Who asks
 * gets the page that was finished last, of the snapshot that is published or, while its page is
 * being made, of one before. Nothing is made, and there is no thread, before somebody asks. */
#include <stdbool.h>
#include <stdint.h>

#include "el_expo_pack.h"
#include "el_stats.h"

struct job_thread;

/* Zeroed memory: nobody has asked. Control's own. */
struct packs {
	struct job_thread *thread;
	bool can_not; /* there is no thread to be had */
	int core;     /* of the thread; -1: any that control may use */
	struct {
		uint64_t asked_ns; /* for the last time; 0: never */
		struct el_expo_packed *page;
		char *probe_name; /* on it */
	} of[EL_EXPO_FORMATS];
};

void packs_fini(struct packs *p);

/* `s` was published: the thread makes the pages that somebody has asked for lately, others are
 * dropped. in: what is printed besides `s`; only what is constant is read. */
void packs_follow(struct packs *p, const struct el_expo_input *in, struct el_snapshot *s,
		  uint64_t now_ns);
/* Somebody asks for the page in in->format while `s` is published: a reference to what is there of
 * it; NULL: nothing yet. */
struct el_expo_packed *packs_take(struct packs *p, const struct el_expo_input *in,
				  struct el_snapshot *s, uint64_t now_ns);
