/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers note down as events, because no record holds it: counted here until the next
 * snapshot. */
#include "control.h"

#include <stdlib.h>
#include <string.h>

/* A TCP target by what an answer of it shows. */
struct address_entry {
	uint32_t address; /* IPv4, network order */
	uint16_t port;
	uint32_t target;
};

struct address_index {
	uint32_t n;
	struct address_entry entries[];
};

static int by_address(const void *a, const void *b)
{
	const struct address_entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->port > y->port) - (x->port < y->port);
}

struct address_index *address_index_create(const struct el_model *model)
{
	struct address_index *index =
	    calloc(1, sizeof(*index) + model->n_streams * sizeof(index->entries[0]));

	if (!index)
		return NULL;
	for (uint32_t i = 0; i < model->n_streams; i++) {
		const struct el_model_stream *s = &model->streams[i];
		uint32_t t = model->series[s->series].target;
		if (model->targets[t].type == EL_PROBE_TCPSYN && s->address.family == 4)
			index->entries[index->n++] = (struct address_entry){
			    el_ip_v4(&s->address), model->targets[t].dst_port, t};
	}
	qsort(index->entries, index->n, sizeof(index->entries[0]), by_address);
	return index;
}

void address_index_free(struct address_index *index)
{
	free(index);
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

static void take(struct control *c, const struct el_event *e)
{
	const struct el_model *m = c->model;
	const struct address_entry *entry;
	enum el_event_kind kind = (enum el_event_kind)(e->tsc_kind & 0xff);

	/* a series of a plan that is gone has no counters any more */
	if (kind != EL_EVENT_TCP_UNMATCHED && e->b != (uint32_t)c->set->generation)
		return;
	switch (kind) {
	case EL_EVENT_LATE:
		if (e->a < m->n_series)
			c->late[e->a]++;
		break;
	case EL_EVENT_ICMP_ERROR:
		if (e->a < m->n_series)
			c->icmp_errors[e->a]++;
		break;
	case EL_EVENT_PORT_MISMATCH:
		if (e->a < m->n_series)
			c->target_events[m->series[e->a].target].port_mismatch++;
		break;
	case EL_EVENT_TCP_UNMATCHED:
		entry = find(c->addresses, e->a, (uint16_t)(e->b >> 16));
		if (entry)
			c->target_events[entry->target].match_ack_fail++;
		break;
	}
}

void control_take_events(struct control *c)
{
	struct el_event events[64];

	for (uint32_t w = 0; w < c->n_workers; w++) {
		/* bounded: a flood of events must not hold control up */
		for (int burst = 0; burst < 32; burst++) {
			unsigned n = el_worker_events(c->workers[w], events, 64);
			for (unsigned i = 0; i < n; i++)
				take(c, &events[i]);
			if (n < 64)
				break;
		}
	}
}

void control_apply_events(struct control *c, struct el_snapshot *s)
{
	for (uint32_t i = 0; i < c->model->n_series; i++) {
		s->series[i].late += c->late[i];
		s->series[i].icmp_errors += c->icmp_errors[i];
	}
	for (uint32_t i = 0; i < c->model->n_targets; i++) {
		s->targets[i].match_ack_fail += c->target_events[i].match_ack_fail;
		s->targets[i].port_mismatch += c->target_events[i].port_mismatch;
	}
	memset(c->late, 0, c->model->n_series * sizeof(*c->late));
	memset(c->icmp_errors, 0, c->model->n_series * sizeof(*c->icmp_errors));
	memset(c->target_events, 0, c->model->n_targets * sizeof(*c->target_events));
}
