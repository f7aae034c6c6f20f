/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is printed to standard output. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes all of it, however slow its reader is. 0 or a negative errno. */
int write_all(int fd, const char *text, size_t len);

/* ---- what was asked for: if it can't be written that is a failure of the program ---- */

/* A text that is put together in memory, so that every failure to write it is seen at one place. */
struct stdout_text {
	FILE *stream;
	char *text;
	size_t len;
};

/* The stream to print to; NULL: no memory, which stdout_end tells of. */
FILE *stdout_begin(struct stdout_text *o);
/* Writes it to standard output and frees it. The exit status: 0, or EX_IOERR after a sentence. */
int stdout_end(struct stdout_text *o);

/* Tells that standard output could not be written; EX_IOERR. */
int stdout_failed(int error);

/* Standard streams that were closed when the program began are opened so that using them fails: the
 * next file or socket would take their place, and what is printed would go there. */
void stdout_guard_streams(void);

/* ---- tables ---- */

/* Output whose reader may be slow or stopped (a pager, a terminal after Ctrl-S): written by a
 * thread of its own, since a terminal can't be asked how much it will take, and O_NONBLOCK would be
 * the terminal's for everybody else too. Texts go out whole or not at all. */
struct writer;

#define WRITER_DEPTH_MAX 4

/* Starts the thread. Up to `depth` texts (1 to WRITER_DEPTH_MAX) wait while one is written. NULL
 * with errno. */
struct writer *writer_create(int fd, uint32_t depth);
/* Takes over a text (heap). Where too many wait it replaces the latest of them. One thread. */
void writer_put(struct writer *w, char *text, size_t len);
/* Waits until all is written, or for grace_ms at most if that is not negative; what is not written
 * by then never is. NULL is fine. 0, or the negative errno of the last text that could not be
 * written. */
int writer_destroy(struct writer *w, int grace_ms);
