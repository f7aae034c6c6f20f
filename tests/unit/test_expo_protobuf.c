/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of messages, as Protocol Buffers' own library reads them. */
#include "expo_sample.h"

#include "metrics.pb-c.h"

typedef Io__Prometheus__Client__MetricFamily Family;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__Histogram Histogram;

#define FAMILIES_MAX 200

struct families {
	Family *family[FAMILIES_MAX];
	size_t n;
};

static struct families parse(const struct page *page)
{
	const uint8_t *at = (const uint8_t *)page->text, *end = at + page->len;
	struct families f = {.n = 0};

	while (at < end) {
		uint64_t n = 0;
		int shift = 0;

		do
			n |= (uint64_t)(*at & 0x7f) << shift, shift += 7;
		while (*at++ & 0x80);
		assert_true(n <= (uint64_t)(end - at));
		assert_true(f.n < FAMILIES_MAX);
		f.family[f.n] = io__prometheus__client__metric_family__unpack(NULL, (size_t)n, at);
		assert_non_null(f.family[f.n]);
		assert_int_equal(f.family[f.n]->base.n_unknown_fields, 0);
		assert_true(f.family[f.n]->n_metric > 0);
		f.n++;
		at += n;
	}
	return f;
}

static void families_free(struct families *f)
{
	for (size_t i = 0; i < f->n; i++)
		io__prometheus__client__metric_family__free_unpacked(f->family[i], NULL);
}

static struct families render_messages(struct el_expo_input *in, size_t cap)
{
	struct families f;
	struct page page;

	in->format = EL_EXPO_PROTOBUF;
	page = render(in, cap);
	f = parse(&page);
	free(page.text);
	return f;
}

static const Family *find(const struct families *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->family[i]->name, name) == 0)
			return f->family[i];
	}
	return NULL;
}

/* ---- the samples of both kinds of pages ---- */

struct samples {
	char *name[4000]; /* with labels, as in text */
	double value[4000];
	size_t n;
};

static void add_sample(struct samples *s, char *name, double value)
{
	assert_true(s->n < sizeof(s->name) / sizeof(s->name[0]));
	s->name[s->n] = name;
	s->value[s->n++] = value;
}

static void samples_free(struct samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->name[i]);
	free(s);
}

static struct samples *samples_of_text(const struct page *page)
{
	struct samples *s = calloc(1, sizeof(*s));
	char *text = strdup(page->text), *save;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *space = strrchr(l, ' ');

		if (l[0] == '#')
			continue;
		*space = '\0';
		add_sample(s, strdup(l), strtod(space + 1, NULL));
	}
	free(text);
	return s;
}

/* le: one more label, NULL: none. */
static char *name_of(const Family *f, const char *suffix, const Metric *m, const char *le)
{
	size_t len = 0, before = 0;
	char *name = NULL;
	FILE *out = open_memstream(&name, &len);

	fprintf(out, "%s%s", f->name, suffix);
	for (size_t i = 0; i < m->n_label; i++) {
		if (le && strcmp(m->label[i]->name, "probe_name") == 0)
			fprintf(out, "%cle=\"%s\"", before++ ? ',' : '{', le);
		fprintf(out, "%c%s=\"%s\"", before++ ? ',' : '{', m->label[i]->name,
			m->label[i]->value);
	}
	fputs(before ? "}" : "", out);
	fclose(out);
	return name;
}

static void add_histogram(struct samples *s, const Family *f, const Metric *m)
{
	const Histogram *h = m->histogram;
	char le[40];

	for (size_t i = 0; i < h->n_bucket; i++) {
		snprintf(le, sizeof(le), "%.17g", h->bucket[i]->upper_bound);
		add_sample(s, name_of(f, "_bucket", m, le), (double)h->bucket[i]->cumulative_count);
	}
	add_sample(s, name_of(f, "_bucket", m, "+Inf"), (double)h->sample_count);
	add_sample(s, name_of(f, "_sum", m, NULL), h->sample_sum);
	add_sample(s, name_of(f, "_count", m, NULL), (double)h->sample_count);
}

static struct samples *samples_of_messages(const struct families *families)
{
	struct samples *s = calloc(1, sizeof(*s));

	for (size_t i = 0; i < families->n; i++) {
		const Family *f = families->family[i];

		for (size_t j = 0; j < f->n_metric; j++) {
			const Metric *m = f->metric[j];

			assert_int_equal(m->base.n_unknown_fields, 0);
			assert_int_equal(!!m->counter + !!m->gauge + !!m->untyped + !!m->histogram,
					 1);
			if (f->type == IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM)
				add_histogram(s, f, m);
			else if (f->type == IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER)
				add_sample(s, name_of(f, "", m, NULL), m->counter->value);
			else if (f->type == IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE)
				add_sample(s, name_of(f, "", m, NULL), m->gauge->value);
			else
				add_sample(s, name_of(f, "", m, NULL), m->untyped->value);
		}
	}
	return s;
}

/* Bounds of buckets are printed in as few digits as they need in text. */
static bool same_name(const char *a, const char *b)
{
	const char *le = strstr(a, ",le=\"");
	char *end_a, *end_b;
	size_t n = le ? (size_t)(le - a) + 5 : 0;

	if (!le)
		return strcmp(a, b) == 0;
	return strncmp(a, b, n) == 0 && strtod(a + n, &end_a) == strtod(b + n, &end_b) &&
	       strcmp(end_a, end_b) == 0;
}

static void assert_same_samples(const struct samples *a, const struct samples *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		size_t j = 0;

		while (j < b->n && !same_name(a->name[i], b->name[j]))
			j++;
		if (j == b->n)
			fail_msg("%s is on one page only", a->name[i]);
		if (a->value[i] != b->value[j] && !(isnan(a->value[i]) && isnan(b->value[j])))
			fail_msg("%s: %.17g, and %.17g", a->name[i], a->value[i], b->value[j]);
	}
}

/* Every sample of the text is in the messages and the reverse, with the very same value. */
static void messages_say_what_the_text_says(void **state)
{
	static const size_t caps[] = {EL_EXPO_LINE_MAX, EL_EXPO_LINE_MAX + 100, 1 << 20};
	struct samples *of_text, *of_messages;
	struct page text;
	struct sample s;

	(void)state;
	sample_init(&s);
	text = render(&s.in, 1 << 20);
	of_text = samples_of_text(&text);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		struct families f = render_messages(&s.in, caps[i]);

		of_messages = samples_of_messages(&f);
		assert_same_samples(of_text, of_messages);
		samples_free(of_messages);
		assert_string_equal(find(&f, "echolane_rtt_seconds")->help,
				    "Round-trip times of all answers that have one, since the "
				    "series is probed.");
		families_free(&f);
	}
	samples_free(of_text);
	free(text.text);
	sample_fini(&s);
}

/* The part of the snapshot, and the live one behind it, are the page, in both formats. */
static void parts_are_the_page(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	for (int format = 0; format < EL_EXPO_FORMATS; format++) {
		struct page part[3];

		s.in.format = (enum el_expo_format)format;
		for (int i = 0; i < 3; i++) {
			struct el_expo_input in = s.in;

			in.part = (enum el_expo_part)i;
			if (in.part == EL_EXPO_OF_SNAPSHOT) { /* as it is when that is packed */
				in.workers = NULL;
				in.ports = NULL;
				in.n_workers = in.n_ports = 0;
			}
			part[i] = render(&in, 1 << 20);
		}
		assert_int_equal(part[0].len, part[1].len + part[2].len);
		assert_memory_equal(part[0].text, part[1].text, part[1].len);
		assert_memory_equal(part[0].text + part[1].len, part[2].text, part[2].len);
		assert_null(strstr(part[1].text, "echolane_worker_rx_"));
		assert_null(strstr(part[1].text, "echolane_port_"));
		for (int i = 0; i < 3; i++)
			free(part[i].text);
	}
	sample_fini(&s);
}

/* ---- native histograms ---- */

/* The buckets of spans and deltas are those of `expected`; empty ones may be between them. */
static void assert_native(const Histogram *h, const struct el_histogram *expected)
{
	uint64_t zero = 0, total = 0;
	size_t delta = 0;
	int64_t count = 0;
	uint32_t at = 0;
	int bucket = 0;

	if (expected->n > 0 && expected->bucket[0] == EL_HISTOGRAM_ZERO)
		zero = expected->count[at++];
	assert_int_equal(h->schema, 5);
	assert_true(h->has_zero_threshold && h->zero_threshold == 0x1p-128);
	assert_int_equal(h->zero_count, zero);
	assert_int_equal(h->n_negative_span + h->n_negative_delta, 0);
	for (size_t i = 0; i < h->n_positive_span; i++) {
		bucket += h->positive_span[i]->offset;
		assert_true(i == 0 || h->positive_span[i]->offset > 0);
		assert_true(h->positive_span[i]->length > 0);
		for (uint32_t k = 0; k < h->positive_span[i]->length; k++, bucket++) {
			assert_true(delta < h->n_positive_delta);
			count += h->positive_delta[delta++];
			assert_true(count >= 0);
			total += (uint64_t)count;
			if (count == 0)
				continue;
			assert_true(at < expected->n);
			assert_int_equal(bucket, expected->bucket[at]);
			assert_int_equal(count, expected->count[at++]);
		}
	}
	assert_int_equal(delta, h->n_positive_delta);
	assert_int_equal(at, expected->n);
	assert_int_equal(h->sample_count, total + zero);
	assert_true(h->sample_sum == (double)expected->sum_ns / 1e9);
}

static uint32_t counts[EL_HISTOGRAM_BUCKETS];

/* Series of all shapes: nothing, all buckets, every second, few far apart, large counts. */
static struct el_histograms *all_shapes(uint32_t n_series, uint64_t *seed)
{
	struct el_histograms *h =
	    el_histograms_create(n_series, (uint64_t)n_series * EL_HISTOGRAM_BUCKETS);

	for (uint32_t s = 0; s < n_series; s++) {
		uint64_t at = h->first[s], step = s < 8 ? s : 1 + unit_random(seed) % 100;

		for (uint64_t b = s % 3; step > 0 && b < EL_HISTOGRAM_BUCKETS; b += step) {
			h->bucket[at] = (int16_t)((int)b + EL_HISTOGRAM_ZERO);
			h->count[at++] = 1 + (unit_random(seed) >> (12 + unit_random(seed) % 52));
		}
		h->sum_ns[s] = (unsigned __int128)unit_random(seed) << s % 20;
		h->first[s + 1] = at;
		h->n_series++;
	}
	el_histograms_shrink(h);
	return h;
}

static void native_histograms_are_whole(void **state)
{
	uint64_t seed = unit_seed();
	struct hand_model *m = hand_model_create(40, 1, percentiles, 1);
	struct el_expo_input in = {.version = "1", .dpdk_version = "2"};
	struct el_snapshot *s;
	struct families f;
	const Family *rtt;

	(void)state;
	m->model.histograms = EL_CONF_HISTOGRAMS_BOTH;
	s = el_snapshot_next(NULL, &m->model, NULL);
	el_histograms_put(s->histograms[EL_MEASURE_RTT]);
	s->histograms[EL_MEASURE_RTT] = all_shapes(40, &seed);
	memset(s->measured, true, 40);
	in.snapshot = s;
	f = render_messages(&in, EL_EXPO_LINE_MAX);
	rtt = find(&f, "echolane_rtt_seconds");
	assert_non_null(rtt);
	assert_int_equal(rtt->n_metric, 40);
	for (uint32_t i = 0; i < 40; i++) {
		struct el_histogram expected = el_histograms_of(s->histograms[EL_MEASURE_RTT], i);

		assert_native(rtt->metric[i]->histogram, &expected);
	}
	families_free(&f);
	el_snapshot_put(s);
	hand_model_destroy(m);
}

/* What is configured is there, and nothing else. */
static void kinds_are_as_configured(void **state)
{
	(void)state;
	for (int kind = EL_CONF_HISTOGRAMS_NONE; kind <= EL_CONF_HISTOGRAMS_BOTH; kind++) {
		struct samples *samples;
		struct families f;
		struct page page;
		struct sample s;
		const Family *rtt, *oneway;
		size_t n = 0;

		sample_init(&s);
		s.h->model.histograms = (enum el_conf_histograms)kind;
		page = render(&s.in, 1 << 20);
		samples = samples_of_text(&page);
		for (size_t i = 0; i < samples->n; i++)
			n += strncmp(samples->name[i], "echolane_rtt_seconds", 20) == 0;
		f = render_messages(&s.in, 1 << 20);
		rtt = find(&f, "echolane_rtt_seconds");
		assert_int_equal(rtt != NULL, kind != EL_CONF_HISTOGRAMS_NONE);
		oneway = find(&f, "echolane_oneway_delay_seconds");
		assert_int_equal(oneway != NULL, rtt != NULL);
		for (size_t i = 0; oneway && i < oneway->n_metric; i++)
			assert_non_null(oneway->metric[i]->histogram);
		assert_int_equal(n > 0, (kind & EL_CONF_HISTOGRAMS_CLASSIC) != 0);
		for (size_t i = 0; rtt && i < rtt->n_metric; i++) {
			const Histogram *h = rtt->metric[i]->histogram;

			assert_int_equal(h->has_schema, (kind & EL_CONF_HISTOGRAMS_NATIVE) != 0);
			assert_int_equal(h->has_zero_threshold, h->has_schema);
			assert_int_equal(h->n_bucket, kind & EL_CONF_HISTOGRAMS_CLASSIC ? 20 : 0);
		}
		families_free(&f);
		samples_free(samples);
		free(page.text);
		sample_fini(&s);
	}
}

/* A time that is a classic bound is below it, the next one is not. */
static void classic_buckets_are_exact(void **state)
{
	static const uint64_t ns[] = {1953125, 1953126, 4000000000, 4000000001};
	struct hand_model *m = hand_model_create(1, 1, percentiles, 1);
	struct el_histograms *h = el_histograms_create(1, 4);
	struct el_expo_input in = {.version = "1", .dpdk_version = "2"};
	struct el_snapshot *s;
	struct families f;
	const Histogram *rtt;

	(void)state;
	m->model.histograms = EL_CONF_HISTOGRAMS_CLASSIC;
	s = el_snapshot_next(NULL, &m->model, NULL);
	el_histograms_append(h, ns, 4, counts);
	el_histograms_put(s->histograms[EL_MEASURE_RTT]);
	s->histograms[EL_MEASURE_RTT] = h;
	s->measured[0] = true;
	in.snapshot = s;
	f = render_messages(&in, EL_EXPO_LINE_MAX);
	rtt = find(&f, "echolane_rtt_seconds")->metric[0]->histogram;
	assert_int_equal(rtt->n_bucket, 20);
	for (size_t i = 0; i < rtt->n_bucket; i++) {
		double bound = rtt->bucket[i]->upper_bound;

		assert_true(bound == ldexp(1, -17 + (int)i));
		assert_int_equal(rtt->bucket[i]->cumulative_count, bound < 0x1p-9    ? 0
								   : bound == 0x1p-9 ? 1
								   : bound < 4       ? 2
										     : 3);
	}
	assert_int_equal(rtt->sample_count, 4);
	families_free(&f);
	el_snapshot_put(s);
	hand_model_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_say_what_the_text_says),
	    cmocka_unit_test(parts_are_the_page),
	    cmocka_unit_test(native_histograms_are_whole),
	    cmocka_unit_test(kinds_are_as_configured),
	    cmocka_unit_test(classic_buckets_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
