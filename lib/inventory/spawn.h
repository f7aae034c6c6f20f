/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Starts a program. */
#include <stdbool.h>
#include <sys/types.h>

#include "el_base.h"

/* Who a program runs as. Zeroed memory: as we do. */
struct spawn_user {
	bool is_set;
	uid_t uid;
	gid_t gid; /* the user's own group; further ones are looked up when it is started */
};

struct spawn_order {
	int program_fd;   /* O_PATH is enough; this very file is run */
	int directory_fd; /* where */
	const struct spawn_user *user;
};

struct spawned {
	pid_t pid;          /* also its process group */
	int pid_fd;         /* readable once it has ended */
	int out_fd, err_fd; /* what it prints; not blocking */
};

/* *ret_user becomes the user `name` (NULL: as we are). 0, -ENOENT: there is none of that name;
 * -EPERM: only root can run programs as somebody else; another negative errno; with a sentence. */
int spawn_find_user(const char *name, struct spawn_user *ret_user, struct el_error *err);

/* Runs a program without arguments in a process group of its own, with nothing to read, no
 * descriptor of ours, no signal blocked or ignored, no capability that only we were given, at low
 * priority, without a core dump; it is killed when the calling thread ends. A script and what else
 * needs an interpreter is called /dev/fd/3, the one descriptor that it has further. PROM_USER,
 * PROM_PASSWORD and CREDENTIALS_DIRECTORY are taken out of its environment. As another user it has
 * that user's groups and can't get more rights, and of the environment only what setpriv(1) sets:
 * HOME, SHELL, USER, LOGNAME, PATH. 0, or a negative errno. */
int spawn(const struct spawn_order *order, struct spawned *ret_spawned);
