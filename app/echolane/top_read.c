/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows from the prober. */
#include <errno.h>
#include <stdio.h>

#include "top.h"

#define TRIES 5

void top_rows_fini(struct top_rows *r)
{
	json_decref(r->state);
	json_decref(r->rows);
	*r = (struct top_rows){0};
}

/* Takes the rows of a page, whose keys are their places, from `first` on. How many. */
static uint32_t take_rows(json_t *page, uint32_t first, json_t *rows)
{
	uint32_t n = 0;

	for (;; n++) {
		char key[12];
		json_t *row;

		snprintf(key, sizeof(key), "%u", first + n);
		row = json_object_get(page, key);
		if (!row)
			return n;
		json_array_append(rows, row);
		json_object_del(page, key);
	}
}

/* -EAGAIN: a page is of another order than those before. */
static int read_pages(struct inside *i, const struct top_query *q, struct top_rows *r,
		      struct el_error *err)
{
	uint32_t first = q->first, left = q->n, n;
	json_int_t order = 0;
	int code = 0;

	do {
		char command[64 + TOP_FILTER_MAX];
		json_t *page;

		snprintf(command, sizeof(command), "/echolane/top,%s,%u,%u,%s",
			 el_rank_names[q->key], left, first, q->filter);
		page = inside_ask(i, command, &code, err);
		if (!page)
			return code;
		if (first != q->first &&
		    json_integer_value(json_object_get(page, "order")) != order) {
			json_decref(page);
			return el_error_set(err, -EAGAIN,
					    "the order of the series changes while it is read");
		}
		order = json_integer_value(json_object_get(page, "order"));
		n = take_rows(page, first, r->rows);
		first += n;
		left -= left == TOP_ALL ? 0 : n;
		json_decref(r->state);
		r->state = page;
	} while (n > 0 && left > 0 &&
		 first < (uint32_t)json_integer_value(json_object_get(r->state, "matching")));
	return 0;
}

int top_read(struct inside *i, const struct top_query *q, struct top_rows *ret,
	     struct el_error *err)
{
	int code = -EAGAIN;

	for (int n = 0; code == -EAGAIN && n < TRIES; n++) {
		struct top_rows r = {.rows = json_array()};

		code = read_pages(i, q, &r, err);
		if (code < 0) {
			top_rows_fini(&r);
			continue;
		}
		top_find_percentiles(&r);
		*ret = r;
	}
	return code;
}

/* Adds the answer to a command under its name. */
static int add_answer(struct inside *i, json_t *all, const char *name, struct el_error *err)
{
	char command[64];
	json_t *answer;
	int code;

	snprintf(command, sizeof(command), "/echolane/%s", name);
	answer = inside_ask(i, command, &code, err);
	if (!answer)
		return code;
	json_object_set_new(all, name, answer);
	return 0;
}

static int add_workers(struct inside *i, json_t *all, struct el_error *err)
{
	json_t *workers = json_array(), *numbers, *answer;
	int code = 0;
	size_t n;

	json_object_set_new(all, "workers", workers);
	numbers = inside_ask(i, "/echolane/workers", &code, err);
	for (n = 0; numbers && n < json_array_size(numbers); n++) {
		char command[40];

		snprintf(command, sizeof(command), "/echolane/worker,%zu", n);
		answer = inside_ask(i, command, &code, err);
		if (!answer)
			break;
		json_array_append_new(workers, answer);
	}
	if (numbers && n == json_array_size(numbers))
		code = 0;
	json_decref(numbers);
	return code;
}

int top_read_inside(struct inside *i, json_t **ret, struct el_error *err)
{
	static const char *const names[] = {"info",   "ports", "conservation",
					    "rounds", "clock", "reload"};
	json_t *all = json_object();
	int code = 0;

	for (size_t n = 0; code == 0 && n < sizeof(names) / sizeof(names[0]); n++)
		code = add_answer(i, all, names[n], err);
	if (code == 0)
		code = add_workers(i, all, err);
	if (code == 0)
		*ret = all;
	else
		json_decref(all);
	return code;
}
