/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of rounds whose records are known. */
#include "hand_model.h"

#include "naive_percentile.h"

#include "el_stats.h"

struct hand_plan {
	struct el_plan_set set;
	struct el_plan plans[2];
	struct el_block blocks[2];
	struct el_block *list[2];
};

/* A class of `n` slices with `m` packets at the end of worker w's plan; slice i of it is of series
 * (first_series + i) modulo the number of series. `fewer`: packets of every third slice, 0 for all.
 */
static void add_class(struct hand_plan *h, int w, uint32_t n, uint32_t m, uint32_t first_series,
		      uint32_t fewer)
{
	struct el_plan *p = &h->plans[w];
	struct el_plan_class *c = &p->classes[p->n_classes++];

	p->slices = realloc(p->slices, (p->n_slices + n) * sizeof(*p->slices));
	memset(p->slices + p->n_slices, 0, n * sizeof(*p->slices));
	*c = (struct el_plan_class){.base = p->n_records,
				    .first_slice = p->n_slices,
				    .n_slices = n,
				    .n_packets = m,
				    .by_slices = el_fastdiv_init(n),
				    .mixed = fewer != 0};
	for (uint32_t i = 0; i < n; i++) {
		struct el_slice *s = &p->slices[p->n_slices + i];

		s->series = (first_series + i) % h->set.model->n_series;
		s->timeout_us = i % 2 ? 1000000 : 500;
		s->n_packets = m;
		if (fewer != 0 && i % 3 == 0) {
			s->n_packets = fewer;
			s->packet_frac = (uint32_t)((((uint64_t)fewer << 32) + m - 1) / m);
		}
	}
	p->n_slices += n;
	p->n_records += n * m;
}

static struct hand_plan *hand_plan_create(struct el_model *model)
{
	struct hand_plan *h = calloc(1, sizeof(*h));

	h->set.model = model;
	h->set.n_workers = 2;
	for (uint32_t w = 0; w < 2; w++) {
		h->set.plans[w] = &h->plans[w];
		h->plans[w].set = &h->set;
		h->plans[w].worker.v = (uint16_t)w;
		h->blocks[w] = (struct el_block){.set = &h->set, .worker = w, .round = 5};
		h->list[w] = &h->blocks[w];
	}
	return h;
}

static void hand_plan_records(struct hand_plan *h)
{
	for (int w = 0; w < 2; w++)
		h->blocks[w].records = calloc(h->plans[w].n_records + 1, sizeof(el_record));
}

static void hand_plan_destroy(struct hand_plan *h)
{
	for (int w = 0; w < 2; w++) {
		free(h->plans[w].slices);
		free(h->blocks[w].records);
	}
	free(h);
}

/* A hundred probes of one series, every tenth lost; the others of another, each with another fate.
 */
static void figures_of_a_known_round(void **state)
{
	static const int percentiles[] = {95, 50, 100};
	struct hand_model *m = hand_model_create(1, 2, percentiles, 3);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;
	el_record *r;

	(void)state;
	add_class(h, 0, 1, 100, 0, 0);
	add_class(h, 0, 1, 8, 1, 0);
	hand_plan_records(h);
	r = h->blocks[0].records;
	for (uint32_t i = 0; i < 100; i++) {
		r[i] = el_record_sent(1000000 + i);
		if (i % 10 != 0)
			r[i] = el_record_answered(r[i], 1000000 + i + 1000 * (i + 1));
	}
	r += 100;
	r[0] = el_record_local();
	r[1] = el_record_sent(77) | EL_RECORD_ICMP_ERROR;
	r[2] = el_record_answered(el_record_sent(500), 400);
	r[3] = el_record_answered(el_record_sent(500), 500 + 1000 * 501);
	r[4] = el_record_answered(el_record_sent(500), 500 + 1000 * 500);
	r[5] =
	    el_record_duplicate(el_record_duplicate(el_record_answered(el_record_sent(500), 500)));
	r[6] = el_record_answered(el_record_sent(500) | EL_RECORD_ICMP_ERROR, 500 + 1000 * 250);
	h->blocks[0].began_ns = 10;
	h->blocks[0].sent_ns = 30;
	h->blocks[0].closed_ns = EL_NS_PER_S;
	h->blocks[0].uncertain = 3;
	f = el_stats_round(h->list, 1);
	assert_non_null(f);
	assert_int_equal(f->round, 5);
	assert_int_equal(f->series[0].sent, 100);
	assert_int_equal(f->series[0].lost, 10);
	assert_int_equal(f->series[0].answered, 90);
	assert_int_equal(f->series[0].rtt_min_ns, 2000);
	assert_int_equal(f->series[0].rtt_max_ns, 100000);
	assert_close(f->series[0].rtt_mean_ns, 51000);
	assert_close(f->percentile_ns[2], 100000);
	assert_int_equal(f->series[1].sent, 6);
	assert_int_equal(f->series[1].answered, 4);
	assert_int_equal(f->series[1].lost, 2);
	assert_int_equal(f->series[1].late, 1);
	assert_int_equal(f->series[1].out_of_order, 1);
	assert_int_equal(f->series[1].duplicates, 2);
	assert_int_equal(f->series[1].icmp_errors, 2);
	assert_int_equal(f->series[1].local, 1);
	assert_int_equal(f->series[1].rtt_min_ns, 0);
	assert_int_equal(f->series[1].rtt_max_ns, 500000);
	assert_close(f->percentile_ns[3], 475000);
	assert_close(f->percentile_ns[4], 250000);
	assert_int_equal(f->sent, 106);
	assert_int_equal(f->unsent, 1);
	assert_int_equal(f->uncertain, 3);
	assert_int_equal(f->local_drops, 0);
	assert_int_equal(f->began_ns, 10);
	assert_int_equal(f->sent_ns, 30);
	assert_int_equal(f->closed_ns, EL_NS_PER_S);
	el_round_figures_free(f);

	/* what was late by 1,000 ns may have come in time, if the worker was away for so long
	 */
	for (uint64_t gap = 999; gap <= 1000; gap++) {
		h->blocks[0].poll_gap_ns = gap;
		f = el_stats_round(h->list, 1);
		assert_int_equal(f->local_drops, gap == 1000);
		assert_int_equal(f->series[1].late, 1);
		el_round_figures_free(f);
	}

	/* or the one that it came in at */
	h->blocks[0].poll_gap_ns = 0;
	h->blocks[1].poll_gap_ns = 1000;
	f = el_stats_round(h->list, 2);
	assert_int_equal(f->local_drops, 1);
	assert_int_equal(f->poll_gap_ns, 1000);
	el_round_figures_free(f);

	h->blocks[0].cut = true;
	h->blocks[0].sent_ns = 0;
	f = el_stats_round(h->list, 1);
	assert_int_equal(f->sent_ns, 10);
	assert_int_equal(f->unsent, 0);
	assert_true(f->cut);
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

/* Answers whose stamps may be far off are counted as answers like others, and apart; the bounds of
 * both workers' stamps are put together. */
static void uncertain_answers(void **state)
{
	static const int percentiles[] = {100};
	struct hand_model *m = hand_model_create(1, 1, percentiles, 1);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;
	el_record *r;

	(void)state;
	m->model.certain_percentiles = true;
	add_class(h, 0, 1, 8, 0, 0);
	add_class(h, 1, 1, 1, 0, 0);
	hand_plan_records(h);
	r = h->blocks[0].records;
	r[0] = el_record_answered_as(el_record_sent(100), 2100, EL_RECORD_UNCERTAIN);
	r[1] = el_record_answered(el_record_sent(100), 1100);
	r[2] = el_record_duplicate(r[0]);
	r[3] = el_record_answered_as(el_record_sent(100) | EL_RECORD_ICMP_ERROR, 1100, 0);
	r[4] = el_record_answered_as(el_record_sent(100), 600000, EL_RECORD_UNCERTAIN); /* late */
	r[5] = el_record_answered(el_record_sent(500), 400); /* without an RTT */
	r[6] = el_record_sent(100);
	r[7] = el_record_answered(el_record_sent(100), 1100);
	h->blocks[1].records[0] = el_record_answered(el_record_sent(100), 1100);
	h->blocks[0].bounds[9] = 5;
	h->blocks[0].bounds[11] = 2;
	h->blocks[1].bounds[10] = 1;
	f = el_stats_round(h->list, 2);
	assert_non_null(f);
	assert_int_equal(f->series[0].answered, 7);
	assert_int_equal(f->series[0].uncertain, 3);
	assert_int_equal(f->series[0].lost, 2);
	assert_int_equal(f->series[0].sent, 9);
	assert_int_equal(f->answered, 7);
	assert_int_equal(f->uncertain_answers, 3);
	assert_close(f->percentile_ns[0], 2000);
	assert_close(f->certain_percentile_ns[0], 1000);
	assert_int_equal(f->stamp_bound_ns[0], 512);
	assert_int_equal(f->stamp_bound_ns[1], 2048);
	assert_int_equal(f->stamp_bound_ns[3], 2048);
	el_round_figures_free(f);
	h->blocks[0].bounds[11] = 0;
	for (uint32_t i = 0; i < 8; i++)
		r[i] = el_record_answered_as(el_record_sent(100), 2100, EL_RECORD_UNCERTAIN);
	h->blocks[1].records[0] = r[0];
	f = el_stats_round(h->list, 2);
	assert_true(isnan(f->certain_percentile_ns[0])); /* of nothing */
	assert_int_equal(f->stamp_bound_ns[0], 512);
	assert_int_equal(f->stamp_bound_ns[1], 1024);
	el_round_figures_free(f);
	m->model.certain_percentiles = false;
	memset(h->blocks[0].bounds, 0, sizeof(h->blocks[0].bounds));
	h->blocks[1].bounds[10] = 0;
	f = el_stats_round(h->list, 2);
	assert_null(f->certain_percentile_ns);     /* not asked for */
	assert_int_equal(f->stamp_bound_ns[3], 0); /* of nothing */
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

/* The clock stepped between two times: what was not answered is lost only where its wait for the
 * answer lies wholly before or after, and no answer has a round-trip time. */
static void a_step_of_the_clock(void **state)
{
	static const int percentiles[] = {95};
	const uint64_t from = (1ULL << 56) - 300000, to = from + 1000000; /* modulo 2^56 */
	const uint64_t wait = 500000;                                     /* of the slices */
	struct hand_model *m = hand_model_create(1, 2, percentiles, 1);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;
	el_record *r;

	(void)state;
	add_class(h, 0, 1, 8, 0, 0);
	add_class(h, 1, 1, 1, 1, 0);
	hand_plan_records(h);
	h->blocks[0].step = (struct el_span){.from_ns = from, .to_ns = to};
	r = h->blocks[0].records;
	r[0] = el_record_sent(from - wait - 1); /* lost */
	r[1] = el_record_sent(from - wait);
	r[2] = el_record_sent(from + 1000);
	r[3] = el_record_sent(to);
	r[4] = el_record_sent(to + 1); /* lost */
	r[5] = el_record_answered(el_record_sent(to + 5), to + 1005);
	r[6] = el_record_answered(el_record_sent(to), from);              /* "negative" */
	r[7] = el_record_answered(el_record_sent(from), from + 2 * wait); /* "late" */
	h->blocks[1].records[0] = el_record_answered(el_record_sent(100), 1100);
	h->blocks[0].bounds[39] = 3;
	h->blocks[1].bounds[9] = 1;
	f = el_stats_round(h->list, 2);
	assert_non_null(f);
	assert_int_equal(f->stamp_bound_ns[3], 512); /* of the clock that did not step */
	assert_int_equal(f->series[0].unknown, 3);
	assert_int_equal(f->series[0].lost, 2);
	assert_int_equal(f->series[0].answered, 3);
	assert_int_equal(f->series[0].untimed, 3);
	assert_int_equal(f->series[0].sent, 5);
	assert_int_equal(f->series[0].late + f->series[0].out_of_order, 0);
	assert_int_equal(f->series[0].rtt_max_ns, 0);
	assert_true(isnan(f->percentile_ns[0]));
	assert_int_equal(f->uncertain, 3);
	/* the other worker's clock did not step */
	assert_int_equal(f->series[1].answered, 1);
	assert_int_equal(f->series[1].untimed, 0);
	assert_close(f->percentile_ns[1], 1000);
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

/* A block that was closed before timeouts were over (500 us here): what could have been answered
 * yet is not lost. */
static void a_block_that_is_closed_early(void **state)
{
	static const int percentiles[] = {95};
	const uint64_t closed = (1ULL << 56) + 1000, timeout = 500000; /* modulo 2^56 */
	struct hand_model *m = hand_model_create(1, 1, percentiles, 1);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;
	el_record *r;

	(void)state;
	add_class(h, 0, 1, 5, 0, 0);
	hand_plan_records(h);
	h->blocks[0].closed_ns = closed;
	r = h->blocks[0].records;
	r[0] = el_record_sent(closed - timeout - 1); /* lost */
	r[1] = el_record_sent(closed - timeout);     /* likewise */
	r[2] = el_record_sent(closed - timeout + 1);
	r[3] = el_record_sent(closed);
	r[4] = el_record_answered(el_record_sent(closed - 2000), closed - 1000);
	f = el_stats_round(h->list, 1);
	assert_non_null(f);
	assert_int_equal(f->series[0].lost, 2);
	assert_int_equal(f->series[0].abandoned, 2);
	assert_int_equal(f->series[0].answered, 1);
	assert_int_equal(f->series[0].sent, 3);
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

/* Routes changed between two times, and the plan a little later: what was sent meanwhile and is not
 * answered is this machine's doing. */
static void probes_that_went_the_wrong_way(void **state)
{
	static const int percentiles[] = {95};
	const uint64_t from = (1ULL << 56) - 300000, to = from + 1000000; /* modulo 2^56 */
	struct hand_model *m = hand_model_create(1, 1, percentiles, 1);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;
	el_record *r;

	(void)state;
	add_class(h, 0, 1, 7, 0, 0);
	hand_plan_records(h);
	h->blocks[0].moved = (struct el_span){.from_ns = from, .to_ns = to};
	r = h->blocks[0].records;
	r[0] = el_record_sent(from - 1); /* lost */
	r[1] = el_record_sent(from);
	r[2] = el_record_sent(to) | EL_RECORD_ICMP_ERROR;
	r[3] = el_record_sent(to + 1); /* lost */
	r[4] = el_record_answered(el_record_sent(from + 5), from + 1005);
	r[5] = el_record_answered(el_record_sent(from), from + 5000000); /* late */
	r[6] = el_record_local();
	f = el_stats_round(h->list, 1);
	assert_non_null(f);
	assert_int_equal(f->series[0].local, 3);
	assert_int_equal(f->series[0].lost, 3);
	assert_int_equal(f->series[0].late, 1);
	assert_int_equal(f->series[0].answered, 1);
	assert_int_equal(f->series[0].sent, 4);
	assert_int_equal(f->series[0].rtt_max_ns, 1000);
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

static el_record random_record(uint64_t *seed)
{
	uint64_t r = unit_random(seed), sent_ns = unit_random(seed);
	el_record record = el_record_sent(sent_ns);

	if (r % 100 < 5)
		return 0;
	if (r % 100 < 10)
		return el_record_local();
	if ((r >> 8) % 50 == 0)
		record |= EL_RECORD_ICMP_ERROR;
	if (r % 100 < 25)
		return record;
	/* up to 1 ms, so that half of those with the short timeout are late; rarely before the send
	 */
	record = el_record_answered(record, sent_ns + unit_random(seed) % 2600000);
	if ((r >> 16) % 64 == 0)
		record = el_record_answered(el_record_sent(sent_ns), sent_ns - 1 - r % 5000);
	if ((r >> 24) % 3 == 0)
		record |= EL_RECORD_UNCERTAIN;
	for (r >>= 32; (r & 15) == 0; r >>= 4)
		record = el_record_duplicate(record);
	return record;
}

/* Sorted times are those of the series' histogram, which is there if it was asked for. */
static void compare_histogram(const struct el_round_figures *f, bool asked, uint32_t series,
			      const uint64_t *rtts, size_t n)
{
	struct el_histogram have;
	unsigned __int128 sum = 0;
	uint32_t at = 0;

	assert_int_equal(f->histograms[EL_MEASURE_RTT] != NULL, asked);
	if (!asked)
		return;
	have = el_histograms_of(f->histograms[EL_MEASURE_RTT], series);
	assert_int_equal(el_histogram_count(&have), n);
	for (size_t i = 0, first = 0; i < n; i++) {
		int bucket = el_histogram_bucket(rtts[i]);

		sum += rtts[i];
		if (i + 1 < n && el_histogram_bucket(rtts[i + 1]) == bucket)
			continue;
		assert_true(at < have.n);
		assert_int_equal(have.bucket[at], bucket);
		assert_int_equal(have.count[at++], i + 1 - first);
		first = i + 1;
	}
	assert_int_equal(have.n, at);
	assert_true(have.sum_ns == sum);
}

/* What el_stats_round should find, probe by probe. */
static void compare_with_naive(const struct hand_plan *h, const struct el_round_figures *f)
{
	const struct el_model *m = h->set.model;
	struct el_figures *expected = calloc(m->n_series, sizeof(*expected));
	size_t n_records = h->plans[0].n_records + h->plans[1].n_records;
	uint64_t *rtts = malloc((n_records + 1) * sizeof(*rtts));
	uint64_t *certain = malloc((n_records + 1) * sizeof(*certain));
	uint64_t unsent = 0;

	for (uint32_t s = 0; s < m->n_series; s++) {
		struct el_figures *e = &expected[s];
		size_t n = 0, n_certain = 0;

		for (int w = 0; w < 2; w++) {
			for (uint32_t i = 0; i < h->plans[w].n_records; i++) {
				uint32_t pass, packet;
				struct el_slice_idx at = el_plan_locate(&h->plans[w], i, &pass);
				const struct el_slice *slice = &h->plans[w].slices[at.v];
				el_record r = h->blocks[w].records[i];
				uint64_t rtt = el_record_time(r);

				if (slice->series != s)
					continue;
				if (r == 0) {
					unsent += el_slice_packet_of_pass(slice, pass, &packet) &&
						  !h->blocks[w].cut;
					continue;
				}
				if (el_record_state(r) == EL_RECORD_LOCAL) {
					e->local++;
					continue;
				}
				e->sent++;
				e->duplicates += el_record_duplicates(r);
				e->icmp_errors += (r & EL_RECORD_ICMP_ERROR) != 0;
				if (el_record_state(r) == EL_RECORD_SENT) {
					e->lost++;
				} else if (rtt & EL_RECORD_TIME_SIGN) {
					e->answered++;
					e->out_of_order++;
					e->uncertain++;
				} else if (rtt > slice->timeout_us * 1000ULL) {
					e->lost++;
					e->late++;
				} else {
					e->answered++;
					if (r & EL_RECORD_UNCERTAIN)
						e->uncertain++;
					else
						certain[n_certain++] = rtt;
					rtts[n++] = rtt;
				}
			}
		}
		qsort(rtts, n, sizeof(*rtts), compare_u64);
		qsort(certain, n_certain, sizeof(*certain), compare_u64);
		compare_histogram(f, m->histograms, s, rtts, n);
		for (uint32_t p = 0; p < m->n_percentiles; p++) {
			size_t at = s * m->n_percentiles + p;

			assert_close(f->percentile_ns[at],
				     naive_percentile(rtts, n, m->percentiles[p]));
			if (n_certain > 0)
				assert_close(
				    f->certain_percentile_ns[at],
				    naive_percentile(certain, n_certain, m->percentiles[p]));
			else
				assert_true(isnan(f->certain_percentile_ns[at]));
		}
		if (n > 0) {
			double sum = 0;

			for (size_t i = 0; i < n; i++)
				sum += (double)rtts[i];
			assert_close(f->series[s].rtt_mean_ns, sum / (double)n);
			e->rtt_min_ns = rtts[0];
			e->rtt_max_ns = (rtts[n - 1]);
		}
		e->rtt_mean_ns = f->series[s].rtt_mean_ns;
		assert_int_equal(f->series[s].sent, f->series[s].answered + f->series[s].lost);
		assert_memory_equal(&f->series[s], e, sizeof(*e));
	}
	assert_int_equal(f->unsent, unsent);
	free(expected);
	free(certain);
	free(rtts);
}

/* Random records in several classes of two workers, one of them mixed, one wider than a tile. */
static void figures_of_random_rounds(void **state)
{
	static const int percentiles[] = {95, 50, 1, 99, 95};
	uint64_t seed = unit_seed();
	struct hand_model *m = hand_model_create(5, 3, percentiles, 5);

	(void)state;
	m->model.certain_percentiles = true;
	for (int trial = 0; trial < 4; trial++) {
		struct hand_plan *h = hand_plan_create(&m->model);
		struct el_round_figures *f;

		m->model.histograms =
		    trial == 0 ? EL_CONF_HISTOGRAMS_NONE : EL_CONF_HISTOGRAMS_NATIVE;
		add_class(h, 0, 1, 1 + unit_random(&seed) % 3000, 3, 0);
		add_class(h, 0, 1 + unit_random(&seed) % 20, 1 + unit_random(&seed) % 50, 0, 0);
		add_class(h, 1, 2500, 3, 2, 0);
		add_class(h, 1, 7, 40, 9, 31);
		hand_plan_records(h);
		for (int w = 0; w < 2; w++) {
			for (uint32_t i = 0; i < h->plans[w].n_records; i++) {
				uint32_t pass, packet;
				struct el_slice_idx at = el_plan_locate(&h->plans[w], i, &pass);

				if (el_slice_packet_of_pass(&h->plans[w].slices[at.v], pass,
							    &packet))
					h->blocks[w].records[i] = random_record(&seed);
			}
		}
		h->blocks[0].cut = trial == 3;
		f = el_stats_round(h->list, 2);
		compare_with_naive(h, f);
		el_round_figures_free(f);
		hand_plan_destroy(h);
	}
	hand_model_destroy(m);
}

/* Nothing sent at all: figures of nothing, not a crash. */
static void figures_of_an_empty_round(void **state)
{
	static const int percentiles[] = {95};
	struct hand_model *m = hand_model_create(0, 0, percentiles, 1);
	struct hand_plan *h = hand_plan_create(&m->model);
	struct el_round_figures *f;

	(void)state;
	hand_plan_records(h);
	f = el_stats_round(h->list, 2);
	assert_non_null(f);
	assert_int_equal(f->n_series, 0);
	assert_int_equal(f->unsent, 0);
	el_round_figures_free(f);
	hand_plan_destroy(h);
	hand_model_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_of_a_known_round),
	    cmocka_unit_test(uncertain_answers),
	    cmocka_unit_test(a_step_of_the_clock),
	    cmocka_unit_test(a_block_that_is_closed_early),
	    cmocka_unit_test(probes_that_went_the_wrong_way),
	    cmocka_unit_test(figures_of_random_rounds),
	    cmocka_unit_test(figures_of_an_empty_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
