/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Output whose reader may be slow or stopped (a pager, a terminal after Ctrl-S): written by a
 * thread of its own, since a terminal can't be asked how much it will take, and O_NONBLOCK would be
 * the terminal's for everybody else too. Texts go out whole or not at all. */
#include <stddef.h>
#include <stdint.h>

#define WRITER_DEPTH_MAX 4

struct writer;

/* Starts the thread. Up to `depth` texts (1 to WRITER_DEPTH_MAX) wait while one is written. NULL
 * with errno. */
struct writer *writer_create(int fd, uint32_t depth);
/* Takes over a text (heap). Where too many wait it replaces the latest of them. One thread. */
void writer_put(struct writer *w, char *text, size_t len);
/* Waits until all is written, or for grace_ms at most if that is not negative; what is not written
 * by then never is. NULL is fine. 0, or the negative errno of the last text that could not be
 * written. */
int writer_destroy(struct writer *w, int grace_ms);
