/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets, and what is put in them. */
#include "naive_histogram.h"

#include <math.h>

/* The last time that is in a bucket, by bisection of what is tested. */
static uint64_t last_of(int bucket)
{
	uint64_t low = 0, high = 1ULL << 55; /* low is in it or below */

	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;

		if (el_histogram_bucket(middle) <= bucket)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Each boundary is where integers say that it is: the last time of a bucket is at most its bound,
 * the next one above it. */
static void boundaries_are_exact(void **state)
{
	(void)state;
	for (int b = EL_HISTOGRAM_FIRST; b < EL_HISTOGRAM_LAST; b++) {
		uint64_t last = last_of(b);

		assert_true(naive_is_at_most(last, b));
		assert_false(naive_is_at_most(last + 1, b));
	}
	/* those that are whole numbers of nanoseconds are of the bucket below */
	assert_int_equal(el_histogram_bucket(1000000000), 0);
	assert_int_equal(el_histogram_bucket(1000000001), 1);
	assert_int_equal(el_histogram_bucket(2000000000), 32);
	assert_int_equal(el_histogram_bucket(1953125), -9 * 32);
	assert_int_equal(el_histogram_bucket(1953126), -9 * 32 + 1);
	assert_int_equal(el_histogram_bucket(0), EL_HISTOGRAM_ZERO);
	assert_int_equal(el_histogram_bucket(1), EL_HISTOGRAM_FIRST);
	assert_int_equal(el_histogram_bucket(1ULL << 55), EL_HISTOGRAM_LAST);
	/* as many as the header says */
	assert_int_equal(el_histogram_bucket(3600 * 1000000000ULL) - EL_HISTOGRAM_FIRST + 1, 1336);
	assert_int_equal(el_histogram_bucket(1000000000) - el_histogram_bucket(1000) + 1, 638);
}

static void times_are_in_their_buckets(void **state)
{
	uint64_t seed = unit_seed();

	(void)state;
	for (uint64_t ns = 0; ns < 300; ns++)
		assert_int_equal(el_histogram_bucket(ns), naive_bucket(ns));
	for (int i = 0; i < 2000; i++) {
		uint64_t ns = unit_random(&seed) >> (9 + unit_random(&seed) % 54);

		if (el_histogram_bucket(ns) != naive_bucket(ns))
			fail_msg("%llu is in %d", (unsigned long long)ns, el_histogram_bucket(ns));
	}
	/* and as floating point has it, where that can tell */
	for (int i = 0; i < 100000; i++) {
		uint64_t ns = 1 + (unit_random(&seed) >> (9 + unit_random(&seed) % 54));
		double exact = 32 * log2((double)ns / 1e9);

		if (fabs(exact - round(exact)) > 1e-9 && el_histogram_bucket(ns) != ceil(exact))
			fail_msg("%llu is in %d", (unsigned long long)ns, el_histogram_bucket(ns));
	}
}

static uint32_t counts[EL_HISTOGRAM_BUCKETS];

/* All series with n[s] times from ns, one after the other. */
static struct el_histograms *histograms_of(const uint64_t *ns, const size_t *n, uint32_t n_series)
{
	struct el_histograms *h;
	size_t total = 0;

	for (uint32_t s = 0; s < n_series; s++)
		total += n[s];
	h = el_histograms_create(n_series, total);
	for (uint32_t s = 0; s < n_series; s++) {
		el_histograms_append(h, ns, n[s], counts);
		ns += n[s];
	}
	el_histograms_shrink(h);
	for (int b = 0; b < EL_HISTOGRAM_BUCKETS; b++)
		assert_int_equal(counts[b], 0);
	return h;
}

static void assert_histogram(const struct el_histograms *h, uint32_t series, uint32_t n,
			     const int *bucket, const uint64_t *count, uint64_t sum_ns)
{
	struct el_histogram v = el_histograms_of(h, series);
	uint64_t total = 0;

	assert_int_equal(v.n, n);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(v.bucket[i], bucket[i]);
		assert_int_equal(v.count[i], count[i]);
		total += count[i];
		assert_int_equal(el_histogram_count_up_to(&v, bucket[i]), total);
		assert_int_equal(el_histogram_count_up_to(&v, bucket[i] - 1), total - count[i]);
	}
	assert_int_equal(el_histogram_count(&v), total);
	assert_true(v.sum_ns == sum_ns);
}

#define S 1000000000ULL

static void sums_are_of_the_same_series(void **state)
{
	static const uint64_t ns[] = {S, 0, S + 1, S, 1, 4 * S};
	static const size_t n[] = {4, 0, 2};
	static const uint64_t other_ns[] = {2 * S, S, S / 2};
	static const size_t other_n[] = {1, 1, 1};
	static const uint32_t of[] = {2, UINT32_MAX, 0}, other_of[] = {1, 0, UINT32_MAX};
	struct el_histograms *a = histograms_of(ns, n, 3), *b = histograms_of(other_ns, other_n, 3);
	struct el_histograms *sum;

	(void)state;
	assert_histogram(a, 0, 3, (int[]){EL_HISTOGRAM_ZERO, 0, 1}, (uint64_t[]){1, 2, 1},
			 3 * S + 1);
	assert_histogram(a, 1, 0, NULL, NULL, 0);
	assert_histogram(a, 2, 2, (int[]){EL_HISTOGRAM_FIRST, 64}, (uint64_t[]){1, 1}, 4 * S + 1);
	sum = el_histograms_sum(3, a, NULL, b, NULL);
	assert_histogram(sum, 0, 4, (int[]){EL_HISTOGRAM_ZERO, 0, 1, 32}, (uint64_t[]){1, 2, 1, 1},
			 5 * S + 1);
	assert_histogram(sum, 1, 1, (int[]){0}, (uint64_t[]){1}, S);
	assert_histogram(sum, 2, 3, (int[]){EL_HISTOGRAM_FIRST, -32, 64}, (uint64_t[]){1, 1, 1},
			 4 * S + S / 2 + 1);
	el_histograms_put(sum);
	/* others in other places, and some that go on with nothing */
	sum = el_histograms_sum(3, a, of, b, other_of);
	assert_histogram(sum, 0, 3, (int[]){EL_HISTOGRAM_FIRST, 0, 64}, (uint64_t[]){1, 1, 1},
			 5 * S + 1);
	assert_histogram(sum, 1, 1, (int[]){32}, (uint64_t[]){1}, 2 * S);
	assert_histogram(sum, 2, 3, (int[]){EL_HISTOGRAM_ZERO, 0, 1}, (uint64_t[]){1, 2, 1},
			 3 * S + 1);
	el_histograms_put(sum);
	sum = el_histograms_sum(2, NULL, NULL, NULL, NULL);
	assert_histogram(sum, 1, 0, NULL, NULL, 0);
	el_histograms_put(sum);
	sum = el_histograms_sum(3, a, NULL, NULL, NULL); /* nothing new */
	assert_ptr_equal(sum, a);
	el_histograms_put(sum);
	el_histograms_put(a);
	el_histograms_put(b);
}

/* A sum of nanoseconds may be longer than 64 bits. */
static void sums_do_not_wrap(void **state)
{
	static const uint64_t ns[] = {1ULL << 55, 1ULL << 55};
	static const size_t n[] = {2};
	struct el_histograms *h = histograms_of(ns, n, 1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct el_histograms *twice = el_histograms_sum(1, h, NULL, h, NULL);

		el_histograms_put(h);
		h = twice;
	}
	assert_true(el_histograms_of(h, 0).sum_ns == (unsigned __int128)1 << 66);
	assert_int_equal(el_histograms_of(h, 0).count[0], 2048);
	el_histograms_put(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boundaries_are_exact),
	    cmocka_unit_test(times_are_in_their_buckets),
	    cmocka_unit_test(sums_are_of_the_same_series),
	    cmocka_unit_test(sums_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
