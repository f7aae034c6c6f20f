/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The sub-commands; each returns the exit status of the program. */
#include "el_conf.h"
#include "options.h"

int command_run(const struct options *options);
int command_check(const struct options *options);

/* Loads the configuration that the options name, with their ports, and prints all there is to say
 * about it to standard error. 0, or the exit status. */
int load_configuration(const struct options *options, struct el_conf **ret_conf);
