/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The law of conservation on a port: what workers sent, the port has sent or refused; what the port
 * has received, workers received or it has dropped. For network_drops.c; control's thread. */
#include "el_conservation.h"
#include "el_counters.h"
#include "el_port.h"

/* One way. */
struct port_law_way {
	struct el_conservation conservation;
	uint64_t unaccounted; /* ever */
	bool doubted;         /* its counters count something else, which has been said */
};

struct port_law {
	struct port_law_way ways[EL_DIRECTIONS];
	bool counts; /* anything yet */
	bool said;   /* that it does not */
	struct el_port_view last;
};

/* For a port that has just been opened. `now_ns` is any clock's. */
void port_law_init(struct port_law *law, const struct el_port *port, uint64_t now_ns);

/* What workers took of a port and gave it, as read before and after the port's own counters. */
struct port_law_workers {
	uint64_t sent_before;    /* through all of the port's queues */
	uint64_t received_after; /* likewise */
	bool away;               /* one of them has not read its queue for some time */
	bool answered; /* more answers came in by all ports than these say that packets went out */
};

/* Takes a reading: completes the view, and returns what this machine has lost on the port since the
 * last one: the packets that it says it dropped, and those that are missing without a word. */
uint64_t port_law_read(struct port_law *law, uint64_t now_ns,
		       const struct port_law_workers *workers, struct el_port_view *view);
