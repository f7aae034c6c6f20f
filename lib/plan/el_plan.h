/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The plan: the immutable, compiled work of one worker. A plan set holds one for each. The compile
 * thread makes it; workers, control and statistics read it.
 *
 * Slices with the same number of packets form a class. A class of n slices and m packets is a
 * sequence of m * n probes in pass-major order: the p-th probe of every slice, then the next pass.
 * A probe's record index is class base + p * n + i.
 *
 * Past EL_PLAN_CLASSES_MAX distinct packet counts, neighbouring counts share a class: its m is the
 * largest of them, and a slice with c < m packets is passed over in m - c of the passes, evenly
 * (el_slice_packet_of_pass). Their records stay unsent. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"
#include "el_core_clock.h"
#include "el_model.h"
#include "el_probe.h"
#include "el_probe_stamp.h"
#include "el_record.h"

#define EL_PLAN_CLASSES_MAX 64
#define EL_PLAN_WORKERS_MAX 64
#define EL_PLAN_BLOCKS_MAX 1024 /* of a worker */
#define EL_PLAN_PORT_WORDS 1024 /* of 64 ports each */

struct el_plan_class {
	uint32_t base;               /* index of its first record */
	uint32_t first_slice;        /* its slices are consecutive */
	uint32_t n_slices;           /* n, at least 1 */
	uint32_t n_packets;          /* m, at least 1 */
	struct el_fastdiv by_slices; /* index - base to pass and slice */
	bool mixed;                  /* some of its slices have fewer packets than m */
	/* Pacing: records due per ns as a 0.64 fraction; UINT64_MAX: as fast as possible. */
	uint64_t rate_q64;
};

struct el_plan_set;

/* Streams with the same addresses and destination port share the entries of their source ports in
 * the worker's table of half-open connections (el_worker_streams): which those are. */
struct el_half_open_range {
	uint64_t addr_key; /* el_addr_key_v4/v6 of both addresses */
	uint16_t dst_port;
	uint16_t port;  /* the first source port */
	uint32_t first; /* its entry; the last one is before the next range's first */
};

struct el_plan {
	const struct el_plan_set *set;
	struct el_worker_idx worker;
	uint32_t n_records; /* probes of a round, at most 2^31 */
	uint64_t n_probes;  /* the same without what stays unsent where classes are merged */
	uint32_t n_slices;
	uint32_t n_classes;
	uint32_t n_half_open; /* entries in all ranges */
	uint32_t n_ranges;
	/* sorted; one more at the end, which begins at n_half_open */
	struct el_half_open_range *ranges;
	struct el_slice *slices;
	struct el_plan_class classes[EL_PLAN_CLASSES_MAX];
};

/* TCP streams whose 4-tuples come again while the probe before may be open: how many sets of
 * streams that share addresses and destination port, and of which the one with the most packets. */
struct el_plan_tight {
	uint32_t n;         /* such sets; 0: none, and nothing below is set */
	const char *target; /* a target of that one; the model's */
	uint64_t packets;   /* of it in a round */
	uint32_t ports;     /* the source ports that it has, */
	uint32_t needed;    /* and those that would do; 0: no number would */
	bool same_ports;    /* false: its groups have different ports that overlap */
	double timeout_s;   /* its longest */
	double period_s;    /* from round to round */
};

/* A sentence on it; false: there is nothing to say. */
bool el_plan_tight_text(const struct el_plan_tight *tight, char *buf, size_t size);

struct el_plan_set {
	struct el_model *model; /* one reference held */
	struct el_id_layout ids;
	struct el_id_key key; /* the same for all sets of a process */
	uint64_t generation;  /* counts the plans of this process, from 1 */
	uint64_t window_ns;   /* over which a round's probes are sent; 0: as fast as possible */
	uint64_t period_ns; /* from the start of a round to that of the next; 0: when all is sent */
	/* Rounds begin so long after the multiples of period_ns since 1970; has_phase false:
	 * anywhere. */
	uint64_t phase_ns;
	bool has_phase;
	uint64_t timeout_ns; /* the longest of any target */
	uint64_t limit_ns;   /* sending ends so long after the start at the latest; 0: no limit */
	/* An answer whose stamp may be further off is marked EL_RECORD_UNCERTAIN. */
	uint64_t certain_below_ns;
	uint64_t n_probes; /* of a round, over all workers */
	double skew; /* the largest part of them that a worker has, an even one being 1; 0: none */
	double requested_pps; /* of a round, over all workers; infinity: as fast as possible */
	/* The time a round needs: probes / rate cap, or longer where interval_packets asks for it,
	 * at most the limit, + longest timeout. */
	double iteration_s;
	uint32_t n_blocks; /* blocks a worker needs: ceil(longest timeout / interval) + 2 */
	uint16_t tcp_payload_lens[EL_PROBE_TCP_LENS_MAX]; /* distinct SYN payloads, without 0 */
	uint32_t n_tcp_payload_lens;
	const uint8_t *payload; /* the random bytes that every TX mbuf carries behind its header */
	struct el_plan_tight tight;
	/* Of STAMP targets; without any there is none, and no stamp_ports. */
	struct el_probe_stamp_kind *stamp_kinds;
	uint32_t n_stamp_kinds;
	bool has_ptp;                     /* the timestamps of one of them are PTP's */
	bool has_asks;                    /* one of them asks by TLVs */
	struct el_stamp_keys *stamp_keys; /* that these are signed with; NULL: none */
	uint64_t
	    *stamp_ports; /* [EL_PLAN_PORT_WORDS]: a bit for each port that replies come from */
	uint32_t n_workers;
	struct el_plan *plans[EL_PLAN_WORKERS_MAX];
	_Atomic uint32_t refs;
};

/* By how much stamps of answers may be off is counted by powers of two: number b is of those that
 * are off by 2^b ns at most, and by more than 2^(b - 1); the last one, of all others. */
#define EL_BOUNDS 40

static inline unsigned el_bound_of_ns(uint64_t ns)
{
	unsigned b = ns <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(ns - 1);

	return b < EL_BOUNDS ? b : EL_BOUNDS - 1;
}

/* What the TLVs of replies to a STAMP slice's probes said in a round. */
struct el_stamp_tally {
	uint32_t tlvs[EL_STAMP_TLVS]; /* first replies, by what became of what was asked */
	/* Of Direct Measurement, where has_counts: of the reply for which the reflector had
	 * received most. */
	uint32_t n_sent, n_received, n_replied;
	bool has_counts;
};

static inline void el_stamp_tally_add(struct el_stamp_tally *t, const struct el_stamp_told *told)
{
	t->tlvs[told->tlvs]++;
	if (!told->has_counts ||
	    (t->has_counts && (int32_t)(told->n_received - t->n_received) <= 0))
		return;
	t->n_sent = told->n_sent;
	t->n_received = told->n_received;
	t->n_replied = told->n_replied;
	t->has_counts = true;
}

/* A round's records on one worker, and what the worker found out besides. Ownership goes round:
 * control hands an empty block to the worker, the worker hands it back finished, statistics reads
 * and clears it, control uses it again. Whoever has it reads and writes it alone. */
struct el_block {
	struct el_plan_set *set; /* one reference held by the block */
	uint32_t worker;
	uint64_t round; /* global number, from 1 */
	/* When the round starts, on all workers; 0: when the one before is sent. */
	uint64_t start_ns;
	el_record *records; /* plan->n_records: plane 0 */
	/* Plane 1, likewise, in plans that have STAMP targets; else NULL. Of a STAMP probe that was
	 * sent t1, of one that was answered all. */
	struct el_stamp_note *stamps;
	struct el_stamp_tally *tallies; /* [n_slices], in plans that ask by TLVs; else NULL */
	/* Filled in by the worker. */
	uint64_t began_ns;  /* 0: it did not begin */
	uint64_t sent_ns;   /* last send */
	uint64_t closed_ns; /* handed back */
	/* The longest time between two RX polls while it was open: the error bound of its RTTs. */
	uint64_t poll_gap_ns;
	uint64_t bounds[EL_BOUNDS]; /* of the stamps of its answers */
	uint64_t skipped_ns;        /* time that pacing gave up after stalls */
	uint64_t uncertain;         /* probes whose TX burst call took over 50 us */
	uint64_t tx_refused;        /* packets that tx_burst did not take at first */
	uint64_t forwarded;         /* answers of targets that came in on another worker's queue */
	/* How far T1 of its STAMP probes may be off; UINT64_MAX: one is of a clock that nobody
	 * synchronises. */
	uint64_t wall_error_ns;
	int32_t tai_offset_s; /* by how much TAI was ahead of UTC, for T1 in PTP's format */
	struct el_span step;  /* the clock stepped while it was open; to_ns 0: it did not */
	/* Filled in by control: when addresses or routes had changed and this plan had not, so that
	 * probes may have gone the wrong way; to_ns 0: never. */
	struct el_span moved;
	bool cut; /* ended early by stop or reload: unsent records are meant to be */
};

/* Where a stream leaves: filled in by control from addresses and routes. */
struct el_plan_route {
	struct el_ip source; /* family 0: the stream is left out, `status` says why */
	enum el_model_status status;
	struct el_next_hop_idx next_hop;
	uint16_t mtu; /* largest IP packet of the port */
};

struct el_plan_input {
	struct el_model *model;
	struct el_id_key key;
	uint32_t n_workers;
	double interval_s, interval_packets_s;
	double round_timeout_s; /* the most a round may take, answers included; 0: no limit */
	bool asap;              /* dataplane.pacing: asap */
	bool has_phase;
	double phase;           /* dataplane.phase, where it has one */
	uint64_t rate_pps;      /* cap over all ports; 0: none */
	uint64_t max_probes;    /* dataplane.max_probes_per_round */
	double certain_below_s; /* dataplane.certain_below */
	uint64_t memory_bytes;  /* that there are for the blocks; 0: no matter */
	/* The configuration has been accepted before: what is wrong with one of its own targets,
	 * whatever the ports, is no error any more. */
	bool is_update;
	uint64_t generation;
	const uint8_t *payload; /* EL_PLAN_PAYLOAD_BYTES of it; must outlive the set */
	/* The keys of all files that STAMP targets name; the set takes a reference. NULL: none. */
	struct el_stamp_keys *stamp_keys;
	/* Called once for each stream of an enabled target. Where the group has a source subnet for
	 * the family, that takes the place of `source`, which still has to be set; the rest holds
	 * for all of the subnet's addresses. */
	struct el_plan_route (*route)(void *ctx, const struct el_model_target *target,
				      const struct el_model_group *group,
				      const struct el_ip *destination);
	/* Called once for each slice, when type, addresses and next hop are set: the worker that
	 * sends it, which must be the same for all slices of one type between the same addresses
	 * (they may share a port cursor). NULL: worker 0. */
	uint32_t (*place)(void *ctx, const struct el_slice *slice);
	void *route_ctx; /* of both */
	/* Told of each stream that is left out, in place of the log: its series and half a
	 * sentence. NULL: the log is. */
	void (*left_out)(void *ctx, uint32_t series, const char *why);
	void *left_out_ctx;
};

#define EL_PLAN_PAYLOAD_BYTES EL_PROBE_PAYLOAD_BYTES

/* Compiles. A stream that rotates over source addresses becomes a slice for each of them; within a
 * class, slices of one stream lie evenly between those of the others.
 *
 * A stream that can't be probed is left out alone: its series in the model gets a status that says
 * why, and what was not so in the model before is logged. So are targets of inventories that would
 * make the plan impossible for all (SYN payload sizes, timeouts). Nobody else may see the model
 * yet.
 *
 * 0 and *ret_set with one reference; -E2BIG (too many probes or open rounds, ids that don't fit),
 * -ENOMEM; and of what is wrong with a target of the configuration itself, unless is_update:
 * -ENOSPC (more than EL_PROBE_TCP_LENS_MAX SYN payload sizes, or EL_PROBE_STAMP_KINDS_MAX kinds of
 * STAMP's requests), -EMSGSIZE (packets longer than any), -ENOKEY (a key is not there); each with a
 * sentence that gives the numbers in `err`. A warning for what was adjusted goes to the log. */
int el_plan_compile(const struct el_plan_input *in, struct el_plan_set **ret_set,
		    struct el_error *err);

struct el_plan_set *el_plan_set_get(struct el_plan_set *set);
void el_plan_set_put(struct el_plan_set *set);

/* What the blocks of all workers of `set` take, which is most of the memory of a run. */
uint64_t el_plan_set_blocks_bytes(const struct el_plan_set *set);

/* An empty block for `worker` of `set` (takes a reference), from mmap. NULL with errno set. */
struct el_block *el_block_create(struct el_plan_set *set, uint32_t worker);
/* Makes a used block empty again for `round`. */
void el_block_reset(struct el_block *block, uint64_t round, uint64_t start_ns);
void el_block_free(struct el_block *block);

/* The class that record `index` is in. index < plan->n_records. */
static inline const struct el_plan_class *el_plan_class_of(const struct el_plan *plan,
							   uint32_t index)
{
	const struct el_plan_class *c = &plan->classes[plan->n_classes - 1];

	while (index < c->base)
		c--;
	return c;
}

/* The slice (its number in the plan) and pass of record `index` of a class. */
static inline struct el_slice_idx el_plan_class_locate(const struct el_plan_class *c,
						       uint32_t index, uint32_t *ret_pass)
{
	uint32_t pass = el_fastdiv(index - c->base, &c->by_slices);

	*ret_pass = pass;
	return (struct el_slice_idx){c->first_slice + (index - c->base - pass * c->n_slices)};
}

/* The same of any record. index < plan->n_records. */
static inline struct el_slice_idx el_plan_locate(const struct el_plan *plan, uint32_t index,
						 uint32_t *ret_pass)
{
	return el_plan_class_locate(el_plan_class_of(plan, index), index, ret_pass);
}

/* For a slice of a mixed class: true if it sends in `pass`, and then which packet of its round that
 * is. */
static inline bool el_slice_packet_of_pass(const struct el_slice *s, uint32_t pass,
					   uint32_t *ret_packet)
{
	uint64_t before, after;

	if (s->packet_frac == 0) {
		*ret_packet = pass;
		return true;
	}
	before = ((uint64_t)pass * s->packet_frac) >> 32;
	after = ((uint64_t)(pass + 1) * s->packet_frac) >> 32;
	*ret_packet = (uint32_t)before;
	return after != before;
}
