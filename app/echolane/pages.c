/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane-pages TEMPLATE`, run by the build: prints a template, a manual page or bash's
 * completion, with the tables of commands, options and configuration keys in the place of words
 * like @OPTIONS@. It is not installed. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "el_conf.h"
#include "option_table.h"

/* ---- text in mdoc(7) ---- */

#define MDOC_COLUMNS 70 /* that mandoc allows is 80, escapes included */

/* A word of text, code between backquotes in quotation marks. A dash that is no hyphen between
 * letters is to stay one. */
static int print_mdoc_word(FILE *out, const char *word, int len, bool *in_code)
{
	int columns = 0;

	for (int i = 0; i < len; i++) {
		if (word[i] == '`') {
			columns += fprintf(out, *in_code ? "\\(cq" : "\\(oq");
			*in_code = !*in_code;
		} else if (word[i] == '\\') {
			columns += fprintf(out, "\\e");
		} else if (word[i] == '-' && (i == 0 || !isalnum((unsigned char)word[i - 1]))) {
			columns += fprintf(out, "\\-");
		} else {
			fputc(word[i], out);
			columns++;
		}
	}
	return columns;
}

/* Whether a sentence ends with a word: "..." ends none. */
static bool ends_sentence(const char *word, int len)
{
	return len > 1 && word[len - 1] == '.' && word[len - 2] != '.';
}

/* Prints text as sentences that begin on a line of their own and end with a full stop. */
static void print_mdoc_text(FILE *out, const char *text)
{
	bool in_code = false, first = true;
	const char *word = text;
	int at = 0, len = 0;

	for (; *word; word += strspn(word, " ")) {
		len = (int)strcspn(word, " ");
		if (at > 0 && at + 1 + len > MDOC_COLUMNS) {
			fputc('\n', out);
			at = 0;
		} else if (at > 0) {
			fputc(' ', out);
			at++;
		}
		/* what begins a line may not look like a request */
		if (at == 0 && (*word == '.' || *word == '\''))
			at += fprintf(out, "\\&");
		if (first && strspn(word, "abcdefghijklmnopqrstuvwxyz,") == (size_t)len) {
			fputc(toupper((unsigned char)*word), out);
			at += 1 + print_mdoc_word(out, word + 1, len - 1, &in_code);
		} else {
			at += print_mdoc_word(out, word, len, &in_code);
		}
		first = false;
		word += len;
		if (*word && ends_sentence(word - len, len)) {
			fputc('\n', out);
			at = 0;
			first = true;
		}
	}
	fputs(len > 0 && word[-1] == '.' ? "\n" : ".\n", out);
}

/* ---- the tables ---- */

static void print_mdoc_commands(FILE *out)
{
	for (size_t i = 0; i < n_commands; i++) {
		const struct command_row *row = &command_table[i];

		fprintf(out, ".It Cm %s\n", row->name);
		print_mdoc_text(out, row->help);
	}
}

static void print_mdoc_options(FILE *out)
{
	for (size_t i = 0; i < n_options; i++) {
		const struct option_row *row = &option_table[i];

		fprintf(out, ".It Fl -%s", row->name);
		if (row->value && row->optional)
			fprintf(out, " Ns Op = Ns Ar %s", row->value);
		else if (row->value)
			fprintf(out, " Ar %s", row->value);
		fputc('\n', out);
		print_mdoc_text(out, row->help);
	}
}

struct mdoc_keys {
	FILE *out;
	bool in_list;
};

static void print_mdoc_section(void *ctx, const char *title)
{
	struct mdoc_keys *k = ctx;

	if (k->in_list)
		fputs(".El\n", k->out);
	fprintf(k->out, ".Ss %s\\&\n", title); /* what it ends with is no punctuation */
	fputs(".Bl -tag -width Ds\n", k->out);
	k->in_list = true;
}

static void print_mdoc_key(void *ctx, const struct el_conf_reference_key *key)
{
	struct mdoc_keys *k = ctx;
	char line[1024];
	struct el_str s = EL_STR_INIT(line);

	fprintf(k->out, ".It Ic %s\n", key->path);
	print_mdoc_text(k->out, key->meaning);
	el_str_addf(&s, "It is of type %s", key->type);
	if (*key->range)
		el_str_addf(&s, ", %s", key->range);
	if (*key->unit)
		el_str_addf(&s, ", in %s", key->unit);
	if (key->required)
		el_str_add(&s, ", and required");
	else if (*key->def)
		el_str_addf(&s, "; default: %s", key->def);
	print_mdoc_text(k->out, line);
}

static void print_mdoc_keys(FILE *out)
{
	struct mdoc_keys k = {.out = out};

	el_conf_tell_reference(&(struct el_conf_reference){
	    .section = print_mdoc_section, .key = print_mdoc_key, .ctx = &k});
	fputs(".El\n", out);
}

static void print_commands(FILE *out)
{
	for (size_t i = 0; i < n_commands; i++)
		fprintf(out, "%s%s", i ? " " : "", command_table[i].name);
}

static void print_commands_without_file(FILE *out)
{
	const char *separator = "";

	for (size_t i = 0; i < n_commands; i++) {
		if (command_table[i].takes_file)
			continue;
		fprintf(out, "%s%s", separator, command_table[i].name);
		separator = " | ";
	}
}

static void print_options(FILE *out)
{
	for (size_t i = 0; i < n_options; i++)
		fprintf(out, "%s--%s", i ? " " : "", option_table[i].name);
}

/* What may follow each option that has a value, as cases of bash. */
static void print_option_values(FILE *out)
{
	for (size_t i = 0; i < n_options; i++) {
		const struct option_row *row = &option_table[i];

		if (row->words)
			fprintf(out, "\t--%s) kind=word words='%s' ;;\n", row->name,
				row->words + 1);
		else if (row->optional)
			fprintf(out, "\t--%s=) kind=word words=%s ;;\n", row->name, row->value);
		else if (row->value)
			fprintf(out, "\t--%s) kind=%s ;;\n", row->name,
				row->is_folder ? "folder"
				: row->is_file ? "file"
					       : "text");
	}
}

/* ---- templates ---- */

struct table {
	const char *word;
	void (*print)(FILE *out);
};

static const struct table tables[] = {
    {"@MDOC_COMMANDS@", print_mdoc_commands},
    {"@MDOC_OPTIONS@", print_mdoc_options},
    {"@MDOC_KEYS@", print_mdoc_keys},
    {"@COMMANDS@", print_commands},
    {"@COMMANDS_WITHOUT_FILE@", print_commands_without_file},
    {"@OPTIONS@", print_options},
    {"@OPTION_VALUES@", print_option_values},
};

/* The table whose word `text` begins with, or NULL. */
static const struct table *find_table(const char *text)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strncmp(text, tables[i].word, strlen(tables[i].word)) == 0)
			return &tables[i];
	}
	return NULL;
}

/* A table alone on its line is one of lines, and ends the last of them itself. */
static void print_line(const char *line)
{
	const struct table *table = find_table(line);

	if (table && strcmp(line + strlen(table->word), "\n") == 0) {
		table->print(stdout);
		return;
	}
	while (*line) {
		table = find_table(line);
		if (table)
			table->print(stdout);
		else
			fputc(*line, stdout);
		line += table ? strlen(table->word) : 1;
	}
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];
	int failed;

	if (!in) {
		fputs("usage: echolane-pages TEMPLATE (a file that can be read)\n", stderr);
		return EX_USAGE;
	}
	while (fgets(line, sizeof(line), in))
		print_line(line);
	failed = ferror(in) | fclose(in) | fflush(stdout);
	return failed ? EX_IOERR : 0;
}
