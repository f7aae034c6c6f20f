/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the table of families. A cursor's row 0 is a family's HELP and TYPE, row n + 1 its row n.
 * As in pages of Prometheus' own libraries, a family without rows has its HELP and TYPE in text,
 * and is not there in messages. */
#include "el_expo.h"

#include "family.h"

/* Rows without a line that a call passes over, once it has something to return. */
#define SKIPPED_MAX 20000

/* Lines of text are shorter. */
#define TEXT_LINE_MAX 8192

static const struct {
	const char *text;
	uint8_t type, value_field;
} types[] = {
    [FAMILY_COUNTER] = {"counter", TYPE_COUNTER, METRIC_FIELD_COUNTER},
    [FAMILY_GAUGE] = {"gauge", TYPE_GAUGE, METRIC_FIELD_GAUGE},
    /* without sum and count, which a message of this type says are 0 */
    [FAMILY_SUMMARY] = {"summary", TYPE_UNTYPED, METRIC_FIELD_UNTYPED},
    [FAMILY_HISTOGRAM] = {"histogram", TYPE_HISTOGRAM, METRIC_FIELD_HISTOGRAM},
};

static size_t line_max(const struct el_expo_input *in)
{
	return in->format == EL_EXPO_TEXT ? TEXT_LINE_MAX : EL_EXPO_LINE_MAX;
}

static void print_text_header(const struct family *f, struct line *l)
{
	line_text(l, "# HELP ");
	line_text(l, f->name);
	line_text(l, " ");
	line_escaped(l, f->help, false);
	line_text(l, "\n# TYPE ");
	line_text(l, f->name);
	line_text(l, " ");
	line_text(l, types[f->type].text);
	line_text(l, "\n");
}

/* A line, or a metric; how many bytes, 0: there is none. */
static size_t print_row(const struct el_expo_input *in, const struct family *f, uint32_t row,
			uint32_t sub, char *buf)
{
	struct line l = {.pos = buf,
			 .end = buf + line_max(in),
			 .protobuf = in->format == EL_EXPO_PROTOBUF,
			 .value_field = types[f->type].value_field};
	char *begin;
	bool printed;

	if (l.protobuf) {
		begin = wire_begin(&l, FAMILY_FIELD_METRIC);
		printed = f->print(f, in, row, sub, &l);
		wire_end(&l, begin);
	} else {
		line_text(&l, f->name);
		printed = f->print(f, in, row, sub, &l);
	}
	return printed && !l.overflow ? (size_t)(l.pos - buf) : 0;
}

static uint32_t subs_of(const struct el_expo_input *in, const struct family *f)
{
	return f->subs != NULL ? f->subs(in) : 1;
}

/* How long its metrics are. */
static uint64_t measure(const struct el_expo_input *in, const struct family *f, char *scratch)
{
	uint32_t rows = f->rows(in), subs = subs_of(in, f);
	uint64_t bytes = 0;

	for (uint32_t row = 0; row < rows; row++) {
		for (uint32_t sub = 0; sub < subs; sub++)
			bytes += print_row(in, f, row, sub, scratch);
	}
	return bytes;
}

/* What is before the first row; how many bytes, 0: the family is left out. */
static size_t print_header(const struct el_expo_input *in, const struct family *f, char *buf)
{
	struct line l = {.pos = buf, .end = buf + line_max(in)};
	size_t n_name = strlen(f->name), n_help = strlen(f->help);
	uint64_t bytes;

	if (in->format == EL_EXPO_TEXT) {
		print_text_header(f, &l);
		return (size_t)(l.pos - buf);
	}
	bytes = measure(in, f, buf);
	if (bytes == 0)
		return 0;
	wire_varint(&l, wire_bytes_size(n_name) + wire_bytes_size(n_help) + 2 + bytes);
	wire_bytes(&l, FAMILY_FIELD_NAME, f->name, n_name);
	wire_bytes(&l, FAMILY_FIELD_HELP, f->help, n_help);
	wire_u64(&l, FAMILY_FIELD_TYPE, types[f->type].type);
	return (size_t)(l.pos - buf);
}

static bool is_wanted(const struct el_expo_input *in, const struct family *f)
{
	return in->part == EL_EXPO_WHOLE || (in->part == EL_EXPO_LIVE) == expo_is_live(f);
}

static void next_family(struct el_expo_cursor *c)
{
	c->row = c->sub = 0;
	c->family++;
	c->done = c->family == expo_n_families;
}

/* Behind the cursor's place. */
static void advance(const struct el_expo_input *in, const struct family *f,
		    struct el_expo_cursor *c)
{
	uint32_t subs = subs_of(in, f);

	if (c->row > 0 && ++c->sub < subs)
		return;
	c->sub = 0;
	if (c->row++ < f->rows(in) && subs > 0)
		return;
	next_family(c);
}

size_t el_expo_render(const struct el_expo_input *in, struct el_expo_cursor *cursor, char *buf,
		      size_t cap)
{
	char *pos = buf;
	uint32_t skipped = 0;

	while (!cursor->done && cap - (size_t)(pos - buf) >= line_max(in) &&
	       (skipped < SKIPPED_MAX || pos == buf)) {
		const struct family *f = &expo_families[cursor->family];
		size_t n;

		if (!is_wanted(in, f)) {
			next_family(cursor);
			continue;
		}
		n = cursor->row == 0 ? print_header(in, f, pos)
				     : print_row(in, f, cursor->row - 1, cursor->sub, pos);
		pos += n;
		skipped += n == 0;
		if (n == 0 && cursor->row == 0)
			next_family(cursor);
		else
			advance(in, f, cursor);
	}
	return (size_t)(pos - buf);
}
