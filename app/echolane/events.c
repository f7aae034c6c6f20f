/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A TCP target by what an answer of it shows. */
struct address_entry {
	uint32_t address; /* el_ip_fold */
	uint16_t port;
	uint32_t target;
};

struct address_index {
	uint32_t n;
	struct address_entry entries[];
};

struct events {
	struct el_model *model; /* one reference */
	uint64_t generation;    /* of its plan set */
	struct address_index *addresses;
	uint64_t *late, *icmp_errors;     /* [n_series] since they were last applied */
	struct el_target_totals *targets; /* [n_targets] likewise */
	bool any;                         /* something was counted since then */
	/* The model after this one (one reference; NULL: none yet), and which series here each of
	 * its series is; UINT32_MAX: none. */
	struct el_model *heir;
	uint32_t *heirs;
};

static int by_address(const void *a, const void *b)
{
	const struct address_entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->port > y->port) - (x->port < y->port);
}

static struct address_index *address_index_create(const struct el_model *model)
{
	struct address_index *index =
	    calloc(1, sizeof(*index) + model->n_streams * sizeof(index->entries[0]));

	if (!index)
		return NULL;
	for (uint32_t i = 0; i < model->n_streams; i++) {
		const struct el_model_stream *s = &model->streams[i];
		uint32_t t = model->series[s->series].target;
		if (model->targets[t].type == EL_PROBE_TCPSYN)
			index->entries[index->n++] =
			    (struct address_entry){el_ip_fold(s->address.bytes, s->address.family),
						   model->targets[t].dst_port, t};
	}
	qsort(index->entries, index->n, sizeof(index->entries[0]), by_address);
	return index;
}

struct events *events_create(struct el_model *model, uint64_t generation)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->model = el_model_get(model);
	e->generation = generation;
	e->addresses = address_index_create(model);
	e->late = calloc(model->n_series + 1, sizeof(*e->late));
	e->icmp_errors = calloc(model->n_series + 1, sizeof(*e->icmp_errors));
	e->targets = calloc(model->n_targets + 1, sizeof(*e->targets));
	if (e->addresses && e->late && e->icmp_errors && e->targets)
		return e;
	events_free(e);
	return NULL;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	free(e->addresses);
	free(e->late);
	free(e->icmp_errors);
	free(e->targets);
	free(e->heirs);
	el_model_put(e->heir);
	el_model_put(e->model);
	free(e);
}

/* The target with this address, with this port if there is one, or NULL. */
static const struct address_entry *find(const struct address_index *index, uint32_t address,
					uint16_t port)
{
	const struct address_entry key = {.address = address, .port = port}, *found;
	uint32_t low = 0, high = index->n;

	found = bsearch(&key, index->entries, index->n, sizeof(key), by_address);
	while (!found && low < high) { /* any port: the first entry of the address */
		uint32_t mid = (low + high) / 2;
		if (index->entries[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!found && low < index->n && index->entries[low].address == address)
		found = &index->entries[low];
	return found;
}

bool events_take(struct events *e, const struct el_event *event)
{
	enum el_event_kind kind = (enum el_event_kind)(event->ns_kind & 0xff);
	const struct el_model *m = e->model;
	const struct address_entry *entry;

	if (kind == EL_EVENT_TCP_UNMATCHED) {
		entry = find(e->addresses, event->a, (uint16_t)(event->b >> 16));
		if (entry)
			e->targets[entry->target].match_ack_fail++;
		e->any |= entry != NULL;
		return true;
	}
	if (event->b != (uint32_t)e->generation || event->a >= m->n_series)
		return false;
	e->any = true;
	if (kind == EL_EVENT_LATE)
		e->late[event->a]++;
	else if (kind == EL_EVENT_ICMP_ERROR)
		e->icmp_errors[event->a]++;
	else if (kind == EL_EVENT_PORT_MISMATCH)
		e->targets[m->series[event->a].target].port_mismatch++;
	return true;
}

/* Which series here each of the snapshot's is, by what it was in the snapshot before. */
static uint32_t *follow(const struct events *e, bool is_first, const struct el_snapshot *s)
{
	uint32_t *heirs = malloc((s->model->n_series + 1) * sizeof(*heirs));

	for (uint32_t i = 0; heirs && i < s->model->n_series; i++) {
		uint32_t old = s->series_before ? s->series_before[i] : UINT32_MAX;

		heirs[i] = old != UINT32_MAX && !is_first ? e->heirs[old] : old;
	}
	return heirs;
}

int events_hand_on(struct events *e, const struct el_model *before, const struct el_snapshot *s)
{
	bool is_followed = before == e->model || before == e->heir;
	/* no round of this plan is over, and some of a newer one is */
	bool is_overtaken = !e->heir && s->model != e->model && e->generation < s->generation;
	uint32_t *heirs;

	if (s->model == before || (!is_followed && !is_overtaken))
		return 0;
	heirs =
	    is_followed ? follow(e, before == e->model, s) : el_snapshot_match(s->model, e->model);
	free(e->heirs);
	el_model_put(e->heir);
	e->heirs = heirs;
	e->heir = heirs ? el_model_get(s->model) : NULL;
	return heirs ? 0 : -ENOMEM;
}

bool events_wait_for(const struct events *e, const struct el_model *model)
{
	return e->any && (model == e->model || (e->heir && model == e->heir));
}

/* Which series here is number i of the snapshot's model; UINT32_MAX: none. */
static uint32_t series_of(const struct events *e, const struct el_snapshot *s, uint32_t i)
{
	return s->model == e->model ? i : e->heirs[i];
}

void events_apply(struct events *e, struct el_snapshot *s)
{
	const struct el_model *m = s->model;

	if (!events_wait_for(e, m))
		return;
	e->any = false;
	for (uint32_t i = 0; i < m->n_series; i++) {
		uint32_t from = series_of(e, s, i);
		const struct el_target_totals *target;

		if (from == UINT32_MAX)
			continue;
		s->series[i].late += e->late[from];
		s->series[i].icmp_errors += e->icmp_errors[from];
		if (i != m->targets[m->series[i].target].first_series)
			continue;
		target = &e->targets[e->model->series[from].target];
		s->targets[m->series[i].target].match_ack_fail += target->match_ack_fail;
		s->targets[m->series[i].target].port_mismatch += target->port_mismatch;
	}
	memset(e->late, 0, e->model->n_series * sizeof(*e->late));
	memset(e->icmp_errors, 0, e->model->n_series * sizeof(*e->icmp_errors));
	memset(e->targets, 0, e->model->n_targets * sizeof(*e->targets));
}
