/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether each transmit queue carries what it is given: some drivers claim more queues than the NIC
 * has. A few frames go out by each, which the port's counter of sent packets has to show. They are
 * addressed to the port itself, so that no switch passes them on and nobody is to answer: replies
 * of the Ethernet Configuration Testing Protocol (Ethernet 2.0, section 8; EtherType 0x9000), which
 * some switches send in this way, too. */
#include "port_private.h"

#include <string.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define FRAMES 2
#define FRAME_BYTES 60
#define ETHERTYPE_CTP 0x9000
#define POLL_NS 1000000

/* Some NICs write their counters to memory once a second. */
#define TIMEOUT_NS (3 * EL_NS_PER_S / 2)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A fresh buffer has room. */
static void make_frame(const struct el_port *port, struct rte_mbuf *m)
{
	/* skip 0 bytes, little-endian: function 1, a reply, with a number */
	static const uint8_t reply[] = {0, 0, 1, 0, 0, 0};
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	m->data_len = FRAME_BYTES;
	m->pkt_len = FRAME_BYTES;
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, port->mac, 6);
	memcpy(frame + 6, port->mac, 6);
	frame[12] = ETHERTYPE_CTP >> 8;
	frame[13] = ETHERTYPE_CTP & 0xff;
	memcpy(frame + 14, reply, sizeof(reply));
}

static uint64_t sent_by(uint16_t port_id)
{
	struct rte_eth_stats s;

	return rte_eth_stats_get(port_id, &s) == 0 ? s.opackets : 0;
}

/* Whether the queue's frames are counted as sent in time. */
static bool carries(const struct el_port *port, const struct el_port_queue *q)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	uint64_t begin_ns = now_ns(), before = sent_by(q->port_id);
	struct rte_mempool *pool = ethdev_pool(port->private, q->port_id);
	struct rte_mbuf *frames[FRAMES];
	uint16_t taken = 0;
	bool sent = false;

	if (rte_pktmbuf_alloc_bulk(pool, frames, FRAMES) < 0)
		return true; /* that is not known then */
	for (int i = 0; i < FRAMES; i++)
		make_frame(port, frames[i]);
	while (!sent && now_ns() - begin_ns < TIMEOUT_NS) {
		taken += rte_eth_tx_burst(q->port_id, q->tx_queue, frames + taken,
					  (uint16_t)(FRAMES - taken));
		sent = sent_by(q->port_id) - before >= FRAMES;
		if (!sent)
			nanosleep(&pause, NULL);
	}
	rte_pktmbuf_free_bulk(frames + taken, (unsigned)(FRAMES - taken));
	return sent;
}

uint16_t queues_that_carry(const struct el_port *port)
{
	/* without the first one's, the counter is not to be believed, or all hang together */
	if (!carries(port, &port->queues[0]))
		return port->n_queues;
	for (uint16_t q = 1; q < port->n_queues; q++) {
		if (!carries(port, &port->queues[q]))
			return q;
	}
	return port->n_queues;
}
