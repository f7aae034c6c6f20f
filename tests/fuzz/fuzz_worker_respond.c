/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames to a worker that answers, whatever they are: each is answered once at most, back to whom
 * it came from, soundly and no longer than it was but by a port unreachable; every buffer comes
 * back. The first byte says what kind of reflector there is; each frame has a byte in front that
 * says what of it is put right, and two with its length. */
#include "worker_bench.h"

#include "el_port.h"
#include "el_worker_respond.h"
#include "fuzz.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200;

#define FRAMES_MAX 64
#define FRAME_MAX 1514

enum { RIGHT_MAC = 1, RIGHT_ADDRESS = 2, RIGHT_SUMS = 4, TWICE = 8 };

static struct bench *b;
static struct rte_mempool *pool;
static struct el_ip_set *allowed;
static struct el_stamp_key *key;

static void finish(void)
{
	bench_free(b);
	el_ip_set_destroy(allowed);
	el_stamp_key_destroy(key);
	el_eal_fini();
}

static void start(void)
{
	struct el_prefix all[2];

	FUZZ_ASSERT(worker_bench_start() == 0);
	b = bench(quick(1, 1, EL_PROBE_ICMPPING, 1), 1);
	pool = el_worker_respond_pool_create("fuzz_answers", 511, 1500, SOCKET_ID_ANY);
	key = el_stamp_key_create((const uint8_t *)"0123456789abcdef", 16);
	el_prefix_parse("0.0.0.0/0", &all[0]);
	el_prefix_parse("::/0", &all[1]);
	allowed = el_ip_set_of_prefixes(all, 2);
	FUZZ_ASSERT(pool && key && allowed);
	atexit(finish);
}

static struct el_worker_responder *make(uint8_t mode)
{
	static const uint16_t ports[] = {443};
	struct el_worker_responder_config conf = {
	    .socket = SOCKET_ID_ANY,
	    .pool = pool,
	    .allowed = allowed,
	    .max_pps = mode & 1 ? 1000 : 0,
	    .key = {mode, 2},
	    .echo = true,
	    .port_unreachable = true,
	    .tcp_ports = ports,
	    .n_tcp_ports = 1,
	    .stamp = {.port = 862,
		      .key = mode & 2 ? key : NULL,
		      .authenticated = (mode & 6) == 6,
		      .stateful = mode & 8,
		      .format = mode & 16 ? EL_STAMP_PTP : EL_STAMP_NTP,
		      .sessions = 8}};
	struct el_error err;

	return el_worker_responder_create(&conf, NULL, &err);
}

static void hand_over(struct el_worker_responder *r)
{
	FUZZ_ASSERT(el_worker_command(
	    b->workers[0], &(struct el_command){.kind = EL_COMMAND_RESPOND, .responder = r}));
	poll_all(b);
}

/* The one's complement sum, a byte at a time. */
static uint16_t slow_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put_right(uint8_t *frame, size_t len, uint8_t what)
{
	struct el_pkt pkt;
	uint8_t *l3, *l4;
	size_t at, n;
	bool v6;

	if (len < 14)
		return;
	if (what & RIGHT_MAC) {
		memcpy(frame, mac_own, 6);
		frame[6] &= 0xfe;
		frame[6] |= 2;
	}
	if (el_pkt_parse(frame, len, &pkt) != EL_PKT_OK)
		return;
	l3 = frame + (pkt.l3 - frame);
	l4 = frame + (pkt.l4 - frame);
	v6 = pkt.family == 6;
	n = v6 ? 16 : 4;
	if (what & RIGHT_ADDRESS)
		memcpy(l3 + (v6 ? 24 : 16), b->own[v6].ip.bytes, n);
	if (!(what & RIGHT_SUMS))
		return;
	if (!v6) {
		el_put16(l3 + 10, 0);
		el_put16(l3 + 10, (uint16_t)~slow_sum(l3, (size_t)(l4 - l3), 0));
	}
	at = pkt.protocol == IPPROTO_TCP ? 16 : pkt.protocol == IPPROTO_UDP ? 6 : 2;
	el_put16(l4 + at, 0);
	el_put16(l4 + at, (uint16_t)~slow_sum(l4, pkt.l4_len,
					      pkt.protocol == IPPROTO_ICMP
						  ? 0
						  : slow_sum(l3 + (v6 ? 8 : 12), 2 * n, 0) +
							pkt.protocol + (uint32_t)pkt.l4_len));
	if (pkt.protocol == IPPROTO_UDP && el_get16(l4 + 6) == 0)
		el_put16(l4 + 6, 0xffff);
}

/* A frame that came back to a request of this burst. */
static void check(const struct rte_mbuf *m, uint8_t given[][FRAME_MAX], const size_t *lens,
		  size_t n)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	struct el_pkt pkt, asked;
	bool found = false;
	size_t ip;

	FUZZ_ASSERT(el_pkt_parse(f, m->data_len, &pkt) == EL_PKT_OK);
	FUZZ_ASSERT(el_pkt_checksums_right(&pkt));
	FUZZ_ASSERT((size_t)(pkt.l4 - f) + pkt.l4_len == m->data_len);
	FUZZ_ASSERT(memcmp(f + 6, mac_own, 6) == 0 && !(f[0] & 1));
	ip = pkt.family == 4 ? 4 : 16;
	FUZZ_ASSERT(memcmp(pkt.ip.src, b->own[pkt.family == 6].ip.bytes, ip) == 0);
	for (size_t i = 0; i < n && !found; i++)
		found = lens[i] >= 14 && memcmp(given[i] + 6, f, 6) == 0 &&
			el_pkt_parse(given[i], lens[i], &asked) == EL_PKT_OK &&
			asked.family == pkt.family && memcmp(asked.ip.src, pkt.ip.dst, ip) == 0 &&
			(asked.protocol == IPPROTO_UDP || m->data_len <= lens[i]) &&
			(pkt.protocol == asked.protocol || asked.protocol == IPPROTO_UDP);
	FUZZ_ASSERT(found);
}

static uint64_t answers(void)
{
	return counter(b, EL_COUNTER_RESPONDED_ICMP) + counter(b, EL_COUNTER_RESPONDED_TCP) +
	       counter(b, EL_COUNTER_RESPONDED_UDP) + counter(b, EL_COUNTER_RESPONDED_STAMP);
}

static void run_burst(uint8_t given[][FRAME_MAX], const size_t *lens, size_t n)
{
	uint64_t before = answers(), received = counter(b, EL_COUNTER_RX_PACKETS);
	struct rte_mbuf *m;
	size_t back = 0;

	for (size_t i = 0; i < n; i++)
		give(b, 0, given[i], lens[i]);
	for (int i = 0; i < 4; i++) {
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			check(m, given, lens, n);
			rte_pktmbuf_free(m);
			back++;
		}
	}
	while (el_worker_punted(b->workers[0], &m, 1))
		rte_pktmbuf_free(m);
	FUZZ_ASSERT(counter(b, EL_COUNTER_RX_PACKETS) - received == n);
	FUZZ_ASSERT(answers() - before == back && back <= n);
	FUZZ_ASSERT(rte_mempool_in_use_count(b->rx_pool) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frames[FRAMES_MAX][FRAME_MAX];
	size_t lens[FRAMES_MAX], n = 0;
	struct el_worker_responder *r;

	if (size < 1)
		return 0;
	if (!b)
		start();
	r = make(data[0]);
	FUZZ_ASSERT(r);
	hand_over(r);
	data++;
	size--;
	while (size > 3 && n + 2 <= FRAMES_MAX) {
		size_t len = el_get16(data + 1);
		uint8_t what = data[0];

		len = RTE_MIN(len, size - 3);
		len = RTE_MAX(RTE_MIN(len, (size_t)FRAME_MAX), (size_t)1);
		for (int i = 0; i < (what & TWICE ? 2 : 1); i++) {
			memcpy(frames[n], data + 3, len);
			put_right(frames[n], len, what);
			lens[n++] = len;
		}
		data += 3 + len;
		size -= 3 + len;
	}
	run_burst(frames, lens, n);
	hand_over(NULL);
	el_worker_responder_destroy(r);
	FUZZ_ASSERT(rte_mempool_in_use_count(pool) == 0);
	return 0;
}
