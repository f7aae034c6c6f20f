/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether workers and control have been at work, so that what is asked on a link is sent, and its
 * answer heard. A worker or control that gets no processor for seconds would else have a gateway
 * taken for unreachable that was never asked, and all probes to it for lost; or an address for ours
 * that another host has. */
#include "el_ticks.h"
#include "network_private.h"

/* All requests to somebody take longer, one after the other. What a worker is told a few times a
 * second anyway (clocks.c) shows that it is away even where nobody is asked for. */
#define AWAY_NS (EL_NS_PER_S / 2)
/* What was asked, and waited with whoever was away, is answered by then. */
#define AGAIN_NS EL_NS_PER_S
#define TELL_NS (10 * EL_NS_PER_S)

static bool has_done_all(const struct el_worker *w)
{
	return el_worker_has_read_all(w) && el_worker_has_taken_all(w);
}

bool network_was_away(struct network *n)
{
	struct network_away *a = &n->away;
	bool away = a->polled_ns && n->now_ns - a->polled_ns > AWAY_NS;

	a->polled_ns = n->now_ns;
	for (uint32_t w = 0; w < n->n_workers; w++) {
		if (has_done_all(n->workers[w]) || !a->done_ns[w])
			a->done_ns[w] = n->now_ns;
		away |= n->now_ns - a->done_ns[w] > AWAY_NS;
	}
	if (!away && n->now_ns >= a->until_ns) {
		a->since_ns = n->now_ns;
		a->told = false;
		return false;
	}
	if (away)
		a->until_ns = n->now_ns + AGAIN_NS;
	if (!a->told && n->now_ns - a->since_ns > TELL_NS) {
		el_log(EL_LOG_WARNING, "network",
		       "a worker or control is away so often that neighbours which don't answer "
		       "are not taken for unreachable, and addresses not for ours");
		a->told = true;
	}
	return true;
}
