/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes in to two workers with an open round of probes of all types over IPv4 and IPv6: true
 * answers to probes that were sent, answers that the input has changed on their way, and any bytes.
 * Each record says what the bytes of the frames make it say (fuzz_worker_model.h) and no more; each
 * frame is counted once; nothing is sent but the reset that a SYN/ACK or an ACK gets; no buffer is
 * lost. */
#include "fuzz.h"

#include <netinet/tcp.h>

#include "fuzz_worker_bench.h"
#include "worker_internal.h"

#define BATCH 32
#define HISTORY 8
#define OPERATIONS 200
#define WAIT_MAX_NS 30000000 /* in all, of a timeout of 50 ms */
#define RESETS_AT_ONCE 64    /* of a worker for what answers no probe; then one a millisecond */

static struct bench *b;
static struct fuzz_port port;
static struct fuzz_probe probes[FUZZ_PROBES];
static bool is_open; /* the round, to answers */
static uint64_t waited_ns;
static enum el_checksums policy;

/* Frames that have been given since the workers looked last. */
static struct given {
	struct fuzz_draft draft;
	struct el_pkt pkt;
	struct fuzz_answer answer;
	bool is_syn_ack, is_resettable, is_reset;
} batch[BATCH];
static size_t n_batch;
static struct fuzz_draft history[HISTORY];
static size_t n_history;

/* Of this input. */
static const enum el_worker_counter counters[] = {
    EL_COUNTER_TX_PROBES, EL_COUNTER_TX_RESETS,      EL_COUNTER_RX_PACKETS,
    EL_COUNTER_ANSWERS,   EL_COUNTER_UNMATCHED_LATE, EL_COUNTER_WRONG_CHECKSUMS,
};
static uint64_t expected[EL_COUNTERS]; /* of `counters` */
static uint64_t began_ns, n_for_control, n_up;
static uint64_t unknown_resets[WORKERS]; /* for what answers no probe */

static uint64_t count_of(enum el_worker_counter c)
{
	return el_worker_counter(b->workers[0], c) + el_worker_counter(b->workers[1], c);
}

/* ---- what is given ---- */

/* What an answer is to come to. */
static void expect(const struct given *g)
{
	struct fuzz_probe *p = g->answer.probe;

	expected[EL_COUNTER_WRONG_CHECKSUMS] +=
	    policy == EL_CHECKSUMS_COUNTED &&
	    !fuzz_checksums_right(&g->pkt, g->draft.ol_flags & FUZZ_BELIEVED);
	if (!is_open) {
		expected[EL_COUNTER_UNMATCHED_LATE]++;
		return;
	}
	expected[EL_COUNTER_ANSWERS]++;
	if (g->answer.is_error)
		p->icmp_error = true;
	else
		p->answers++;
}

static void flush(void);

static void give_draft(const struct fuzz_draft *d)
{
	struct given *g = &batch[n_batch++];

	memset(g, 0, sizeof(*g));
	g->draft = *d;
	if (el_pkt_parse(g->draft.bytes, d->len, &g->pkt) == EL_PKT_OK) {
		g->is_syn_ack = fuzz_is_syn_ack(&g->pkt);
		g->is_resettable = fuzz_is_resettable(&g->pkt, &port);
		if (fuzz_is_untagged(&g->pkt) &&
		    (policy != EL_CHECKSUMS_REFUSED ||
		     fuzz_checksums_right(&g->pkt, d->ol_flags & FUZZ_BELIEVED)))
			g->answer = fuzz_answer_of(&g->pkt, probes, FUZZ_PROBES);
	}
	if (d->meant.probe)
		FUZZ_ASSERT(g->answer.probe == d->meant.probe &&
			    g->answer.is_error == d->meant.is_error);
	if (g->answer.probe)
		expect(g);
	expected[EL_COUNTER_RX_PACKETS]++;
	n_for_control +=
	    (!d->segment || d->segment >= d->len) && fuzz_is_for_control(d->bytes, d->len, &port);
	fuzz_bench_give(b, d);
	if (n_batch == BATCH)
		flush();
}

/* ---- what comes of it ---- */

/* The answers that just came, came between two times. */
static void time_answers(uint64_t from_ns, uint64_t to_ns)
{
	for (size_t i = 0; i < n_batch && is_open; i++) {
		struct fuzz_probe *p = batch[i].answer.probe;

		if (!p || batch[i].answer.is_error || p->rtt_max_ns)
			continue;
		p->rtt_min_ns = from_ns - p->sent_ns;
		p->rtt_max_ns = to_ns - p->sent_ns;
	}
}

static void assert_records(void)
{
	for (struct fuzz_probe *p = probes; p < probes + FUZZ_PROBES; p++) {
		el_record r = *p->record;
		uint64_t ns = el_record_time(r);

		FUZZ_ASSERT(el_record_state(r) ==
			    (p->answers ? EL_RECORD_ANSWERED : EL_RECORD_SENT));
		FUZZ_ASSERT(
		    el_record_duplicates(r) ==
		    (p->answers ? RTE_MIN(p->answers - 1, (uint32_t)EL_RECORD_DUP_MAX) : 0));
		FUZZ_ASSERT(((r & EL_RECORD_ICMP_ERROR) != 0) == p->icmp_error);
		if (p->answers)
			FUZZ_ASSERT(ns >= p->rtt_min_ns && ns <= p->rtt_max_ns);
		else
			FUZZ_ASSERT(ns == p->sent_ns);
	}
}

/* Whether a reset that a worker sent is what the segment in `g` is to get: a probe's SYN/ACK from
 * the probe's worker, what is nobody's from the one that received it. */
static bool resets(const struct el_pkt *rst, uint32_t worker, const struct given *g)
{
	const struct el_pkt *pkt = &g->pkt;

	if ((!g->is_syn_ack && !g->is_resettable) || g->is_reset ||
	    (!g->answer.probe && (!g->is_resettable || g->draft.queue != worker)))
		return false;
	return rst->family == pkt->family && fuzz_same(rst->ip.src, pkt->ip.dst, rst->family) &&
	       fuzz_same(rst->ip.dst, pkt->ip.src, rst->family) &&
	       memcmp(rst->l2, g->answer.probe ? mac_a : pkt->l2 + 6, 6) == 0 &&
	       memcmp(rst->l4, pkt->l4 + 2, 2) == 0 && memcmp(rst->l4 + 2, pkt->l4, 2) == 0 &&
	       memcmp(rst->l4 + 4, pkt->l4 + 8, 4) == 0;
}

/* A reset is whole, and ends what one of the frames shows. */
static void assert_reset(const struct rte_mbuf *m, uint32_t worker)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct given *g = batch;
	struct el_pkt rst;

	FUZZ_ASSERT(m->nb_segs == 1 && el_pkt_parse(frame, m->data_len, &rst) == EL_PKT_OK);
	FUZZ_ASSERT(rst.protocol == IPPROTO_TCP && rst.l4[13] == TH_RST && rst.l4_len == 20);
	FUZZ_ASSERT(fuzz_checksums_right(&rst, 0) && memcmp(rst.l2 + 6, mac_own, 6) == 0);
	while (g < batch + n_batch && !resets(&rst, worker, g))
		g++;
	FUZZ_ASSERT(g < batch + n_batch);
	g->is_reset = true;
	unknown_resets[worker] += !g->answer.probe;
	expected[EL_COUNTER_TX_RESETS]++;
}

/* All are reset that are to be, but for those of nobody's beyond a worker's limit. */
static void assert_all_reset(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		FUZZ_ASSERT(unknown_resets[w] <= RESETS_AT_ONCE + (sim_ns - began_ns) / 1000000);
	for (size_t i = 0; i < n_batch; i++) {
		const struct given *g = &batch[i];

		if (g->is_syn_ack && g->answer.probe)
			FUZZ_ASSERT(g->is_reset);
		else if (g->is_resettable)
			FUZZ_ASSERT(g->is_reset ||
				    unknown_resets[g->draft.queue] >= RESETS_AT_ONCE);
	}
}

static void take_events(void)
{
	struct el_event e;

	for (uint32_t w = 0; w < WORKERS; w++)
		while (el_worker_events(b->workers[w], &e, 1)) {
			FUZZ_ASSERT((e.ns_kind & 0xff) <= EL_EVENT_TCP_UNMATCHED);
			FUZZ_ASSERT((e.ns_kind & 0xff) == EL_EVENT_TCP_UNMATCHED ||
				    e.a < FUZZ_TARGETS);
		}
}

/* What a pool has lent must be in `frames`; they are freed. */
static void give_back(struct rte_mempool *pool, uint32_t n_spare, struct rte_mbuf **frames,
		      uint32_t n)
{
	FUZZ_ASSERT(rte_mempool_in_use_count(pool) == n_spare + n);
	rte_pktmbuf_free_bulk(frames, n);
}

/* What a worker has sent. */
static void take_resets(uint32_t w)
{
	struct rte_mbuf *frames[WIRE];
	uint32_t n = 0;

	while (n < WIRE && (frames[n] = take(b, w)) != NULL)
		assert_reset(frames[n++], w);
	give_back(b->tx_pool[w], b->workers[w]->n_spare, frames, n);
}

/* What the workers have received for control. */
static void take_punted(void)
{
	struct rte_mbuf *frames[BATCH];
	uint32_t n = 0;

	for (uint32_t w = 0; w < WORKERS; w++)
		n += el_worker_punted(b->workers[w], frames + n, BATCH - n);
	give_back(b->rx_pool, 0, frames, n);
	n_up += n;
}

/* The workers look at what was given, and at what they forward to each other. */
static void flush(void)
{
	uint64_t from_ns = sim_ns;

	poll_all(b);
	time_answers(from_ns, sim_ns);
	for (int i = 0; i < 2; i++)
		poll_all(b);
	for (uint32_t w = 0; w < WORKERS; w++) {
		FUZZ_ASSERT(rte_ring_empty(b->in[w]));
		take_resets(w);
	}
	take_punted();
	assert_all_reset();
	n_batch = 0;
	take_events();
	assert_records();
}

/* ---- what the input says ---- */

/* Changes a draft, gives it so many times, and keeps it for later. */
static void finish_draft(struct fuzz_input *in, struct fuzz_draft *d)
{
	unsigned copies;

	fuzz_draft_change(in, d);
	copies = fuzz_next(in);
	copies = copies < 0xf0 ? 1 : copies & 7;
	for (unsigned i = 0; i < copies; i++)
		give_draft(d);
	history[n_history++ % HISTORY] = *d;
}

static void end_round(void)
{
	flush();
	if (!is_open)
		return;
	is_open = false;
	sim_ns += EL_NS_PER_S;
	for (uint32_t w = 0; w < WORKERS; w++)
		FUZZ_ASSERT(report(b, w) == b->ordered[w]);
}

static void wait_ns(uint64_t ns)
{
	flush();
	if (waited_ns + ns > WAIT_MAX_NS)
		return;
	waited_ns += ns;
	sim_ns += ns;
}

static void set_policy(enum el_checksums to)
{
	flush();
	policy = to;
	for (uint32_t w = 0; w < WORKERS; w++)
		b->workers[w]->queues[0].conf.checksums = to;
}

static void operation(struct fuzz_input *in)
{
	struct fuzz_draft d;
	uint8_t choice;

	memset(&d, 0, sizeof(d));
	switch (fuzz_next(in) % 8) {
	case 0:
		flush();
		return;
	case 1:
		wait_ns(fuzz_next(in) * UINT64_C(20000));
		return;
	case 2:
		choice = fuzz_next(in) % 8;
		if (choice == 0) /* rarely: it ends what can be found out */
			end_round();
		else if (choice <= 3)
			set_policy((enum el_checksums)(choice - 1));
		return;
	case 3:
		fuzz_draft_raw(in, &d);
		break;
	case 4:
		if (!n_history)
			return;
		d = history[fuzz_next(in) % RTE_MIN(n_history, (size_t)HISTORY)];
		break;
	default:
		fuzz_draft_answer(in, &d);
	}
	finish_draft(in, &d);
}

/* ---- at the end ---- */

static void assert_figures(void)
{
	struct el_round_figures *f = el_stats_round(b->ordered, WORKERS);

	FUZZ_ASSERT(f && f->n_series == FUZZ_TARGETS && f->sent == FUZZ_PROBES);
	for (uint32_t s = 0; s < f->n_series; s++) {
		struct el_ip ip;
		struct el_figures is = f->series[s], be = {.sent = FUZZ_PACKETS};

		FUZZ_ASSERT(el_ip_parse(fuzz_targets[s].address, &ip) == 0);
		for (const struct fuzz_probe *p = probes; p < probes + FUZZ_PROBES; p++) {
			if (p->type != fuzz_targets[s].type || p->family != ip.family ||
			    !fuzz_same(p->dst, ip.bytes, p->family))
				continue;
			be.answered += p->answers > 0;
			be.duplicates += p->answers ? RTE_MIN(p->answers - 1, 3U) : 0;
			be.icmp_errors += p->icmp_error;
		}
		FUZZ_ASSERT(is.sent == FUZZ_PACKETS && is.answered == be.answered);
		FUZZ_ASSERT(is.lost == FUZZ_PACKETS - be.answered);
		FUZZ_ASSERT(is.duplicates == be.duplicates && is.icmp_errors == be.icmp_errors);
		FUZZ_ASSERT(!is.late && !is.out_of_order && !is.local && !is.untimed &&
			    !is.unknown);
	}
	el_round_figures_free(f);
}

/* All that a received frame can be counted as, once. */
static uint64_t counted(void)
{
	uint64_t sum = count_of(EL_COUNTER_ANSWERS) + count_of(EL_COUNTER_DROP_PUNT_FULL) +
		       count_of(EL_COUNTER_DROP_FORWARD_FULL);

	for (int c = EL_COUNTER_DROP_RX_TRUNCATED; c <= EL_COUNTER_DROP_RX_NEIGHBOUR; c++)
		sum += count_of((enum el_worker_counter)c);
	for (int c = EL_COUNTER_UNMATCHED_ID; c <= EL_COUNTER_UNMATCHED_LATE; c++)
		sum += count_of((enum el_worker_counter)c);
	return sum;
}

/* All buffers of a pool but `n_used` are in it, once each. */
static void assert_pool(struct rte_mempool *pool, uint32_t n_used)
{
	static struct rte_mbuf *all[4096];
	static uint32_t mark; /* differs each time */
	uint32_t n = pool->size - n_used;
	void *more;

	FUZZ_ASSERT(n <= RTE_DIM(all) && rte_mempool_get_bulk(pool, (void **)all, n) == 0);
	FUZZ_ASSERT(rte_mempool_get(pool, &more) < 0);
	mark++;
	for (uint32_t i = 0; i < n; i++) {
		FUZZ_ASSERT(all[i]->dynfield1[0] != mark);
		all[i]->dynfield1[0] = mark;
	}
	rte_mempool_put_bulk(pool, (void **)all, n);
}

static void assert_buffers(void)
{
	assert_pool(b->rx_pool, 0);
	for (uint32_t w = 0; w < WORKERS; w++)
		assert_pool(b->tx_pool[w], b->workers[w]->n_spare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size, probes, FUZZ_PROBES};
	uint64_t before[RTE_DIM(counters)], counted_before;

	b = fuzz_bench();
	port = fuzz_bench_port(b);
	memset(expected, 0, sizeof(expected));
	memset(unknown_resets, 0, sizeof(unknown_resets));
	expected[EL_COUNTER_TX_PROBES] = FUZZ_PROBES;
	n_for_control = n_up = n_history = waited_ns = 0;
	sim_ns += EL_NS_PER_S; /* nothing of the input before is left of the resets' limit */
	began_ns = sim_ns;
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		before[i] = count_of(counters[i]);
	counted_before = counted();
	fuzz_bench_send(b, probes);
	is_open = true;
	set_policy(EL_CHECKSUMS_REFUSED);
	for (int i = 0; i < OPERATIONS && in.at < in.end; i++)
		operation(&in);
	end_round();
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		FUZZ_ASSERT(count_of(counters[i]) - before[i] == expected[counters[i]]);
	FUZZ_ASSERT(counted() - counted_before + n_up == expected[EL_COUNTER_RX_PACKETS]);
	FUZZ_ASSERT(n_up == n_for_control);
	assert_figures();
	assert_buffers();
	for (uint32_t w = 0; w < WORKERS; w++)
		el_block_free(b->ordered[w]);
	return 0;
}
