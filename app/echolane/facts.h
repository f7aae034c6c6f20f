/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What control publishes for those who look inside, besides the figures: el_facts.h. */
#include <stdbool.h>
#include <stdint.h>

#include "el_error.h"
#include "el_facts.h"

struct control;

struct facts {
	struct el_facts_store *store;
	struct el_network_facts *network; /* as published last, or NULL */
	uint64_t network_changes;         /* network_changes then */
	uint64_t published_ns;            /* 0: at once */
};

/* Publishes the first. 0, or -errno with a sentence. */
int facts_init(struct control *c, struct el_error *err);
void facts_fini(struct control *c);

/* Publishes them anew if that is due: every second, or when facts_changed has been called. */
void facts_poll(struct control *c);
/* Something has changed that is worth being seen at once. */
void facts_changed(struct control *c);
