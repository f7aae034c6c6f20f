/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Bytes into the caller's buffer, and Protocol Buffers' wire format, as far as metrics need it.
 * What does not fit is marked, and worth nothing. Inline, because a page has millions of them: a
 * metric takes 55 ns, and protobuf-c 100 to measure and 140 to pack one that is put together in
 * structs before. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What one line of text, or one metric in a message, is put together in. */
struct line {
	char *pos, *end;
	bool has_labels, overflow;
	bool protobuf;       /* else text */
	uint8_t value_field; /* protobuf: of the metric, by its type */
};

static inline void line_add(struct line *l, const char *text, size_t n)
{
	if (n > (size_t)(l->end - l->pos)) {
		l->overflow = true;
		return;
	}
	memcpy(l->pos, text, n);
	l->pos += n;
}

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static inline size_t wire_varint_size(uint64_t v)
{
	return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

#define WIRE_VARINT_MAX 10

static inline void wire_varint(struct line *l, uint64_t v)
{
	char *p = l->pos;

	if (l->end - p < WIRE_VARINT_MAX) {
		l->overflow = true;
		return;
	}
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	l->pos = p;
}

static inline uint64_t wire_zigzag_of(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* Small numbers, also negative ones, in few bytes. */
static inline void wire_zigzag(struct line *l, int64_t v)
{
	wire_varint(l, wire_zigzag_of(v));
}

static inline void wire_tag(struct line *l, unsigned field, enum wire_type type)
{
	wire_varint(l, field << 3 | type);
}

static inline void wire_u64(struct line *l, unsigned field, uint64_t v)
{
	wire_tag(l, field, WIRE_VARINT);
	wire_varint(l, v);
}

static inline void wire_sint(struct line *l, unsigned field, int64_t v)
{
	wire_tag(l, field, WIRE_VARINT);
	wire_zigzag(l, v);
}

/* Little-endian, as this machine. */
static inline void wire_double(struct line *l, unsigned field, double v)
{
	char buf[sizeof(v)];

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "doubles are sent as they are");
	memcpy(buf, &v, sizeof(v));
	wire_tag(l, field, WIRE_FIXED64);
	line_add(l, buf, sizeof(v));
}

static inline size_t wire_bytes_size(size_t n)
{
	return 1 + wire_varint_size(n) + n; /* for fields up to 15 */
}

static inline void wire_bytes(struct line *l, unsigned field, const char *text, size_t n)
{
	wire_tag(l, field, WIRE_BYTES);
	wire_varint(l, n);
	line_add(l, text, n);
}

/* A message of two strings, fields 1 and 2: a label. Most of them are short: lengths of one byte,
 * and room is looked for once. */
static inline void wire_pair(struct line *l, unsigned field, const char *first, size_t n_first,
			     const char *second, size_t n_second)
{
	size_t n = n_first + n_second;
	char *p = l->pos;

	if (n > 100 || l->end - p < 128) {
		wire_tag(l, field, WIRE_BYTES);
		wire_varint(l, wire_bytes_size(n_first) + wire_bytes_size(n_second));
		wire_bytes(l, 1, first, n_first);
		wire_bytes(l, 2, second, n_second);
		return;
	}
	*p++ = (char)(field << 3 | WIRE_BYTES);
	*p++ = (char)(4 + n);
	*p++ = 1 << 3 | WIRE_BYTES;
	*p++ = (char)n_first;
	memcpy(p, first, n_first);
	p += n_first;
	*p++ = 2 << 3 | WIRE_BYTES;
	*p++ = (char)n_second;
	memcpy(p, second, n_second);
	l->pos = p + n_second;
}

/* A message whose length is known at its end only: its beginning, for wire_end. */
#define WIRE_RESERVED 3

static inline char *wire_begin(struct line *l, unsigned field)
{
	char *begin;

	wire_tag(l, field, WIRE_BYTES);
	begin = l->pos;
	line_add(l, "\0\0\0", WIRE_RESERVED);
	return begin;
}

/* It is shorter than 2^21 bytes, as lines are. */
static inline void wire_end(struct line *l, char *begin)
{
	size_t n, size;

	if (l->overflow)
		return;
	n = (size_t)(l->pos - begin) - WIRE_RESERVED;
	size = wire_varint_size(n);
	memmove(begin + size, begin + WIRE_RESERVED, n);
	l->pos = begin;
	wire_varint(l, n);
	l->pos += n;
}
