/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ip_set.h"

#include <stdlib.h>

struct el_ip_set {
	size_t n;
	struct el_ip_range ranges[]; /* by their first address; none overlaps another */
};

/* Families first, then addresses as numbers: that is how the bytes lie. */
static int compare(const struct el_ip *a, const struct el_ip *b)
{
	return memcmp(a, b, sizeof(*a));
}

static int compare_ranges(const void *a, const void *b)
{
	const struct el_ip_range *x = a, *y = b;

	return compare(&x->first, &y->first);
}

struct el_ip_range el_ip_range_of(const struct el_prefix *prefix)
{
	struct el_ip_range range = {.first = el_prefix_network(prefix).ip};

	range.last = range.first;
	for (unsigned bit = prefix->len; bit < (prefix->ip.family == 4 ? 32U : 128U); bit++)
		range.last.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return range;
}

/* Joins those that overlap. */
static void join(struct el_ip_set *set)
{
	size_t n = 0;

	qsort(set->ranges, set->n, sizeof(set->ranges[0]), compare_ranges);
	for (size_t i = 0; i < set->n; i++) {
		const struct el_ip_range *r = &set->ranges[i];
		struct el_ip_range *before = &set->ranges[n ? n - 1 : 0];

		if (n == 0 || compare(&before->last, &r->first) < 0)
			set->ranges[n++] = *r;
		else if (compare(&before->last, &r->last) < 0)
			before->last = r->last;
	}
	set->n = n;
}

struct el_ip_set *el_ip_set_create(const struct el_ip_range *ranges, size_t n)
{
	struct el_ip_set *set = malloc(sizeof(*set) + n * sizeof(set->ranges[0]));

	if (!set)
		return NULL;
	set->n = n;
	if (n)
		memcpy(set->ranges, ranges, n * sizeof(set->ranges[0]));
	join(set);
	return set;
}

struct el_ip_set *el_ip_set_of_prefixes(const struct el_prefix *prefixes, size_t n)
{
	struct el_ip_set *set = malloc(sizeof(*set) + n * sizeof(set->ranges[0]));

	if (!set)
		return NULL;
	set->n = n;
	for (size_t i = 0; i < n; i++)
		set->ranges[i] = el_ip_range_of(&prefixes[i]);
	join(set);
	return set;
}

void el_ip_set_destroy(struct el_ip_set *set)
{
	free(set);
}

bool el_ip_set_contains(const struct el_ip_set *set, const struct el_ip *ip)
{
	size_t from = 0, to = set ? set->n : 0; /* the first that begins later is in there */

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&set->ranges[middle].first, ip) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from > 0 && compare(ip, &set->ranges[from - 1].last) <= 0;
}
