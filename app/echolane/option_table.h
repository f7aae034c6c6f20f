/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The tables of commands and options. The parser, --help, the manual page and bash's completion are
 * made from them. */
#include <stdbool.h>
#include <stddef.h>

struct command_row {
	const char *name;
	int command;     /* COMMAND_... of options.h */
	bool takes_file; /* a configuration may follow */
	const char *help;
};

/* What getopt_long returns for an option; one that has a letter, too, has that letter instead. */
enum option_id {
	OPT_PORT = 256,
	OPT_ROUNDS,
	OPT_PRINT_METRICS,
	OPT_PRINT_CONFIG,
	OPT_TABLE,
	OPT_PROFILES,
	OPT_SOCKET,
	OPT_ONCE,
	OPT_FORMAT,
	OPT_SORT,
	OPT_FILTER,
	OPT_ROWS,
	OPT_PROBE
};

#define FOR(command) (1 << (command))

struct option_row {
	const char *name;  /* without the two dashes */
	int id;            /* an enum option_id or a letter */
	const char *value; /* how it is called, or what it may be; NULL: the option has none */
	bool optional;     /* it may be left out, and is separated by = */
	bool is_folder;    /* of the value */
	bool is_file;      /* likewise */
	int only_for; /* bits of commands, FOR(COMMAND_...), where it has an effect; 0: all but top
		       */
	/* What the value may be, separated by spaces; NULL: anything, or what `value` says where it
	 * may be left out. */
	const char *words;
	const char *help; /* NULL: the name says it */
};

#define OPTIONS_MAX 16 /* in the table */

extern const struct command_row command_table[];
extern const size_t n_commands;
extern const struct option_row option_table[];
extern const size_t n_options;
