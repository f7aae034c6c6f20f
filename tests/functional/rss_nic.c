/* SPDX-License-Identifier: BSD-3-Clause */
/* A NIC with several queues for the tests, to be preloaded (LD_PRELOAD) into a DPDK program. A
 * net_null device has all of RSS (types, key, redirection table) but packets: here it gets them.
 * What is sent on it reaches a simulated peer that answers all of IPv4, and the answers are put
 * into the receive queue that a Toeplitz hash with the device's key and table picks.
 *
 * RSS_NIC in the environment says how: "addresses" (the default), as the device says; "other_key",
 * by another key than it tells; "ports", of TCP over the ports too, whatever was asked for;
 * "one_queue", not at all.
 *
 * RSS_NIC_FAULT says what is wrong with it: "loses_probes", "loses_answers": one of four, of which
 * it says nothing; "dead_queue": what is sent by any but the first; "counts_nothing";
 * "counts_half": of what it sends, though it sends all; "counts_32_bits": its counters pass 2^32
 * soon; "is_reset": they are set back now and then.
 *
 * RSS_NIC_EVENTS names a FIFO: the driver tells of its link then, and each letter that is written
 * there is an event: (d) its link goes down, (u) up, (b) down and up at once; (r) it is removed.
 * Nothing passes it while it is down. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include "core.h"
#include "toeplitz.h"

#define QUEUES 16
#define KEY_BYTES 40
#define RETA_SIZE 128
#define RING_FRAMES 8192
#define ETH RTE_ETHER_HDR_LEN

enum wire { ADDRESSES, OTHER_KEY, PORTS, ONE_QUEUE, WIRES };
enum fault {
	FAULTLESS,
	LOSES_PROBES,
	LOSES_ANSWERS,
	DEAD_QUEUE,
	COUNTS_NOTHING,
	COUNTS_HALF,
	COUNTS_32_BITS,
	IS_RESET,
	FAULTS
};

struct nic;

struct nic_queue {
	struct nic *nic;
	uint16_t number;
};

static struct nic {
	uint16_t port_id, n_queues;
	enum wire wire;
	enum fault fault;
	_Atomic uint64_t sent, received, missed; /* since rte_eth_stats_reset, and: */
	uint64_t sent_then, received_then, missed_then;
	uint8_t key[KEY_BYTES];
	struct rte_mempool *pool;
	struct rte_ring *rings[QUEUES];
	struct nic_queue queues[QUEUES];
	void *senders[QUEUES]; /* of these */
	rte_spinlock_t lock;   /* of the peer: workers send at the same time */
	struct simpeer_core peer;
	_Atomic bool down, removed;
	bool lsc; /* is asked for */
	struct {
		rte_eth_dev_cb_fn call;
		void *arg;
	} callbacks[RTE_ETH_EVENT_MAX];
} nic;

static void die(const char *what)
{
	fprintf(stderr, "rss_nic: %s\n", what);
	abort();
}

/* The place of what a variable says among `names`; the first where it is not set. */
static unsigned from_environment(const char *variable, const char *const *names, unsigned n)
{
	const char *name = getenv(variable);

	for (unsigned i = 0; name && i < n; i++) {
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	if (name) {
		fprintf(stderr, "%s=%s\n", variable, name);
		die("there is no such thing");
	}
	return 0;
}

static const char *const wires[WIRES] = {"addresses", "other_key", "ports", "one_queue"};
static const char *const faults[FAULTS] = {[FAULTLESS] = "none",
					   [LOSES_PROBES] = "loses_probes",
					   [LOSES_ANSWERS] = "loses_answers",
					   [DEAD_QUEUE] = "dead_queue",
					   [COUNTS_NOTHING] = "counts_nothing",
					   [COUNTS_HALF] = "counts_half",
					   [COUNTS_32_BITS] = "counts_32_bits",
					   [IS_RESET] = "is_reset"};

static uint16_t queue_of(const struct nic *n, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);
	struct rte_eth_rss_reta_entry64 reta[RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE];
	uint8_t tuple[12];
	uint32_t entry;

	if (n->wire == ONE_QUEUE || n->n_queues == 1 || m->data_len < ETH + 24 || ip[0] != 0x45)
		return 0; /* what is not hashed */
	memcpy(tuple, ip + 12, 8);
	memcpy(tuple + 8, ip + 20, 4);
	m->hash.rss = toeplitz(n->key, tuple, n->wire == PORTS && ip[9] == IPPROTO_TCP ? 12 : 8);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	entry = m->hash.rss % RETA_SIZE;
	memset(reta, 0xff, sizeof(reta));
	if (rte_eth_dev_rss_reta_query(n->port_id, reta, RETA_SIZE) != 0)
		die("the device has no redirection table");
	return reta[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE];
}

/* The peer's answer to a frame, in a buffer of the receiver's, or NULL. */
static struct rte_mbuf *answer(struct nic *n, const struct rte_mbuf *probe)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->pool);
	struct simpeer_verdict verdict = {.answer = false};
	struct simpeer_buf b;

	if (!m)
		return NULL;
	b.data = (uint8_t *)rte_pktmbuf_append(m, probe->data_len);
	if (!b.data)
		die("a frame is longer than a receive buffer");
	memcpy(b.data, rte_pktmbuf_mtod(probe, const void *), probe->data_len);
	b.len = probe->data_len;
	b.headroom = rte_pktmbuf_headroom(m);
	rte_spinlock_lock(&n->lock);
	simpeer_core_handle(&n->peer, &b, &verdict);
	rte_spinlock_unlock(&n->lock);
	if (!verdict.answer) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->data_off = (uint16_t)(b.data - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)b.len;
	m->pkt_len = b.len;
	m->port = n->port_id;
	return m;
}

/* An answer comes in. */
static void receive(struct nic *n, struct rte_mbuf *m)
{
	if (n->fault == LOSES_ANSWERS && n->received++ % 4 == 3) {
		rte_pktmbuf_free(m);
	} else if (rte_ring_enqueue(n->rings[queue_of(n, m)], m) != 0) {
		n->missed++;
		rte_pktmbuf_free(m);
	} else {
		n->received += n->fault != LOSES_ANSWERS;
	}
}

static void transmit(struct nic *n, const struct rte_mbuf *frame)
{
	struct rte_mbuf *m = answer(n, frame);

	n->sent++;
	if (m)
		receive(n, m);
}

static uint16_t nic_tx(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	static _Atomic uint64_t taken;
	const struct nic_queue *q = queue;
	struct nic *n = q->nic;
	bool dead = n->fault == DEAD_QUEUE && q->number > 0;

	if (n->removed)
		die("a device that is gone is used");
	dead |= n->down;
	for (uint16_t i = 0; i < count; i++) {
		if (!dead && (n->fault != LOSES_PROBES || taken++ % 4 != 3))
			transmit(n, frames[i]);
		rte_pktmbuf_free(frames[i]);
	}
	return count;
}

static uint16_t nic_rx(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	if (nic.removed)
		die("a device that is gone is used");
	return (uint16_t)rte_ring_dequeue_burst(queue, (void **)frames, count, NULL);
}

/* ---- events ---- */

static void tell(struct nic *n, enum rte_eth_event_type event)
{
	if (n->callbacks[event].call && (event != RTE_ETH_EVENT_INTR_LSC || n->lsc))
		n->callbacks[event].call(n->port_id, event, n->callbacks[event].arg, NULL);
}

static void set_down(struct nic *n, bool down)
{
	n->down = down;
	tell(n, RTE_ETH_EVENT_INTR_LSC);
}

/* As an interrupt thread. */
static void *run_events(void *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);
	char event;

	while (fd >= 0 && read(fd, &event, 1) == 1) {
		if (event == 'd' || event == 'b')
			set_down(&nic, true);
		if (event == 'u' || event == 'b')
			set_down(&nic, false);
		if (event == 'r')
			tell(&nic, RTE_ETH_EVENT_INTR_RMV);
	}
	return NULL;
}

static void start_events(void)
{
	char *name = getenv("RSS_NIC_EVENTS");
	pthread_t thread;

	if (name && pthread_create(&thread, NULL, run_events, name) != 0)
		die("no thread for its events");
}

static void start_peer(struct nic *n)
{
	static const char text[] = "prefixes: [0.0.0.0/0]\narp: [0.0.0.0/0]\npromiscuous: true\n";
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct simpeer_script *script;
	struct el_error err;

	if (simpeer_script_parse("rss_nic", text, strlen(text), &err, &script) < 0)
		die(err.text);
	if (simpeer_core_init(&n->peer, script, mac) < 0)
		die("no memory for the peer");
}

static void read_key(struct nic *n)
{
	struct rte_eth_rss_conf conf = {.rss_key = n->key, .rss_key_len = KEY_BYTES};

	if (rte_eth_dev_rss_hash_conf_get(n->port_id, &conf) != 0)
		die("the device has no key");
	if (n->wire == OTHER_KEY) {
		for (int i = 0; i < KEY_BYTES; i++)
			n->key[i] ^= (uint8_t)(i * 89 + 21);
	}
}

static void attach(struct nic *n, uint16_t port_id, const struct rte_eth_dev_info *info)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port_id];

	n->n_queues = info->nb_rx_queues;
	if (n->pool) /* it is started again */
		goto attached;
	n->port_id = port_id;
	n->wire = (enum wire)from_environment("RSS_NIC", wires, WIRES);
	n->fault = (enum fault)from_environment("RSS_NIC_FAULT", faults, FAULTS);
	start_peer(n);
	read_key(n);
	n->pool = rte_pktmbuf_pool_create("rss_nic", 32767, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	for (uint16_t q = 0; q < info->nb_rx_queues; q++) {
		char name[32];
		snprintf(name, sizeof(name), "rss_nic_%u", q);
		n->rings[q] = rte_ring_create(name, RING_FRAMES, SOCKET_ID_ANY, RING_F_SC_DEQ);
		n->queues[q] = (struct nic_queue){.nic = n, .number = q};
		n->senders[q] = &n->queues[q];
		if (!n->rings[q])
			die("no memory for the queues");
	}
	if (!n->pool)
		die("no memory for the buffers");
	start_events();
attached:
	n->removed = false;
	ops->rxq.data = (void **)n->rings;
	ops->txq.data = n->senders;
	ops->rx_pkt_burst = nic_rx;
	ops->tx_pkt_burst = nic_tx;
}

/* In place of DPDK's own, which it calls. */
int rte_eth_dev_start(uint16_t port_id)
{
	int (*start)(uint16_t) = (int (*)(uint16_t))dlsym(RTLD_NEXT, "rte_eth_dev_start");
	struct rte_eth_dev_info info;
	int ret = start(port_id);

	if (ret == 0 && rte_eth_dev_info_get(port_id, &info) == 0 &&
	    strcmp(info.driver_name, "net_null") == 0)
		attach(&nic, port_id, &info);
	return ret;
}

/* net_null has no interrupts: what is asked of it is left to the events. */
int rte_eth_dev_configure(uint16_t port_id, uint16_t n_rx, uint16_t n_tx,
			  const struct rte_eth_conf *conf)
{
	int (*configure)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *) =
	    (int (*)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *))dlsym(
		RTLD_NEXT, "rte_eth_dev_configure");
	struct rte_eth_conf without = *conf;

	nic.lsc = conf->intr_conf.lsc;
	memset(&without.intr_conf, 0, sizeof(without.intr_conf));
	return configure(port_id, n_rx, n_tx, &without);
}

int rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info)
{
	static const uint32_t flags = RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV;
	int (*get)(uint16_t, struct rte_eth_dev_info *) =
	    (int (*)(uint16_t, struct rte_eth_dev_info *))dlsym(RTLD_NEXT, "rte_eth_dev_info_get");
	int ret = get(port_id, info);

	if (ret == 0 && getenv("RSS_NIC_EVENTS"))
		info->dev_flags = &flags;
	return ret;
}

int rte_eth_dev_callback_register(uint16_t port_id, enum rte_eth_event_type event,
				  rte_eth_dev_cb_fn call, void *arg)
{
	(void)port_id;
	nic.callbacks[event].arg = arg;
	nic.callbacks[event].call = call;
	return 0;
}

int rte_eth_dev_callback_unregister(uint16_t port_id, enum rte_eth_event_type event,
				    rte_eth_dev_cb_fn call, void *arg)
{
	(void)port_id;
	(void)call;
	(void)arg;
	nic.callbacks[event].call = NULL;
	return 0;
}

int rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link)
{
	int (*get)(uint16_t, struct rte_eth_link *) =
	    (int (*)(uint16_t, struct rte_eth_link *))dlsym(RTLD_NEXT, "rte_eth_link_get_nowait");
	int ret = get(port_id, link);

	if (ret == 0 && nic.down)
		link->link_status = RTE_ETH_LINK_DOWN;
	return ret;
}

/* What is sent or received after that is a fault. */
int rte_eth_dev_stop(uint16_t port_id)
{
	int (*stop)(uint16_t) = (int (*)(uint16_t))dlsym(RTLD_NEXT, "rte_eth_dev_stop");

	nic.removed = getenv("RSS_NIC_EVENTS") != NULL;
	return stop(port_id);
}

static bool is_attached(uint16_t port_id)
{
	return nic.pool && port_id == nic.port_id;
}

int rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats)
{
	int (*get)(uint16_t, struct rte_eth_stats *) =
	    (int (*)(uint16_t, struct rte_eth_stats *))dlsym(RTLD_NEXT, "rte_eth_stats_get");
	/* little room to go */
	uint64_t first = nic.fault == COUNTS_32_BITS ? UINT32_MAX - 100 : 0, mask = UINT64_MAX;
	static unsigned reads;
	int ret = get(port_id, stats);

	if (ret < 0 || !is_attached(port_id))
		return ret;
	memset(stats, 0, sizeof(*stats));
	if (nic.fault == COUNTS_NOTHING)
		return 0;
	if (nic.fault == COUNTS_32_BITS)
		mask = UINT32_MAX;
	if (nic.fault == IS_RESET && ++reads % 16 == 0)
		rte_eth_stats_reset(port_id);
	stats->opackets = (first + nic.sent - nic.sent_then) & mask;
	stats->ipackets = (first + nic.received - nic.received_then) & mask;
	stats->imissed = nic.missed - nic.missed_then;
	if (nic.fault == COUNTS_HALF)
		stats->opackets /= 2;
	return 0;
}

int rte_eth_stats_reset(uint16_t port_id)
{
	int (*reset)(uint16_t) = (int (*)(uint16_t))dlsym(RTLD_NEXT, "rte_eth_stats_reset");

	if (is_attached(port_id)) {
		nic.sent_then = nic.sent;
		nic.received_then = nic.received;
		nic.missed_then = nic.missed;
	}
	return reset(port_id);
}
