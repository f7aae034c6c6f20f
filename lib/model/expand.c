/* SPDX-License-Identifier: BSD-3-Clause */
#include "expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void range_next(const struct el_conf_range *range, struct el_ip *ip)
{
	for (size_t i = ip->family == 4 ? 4 : 16; i-- > 0;) {
		if (ip->bytes[i] < range->last.bytes[i]) {
			ip->bytes[i]++;
			return;
		}
		ip->bytes[i] = range->first.bytes[i];
	}
}

bool range_contains(const struct el_conf_range *range, const struct el_ip *ip)
{
	if (ip->family != range->first.family)
		return false;
	for (size_t i = 0; i < sizeof(ip->bytes); i++) {
		if (ip->bytes[i] < range->first.bytes[i] || ip->bytes[i] > range->last.bytes[i])
			return false;
	}
	return true;
}

/* By family, then by number: addresses are bytes in network order and padded with zeros. */
static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct el_ip));
}

int addresses_init(struct addresses *set, const struct el_ip *ips, size_t n)
{
	set->items = calloc(n + 1, sizeof(*set->items));
	if (!set->items)
		return -ENOMEM;
	if (n)
		memcpy(set->items, ips, n * sizeof(*ips));
	qsort(set->items, n, sizeof(*set->items), by_address);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !el_ip_equal(&set->items[i], &set->items[set->count - 1]))
			set->items[set->count++] = set->items[i];
	}
	return 0;
}

void addresses_fini(struct addresses *set)
{
	free(set->items);
	set->items = NULL;
	set->count = 0;
}

size_t addresses_from(const struct addresses *set, const struct el_ip *ip)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (by_address(&set->items[mid], ip) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t addresses_in(const struct addresses *set, const struct el_conf_range *range)
{
	size_t count = 0;

	for (size_t i = addresses_from(set, &range->first);
	     i < set->count && by_address(&set->items[i], &range->last) <= 0; i++)
		count += range_contains(range, &set->items[i]);
	return count;
}
