/* SPDX-License-Identifier: BSD-3-Clause */
/* Percentiles of lists of many shapes, by selection. */
#include "naive_percentile.h"

#include "el_stats.h"

enum shape { UNIFORM, FEW, EQUAL, UP, DOWN, PIPE, WIDE, OUTLIER, SHAPES };

static void fill(uint64_t *values, size_t n, enum shape shape, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t r = unit_random(seed);

		switch (shape) {
		case UNIFORM:
			values[i] = r % 1000000;
			break;
		case FEW:
			values[i] = r % 3;
			break;
		case EQUAL:
			values[i] = 7;
			break;
		case UP:
			values[i] = 3 * i;
			break;
		case DOWN:
			values[i] = 3 * (n - i);
			break;
		case PIPE:
			values[i] = i < n / 2 ? i : n - i;
			break;
		case WIDE:
			values[i] = (r >> 8) >> (r % 56);
			break;
		default:
			values[i] = r % 1000 ? 1000 + r % 16 : r >> 8;
			break;
		}
	}
}

static void check_percentiles(size_t n, enum shape shape, uint64_t *seed)
{
	uint64_t *values = malloc((n + 1) * sizeof(*values)),
		 *copy = malloc((n + 1) * sizeof(*copy));
	int percents[EL_PERCENTILES_MAX];
	double results[EL_PERCENTILES_MAX];
	size_t count = 0;

	fill(copy, n, shape, seed);
	memcpy(values, copy, n * sizeof(*copy));
	for (int p = 1; p <= EL_PERCENTILES_MAX; p++) {
		if (n < 3 || unit_random(seed) % 4 == 0 || p == 100)
			percents[count++] = p;
	}
	el_stats_percentiles(values, n, percents, count, results);
	qsort(copy, n, sizeof(*copy), compare_u64);
	for (size_t i = 0; i < count; i++)
		assert_close(results[i], naive_percentile(copy, n, percents[i]));
	for (int i = 0; i < 10; i++) {
		double p = (double)(unit_random(seed) % 10001) / 100;

		assert_close(el_stats_percentile(values, n, p), naive_percentile(copy, n, p));
	}
	qsort(values, n, sizeof(*values), compare_u64);
	assert_memory_equal(values, copy, n * sizeof(*values));
	free(values);
	free(copy);
}

static void percentiles_follow_the_rule(void **state)
{
	uint64_t seed = unit_seed();

	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		for (size_t n = 0; n < 70; n++)
			check_percentiles(n, shape, &seed);
		for (int i = 0; i < 60; i++)
			check_percentiles(unit_random(&seed) % 3000, shape, &seed);
		check_percentiles(100000, shape, &seed);
	}
}

/* Every percentile of lists of one to three values, and single ones of a longer list. */
static void percentiles_of_short_lists(void **state)
{
	uint64_t one[] = {42}, two[] = {20, 10}, three[] = {30, 10, 20};

	(void)state;
	assert_true(el_stats_percentile(NULL, 0, 95) == 0);
	for (int p = 1; p <= 100; p++) {
		assert_true(el_stats_percentile(one, 1, p) == 42);
		assert_close(el_stats_percentile(two, 2, p), 10 + 0.1 * p);
		assert_close(el_stats_percentile(three, 3, p), 10 + 0.2 * p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(percentiles_of_short_lists),
	    cmocka_unit_test(percentiles_follow_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
