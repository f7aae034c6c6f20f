/* SPDX-License-Identifier: BSD-3-Clause */
#include "value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_str.h"
#include "when.h"

#define STRING_MAX 4096
#define NAME_MAX_BYTES 255

static void int_set(void *field, size_t size, int64_t value)
{
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (size) {
	case 1:
		memcpy(field, &u8, size);
		break;
	case 2:
		memcpy(field, &u16, size);
		break;
	case 4:
		memcpy(field, &u32, size);
		break;
	default:
		memcpy(field, &value, sizeof(value));
	}
}

int64_t conf_int_get(const struct conf_key *key, const void *field)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	int64_t i64;

	switch (key->size) {
	case 1:
		memcpy(&u8, field, sizeof(u8));
		return u8;
	case 2:
		memcpy(&u16, field, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, field, sizeof(u32));
		return key->unset ? (int32_t)u32 : (int64_t)u32;
	default:
		memcpy(&i64, field, sizeof(i64));
		return i64;
	}
}

static void add_range(struct el_str *out, const struct conf_key *key)
{
	if (key->kind == CONF_INT)
		el_str_addf(out, " from %.0f to %.0f", key->min, key->max);
	else
		el_str_addf(out, " from %.10g to %.10g", key->min, key->max);
}

/* One of the words, in quotes where it is several. */
static void add_word(struct el_str *out, const struct conf_word *words, const struct conf_word *w)
{
	const char *quote = strchr(w->text, ' ') ? "\"" : "";

	if (w != words)
		el_str_add(out, w[1].text ? ", " : " or ");
	el_str_addf(out, "%s%s%s", quote, w->text, quote);
}

char *conf_value_expected(const struct conf_key *key, char *buf, size_t cap)
{
	const char *const by_family[] = {[0] = "IPv4 or IPv6", [4] = "IPv4", [6] = "IPv6"};
	struct el_str out;

	el_str_init(&out, buf, cap);
	switch (key->kind) {
	case CONF_STR:
		el_str_add(&out, key->what ? key->what : "a string");
		break;
	case CONF_NAME:
		el_str_add(&out, "a name of a-z, 0-9, \"_\", \"-\" and \".\"");
		break;
	case CONF_INT:
		el_str_add(&out, "an integer");
		add_range(&out, key);
		break;
	case CONF_FLOAT:
		el_str_add(&out, "a number");
		add_range(&out, key);
		break;
	case CONF_BOOL:
		el_str_add(&out, "true or false");
		break;
	case CONF_ENUM:
		for (const struct conf_word *w = key->words; w->text; w++)
			add_word(&out, key->words, w);
		break;
	case CONF_IP:
		el_str_addf(&out, "an %s address", by_family[key->family]);
		break;
	case CONF_PREFIX:
		el_str_addf(&out, "an %s prefix", by_family[key->family]);
		break;
	case CONF_MAC:
		el_str_add(&out, "a unicast MAC address (02:00:00:00:00:01)");
		break;
	case CONF_TIME:
		el_str_add(&out, "an RFC 3339 time (2024-05-01T12:00:00Z)");
		break;
	case CONF_DURATION:
		el_str_addf(&out, "seconds from 0 to %.0f, or a time such as \"1d 3h 2m\"",
			    key->max);
		break;
	case CONF_MAP:
	case CONF_NAMED:
		el_str_add(&out, "a map");
		break;
	case CONF_LIST:
		el_str_add(&out, "a list");
		break;
	}
	return buf;
}

/* "expected ..., got ..."; `hint` follows in brackets unless it is NULL. */
static int unexpected(const struct conf_key *key, const struct conf_scalar *s, const char *hint,
		      struct el_error *err)
{
	char expected[192], got[192];

	return el_error_set(err, -EINVAL, "expected %s, got %s%s%s%s",
			    conf_value_expected(key, expected, sizeof(expected)),
			    conf_scalar_show(s, got, sizeof(got)), hint ? " (" : "",
			    hint ? hint : "", hint ? ")" : "");
}

/* Where it is only its quotes that make a scalar a string. */
static const char *quotes_hint(const struct conf_key *key, const struct conf_scalar *s)
{
	struct conf_scalar bare = {.text = s->text, .len = s->len, .plain = true};
	struct conf_scalar_value v = conf_scalar_resolve(&bare);
	bool fits = key->kind == CONF_INT    ? v.type == CONF_SCALAR_INT
		    : key->kind == CONF_BOOL ? v.type == CONF_SCALAR_BOOL
					     : !isnan(v.number);

	return fits && !s->plain ? "write it without quotes" : NULL;
}

static bool is_name(const struct conf_scalar *s)
{
	return s->len && s->len <= NAME_MAX_BYTES &&
	       strspn(s->text, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == s->len;
}

bool el_conf_is_name(const char *text)
{
	struct conf_scalar s = {.text = text, .len = strlen(text)};

	return is_name(&s);
}

static int set_time(const struct conf_key *key, const struct conf_scalar *s, void *field,
		    struct el_error *err)
{
	struct conf_scalar_value v = conf_scalar_resolve(s);
	int64_t seconds = 0;
	int rc = -EINVAL;

	if (v.type == CONF_SCALAR_STRING && strlen(s->text) == s->len)
		rc = key->kind == CONF_TIME ? conf_time_parse(s->text, &seconds)
					    : conf_duration_parse(s->text, &seconds);
	else if (v.type == CONF_SCALAR_INT && key->kind == CONF_DURATION) {
		seconds = v.integer;
		rc = 0;
	}
	if (rc < 0 || seconds < 0 || (key->kind == CONF_DURATION && (double)seconds > key->max))
		return unexpected(key, s, NULL, err);
	memcpy(field, &seconds, sizeof(seconds));
	return 0;
}

static int set_string(const struct conf_key *key, const struct conf_scalar *s, void *field,
		      struct el_error *err)
{
	struct conf_scalar_value v = conf_scalar_resolve(s);
	char *copy, *old;

	if (v.type != CONF_SCALAR_STRING && !key->parse)
		return unexpected(key, s, v.type == CONF_SCALAR_NULL ? NULL : "write it in quotes",
				  err);
	if (key->what && s->len == 0)
		return unexpected(key, s, NULL, err);
	if (key->kind == CONF_NAME && !is_name(s))
		return unexpected(key, s, s->len > NAME_MAX_BYTES ? "at most 255 characters" : NULL,
				  err);
	if (s->len > STRING_MAX && !key->parse)
		return el_error_set(err, -EINVAL, "expected at most %d characters, got %zu",
				    STRING_MAX, s->len);
	if (strlen(s->text) != s->len)
		return unexpected(key, s, "it holds a NUL character", err);
	if (key->parse)
		return key->parse(key, s->text, field) ? 0 : unexpected(key, s, NULL, err);
	copy = strdup(s->text);
	if (!copy)
		return -ENOMEM;
	memcpy(&old, field, sizeof(old));
	free(old);
	memcpy(field, &copy, sizeof(copy));
	return 0;
}

static int set_number(const struct conf_key *key, const struct conf_scalar *s, void *field,
		      struct el_error *err)
{
	struct conf_scalar_value v = conf_scalar_resolve(s);

	if (key->kind == CONF_INT && v.type != CONF_SCALAR_INT)
		return unexpected(key, s, quotes_hint(key, s), err);
	if (isnan(v.number) || v.number < key->min || v.number > key->max)
		return unexpected(key, s, quotes_hint(key, s), err);
	if (key->kind == CONF_INT)
		int_set(field, key->size, v.integer);
	else
		memcpy(field, &v.number, sizeof(v.number));
	return 0;
}

static int set_word(const struct conf_key *key, const struct conf_scalar *s, void *field,
		    struct el_error *err)
{
	struct conf_scalar_value v = conf_scalar_resolve(s);
	const char *word = v.type != CONF_SCALAR_BOOL ? s->text : v.boolean ? "yes" : "no";
	int64_t bits = 0;

	for (const struct conf_word *w = key->words; w->text; w++)
		if (strcmp(w->text, word) == 0 && strlen(s->text) == s->len) {
			if (key->bits)
				memcpy(&bits, field, sizeof(bits));
			int_set(field, key->bits ? sizeof(bits) : key->size, bits | w->value);
			return 0;
		}
	return unexpected(key, s, NULL, err);
}

static int set_address(const struct conf_key *key, const struct conf_scalar *s, void *field,
		       struct el_error *err)
{
	struct el_prefix p = {0};
	int rc;

	if (conf_scalar_resolve(s).type != CONF_SCALAR_STRING || strlen(s->text) != s->len)
		return unexpected(key, s, NULL, err);
	rc = key->kind == CONF_IP ? el_ip_parse(s->text, &p.ip) : el_prefix_parse(s->text, &p);
	if (rc < 0 || (key->family && p.ip.family != key->family))
		return unexpected(key, s, NULL, err);
	if (key->kind == CONF_IP)
		memcpy(field, &p.ip, sizeof(p.ip));
	else
		memcpy(field, &p, sizeof(p));
	return 0;
}

static int set_mac(const struct conf_key *key, const struct conf_scalar *s, void *field,
		   struct el_error *err)
{
	static const uint8_t zero[6];
	uint8_t mac[6];
	int end = 0;

	/* the text decides: digits with colons can be a number of base 60 in YAML 1.1 */
	if (strspn(s->text, "0123456789abcdefABCDEF:") != s->len ||
	    sscanf(s->text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &end) != 6 ||
	    (size_t)end != s->len || (mac[0] & 1) || memcmp(mac, zero, sizeof(zero)) == 0)
		return unexpected(key, s, NULL, err);
	memcpy(field, mac, sizeof(mac));
	return 0;
}

int conf_value_set(const struct conf_key *key, const struct conf_scalar *s, void *field,
		   struct el_error *err)
{
	bool value;

	switch (key->kind) {
	case CONF_STR:
	case CONF_NAME:
		return set_string(key, s, field, err);
	case CONF_INT:
	case CONF_FLOAT:
		return set_number(key, s, field, err);
	case CONF_ENUM:
		return set_word(key, s, field, err);
	case CONF_IP:
	case CONF_PREFIX:
		return set_address(key, s, field, err);
	case CONF_MAC:
		return set_mac(key, s, field, err);
	case CONF_TIME:
	case CONF_DURATION:
		return set_time(key, s, field, err);
	case CONF_BOOL:
		if (conf_scalar_resolve(s).type != CONF_SCALAR_BOOL)
			return unexpected(key, s, quotes_hint(key, s), err);
		value = conf_scalar_resolve(s).boolean;
		memcpy(field, &value, sizeof(value));
		return 0;
	case CONF_MAP:
	case CONF_NAMED:
	case CONF_LIST:
		break;
	}
	return unexpected(key, s, NULL, err);
}

static int default_list_set(const struct conf_key *key, void *field)
{
	const char *p = key->def;
	size_t count = 1, i = 0;
	char word[64];
	void *items;
	int rc = 0;

	for (const char *q = p; *q; q++)
		count += *q == ',';
	items = calloc(count, key->item->size);
	if (!items)
		return -ENOMEM;
	conf_array_set(field, items, count);
	while (rc == 0 && i < count) {
		size_t len = strcspn(p, ",");
		struct el_str out = EL_STR_INIT(word);

		el_str_addn(&out, p, len);
		rc = conf_value_set(key->item, &(struct conf_scalar){word, out.len, true},
				    (char *)items + i++ * key->item->size, NULL);
		p += len + strspn(p + len, ", ");
	}
	return rc;
}

int conf_default_set(const struct conf_key *key, void *obj)
{
	void *field = conf_field(key, obj);
	struct conf_scalar s = {.plain = true};
	double nan_value = NAN;

	if (key->kind == CONF_MAP)
		return conf_defaults_set(key->map, field);
	if (!key->def) {
		if (key->unset && key->kind != CONF_FLOAT)
			int_set(field, key->size, EL_CONF_UNSET);
		else if (key->unset)
			memcpy(field, &nan_value, sizeof(nan_value));
		return 0;
	}
	if (key->kind == CONF_LIST)
		return default_list_set(key, field);
	s.text = key->def;
	s.len = strlen(key->def);
	return conf_value_set(key, &s, field, NULL);
}

int conf_defaults_set(const struct conf_map *map, void *obj)
{
	int rc = 0;

	for (size_t i = 0; i < map->count && rc == 0; i++)
		rc = conf_default_set(&map->keys[i], obj);
	return rc;
}

static void release_array(const struct conf_key *key, void *field)
{
	struct conf_array a = conf_array_get(field);
	const struct conf_map *map = key->kind == CONF_NAMED ? key->map : key->item->map;
	size_t size = map ? map->size : key->item->size;

	for (size_t i = 0; i < a.count; i++) {
		char *item = (char *)a.items + i * size, *text;

		if (map)
			conf_map_release(map, item);
		if (key->kind == CONF_NAMED ||
		    (!map && (key->item->kind == CONF_STR || key->item->kind == CONF_NAME))) {
			memcpy(&text, item, sizeof(text));
			free(text);
		}
	}
	free(a.items);
	conf_array_set(field, NULL, 0);
}

void conf_map_release(const struct conf_map *map, void *obj)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		void *field = conf_field(key, obj);
		char *text;

		if (key->kind == CONF_MAP) {
			conf_map_release(key->map, field);
		} else if (key->fixed || key->parse) {
			continue;
		} else if (key->kind == CONF_NAMED || key->kind == CONF_LIST) {
			release_array(key, field);
		} else if (key->kind == CONF_STR || key->kind == CONF_NAME) {
			memcpy(&text, field, sizeof(text));
			free(text);
			text = NULL;
			memcpy(field, &text, sizeof(text));
		}
	}
}
