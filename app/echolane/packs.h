/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Pages that are packed ahead of time, for who asks for gzip: of each snapshot as it is published,
 * as long as somebody has asked lately, on a thread of its own that yields to all others. Who asks
 * gets the page of the snapshot that is published; for some seconds while that is being made, the
 * one before; else nothing, and the page goes out as it is. Never an older one than was shown: to
 * whoever keeps them, counters that go back have begun anew. Nothing is made, and there is no
 * thread, before somebody asks. */
#include <stdbool.h>
#include <stdint.h>

#include "el_expo_pack.h"
#include "el_stats.h"

struct job_thread;

#define PACKS_TIMES 64

/* Zeroed memory: nobody has asked. Control's own. */
struct packs {
	struct job_thread *thread;
	bool can_not; /* there is no thread to be had */
	int core;     /* of the thread; -1: any that control may use */
	/* Snapshots so far: the last has this number. When each of the last ones was published. */
	uint64_t n_published;
	uint64_t published_ns[PACKS_TIMES];
	struct {
		uint64_t asked_ns; /* for the last time; 0: never */
		uint64_t shown;    /* number of the latest snapshot that anybody got */
		struct el_expo_packed *page;
		uint64_t number;  /* of its snapshot */
		char *probe_name; /* on it */
	} of[EL_EXPO_FORMATS];
};

void packs_fini(struct packs *p);

/* `s` was published: the thread makes the pages that somebody has asked for lately, others are
 * dropped. in: what is printed besides `s`; only what is constant is read. */
void packs_follow(struct packs *p, const struct el_expo_input *in, struct el_snapshot *s,
		  uint64_t now_ns);
/* Somebody asks for the page in in->format while `s` is published: a reference to what is there of
 * it; NULL: nothing, and the page of `s` goes out as it is. */
struct el_expo_packed *packs_take(struct packs *p, const struct el_expo_input *in,
				  struct el_snapshot *s, uint64_t now_ns);
