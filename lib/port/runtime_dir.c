/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "el_base.h"
#include "el_trust.h"

static char own[PATH_MAX];     /* written by control's thread only */
static char claimed[PATH_MAX]; /* likewise: PARENT/PROGRAM.lock */
static int claim_fd = -1;      /* that file, locked as long as this process has the name; -1 */

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

/* The directory that `path` is in, which somebody else may have made; NULL: there is none that can
 * be believed. *ret_name: what `path` is called in it. */
static DIR *open_parent(char *path, const char **ret_name)
{
	char *slash = strrchr(path, '/');
	struct el_error err;
	int place, fd;
	DIR *dir;

	if (!slash)
		return NULL;
	*slash = '\0';
	place = el_trust_open(path, NULL, &err);
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

/* ---- the name ---- */

/* Takes the name that the file `name` of `parent` stands for, unless another process has it: by a
 * lock, which ends with the process whatever ends it. (The directory itself is locked by the EAL
 * for a moment.) The locked file, or -1. */
static int claim(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat mine, there;

	if (fd < 0)
		return -1;
	/* it may be one that its owner has just removed */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 &&
	    fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino)
		return fd;
	close(fd);
	return -1;
}

/* What is there by this name, if anything, is to be nobody else's. */
static int check_own(const char *path, const char *name, struct el_error *err)
{
	char own_path[PATH_MAX];
	struct el_str s = EL_STR_INIT(own_path);
	struct el_error why;
	int fd;

	el_str_addf(&s, "%s/%s", path, name);
	fd = el_trust_open(own_path, NULL, &why);
	if (fd == -EPERM)
		return refuse(fd, why.text, err);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* PROGRAM, or PROGRAM-PID where another process has that. */
static int choose_name(int place, const char *path, const char *program, struct el_str *ret,
		       struct el_error *err)
{
	struct el_str s = EL_STR_INIT(claimed);

	el_str_addf(&s, "%s/%s.lock", path, program);
	claim_fd = claim(place, claimed + strlen(path) + 1);
	if (claim_fd >= 0)
		el_str_add(ret, program);
	else
		el_str_addf(ret, "%s-%d", program, (int)getpid());
	return check_own(path, ret->buf, err);
}

/* Lets go of the name. */
static void unclaim(void)
{
	const char *name;
	DIR *parent = claim_fd >= 0 ? open_parent(claimed, &name) : NULL;

	if (parent) {
		unlinkat(dirfd(parent), name, 0);
		closedir(parent);
	}
	if (claim_fd >= 0)
		close(claim_fd);
	claim_fd = -1;
}

/* The directory that all programs of DPDK have theirs in. It as by openat(2), or -errno with a
 * sentence. */
static int open_place(const char *path, struct el_error *err)
{
	struct el_error why;
	int place, fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return el_error_set(err, -errno, "DPDK's EAL can't make %.200s for its files: %s",
				    path, strerror(errno));
	place = el_trust_open(path, NULL, &why);
	if (place == -EPERM)
		return refuse(place, why.text, err);
	fd = place < 0 ? place : openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && place >= 0)
		el_error_set(&why, fd = -errno, "%.200s: %s", path, strerror(errno));
	if (place >= 0)
		close(place);
	return fd >= 0
		   ? fd
		   : el_error_set(err, fd, "DPDK's EAL can't have its files there: %s", why.text);
}

int runtime_dir_prepare(const char *program, char *prefix, size_t size, struct el_error *err)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof(SOCKET_NAME);
	char path[PATH_MAX], own_path[PATH_MAX];
	struct el_str s = EL_STR_INIT(path), own_s = EL_STR_INIT(own_path), prefix_s;
	int place, code;

	el_str_init(&prefix_s, prefix, size);
	el_str_addf(&s, "%s/dpdk", eal_parent());
	el_str_addf(&own_s, "%s/%s-%d", path, program, (int)getpid());
	if (own_s.truncated || strlen(own_path) > most)
		return el_error_set(err, -ENAMETOOLONG,
				    "DPDK's EAL can't have its files in %.200s: with the name of "
				    "its socket that is more than a socket's address may be long; "
				    "set %s to a shorter directory",
				    path, getuid() == 0 ? "RUNTIME_DIRECTORY" : "XDG_RUNTIME_DIR");
	place = open_place(path, err);
	if (place < 0)
		return place;
	code = choose_name(place, path, program, &prefix_s, err);
	close(place);
	return code;
}

int runtime_dir_check_space(uint64_t need_kib, struct el_error *err)
{
	char path[PATH_MAX];
	struct el_str s = EL_STR_INIT(path);
	struct statvfs fs;
	uint64_t free_kib;

	el_str_addf(&s, "%s/dpdk", eal_parent());
	if (statvfs(path, &fs) < 0)
		return 0; /* the EAL says what it can't do there */
	free_kib = (uint64_t)fs.f_bavail * fs.f_frsize / 1024;
	if (free_kib >= need_kib)
		return 0;
	return el_error_set(err, -ENOSPC,
			    "No space left on device: DPDK's EAL needs %" PRIu64
			    " KiB for its files in %.200s, and %" PRIu64 " KiB are free",
			    need_kib, path, free_kib);
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
	DIR *parent = own[0] ? open_parent(own, &name) : NULL;
	int fd = parent ? open_own(dirfd(parent), name) : -1;

	if (fd >= 0)
		remove_dir(dirfd(parent), name, fd);
	if (parent)
		closedir(parent);
	own[0] = '\0';
	unclaim();
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
	DIR *parent = open_parent(own, &name);
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
