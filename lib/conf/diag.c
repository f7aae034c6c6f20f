/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_str.h"

static void append(struct conf_diag_list *list, bool is_error, struct conf_pos pos,
		   const char *text)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		void *entries = realloc(list->entries, capacity * sizeof(*list->entries));

		if (!entries) {
			list->out_of_memory = true;
			return;
		}
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count] = (struct conf_diag_entry){
	    .pos = pos, .seq = list->count, .is_error = is_error, .text = strdup(text)};
	if (list->entries[list->count].text)
		list->count++;
	else
		list->out_of_memory = true;
}

void conf_diag_add(struct conf_diag_list *list, bool is_error, struct conf_pos pos,
		   const char *path, const char *fmt, va_list args)
{
	char line[1536], sentence[768];
	struct el_str out = EL_STR_INIT(line);

	if (is_error && list->errors++ >= CONF_DIAG_ERRORS_MAX)
		return;
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	el_str_add(&out, list->file);
	if (pos.line)
		el_str_addf(&out, ":%u:%u", pos.line, pos.col);
	el_str_addf(&out, ": %s%s%s", path, *path ? ": " : "", sentence);
	append(list, is_error, pos, line);
}

void conf_diag_error(struct conf_diag_list *list, struct conf_pos pos, const char *path,
		     const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	conf_diag_add(list, true, pos, path, fmt, args);
	va_end(args);
}

void conf_diag_warning(struct conf_diag_list *list, struct conf_pos pos, const char *path,
		       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	conf_diag_add(list, false, pos, path, fmt, args);
	va_end(args);
}

bool conf_diag_repeat(struct conf_diag_list *list, const char *topic)
{
	for (size_t i = 0; i < CONF_DIAG_REPEATS; i++) {
		struct conf_diag_repeat *r = &list->repeats[i];

		if (r->topic && r->topic != topic)
			continue;
		r->topic = topic;
		return r->count++ < CONF_DIAG_REPEATS_MAX;
	}
	return true;
}

static void add_counts(struct conf_diag_list *list)
{
	char line[512];
	struct el_str out;

	for (size_t i = 0; i < CONF_DIAG_REPEATS && list->repeats[i].topic; i++) {
		struct conf_diag_repeat *r = &list->repeats[i];

		if (r->count <= CONF_DIAG_REPEATS_MAX)
			continue;
		el_str_init(&out, line, sizeof(line));
		el_str_addf(&out, "%s: %s: %zu more warnings like the ones above", list->file,
			    r->topic, r->count - CONF_DIAG_REPEATS_MAX);
		append(list, false, (struct conf_pos){.line = UINT32_MAX}, line);
	}
	if (list->errors > CONF_DIAG_ERRORS_MAX) {
		el_str_init(&out, line, sizeof(line));
		el_str_addf(&out, "%s: %zu more errors are not shown", list->file,
			    list->errors - CONF_DIAG_ERRORS_MAX);
		append(list, true, (struct conf_pos){.line = UINT32_MAX}, line);
	}
}

static int by_position(const void *a, const void *b)
{
	const struct conf_diag_entry *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.col != y->pos.col)
		return x->pos.col < y->pos.col ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void conf_diag_finish(struct conf_diag_list *list, struct el_conf_diags *ret_diags)
{
	struct el_conf_diags diags = {0};

	if (list->out_of_memory)
		append(list, true, (struct conf_pos){0},
		       "out of memory while reading the configuration");
	add_counts(list);
	if (list->count) {
		qsort(list->entries, list->count, sizeof(*list->entries), by_position);
		diags.items = calloc(list->count, sizeof(*diags.items));
	}
	for (size_t i = 0; i < list->count; i++) {
		if (!diags.items) {
			free(list->entries[i].text);
			continue;
		}
		diags.items[i].is_error = list->entries[i].is_error;
		diags.items[i].text = list->entries[i].text;
		diags.errors += list->entries[i].is_error;
		diags.count++;
	}
	free(list->entries);
	list->entries = NULL;
	list->count = list->capacity = 0;
	*ret_diags = diags;
}

void el_conf_diags_fini(struct el_conf_diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		free(diags->items[i].text);
	free(diags->items);
	*diags = (struct el_conf_diags){0};
}
