/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of workers and of ports: their values are as they are when the page is asked for. */
#include "family.h"

/* Whose they are is known with the first snapshot only. */
uint32_t expo_rows_workers(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->n_workers : 0;
}

uint32_t expo_rows_ports(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->n_ports : 0;
}

bool expo_is_live(const struct family *f)
{
	return f->rows == expo_rows_workers || f->rows == expo_rows_ports;
}

static void worker_labels(const struct el_expo_input *in, uint32_t row, struct line *l)
{
	expo_probe_label(in, l);
	line_label_u64(l, "worker", row);
}

static void port_labels(const struct el_expo_input *in, uint32_t row, struct line *l)
{
	line_label(l, "port", in->ports[row].name);
	expo_probe_label(in, l);
}

bool expo_print_worker(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l)
{
	(void)sub;
	worker_labels(in, row, l);
	line_u64(l, in->workers[row].v[f->offset]);
	return true;
}

bool expo_print_worker_gap(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	double seconds;

	(void)sub;
	memcpy(&seconds, (const char *)&in->workers[row] + f->offset, sizeof(seconds));
	worker_labels(in, row, l);
	line_double(l, seconds);
	return true;
}

struct reason {
	uint32_t counter;
	const char *name;
};

#define REASON(id, name, help) {EL_COUNTER_##id, name},
static const struct reason drop_reasons[] = {EL_WORKER_DROPS(REASON)};
static const struct reason unmatched_reasons[] = {EL_WORKER_UNMATCHED(REASON)};
static const struct reason responded_types[] = {EL_WORKER_RESPONDED(REASON)};
static const struct reason refused_reasons[] = {EL_WORKER_REFUSED(REASON)};
#undef REASON

uint32_t expo_subs_drops(const struct el_expo_input *in)
{
	(void)in;
	return sizeof(drop_reasons) / sizeof(drop_reasons[0]);
}

uint32_t expo_subs_unmatched(const struct el_expo_input *in)
{
	(void)in;
	return sizeof(unmatched_reasons) / sizeof(unmatched_reasons[0]);
}

uint32_t expo_subs_responded(const struct el_expo_input *in)
{
	(void)in;
	return sizeof(responded_types) / sizeof(responded_types[0]);
}

uint32_t expo_subs_refused(const struct el_expo_input *in)
{
	(void)in;
	return sizeof(refused_reasons) / sizeof(refused_reasons[0]);
}

static bool print_reason(const struct el_expo_input *in, uint32_t row, const char *label,
			 const struct reason *reason, struct line *l)
{
	expo_probe_label(in, l);
	line_label(l, label, reason->name);
	line_label_u64(l, "worker", row);
	line_u64(l, in->workers[row].v[reason->counter]);
	return true;
}

bool expo_print_drops(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l)
{
	(void)f;
	return print_reason(in, row, "reason", &drop_reasons[sub], l);
}

bool expo_print_unmatched(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	(void)f;
	return print_reason(in, row, "reason", &unmatched_reasons[sub], l);
}

bool expo_print_responded(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	(void)f;
	return print_reason(in, row, "type", &responded_types[sub], l);
}

bool expo_print_refused(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	(void)f;
	return print_reason(in, row, "reason", &refused_reasons[sub], l);
}

bool expo_print_port(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l)
{
	uint64_t v;

	(void)sub;
	memcpy(&v, (const char *)&in->ports[row] + f->offset, sizeof(v));
	port_labels(in, row, l);
	line_u64(l, v);
	return true;
}

/* Counters of both directions, side by side. */
bool expo_print_device(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l)
{
	return !in->ports[row].is_link && expo_print_port(f, in, row, sub, l);
}

bool expo_print_direction(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	static const char *const names[EL_DIRECTIONS] = EL_DIRECTION_NAMES;
	uint64_t v[EL_DIRECTIONS];

	if (in->ports[row].is_link)
		return false;
	memcpy(v, (const char *)&in->ports[row] + f->offset, sizeof(v));
	line_label(l, "direction", names[sub]);
	port_labels(in, row, l);
	line_u64(l, v[sub]);
	return true;
}

uint32_t expo_subs_port_directions(const struct el_expo_input *in)
{
	(void)in;
	return EL_DIRECTIONS;
}

/* A port's state, as a label. */
static bool print_source(const struct el_expo_input *in, uint32_t row, const char *source,
			 struct line *l)
{
	if (in->ports[row].is_link)
		return false;
	port_labels(in, row, l);
	line_label(l, "source", source);
	line_u64(l, 1);
	return true;
}

bool expo_print_placement(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	static const char *const names[EL_PLACEMENTS] = EL_PLACEMENT_NAMES;

	(void)f, (void)sub;
	return print_source(in, row, names[in->ports[row].placement], l);
}

bool expo_print_arrival(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	static const char *const names[EL_ARRIVALS] = EL_ARRIVAL_NAMES;

	(void)f, (void)sub;
	return print_source(in, row, names[in->ports[row].arrival], l);
}
