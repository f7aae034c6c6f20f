/* SPDX-License-Identifier: BSD-3-Clause */
#include "hand_model.h"

#include <pthread.h>
#include <stdatomic.h>

#include "el_stats.h"

static const int percentiles[] = {95, 50};

/* Figures of a round in which series s sent `sent[s]` and lost a tenth of it; percentile p is
 * 1000 * round + 10 * s + p ns. */
static struct el_round_figures *figures_create(const struct el_model *m, uint64_t round,
					       const uint64_t *sent)
{
	struct el_round_figures *f = calloc(1, sizeof(*f));

	f->refs = 1;
	f->round = round;
	f->n_series = m->n_series;
	f->n_percentiles = m->n_percentiles;
	f->series = calloc(m->n_series + 1, sizeof(*f->series));
	f->percentile_ns = calloc((size_t)m->n_series * m->n_percentiles + 1, sizeof(double));
	for (uint32_t s = 0; s < m->n_series; s++) {
		f->series[s] = (struct el_figures){.sent = sent[s],
						   .lost = sent[s] / 10,
						   .answered = sent[s] - sent[s] / 10,
						   .late = 1,
						   .duplicates = 2,
						   .icmp_errors = 3,
						   .out_of_order = 4,
						   .local = 5};
		for (uint32_t p = 0; p < m->n_percentiles; p++)
			f->percentile_ns[s * m->n_percentiles + p] =
			    (double)(1000 * round + 10 * s + p);
	}
	return f;
}

static void totals_go_on(void **state)
{
	static const uint64_t first[] = {100, 10}, second[] = {50, 0};
	struct hand_model *h = hand_model_create(2, 1, percentiles, 2);
	struct el_model *m = &h->model;
	struct el_snapshot *none, *a, *b;

	(void)state;
	none = el_snapshot_next(NULL, m, NULL);
	assert_null(none->last);
	assert_false(none->measured[0]);
	assert_int_equal(none->targets[1].resolution_changes, 1);
	a = el_snapshot_next(none, m, figures_create(m, 1, first));
	a->requested_pps = 12;
	a->app.rounds_skipped = 3;
	a->clock.error_ppm = 0.5;
	a->reload_failed = true;
	a->control_loop_s = 0.25;
	a->control_loop_cpu_s = 0.125;
	b = el_snapshot_next(a, m, figures_create(m, 2, second));
	assert_int_equal(a->series[0].sent, 100);
	assert_int_equal(b->series[0].sent, 150);
	assert_int_equal(b->series[0].lost, 15);
	assert_int_equal(b->series[0].late, 2);
	assert_int_equal(b->series[0].duplicates, 4);
	assert_int_equal(b->series[0].icmp_errors, 6);
	assert_int_equal(b->series[0].out_of_order, 8);
	assert_int_equal(b->series[0].local, 10);
	assert_int_equal(b->gauges[0].sent, 50);
	assert_true(b->percentile_ns[1] == 2001);
	assert_int_equal(b->last->round, 2);
	assert_int_equal(b->app.rounds_completed, 2);
	assert_int_equal(b->app.rounds_skipped, 3);
	assert_int_equal(b->targets[1].resolution_changes, 1);
	assert_true(b->requested_pps == 12 && b->clock.error_ppm == 0.5 && b->reload_failed);
	assert_true(b->control_loop_s == 0.25 && b->control_loop_cpu_s == 0.125);
	/* the second series sent nothing: its gauges stay */
	assert_true(b->measured[1]);
	assert_int_equal(b->series[1].sent, 10);
	assert_int_equal(b->gauges[1].sent, 10);
	assert_true(b->percentile_ns[2] == 1010);
	el_snapshot_put(none);
	el_snapshot_put(a);
	el_snapshot_put(b);
	hand_model_destroy(h);
}

/* Without figures everything stays, the last round too, and outlives the snapshot it came in with.
 */
static void nothing_new_changes_nothing(void **state)
{
	static const uint64_t sent[] = {100};
	struct hand_model *h = hand_model_create(1, 1, percentiles, 2);
	struct el_model *m = &h->model;
	struct el_snapshot *a, *b;

	(void)state;
	a = el_snapshot_next(NULL, m, figures_create(m, 7, sent));
	b = el_snapshot_next(a, m, NULL);
	el_snapshot_put(a);
	assert_int_equal(b->last->round, 7);
	assert_int_equal(b->last->series[0].sent, 100);
	assert_int_equal(b->app.rounds_completed, 1);
	assert_int_equal(b->series[0].sent, 100);
	assert_true(b->measured[0]);
	el_snapshot_put(b);
	hand_model_destroy(h);
}

static void totals_go_on_in_another_model(void **state)
{
	static const int other_percentiles[] = {50, 99};
	static const uint64_t sent[] = {100, 200, 300, 400};
	struct hand_model *before = hand_model_create(2, 2, percentiles, 2);
	struct hand_model *after = hand_model_create(3, 2, other_percentiles, 2);
	struct el_snapshot *a, *b;

	(void)state;
	/* t1 comes first now, with another address; g1 is new; "t0" has become an ICMP target */
	hand_rename(&after->model.targets[0].name, "t1");
	after->model.targets[0].type = EL_PROBE_ICMPPING;
	hand_rename(&after->model.targets[1].name, "t0");
	hand_rename(&after->model.groups[0].name, "g1");
	hand_rename(&after->model.groups[1].name, "g0");
	a = el_snapshot_next(NULL, &before->model, figures_create(&before->model, 1, sent));
	a->targets[1].port_mismatch = 9;
	a->targets[1].match_ack_fail = 8;
	b = el_snapshot_next(a, &after->model, NULL);
	assert_int_equal(b->series[0].sent, 400); /* t1 in g1 */
	assert_int_equal(b->series[1].sent, 300); /* t1 in g0 */
	assert_int_equal(b->gauges[1].lost, 30);
	assert_true(b->measured[1]);
	assert_true(b->percentile_ns[2] == 1021); /* the median was the second percentile */
	assert_true(isnan(b->percentile_ns[3]));
	for (int s = 2; s < 6; s++) {
		assert_int_equal(b->series[s].sent, 0);
		assert_false(b->measured[s]);
	}
	assert_int_equal(b->targets[0].port_mismatch, 9);
	assert_int_equal(b->targets[0].match_ack_fail, 8);
	assert_int_equal(b->targets[0].resolution_changes, 2);
	assert_int_equal(b->targets[2].port_mismatch, 0);
	assert_int_equal(b->targets[2].resolution_changes, 1);
	assert_int_equal(b->last->round, 1);
	el_snapshot_put(b);

	/* another probe name begins anew */
	hand_rename(&after->model.probe_name, "elsewhere");
	b = el_snapshot_next(a, &after->model, NULL);
	assert_int_equal(b->series[0].sent, 0);
	assert_int_equal(b->targets[0].port_mismatch, 0);
	assert_int_equal(b->targets[0].resolution_changes, 1);
	assert_null(b->last);
	el_snapshot_put(a);
	el_snapshot_put(b);
	hand_model_destroy(before);
	hand_model_destroy(after);
}

/* A round of an older plan that ends after some of the newer one: totals alone, of what there still
 * is under the same probe name. */
static void older_rounds_are_added(void **state)
{
	static const uint64_t sent[] = {100, 200, 300, 400}, newer[] = {10, 20};
	struct hand_model *old = hand_model_create(2, 2, percentiles, 2);
	struct hand_model *now = hand_model_create(2, 1, percentiles, 1);
	struct el_snapshot *a, *b;

	(void)state;
	hand_rename(&now->model.targets[0].name, "t1");
	hand_rename(&now->model.targets[1].name, "new");
	now->model.targets[0].type = old->model.targets[1].type;
	a = el_snapshot_next(NULL, &now->model, figures_create(&now->model, 9, newer));
	a->generation = 2;
	b = el_snapshot_add_older(a, &old->model, figures_create(&old->model, 8, sent));
	assert_ptr_equal(b->model, &now->model);
	assert_int_equal(b->generation, 2);
	assert_int_equal(b->series[0].sent, 310); /* t1 in g0 */
	assert_int_equal(b->series[0].lost, 31);
	assert_int_equal(b->series[1].sent, 20);
	assert_int_equal(b->gauges[0].sent, 10);
	assert_int_equal(b->last->round, 9);
	assert_int_equal(b->app.rounds_completed, 2);
	el_snapshot_put(b);
	hand_rename(&old->model.probe_name, "elsewhere");
	b = el_snapshot_add_older(a, &old->model, figures_create(&old->model, 8, sent));
	assert_int_equal(b->series[0].sent, 10);
	assert_int_equal(b->last->round, 9);
	assert_int_equal(b->app.rounds_completed, 1);
	el_snapshot_put(a);
	el_snapshot_put(b);
	hand_model_destroy(old);
	hand_model_destroy(now);
}

/* Figures in which each series s has s + 1 answers that took `ns`. */
static struct el_round_figures *figures_with_histograms(const struct el_model *m, uint64_t round,
							uint64_t ns)
{
	static const uint64_t sent[] = {10, 10, 10, 10};
	static uint32_t counts[EL_HISTOGRAM_BUCKETS];
	const uint64_t times[] = {ns, ns, ns, ns};
	struct el_round_figures *f = figures_create(m, round, sent);
	struct el_histograms *h = el_histograms_create(m->n_series, 16);

	for (uint32_t s = 0; s < m->n_series; s++)
		el_histograms_append(h, times, s + 1, counts);
	f->histograms[EL_MEASURE_RTT] = h;
	return f;
}

/* How many answers of a series are in the bucket of `ns`; in all, as *ret_all. */
static uint64_t answers_at(const struct el_snapshot *s, uint32_t series, uint64_t ns,
			   uint64_t *ret_all)
{
	struct el_histogram h = el_histograms_of(s->histograms[EL_MEASURE_RTT], series);
	int bucket = el_histogram_bucket(ns);

	*ret_all = el_histogram_count(&h);
	return el_histogram_count_up_to(&h, bucket) - el_histogram_count_up_to(&h, bucket - 1);
}

static void assert_answers(const struct el_snapshot *s, uint32_t series, uint64_t ns,
			   uint64_t count, uint64_t all)
{
	uint64_t have_all, have = answers_at(s, series, ns, &have_all);

	assert_int_equal(have, count);
	assert_int_equal(have_all, all);
}

/* Over rounds, other models, rounds of older ones, and while nothing new is there. */
static void histograms_go_on(void **state)
{
	struct hand_model *old = hand_model_create(2, 2, percentiles, 2);
	struct hand_model *now = hand_model_create(2, 1, percentiles, 2);
	static const uint64_t sent[] = {1, 1, 1, 1};
	struct el_snapshot *a, *b, *c, *d;

	(void)state;
	old->model.histograms = now->model.histograms = EL_CONF_HISTOGRAMS_NATIVE;
	hand_rename(&now->model.targets[0].name, "t1");
	hand_rename(&now->model.targets[1].name, "new");
	now->model.targets[0].type = old->model.targets[1].type;
	a = el_snapshot_next(NULL, &old->model, figures_with_histograms(&old->model, 1, 1000));
	assert_null(a->last->histograms[EL_MEASURE_RTT]);
	assert_answers(a, 3, 1000, 4, 4);
	b = el_snapshot_next(a, &old->model, figures_with_histograms(&old->model, 2, 5000));
	assert_answers(b, 3, 1000, 4, 8);
	assert_answers(b, 3, 5000, 4, 8);
	assert_answers(a, 3, 5000, 0, 4);
	el_snapshot_put(a);
	a = el_snapshot_next(b, &old->model, NULL);
	assert_ptr_equal(a->histograms[EL_MEASURE_RTT], b->histograms[EL_MEASURE_RTT]);
	c = el_snapshot_next(a, &now->model, figures_with_histograms(&now->model, 3, 1000));
	assert_answers(c, 0, 1000, 4, 7); /* t1 in g0, of which there were 3 in each round */
	assert_answers(c, 0, 5000, 3, 7);
	assert_answers(c, 1, 1000, 2, 2);
	d = el_snapshot_add_older(c, &old->model, figures_with_histograms(&old->model, 4, 5000));
	assert_answers(d, 0, 5000, 6, 10);
	assert_answers(d, 1, 1000, 2, 2);
	el_snapshot_put(d);

	/* an older round without them; no longer asked for; and asked for again: anew */
	d = el_snapshot_add_older(c, &old->model, figures_create(&old->model, 4, sent));
	assert_answers(d, 0, 5000, 3, 7);
	now->model.histograms = EL_CONF_HISTOGRAMS_NONE;
	el_snapshot_put(a);
	a = el_snapshot_next(d, &now->model, NULL);
	assert_null(a->histograms[EL_MEASURE_RTT]);
	el_snapshot_put(b);
	now->model.histograms = EL_CONF_HISTOGRAMS_CLASSIC;
	b = el_snapshot_next(a, &now->model, figures_with_histograms(&now->model, 5, 1000));
	assert_answers(b, 0, 1000, 1, 1);
	el_snapshot_put(a);
	el_snapshot_put(b);
	el_snapshot_put(c);
	el_snapshot_put(d);
	hand_model_destroy(old);
	hand_model_destroy(now);
}

static void foreign_figures_are_refused(void **state)
{
	static const uint64_t sent[] = {100, 100, 100, 100};
	struct hand_model *small = hand_model_create(1, 1, percentiles, 2);
	struct hand_model *large = hand_model_create(2, 2, percentiles, 2);

	(void)state;
	errno = 0;
	assert_null(el_snapshot_next(NULL, &small->model, figures_create(&large->model, 1, sent)));
	assert_int_equal(errno, EINVAL);
	hand_model_destroy(small);
	hand_model_destroy(large);
}

/* Many names, so that the matching walks collisions. */
static void large_models_are_matched(void **state)
{
	enum { TARGETS = 5000 };
	struct hand_model *before = hand_model_create(TARGETS, 2, percentiles, 2);
	struct hand_model *after = hand_model_create(TARGETS, 2, percentiles, 2);
	uint64_t *sent = calloc(2 * TARGETS, sizeof(*sent));
	struct el_snapshot *a, *b;

	(void)state;
	for (uint32_t i = 0; i < TARGETS; i++) { /* the same targets the other way round */
		struct el_model_target *t = &after->model.targets[i];

		free(t->name);
		t->name = hand_name("t%u", TARGETS - 1 - i);
		t->type = before->model.targets[TARGETS - 1 - i].type;
		t->address = before->model.targets[TARGETS - 1 - i].address;
	}
	for (uint32_t i = 0; i < 2 * TARGETS; i++)
		sent[i] = 10 * i + 10;
	a = el_snapshot_next(NULL, &before->model, figures_create(&before->model, 1, sent));
	b = el_snapshot_next(a, &after->model, NULL);
	for (uint32_t i = 0; i < 2 * TARGETS; i++)
		assert_int_equal(b->series[2 * (TARGETS - 1 - i / 2) + i % 2].sent, sent[i]);
	for (uint32_t i = 0; i < TARGETS; i++)
		assert_int_equal(b->targets[i].resolution_changes, 1);
	free(sent);
	el_snapshot_put(a);
	el_snapshot_put(b);
	hand_model_destroy(before);
	hand_model_destroy(after);
}

/* A name that comes to the prober's own address is not probed: that is no change, and coming back
 * from there is one. */
static void own_addresses_are_no_changes(void **state)
{
	struct hand_model *at[] = {hand_model_create(1, 1, percentiles, 2),
				   hand_model_create(1, 1, percentiles, 2),
				   hand_model_create(1, 1, percentiles, 2)};
	static const uint64_t changes[] = {0, 1, 1, 2};
	static const int order[] = {1, 0, 1, 2};
	struct el_snapshot *s = NULL, *before;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		at[i]->model.targets[0].address.bytes[3] = (uint8_t)(i + 1);
	at[1]->model.targets[0].status = EL_MODEL_OWN_ADDRESS;
	for (unsigned int i = 0; i < 4; i++) {
		before = s;
		s = el_snapshot_next(before, &at[order[i]]->model, NULL);
		assert_int_equal(s->targets[0].resolution_changes, changes[i]);
		el_snapshot_put(before);
	}
	el_snapshot_put(s);
	for (unsigned int i = 0; i < 3; i++)
		hand_model_destroy(at[i]);
}

struct reader {
	struct el_snapshot_store *store;
	_Atomic bool stop;
	_Atomic uint64_t taken;
};

/* Takes snapshots while others are published; what it holds never changes under it. */
static void *read_snapshots(void *arg)
{
	struct reader *r = arg;
	uint64_t newest = 0;

	while (!atomic_load(&r->stop)) {
		struct el_snapshot *s = el_snapshot_store_take(r->store);

		if (s == NULL)
			continue;
		if (s->last->round < newest || s->series[0].sent != 10 * s->last->round)
			abort();
		newest = s->last->round;
		el_snapshot_put(s);
		atomic_fetch_add(&r->taken, 1);
	}
	return NULL;
}

static void store_hands_out_references(void **state)
{
	static const uint64_t sent[] = {10};
	struct hand_model *h = hand_model_create(1, 1, percentiles, 2);
	struct reader r = {.store = el_snapshot_store_create()};
	struct el_snapshot *s = NULL, *held;
	pthread_t thread;

	(void)state;
	assert_null(el_snapshot_store_take(r.store));
	assert_int_equal(pthread_create(&thread, NULL, read_snapshots, &r), 0);
	for (uint64_t round = 1; round <= 2000 || atomic_load(&r.taken) == 0; round++) {
		s = el_snapshot_next(s, &h->model, figures_create(&h->model, round, sent));
		el_snapshot_store_publish(r.store, s);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	held = el_snapshot_store_take(r.store);
	assert_ptr_equal(held, s);
	el_snapshot_store_destroy(r.store);
	assert_true(held->series[0].sent >= 20000);
	el_snapshot_put(held);
	hand_model_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(totals_go_on),
	    cmocka_unit_test(nothing_new_changes_nothing),
	    cmocka_unit_test(totals_go_on_in_another_model),
	    cmocka_unit_test(own_addresses_are_no_changes),
	    cmocka_unit_test(older_rounds_are_added),
	    cmocka_unit_test(histograms_go_on),
	    cmocka_unit_test(foreign_figures_are_refused),
	    cmocka_unit_test(large_models_are_matched),
	    cmocka_unit_test(store_hands_out_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
