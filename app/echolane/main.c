/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands.h"

#include <rte_version.h>

#include <sysexits.h>

#include "signals.h"

int main(int argc, char **argv)
{
	struct options options;
	struct el_error err;
	int status;

	signals_hold();
	if (options_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "echolane: %s\nTry \"echolane --help\".\n", err.text);
		return EX_USAGE;
	}
	if (options.command != COMMAND_RUN)
		signals_release();
	switch (options.command) {
	case COMMAND_HELP:
		options_print_help(stdout);
		status = 0;
		break;
	case COMMAND_VERSION:
		printf("echolane %s (%s)\n", EL_VERSION, rte_version());
		status = 0;
		break;
	case COMMAND_REFERENCE:
		el_conf_print_reference(stdout);
		status = 0;
		break;
	case COMMAND_CHECK:
		status = command_check(&options);
		break;
	default:
		status = command_run(&options);
		break;
	}
	options_fini(&options);
	return status;
}
