/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures path by path are those of the series, divided; and each path is the one that was sent. */
#include "plan_fixture.h"

#include "el_paths.h"
#include "el_stats.h"

#define TARGETS 40

static el_record random_record(uint64_t *seed)
{
	uint64_t r = *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	uint64_t ns = 1000000000ULL + (r >> 40) * 300;
	el_record record = el_record_sent(ns);

	switch (r >> 61) {
	case 0:
		return 0;
	case 1:
		return el_record_local();
	case 2:
	case 3:
		return record;
	case 4: /* late */
		return el_record_answered(record, ns + 1500000000ULL);
	case 5: /* out of order */
		return el_record_answered(record, ns - 5);
	default:
		return el_record_answered(record, ns + 1 + (r >> 50));
	}
}

static struct fixture *make(uint16_t ports, uint32_t workers)
{
	static const char *const addresses[] = {"198.51.100.1", "2001:db8:1::1", "203.0.113.5"};
	struct fixture *f = fixture(2, ports);

	f->workers = workers;
	for (uint32_t i = 0; i < TARGETS; i++)
		add_target(f, (enum el_probe_type)(i % EL_PROBE_TYPES), addresses[i % 3],
			   1 + i % 7);
	return f;
}

static void fill(struct el_block *b, uint64_t *seed)
{
	for (uint32_t i = 0; i < b->set->plans[b->worker]->n_records; i++)
		b->records[i] = random_record(seed);
	b->began_ns = b->sent_ns = 1000000000ULL;
}

/* The sum over all paths of a series. */
static void compare(const struct el_paths *p, uint32_t series, const struct el_figures *f)
{
	uint64_t sent = 0, answered = 0, lost = 0, local = 0, unknown = 0, min = 0, max = 0;
	uint64_t timed = 0;
	double sum = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct el_path *path = &p->items[i];

		if (path->series != series)
			continue;
		assert_int_equal(path->sent, path->answered + path->lost);
		sent += path->sent;
		answered += path->answered;
		lost += path->lost;
		local += path->local;
		unknown += path->unknown;
		timed += path->timed;
		sum += path->rtt_mean_ns * path->timed;
		if (path->rtt_max_ns && (!min || path->rtt_min_ns < min))
			min = path->rtt_min_ns;
		max = path->rtt_max_ns > max ? path->rtt_max_ns : max;
	}
	assert_int_equal(sent, f->sent);
	assert_int_equal(answered, f->answered);
	assert_int_equal(lost, f->lost);
	assert_int_equal(local, f->local);
	assert_int_equal(unknown, f->unknown + f->abandoned);
	assert_int_equal(min, f->rtt_min_ns);
	assert_int_equal(max, f->rtt_max_ns);
	assert_true(timed <= answered);
	assert_true(fabs(sum - f->rtt_mean_ns * (double)timed) <= 1e-9 * sum);
}

static void sums_are_those_of_the_series(void **state)
{
	static const struct {
		uint16_t ports;
		struct el_span step, moved;
		uint64_t closed_ns;
	} cases[] = {
	    {3, {0, 0}, {0, 0}, 0},
	    {100, {0, 0}, {1000000000ULL, 2000000000ULL}, 0},
	    {1, {0, 0}, {0, 0}, 3000000000ULL},
	    {5, {1900000000ULL, 2000000000ULL}, {0, 0}, 0},
	};
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = make(cases[i].ports, 2);
		struct el_plan_set *set = compile(f);
		struct el_block *blocks[] = {el_block_create(set, 0), el_block_create(set, 1)};
		struct el_round_figures *figures;

		for (int b = 0; b < 2; b++) {
			fill(blocks[b], &seed);
			blocks[b]->step = cases[i].step;
			blocks[b]->moved = cases[i].moved;
			blocks[b]->closed_ns = cases[i].closed_ns;
		}
		figures = el_stats_round(blocks, 2);
		assert_non_null(figures);
		for (uint32_t t = 0; t < TARGETS; t++) {
			struct el_paths *p = el_stats_paths(blocks, 2, f->targets[t].first_series,
							    f->targets[t].n_series);

			assert_int_equal(p->left_out, 0);
			for (uint32_t s = 0; s < f->targets[t].n_series; s++)
				compare(p, f->targets[t].first_series + s,
					&figures->series[f->targets[t].first_series + s]);
			el_paths_put(p);
		}
		el_round_figures_free(figures);
		el_block_free(blocks[0]);
		el_block_free(blocks[1]);
		el_plan_set_put(set);
		free(f);
	}
}

/* A path that loses everything shows, and is named by what was sent. */
static void a_path_that_loses(void **state)
{
	struct fixture *f = fixture(1, 4);
	struct el_plan_set *set;
	struct el_block *block;
	struct el_paths *p;
	uint32_t lossy = 0;
	char text[EL_IP_STRLEN];

	(void)state;
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.1", 8);
	set = compile(f);
	block = el_block_create(set, 0);
	block->round = 3;
	for (uint32_t i = 0; i < 8; i++)
		block->records[i] = el_slice_port(&set->plans[0]->slices[0], i) == 65002
					? el_record_sent(5)
					: el_record_answered(el_record_sent(5), 5 + 100 * (i + 1));
	p = el_stats_paths(&block, 1, 0, 1);
	assert_int_equal(p->n, 4);
	assert_int_equal(p->round, 3);
	for (uint32_t i = 0; i < p->n; i++) {
		assert_int_equal(p->items[i].sent, 2);
		assert_string_equal(el_ip_format(&p->items[i].target, text), "198.51.100.1");
		assert_string_equal(el_ip_format(&p->items[i].source, text), "192.0.2.10");
		if (p->items[i].lost == 0)
			continue;
		lossy++;
		assert_int_equal(p->items[i].lost, 2);
		assert_int_equal(p->items[i].port, 65002);
		assert_int_equal(p->items[i].rtt_max_ns, 0);
	}
	assert_int_equal(lossy, 1);
	el_paths_put(p);
	el_block_free(block);
	el_plan_set_put(set);
	free(f);
}

/* More than there may be are counted. */
static void very_many_paths(void **state)
{
	struct fixture *f = fixture(2, 60000);
	struct el_plan_set *set;
	struct el_block *block;
	struct el_paths *p;

	(void)state;
	add_target(f, EL_PROBE_UDPUNREACHABLE, "198.51.100.1", EL_PATHS_MAX - 10);
	set = compile(f);
	block = el_block_create(set, 0);
	for (uint32_t i = 0; i < set->plans[0]->n_records; i++)
		block->records[i] = el_record_sent(5);
	p = el_stats_paths(&block, 1, 0, 2);
	assert_int_equal(p->n, EL_PATHS_MAX - 10);
	assert_int_equal(p->left_out, EL_PATHS_MAX - 10);
	el_paths_put(p);
	el_block_free(block);
	el_plan_set_put(set);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_are_those_of_the_series),
	    cmocka_unit_test(a_path_that_loses),
	    cmocka_unit_test(very_many_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
