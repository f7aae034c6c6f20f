/* SPDX-License-Identifier: BSD-3-Clause */
#include "reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_begin(struct reply *r, struct rte_tel_data *d)
{
	*r = (struct reply){.d = d, .bytes = 2};
	rte_tel_data_start_dict(d);
}

static void count(struct reply *r, const char *name, size_t value_bytes)
{
	r->bytes += strlen("\"\":,") + strlen(name) + value_bytes;
	r->entries++;
}

void reply_u64(struct reply *r, const char *name, uint64_t value)
{
	count(r, name, (size_t)snprintf(NULL, 0, "%" PRIu64, value));
	rte_tel_data_add_dict_u64(r->d, name, value);
}

/* What fits of a text, in whole characters of UTF-8. DPDK 22.11 reads past its own memory where a
 * string has a byte above 127 (it takes it for a negative number and looks that up), and leaves
 * control characters out. How many bytes of the text it is. */
static size_t escape(const char *text, char ret[RTE_TEL_MAX_STRING_LEN])
{
	size_t len = 0, whole = 0;
	const char *first = text; /* of the character */

	const char *at = text;

	for (; *at; at++) {
		unsigned char c = (unsigned char)*at;
		bool plain = c >= ' ' && c < 0x7f && c != '\\';
		size_t n = plain ? 1 : strlen("\\xNN");

		if ((c & 0xc0) != 0x80) {
			whole = len;
			first = at;
		}
		if (len + n >= RTE_TEL_MAX_STRING_LEN)
			break;
		if (plain)
			ret[len] = (char)c;
		else
			snprintf(ret + len, n + 1, "\\x%02x", c);
		len += n;
	}
	/* a character that is longer than a string is none */
	if (*at && whole > 0) {
		len = whole;
		at = first;
	}
	ret[len] = '\0';
	return (size_t)(at - text);
}

static size_t add_text(struct reply *r, const char *name, const char *text)
{
	char escaped[RTE_TEL_MAX_STRING_LEN];
	size_t done = escape(text, escaped), bytes = 2;

	for (const char *c = escaped; *c; c++)
		bytes += *c == '"' || *c == '\\' ? 2 : 1;
	count(r, name, bytes);
	rte_tel_data_add_dict_string(r->d, name, escaped);
	return done;
}

void reply_text(struct reply *r, const char *name, const char *text)
{
	add_text(r, name, text);
}

void reply_long_text(struct reply *r, const char *name, const char *text)
{
	text += add_text(r, name, text);
	for (int i = 2; *text && r->entries < REPLY_ENTRIES; i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_%d", name, i);
		text += add_text(r, key, text);
	}
}

void reply_ip(struct reply *r, const char *name, const struct el_ip *ip)
{
	char text[EL_IP_STRLEN] = "";

	if (ip->family)
		el_ip_format(ip, text);
	reply_text(r, name, text);
}

bool reply_row_begin(struct reply *row)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d)
		reply_begin(row, d);
	return d != NULL;
}

bool reply_row_add(struct reply *r, uint32_t number, struct reply *row)
{
	return reply_row_add_named(r, "", number, row);
}

bool reply_row_add_named(struct reply *r, const char *name, uint32_t number, struct reply *row)
{
	char key[32];

	snprintf(key, sizeof(key), "%s%" PRIu32, name, number);
	if (r->bytes + row->bytes + strlen(key) + strlen("\"\":,") > REPLY_BYTES ||
	    r->entries == REPLY_ENTRIES ||
	    rte_tel_data_add_dict_container(r->d, key, row->d, 0) != 0) {
		rte_tel_data_free(row->d);
		return false;
	}
	count(r, key, row->bytes);
	return true;
}

int reply_refuse(struct rte_tel_data *d, const char *fmt, ...)
{
	char text[256];
	struct reply r;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reply_begin(&r, d);
	reply_text(&r, "error", text);
	return 0;
}

int reply_not_running(struct rte_tel_data *d)
{
	return reply_refuse(d, "the prober has nothing to show: it starts or ends");
}

bool reply_read_number(const char **text, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (!*text || **text < '0' || **text > '9')
		return false;
	errno = 0;
	v = strtoul(*text, &end, 10);
	if (errno || (*end && *end != ',') || v > UINT32_MAX)
		return false;
	*text = *end ? end + 1 : end;
	*ret = (uint32_t)v;
	return true;
}

bool reply_read_first(const char *params, uint32_t *ret)
{
	if (params && strchr(params, ','))
		return false;
	*ret = 0;
	return !params || !*params || reply_read_number(&params, ret);
}
