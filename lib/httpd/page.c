/* SPDX-License-Identifier: BSD-3-Clause */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "el_expo_pack.h"

struct page {
	struct el_httpd_source source;
	struct guard_connection *connection;
	void *handle; /* the source's */
	struct el_expo_input input;
	struct el_expo_cursor cursor;
	struct el_expo_packed *packed; /* NULL: it is rendered as it is read */
	char *rest;                    /* what follows `packed` */
	size_t n_rest;                 /* 0: it is under way or over */
	/* under way */
	const char *data;
	size_t len, pos;
	char slice[PAGE_SLICE_BYTES];
};

/* What is live is packed now. Where that fails the page is not packed. */
static void use_packed(struct page *p, struct el_expo_packed *packed)
{
	p->rest = el_expo_pack_rest(packed, &p->input, &p->n_rest);
	if (!p->rest) {
		el_expo_packed_put(packed);
		return;
	}
	p->packed = packed;
	p->data = packed->bytes;
	p->len = packed->n;
}

struct page *page_open(const struct el_httpd_source *source, struct guard_connection *connection,
		       const struct accept *accept)
{
	struct el_expo_packed *packed = NULL;
	struct page *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct page, slice));
	p->source = *source;
	p->connection = connection;
	p->input.format = accept_format(accept);
	p->handle = source->open(source->ctx, &p->input, accept_gzip(accept) ? &packed : NULL);
	if (!p->handle) {
		free(p);
		return NULL;
	}
	if (packed)
		use_packed(p, packed);
	return p;
}

bool page_is_packed(const struct page *p)
{
	return p->packed;
}

/* What is under way is over: what comes next. */
static void next_data(struct page *p)
{
	p->pos = p->len = 0;
	if (!p->packed) {
		p->len = el_expo_render(&p->input, &p->cursor, p->slice, sizeof(p->slice));
		p->data = p->slice;
	} else if (p->n_rest > 0) {
		p->data = p->rest;
		p->len = p->n_rest;
		p->n_rest = 0;
	}
}

ssize_t page_read(void *page, uint64_t pos, char *buf, size_t max)
{
	struct page *p = page;
	size_t n;

	(void)pos;
	if (p->connection->state == GUARD_LEAVING)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (p->pos == p->len)
		next_data(p);
	if (p->len == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = p->len - p->pos < max ? p->len - p->pos : max;
	memcpy(buf, p->data + p->pos, n);
	p->pos += n;
	p->connection->bytes += n;
	return (ssize_t)n;
}

void page_close(void *page)
{
	struct page *p = page;

	el_expo_packed_put(p->packed);
	free(p->rest);
	p->source.close(p->source.ctx, p->handle);
	free(p);
}
