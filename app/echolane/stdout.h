/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is printed to standard output because it was asked for. What can't be written is lost, and
 * that is a failure of the program: a sentence and an exit status. */
#include <stddef.h>
#include <stdio.h>

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

/* Writes all of `text`, however slow its reader is. 0 or a negative errno. */
int stdout_write(int fd, const char *text, size_t len);
/* Tells that standard output could not be written; EX_IOERR. */
int stdout_failed(int error);

/* Standard streams that were closed when the program began are opened so that using them fails: the
 * next file or socket would take their place, and what is printed would go there. */
void stdout_guard_streams(void);
