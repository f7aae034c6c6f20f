/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on workers: a wire that spreads answers over the queues as a NIC does, by a Toeplitz hash
 * of its own over the frames, and the steering that has to foresee it. */
#include "worker_bench.h"

#include <rte_ethdev.h>

#include "steering.h"
#include "toeplitz.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define TARGETS 60 /* of each kind */
#define RETA_SIZE 128

enum wire {
	WIRE_AS_TOLD,   /* by the key that the port tells, over addresses */
	WIRE_OTHER_KEY, /* by another */
	WIRE_PORTS,     /* of TCP, over the ports too */
	WIRE_ONE_QUEUE, /* not at all */
};

struct rss_bench {
	struct el_port port;
	struct steering *steering;
	uint8_t key[40]; /* the wire's */
	enum wire wire;
	struct bench *b;
	struct fixture *f;
	uint64_t round;
};

static uint32_t place(void *ctx, const struct el_slice *slice)
{
	const struct rss_bench *r = ctx;

	return steering_worker(r->steering, slice);
}

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	(void)ctx;
	return fixture_route(NULL, target, group, destination);
}

/* Targets of all types; in the first group from one address, in the second from all of a network.
 */
static struct fixture *targets(void)
{
	static const enum el_probe_type types[] = {EL_PROBE_TCPSYN, EL_PROBE_ICMPPING,
						   EL_PROBE_UDPUNREACHABLE};
	struct fixture *f = fixture(2, 10);

	f->in.asap = true;
	f->groups[1].src_port_first = 64000;
	if (family == 4)
		el_prefix_parse("192.0.2.0/28", &f->groups[1].src_subnet_ipv4);
	else
		el_prefix_parse("2001:db8::/124", &f->groups[1].src_subnet_ipv6);
	for (int i = 0; i < 3 * TARGETS; i++) {
		char text[64];
		snprintf(text, sizeof(text), family == 4 ? "198.51.%d.%d" : "2001:db8:%d::%d", i,
			 i % 100 + 1);
		add_target(f, types[i % 3], text, 30);
		f->targets[i].timeout_s = 0.2;
	}
	return f;
}

static void begin(struct rss_bench *r)
{
	r->f = targets();
	r->f->in.route = route;
	r->f->in.place = place;
	r->f->in.route_ctx = r;
	r->b = bench(r->f, WORKERS);
	r->b->own[family == 6].len = family == 6 ? 120 : 24;
}

static struct rss_bench *rss_bench(enum wire wire)
{
	struct rss_bench *r = calloc(1, sizeof(*r));

	r->wire = wire;
	for (size_t i = 0; i < sizeof(r->key); i++)
		r->key[i] = (uint8_t)(i * i * 37 + 11);
	r->port.n_queues = WORKERS;
	r->port.rss = (struct el_port_rss){.on = wire != WIRE_ONE_QUEUE,
					   .types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6,
					   .key_len = sizeof(r->key),
					   .reta_size = RETA_SIZE};
	memcpy(r->port.rss.key, r->key, sizeof(r->key));
	if (wire == WIRE_OTHER_KEY)
		r->key[0] ^= 0x5a, r->key[5] ^= 0xff;
	for (uint16_t i = 0; i < RETA_SIZE; i++)
		r->port.rss.reta[i] = (uint16_t)(i * 7 / 3 % WORKERS);
	r->steering = steering_create();
	steering_add_port(r->steering, &r->port);
	begin(r);
	return r;
}

static void rss_bench_free(struct rss_bench *r)
{
	bench_free(r->b);
	steering_destroy(r->steering);
	free(r);
}

/* The queue that the wire puts a frame into. */
static uint32_t queue_of(const struct rss_bench *r, const uint8_t *frame)
{
	const uint8_t *ip = frame + ETH;
	size_t n = family == 6 ? 32 : 8;
	uint8_t tuple[36];

	if (r->wire == WIRE_ONE_QUEUE)
		return 0;
	memcpy(tuple, ip + (family == 6 ? 8 : 12), n);
	if (r->wire == WIRE_PORTS && ip[family == 6 ? 6 : 9] == IPPROTO_TCP) {
		memcpy(tuple + n, ip + L3, 4);
		n += 4;
	}
	return r->port.rss.reta[toeplitz(r->key, tuple, n) % RETA_SIZE];
}

/* What the target of a probe frame answers. */
static enum reply reply_to(const uint8_t *frame)
{
	switch (frame[ETH + (family == 6 ? 6 : 9)]) {
	case IPPROTO_TCP:
		return REPLY_RST;
	case IPPROTO_UDP:
		return REPLY_UNREACHABLE;
	default:
		return REPLY_ECHO;
	}
}

static void answer_all(struct rss_bench *r)
{
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct rte_mbuf *m;
		/* probes wait on the wire while answers find no room */
		while (!rte_ring_full(r->b->in[0]) && !rte_ring_full(r->b->in[1]) &&
		       (m = take(r->b, w)) != NULL) {
			const uint8_t *probe = rte_pktmbuf_mtod(m, const uint8_t *);
			uint8_t buf[2048];
			size_t len = 0;
			if (!is_reset(m))
				len = answer(probe, m->data_len, reply_to(probe), buf);
			if (len)
				give(r->b, queue_of(r, buf), buf, len);
			rte_pktmbuf_free(m);
		}
	}
}

/* Runs a round to its end; every probe is answered, whoever it was that got the answer. How many
 * answers had to be forwarded. */
static uint64_t run_round(struct rss_bench *r)
{
	uint64_t end = rte_rdtsc() + 10 * EL_NS_PER_S, forwarded;
	struct el_block *blocks[WORKERS] = {NULL};
	struct el_round_figures *f;
	uint64_t answered = 0, before = counter(r->b, EL_COUNTER_FORWARDED);

	order_round(r->b, ++r->round);
	while (!(blocks[0] && blocks[1]) && rte_rdtsc() < end) {
		poll_all(r->b);
		answer_all(r);
		for (uint32_t w = 0; w < WORKERS; w++) {
			if (!blocks[w])
				el_worker_reports(r->b->workers[w], &blocks[w], 1);
		}
	}
	assert_true(blocks[0] && blocks[1]);
	f = el_stats_round(blocks, WORKERS);
	for (uint32_t s = 0; s < r->f->model.n_series; s++)
		answered += f->series[s].answered;
	forwarded = f->forwarded;
	assert_int_equal(f->sent, r->b->set->n_probes);
	assert_int_equal(answered, f->sent);
	assert_int_equal(counter(r->b, EL_COUNTER_FORWARDED) - before, forwarded);
	el_round_figures_free(f);
	for (uint32_t w = 0; w < WORKERS; w++)
		el_block_free(blocks[w]);
	return forwarded;
}

/* Another plan, made with what has been learnt of the one before. */
static uint32_t learn(struct rss_bench *r)
{
	uint32_t n = steering_learn(r->steering, r->b->streams);

	bench_free(r->b);
	r->round = 0;
	begin(r);
	return n;
}

static void assert_shared(const struct rss_bench *r)
{
	assert_true(r->b->set->skew > 0.99 && r->b->set->skew < 1.4);
}

static void answers_come_home(void **state)
{
	struct rss_bench *r = rss_bench(WIRE_AS_TOLD);

	(void)state;
	assert_int_equal(steering_source(r->steering, (struct el_port_idx){0}),
			 EL_PLACEMENT_COMPUTED);
	assert_int_equal(run_round(r), 0);
	assert_shared(r);
	assert_int_equal(learn(r), 0);
	assert_int_equal(run_round(r), 0);
	rss_bench_free(r);
}

static void a_wrong_hash_is_learnt(void **state)
{
	struct rss_bench *r = rss_bench(WIRE_OTHER_KEY);
	uint64_t before = run_round(r);

	(void)state;
	assert_true(before > r->b->set->n_probes / 4);
	assert_true(learn(r) > 0);
	assert_int_equal(steering_source(r->steering, (struct el_port_idx){0}),
			 EL_PLACEMENT_LEARNT);
	assert_int_equal(run_round(r), 0);
	assert_shared(r);
	rss_bench_free(r);
}

/* Where the ports decide, a path's answers keep to a queue but a slice's don't: no steering avoids
 * forwarding TCP, and what is learnt of it does not harm the rest. */
static void ports_in_the_hash_are_forwarded(void **state)
{
	struct rss_bench *r = rss_bench(WIRE_PORTS);
	uint64_t before = run_round(r), after;

	(void)state;
	assert_true(before > 0 && before < r->b->set->n_probes / 3);
	learn(r);
	after = run_round(r);
	assert_true(after < r->b->set->n_probes / 3);
	assert_shared(r);
	rss_bench_free(r);
}

static void one_queue_is_not_learnt(void **state)
{
	struct rss_bench *r = rss_bench(WIRE_ONE_QUEUE);
	uint64_t before = run_round(r);

	(void)state;
	assert_true(before > r->b->set->n_probes / 3);
	assert_false(steering_can_learn(r->steering));
	assert_int_equal(learn(r), 0);
	assert_int_equal(steering_source(r->steering, (struct el_port_idx){0}), EL_PLACEMENT_NONE);
	assert_int_equal(run_round(r), before);
	/* nor where the device says that it spreads and does not */
	r->port.rss.on = true;
	assert_true(run_round(r) > 0);
	assert_int_equal(steering_learn(r->steering, r->b->streams), 0);
	assert_shared(r);
	rss_bench_free(r);
}

/* An ICMP error of a router comes in by the router's address: nothing is learnt of it. */
static void errors_of_routers_teach_nothing(void **state)
{
	struct fixture *f = quick(1, 10, EL_PROBE_UDPUNREACHABLE, 20);
	struct bench *b;
	uint32_t n = 0;

	(void)state;
	add_target(f, EL_PROBE_UDPUNREACHABLE, family == 6 ? "2001:db8:100::2" : "198.51.100.2",
		   20);
	f->targets[1].timeout_s = 0.05;
	b = bench(f, 2);
	order_round(b, 1);
	while (n < 40) {
		poll_all(b);
		for (uint32_t w = 0; w < 2; w++) {
			struct rte_mbuf *m;
			while ((m = take(b, w)) != NULL) {
				uint8_t buf[2048];
				give(b, 1 - w, buf,
				     answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
					    REPLY_ROUTER, buf));
				rte_pktmbuf_free(m);
				n++;
			}
		}
	}
	assert_int_equal(figures(b, 0).icmp_errors, 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 40);
	for (uint32_t w = 0; w < 2; w++)
		assert_int_equal(b->streams->of[w].rx_worker[0], 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_come_home),
	    cmocka_unit_test(a_wrong_hash_is_learnt),
	    cmocka_unit_test(ports_in_the_hash_are_forwarded),
	    cmocka_unit_test(one_queue_is_not_learnt),
	    cmocka_unit_test(errors_of_routers_teach_nothing),
	};

	return worker_bench_main("worker_rss", tests, RTE_DIM(tests), tests, RTE_DIM(tests));
}
