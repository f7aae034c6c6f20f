/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies to two workers with an open round of STAMP probes, signed ones and others, with TLVs and
 * without: those of a reflector, changed, signed again, repeated, on the wrong queue, or any bytes.
 * What a frame is to the probes is told from the bytes of both and the keys (reply_to), and nothing
 * else: each record says what it has to, each frame is counted once, no buffer is lost, and sent is
 * answered and lost. */
#include "fuzz.h"

#include <netinet/in.h>
#include <nettle/hmac.h>

#include "el_port.h"
#include "stamp_keys.h"
#include "worker_bench.h"
#include "worker_internal.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200;

#define PACKETS 4 /* to each target */
#define PROBES (PACKETS * (int)RTE_DIM(targets))
#define FRAME_MAX 1514
#define OPERATIONS 200
#define V6_HOP 4
#define KEY "a key for this test"
#define COS 1
#define DIRECT 2

static const struct target {
	const char *address;
	uint16_t port;
	bool authenticated, has_key, ptp;
	int asks;
	int32_t size;
} targets[] = {
    {"198.51.100.1", 862, false, false, false, 0, EL_CONF_UNSET},
    {"2001:db8:100::1", 862, false, false, true, 0, 100},
    {"198.51.100.1", 862, true, true, false, 0, EL_CONF_UNSET},
    {"2001:db8:100::1", 20862, true, true, true, COS | DIRECT, 300},
    {"198.51.100.2", 862, false, false, false, COS, EL_CONF_UNSET},
    {"2001:db8:100::2", 862, false, true, false, COS | DIRECT, EL_CONF_UNSET},
};

/* A probe as it was sent, and what came of it. */
static struct probe {
	uint8_t frame[FRAME_MAX];
	size_t len;
	const struct target *target;
	uint32_t target_index;
	uint8_t version;
	const uint8_t *ip, *udp, *packet; /* in `frame` */
	size_t packet_len;
	const el_record *record;
	uint32_t worker, answers;
	uint64_t sent_ns;
} probes[PROBES];

struct draft {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	uint32_t queue;
	const struct probe *meant; /* whose reply it is while it is not changed; NULL: anything */
};

static struct bench *b;
static struct el_stamp_keys *keys;
static char path[1][32];
static uint64_t n_given, n_up;

/* ---- the bench ---- */

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	if (destination->family == 6)
		r.next_hop.v = V6_HOP;
	return r;
}

static void finish(void)
{
	bench_free(b);
	el_stamp_keys_put(keys);
	el_eal_fini();
}

static void start(void)
{
	static const char *const text = KEY;
	struct el_command hop = {.kind = EL_COMMAND_NEXT_HOP, .index = V6_HOP};
	struct fixture *f;

	FUZZ_ASSERT(worker_bench_start() == 0);
	keys = read_key_files(&text, 1, path);
	f = fixture(1, PACKETS);
	f->in.asap = true;
	f->in.route = route;
	f->in.stamp_keys = keys;
	for (size_t i = 0; i < RTE_DIM(targets); i++) {
		struct el_model_target *t = &f->targets[i];

		add_target(f, EL_PROBE_STAMP, targets[i].address, PACKETS);
		t->timeout_s = 0.05;
		t->dst_port = targets[i].port;
		t->ip_payload_size = targets[i].size;
		t->stamp = (struct el_model_stamp){.key_file = targets[i].has_key ? path[0] : NULL,
						   .authenticated = targets[i].authenticated,
						   .ptp = targets[i].ptp,
						   .class_of_service = targets[i].asks & COS,
						   .direct_measurement = targets[i].asks & DIRECT,
						   .dscp = 10};
	}
	checksums = EL_CHECKSUMS_REFUSED;
	family = 4;
	b = bench(f, WORKERS);
	family = 6;
	hop.next_hop = next_hop(mac_a, EL_NEXT_HOP_READY);
	for (uint32_t w = 0; w < WORKERS; w++)
		FUZZ_ASSERT(el_worker_command(b->workers[w], &hop));
	atexit(finish);
}

/* ---- what was sent ---- */

/* Where the record of a probe is, and which target it is to: what its bytes do not say. */
static void locate(struct probe *p)
{
	uint32_t id = el_id_unpermute(&b->set->key, el_get32(p->packet)), pass;
	const struct el_plan *plan;
	struct el_id at;

	FUZZ_ASSERT(el_id_unpack(&b->set->ids, id, &at) && at.worker < WORKERS);
	plan = b->set->plans[at.worker];
	FUZZ_ASSERT(at.index < plan->n_records);
	p->worker = at.worker;
	p->record = &b->ordered[at.worker]->records[at.index];
	p->target_index = plan->slices[el_plan_locate(plan, at.index, &pass).v].series;
	p->target = &targets[p->target_index];
	FUZZ_ASSERT(el_record_state(*p->record) == EL_RECORD_SENT);
	p->sent_ns = el_record_time(*p->record);
}

static void note_probe(struct probe *p, const struct rte_mbuf *m)
{
	*p = (struct probe){.len = m->data_len};
	memcpy(p->frame, rte_pktmbuf_mtod(m, uint8_t *), p->len);
	p->ip = p->frame + ETH;
	p->version = p->ip[0] >> 4;
	p->udp = p->ip + (p->version == 4 ? 20 : 40);
	p->packet = p->udp + 8;
	p->packet_len = el_get16(p->udp + 4) - 8U;
	locate(p);
	FUZZ_ASSERT(el_get16(p->udp + 2) == p->target->port);
}

static void send_round(void)
{
	int n = 0;

	order_round(b, 1);
	for (int i = 0; i < 1000 && n < PROBES; i++) {
		poll_all(b);
		for (uint32_t w = 0; w < WORKERS; w++) {
			struct rte_mbuf *m;

			while ((m = take(b, w)) != NULL) {
				FUZZ_ASSERT(n < PROBES);
				note_probe(&probes[n++], m);
				rte_pktmbuf_free(m);
			}
		}
	}
	FUZZ_ASSERT(n == PROBES);
}

/* ---- what a frame is ---- */

static bool same_address(const uint8_t *a, const uint8_t *c, uint8_t version)
{
	return memcmp(a, c, version == 4 ? 4 : 16) == 0;
}

/* RFC 8762 section 4.4, with nettle's own HMAC. */
static bool is_signed(const uint8_t *packet)
{
	uint8_t digest[16];
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, strlen(KEY), (const uint8_t *)KEY);
	hmac_sha256_update(&ctx, 96, packet);
	hmac_sha256_digest(&ctx, sizeof(digest), digest);
	return memcmp(digest, packet + 96, sizeof(digest)) == 0;
}

/* Whether a packet repeats what was sent to this probe's session: number, T1, and the SSID or none.
 */
static bool repeats(const uint8_t *packet, size_t len, const struct probe *p)
{
	bool auth = p->target->authenticated;
	size_t ssid_at = auth ? 26 : 14;

	if (len < (auth ? 112U : 44U))
		return false;
	return memcmp(packet + (auth ? 48 : 24), p->packet, 4) == 0 &&
	       memcmp(packet + (auth ? 64 : 28), p->packet + (auth ? 16 : 4), 8) == 0 &&
	       (memcmp(packet + ssid_at, p->packet + ssid_at, 2) == 0 ||
		el_get16(packet + ssid_at) == 0) &&
	       (!auth || is_signed(packet));
}

/* The probe that a frame is a reply to; NULL: none. */
static struct probe *reply_to(const struct draft *d)
{
	struct el_pkt pkt;
	size_t len;

	if (el_pkt_parse(d->bytes, d->len, &pkt) != EL_PKT_OK || pkt.protocol != IPPROTO_UDP ||
	    pkt.l4_len < 8 || el_get16(pkt.l4 + 4) < 8 || el_get16(pkt.l4 + 4) > pkt.l4_len)
		return NULL;
	if (!el_pkt_checksums_right(&pkt))
		return NULL;
	len = el_get16(pkt.l4 + 4) - 8U;
	for (struct probe *p = probes; p < probes + PROBES; p++) {
		size_t src = p->version == 4 ? 12 : 8, dst = p->version == 4 ? 16 : 24;

		if (pkt.family == p->version && same_address(pkt.ip.src, p->ip + dst, p->version) &&
		    same_address(pkt.ip.dst, p->ip + src, p->version) &&
		    memcmp(pkt.l4, p->udp + 2, 2) == 0 && memcmp(pkt.l4 + 2, p->udp, 2) == 0 &&
		    repeats(pkt.l4 + 8, len, p))
			return p;
	}
	return NULL;
}

/* ---- frames ---- */

static uint8_t next(const uint8_t **at, const uint8_t *end)
{
	return *at < end ? *(*at)++ : 0;
}

/* The reflector's of a probe's target, what it is by `how`. */
static void draw_reply(struct draft *d, const struct probe *p, uint8_t how)
{
	static struct el_stamp_session sessions[RTE_DIM(targets)];

	reflector = (struct el_stamp_reflector){.authenticated = p->target->authenticated,
						.format = how & 1 ? EL_STAMP_PTP : EL_STAMP_NTP,
						.error_estimate = how & 1 ? 0xc510 : 0x8510,
						.dscp_allowed = how & 2 ? UINT64_MAX : 0};
	if (p->target->has_key)
		reflector.key = el_stamp_keys_find(keys, path[0]);
	reflector_session = how & 4 ? NULL : &sessions[p->target_index];
	reflector_ns = (int64_t)sim_ns;
	family = p->version;
	d->len = answer(p->frame, p->len, REPLY_REFLECTED, d->bytes);
	d->queue = how & 8 ? p->worker ^ 1 : p->worker;
	d->meant = p;
}

/* Where the packet is in a frame that is plain UDP; NULL: it is none, or too short to be signed. */
static uint8_t *packet_of(struct draft *d, size_t least)
{
	uint8_t version = d->len > ETH ? d->bytes[ETH] >> 4 : 0;
	size_t at = version == 4 ? ETH + 28 : ETH + 48;

	if ((version != 4 && version != 6) || d->len < at + least)
		return NULL;
	family = version;
	return d->bytes + at;
}

/* The IP header's and UDP's lengths are made those of the frame. */
static void put_lengths(struct draft *d)
{
	size_t at = ETH + (family == 4 ? 20U : 40U);

	if (!packet_of(d, 0))
		return;
	el_put16(d->bytes + ETH + (family == 4 ? 2 : 4),
		 (uint16_t)(d->len - (family == 4 ? ETH : ETH + 40U)));
	el_put16(d->bytes + at + 4, (uint16_t)(d->len - at));
}

static void put_checksums(struct draft *d)
{
	size_t total, l4;

	if (!packet_of(d, 0))
		return;
	total = el_get16(d->bytes + ETH + (family == 4 ? 2 : 4)) + (family == 4 ? 0U : 40U);
	l4 = ETH + (family == 4 ? 20U : 40U);
	if (d->bytes[ETH + (family == 4 ? 9 : 6)] != IPPROTO_UDP || ETH + total > d->len ||
	    ETH + total < l4 + 8 || (family == 4 && d->bytes[ETH] != 0x45))
		return;
	fix_checksums(d->bytes);
}

/* With the key, as a reflector that has it. */
static void sign(struct draft *d)
{
	uint8_t *packet = packet_of(d, 112);
	struct hmac_sha256_ctx ctx;

	if (!packet)
		return;
	hmac_sha256_set_key(&ctx, strlen(KEY), (const uint8_t *)KEY);
	hmac_sha256_update(&ctx, 96, packet);
	hmac_sha256_digest(&ctx, 16, packet + 96);
}

/* Changes it by what the input says; false: that was all. */
static bool change(const uint8_t **at, const uint8_t *end, struct draft *d)
{
	uint8_t what = next(at, end) % 9;
	size_t where;

	if (!what)
		return false;
	if (what != 8)
		d->meant = NULL;
	where = (size_t)next(at, end) << 8;
	where = (where | next(at, end)) % (d->len ? d->len : 1);
	switch (what) {
	case 1:
		d->bytes[where] ^= next(at, end);
		break;
	case 2:
		d->bytes[where] = next(at, end);
		break;
	case 3:
		d->len = where + 1;
		break;
	case 4: { /* bytes of a probe, from anywhere to anywhere */
		const struct probe *p = &probes[next(at, end) % PROBES];
		size_t from = next(at, end) % p->len, n = next(at, end) % 17;

		n = RTE_MIN(n, RTE_MIN(p->len - from, d->len - where));
		memcpy(d->bytes + where, p->frame + from, n);
		break;
	}
	case 5:
		put_lengths(d);
		break;
	case 6:
		sign(d);
		break;
	case 7:
		put_checksums(d);
		break;
	default:
		d->queue ^= 1;
	}
	return true;
}

/* ---- what comes of it ---- */

static uint64_t count_of(enum el_worker_counter c)
{
	return el_worker_counter(b->workers[0], c) + el_worker_counter(b->workers[1], c);
}

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

/* The workers look at what was given, and at what they forward. */
static void look(void)
{
	struct rte_mbuf *m;

	for (int i = 0; i < 3; i++)
		poll_all(b);
	for (uint32_t w = 0; w < WORKERS; w++) {
		FUZZ_ASSERT(rte_ring_empty(b->in[w]));
		FUZZ_ASSERT(!take(b, w)); /* nothing is sent */
		while (el_worker_punted(b->workers[w], &m, 1)) {
			rte_pktmbuf_free(m);
			n_up++;
		}
	}
	FUZZ_ASSERT(rte_mempool_in_use_count(b->rx_pool) == 0);
	for (const struct probe *p = probes; p < probes + PROBES; p++) {
		el_record r = *p->record;

		FUZZ_ASSERT(el_record_state(r) ==
			    (p->answers ? EL_RECORD_ANSWERED : EL_RECORD_SENT));
		FUZZ_ASSERT(
		    el_record_duplicates(r) ==
		    (p->answers ? RTE_MIN(p->answers - 1, (uint32_t)EL_RECORD_DUP_MAX) : 0));
		if (!p->answers)
			FUZZ_ASSERT(el_record_time(r) == p->sent_ns);
	}
}

static void give_draft(const struct draft *d)
{
	struct probe *p = reply_to(d);

	if (d->meant)
		FUZZ_ASSERT(p == d->meant);
	if (p)
		p->answers++;
	give(b, d->queue, d->bytes, d->len);
	n_given++;
	look();
}

static void operation(const uint8_t **at, const uint8_t *end, struct draft *d)
{
	uint8_t what = next(at, end);

	if (what % 4 == 3) { /* any bytes */
		*d = (struct draft){.len = 1 + next(at, end), .queue = what >> 7};
		for (size_t i = 0; i < d->len; i++)
			d->bytes[i] = next(at, end);
	} else if (what % 4 != 2 || !d->len) { /* else the one before once more */
		draw_reply(d, &probes[next(at, end) % PROBES], what >> 2);
	}
	for (int i = 0; i < 16 && change(at, end, d); i++)
		;
	give_draft(d);
}

static void assert_figures(void)
{
	struct el_round_figures *f = el_stats_round(b->ordered, WORKERS);

	FUZZ_ASSERT(f && f->stamp && f->n_series == RTE_DIM(targets));
	for (uint32_t s = 0; s < f->n_series; s++) {
		const struct el_figures *is = &f->series[s];
		const struct el_stamp_figures *said = &f->stamp->series[s];
		uint64_t answered = 0, outcomes = 0;

		for (const struct probe *p = probes; p < probes + PROBES; p++)
			answered += p->target_index == s && p->answers;
		for (int i = 0; i < EL_STAMP_TLVS; i++)
			outcomes += said->tlvs[i];
		FUZZ_ASSERT(is->sent == PACKETS && is->answered == answered);
		FUZZ_ASSERT(is->lost == PACKETS - answered && said->replies == answered);
		FUZZ_ASSERT(outcomes == (targets[s].asks ? answered : 0));
	}
	el_round_figures_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	static struct draft d;
	uint64_t before;

	if (!b)
		start();
	d = (struct draft){0};
	n_given = n_up = 0;
	send_round();
	before = counted();
	for (int i = 0; i < OPERATIONS && data < end; i++)
		operation(&data, end, &d);
	FUZZ_ASSERT(counted() - before + n_up == n_given);
	sim_ns += EL_NS_PER_S;
	for (uint32_t w = 0; w < WORKERS; w++)
		FUZZ_ASSERT(report(b, w) == b->ordered[w]);
	assert_figures();
	for (uint32_t w = 0; w < WORKERS; w++)
		el_block_free(b->ordered[w]);
	return 0;
}
