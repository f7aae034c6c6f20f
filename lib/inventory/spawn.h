/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Starts a program. */
#include <sys/types.h>

struct spawned {
	pid_t pid;          /* also its process group */
	int pid_fd;         /* readable once it has ended */
	int out_fd, err_fd; /* what it prints; not blocking */
};

/* Runs `path` without arguments in `directory`, in a process group of its own, with nothing to
 * read, no descriptor of ours, no signal blocked or ignored, at low priority; it is killed when the
 * calling thread ends. PROM_USER and PROM_PASSWORD are taken out of its environment. 0, or a
 * negative errno. */
int spawn(const char *path, const char *directory, struct spawned *ret_spawned);
