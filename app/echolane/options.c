/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "el_rank.h"
#include "option_table.h"
#include "top.h"

/* Columns of --help. */
#define HELP_COLUMNS 92
#define COMMAND_COLUMN 14
#define OPTION_COLUMN 19

/* Fills lines with the words of `text`, from `column` to HELP_COLUMNS; the first begins at `at`. */
static void print_filled(const char *text, int at, int column, FILE *out)
{
	fprintf(out, "%*s", at < column ? column - at : 0, "");
	for (at = column; *text;) {
		int len = (int)strcspn(text, " ");

		if (at > column && at + 1 + len > HELP_COLUMNS) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		at += fprintf(out, "%s%.*s", at > column ? " " : "", len, text);
		text += len;
		text += *text == ' ';
	}
	fputc('\n', out);
}

static void print_option(const struct option_row *o, FILE *out)
{
	int at = fprintf(out, "  --%s", o->name);

	if (o->value)
		at += fprintf(out, o->optional ? "[=%s]" : " %s", o->value);
	if (at + 2 > OPTION_COLUMN) {
		fputc('\n', out);
		at = 0;
	}
	print_filled(o->help, at, OPTION_COLUMN, out);
}

void options_print_help(FILE *out)
{
	fputs("Usage: echolane [run] [OPTION]... [CONFIG] [-- EAL-ARGUMENT...]\n"
	      "       echolane check [OPTION]... [CONFIG]\n"
	      "       echolane ports [OPTION]... [CONFIG]\n"
	      "       echolane reference\n"
	      "       echolane top [OPTION]...\n"
	      "\n"
	      "Probes the targets of CONFIG (netprobify's YAML; default config.yaml) and publishes "
	      "loss\n"
	      "and round-trip time for Prometheus.\n"
	      "\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < n_commands; i++)
		print_filled(command_table[i].help, fprintf(out, "  %s", command_table[i].name),
			     COMMAND_COLUMN, out);
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < n_options; i++)
		print_option(&option_table[i], out);
	fputs(
	    "\n"
	    "Environment: PROM_USER and PROM_PASSWORD, if both are set, protect /metrics; "
	    "credentials of\n"
	    "systemd (LoadCredential) with these names do, too.\n"
	    "Exit status: 0 done; 64 wrong usage; 65 wrong configuration; 69 a port can't be had; "
	    "71 the\n"
	    "system has not enough of something (memory, descriptors, threads); 74 standard output "
	    "can't be\n"
	    "written; 70 any other failure. check: 0 also where something would not be probed.\n",
	    out);
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n == 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

static const struct option_row *find_option(int id)
{
	for (size_t i = 0; i < n_options; i++) {
		if (option_table[i].id == id)
			return &option_table[i];
	}
	return NULL;
}

/* Whether a value is one of the words that an option may have. */
static int check_word(int opt, const char *value, struct el_error *err)
{
	const struct option_row *row = find_option(opt);
	size_t len = strlen(value);

	for (const char *at = row->words; *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (len > 0 && strcspn(at, " ") == len && memcmp(at, value, len) == 0)
			return 0;
	}
	return el_error_set(err, -EINVAL, "--%s: expected one of%s, got \"%.60s\"", row->name,
			    row->words, value);
}

static int parse_rows(const char *text, uint32_t *ret, struct el_error *err)
{
	uint64_t n = 0;

	if (strcmp(text, "0") != 0 && (parse_number(text, &n) < 0 || n >= TOP_ALL))
		return el_error_set(err, -EINVAL, "--rows: expected a number, got \"%.60s\"", text);
	*ret = n ? (uint32_t)n : TOP_ALL;
	return 0;
}

static int parse_top_option(int opt, struct options *o, struct el_error *err)
{
	switch (opt) {
	case OPT_SOCKET:
		o->socket = optarg;
		return 0;
	case OPT_ONCE:
		o->once = true;
		return 0;
	case OPT_FORMAT:
		o->format = optarg;
		return check_word(opt, optarg, err);
	case OPT_SORT:
		o->sort = el_rank_find(optarg, strlen(optarg));
		return check_word(opt, optarg, err);
	case OPT_FILTER:
		o->filter = optarg;
		return strlen(optarg) < TOP_FILTER_MAX
			   ? 0
			   : el_error_set(err, -EINVAL, "--filter: %d bytes are the most",
					  TOP_FILTER_MAX - 1);
	case OPT_ROWS:
		return parse_rows(optarg, &o->rows, err);
	default:
		return -EINVAL;
	}
}

static int parse_option(int opt, struct options *o, struct el_error *err)
{
	switch (opt) {
	case 'h':
		o->command = COMMAND_HELP;
		return 0;
	case 'V':
		o->command = COMMAND_VERSION;
		return 0;
	case OPT_PORT:
		o->ports[o->n_ports++] = optarg;
		return 0;
	case OPT_ROUNDS:
		if (parse_number(optarg, &o->rounds) < 0)
			return el_error_set(
			    err, -EINVAL, "--rounds: expected a number from 1, got \"%s\"", optarg);
		return 0;
	case OPT_PRINT_METRICS:
		o->print_metrics = true;
		return 0;
	case OPT_PRINT_CONFIG:
		o->print_config = true;
		return 0;
	case OPT_TABLE:
		if (optarg && strcmp(optarg, "plain") != 0)
			return el_error_set(err, -EINVAL,
					    "--table: expected nothing or \"plain\", got \"%s\"",
					    optarg);
		o->table = optarg ? TABLE_PLAIN : TABLE_SCREEN;
		return 0;
	case OPT_PROBE:
		o->probe = true;
		return 0;
	case OPT_PROFILES:
		o->profile_dir = optarg;
		return 0;
	default:
		return parse_top_option(opt, o, err);
	}
}

static const struct command_row *find_command(const char *word)
{
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(word, command_table[i].name) == 0)
			return &command_table[i];
	}
	return NULL;
}

/* What a first word may have been meant to be: a command, or an option that others have as one. */
static const char *nearest_command(const char *word)
{
	static const char *const names[] = {"run", "check", "ports",  "reference",
					    "top", "help",  "version"};
	const char *nearest = el_nearest(word, names, sizeof(names) / sizeof(names[0]));

	if (nearest && strcmp(nearest, "help") == 0)
		return "--help";
	if (nearest && strcmp(nearest, "version") == 0)
		return "--version";
	return nearest;
}

/* A first word that is no command is a file, as it was to netprobify; unless there is no such file.
 */
static int check_first_word(const char *word, int n, struct el_error *err)
{
	const char *nearest = nearest_command(word);
	bool is_file = access(word, F_OK) == 0;

	if (!is_file && nearest)
		return el_error_set(
		    err, -EINVAL,
		    "\"%.100s\" is neither a command nor a file; did you mean \"%s\"?", word,
		    nearest);
	if (!is_file && n > 1)
		return el_error_set(
		    err, -EINVAL,
		    "\"%.100s\" is neither a command (run, check, ports, reference, top) "
		    "nor a "
		    "file",
		    word);
	return 0;
}

/* The words that are no options: a command, then the configuration. */
static int parse_words(int n, char **words, struct options *o, struct el_error *err)
{
	bool asked = o->command == COMMAND_HELP || o->command == COMMAND_VERSION;
	const struct command_row *command = n > 0 ? find_command(words[0]) : NULL;

	if (asked)
		return 0;
	if (command) {
		o->command = command->command;
		words++;
		n--;
	} else if (n > 0 && check_first_word(words[0], n, err) < 0) {
		return -EINVAL;
	}
	if (n > 0 && command && !command->takes_file)
		return el_error_set(err, -EINVAL, "%s takes no file, got \"%.100s\"", command->name,
				    words[0]);
	if (n > 1)
		return el_error_set(err, -EINVAL,
				    "expected one configuration file, \"%.100s\" is one too many",
				    words[1]);
	if (n == 1) {
		o->config = words[0];
		o->config_given = true;
	}
	return 0;
}

static int no_effect(const struct option_row *row, struct el_error *err)
{
	char text[64] = "";
	struct el_str s = EL_STR_INIT(text);

	for (size_t i = 0; i < n_commands; i++) {
		if (row->only_for & FOR(command_table[i].command))
			el_str_addf(&s, "%s%s", s.len ? " or " : "", command_table[i].name);
	}
	return el_error_set(err, -EINVAL, "--%s goes with the command %s", row->name, text);
}

/* Some options are for some commands alone, and others are not for `top`. */
static int check_command_effects(const struct options *o, const bool *given, struct el_error *err)
{
	bool is_top = o->command == COMMAND_TOP;

	if (o->command == COMMAND_HELP || o->command == COMMAND_VERSION)
		return 0;
	for (size_t i = 0; i < n_options; i++) {
		const struct option_row *row = &option_table[i];

		if (!given[i] || (row->only_for ? row->only_for & FOR(o->command) : !is_top))
			continue;
		if (is_top)
			return el_error_set(err, -EINVAL, "top has no option --%s", row->name);
		return no_effect(row, err);
	}
	if (is_top && !o->once && o->format)
		return el_error_set(err, -EINVAL, "--format goes with --once");
	if (is_top && !o->once && o->rows)
		return el_error_set(err, -EINVAL, "--rows goes with --once");
	if (is_top && o->n_eal_args)
		return el_error_set(err, -EINVAL, "top has no arguments for the EAL");
	return 0;
}

/* An option that would be without effect is a mistake. */
static int check_effects(const struct options *o, struct el_error *err)
{
	if (o->print_config && o->command != COMMAND_CHECK && o->command != COMMAND_HELP)
		return el_error_set(err, -EINVAL,
				    "--print-config goes with the command check: echolane check "
				    "--print-config CONFIG");
	if (o->command == COMMAND_PORTS && o->format && strcmp(o->format, "csv") == 0)
		return el_error_set(err, -EINVAL, "--format: ports has table and json, not csv");
	if (o->command == COMMAND_PORTS && !o->config_given && (o->probe || o->n_ports))
		return el_error_set(err, -EINVAL,
				    "--%s goes with a CONFIG: echolane ports --%s%s CONFIG",
				    o->probe ? "probe" : "port", o->probe ? "probe" : "port",
				    o->probe ? "" : " DEVICE");
	return 0;
}

/* A long option that is none, WORD being "--NAME" or "--NAME=VALUE". */
static int unknown_option(const char *word, struct el_error *err)
{
	const char *names[OPTIONS_MAX], *nearest;
	char name[64], all[256] = "";
	struct el_str s = EL_STR_INIT(name), list = EL_STR_INIT(all);
	size_t n = 0;

	el_str_addn(&s, word + 2, strcspn(word + 2, "="));
	for (; n < n_options; n++) {
		names[n] = option_table[n].name;
		if (strcmp(names[n], name) == 0)
			return el_error_set(err, -EINVAL, "--%s takes no value, got \"%.100s\"",
					    name, word + 2 + s.len + 1);
		if (strncmp(names[n], name, s.len) == 0)
			el_str_addf(&list, "%s--%s", list.len ? " or " : "", names[n]);
	}
	nearest = el_nearest(name, names, n);
	if (list.len)
		return el_error_set(err, -EINVAL, "--%s: did you mean %s?", name, all);
	if (nearest)
		return el_error_set(err, -EINVAL, "there is no option --%s; did you mean --%s?",
				    name, nearest);
	return el_error_set(err, -EINVAL, "there is no option --%s", name);
}

/* What getopt_long could not read: '?' or ':'. */
static int wrong_option(int opt, const char *word, struct el_error *err)
{
	for (size_t i = 0; opt == ':' && i < n_options; i++) {
		if (option_table[i].id == optopt)
			return el_error_set(err, -EINVAL, "%s: a value is missing: %s %s", word,
					    word, option_table[i].value);
	}
	if (strncmp(word, "--", 2) != 0)
		return el_error_set(err, -EINVAL, "there is no option -%c", optopt);
	return unknown_option(word, err);
}

/* The table as getopt_long wants it. */
static void list_options(struct option ret[OPTIONS_MAX + 1])
{
	memset(ret, 0, (OPTIONS_MAX + 1) * sizeof(*ret));
	for (size_t i = 0; i < n_options; i++) {
		const struct option_row *row = &option_table[i];

		ret[i] = (struct option){.name = row->name,
					 .has_arg = !row->value     ? no_argument
						    : row->optional ? optional_argument
								    : required_argument,
					 .val = row->id};
	}
}

int options_parse(int argc, char **argv, struct options *ret, struct el_error *err)
{
	struct options o = {.config = "config.yaml"};
	struct option long_options[OPTIONS_MAX + 1];
	bool given[OPTIONS_MAX] = {false};
	int end = argc, opt, ret_code = 0;

	list_options(long_options);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			end = i;
			break;
		}
	}
	if (end < argc) {
		o.eal_args = argv + end + 1;
		o.n_eal_args = (uint32_t)(argc - end - 1);
	}
	o.ports = calloc((size_t)argc + 1, sizeof(*o.ports));
	if (!o.ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	opterr = 0;
	while (ret_code == 0 && (opt = getopt_long(end, argv, ":hV", long_options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			ret_code = wrong_option(opt, argv[optind - 1], err);
		else
			ret_code = parse_option(opt, &o, err);
		if (ret_code == 0)
			given[find_option(opt) - option_table] = true;
	}
	if (ret_code == 0)
		ret_code = parse_words(end - optind, argv + optind, &o, err);
	if (ret_code == 0)
		ret_code = check_effects(&o, err);
	if (ret_code == 0)
		ret_code = check_command_effects(&o, given, err);
	if (ret_code == 0 && o.once && !o.rows)
		o.rows = TOP_ROWS;
	if (ret_code < 0) {
		options_fini(&o);
		return ret_code;
	}
	*ret = o;
	return 0;
}

void options_fini(struct options *options)
{
	free(options->ports);
	options->ports = NULL;
}
