/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* `echolane top`: what a prober shows of itself, as rows and as lines of text. cmd_top.c is the
 * program, top_screen.h the terminal. */
#include <stdio.h>

#include "el_rank.h"
#include "inside.h"

#define TOP_ALL UINT32_MAX
#define TOP_FILTER_MAX 120
#define TOP_ROWS 20 /* of --once */

struct top_query {
	enum el_rank_key key;
	uint32_t first, n; /* n: TOP_ALL for all */
	char filter[TOP_FILTER_MAX];
};

/* The worst series, as they were answered. */
struct top_rows {
	json_t *state; /* what is said of all: rows, matching, probed, round, local_drops */
	json_t *rows;  /* an array of objects */
	/* The lowest and the highest percentile of the first row that has any; 0: none has. */
	int low, high;
};

/* Reads them, page by page. 0, or as inside_ask: a negative errno with a sentence, -EINVAL: the
 * prober has no answer now. -EAGAIN: the order changed again and again while it was read. */
int top_read(struct inside *i, const struct top_query *q, struct top_rows *ret,
	     struct el_error *err);
void top_rows_fini(struct top_rows *r); /* zeroed is fine */

/* The ports and workers: objects by command ("ports", "conservation", "clock", "reload", "info",
 * "rounds") and an array "workers". As top_read. */
int top_read_inside(struct inside *i, json_t **ret, struct el_error *err);

/* ---- lines of text ---- */

/* Columns that a line has at least. */
#define TOP_COLUMNS 80

/* A line of `columns` columns, whatever is added: the rest is cut. In UTF-8 where the locale is. */
struct top_line {
	struct el_str text;
	int columns, used;
};

/* buf has room for 4 bytes a column and one more. */
void top_line_init(struct top_line *l, char *buf, size_t size, int columns);
/* Adds a text to a field of `width` columns (negative: at its right end), cut and with spaces
 * before or behind; what can't be shown becomes "?". */
void top_line_field(struct top_line *l, int width, const char *text);
void top_line_add(struct top_line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Spaces up to its end. */
void top_line_fill(struct top_line *l);

/* Which percentiles are shown; top_read has done so. */
void top_find_percentiles(struct top_rows *r);

/* The heading of rows, and a row. */
void top_format_heading(struct top_line *l, const struct top_rows *r);
void top_format_row(struct top_line *l, const struct top_rows *r, size_t row);
/* What is said of all of them. */
void top_format_summary(struct top_line *l, const char *probe_name, long pid,
			const struct top_rows *r);
/* Line `number` of the ports and workers; false: there is none. */
bool top_format_inside(struct top_line *l, const json_t *inside, size_t number);

/* ---- for scripts ---- */

void top_print_json(FILE *out, const char *probe_name, long pid, const struct top_rows *r);
/* RFC 4180, with a heading; what is not known is empty. */
void top_print_csv(FILE *out, const struct top_rows *r);
void top_print_table(FILE *out, const struct top_rows *r);
