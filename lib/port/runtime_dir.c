/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "el_base.h"
#include "el_trust.h"

static char own[PATH_MAX]; /* written by control's thread only */

/* An entry of `parent` that is a directory of our own which nobody else can write to: a link leads
 * nowhere, and what others have made, also by a name of ours, is theirs. -1: it is none. */
static int open_own(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Takes the directory over. The EAL's sockets and files; it has no folders in there. */
static void remove_dir(int parent, const char *name, int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(fd, e->d_name, 0);
	closedir(dir);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		el_log(EL_LOG_WARNING, "port", "%s can't be removed: %s", name, strerror(errno));
}

/* The directory that ours is in, which somebody else may have made; NULL: there is none that can be
 * believed. *ret_name: what ours is called in it. */
static DIR *open_parent(const char **ret_name)
{
	char *slash = strrchr(own, '/');
	struct el_error err;
	int place, fd;
	DIR *dir;

	if (!slash)
		return NULL;
	*slash = '\0';
	place = el_trust_open(own, NULL, &err);
	*slash = '/';
	if (place < 0) {
		el_log(EL_LOG_WARNING, "port", "run-time directories are left where they are: %s",
		       err.text);
		return NULL;
	}
	fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(place);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	*ret_name = slash + 1;
	return dir;
}

/* What the EAL takes; a set one that is empty, too. */
static const char *eal_parent(void)
{
	const char *parent = getenv("RUNTIME_DIRECTORY");

	if (!parent && getuid() == 0)
		parent = "/var/run";
	if (!parent)
		parent = getenv("XDG_RUNTIME_DIR");
	return parent ? parent : "/tmp";
}

static int refuse(int code, const char *why, struct el_error *err)
{
	return el_error_set(err, code,
			    "DPDK's EAL would have its files where others can change them: %s; set "
			    "%s to a directory that is yours alone",
			    why, getuid() == 0 ? "RUNTIME_DIRECTORY" : "XDG_RUNTIME_DIR");
}

#define SOCKET_NAME "/dpdk_telemetry.v2"

int runtime_dir_prepare(const char *prefix, struct el_error *err)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof(SOCKET_NAME);
	char path[PATH_MAX], own_path[PATH_MAX];
	struct el_str s = EL_STR_INIT(path), own_s = EL_STR_INIT(own_path);
	struct el_error why;
	int fd;

	el_str_addf(&s, "%s/dpdk", eal_parent());
	el_str_addf(&own_s, "%s/%s", path, prefix);
	if (own_s.truncated || strlen(own_path) > most)
		return el_error_set(err, -ENAMETOOLONG,
				    "DPDK's EAL can't have its files in %.200s: with the name of "
				    "its socket that is more than a socket's address may be long; "
				    "set %s to a shorter directory",
				    path, getuid() == 0 ? "RUNTIME_DIRECTORY" : "XDG_RUNTIME_DIR");
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return el_error_set(err, -errno, "DPDK's EAL can't make %.200s for its files: %s",
				    path, strerror(errno));
	fd = el_trust_open(path, NULL, &why);
	if (fd == -EPERM)
		return refuse(fd, why.text, err);
	if (fd < 0)
		return el_error_set(err, fd, "DPDK's EAL can't have its files there: %s", why.text);
	close(fd);
	fd = el_trust_open(own_path, NULL, &why);
	if (fd == -EPERM)
		return refuse(fd, why.text, err);
	if (fd >= 0)
		close(fd);
	return 0;
}

void runtime_dir_keep(void)
{
	struct el_str s;

	el_str_init(&s, own, sizeof(own));
	el_str_add(&s, rte_eal_get_runtime_dir());
}

void runtime_dir_remove(void)
{
	const char *name;
	DIR *parent = own[0] ? open_parent(&name) : NULL;
	int fd = parent ? open_own(dirfd(parent), name) : -1;

	if (fd >= 0)
		remove_dir(dirfd(parent), name, fd);
	if (parent)
		closedir(parent);
	own[0] = '\0';
}

/* True if somebody listens on the telemetry socket in the directory: a process that this one can't
 * see, in another container. */
static bool is_served(int dir_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;
	bool served;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d" SOCKET_NAME, dir_fd);
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
	const char *name;
	DIR *parent = open_parent(&name);
	struct dirent *e;

	while (parent && (e = readdir(parent))) {
		pid_t pid = pid_of(e->d_name, program);
		int fd;

		if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		fd = open_own(dirfd(parent), e->d_name);
		if (fd < 0)
			continue;
		if (is_served(fd))
			close(fd);
		else
			remove_dir(dirfd(parent), e->d_name, fd);
	}
	if (parent)
		closedir(parent);
}
