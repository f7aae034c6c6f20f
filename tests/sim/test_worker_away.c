/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that come in at another worker than the one that has sent the probes, while one of both
 * is away: none of them is taken for lost. */
#include "worker_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define PROBES 60
#define MS 1000000U

static void poll_one(struct bench *b, uint32_t worker)
{
	sim_core = worker;
	el_worker_poll(b->workers[worker]);
}

/* All probes of a round of worker 0 are sent, and a millisecond later their answers are at queue 1.
 */
static struct bench *answered_elsewhere(void)
{
	struct fixture *f = quick(1, 200, EL_PROBE_ICMPPING, PROBES);
	uint8_t answers[PROBES][256];
	size_t lens[PROBES];
	struct rte_mbuf *m;
	struct bench *b;
	uint32_t n = 0;

	f->targets[0].timeout_s = 0.02;
	b = bench(f, 2);
	order_round(b, 1);
	for (int i = 0; i < 1000 && n < PROBES; i++) {
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			lens[n] = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_ECHO,
					 answers[n]);
			n++;
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(n, PROBES);
	sim_ns += MS;
	for (uint32_t i = 0; i < PROBES; i++)
		give(b, 1, answers[i], lens[i]);
	return b;
}

/* Time goes by, in which one worker alone is there. */
static void alone(struct bench *b, uint32_t worker, uint32_t ms)
{
	for (uint32_t i = 0; i < 10 * ms; i++) {
		poll_one(b, worker);
		sim_ns += MS / 10;
	}
}

static struct el_round_figures *round_of(struct bench *b)
{
	struct el_block *blocks[2] = {report(b, 0), report(b, 1)};
	struct el_round_figures *f = el_stats_round(blocks, 2);

	assert_non_null(f);
	el_block_free(blocks[0]);
	el_block_free(blocks[1]);
	return f;
}

/* The one that has sent them: what waits for it came in time. */
static void the_owner(void **state)
{
	struct bench *b = answered_elsewhere();
	struct el_round_figures *f;

	(void)state;
	alone(b, 1, 30);
	f = round_of(b);
	assert_int_equal(f->series[0].answered, PROBES);
	assert_int_equal(f->series[0].lost, 0);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_LATE), 0);
	el_round_figures_free(f);
	bench_free(b);
}

/* The figures where the one at which they come in was away for so long. */
static struct el_round_figures *without_receiver(uint32_t ms)
{
	struct bench *b = answered_elsewhere();
	struct el_round_figures *f;

	alone(b, 0, ms);
	f = round_of(b);
	bench_free(b);
	return f;
}

/* They are late by its stamps, and it is said that they may not be. */
static void the_receiver(void **state)
{
	struct el_round_figures *f = without_receiver(30);

	(void)state;
	assert_int_equal(f->series[0].late, PROBES);
	assert_int_equal(f->local_drops, PROBES);
	el_round_figures_free(f);
}

/* For so long that nobody waits any more: what has become of them is not known. */
static void the_receiver_for_long(void **state)
{
	struct el_round_figures *f = without_receiver(200);

	(void)state;
	assert_int_equal(f->series[0].abandoned, PROBES);
	assert_int_equal(f->series[0].lost, 0);
	el_round_figures_free(f);
}

/* At the end, answers on their way between two workers are not lost. */
static void the_end(void **state)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};
	struct bench *b = answered_elsewhere();
	struct el_round_figures *f;

	(void)state;
	alone(b, 1, 1);
	assert_true(el_worker_command(b->workers[0], &stop));
	f = round_of(b);
	assert_int_equal(f->series[0].answered, PROBES);
	assert_int_equal(f->series[0].lost, 0);
	el_round_figures_free(f);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_owner),
	    cmocka_unit_test(the_receiver),
	    cmocka_unit_test(the_receiver_for_long),
	    cmocka_unit_test(the_end),
	};

	return worker_bench_main("worker_away", tests, RTE_DIM(tests), tests, RTE_DIM(tests));
}
