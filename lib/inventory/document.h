/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Cuts a stream of bytes into documents; plain memory. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_MAX (16U << 20)
#define DOCUMENT_NESTING_MAX 64

struct document {
	char *text;
	size_t len, capacity;
	size_t line;      /* where the line begins that is being read */
	bool has_content; /* not only white space, comments, directives and a marker */
	bool has_marker;  /* it begins with `---` */
	char marker_end;  /* what follows the marker that ended it */
	/* JSON, as long as nothing contradicts it */
	bool is_json, in_string, is_escaped;
	uint64_t lists; /* a bit for each open bracket, the innermost lowest; 1: [, 0: { */
	unsigned depth;
};

/* Takes bytes up to the end of a document: *ret_used says how many. 1: a document is complete, take
 * it, then go on; 0: all were taken; -EFBIG: the document is past DOCUMENT_MAX; -ENOMEM. */
int document_feed(struct document *d, const char *data, size_t n, size_t *ret_used);

/* The stream has ended: true if what there is is a document. */
bool document_finish(struct document *d);

/* The complete document; the caller frees it. */
char *document_take(struct document *d, size_t *ret_len);

void document_fini(struct document *d);
