/* SPDX-License-Identifier: BSD-3-Clause */
/* What a probe and its answer cost in the worker's loop: one worker over a port of rings, whose
 * frames are turned round in place. Only the loop's iterations are timed, and the median of many is
 * taken, so other load on the machine does little. With --json: a line for each of the rows that
 * scripts/bench shows. `--packets N` makes it one round of at most N packets a slice, `--slices N`
 * has that many in each plan;
 * --vlan N has all frames on VLAN N; --no-large leaves out the large plans, --no-checksums the
 * checksums of answers, and --scalar vector instructions. The functions that are not inlined are
 * where count_instructions.py has callgrind begin and end. */
#include "plan_fixture.h"

#include <getopt.h>
#include <inttypes.h>

#include "bench_ring.h"
#include "el_stamp_plain.h"

#define PROBES 4000000   /* of each row */
#define PROBES_TX 400000 /* at least so many besides, to see what sending costs */
#define IN_FLIGHT 1024
#define WIRE 4096        /* frames */
#define FEW_SLICES 4000U /* more don't fit into the caches near a core */
#define POLLS 64         /* iterations that are timed together */
#define SAMPLES_MAX 100000
#define ETH 14
#define UDP_LEN 8
#define STAMP_PORT 862

static el_vlan vlan;
static uint32_t l2_len = ETH; /* of frames on it */

static struct bench_port port;
static struct rte_ring *way;
static struct rte_mempool *tx_pool;
static enum el_checksums checksums = EL_CHECKSUMS_REFUSED;
static bool scalar;

static bool start(void)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES];

	way = bench_ring("way", WIRE);
	tx_pool = el_worker_tx_pool_create("tx", 16383, 1500, SOCKET_ID_ANY, payload);
	return way && tx_pool && bench_port_open(&port, WIRE);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* A port unreachable that quotes the UDP datagram in the buffer, whose IP header has `l3` bytes. */
static void make_unreachable(struct rte_mbuf *m, uint8_t *ip, size_t l3)
{
	const size_t quoted = l3 + 12;
	bool v6 = l3 == 40;

	memmove(ip + l3 + 8, ip, quoted);
	memset(ip + l3, 0, 8);
	ip[l3] = v6 ? 1 : 3;
	ip[l3 + 1] = v6 ? 4 : 3;
	ip[v6 ? 6 : 9] = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	el_put16(ip + (v6 ? 4 : 2), (uint16_t)(v6 ? 8 + quoted : l3 + 8 + quoted));
	m->data_len = (uint16_t)(l2_len + l3 + 8 + quoted);
	m->pkt_len = m->data_len;
}

/* The right checksums of the IP packet, whose header has `l3` bytes. */
static void set_checksums(uint8_t *ip, size_t l3)
{
	bool v6 = l3 == 40;
	uint8_t *l4 = ip + l3, protocol = ip[v6 ? 6 : 9];
	uint8_t *checksum = l4 + (protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2);
	uint16_t l4_len = (uint16_t)(el_get16(ip + (v6 ? 4 : 2)) - (v6 ? 0 : l3));

	if (!v6) {
		memset(ip + 10, 0, 2);
		bench_put_sum(ip + 10, el_sum(ip, l3, 0));
	}
	memset(checksum, 0, 2);
	bench_put_sum(
	    checksum,
	    el_sum(l4, l4_len, protocol == IPPROTO_ICMP ? 0 : el_sum_pseudo(ip, protocol, l4_len)));
}

/* The reply of a stateless reflector whose clock is ours. */
static void reflect(uint8_t *udp)
{
	static const struct el_stamp_reflector reflector;
	uint8_t *packet = udp + UDP_LEN, request[EL_STAMP_LEN];
	uint64_t t3_be;

	memcpy(request, packet, sizeof(request));
	el_stamp_plain_reflect(&reflector, request, el_get32(request),
			       be64toh(el_load64(request + 4)), 64, packet);
	t3_be = el_load64(request + 4);
	memcpy(packet + offsetof(struct el_stamp_reply_wire, timestamp), &t3_be, 8);
	swap(udp, udp + 2, 2);
}

/* Makes the answer of the probe in the buffer: an echo reply, the RST of a closed port, STAMP's
 * reply, or a port unreachable. */
static void turn_round(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + l2_len;
	bool v6 = ip[0] >> 4 == 6;
	size_t l3 = v6 ? 40 : 20;
	uint8_t *l4 = ip + l3, protocol = ip[v6 ? 6 : 9];

	swap(frame, frame + 6, 6);
	if (protocol == IPPROTO_UDP && el_get16(l4 + 2) == STAMP_PORT)
		reflect(l4);
	else if (protocol == IPPROTO_UDP)
		make_unreachable(m, ip, l3);
	if (v6)
		swap(ip + 8, ip + 24, 16);
	else
		swap(ip + 12, ip + 16, 4);
	if (protocol == IPPROTO_TCP) {
		swap(l4, l4 + 2, 2);
		el_put32(l4 + 8, el_get32(l4 + 4) + 1);
		l4[13] = 0x14;
	} else if (protocol != IPPROTO_UDP) {
		l4[0] = v6 ? 129 : 0;
	}
	set_checksums(ip, l3);
}

/* Brings frames from the one side to the other; all but those that are to be on their way. */
static void carry(void)
{
	void *m[64];
	unsigned n;

	while ((n = rte_ring_sc_dequeue_burst(port.out, m, 64, NULL)) > 0) {
		for (unsigned i = 0; i < n; i++)
			turn_round(m[i]);
		rte_ring_sp_enqueue_bulk(way, m, n, NULL);
	}
	for (unsigned waiting = rte_ring_count(way); waiting > IN_FLIGHT; waiting -= n) {
		n = rte_ring_sc_dequeue_burst(
		    way, m, waiting - IN_FLIGHT < 64 ? waiting - IN_FLIGHT : 64, NULL);
		rte_ring_sp_enqueue_bulk(port.in, m, n, NULL);
	}
}

static uint64_t answers(const struct el_worker *w)
{
	return el_worker_counter(w, EL_COUNTER_ANSWERS);
}

static struct el_board *board;

static struct el_worker *make_worker(const struct el_prefix *own, uint8_t family)
{
	struct el_worker_queue q = {
	    .port_id = port.id, .own = own, .n_own = 1, .vlan = vlan, .checksums = checksums};
	struct el_worker_config conf = {.socket = SOCKET_ID_ANY,
					.board = board,
					.queues = &q,
					.n_queues = 1,
					.tx_pool = tx_pool,
					.vectors =
					    scalar ? EL_WORKER_SCALAR : el_worker_vectors_best()};
	struct el_command c = {.kind = EL_COMMAND_NEXT_HOP,
			       .index = 3,
			       .next_hop = {.l2 = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9},
					    .l2_len = (uint8_t)l2_len,
					    .state = EL_NEXT_HOP_READY}};
	const struct el_tags tags = el_tags_of(vlan);
	struct el_error err;
	struct el_worker *w;

	board = conf.board = el_board_create(1, SOCKET_ID_ANY);
	w = board ? el_worker_create(&conf, &err) : NULL;

	el_tags_write(c.next_hop.l2, &tags);
	el_put16(c.next_hop.l2 + l2_len - 2, family == 6 ? 0x86dd : 0x0800);
	if (w)
		el_worker_command(w, &c);
	return w;
}

/* Cycles a probe of one sample: POLLS iterations. 0 if it was not a full one. */
static __rte_noinline double sample(struct el_worker *w)
{
	uint64_t cycles = 0, before = answers(w), n;

	for (int i = 0; i < POLLS; i++) {
		uint64_t begin = rte_rdtsc();
		el_worker_poll(w);
		cycles += rte_rdtsc() - begin;
		carry();
	}
	n = answers(w) - before;
	return n == POLLS * 32 ? (double)cycles / (double)n : 0;
}

/* The same of probes that nobody answers: what sending costs, with a look at an empty queue. */
static double sample_tx(struct el_worker *w)
{
	uint64_t cycles = 0, before = el_worker_counter(w, EL_COUNTER_TX_PROBES), n;

	for (int i = 0; i < POLLS; i++) {
		uint64_t begin = rte_rdtsc();
		el_worker_poll(w);
		cycles += rte_rdtsc() - begin;
		bench_empty(port.out);
	}
	n = el_worker_counter(w, EL_COUNTER_TX_PROBES) - before;
	return n == POLLS * 32 ? (double)cycles / (double)n : 0;
}

/* Ends the worker, whose rounds wait for their timeout first. */
static void finish(struct el_worker *w)
{
	struct el_command c = {.kind = EL_COMMAND_STOP};
	struct el_block *block;

	el_worker_command(w, &c);
	while (el_worker_poll(w))
		carry();
	while (el_worker_reports(w, &block, 1))
		el_block_free(block);
	el_worker_destroy(w);
	el_board_destroy(board);
	bench_empty(way);
	bench_empty(port.in);
}

struct row {
	enum el_probe_type type;
	const char *name;
	uint8_t family;
	uint32_t slices, packets;
	uint64_t rate_pps; /* 0: no cap */
};

static const char *address_of(const struct row *row, uint32_t i)
{
	static char address[64];

	if (row->family == 6)
		snprintf(address, sizeof(address), "2001:db8:%x::%x", 256 + (i >> 8),
			 (i & 255) + 1);
	else
		snprintf(address, sizeof(address), "198.%u.%u.%u", 18 + (i >> 16), i >> 8 & 255,
			 i & 255);
	return address;
}

/* As many targets as a fixture holds, or fewer. Past that a target has several streams. */
static void add_targets(struct fixture *f, const struct row *row)
{
	uint32_t most = RTE_MIN(row->slices, FEW_SLICES), each = row->slices / most;
	struct el_model_stream *streams = calloc(row->slices, sizeof(*streams));

	if (!streams)
		abort();
	for (uint32_t i = 0; i < most; i++) {
		add_target(f, row->type, address_of(row, i), row->packets);
		if (row->type == EL_PROBE_STAMP)
			f->targets[i].dst_port = STAMP_PORT;
		f->series[i].first_stream = i * each;
		f->series[i].n_streams = each;
	}
	for (uint32_t i = 0; i < row->slices; i++) {
		streams[i].series = i / each;
		el_ip_parse(address_of(row, i), &streams[i].address);
	}
	f->model.streams = streams;
	f->model.n_streams = row->slices;
}

static void print(const struct row *row, double median, double tenth, double tx, uint32_t n,
		  uint64_t n_answers, bool json)
{
	if (json)
		printf("{\"type\": \"%s\", \"family\": %u, \"slices\": %u, \"packets\": %u, "
		       "\"cycles\": %.1f, \"tenth\": %.1f, \"tx_cycles\": %.1f, \"samples\": %u, "
		       "\"answers\": %" PRIu64 "}\n",
		       row->name, row->family, row->slices, row->packets, median, tenth, tx, n,
		       n_answers);
	else
		printf("%-14s IPv%u %6u slices of %6u%s: %6.1f cycles a probe and its answer, "
		       "%.1f of them to send (median of %u; a tenth below %.1f)\n",
		       row->name, row->family, row->slices, row->packets,
		       row->rate_pps ? ", cap" : "", median, tx, n, tenth);
	fflush(stdout);
}

static void order_round(struct el_worker *w, struct el_plan_set *set, uint64_t round)
{
	struct el_command c = {.kind = EL_COMMAND_ROUND, .block = el_block_create(set, 0)};

	c.block->round = round;
	el_worker_command(w, &c);
}

/* Rounds that nobody answers, behind `last`: the median of their samples. */
static double measure_tx(struct el_worker *w, struct el_plan_set *set, uint64_t last)
{
	static double samples[SAMPLES_MAX];
	uint64_t rounds = (PROBES_TX + set->n_probes - 1) / set->n_probes;
	uint64_t end = el_worker_counter(w, EL_COUNTER_TX_PROBES) + rounds * set->n_probes;
	uint32_t n = 0;

	end -= POLLS * 32;
	for (uint64_t round = 1; round <= rounds; round++)
		order_round(w, set, last + round);
	while (el_worker_counter(w, EL_COUNTER_TX_PROBES) < end) {
		double cycles = sample_tx(w);
		if (cycles > 0 && n < SAMPLES_MAX)
			samples[n++] = cycles;
	}
	bench_sort(samples, n);
	return n ? samples[n / 2] : 0;
}

static __rte_noinline int measure(const struct row *row, uint32_t rounds, bool json)
{
	static double samples[SAMPLES_MAX];
	struct fixture *f = fixture(1, row->slices > FEW_SLICES ? 100 : 1000);
	struct el_plan_set *set;
	struct el_schedule schedule = {0};
	struct el_streams *streams;
	struct el_worker *w;
	struct el_prefix own;
	uint64_t n_answers;
	uint32_t n = 0;
	double tx;

	add_targets(f, row);
	f->in.interval_s = 0;
	f->in.asap = true;
	f->in.rate_pps = row->rate_pps;
	set = compile(f);
	el_prefix_parse(row->family == 6 ? "2001:db8::10" : "192.0.2.10", &own);
	w = make_worker(&own, row->family);
	if (!w)
		return 1;
	streams = el_streams_create(set);
	if (!streams)
		return 1;
	schedule = el_schedule_open(&schedule, 1, streams);
	el_board_post(board, &schedule);
	for (uint64_t round = 1; round <= rounds; round++)
		order_round(w, set, round);
	while (answers(w) + IN_FLIGHT < (uint64_t)rounds * row->slices * row->packets) {
		double cycles = sample(w);
		if (cycles > 0 && n < SAMPLES_MAX)
			samples[n++] = cycles;
	}
	n_answers = answers(w);
	tx = measure_tx(w, set, rounds);
	finish(w);
	el_streams_put(streams);
	el_plan_set_put(set);
	free(f->model.streams);
	free(f);
	if (!n)
		return 1;
	bench_sort(samples, n);
	print(row, samples[n / 2], samples[n / 10], tx, n, n_answers, json);
	return 0;
}

static const struct row rows[] = {
    {EL_PROBE_ICMPPING, "ICMPping", 4, 4000, 250, 0},
    {EL_PROBE_TCPSYN, "TCPsyn", 4, 4000, 250, 0},
    {EL_PROBE_UDPUNREACHABLE, "UDPunreachable", 4, 4000, 250, 0},
    {EL_PROBE_ICMPPING, "ICMPping", 6, 4000, 250, 0},
    {EL_PROBE_TCPSYN, "TCPsyn", 6, 4000, 250, 0},
    {EL_PROBE_UDPUNREACHABLE, "UDPunreachable", 6, 4000, 250, 0},
    {EL_PROBE_STAMP, "STAMP", 4, 4000, 250, 0},
    {EL_PROBE_STAMP, "STAMP", 6, 4000, 250, 0},
};
/* Large plans: what is sent and received is no longer in the caches. */
static const struct row large[] = {
    {EL_PROBE_ICMPPING, "ICMPping", 4, 100000, 10, 0},
    {EL_PROBE_ICMPPING, "ICMPping", 4, 1000000, 4, 0},
    {EL_PROBE_TCPSYN, "TCPsyn", 4, 100000, 10, 0},
};
/* Other shapes of plan, to be compared with the first row. */
static const struct row shapes[] = {
    {EL_PROBE_ICMPPING, "ICMPping", 4, 4000, 1, 0},
    {EL_PROBE_ICMPPING, "ICMPping", 4, 100, 10000, 0},
    {EL_PROBE_ICMPPING, "ICMPping", 4, 4000, 250, 150000000},
};

struct options {
	bool json, no_large;
	uint32_t packets, slices;
};

/* 0 packets or slices: those of the rows. */
static int measure_all(const struct row *r, size_t n, const struct options *o)
{
	int failed = 0;

	for (size_t i = 0; i < n && !failed; i++) {
		struct row row = r[i];
		uint32_t rounds;

		if (o->slices) {
			/* with fewer ports than are in flight there would be resets */
			if (row.type == EL_PROBE_TCPSYN && o->slices == 1)
				continue;
			row.slices = o->slices;
			row.packets = RTE_MAX(PROBES / 4 / row.slices, 1U);
			row.packets = RTE_MIN(row.packets, 10000U);
		}
		rounds = PROBES / (row.slices * row.packets);
		if (o->packets) {
			row.packets = RTE_MIN(row.packets, o->packets);
			rounds = 1;
		}
		failed = measure(&row, rounds, o->json);
	}
	return failed;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
	    {"json", no_argument, NULL, 'j'},         {"packets", required_argument, NULL, 'p'},
	    {"slices", required_argument, NULL, 'n'}, {"no-large", no_argument, NULL, 'l'},
	    {"no-checksums", no_argument, NULL, 'c'}, {"scalar", no_argument, NULL, 's'},
	    {"vlan", required_argument, NULL, 'v'},   {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == 'j')
			ret->json = true;
		else if (c == 'p')
			ret->packets = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			ret->no_large = true;
		else if (c == 'c')
			checksums = EL_CHECKSUMS_IGNORED;
		else if (c == 's')
			scalar = true;
		else if (c == 'v')
			vlan = (el_vlan)strtoul(optarg, NULL, 10);
		else if (c == 'n')
			ret->slices = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return -1;
	}
	l2_len = ETH + el_tags_of(vlan).len;
	return optind == argc && ret->packets <= 1000 && ret->slices <= 1000000 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	int failed;

	if (parse_options(argc, argv, &o) < 0) {
		fputs("usage: bench_worker [--json] [--packets N] [--slices N] [--no-large] "
		      "[--no-checksums] "
		      "[--scalar] [--vlan N]\n",
		      stderr);
		return 64;
	}
	if (!bench_begin())
		return 1;
	failed = !start() || measure_all(rows, RTE_DIM(rows), &o) ||
		 (!o.no_large && !o.slices && measure_all(large, RTE_DIM(large), &o)) ||
		 (!o.json && !o.slices && measure_all(shapes, RTE_DIM(shapes), &o));
	el_eal_fini();
	return failed;
}
