/* SPDX-License-Identifier: BSD-3-Clause */
/* What histograms and pages of many series cost: processor time to count and to add up, memory,
 * time and size of a page in each format, packed and not. Argument: how many series, 100,000 by
 * default. */
#include "hand_model.h"

#include <unistd.h>

#include "el_expo_pack.h"

#define ROUNDS 100
#define PACKETS 10
#define RUNS 5

static const int percentiles[] = {95, 50};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int compare_double(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *ms)
{
	qsort(ms, RUNS, sizeof(*ms), compare_double);
	return ms[RUNS / 2];
}

/* A path has a time of its own, from 50 us to 200 ms; answers take up to 6 % longer, one in 50 up
 * to four times as long. */
static uint64_t rtt_of(uint32_t series, uint64_t *seed)
{
	uint64_t own = series, r = unit_random(seed);
	double base = 50000 * exp2((double)(unit_random(&own) % 12000) / 1000);
	double rtt = base * (1 + (double)(r & 0xffff) / 0xffff * 0.06);

	return (uint64_t)(r >> 16) % 50 ? (uint64_t)rtt
					: (uint64_t)(rtt * (1 + (double)(r >> 32 & 0xff) / 85));
}

static struct el_histograms *round_of(const uint64_t *ns, uint32_t n_series)
{
	static uint32_t counts[EL_HISTOGRAM_BUCKETS];
	struct el_histograms *h = el_histograms_create(n_series, (uint64_t)n_series * PACKETS);

	for (uint32_t s = 0; s < n_series; s++)
		el_histograms_append(h, ns + (size_t)s * PACKETS, PACKETS, counts);
	el_histograms_shrink(h);
	return h;
}

/* Of some rounds, with the times that the last ones took. */
static struct el_histograms *measure_rounds(uint32_t n_series)
{
	uint64_t seed = 7, *ns = malloc((size_t)n_series * PACKETS * sizeof(*ns));
	double count_ms[RUNS], sum_ms[RUNS];
	struct el_histograms *all = NULL;

	for (int round = 0; round < ROUNDS; round++) {
		struct el_histograms *h, *sum;
		double begin;

		for (size_t i = 0; i < (size_t)n_series * PACKETS; i++)
			ns[i] = rtt_of((uint32_t)(i / PACKETS), &seed);
		begin = now_ms();
		h = round_of(ns, n_series);
		count_ms[round % RUNS] = now_ms() - begin;
		begin = now_ms();
		sum = el_histograms_sum(n_series, all, NULL, h, NULL);
		sum_ms[round % RUNS] = now_ms() - begin;
		el_histograms_put(h);
		el_histograms_put(all);
		all = sum;
	}
	printf("%u series, %u answers each of %d rounds\n", n_series, PACKETS, ROUNDS);
	printf("%-38s %8.1f ms\n", "a round's answers into buckets", median(count_ms));
	printf("%-38s %8.1f ms\n", "and added to those before", median(sum_ms));
	printf("%-38s %8.1f bytes, %.1f buckets\n", "memory a series",
	       24 + 10 * (double)all->first[n_series] / n_series,
	       (double)all->first[n_series] / n_series);
	free(ns);
	return all;
}

static size_t render(const struct el_expo_input *in)
{
	static char buf[2 * EL_EXPO_LINE_MAX];
	struct el_expo_cursor cursor = {0};
	size_t n = 0;

	while (!cursor.done)
		n += el_expo_render(in, &cursor, buf, sizeof(buf));
	return n;
}

static void measure_page(const char *what, const struct el_expo_input *in)
{
	double ms[RUNS];
	size_t n = 0;

	for (int run = 0; run < RUNS; run++) {
		double begin = now_ms();

		n = render(in);
		ms[run] = now_ms() - begin;
	}
	printf("%-38s %8.1f ms %8.2f MB\n", what, median(ms), (double)n / 1e6);
}

static void measure_packed(const char *what, const struct el_expo_input *in)
{
	double ms[RUNS], rest_ms[RUNS];
	size_t n = 0, n_rest = 0;

	for (int run = 0; run < RUNS; run++) {
		double begin = now_ms();
		struct el_expo_packed *packed = el_expo_pack(in, SIZE_MAX);

		ms[run] = now_ms() - begin;
		n = packed->n;
		begin = now_ms();
		free(el_expo_pack_rest(packed, in, &n_rest));
		rest_ms[run] = now_ms() - begin;
		el_expo_packed_put(packed);
	}
	printf("%-38s %8.1f ms %8.2f MB, and %.2f ms when asked for\n", what, median(ms),
	       (double)n / 1e6, median(rest_ms));
}

static void add_percentiles(struct el_snapshot *s)
{
	for (size_t i = 0; i < (size_t)s->model->n_series * s->model->n_percentiles; i++)
		s->percentile_ns[i] = 54383.27789306638 + (double)i;
}

int main(int argc, char **argv)
{
	uint32_t n_series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 100000;
	struct hand_model *h = hand_model_create(n_series, 1, percentiles, 2);
	struct el_worker_view workers[4] = {{.poll_gap_max_s = 1}};
	struct el_expo_input in = {
	    .version = "1", .dpdk_version = "2", .workers = workers, .n_workers = 4};
	struct el_snapshot *s;

	for (uint32_t i = 0; i < n_series; i++) {
		free(h->model.targets[i].name);
		h->model.targets[i].name = hand_name("target-%06u", i);
	}
	s = el_snapshot_next(NULL, &h->model, NULL);
	in.snapshot = s;
	memset(s->measured, true, n_series);
	add_percentiles(s);
	measure_page("text", &in);
	h->model.histograms = EL_CONF_HISTOGRAMS_NATIVE;
	s->histograms[EL_MEASURE_RTT] = measure_rounds(n_series);
	measure_page("text, native histograms", &in);
	in.format = EL_EXPO_PROTOBUF;
	measure_page("protobuf, native histograms", &in);
	measure_packed("packed", &in);
	h->model.histograms = EL_CONF_HISTOGRAMS_NONE;
	measure_page("protobuf without them", &in);
	in.format = EL_EXPO_TEXT;
	measure_packed("text, packed", &in);
	h->model.histograms = EL_CONF_HISTOGRAMS_CLASSIC;
	measure_page("text, classic histograms", &in);
	el_snapshot_put(s);
	hand_model_destroy(h);
	return 0;
}
