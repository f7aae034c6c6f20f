/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms. In messages they are Prometheus' native ones: runs of buckets (spans), and what each
 * bucket has more than the one before it. Classic ones have bounds that are native ones, too, so
 * that they are exact. */
#include "family.h"

/* Classic bounds: powers of two, from 7.6 us to 4 s. */
#define FIRST_OCTAVE (-17)
#define LAST_OCTAVE 2
#define N_BOUNDS (LAST_OCTAVE - FIRST_OCTAVE + 1)
/* Lines behind those of the bounds. */
enum { LINE_INF = N_BOUNDS, LINE_SUM, LINE_COUNT, N_LINES };

/* So many empty buckets cost less than another span. */
#define GAP_MAX 2
/* What counts as zero, as in Prometheus' own libraries; here 0 alone. */
#define ZERO_THRESHOLD 0x1p-128

uint32_t expo_rows_histogram(const struct el_expo_input *in)
{
	const struct el_snapshot *s = in->snapshot;

	if (!s || !s->model->histograms)
		return 0;
	return in->format == EL_EXPO_PROTOBUF || s->model->histograms & EL_CONF_HISTOGRAMS_CLASSIC
		   ? s->model->n_series
		   : 0;
}

uint32_t expo_rows_stamp_histogram(const struct el_expo_input *in)
{
	return in->snapshot && in->snapshot->stamp ? expo_rows_histogram(in) : 0;
}

uint32_t expo_subs_histogram(const struct el_expo_input *in)
{
	return in->format == EL_EXPO_PROTOBUF ? 1 : N_LINES;
}

uint32_t expo_subs_histogram_directions(const struct el_expo_input *in)
{
	return EL_DELAY_DIRECTIONS * expo_subs_histogram(in);
}

static double sum_s(const struct el_histogram *h)
{
	return (double)h->sum_ns / 1e9;
}

static double bound_s(int line)
{
	return ldexp(1, FIRST_OCTAVE + line);
}

static uint64_t count_below(const struct el_histogram *h, int line)
{
	return el_histogram_count_up_to(h, EL_HISTOGRAM_PER_OCTAVE * (FIRST_OCTAVE + line));
}

static void print_line(const struct el_histogram *h, const struct el_expo_input *in, uint32_t row,
		       const char *direction, int line, struct line *l)
{
	char le[LINE_NUMBER_MAX] = "+Inf";

	line_text(l, line == LINE_SUM ? "_sum" : line == LINE_COUNT ? "_count" : "_bucket");
	expo_labels_to_group(in, row, direction, l);
	if (line < N_BOUNDS)
		line_double_text(le, bound_s(line));
	if (line <= LINE_INF)
		line_label(l, "le", le);
	expo_labels_from_probe_name(in, row, l);
	if (line == LINE_SUM)
		line_double(l, sum_s(h));
	else
		line_u64(l, line < N_BOUNDS ? count_below(h, line) : el_histogram_count(h));
}

static void add_classic(const struct el_histogram *h, struct line *l)
{
	for (int line = 0; line < N_BOUNDS; line++) {
		char *begin = wire_begin(l, HISTOGRAM_FIELD_BUCKET);

		wire_u64(l, BUCKET_FIELD_CUMULATIVE_COUNT, count_below(h, line));
		wire_double(l, BUCKET_FIELD_UPPER_BOUND, bound_s(line));
		wire_end(l, begin);
	}
}

static void add_span(struct line *l, int offset, uint32_t length)
{
	wire_tag(l, HISTOGRAM_FIELD_POSITIVE_SPAN, WIRE_BYTES);
	wire_varint(l, 2 + wire_varint_size(wire_zigzag_of(offset)) + wire_varint_size(length));
	wire_sint(l, SPAN_FIELD_OFFSET, offset);
	wire_u64(l, SPAN_FIELD_LENGTH, length);
}

static void add_spans(const struct el_histogram *h, struct line *l)
{
	int offset = h->bucket[0], next = offset; /* behind the last bucket of the span */
	uint32_t length = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		int gap = h->bucket[i] - next;

		if (gap > GAP_MAX) {
			add_span(l, offset, length);
			offset = gap;
			length = 0;
		} else {
			length += (uint32_t)gap;
		}
		length++;
		next = h->bucket[i] + 1;
	}
	add_span(l, offset, length);
}

static void add_deltas(const struct el_histogram *h, struct line *l)
{
	char *begin = wire_begin(l, HISTOGRAM_FIELD_POSITIVE_DELTA);
	int next = h->bucket[0];
	uint64_t before = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		int gap = h->bucket[i] - next;

		for (; gap > 0 && gap <= GAP_MAX; gap--) {
			wire_zigzag(l, -(int64_t)before);
			before = 0;
		}
		wire_zigzag(l, (int64_t)(h->count[i] - before));
		before = h->count[i];
		next = h->bucket[i] + 1;
	}
	wire_end(l, begin);
}

static void add_native(struct el_histogram h, struct line *l)
{
	uint64_t zero = el_histogram_count_up_to(&h, EL_HISTOGRAM_ZERO);

	wire_sint(l, HISTOGRAM_FIELD_SCHEMA, EL_HISTOGRAM_SCHEMA);
	wire_double(l, HISTOGRAM_FIELD_ZERO_THRESHOLD, ZERO_THRESHOLD);
	wire_u64(l, HISTOGRAM_FIELD_ZERO_COUNT, zero);
	if (zero > 0) {
		h.bucket++;
		h.count++;
		h.n--;
	}
	if (h.n == 0)
		return;
	add_spans(&h, l);
	add_deltas(&h, l);
}

/* direction: NULL: without. */
static void print(const struct el_expo_input *in, uint32_t row, enum el_measure measure,
		  const char *direction, int line, struct line *l)
{
	const struct el_snapshot *s = in->snapshot;
	struct el_histogram h = el_histograms_of(s->histograms[measure], row);
	char *begin;

	if (!l->protobuf) {
		print_line(&h, in, row, direction, line, l);
		return;
	}
	expo_labels_to_group(in, row, direction, l);
	expo_labels_from_probe_name(in, row, l);
	begin = wire_begin(l, METRIC_FIELD_HISTOGRAM);
	wire_u64(l, HISTOGRAM_FIELD_COUNT, el_histogram_count(&h));
	wire_double(l, HISTOGRAM_FIELD_SUM, sum_s(&h));
	if (s->model->histograms & EL_CONF_HISTOGRAMS_CLASSIC)
		add_classic(&h, l);
	if (s->model->histograms & EL_CONF_HISTOGRAMS_NATIVE)
		add_native(h, l);
	wire_end(l, begin);
}

bool expo_print_histogram(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	if (!expo_is_shown(f, in, row))
		return false;
	print(in, row, EL_MEASURE_RTT, NULL, (int)sub, l);
	return true;
}

bool expo_print_histogram_directions(const struct family *f, const struct el_expo_input *in,
				     uint32_t row, uint32_t sub, struct line *l)
{
	uint32_t n = expo_subs_histogram(in), direction = sub / n;

	if (!expo_is_shown(f, in, row))
		return false;
	print(in, row, EL_MEASURE_FORWARD + direction, expo_directions[direction], (int)(sub % n),
	      l);
	return true;
}
