/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A directory of programs, their inventory, a clock that can be moved on, and the log as text. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "el_inventory.h"

#define WAIT_NS (40 * EL_NS_PER_S)
#define TARGET "type: ICMPping, destination: 192.0.2.1"

struct fixture {
	char dir[64];
	const char *user; /* who programs run as; NULL: as the test */
	struct el_inventory *inv;
	struct el_inventory_lists *lists; /* taken last */
	uint64_t skew_ns;                 /* of the monotonic clock */
	int64_t unix_s;
	unsigned n_changed;
	int log_fd;
	size_t n_fds;
};

static inline uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline void note_change(void *ctx)
{
	((struct fixture *)ctx)->n_changed++;
}

static inline char *in_dir(const struct fixture *f, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

/* Puts a file in its place at once, as editors and package managers do. */
static inline void put(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char hidden[160];
	FILE *out;

	snprintf(hidden, sizeof(hidden), "%s/.new", f->dir);
	out = fopen(hidden, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(hidden, mode), 0);
	assert_int_equal(rename(hidden, in_dir(f, name)), 0);
}

static inline void put_program(const struct fixture *f, const char *name, const char *text)
{
	put(f, name, text, 0755);
}

static inline void put_shell(const struct fixture *f, const char *name, const char *commands)
{
	char text[4096];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", commands);
	put_program(f, name, text);
}

static inline struct el_inventory_settings settings(const struct fixture *f)
{
	return (struct el_inventory_settings){
	    .directory = f->dir, .user = f->user, .max_addresses = 65536};
}

static inline struct el_inventory *try_create(struct fixture *f, struct el_error *err)
{
	struct el_inventory_config config = {
	    .settings = settings(f), .changed = note_change, .ctx = f};

	return el_inventory_create(&config, err);
}

static inline void create(struct fixture *f)
{
	struct el_error err;

	f->inv = try_create(f, &err);
	if (!f->inv)
		fail_msg("%s", err.text);
}

static inline uint64_t now_ns(const struct fixture *f)
{
	return real_ns() + f->skew_ns;
}

static inline void run(struct fixture *f)
{
	el_inventory_run(f->inv, now_ns(f), f->unix_s);
}

/* One turn of a control loop; waits at most 50 ms. */
static inline void turn(struct fixture *f)
{
	struct pollfd fd = {.fd = el_inventory_fd(f->inv), .events = POLLIN};
	int ms = el_inventory_timeout_ms(f->inv, now_ns(f));

	poll(&fd, 1, ms >= 0 && ms < 50 ? ms : 50);
	run(f);
}

static inline char *log_text(const struct fixture *f)
{
	static char text[1 << 20];
	ssize_t n = pread(f->log_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* How many lines have it; those that were only counted are said first. */
static inline size_t count_in_log(const struct fixture *f, const char *what)
{
	size_t n = 0;

	el_log_forget();
	for (const char *p = log_text(f); (p = strstr(p, what)); p++)
		n++;
	return n;
}

#define wait_until(f, condition)                                                                   \
	do {                                                                                       \
		uint64_t end_ns_ = real_ns() + WAIT_NS;                                            \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (real_ns() > end_ns_) {                                                 \
				fputs(log_text(f), stderr);                                        \
				fail_msg("%s:%d: waited in vain for %s", __FILE__, __LINE__,       \
					 #condition);                                              \
			}                                                                          \
			turn(f);                                                                   \
		}                                                                                  \
	} while (0)

/* The targets of `conf` and all lists as they are now. */
static inline struct el_conf look(struct fixture *f, const struct el_conf *conf)
{
	struct el_conf view;

	el_inventory_lists_free(f->lists);
	f->lists = el_inventory_take_lists(f->inv);
	assert_non_null(f->lists);
	assert_int_equal(el_inventory_targets(f->lists, conf, &view), 0);
	return view;
}

/* The names of all targets, each with a blank behind it. */
static inline const char *targets(struct fixture *f)
{
	static char text[4096];
	const struct el_conf conf = {0}, view = look(f, &conf);
	struct el_str out = EL_STR_INIT(text);

	text[0] = '\0';
	for (size_t i = 0; i < view.n_targets; i++)
		el_str_addf(&out, "%s ", view.targets[i].name);
	return text;
}

static inline bool targets_are(struct fixture *f, const char *names)
{
	return strcmp(targets(f), names) == 0;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->n_fds = count_entries("/proc/self/fd");
	strcpy(f->dir, "/tmp/el-inventory-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	el_log_set_fd(f->log_fd);
	el_log_set_level(EL_LOG_DEBUG);
	f->unix_s = 1000;
	*state = f;
	return 0;
}

/* Nothing may be left: no descriptor, no process. */
static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int rc = 0;

	el_inventory_destroy(f->inv);
	el_inventory_lists_free(f->lists);
	el_log_set_fd(STDERR_FILENO);
	close(f->log_fd);
	if (count_entries("/proc/self/fd") != f->n_fds) {
		print_error("descriptors are left\n");
		rc = -1;
	}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("processes are left\n");
		rc = -1;
	}
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	if (system(command) != 0)
		rc = -1;
	free(f);
	return rc;
}
