/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <rte_version.h>

#include <signal.h>
#include <sysexits.h>

#include "signals.h"
#include "output.h"

static void print_version(FILE *out)
{
	fprintf(out, "echolane %s (%s)\n", EL_VERSION, rte_version());
}

static int print_text(void (*print)(FILE *out))
{
	struct stdout_text o;

	if (stdout_begin(&o))
		print(o.stream);
	return stdout_end(&o);
}

int main(int argc, char **argv)
{
	struct options options;
	struct el_error err;
	int status;

	signals_hold();
	stdout_guard_streams();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write */
	if (options_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "echolane: %s\nTry \"echolane --help\".\n", err.text);
		return EX_USAGE;
	}
	if (options.command != COMMAND_RUN)
		signals_release();
	switch (options.command) {
	case COMMAND_HELP:
		status = print_text(options_print_help);
		break;
	case COMMAND_VERSION:
		status = print_text(print_version);
		break;
	case COMMAND_REFERENCE:
		status = print_text(el_conf_print_reference);
		break;
	case COMMAND_CHECK:
		status = command_check(&options);
		break;
	case COMMAND_TOP:
		status = command_top(&options);
		break;
	case COMMAND_PORTS:
		status = command_ports(&options);
		break;
	default:
		status = command_run(&options);
		break;
	}
	el_log_forget();
	options_fini(&options);
	return status;
}
