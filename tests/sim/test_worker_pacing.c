/* SPDX-License-Identifier: BSD-3-Clause */
/* When probes go out, in simulated time: the stamps of whole rounds. */
#include "worker_bench.h"

#define BURST 32
#define US (EL_NS_PER_S / 1000000)

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 100;

/* A plan whose rounds are spread over `interval_s`. */
static struct fixture *spread(double interval_s)
{
	struct fixture *f = fixture(1, 1000);

	f->in.interval_s = interval_s;
	return f;
}

static void add(struct fixture *f, uint32_t n, uint32_t packets)
{
	while (n--) {
		char address[32];
		uint32_t i = f->model.n_targets;
		snprintf(address, sizeof(address), "198.51.%u.%u", i >> 8, i & 255);
		add_target(f, EL_PROBE_ICMPPING, address, packets);
		f->targets[i].timeout_s = 0.01;
	}
}

/* Runs the round that was ordered to its end, nothing answered; at `stall_ns` after its start (0:
 * never) the worker is not polled for `stalled_ns`. */
static struct el_block *run(struct bench *b, uint64_t stall_ns, uint64_t stalled_ns)
{
	struct el_block *block = NULL;
	uint64_t start = sim_ns;
	struct rte_mbuf *m;

	while (el_worker_reports(b->workers[0], &block, 1) == 0) {
		poll_all(b);
		while ((m = take(b, 0)) != NULL)
			rte_pktmbuf_free(m);
		if (stall_ns && sim_ns - start >= stall_ns) {
			sim_ns += stalled_ns;
			stall_ns = 0;
		}
	}
	return block;
}

/* When a record was sent; it has no answer. */
static uint64_t sent_at(const struct el_block *block, uint32_t record)
{
	assert_int_equal(el_record_state(block->records[record]), EL_RECORD_SENT);
	return el_record_time(block->records[record]);
}

/* From one probe a second to what fills 10 Gbit/s and more: the rate over the round is the one
 * asked for within 0.1 %, and no probe is ever away from its place by more than 2 us. */
static void the_rate_is_exact(void **state)
{
	static const struct {
		uint32_t targets, packets;
		double interval_s;
		uint64_t step;
	} cases[] = {{1, 3, 3, 800},        {1, 10, 1, 800},         {1, 1000, 1, 800},
		     {10, 1000, 1, 800},    {10, 2000, 0.2, 400},    {100, 500, 0.05, 100},
		     {100, 200, 0.005, 20}, {100, 1000, 0.0067, 20}, {200, 1000, 0.01, 20}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = spread(cases[i].interval_s);
		uint32_t n = cases[i].targets * cases[i].packets;
		double asked = n / (0.98 * cases[i].interval_s), had, gap;
		struct el_block *block;
		struct bench *b;

		sim_step = cases[i].step;
		add(f, cases[i].targets, cases[i].packets);
		b = bench(f, 1);
		assert_true(fabs(b->set->requested_pps / asked - 1) < 1e-9);
		order_round(b, 1);
		block = run(b, 0, 0);
		gap = (double)EL_NS_PER_S / asked;
		for (uint32_t r = 1; r < n; r++) {
			double late = (double)(sent_at(block, r) - sent_at(block, 0)) - r * gap;
			assert_true(fabs(late) < 2 * (double)US);
		}
		had = (n - 1) * (double)EL_NS_PER_S /
		      (double)(sent_at(block, n - 1) - sent_at(block, 0));
		if (fabs(had / asked - 1) >= 0.001)
			fail_msg("%.3f a second instead of %.3f", had, asked);
		assert_int_equal(block->skipped_ns, 0);
		el_block_free(block);
		bench_free(b);
	}
}

/* The longest and the shortest time between two probes of a slice, in us. */
static void gaps(const struct el_block *block, const struct el_plan_class *c, uint32_t slice,
		 double *ret_min, double *ret_max)
{
	*ret_min = INFINITY;
	*ret_max = 0;
	for (uint32_t p = 1; p < c->n_packets; p++) {
		uint32_t r = c->base + p * c->n_slices + slice;
		double gap =
		    (double)(sent_at(block, r) - sent_at(block, r - c->n_slices)) / (double)US;
		*ret_min = fmin(*ret_min, gap);
		*ret_max = fmax(*ret_max, gap);
	}
}

/* Series of 1, 10, 997 and 10,000 packets in one plan: the gaps of each are even, and the rate of
 * each class is its own. */
static void gaps_are_even(void **state)
{
	static const uint32_t packets[] = {1, 10, 997, 10000};
	struct fixture *f = spread(1);
	const struct el_plan *plan;
	struct el_block *block;
	struct bench *b;

	(void)state;
	sim_step = 150;
	for (size_t i = 0; i < 4; i++)
		add(f, 30, packets[i]);
	b = bench(f, 1);
	plan = b->set->plans[0];
	assert_int_equal(plan->n_classes, 4);
	order_round(b, 1);
	block = run(b, 0, 0);
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		double even = 980000.0 / plan->classes[c].n_packets, min, max;
		for (uint32_t s = 0; s < 30 && plan->classes[c].n_packets > 1; s++) {
			gaps(block, &plan->classes[c], s, &min, &max);
			if (min < even - 2 || max > even + 2)
				fail_msg("%u packets: gaps of %.2f to %.2f us instead of %.2f",
					 plan->classes[c].n_packets, min, max, even);
		}
		/* those of one packet lie as far apart from each other as they can */
		for (uint32_t s = 1; s < 30 && plan->classes[c].n_packets == 1; s++) {
			uint32_t r = plan->classes[c].base + s;
			assert_in_range((sent_at(block, r) - sent_at(block, r - 1)) / US,
					980000 / 30 - 2, 980000 / 30 + 2);
		}
	}
	el_block_free(block);
	bench_free(b);
}

/* The worker loses its core for a while, early, late and over the end of the window: afterwards no
 * more goes out at once than 100 us' worth (or 64) and a burst; all of it goes while the interval
 * has time left, and what was given up is told. */
static void a_stall_is_followed_by_no_burst(void **state)
{
	static const struct {
		uint32_t at_us, for_us;
		bool complete; /* there is time for all */
	} cases[] = {{1000, 1000, true},   {50000, 10000, false}, {50000, 100000, false},
		     {96000, 2500, false}, {97500, 2400, false},  {50000, 1500, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = spread(0.1);
		const uint32_t n = 200000, granted = 204 + 2 * BURST; /* 2.04 a us */
		uint32_t sent = 0;
		struct el_block *block;
		struct el_command stop = {.kind = EL_COMMAND_STOP};
		struct bench *b;

		sim_step = 50;
		add(f, 100, 2000);
		b = bench(f, 1);
		order_round(b, 1);
		order_block(b, 0, 2, sim_ns + b->set->period_ns);
		block = run(b, cases[i].at_us * US, cases[i].for_us * US);
		for (uint32_t r = 0; r < n; r++)
			sent += el_record_state(block->records[r]) == EL_RECORD_SENT;
		for (uint32_t r = granted; r < sent; r++) {
			double us =
			    (double)(sent_at(block, r) - sent_at(block, r - granted)) / (double)US;
			if (us < 2 * BURST / 2.041 - 1)
				fail_msg("stall %zu: %u probes within %.2f us", i, granted, us);
		}
		assert_int_equal(sent == n, cases[i].complete);
		assert_in_range(block->skipped_ns / US + 110 + cases[i].for_us / 1000,
				cases[i].for_us, cases[i].for_us + 110);
		el_block_free(block);
		assert_true(el_worker_command(b->workers[0], &stop));
		while (el_worker_poll(b->workers[0]))
			drain(b->out[0]);
		drain(b->out[0]);
		bench_free(b);
	}
}

/* How long a round of `set` may take here: with what is sent while the next one has begun. */
static double end_s(const struct el_plan_set *set)
{
	return el_s_from_ns(set->window_ns + set->period_ns + 2 * set->timeout_ns) + 1;
}

/* Two rounds in a row, on a device that takes all but for the first `refuse_s` seconds; how many
 * probes of each were sent. */
static void run_two(struct bench *b, double refuse_s, uint32_t ret_sent[2])
{
	uint64_t start = sim_ns, end = start + (uint64_t)(2 * end_s(b->set) * (double)EL_NS_PER_S);
	uint64_t taken_from = start + (uint64_t)(refuse_s * (double)EL_NS_PER_S);
	struct el_block *block;
	struct rte_mbuf *m;

	for (uint32_t r = 0; r < 2; r++)
		order_block(b, 0, r + 1, b->set->period_ns ? start + r * b->set->period_ns : 0);
	for (uint32_t r = 0; r < 2 && sim_ns < end;) {
		poll_all(b);
		while (sim_ns >= taken_from && (m = take(b, 0)) != NULL)
			rte_pktmbuf_free(m);
		if (!el_worker_reports(b->workers[0], &block, 1))
			continue;
		assert_int_equal(block->round, r + 1);
		ret_sent[r] = 0;
		for (uint32_t i = 0; i < b->set->plans[0]->n_records; i++)
			ret_sent[r] += el_record_state(block->records[i]) == EL_RECORD_SENT;
		el_block_free(block);
		r++;
	}
}

/* Whatever the configuration asks for is sent: packets that are further apart than the timeout, no
 * interval, a rate cap that stretches the round, a device that takes nothing for a moment. */
static void all_that_is_asked_for_is_sent(void **state)
{
	static const double intervals[] = {0, 1}, apart[] = {0, 0.3, 2};
	static const double timeouts[] = {0.0005, 0.5, 3}, limits[] = {0, 0.4, 3600};
	static const uint64_t caps[] = {0, 1, 100};
	static const uint32_t packets[] = {1, 4, 50};
	static const double refusals[] = {0, 0.09};

	(void)state;
	for (uint32_t i = 0; i < 2 * 3 * 3 * 3 * 3 * 3 * 2 * 2; i++) {
		struct fixture *f = spread(intervals[i % 2]);
		uint32_t sent[2] = {UINT32_MAX, UINT32_MAX}, n = packets[i / 2 % 3];
		double refuse_s = refusals[i / 972];
		struct bench *b;

		add(f, 1, n);
		add(f, 1, (n + 1) / 2);
		f->targets[0].timeout_s = f->targets[1].timeout_s = timeouts[i / 6 % 3];
		f->in.interval_packets_s = apart[i / 18 % 3];
		f->in.rate_pps = caps[i / 54 % 3];
		f->in.round_timeout_s = limits[i / 162 % 3];
		f->in.asap = i / 486 % 2;
		b = bench(f, 1);
		/* a device that refuses is looked at often enough */
		sim_step = (uint64_t)(refuse_s > 0 ? (double)EL_NS_PER_S / 2000
						   : end_s(b->set) * (double)EL_NS_PER_S / 5000);
		/* a limit that is shorter than what is asked for is asked for, too */
		if ((!b->set->limit_ns || b->set->window_ns <= b->set->limit_ns) &&
		    (refuse_s == 0 || end_s(b->set) < 10)) {
			run_two(b, refuse_s, sent);
			if (sent[0] != b->set->n_probes || sent[1] != b->set->n_probes)
				fail_msg("interval %g, interval_packets %g, timeout %g, %u "
					 "packets, cap %llu, limit %g, asap %d, refused for %g s: "
					 "%d and %d of %llu",
					 f->in.interval_s, f->in.interval_packets_s,
					 f->targets[0].timeout_s, n,
					 (unsigned long long)f->in.rate_pps, f->in.round_timeout_s,
					 f->in.asap, refuse_s, (int)sent[0], (int)sent[1],
					 (unsigned long long)b->set->n_probes);
		}
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rate_is_exact),
	    cmocka_unit_test(gaps_are_even),
	    cmocka_unit_test(a_stall_is_followed_by_no_burst),
	    cmocka_unit_test(all_that_is_asked_for_is_sent),
	};

	return worker_bench_main("worker_pacing", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
