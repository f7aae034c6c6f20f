/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>

/* What DPDK and the libraries below it print. While a capture is open, the process's standard
 * output and error and DPDK's log go to a memory file; its lines then go to el_log. Between
 * captures DPDK's log alone goes there, line by line. Private to lib/port. */

struct capture {
	int fd;       /* the memory file; -1: nothing is captured */
	int saved[3]; /* what descriptors 1 and 2 were; -1 where they were closed */
};

/* Opens DPDK's log stream; once, before the EAL is started. 0 or -errno. */
int capture_log_open(void);
void capture_log_close(void);

/* One at a time. If there is no memory for a capture, output just goes where it would have gone. */
void capture_begin(struct capture *c);

/* Ends it: every line to el_log at level DEBUG, and into `ret_first` (NUL-terminated) the first
 * line that reads like a complaint, without its prefix; "" if there was none. */
void capture_end(struct capture *c, char *ret_first, size_t size);
