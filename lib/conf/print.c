/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as YAML that reads back as the same configuration. */
#include <math.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>

#include "scalar.h"
#include "value.h"

static void print_map(const struct conf_map *map, const void *obj, int depth, bool in_list,
		      FILE *out);

/* What YAML lets stand in quotes as it is and doesn't take for the end of a line. */
static bool is_printable(uint32_t code)
{
	return (code >= 0x20 && code < 0x7f) ||
	       (code >= 0xa0 && code != 0x2028 && code != 0x2029 && code < 0xfe00) ||
	       code >= 0x10000;
}

/* A string as it is where that reads back as a string, else in double quotes. */
static void print_string(const char *text, FILE *out)
{
	struct conf_scalar s = {.text = text, .len = strlen(text), .plain = true};
	const char *safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./";

	if (s.len && strspn(text, safe) == s.len &&
	    conf_scalar_resolve(&s).type == CONF_SCALAR_STRING) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (size_t i = 0, n; i < s.len; i += n) {
		uint32_t code = (unsigned char)text[i];

		n = conf_utf8_decode((const unsigned char *)text + i, s.len - i, &code);
		if (!n)
			n = 1; /* not UTF-8: the byte's number stands for it */
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (is_printable(code) && (n > 1 || code < 0x80))
			fwrite(text + i, 1, n, out);
		else if (code < 0x10000)
			fprintf(out, "\\u%04x", code);
		else
			fprintf(out, "\\U%08x", code);
	}
	putc('"', out);
}

/* The shortest text that reads back as the same number. */
static void print_number(double value, FILE *out)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

static const char *word_of(const struct conf_key *key, const void *field)
{
	const struct conf_word *w = key->words;

	while (w->text && w->value != conf_int_get(key, field))
		w++;
	return w->text;
}

/* False for a field that is not set: it is not printed. */
static bool is_set(const struct conf_key *key, const void *field)
{
	const char *text;
	double number;

	switch (key->kind) {
	case CONF_STR:
	case CONF_NAME:
		memcpy(&text, field, sizeof(text));
		return text != NULL;
	case CONF_INT:
	case CONF_TIME:
	case CONF_DURATION:
		return (double)conf_int_get(key, field) >= key->min;
	case CONF_FLOAT:
		memcpy(&number, field, sizeof(number));
		return !isnan(number);
	case CONF_ENUM:
		return word_of(key, field) != NULL;
	case CONF_IP:
	case CONF_PREFIX:
		return ((const struct el_ip *)field)->family !=
		       0; /* a prefix begins with its address */
	case CONF_LIST:
		return conf_array_get(field).count || key->def;
	case CONF_MAP:
		if (key->map->is_there)
			return key->map->is_there(field);
		for (size_t i = 0; i < key->map->count; i++)
			if (is_set(&key->map->keys[i], conf_const_field(&key->map->keys[i], field)))
				return true;
		return false;
	case CONF_MAC: /* only where it is required */
	case CONF_BOOL:
	case CONF_NAMED:
		break;
	}
	return true;
}

static void print_scalar(const struct conf_key *key, const void *field, FILE *out)
{
	char buf[EL_IP_STRLEN];
	const char *text;
	double number;

	switch (key->kind) {
	case CONF_STR:
	case CONF_NAME:
		memcpy(&text, field, sizeof(text));
		print_string(text, out);
		break;
	case CONF_INT:
		fprintf(out, "%lld", (long long)conf_int_get(key, field));
		break;
	case CONF_FLOAT:
		memcpy(&number, field, sizeof(number));
		print_number(number, out);
		break;
	case CONF_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case CONF_ENUM:
		print_string(word_of(key, field), out);
		break;
	case CONF_IP:
		print_string(el_ip_format(field, buf), out);
		break;
	case CONF_PREFIX:
		print_string(el_prefix_format(field, buf), out);
		break;
	case CONF_MAC:
		print_string(ether_ntoa_r(field, buf), out);
		break;
	default:
		break;
	}
}

static void print_list(const struct conf_key *key, const void *field, int depth, FILE *out)
{
	struct conf_array a = conf_array_get(field);
	const char *items = a.items;

	if (key->item->map) {
		putc('\n', out);
		for (size_t i = 0; i < a.count; i++) {
			fprintf(out, "%*s- ", 2 * depth, "");
			print_map(key->item->map, items + i * key->item->map->size, depth + 1, true,
				  out);
		}
		return;
	}
	fputs(" [", out);
	for (size_t i = 0; i < a.count; i++) {
		fputs(i ? ", " : "", out);
		print_scalar(key->item, items + i * key->item->size, out);
	}
	fputs("]\n", out);
}

static void print_named(const struct conf_key *key, const void *field, int depth, FILE *out)
{
	struct conf_array a = conf_array_get(field);
	const char *item = a.items;

	fputs(a.count ? "\n" : " {}\n", out);
	for (size_t i = 0; i < a.count; i++, item += key->map->size) {
		const char *name;

		memcpy(&name, item, sizeof(name));
		fprintf(out, "%*s", 2 * depth, "");
		print_string(name, out);
		fputs(":\n", out);
		print_map(key->map, item, depth + 1, false, out);
	}
}

/* `in_list`: the first line is already indented and begun. */
static void print_map(const struct conf_map *map, const void *obj, int depth, bool in_list,
		      FILE *out)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		const void *field = conf_const_field(key, obj);

		if (key->deprecated || !is_set(key, field))
			continue;
		fprintf(out, "%*s%s:", in_list ? 0 : 2 * depth, "", key->name);
		in_list = false;
		if (key->kind == CONF_MAP) {
			putc('\n', out);
			print_map(key->map, field, depth + 1, false, out);
		} else if (key->kind == CONF_NAMED) {
			print_named(key, field, depth + 1, out);
		} else if (key->kind == CONF_LIST) {
			print_list(key, field, depth + 1, out);
		} else {
			putc(' ', out);
			print_scalar(key, field, out);
			putc('\n', out);
		}
	}
}

void el_conf_print(const struct el_conf *conf, FILE *out)
{
	print_map(&conf_root_map, conf, 0, false, out);
}
