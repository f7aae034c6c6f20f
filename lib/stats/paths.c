/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_paths.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fate.h"

/* A slice's paths. */
struct walk {
	const struct el_block *block;
	const struct el_slice *slice;
	struct el_path *paths; /* by packet, until the source ports come again */
	uint32_t n_paths;
	uint64_t limit_ns;
};

static void count_unanswered(const struct walk *w, struct el_path *p, uint64_t time)
{
	switch (fate_of_sent(w->block, time, w->limit_ns)) {
	case FATE_LOCAL:
		p->local++;
		break;
	case FATE_LOST:
		p->lost++;
		break;
	default:
		p->unknown++;
	}
}

static void count_answered(const struct walk *w, struct el_path *p, uint64_t rtt)
{
	enum fate fate = fate_of_answered(w->block, rtt, w->limit_ns);

	if (fate == FATE_LATE) {
		p->lost++;
		return;
	}
	p->answered++;
	if (fate != FATE_IN_TIME)
		return;
	p->timed++;
	p->rtt_min_ns = !p->rtt_max_ns || rtt < p->rtt_min_ns ? rtt : p->rtt_min_ns;
	p->rtt_max_ns = rtt > p->rtt_max_ns ? rtt : p->rtt_max_ns;
	p->rtt_mean_ns += ((double)rtt - p->rtt_mean_ns) / p->timed;
}

static void count_record(const struct walk *w, uint32_t packet, el_record r)
{
	struct el_path *p = &w->paths[packet % w->n_paths];

	switch (el_record_state(r)) {
	case EL_RECORD_UNSENT:
		return;
	case EL_RECORD_LOCAL:
		p->local++;
		return;
	case EL_RECORD_SENT:
		count_unanswered(w, p, el_record_time(r));
		break;
	case EL_RECORD_ANSWERED:
		count_answered(w, p, el_record_time(r));
		break;
	}
	p->sent = p->answered + p->lost;
}

static struct el_ip address(uint8_t family, const uint8_t *bytes)
{
	struct el_ip ip = {.family = family};

	memcpy(ip.bytes, bytes, family == 4 ? 4 : 16);
	return ip;
}

static void name_paths(const struct walk *w)
{
	const struct el_slice *s = w->slice;
	const uint8_t *target, *own;

	el_slice_addresses(s, &target, &own);
	for (uint32_t i = 0; i < w->n_paths; i++) {
		w->paths[i] = (struct el_path){.series = s->series,
					       .target = address(s->family, target),
					       .source = address(s->family, own),
					       .port = el_slice_port(s, i)};
	}
}

static void walk_slice(struct walk *w, const struct el_plan_class *c, uint32_t index)
{
	const el_record *records = w->block->records + c->base + index;

	name_paths(w);
	w->limit_ns = fate_limit_ns(w->slice);
	for (uint32_t pass = 0; pass < c->n_packets; pass++) {
		uint32_t packet = pass;

		if (!c->mixed || el_slice_packet_of_pass(w->slice, pass, &packet))
			count_record(w, packet, records[(size_t)pass * c->n_slices]);
	}
}

/* Paths that no probe went in this round are none. */
static uint32_t drop_unused(struct el_path *paths, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (paths[i].sent || paths[i].local || paths[i].unknown)
			paths[used++] = paths[i];
	}
	return used;
}

static void walk_class(const struct el_block *block, const struct el_plan_class *c, uint32_t first,
		       uint32_t n, struct el_paths *ret)
{
	const struct el_slice *slices = block->set->plans[block->worker]->slices + c->first_slice;

	for (uint32_t i = 0; i < c->n_slices; i++) {
		const struct el_slice *s = &slices[i];
		struct walk w = {.block = block,
				 .slice = s,
				 .paths = &ret->items[ret->n],
				 .n_paths =
				     s->port_count < s->n_packets ? s->port_count : s->n_packets};

		if (s->series - first >= n || w.n_paths == 0)
			continue;
		if (w.n_paths > EL_PATHS_MAX - ret->n) {
			ret->left_out += w.n_paths;
			continue;
		}
		walk_slice(&w, c, i);
		ret->n += drop_unused(w.paths, w.n_paths);
	}
}

struct el_paths *el_stats_paths(struct el_block *const *blocks, uint32_t n_blocks, uint32_t first,
				uint32_t n)
{
	struct el_paths *ret = calloc(1, sizeof(*ret) + EL_PATHS_MAX * sizeof(ret->items[0]));
	struct el_paths *smaller;

	if (!ret)
		return NULL;
	ret->refs = 1;
	ret->round = blocks[0]->round;
	ret->generation = blocks[0]->set->generation;
	for (uint32_t b = 0; b < n_blocks; b++) {
		const struct el_plan *plan = blocks[b]->set->plans[blocks[b]->worker];

		for (uint32_t c = 0; c < plan->n_classes; c++)
			walk_class(blocks[b], &plan->classes[c], first, n, ret);
	}
	smaller = realloc(ret, sizeof(*ret) + ret->n * sizeof(ret->items[0]));
	return smaller ? smaller : ret;
}

struct el_paths *el_paths_get(struct el_paths *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void el_paths_put(struct el_paths *p)
{
	if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		free(p);
}
