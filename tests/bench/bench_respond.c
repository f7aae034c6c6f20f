/* SPDX-License-Identifier: BSD-3-Clause */
/* What the answer to a request costs in the worker's loop: one worker over a port of rings, into
 * which bursts of requests are put, and whose answers are thrown away. Only the loop's iterations
 * are timed, and the median of many is taken. With --json: a line for each kind of request. */
#include <string.h>

#include "bench_ring.h"
#include "el_worker_respond.h"

#define BURST 32
#define POLLS 64 /* iterations that are timed together */
#define SAMPLES 2000
#define SOURCES 64
#define ETH 14
#define WIRE 1024 /* frames */

static struct bench_port port;
static struct rte_mempool *tx_pool, *answer_pool;
static const uint8_t mac_own[6] = {2, 0, 0, 0, 0, 9}, mac_peer[6] = {2, 0, 0, 0, 0, 1};

/* A kind of request. */
struct kind {
	const char *name;
	uint8_t family, protocol;
	uint16_t payload, port;
	bool authenticated;
	uint64_t max_pps;
};

static const struct kind kinds[] = {
    {"echo", 4, IPPROTO_ICMP, 18, 0, false, 0},
    {"echo", 6, IPPROTO_ICMPV6, 18, 0, false, 0},
    {"echo, limited", 4, IPPROTO_ICMP, 18, 0, false, 1000000000},
    {"SYN", 4, IPPROTO_TCP, 0, 443, false, 0},
    {"SYN", 6, IPPROTO_TCP, 0, 443, false, 0},
    {"closed port", 4, IPPROTO_UDP, 18, 33434, false, 0},
    {"STAMP", 4, IPPROTO_UDP, EL_STAMP_LEN, 862, false, 0},
    {"STAMP", 6, IPPROTO_UDP, EL_STAMP_LEN, 862, false, 0},
    {"STAMP, authenticated", 4, IPPROTO_UDP, EL_STAMP_AUTH_LEN, 862, true, 0},
};

static bool start(void)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES];

	tx_pool = el_worker_tx_pool_create("tx", 1023, 1500, SOCKET_ID_ANY, payload);
	answer_pool = el_worker_respond_pool_create("answers", 4095, 1500, SOCKET_ID_ANY);
	return tx_pool && answer_pool && bench_port_open(&port, WIRE);
}

/* The L4 packet; where its checksum is. */
static size_t put_l4(const struct kind *k, uint8_t *l4, uint16_t len, uint32_t i,
		     const struct el_stamp_sender *sender)
{
	memset(l4, 0, len);
	if (k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6) {
		l4[0] = k->family == 4 ? 8 : 128;
		el_put16(l4 + 6, (uint16_t)i);
		return 2;
	}
	el_put16(l4, 5000);
	el_put16(l4 + 2, k->port);
	if (k->protocol == IPPROTO_TCP) {
		el_put32(l4 + 4, i);
		l4[12] = 0x50;
		l4[13] = 2;
		return 16;
	}
	el_put16(l4 + 4, len);
	if (k->port == 862) {
		el_stamp_request_build(sender, NULL, l4 + 8, len - 8U);
		el_stamp_request_stamp(sender, l4 + 8, len - 8U, i, UINT64_C(0xe) << 60 | i, 0);
	}
	return 6;
}

/* Request number i, from one of SOURCES addresses. */
static size_t make(const struct kind *k, uint32_t i, const struct el_stamp_sender *sender,
		   uint8_t *frame)
{
	bool v6 = k->family == 6;
	size_t l3_len = v6 ? 40 : 20, at;
	uint8_t *ip = frame + ETH, *l4 = ip + l3_len;
	uint16_t len = (uint16_t)(k->payload + (k->protocol == IPPROTO_TCP ? 20 : 8));
	struct el_ip src, dst;

	memcpy(frame, mac_own, 6);
	memcpy(frame + 6, mac_peer, 6);
	el_put16(frame + 12, v6 ? 0x86dd : 0x0800);
	el_ip_parse(v6 ? "2001:db8:77::" : "203.0.113.0", &src);
	el_ip_parse(v6 ? "2001:db8::10" : "192.0.2.10", &dst);
	src.bytes[v6 ? 15 : 3] = (uint8_t)(1 + i % SOURCES);
	memset(ip, 0, l3_len);
	ip[0] = v6 ? 0x60 : 0x45;
	el_put16(ip + (v6 ? 4 : 2), (uint16_t)(v6 ? len : 20 + len));
	ip[v6 ? 7 : 8] = 64;
	ip[v6 ? 6 : 9] = k->protocol;
	memcpy(ip + (v6 ? 8 : 12), src.bytes, v6 ? 16 : 4);
	memcpy(ip + (v6 ? 24 : 16), dst.bytes, v6 ? 16 : 4);
	if (!v6)
		bench_put_sum(ip + 10, el_sum(ip, 20, 0));
	at = put_l4(k, l4, len, i, sender);
	bench_put_sum(
	    l4 + at,
	    el_sum(l4, len, k->protocol == IPPROTO_ICMP ? 0 : el_sum_pseudo(ip, k->protocol, len)));
	return ETH + l3_len + len;
}

static void give(const struct kind *k, uint32_t *number, const struct el_stamp_sender *sender)
{
	struct rte_mbuf *m[BURST];

	if (rte_pktmbuf_alloc_bulk(port.rx_pool, m, BURST) < 0)
		abort();
	for (int i = 0; i < BURST; i++) {
		size_t len = make(k, (*number)++, sender, rte_pktmbuf_mtod(m[i], uint8_t *));

		m[i]->data_len = (uint16_t)(len < 60 ? 60 : len);
		m[i]->pkt_len = m[i]->data_len;
	}
	if (rte_ring_enqueue_bulk(port.in, (void **)m, BURST, NULL) != BURST)
		abort();
}

static __rte_noinline double sample(struct el_worker *w, const struct kind *k, uint32_t *number,
				    const struct el_stamp_sender *sender)
{
	uint64_t cycles = 0;
	uint32_t n = 0;

	for (int i = 0; i < POLLS; i++) {
		uint64_t begin;

		give(k, number, sender);
		begin = rte_rdtsc();
		el_worker_poll(w);
		cycles += rte_rdtsc() - begin;
		n += bench_empty(port.out);
	}
	return n == POLLS * BURST ? (double)cycles / n : 0;
}

static struct el_worker_responder *make_responder(const struct kind *k, struct el_ip_set *allowed,
						  const struct el_stamp_key *key)
{
	static const uint16_t ports[] = {443};
	struct el_worker_responder_config conf = {.socket = SOCKET_ID_ANY,
						  .pool = answer_pool,
						  .allowed = allowed,
						  .max_pps = k->max_pps,
						  .key = {0x123456789, 2},
						  .echo = true,
						  .port_unreachable = true,
						  .tcp_ports = ports,
						  .n_tcp_ports = 1,
						  .stamp = {.port = 862,
							    .key = key,
							    .authenticated = k->authenticated,
							    .stateful = true,
							    .sessions = 16384}};
	struct el_error err;

	return el_worker_responder_create(&conf, NULL, &err);
}

static void print(const struct kind *k, double *samples, uint32_t n, bool json)
{
	bench_sort(samples, n);
	printf(json ? "{\"request\": \"%s\", \"family\": %u, \"cycles\": %.1f, \"tenth\": %.1f}\n"
		    : "%s, IPv%u: %.1f cycles an answer (a tenth below %.1f)\n",
	       k->name, k->family, samples[n / 2], samples[n / 10]);
}

static int measure(const struct kind *k, bool json)
{
	static double samples[SAMPLES];
	static const uint8_t secret[16] = "0123456789abcdef";
	struct el_prefix own[2], allow[2];
	struct el_worker_queue q = {.port_id = port.id,
				    .own = own,
				    .n_own = 2,
				    .mac = {2, 0, 0, 0, 0, 9},
				    .checksums = EL_CHECKSUMS_REFUSED};
	struct el_board *board = el_board_create(1, SOCKET_ID_ANY);
	struct el_worker_config conf = {.socket = SOCKET_ID_ANY,
					.board = board,
					.queues = &q,
					.n_queues = 1,
					.tx_pool = tx_pool,
					.wall_line = {.steps = 1, .real_ns = 1800000000000000000}};
	struct el_stamp_key *key = el_stamp_key_create(secret, sizeof(secret));
	struct el_stamp_sender sender = {.key = key, .authenticated = k->authenticated};
	struct el_ip_set *allowed;
	struct el_worker_responder *r;
	struct el_error err;
	struct el_worker *w = board ? el_worker_create(&conf, &err) : NULL;
	uint32_t number = 0, n = 0;

	el_prefix_parse("192.0.2.10", &own[0]);
	el_prefix_parse("2001:db8::10", &own[1]);
	el_prefix_parse("203.0.113.0/24", &allow[0]);
	el_prefix_parse("2001:db8:77::/48", &allow[1]);
	allowed = el_ip_set_of_prefixes(allow, 2);
	r = allowed ? make_responder(k, allowed, key) : NULL;
	if (!w || !r)
		return 1;
	el_worker_command(w, &(struct el_command){.kind = EL_COMMAND_RESPOND, .responder = r});
	for (uint32_t i = 0; i < SAMPLES / (k->authenticated ? 8 : 1); i++) {
		double cycles = sample(w, k, &number, &sender);

		if (cycles > 0)
			samples[n++] = cycles;
	}
	el_worker_command(w, &(struct el_command){.kind = EL_COMMAND_STOP});
	while (el_worker_poll(w))
		;
	el_worker_destroy(w);
	el_worker_responder_destroy(r);
	el_board_destroy(board);
	el_ip_set_destroy(allowed);
	el_stamp_key_destroy(key);
	if (n)
		print(k, samples, n, json);
	return n == 0;
}

int main(int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
	int failed;

	if (!bench_begin())
		return 1;
	failed = !start();
	for (size_t i = 0; i < RTE_DIM(kinds) && !failed; i++)
		failed = only && strcmp(only, kinds[i].name) != 0 ? 0 : measure(&kinds[i], json);
	el_eal_fini();
	return failed;
}
