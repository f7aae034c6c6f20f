/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for scripts. */
#include <stdlib.h>
#include <string.h>

#include "top.h"

/* What each row may have; then its percentiles. */
static const char *const columns[] = {
    "target",         "group",      "type",        "address",       "state",
    "sent",           "lost",       "late",        "local",         "unknown",
    "abandoned",      "uncertain",  "duplicates",  "rtt_min_ns",    "rtt_max_ns",
    "sent_total",     "lost_total", "local_total", "unknown_total", "abandoned_total",
    "uncertain_total"};

void top_print_json(FILE *out, const char *probe_name, long pid, const struct top_rows *r)
{
	json_t *all = json_copy(r->state);

	json_object_set_new(all, "probe_name", json_string(probe_name));
	json_object_set_new(all, "pid", json_integer(pid));
	json_object_set(all, "series", r->rows);
	json_dumpf(all, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(all);
}

/* What a terminal would take for more than text is written as \xNN. */
static void print_text(FILE *out, const char *text)
{
	bool quoted = strpbrk(text, "\",") != NULL;

	if (quoted)
		fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fprintf(out, "%s%c", c == '"' ? "\"" : "", c);
	}
	if (quoted)
		fputc('"', out);
}

static void print_cell(FILE *out, const json_t *row, const char *column)
{
	const json_t *value = json_object_get(row, column);

	if (json_is_string(value))
		print_text(out, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

/* Which percentiles any row has. */
static void find_percentiles(const struct top_rows *r, bool ret[101])
{
	for (size_t i = 0; i < json_array_size(r->rows); i++) {
		const char *key;
		json_t *value;

		json_object_foreach(json_array_get(r->rows, i), key, value)
		{
			int p;

			if (sscanf(key, "rtt_p%d_ns", &p) == 1 && p > 0 && p <= 100)
				ret[p] = true;
		}
	}
}

void top_print_csv(FILE *out, const struct top_rows *r)
{
	const size_t n = sizeof(columns) / sizeof(columns[0]);
	bool percentiles[101] = {false};
	char name[24];

	find_percentiles(r, percentiles);
	for (size_t c = 0; c < n; c++)
		fprintf(out, "%s%s", c ? "," : "", columns[c]);
	for (int p = 1; p <= 100; p++) {
		if (percentiles[p])
			fprintf(out, ",rtt_p%d_ns", p);
	}
	fputs("\r\n", out);
	for (size_t i = 0; i < json_array_size(r->rows); i++) {
		const json_t *row = json_array_get(r->rows, i);

		for (size_t c = 0; c < n; c++) {
			if (c)
				fputc(',', out);
			print_cell(out, row, columns[c]);
		}
		for (int p = 1; p <= 100; p++) {
			if (!percentiles[p])
				continue;
			snprintf(name, sizeof(name), "rtt_p%d_ns", p);
			fputc(',', out);
			print_cell(out, row, name);
		}
		fputs("\r\n", out);
	}
}

static void print_line(FILE *out, const char *line)
{
	size_t n = strlen(line);

	while (n > 0 && line[n - 1] == ' ')
		n--;
	fprintf(out, "%.*s\n", (int)n, line);
}

void top_print_table(FILE *out, const struct top_rows *r)
{
	char buf[4 * TOP_COLUMNS + 1];
	struct top_line l;

	top_line_init(&l, buf, sizeof(buf), TOP_COLUMNS);
	top_format_heading(&l, r);
	print_line(out, buf);
	for (size_t i = 0; i < json_array_size(r->rows); i++) {
		top_line_init(&l, buf, sizeof(buf), TOP_COLUMNS);
		top_format_row(&l, r, i);
		print_line(out, buf);
	}
}
