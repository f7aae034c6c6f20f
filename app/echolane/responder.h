/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the workers answer, as the configuration says: made by control, which passes a responder to
 * each worker and frees those that these have replaced. */
#include "el_conf.h"
#include "el_worker.h"
#include "el_worker_respond.h"

struct control;
struct responder; /* what is the same for all workers, and theirs */

/* The responders of control. */
struct responders {
	struct responder *current, *next; /* what the workers have, or will; NULL: nothing */
	struct responder *old;            /* which some may have still */
	bool is_next;                     /* `next` is to be sent */
	uint64_t sent;                    /* to each worker */
	struct rte_mempool *pools[EL_PLAN_WORKERS_MAX];
};

/* By the configuration that the program started with, before the workers run. 0, or -errno with a
 * sentence. */
int responder_init(struct control *c, struct el_error *err);
/* Once the workers have ended. */
void responder_fini(struct control *c);
/* Once the devices are closed, which have buffers of the pools. */
void responder_free_pools(struct control *c);

/* Another configuration: what can't be made of it is logged, and all stays as it was. */
void responder_change(struct control *c, const struct el_conf *conf);
/* Sends what has changed, and frees what nobody has any more; at each tick. */
void responder_poll(struct control *c);

/* Whether what the configuration names besides can be used: the key of the reflector. 0, or -errno
 * with a sentence. */
int responder_check(const struct el_conf *conf, struct el_error *err);
