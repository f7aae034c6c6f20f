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
static bool read_pattern(const char *p, struct el_conf_range *ret_range)
{
	struct el_conf_range r = {.first.family = 4, .last.family = 4};

	for (int i = 0; i < 4; i++) {
		int first = 0, last = 255;

		if (i && *p++ != '.')
			return false;
		if (*p == '*') {
			p++;
		} else {
			p = read_octet(p, &first);
			last = first;
			if (p && *p == '-')
				p = read_octet(p + 1, &last);
			if (!p || last < first)
				return false;
		}
		r.first.bytes[i] = (uint8_t)first;
		r.last.bytes[i] = (uint8_t)last;
	}
	if (*p)
		return false;
	*ret_range = r;
	return true;
}

static struct el_conf_range prefix_range(const struct el_prefix *prefix)
{
	struct el_ip first = el_prefix_network(prefix).ip;
	struct el_conf_range r = {.first = first, .last = first};

	for (unsigned bit = prefix->len; bit < (first.family == 4 ? 32U : 128U); bit++)
		r.last.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return r;
}

double el_conf_range_count(const struct el_conf_range *range)
{
	double count = 1;

	for (size_t i = 0; i < sizeof(range->first.bytes); i++)
		count *= range->last.bytes[i] - range->first.bytes[i] + 1;
	return count;
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

enum conf_destination conf_destination_parse(const char *text, struct el_conf_range *ret_range)
{
	struct el_prefix p;

	if (el_prefix_parse(text, &p) == 0) {
		*ret_range = prefix_range(&p);
		return strchr(text, '/') ? CONF_DESTINATION_PREFIX : CONF_DESTINATION_ADDRESS;
	}
	if (read_pattern(text, ret_range))
		return CONF_DESTINATION_PATTERN;
	return is_host_name(text) ? CONF_DESTINATION_NAME : CONF_DESTINATION_NONE;
}
