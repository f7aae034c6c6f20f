/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A page on its way to a client, as libmicrohttpd's content reader takes it. */
#include <sys/types.h>

#include "accept.h"
#include "el_httpd.h"
#include "guard.h"

#define PAGE_SLICE_BYTES 65536

struct page;

/* What `accept` says, from the source. NULL: there is nothing to print from, or no memory. */
struct page *page_open(const struct el_httpd_source *source, struct guard_connection *connection,
		       const struct accept *accept);
/* Whether it is in gzip: it may be asked for and not be had. */
bool page_is_packed(const struct page *p);

/* libmicrohttpd's MHD_ContentReaderCallback and MHD_ContentReaderFreeCallback. */
ssize_t page_read(void *page, uint64_t pos, char *buf, size_t max);
void page_close(void *page);
