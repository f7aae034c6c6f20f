/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_respond.h"

#include <errno.h>
#include <stdlib.h>

#define WAYS 4 /* buckets that a source may have */
#define NS_PER_S UINT64_C(1000000000)

/* A token bucket as the time when it is full again (the generic cell rate algorithm, ITU-T I.371
 * annex A). */
struct bucket {
	uint64_t source; /* a keyed hash of it */
	uint64_t full_ns;
};

struct el_respond_limit {
	struct el_siphash_key key;
	uint64_t token_ns; /* one comes in this time */
	uint64_t depth_ns; /* of all but one */
	size_t mask;       /* of sets */
	struct bucket buckets[][WAYS];
};

struct el_respond_limit *el_respond_limit_create(size_t sources, uint64_t per_second,
						 uint32_t burst, const struct el_siphash_key *key)
{
	struct el_respond_limit *limit;
	size_t sets = 1;

	if (sources == 0 || sources > SIZE_MAX / 256 || per_second == 0 || per_second > NS_PER_S ||
	    burst == 0) {
		errno = EINVAL;
		return NULL;
	}
	while (sets * WAYS < sources)
		sets *= 2;
	limit = calloc(1, sizeof(*limit) + sets * sizeof(limit->buckets[0]));
	if (!limit)
		return NULL;
	limit->key = *key;
	limit->token_ns = NS_PER_S / per_second;
	limit->depth_ns = (burst - 1) * limit->token_ns;
	limit->mask = sets - 1;
	return limit;
}

void el_respond_limit_destroy(struct el_respond_limit *limit)
{
	free(limit);
}

/* The source's bucket. One that has none takes that which is full again first: as it is, so that
 * new sources bring no tokens. */
static struct bucket *find(struct bucket *set, uint64_t source)
{
	struct bucket *first = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].source == source)
			return &set[i];
		if (set[i].full_ns < first->full_ns)
			first = &set[i];
	}
	first->source = source;
	return first;
}

uint64_t el_respond_limit_source(const struct el_respond_limit *limit, const uint8_t *source,
				 uint8_t family)
{
	return el_siphash(&limit->key, source, family == 4 ? 4 : 8);
}

bool el_respond_limit_take(struct el_respond_limit *limit, uint64_t source, uint64_t now_ns)
{
	struct bucket *b = find(limit->buckets[source & limit->mask], source);
	uint64_t full_ns = b->full_ns > now_ns ? b->full_ns : now_ns;

	if (full_ns - now_ns > limit->depth_ns)
		return false;
	b->full_ns = full_ns + limit->token_ns;
	return true;
}
