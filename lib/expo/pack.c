/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_expo_pack.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define LEVEL 1               /* pages repeat themselves: the others take longer for little */
#define RAW_WINDOW_BITS (-15) /* deflate alone */
#define MEMORY_LEVEL 8
#define SLICE_BYTES (2 * EL_EXPO_LINE_MAX)
#define FIRST_BYTES 65536
#define TRAILER_BYTES 8

/* Deflate, of unknown system, without a name or time. */
static const char header[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff};

struct packer {
	z_stream z;
	char *bytes;
	size_t n, cap, max;
	uint32_t crc;
	uint64_t n_page;
};

/* Room for at least one byte more. */
static int grow(struct packer *p)
{
	size_t cap = p->cap == 0 ? FIRST_BYTES : 2 * p->cap;
	char *bytes;

	if (p->n < p->cap)
		return 0;
	if (p->cap >= p->max)
		return -EFBIG;
	cap = cap < p->max ? cap : p->max;
	bytes = realloc(p->bytes, cap);
	if (!bytes)
		return -ENOMEM;
	p->bytes = bytes;
	p->cap = cap;
	return 0;
}

static int add(struct packer *p, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int ret = grow(p);

		if (ret < 0)
			return ret;
		p->bytes[p->n++] = bytes[i];
	}
	return 0;
}

static int add_packed(struct packer *p, const char *text, size_t n, int flush)
{
	union {
		const char *text;
		Bytef *in; /* zlib only reads it */
	} u = {.text = text};

	p->z.next_in = u.in;
	p->z.avail_in = (uInt)n;
	p->crc = (uint32_t)crc32(p->crc, u.in, (uInt)n);
	p->n_page += n;
	do {
		int ret = grow(p);
		size_t room = p->cap - p->n < INT32_MAX ? p->cap - p->n : INT32_MAX;

		if (ret < 0)
			return ret;
		p->z.next_out = (Bytef *)p->bytes + p->n;
		p->z.avail_out = (uInt)room;
		deflate(&p->z, flush);
		p->n += room - p->z.avail_out;
	} while (p->z.avail_out == 0);
	return 0;
}

/* flush: how the part ends. */
static int add_part(struct packer *p, struct el_expo_input in, enum el_expo_part part, int flush)
{
	struct el_expo_cursor cursor = {0};
	char *slice = malloc(SLICE_BYTES);
	int ret = slice ? 0 : -ENOMEM;

	in.part = part;
	while (ret == 0 && !cursor.done) {
		size_t n = el_expo_render(&in, &cursor, slice, SLICE_BYTES);

		ret = add_packed(p, slice, n, Z_NO_FLUSH);
	}
	if (ret == 0)
		ret = add_packed(p, "", 0, flush);
	free(slice);
	return ret;
}

static int pack(struct packer *p, const struct el_expo_input *in, enum el_expo_part part, int flush)
{
	int ret;

	if (deflateInit2(&p->z, LEVEL, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	ret = add_part(p, *in, part, flush);
	deflateEnd(&p->z);
	return ret;
}

struct el_expo_packed *el_expo_pack(const struct el_expo_input *in, size_t max_bytes)
{
	struct el_expo_packed *packed = calloc(1, sizeof(*packed));
	struct packer p = {.max = max_bytes};
	char *bytes;
	int ret = packed ? add(&p, header, sizeof(header)) : -ENOMEM;

	if (ret == 0)
		ret = pack(&p, in, EL_EXPO_OF_SNAPSHOT, Z_SYNC_FLUSH);
	if (ret < 0) {
		free(p.bytes);
		free(packed);
		errno = -ret;
		return NULL;
	}
	bytes = realloc(p.bytes, p.n);
	packed->refs = 1;
	packed->crc = p.crc;
	packed->n_page = p.n_page;
	packed->n = p.n;
	packed->bytes = bytes ? bytes : p.bytes;
	return packed;
}

char *el_expo_pack_rest(const struct el_expo_packed *packed, const struct el_expo_input *in,
			size_t *ret_n)
{
	struct packer p = {.max = SIZE_MAX};
	int ret = pack(&p, in, EL_EXPO_LIVE, Z_FINISH);
	uint64_t trailer;

	trailer = (uint32_t)crc32_combine(packed->crc, p.crc, (z_off_t)p.n_page) |
		  (packed->n_page + p.n_page) << 32; /* modulo 2^32 */
	if (ret == 0)                                /* little-endian, as this machine */
		ret = add(&p, (const char *)&trailer, TRAILER_BYTES);
	if (ret < 0) {
		free(p.bytes);
		errno = -ret;
		return NULL;
	}
	*ret_n = p.n;
	return p.bytes;
}

struct el_expo_packed *el_expo_packed_get(struct el_expo_packed *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void el_expo_packed_put(struct el_expo_packed *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p->bytes);
	free(p);
}
