/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "el_base.h"

static char own[PATH_MAX]; /* written by control's thread only */

/* The EAL's sockets and files; it has no folders in there. */
static void remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	if (rmdir(path) < 0)
		el_log(EL_LOG_WARNING, "port", "%s can't be removed: %s", path, strerror(errno));
}

void runtime_dir_keep(void)
{
	struct el_str s;

	el_str_init(&s, own, sizeof(own));
	el_str_add(&s, rte_eal_get_runtime_dir());
}

void runtime_dir_remove(void)
{
	if (own[0])
		remove_dir(own);
	own[0] = '\0';
}

/* True if somebody listens on the telemetry socket in `path`: a process that this one can't see, in
 * another container. */
static bool is_served(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dpdk_telemetry.v2", path);
	int fd;
	bool served;

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return true;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	served = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ||
		 (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return served;
}

/* The process that `name` is of, if it is PROGRAM-PID; else 0. */
static pid_t pid_of(const char *name, const char *program)
{
	size_t n = strlen(program);
	char *end;
	long pid;

	if (strncmp(name, program, n) != 0 || name[n] != '-' || name[n + 1] < '1' ||
	    name[n + 1] > '9')
		return 0;
	pid = strtol(name + n + 1, &end, 10);
	return *end || pid > INT_MAX ? 0 : (pid_t)pid;
}

void runtime_dir_sweep(const char *program)
{
	char parent[PATH_MAX], path[PATH_MAX + 256];
	struct dirent *e;
	char *slash;
	DIR *dir;

	memcpy(parent, own, sizeof(parent));
	slash = strrchr(parent, '/');
	if (!slash)
		return;
	*slash = '\0';
	dir = opendir(parent);
	while (dir && (e = readdir(dir))) {
		pid_t pid = pid_of(e->d_name, program);

		if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/%s", parent, e->d_name);
		if (!is_served(path))
			remove_dir(path);
	}
	if (dir)
		closedir(dir);
}
