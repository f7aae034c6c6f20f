/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "delay.h"

#define BURST 64
#define PREFETCH_AHEAD 4
/* One burst answered with all its copies, and as many answers that were held for reordering. */
#define BURST_ANSWERS_MAX (BURST * (2 + 2 * SIMPEER_COPIES_MAX))
#define TX_MAX (BURST_ANSWERS_MAX + 1024)
#define HELD_UP_NS 2000 /* longer than any burst takes to receive */
#define AT_ONCE 0       /* a time that an answer is due: now, and it can't be late */

/* An answer that waits for its rule's next one. */
struct held {
	struct rte_mbuf *m;
	struct simpeer_verdict verdict;
	uint64_t due_ns, deadline_ns;
};

struct simpeer {
	struct simpeer_core core;
	struct simpeer_config config;
	uint64_t now_ns;
	/* With the script's drop_late_ns. When the port last had nothing more to receive, so that
	 * what is received next arrived later; when it last refused an answer; and whether the
	 * burst being handled may have waited too long. */
	uint64_t drained_ns, refused_ns;
	bool received_late;
	struct simpeer_delay_queue delayed;
	struct held *held; /* one a rule */
	uint32_t n_held;
	uint64_t hold_ns, next_deadline_ns;
	uint32_t n_tx;
	struct rte_mbuf *tx[TX_MAX];
	uint64_t tx_due_ns[TX_MAX]; /* when each was to go out, or AT_ONCE */
};

struct simpeer *simpeer_create(const struct simpeer_config *config)
{
	struct rte_ether_addr mac;
	struct simpeer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (!config->read_clock) {
		free(p);
		errno = EINVAL;
		return NULL;
	}
	p->config = *config;
	p->hold_ns = config->script->reorder_hold_us * 1000ULL;
	if (rte_eth_macaddr_get(config->port_id, &mac) != 0) {
		errno = ENODEV;
		goto fail;
	}
	p->held = calloc(config->script->n_rules + 1, sizeof(*p->held));
	if (!p->held || simpeer_delay_init(&p->delayed, config->script->max_delayed) < 0 ||
	    simpeer_core_init(&p->core, config->script, mac.addr_bytes) < 0) {
		errno = ENOMEM;
		goto fail;
	}
	return p;
fail:
	free(p->held);
	simpeer_delay_fini(&p->delayed);
	free(p);
	return NULL;
}

void simpeer_destroy(struct simpeer *peer)
{
	struct rte_mbuf *m;

	if (!peer)
		return;
	rte_pktmbuf_free_bulk(peer->tx, peer->n_tx);
	while ((m = simpeer_delay_pop(&peer->delayed, UINT64_MAX)))
		rte_pktmbuf_free(m);
	for (uint32_t i = 0; i <= peer->config.script->n_rules; i++)
		rte_pktmbuf_free(peer->held[i].m);
	simpeer_delay_fini(&peer->delayed);
	simpeer_core_fini(&peer->core);
	free(peer->held);
	free(peer);
}

const struct simpeer_core *simpeer_state(struct simpeer *peer)
{
	peer->core.counters.unsent = peer->n_tx + peer->delayed.count + peer->n_held;
	return &peer->core;
}

void simpeer_set_wall(struct simpeer *peer, const struct el_wall_line *line)
{
	peer->core.stamp.wall = *line;
}

static void append(struct simpeer *p, struct rte_mbuf *m, uint64_t due_ns)
{
	p->tx_due_ns[p->n_tx] = due_ns;
	p->tx[p->n_tx++] = m;
}

/* Sends now or puts by. False, and the mbuf freed, if too many are put by. */
static bool emit(struct simpeer *p, struct rte_mbuf *m, uint64_t due_ns)
{
	if (due_ns <= p->now_ns && p->n_tx < TX_MAX) {
		append(p, m, due_ns);
		return true;
	}
	if (simpeer_delay_push(&p->delayed, due_ns, m))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

/* Sends an answer and its copies. */
static void emit_answer(struct simpeer *p, struct rte_mbuf *m, const struct simpeer_verdict *v,
			uint64_t due_ns)
{
	struct rte_mbuf *copies[SIMPEER_COPIES_MAX];
	struct simpeer_rule_counters *counters;
	uint64_t copy_due_ns = due_ns;
	uint32_t n = 0;

	if (v->rule == SIMPEER_NO_RULE) {
		emit(p, m, AT_ONCE);
		return;
	}
	counters = &p->core.rules[v->rule].counters;
	for (n = 0; n < v->copies; n++) {
		copies[n] = rte_pktmbuf_copy(m, p->config.pool, 0, UINT32_MAX);
		if (!copies[n])
			break;
		copies[n]->ol_flags |= m->ol_flags & RTE_MBUF_F_TX_VLAN;
	}
	counters->copies -= v->copies - n;
	p->core.counters.no_mbuf += v->copies - n;
	if (v->duplicate_delay_ns)
		copy_due_ns += v->duplicate_delay_ns;
	if (!emit(p, m, due_ns)) {
		counters->answered--;
		counters->delay_overflow++;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!emit(p, copies[i], copy_due_ns))
			counters->copies--;
}

static void release(struct simpeer *p, struct held *h, uint64_t due_ns)
{
	struct rte_mbuf *m = h->m;

	h->m = NULL;
	p->n_held--;
	emit_answer(p, m, &h->verdict, h->due_ns > due_ns ? h->due_ns : due_ns);
}

static void release_overdue(struct simpeer *p)
{
	p->next_deadline_ns = UINT64_MAX;
	for (uint32_t i = 0; i <= p->config.script->n_rules; i++) {
		struct held *h = &p->held[i];

		if (!h->m)
			continue;
		if (h->deadline_ns <= p->now_ns) {
			p->core.rules[i].counters.reorder_timeout++;
			release(p, h, p->now_ns);
		} else if (h->deadline_ns < p->next_deadline_ns) {
			p->next_deadline_ns = h->deadline_ns;
		}
	}
}

/* The answers with an impairment that needs time or memory. */
static void emit_impaired(struct simpeer *p, struct rte_mbuf *m, const struct simpeer_verdict *v)
{
	struct held *h = &p->held[v->rule];
	uint64_t due_ns = p->now_ns + v->delay_ns;

	if (h->m) { /* this one is the next one, even if it was to be held itself */
		emit_answer(p, m, v, due_ns);
		release(p, h, due_ns);
	} else if (v->reorder) {
		*h = (struct held){m, *v, due_ns, due_ns + p->hold_ns};
		if (p->n_held++ == 0 || h->deadline_ns < p->next_deadline_ns)
			p->next_deadline_ns = h->deadline_ns;
	} else {
		emit_answer(p, m, v, due_ns);
	}
}

/* One mbuf with all of the frame that may be changed; NULL, the mbuf freed, if there is no memory.
 */
static struct rte_mbuf *own_mbuf(struct simpeer *p, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (likely(!p->config.copy && m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1))
		return m;
	copy = rte_pktmbuf_copy(m, p->config.pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy && copy->nb_segs > 1 && rte_pktmbuf_linearize(copy) < 0) {
		rte_pktmbuf_free(copy);
		copy = NULL;
	}
	if (!copy)
		p->core.counters.no_mbuf++;
	return copy;
}

static void handle(struct simpeer *p, struct rte_mbuf *m)
{
	/* A VLAN tag that the driver took off is put on again. */
	uint64_t vlan = m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;
	struct simpeer_verdict v;
	struct simpeer_buf b;

	m = own_mbuf(p, m);
	if (!m)
		return;
	b = (struct simpeer_buf){.data = rte_pktmbuf_mtod(m, uint8_t *),
				 .len = m->data_len,
				 .headroom = rte_pktmbuf_headroom(m)};
	p->core.now_ns = p->now_ns;
	simpeer_core_handle(&p->core, &b, &v);
	if (!v.answer) {
		rte_pktmbuf_free(m);
		return;
	}
	if (unlikely(p->received_late) && v.rule != SIMPEER_NO_RULE) {
		p->core.counters.late_dropped += 1 + v.copies;
		rte_pktmbuf_free(m);
		return;
	}
	m->data_off = (uint16_t)b.headroom;
	m->data_len = (uint16_t)b.len;
	m->pkt_len = b.len;
	m->ol_flags = (m->ol_flags & RTE_MBUF_F_EXTERNAL) | (vlan ? RTE_MBUF_F_TX_VLAN : 0);
	if (likely(!(v.reorder | v.copies | v.delay_ns) &&
		   (p->n_held == 0 || v.rule == SIMPEER_NO_RULE)))
		emit(p, m, v.rule == SIMPEER_NO_RULE ? AT_ONCE : p->now_ns);
	else
		emit_impaired(p, m, &v);
}

/* What happened at `since_ns` is handled too late at `now_ns`, and by the peer's own fault: while
 * the port takes no answers, it is the other end that is waited for. */
static bool too_late(const struct simpeer *p, uint64_t since_ns, uint64_t now_ns)
{
	since_ns = RTE_MAX(since_ns, p->refused_ns);
	return (int64_t)(now_ns - since_ns) > (int64_t)p->config.script->drop_late_ns;
}

static bool answer_late(const struct simpeer *p, uint32_t i, uint64_t now_ns)
{
	return p->tx_due_ns[i] != AT_ONCE && too_late(p, p->tx_due_ns[i], now_ns);
}

/* Frees the late ones of n answers from `first` on. The others follow, in order, where it returns
 * how many were freed. */
static uint32_t drop_late(struct simpeer *p, uint32_t first, uint32_t n)
{
	uint64_t now_ns = p->config.read_clock(p->config.clock);
	uint32_t kept = first + n, late;

	for (uint32_t i = first + n; i-- > first;) {
		if (answer_late(p, i, now_ns)) {
			rte_pktmbuf_free(p->tx[i]);
			continue;
		}
		kept--;
		p->tx[kept] = p->tx[i];
		p->tx_due_ns[kept] = p->tx_due_ns[i];
	}
	late = kept - first;
	p->core.counters.late_dropped += late;
	return late;
}

/* The port has been called with `n` answers from `first` on, and took so many. */
static void note_sent(struct simpeer *p, uint32_t first, uint32_t n, uint32_t taken)
{
	uint64_t now_ns = p->config.read_clock(p->config.clock);

	for (uint32_t i = first; i < first + taken; i++)
		p->core.counters.late_sent += answer_late(p, i, now_ns);
	if (taken < n)
		p->refused_ns = now_ns;
}

static unsigned int flush(struct simpeer *p)
{
	bool drops = p->config.script->drop_late_ns;
	uint32_t sent = 0, gone = 0;

	while (gone < p->n_tx) {
		uint32_t n = RTE_MIN(p->n_tx - gone, (uint32_t)BURST);
		uint32_t late = drops ? drop_late(p, gone, n) : 0;
		uint16_t taken;

		gone += late;
		n -= late;
		taken = rte_eth_tx_burst(p->config.port_id, p->config.queue_id, &p->tx[gone],
					 (uint16_t)n);
		if (drops)
			note_sent(p, gone, n, taken);
		gone += taken;
		sent += taken;
		if (taken < n)
			break;
	}
	p->n_tx -= gone;
	if (p->n_tx > 0) {
		memmove(p->tx, &p->tx[gone], p->n_tx * sizeof(p->tx[0]));
		memmove(p->tx_due_ns, &p->tx_due_ns[gone], p->n_tx * sizeof(p->tx_due_ns[0]));
	}
	p->core.counters.sent += sent;
	return sent;
}

/* Sends what has been put by and is due. */
static unsigned int send_due(struct simpeer *p)
{
	struct simpeer_late *late = &p->core.late;
	uint64_t before = late->n, due_ns = p->delayed.heap[0].due_ns;
	struct rte_mbuf *m;

	while (p->n_tx < TX_MAX - BURST_ANSWERS_MAX &&
	       (m = simpeer_delay_pop(&p->delayed, p->now_ns))) {
		uint64_t bin = (p->now_ns - due_ns) / SIMPEER_LATE_NS;
		late->bins[bin < SIMPEER_LATE_BINS ? bin : SIMPEER_LATE_BINS - 1]++;
		late->n++;
		append(p, m, due_ns);
		due_ns = p->delayed.heap[0].due_ns;
	}
	/* before others are received, whose handling would delay them */
	return late->n > before ? flush(p) : 0;
}

unsigned int simpeer_send(struct simpeer *peer, uint64_t now_ns)
{
	peer->now_ns = now_ns;
	if (unlikely(peer->n_held > 0 && peer->next_deadline_ns <= now_ns))
		release_overdue(peer);
	return peer->delayed.count > 0 ? send_due(peer) : 0;
}

/* What waits, up to a burst. A driver may return fewer than wait: the queue is empty where a call
 * returns none, which matters where it is to be known who is late. */
static uint16_t receive(struct simpeer *p, struct rte_mbuf **rx)
{
	const bool drops = p->config.script->drop_late_ns;
	uint16_t n = 0, more;
	uint64_t after_ns;

	do {
		more = rte_eth_rx_burst(p->config.port_id, p->config.queue_id, rx + n,
					(uint16_t)(BURST - n));
		n = (uint16_t)(n + more);
	} while (drops && more && n < BURST);
	if (!n && !drops)
		return 0;
	after_ns = p->config.read_clock(p->config.clock);
	if (drops) {
		p->received_late = too_late(p, p->drained_ns, after_ns);
		if (!more)
			p->drained_ns = p->now_ns;
	}
	/* It was held up, and what it has received may have come all that while: no answer goes out
	 * early. */
	if ((int64_t)(after_ns - p->now_ns) > HELD_UP_NS)
		p->now_ns = after_ns;
	return n;
}

unsigned int simpeer_receive(struct simpeer *peer, uint64_t now_ns)
{
	struct rte_mbuf *rx[BURST];
	uint16_t n = 0;

	peer->now_ns = now_ns;
	/* What the port refuses stops the receiving, so that nothing is lost here. */
	if (likely(peer->n_tx <= TX_MAX - BURST_ANSWERS_MAX))
		n = receive(peer, rx);
	for (uint16_t i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(rx[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(rx[i + PREFETCH_AHEAD], void *));
		handle(peer, rx[i]);
	}
	return n + (peer->n_tx > 0 ? flush(peer) : 0);
}

unsigned int simpeer_poll(struct simpeer *peer, uint64_t now_ns)
{
	unsigned int sent = simpeer_send(peer, now_ns);

	return sent + simpeer_receive(peer, now_ns);
}
