/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A generation: a configuration and everything that was made of it, up to the rounds by which it is
 * executed. */
#include <stdint.h>

#include "el_conf.h"
#include "el_model.h"
#include "el_streams.h"
#include "events.h"
#include "rounds.h"

struct names_list;
struct network_plan;

/* Owned by whoever has it; the rollout while it may be executed. Zeroed memory: none. */
struct generation {
	struct el_conf *conf; /* several may be made of one */
	struct el_model *model;
	struct names_list *names;   /* that its targets want resolved */
	struct network_plan *net;   /* what it uses of the network */
	struct el_stamp_keys *keys; /* of its targets, for further plans of the configuration */
	struct el_plan_set *set;
	struct el_streams *streams; /* of the set */
	struct events *events;      /* counts of what workers tell as events */
	struct rounds *rounds;      /* NULL once all of them are published */
};

/* Frees all of it. For the thread that makes them. */
void generation_fini(struct generation *g);
