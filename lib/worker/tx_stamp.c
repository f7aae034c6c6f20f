/* SPDX-License-Identifier: BSD-3-Clause */
/* The times in STAMP probes: T1 is CLOCK_REALTIME of the very time that the record has, and is kept
 * in plane 1, for by it a reply is known. T1 is part of what is signed, so that of a signed probe
 * is older than its send by the time that signing takes, its own and that of those behind it in its
 * burst. Therefore these have bursts of their own, for which no other probe waits. What it comes to
 * makes their records uncertain, as the time that the call to send takes does. */
#include "el_probe_stamp.h"
#include "worker_internal.h"

/* The times of a burst, by format; PTP's only where it is needed. */
struct times {
	struct el_probe_stamp_time of[EL_STAMP_PTP + 1];
};

static struct el_probe_stamp_time time_in(const struct el_worker *w, enum el_stamp_format format,
					  int32_t tai_offset_s, uint64_t ns)
{
	const struct el_wall_line *wall = &w->wall_line;
	const uint64_t most_us = UINT32_MAX;
	uint64_t error_us = wall->error_ns / 1000 + 1;
	struct el_stamp_clock clock = {
	    .synchronised = wall->synchronised,
	    .maxerror_us = (uint32_t)RTE_MIN(error_us ? error_us : most_us, most_us)};

	return el_probe_stamp_time_of(el_stamp_encode(format, worker_real_ns(w, ns), tai_offset_s),
				      el_stamp_error_estimate(&clock, format));
}

/* How many probes of a session that asks were sent, for Direct Measurement. */
static uint32_t *n_sent_of(const struct live_round *l, const struct el_slice *s)
{
	return &l->streams->n_sent[s - l->plan->slices];
}

/* The times of what is sent in a round at `ns`: PTP's, NTP's are set already. */
static inline void set_times(const struct el_worker *w, struct el_block *b, uint64_t ns,
			     struct times *times)
{
	const uint64_t error_ns = w->wall_line.synchronised ? w->wall_line.error_ns : UINT64_MAX;

	b->wall_error_ns = RTE_MAX(b->wall_error_ns, error_ns);
	if (unlikely(b->set->has_ptp))
		times->of[EL_STAMP_PTP] = time_in(w, EL_STAMP_PTP, b->tai_offset_s, ns);
}

uint32_t tx_stamp(struct el_worker *w, struct probe_list *p, uint64_t ns)
{
	struct times times = {{time_in(w, EL_STAMP_NTP, 0, ns)}};
	uint32_t i = 0;

	for (uint32_t k = 0; k < p->n_runs; k++) {
		const struct probe_run *r = &p->runs[k];
		struct el_block *b = r->live->block;
		/* in registers: the bytes that are written might be theirs, as far as can be told
		 */
		struct el_stamp_note *notes = b->stamps;
		const uint32_t stamps = p->stamps, n = r->n, record = r->record;

		set_times(w, b, ns, &times);
		for (uint32_t j = 0; j < n; j++, i++) {
			const struct el_probe_stamp_made made = p->made[i];
			const struct el_probe_stamp_time *time;

			if (!(stamps >> i & 1))
				continue;
			if (unlikely(!made.plain))
				return i;
			time = &times.of[made.plain - 1];
			notes[record + j].t1 = time->t1;
			el_probe_stamp_set(frame_end(p->mbufs[i]), &made, time);
		}
	}
	return i;
}

/* Signs number `i` of a list, which is for this record, at the time that it returns; 0: it is none
 * that is signed. */
static uint64_t sign_one(struct el_worker *w, const struct probe_list *p, uint32_t i,
			 const struct live_round *l, uint32_t record)
{
	const struct el_slice *s = p->slices[i];
	const struct el_probe_stamp_kind *kind;
	const struct el_probe_stamp_time *time;
	struct times times;
	uint64_t ns;

	if (!(p->stamps >> i & 1))
		return 0;
	kind = &l->block->set->stamp_kinds[s->stamp_kind];
	if (kind->plain)
		return 0;
	ns = worker_now(w);
	times = (struct times){{time_in(w, EL_STAMP_NTP, 0, ns)}};
	set_times(w, l->block, ns, &times);
	time = &times.of[kind->sender.format];
	l->block->stamps[record].t1 = time->t1;
	el_probe_stamp_sign(kind, frame_end(p->mbufs[i]), time, s->cookie,
			    kind->sender.asks ? ++*n_sent_of(l, s) : 0);
	return ns;
}

uint32_t tx_sign(struct el_worker *w, struct probe_list *p, uint32_t most,
		 uint64_t ret_ns[SIGNED_AT_ONCE])
{
	uint32_t i = 0;

	for (uint32_t k = 0; k < p->n_runs; k++) {
		const struct probe_run *r = &p->runs[k];

		for (uint32_t j = 0; j < r->n; j++, i++) {
			if (i == most)
				return i;
			ret_ns[i] = sign_one(w, p, i, r->live, r->record + j);
			if (!ret_ns[i])
				return i;
		}
	}
	return i;
}

/* Of those that were stamped and not taken: they are counted when they go. */
static __rte_noinline void take_back(const struct probe_list *p, uint32_t sent, uint32_t stamped)
{
	uint32_t i = 0;

	for (uint32_t k = 0; k < p->n_runs; k++) {
		const struct live_round *l = p->runs[k].live;

		for (uint32_t j = 0; j < p->runs[k].n; j++, i++) {
			if (i >= sent && i < stamped && (p->stamps >> i & 1) &&
			    l->block->set->stamp_kinds[p->slices[i]->stamp_kind].sender.asks)
				--*n_sent_of(l, p->slices[i]);
		}
	}
}

void tx_stamp_sent(struct probe_list *p, uint32_t sent, uint32_t stamped)
{
	if (unlikely(sent < stamped))
		take_back(p, sent, stamped);
	p->stamps = (uint32_t)((uint64_t)p->stamps >> sent);
	if (p->stamps) {
		memmove(p->slices, p->slices + sent, (p->n - sent) * sizeof(p->slices[0]));
		memmove(p->made, p->made + sent, (p->n - sent) * sizeof(p->made[0]));
	}
}

void tx_stamp_keep(struct probe_list *p, uint32_t stamps, uint32_t from)
{
	p->stamps |= (stamps >> from & 1) << p->n;
	p->slices[p->n] = p->slices[from];
	p->made[p->n] = p->made[from];
}
