/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows, ports and workers as lines of text. What is not known is "-" or said in words, never 0. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "table.h"
#include "top.h"

#define CELL 40
#define PERCENTILES_MAX 100

/* ---- a line ---- */

void top_line_init(struct top_line *l, char *buf, size_t size, int columns)
{
	*l = (struct top_line){.columns = columns};
	el_str_init(&l->text, buf, size);
	buf[0] = '\0';
}

static void add_spaces(struct top_line *l, int n)
{
	for (; n > 0 && l->used < l->columns; n--, l->used++)
		el_str_addc(&l->text, ' ');
}

/* One character from `text`: its bytes, *ret_columns that it takes; 0 columns and a "?" are for
 * what can't be shown: control characters, and what is none in this locale. */
static size_t read_character(const char *text, mbstate_t *state, int *ret_columns)
{
	wchar_t c;
	size_t n = mbrtowc(&c, text, strlen(text), state);

	*ret_columns = -1;
	if (n == 0 || n > strlen(text)) { /* -1, -2 */
		memset(state, 0, sizeof(*state));
		return 1;
	}
	*ret_columns = wcwidth(c);
	return n;
}

/* Adds at most `width` columns of a text; how many. */
static int add_text(struct top_line *l, int width, const char *text)
{
	mbstate_t state = {0};
	int used = 0;

	if (width > l->columns - l->used)
		width = l->columns - l->used;
	while (*text) {
		int columns;
		size_t n = read_character(text, &state, &columns);

		if (used + (columns < 0 ? 1 : columns) > width)
			break;
		if (columns < 0)
			el_str_addc(&l->text, '?');
		else
			el_str_addn(&l->text, text, n);
		used += columns < 0 ? 1 : columns;
		text += n;
	}
	l->used += used;
	return used;
}

static int columns_of(const char *text)
{
	mbstate_t state = {0};
	int all = 0;

	while (*text) {
		int columns;

		text += read_character(text, &state, &columns);
		all += columns < 0 ? 1 : columns;
	}
	return all;
}

void top_line_field(struct top_line *l, int width, const char *text)
{
	int wide = abs(width), columns = columns_of(text);

	if (width < 0)
		add_spaces(l, wide - columns);
	columns = add_text(l, wide, text);
	if (width > 0)
		add_spaces(l, wide - columns);
}

void top_line_add(struct top_line *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_text(l, l->columns, text);
}

void top_line_fill(struct top_line *l)
{
	add_spaces(l, l->columns - l->used);
}

/* ---- numbers ---- */

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static json_int_t number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* In four columns and a letter at most: "99999", "123k", "12M". */
static void format_count(json_int_t n, char ret[CELL])
{
	static const char units[] = "kMGTPE";
	int u = -1;

	while (n >= (u < 0 ? 100000 : 10000)) {
		n /= 1000;
		u++;
	}
	if (u < 0)
		snprintf(ret, CELL, "%" JSON_INTEGER_FORMAT, n);
	else
		snprintf(ret, CELL, "%" JSON_INTEGER_FORMAT "%c", n, units[u]);
}

static void add_count(struct top_line *l, int width, const json_t *o, const char *name)
{
	char text[CELL] = "-";

	if (json_object_get(o, name))
		format_count(number_of(o, name), text);
	top_line_field(l, -width, text);
}

static void add_time(struct top_line *l, int width, const json_t *o, const char *name)
{
	char text[CELL] = "-";

	if (json_object_get(o, name))
		table_format_time(text, sizeof(text), (double)number_of(o, name));
	top_line_field(l, -width, text);
}

/* ---- rows ---- */

void top_find_percentiles(struct top_rows *r)
{
	r->low = r->high = 0;
	for (size_t i = 0; i < json_array_size(r->rows) && !r->low; i++) {
		for (int p = 1; p <= PERCENTILES_MAX; p++) {
			char name[24];

			snprintf(name, sizeof(name), "rtt_p%d_ns", p);
			if (!json_object_get(json_array_get(r->rows, i), name))
				continue;
			r->low = r->low ? r->low : p;
			r->high = p;
		}
	}
}

#define GROUP_WIDTH 9
#define LOSS_WIDTH 7
#define SENT_WIDTH 11
#define COUNT_WIDTH 5
#define TIME_WIDTH 7

/* What is left of the line for the name. */
static int target_width(const struct top_line *l)
{
	int columns = l->columns > TOP_COLUMNS ? l->columns : TOP_COLUMNS;

	return columns - GROUP_WIDTH - LOSS_WIDTH - SENT_WIDTH - 3 * COUNT_WIDTH - 2 * TIME_WIDTH -
	       8;
}

void top_format_heading(struct top_line *l, const struct top_rows *r)
{
	char low[16] = "LOW", high[16] = "HIGH";

	if (r->low) {
		snprintf(low, sizeof(low), "P%d", r->low);
		snprintf(high, sizeof(high), "P%d", r->high);
	}
	top_line_field(l, target_width(l), "TARGET");
	top_line_add(l, " ");
	top_line_field(l, GROUP_WIDTH, "GROUP");
	top_line_field(l, -LOSS_WIDTH - 1, "LOSS%");
	top_line_field(l, -SENT_WIDTH - 1, "LOST/SENT");
	top_line_field(l, -COUNT_WIDTH - 1, "LOCAL");
	top_line_field(l, -COUNT_WIDTH - 1, "UNKN");
	top_line_field(l, -COUNT_WIDTH - 1, "UNCRT");
	top_line_field(l, -TIME_WIDTH - 1, low);
	top_line_field(l, -TIME_WIDTH - 1, high);
	top_line_fill(l);
}

static void add_loss(struct top_line *l, const json_t *row)
{
	json_int_t sent = number_of(row, "sent"), lost = number_of(row, "lost");
	char loss[CELL] = "-", share[2 * CELL], a[CELL], b[CELL];

	if (sent > 0)
		snprintf(loss, sizeof(loss), "%.2f", 100 * (double)lost / (double)sent);
	/* a loss is never shown as none, nor an answer as no answer */
	if (lost > 0 && strcmp(loss, "0.00") == 0)
		snprintf(loss, sizeof(loss), "<0.01");
	if (lost < sent && strcmp(loss, "100.00") == 0)
		snprintf(loss, sizeof(loss), ">99.99");
	format_count(lost, a);
	format_count(sent, b);
	snprintf(share, sizeof(share), "%s/%s", a, b);
	top_line_field(l, -LOSS_WIDTH - 1, loss);
	top_line_field(l, -SENT_WIDTH - 1, share);
}

/* Nobody knows of them whether they were lost. */
static void add_unknown(struct top_line *l, const json_t *row)
{
	char text[CELL];

	format_count(number_of(row, "unknown") + number_of(row, "abandoned"), text);
	top_line_field(l, -COUNT_WIDTH - 1, text);
}

void top_format_row(struct top_line *l, const struct top_rows *r, size_t number)
{
	const json_t *row = json_array_get(r->rows, number);
	const char *state = text_of(row, "state");
	bool is_probed = strcmp(state, "probed") == 0, in_part = strcmp(state, "in_part") == 0;
	char low[24], high[24];

	top_line_field(l, target_width(l), text_of(row, "target"));
	top_line_add(l, in_part ? "*" : " ");
	top_line_field(l, GROUP_WIDTH, text_of(row, "group"));
	if (!is_probed && !in_part) {
		top_line_add(l, "  not probed: %s", state);
	} else if (!json_object_get(row, "sent")) {
		top_line_add(l, "  no round yet");
	} else {
		snprintf(low, sizeof(low), "rtt_p%d_ns", r->low);
		snprintf(high, sizeof(high), "rtt_p%d_ns", r->high);
		add_loss(l, row);
		add_count(l, COUNT_WIDTH + 1, row, "local");
		add_unknown(l, row);
		add_count(l, COUNT_WIDTH + 1, row, "uncertain");
		add_time(l, TIME_WIDTH + 1, row, low);
		add_time(l, TIME_WIDTH + 1, row, high);
	}
	top_line_fill(l);
}

void top_format_summary(struct top_line *l, const char *probe_name, long pid,
			const struct top_rows *r)
{
	json_int_t rows = number_of(r->state, "rows"), probed = number_of(r->state, "probed"),
		   matching = number_of(r->state, "matching");

	top_line_add(l, "echolane %s (%ld)  round %" JSON_INTEGER_FORMAT, probe_name, pid,
		     number_of(r->state, "round"));
	top_line_add(l, "  %" JSON_INTEGER_FORMAT " series, %" JSON_INTEGER_FORMAT " not probed",
		     rows, rows - probed);
	if (matching != rows)
		top_line_add(l, ", %" JSON_INTEGER_FORMAT " shown", matching);
	top_line_add(l, "  own drops %" JSON_INTEGER_FORMAT, number_of(r->state, "local_drops"));
	top_line_fill(l);
}

/* ---- ports and workers ---- */

static json_t *numbered(const json_t *o, size_t number)
{
	char key[24];

	snprintf(key, sizeof(key), "%zu", number);
	return json_object_get(o, key);
}

static void add_port_heading(struct top_line *l)
{
	top_line_add(l, "%-14s %4s %8s %8s %7s %6s %6s %7s %7s", "PORT", "LINK", "RX", "TX",
		     "MISSED", "ERRORS", "DROPS", "UNACCRX", "UNACCTX");
}

/* What a driver's counters can't be believed about is not known. */
static void add_unaccounted(struct top_line *l, const json_t *law, const char *direction)
{
	char believed[24], unaccounted[24];

	snprintf(believed, sizeof(believed), "%s_believed", direction);
	snprintf(unaccounted, sizeof(unaccounted), "%s_unaccounted", direction);
	if (number_of(law, believed))
		add_count(l, 8, law, unaccounted);
	else
		top_line_field(l, -8, "?");
}

static void add_port(struct top_line *l, const json_t *port, const json_t *law)
{
	char text[CELL];

	top_line_field(l, 14, text_of(port, "name"));
	top_line_field(l, -5, number_of(port, "up") ? "up" : "DOWN");
	add_count(l, 9, port, "rx_packets");
	add_count(l, 9, port, "tx_packets");
	add_count(l, 8, port, "imissed");
	format_count(number_of(port, "ierrors") + number_of(port, "oerrors") +
			 number_of(port, "rx_nombuf"),
		     text);
	top_line_field(l, -7, text);
	format_count(number_of(port, "interface_drops") + number_of(port, "socket_drops"), text);
	top_line_field(l, -7, text);
	add_unaccounted(l, law, "rx");
	add_unaccounted(l, law, "tx");
}

static void add_worker_heading(struct top_line *l)
{
	top_line_add(l, "%-6s %8s %8s %8s %8s %9s %9s %9s", "WORKER", "RX", "TX", "ANSWERS",
		     "DROPS", "UNMATCHED", "GAP LAST", "GAP MAX");
}

static void add_worker(struct top_line *l, const json_t *worker, size_t number)
{
	top_line_add(l, "%-6zu", number);
	add_count(l, 9, worker, "rx_packets");
	add_count(l, 9, worker, "tx_packets");
	add_count(l, 9, worker, "answers");
	add_count(l, 9, worker, "all_drops");
	add_count(l, 10, worker, "all_unmatched");
	add_time(l, 10, worker, "poll_gap_last_ns");
	add_time(l, 10, worker, "poll_gap_max_ns");
}

static void add_clock(struct top_line *l, const json_t *clock)
{
	char skew[CELL];

	table_format_time(skew, sizeof(skew), (double)number_of(clock, "skew_ns"));
	top_line_add(
	    l, "clock   %s (%s), %" JSON_INTEGER_FORMAT " steps, skew %s, rate within %.3f ppm",
	    text_of(clock, "source"), text_of(clock, "reason"), number_of(clock, "steps"), skew,
	    (double)number_of(clock, "error_ppb") / 1e3);
}

static void add_rounds(struct top_line *l, const json_t *rounds)
{
	top_line_add(l,
		     "rounds  %s, %" JSON_INTEGER_FORMAT " completed, %" JSON_INTEGER_FORMAT
		     " skipped, %" JSON_INTEGER_FORMAT " unsent probes in the last",
		     text_of(rounds, "state"), number_of(rounds, "completed"),
		     number_of(rounds, "skipped"), number_of(rounds, "unsent"));
}

static void add_reload(struct top_line *l, const json_t *reload)
{
	top_line_add(l, "reload  %s%s%s", text_of(reload, "result"),
		     *text_of(reload, "error") ? ": " : "", text_of(reload, "error"));
}

bool top_format_inside(struct top_line *l, const json_t *inside, size_t number)
{
	const json_t *ports = json_object_get(inside, "ports");
	const json_t *workers = json_object_get(inside, "workers");
	size_t n_ports = json_object_size(ports), n_workers = json_array_size(workers);
	size_t worker = number - n_ports - 2;
	bool is_there = true;

	if (number == 0)
		add_port_heading(l);
	else if (number <= n_ports)
		add_port(l, numbered(ports, number - 1),
			 numbered(json_object_get(inside, "conservation"), number - 1));
	else if (number == n_ports + 1)
		add_worker_heading(l);
	else if (worker < n_workers)
		add_worker(l, json_array_get(workers, worker), worker);
	else if (worker == n_workers)
		add_clock(l, json_object_get(inside, "clock"));
	else if (worker == n_workers + 1)
		add_rounds(l, json_object_get(inside, "rounds"));
	else if (worker == n_workers + 2)
		add_reload(l, json_object_get(inside, "reload"));
	else
		is_there = false;
	top_line_fill(l);
	return is_there;
}
