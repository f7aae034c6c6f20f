/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Pages in gzip (RFC 1952). What is the snapshot's is packed ahead of time, which takes about a
 * second where the page is large; what is live is added when the page is asked for, and takes
 * little. Both are one gzip member: the first part ends at a byte, the second refers to nothing in
 * it, and sums of parts can be put together. */
#include <stddef.h>
#include <stdint.h>

#include "el_expo.h"

/* Immutable once made, reference-counted. */
struct el_expo_packed {
	_Atomic uint32_t refs;
	uint32_t crc;
	uint64_t n_page; /* bytes of the page that it is of */
	size_t n;
	char *bytes; /* [n] */
};

/* The snapshot's part of a page in in->format. One reference; NULL with errno ENOMEM, or EFBIG
 * where it would be longer than max_bytes. Any thread. */
struct el_expo_packed *el_expo_pack(const struct el_expo_input *in, size_t max_bytes);

/* What follows it: the live part of the page, and the end of the member. The caller's to free, with
 * *ret_n bytes; NULL with errno ENOMEM. */
char *el_expo_pack_rest(const struct el_expo_packed *packed, const struct el_expo_input *in,
			size_t *ret_n);

struct el_expo_packed *el_expo_packed_get(struct el_expo_packed *p);
void el_expo_packed_put(struct el_expo_packed *p); /* NULL is fine; the last reference frees */
