/* SPDX-License-Identifier: BSD-3-Clause */
#include "hops.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

struct hop {
	struct el_ip ip;
	struct el_port_idx port;
	uint32_t users; /* 0: the entry is free */
	uint32_t next;  /* index + 1 of the next with the same hash, or of the next that is free */
};

struct hops {
	uint32_t max, n_buckets; /* the latter: a power of two */
	uint32_t n;              /* entries that were ever used */
	uint32_t first_free;     /* index + 1 */
	uint32_t *buckets;       /* index + 1 of the first by hash */
	struct hop items[];      /* [max], by index; the kernel gives memory for what is used */
};

struct hops *hops_create(uint32_t max)
{
	struct hops *h = calloc(1, sizeof(*h) + max * sizeof(h->items[0]));

	if (!h)
		return NULL;
	h->max = max;
	h->n_buckets = rte_align32pow2(max);
	h->buckets = calloc(h->n_buckets, sizeof(*h->buckets));
	if (h->buckets)
		return h;
	free(h);
	return NULL;
}

void hops_destroy(struct hops *h)
{
	if (!h)
		return;
	free(h->buckets);
	free(h);
}

static uint32_t *bucket_of(struct hops *h, struct el_port_idx port, const struct el_ip *ip)
{
	static const struct el_siphash_key key = {1, 2};

	return &h->buckets[(el_siphash(&key, ip->bytes, sizeof(ip->bytes)) + port.v) &
			   (h->n_buckets - 1)];
}

static int make(struct hops *h, struct el_port_idx port, const struct el_ip *ip,
		uint32_t *ret_index)
{
	uint32_t index = h->n, *bucket = bucket_of(h, port, ip);

	if (h->first_free) {
		index = h->first_free - 1;
		h->first_free = h->items[index].next;
	} else if (h->n == h->max) {
		return -ENOSPC;
	} else {
		h->n++;
	}
	h->items[index] = (struct hop){.ip = *ip, .port = port, .next = *bucket};
	*bucket = index + 1;
	*ret_index = index;
	return 0;
}

int hops_take(struct hops *h, struct el_port_idx port, const struct el_ip *ip,
	      struct el_next_hop_idx *ret_index)
{
	uint32_t index, i = *bucket_of(h, port, ip);
	int code = 0;

	while (i && (h->items[i - 1].port.v != port.v || !el_ip_equal(&h->items[i - 1].ip, ip)))
		i = h->items[i - 1].next;
	if (i)
		index = i - 1;
	else
		code = make(h, port, ip, &index);
	if (code < 0)
		return code;
	h->items[index].users++;
	*ret_index = (struct el_next_hop_idx){(uint16_t)index};
	return 0;
}

void hops_give_back(struct hops *h, struct el_next_hop_idx index)
{
	struct hop *hop = &h->items[index.v];
	uint32_t *link;

	if (--hop->users)
		return;
	link = bucket_of(h, hop->port, &hop->ip);
	while (*link != index.v + 1U)
		link = &h->items[*link - 1].next;
	*link = hop->next;
	hop->next = h->first_free;
	h->first_free = index.v + 1U;
}
