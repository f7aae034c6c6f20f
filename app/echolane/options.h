/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The command line, and the sub-commands. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "el_conf.h"

enum table_mode { TABLE_NONE, TABLE_SCREEN, TABLE_PLAIN };

struct options {
	enum {
		COMMAND_RUN,
		COMMAND_CHECK,
		COMMAND_PORTS,
		COMMAND_REFERENCE,
		COMMAND_TOP,
		COMMAND_HELP,
		COMMAND_VERSION
	} command;
	const char *config; /* default config.yaml */
	bool config_given;
	const char **ports; /* --port, in order; owned (the strings are argv's) */
	uint32_t n_ports;
	uint64_t rounds; /* 0: until stopped */
	bool print_metrics;
	bool print_config;
	bool probe;
	enum table_mode table;
	const char *profile_dir; /* NULL: the usual places */
	const char *socket;      /* top: NULL: the usual places */
	bool once;               /* likewise, as the next ones */
	const char *format;      /* NULL: not given */
	int sort;                /* an enum el_rank_key */
	const char *filter;      /* NULL: none */
	uint32_t rows;           /* TOP_ALL: all */
	char **eal_args;         /* behind --; argv's */
	uint32_t n_eal_args;
};

/* 0, or -EINVAL with a sentence. */
int options_parse(int argc, char **argv, struct options *ret, struct el_error *err);
void options_fini(struct options *options);
void options_print_help(FILE *out);

/* The sub-commands; each returns the exit status of the program. */
int command_run(const struct options *options);
int command_check(const struct options *options);
int command_ports(const struct options *options);
int command_top(const struct options *options);

/* Loads the configuration that the options name, with their ports, and prints all there is to say
 * about it to standard error. 0, or the exit status. */
int load_configuration(const struct options *options, struct el_conf **ret_conf);
