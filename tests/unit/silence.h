/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is written to standard output and error meanwhile is a failure: DPDK's messages go to the
 * log. */
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

struct silence {
	int fd, saved[2];
};

static inline struct silence silence_begin(void)
{
	struct silence s = {.fd = memfd_create("silence", 0)};

	fflush(NULL);
	assert_true(s.fd >= 0);
	for (int i = 0; i < 2; i++) {
		s.saved[i] = dup(i + 1);
		dup2(s.fd, i + 1);
	}
	return s;
}

static inline void silence_end(const struct silence *s)
{
	char text[2048] = "";
	ssize_t n;

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(s->saved[i], i + 1);
		close(s->saved[i]);
	}
	n = pread(s->fd, text, sizeof(text) - 1, 0);
	close(s->fd);
	if (n != 0)
		fail_msg("printed: %s", text);
}
