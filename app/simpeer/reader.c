/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "script.h"

/* Keys of one map, at most; each table is far shorter. */
#define KEYS_MAX 64

int simpeer_reader_fail(struct simpeer_reader *r, const yaml_node_t *node, const char *fmt, ...)
{
	char text[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return el_error_set(r->err, -EINVAL, "%s:%zu:%zu: %s", r->file,
			    node ? node->start_mark.line + 1 : 1,
			    node ? node->start_mark.column + 1 : 1, text);
}

const char *simpeer_reader_text(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	if (strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
		return NULL; /* a NUL inside */
	return (const char *)node->data.scalar.value;
}

static int expected(struct simpeer_reader *r, const yaml_node_t *node,
		    const struct simpeer_key *key, const char *what)
{
	const char *text = simpeer_reader_text(node);

	if (!text)
		return simpeer_reader_fail(r, node, "%s: expected %s", key->name, what);
	return simpeer_reader_fail(r, node, "%s: expected %s, got \"%.64s\"", key->name, what,
				   text);
}

int simpeer_reader_map(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *keys,
		       void *object)
{
	bool seen[KEYS_MAX] = {false};

	if (!node || node->type != YAML_MAPPING_NODE)
		return simpeer_reader_fail(r, node, "expected a map of keys and values");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(r->doc, p->key);
		yaml_node_t *v = yaml_document_get_node(r->doc, p->value);
		const char *name = simpeer_reader_text(k);
		size_t i = 0;
		int rc;

		if (!name)
			return simpeer_reader_fail(r, k ? k : node, "expected a key");
		while (keys[i].name && strcmp(keys[i].name, name) != 0)
			i++;
		if (!keys[i].name || i >= KEYS_MAX)
			return simpeer_reader_fail(r, k, "unknown key \"%.64s\"", name);
		if (seen[i])
			return simpeer_reader_fail(r, k, "key \"%s\" is given twice", name);
		seen[i] = true;
		rc = keys[i].read(r, v, &keys[i], (char *)object + keys[i].offset);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool parse_u64(const char *text, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

int simpeer_read_u64(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field)
{
	const char *text = simpeer_reader_text(node);
	char what[96];
	uint64_t v;

	if (!text || !parse_u64(text, &v) || v < key->min || v > key->max) {
		snprintf(what, sizeof(what), "an integer from %llu to %llu",
			 (unsigned long long)key->min, (unsigned long long)key->max);
		return expected(r, node, key, what);
	}
	*(uint64_t *)field = v;
	return 0;
}

int simpeer_read_u32(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field)
{
	uint64_t v;
	int rc = simpeer_read_u64(r, node, key, &v);

	if (rc == 0)
		*(uint32_t *)field = (uint32_t)v;
	return rc;
}

int simpeer_read_u16(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field)
{
	uint64_t v;
	int rc = simpeer_read_u64(r, node, key, &v);

	if (rc == 0)
		*(uint16_t *)field = (uint16_t)v;
	return rc;
}

int simpeer_read_bool(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		      void *field)
{
	const char *text = simpeer_reader_text(node);

	if (text && strcmp(text, "true") == 0)
		*(bool *)field = true;
	else if (text && strcmp(text, "false") == 0)
		*(bool *)field = false;
	else
		return expected(r, node, key, "true or false");
	return 0;
}

int simpeer_read_word_u8(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
			 void *field)
{
	const char *text = simpeer_reader_text(node);
	char what[256];
	struct el_str s = EL_STR_INIT(what);

	for (size_t i = 0; key->words[i]; i++) {
		if (text && strcmp(text, key->words[i]) == 0) {
			*(uint8_t *)field = (uint8_t)i;
			return 0;
		}
		el_str_addf(&s, "%s%s", i ? ", " : "one of ", key->words[i]);
	}
	return expected(r, node, key, what);
}

int simpeer_read_ipv4(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		      void *field)
{
	const char *text = simpeer_reader_text(node);
	struct el_ip ip;

	if (!text || el_ip_parse(text, &ip) < 0 || ip.family != 4)
		return expected(r, node, key, "an IPv4 address");
	*(uint32_t *)field = el_ip_v4(&ip);
	return 0;
}

int simpeer_read_prefix(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
			void *field)
{
	const char *text = simpeer_reader_text(node);
	struct simpeer_prefix *p = field;
	struct el_prefix prefix;

	if (!text || el_prefix_parse(text, &prefix) < 0 || prefix.ip.family != 4)
		return expected(r, node, key, "an IPv4 address or prefix");
	p->mask = prefix.len ? htonl(UINT32_MAX << (32 - prefix.len)) : 0;
	p->net = el_ip_v4(&prefix.ip) & p->mask;
	return 0;
}

int simpeer_read_prefixes(struct simpeer_reader *r, yaml_node_t *node,
			  const struct simpeer_key *key, void *field)
{
	struct simpeer_prefixes *list = field;

	if (!node || node->type != YAML_SEQUENCE_NODE)
		return expected(r, node, key, "a list of IPv4 addresses or prefixes");
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		int rc;

		if (list->n == SIMPEER_PREFIXES_MAX)
			return simpeer_reader_fail(r, item, "%s: more than %d entries", key->name,
						   SIMPEER_PREFIXES_MAX);
		rc = simpeer_read_prefix(r, item, key, &list->v[list->n]);
		if (rc < 0)
			return rc;
		list->n++;
	}
	return 0;
}

int simpeer_read_ports(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		       void *field)
{
	const char *text = simpeer_reader_text(node);
	struct simpeer_ports *ports = field;
	char first[8] = "";
	uint64_t a, z;
	const char *dash = text ? strchr(text, '-') : NULL;

	if (!text || (size_t)((dash ? dash : text) - text) >= sizeof(first))
		return expected(r, node, key, "a port or a range as 80-90");
	if (dash)
		memcpy(first, text, (size_t)(dash - text));
	if (!parse_u64(dash ? first : text, &a) || !parse_u64(dash ? dash + 1 : text, &z) ||
	    a > z || z > 65535)
		return expected(r, node, key, "a port or a range as 80-90");
	ports->first = (uint16_t)a;
	ports->last = (uint16_t)z;
	return 0;
}
