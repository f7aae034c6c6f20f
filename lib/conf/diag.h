/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Collects what there is to say about a file, in any order, and hands it out in that of its lines.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_conf.h"
#include "el_conf_table.h"

/* Errors are shown up to this number. */
#define CONF_DIAG_ERRORS_MAX 1000
/* Warnings that say the same of many places are shown this often, then only counted. */
#define CONF_DIAG_REPEATS_MAX 20
/* Kinds of repeated warnings that are told apart. */
#define CONF_DIAG_REPEATS 64

struct conf_diag_entry {
	struct conf_pos pos;
	size_t seq;
	bool is_error;
	char *text;
};

struct conf_diag_repeat {
	const char *topic;
	size_t count;
};

struct conf_diag_list {
	const char *file;
	struct conf_diag_entry *entries;
	size_t count, capacity;
	size_t errors;
	struct conf_diag_repeat repeats[CONF_DIAG_REPEATS];
	bool out_of_memory; /* something could not be noted, or its caller could not go on */
};

/* `path` (may be empty) is the key that the sentence is about. */
void conf_diag_add(struct conf_diag_list *list, bool is_error, struct conf_pos pos,
		   const char *path, const char *fmt, va_list args);
void conf_diag_error(struct conf_diag_list *list, struct conf_pos pos, const char *path,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void conf_diag_warning(struct conf_diag_list *list, struct conf_pos pos, const char *path,
		       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* True if a warning on `topic` (a constant, compared as a pointer) is still to be shown; it is
 * counted in either case, and what was not shown is told in a line of its own. */
bool conf_diag_repeat(struct conf_diag_list *list, const char *topic);

/* Moves everything to `ret_diags`, sorted, and frees the list. */
void conf_diag_finish(struct conf_diag_list *list, struct el_conf_diags *ret_diags);
