/* SPDX-License-Identifier: BSD-3-Clause */
#include "destination.h"

#include <string.h>

#define DIGITS "0123456789"
#define LABEL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_"

/* 0..255 of up to three digits; returns where it ends, NULL if it is none. */
static const char *read_octet(const char *p, int *ret_value)
{
	size_t n = strspn(p, DIGITS);
	int value = 0;

	if (n == 0 || n > 3)
		return NULL;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (p[i] - '0');
	*ret_value = value;
	return value <= 255 ? p + n : NULL;
}

/* Four octets, each a number, a range a-b or `*`. */
static bool is_pattern(const char *p)
{
	for (int i = 0; i < 4; i++) {
		int first, last;

		if (i && *p++ != '.')
			return false;
		if (*p == '*') {
			p++;
			continue;
		}
		p = read_octet(p, &first);
		if (!p)
			return false;
		if (*p != '-')
			continue;
		p = read_octet(p + 1, &last);
		if (!p || last < first)
			return false;
	}
	return *p == '\0';
}

/* RFC 1123, section 2.1: labels of letters, digits and hyphens (and underscores, which are in use),
 * the last not a number, or it could be taken for an address. */
static bool is_host_name(const char *text)
{
	size_t left = strlen(text), n;

	if (left > 1 && text[left - 1] == '.')
		left--;
	if (left == 0 || left > 253)
		return false;
	for (;; text += n + 1, left -= n + 1) {
		n = strspn(text, LABEL);
		if (n > left)
			n = left;
		if (n == 0 || n > 63 || text[0] == '-' || text[n - 1] == '-')
			return false;
		if (n == left)
			return strspn(text, DIGITS) < n;
		if (text[n] != '.')
			return false;
	}
}

enum conf_destination conf_destination_parse(const char *text, struct el_prefix *ret_prefix)
{
	struct el_prefix p = {0};

	if (el_ip_parse(text, &p.ip) == 0) {
		p.len = p.ip.family == 4 ? 32 : 128;
		*ret_prefix = p;
		return CONF_DESTINATION_ADDRESS;
	}
	if (strchr(text, '/'))
		return el_prefix_parse(text, ret_prefix) == 0 ? CONF_DESTINATION_PREFIX
							      : CONF_DESTINATION_NONE;
	if (is_pattern(text))
		return CONF_DESTINATION_PATTERN;
	return is_host_name(text) ? CONF_DESTINATION_NAME : CONF_DESTINATION_NONE;
}
