/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_log.h>

#include "el_base.h"

#define LINES_MAX_BYTES 65536

static FILE *log_stream;
static int capture_fd = -1; /* written by control only, while it alone runs DPDK code */

static void log_lines(char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		el_log(EL_LOG_DEBUG, "dpdk", "%s", line);
}

static ssize_t log_write(void *cookie, const char *buf, size_t size)
{
	char text[1024];
	size_t n = size < sizeof(text) ? size : sizeof(text) - 1;

	(void)cookie;
	if (capture_fd >= 0)
		return write(capture_fd, buf, size);
	memcpy(text, buf, n);
	text[n] = '\0';
	log_lines(text);
	return (ssize_t)size;
}

int capture_log_open(void)
{
	const cookie_io_functions_t io = {.write = log_write};

	if (log_stream)
		return 0;
	log_stream = fopencookie(NULL, "w", io);
	if (!log_stream)
		return -errno;
	setvbuf(log_stream, NULL, _IOLBF, 0);
	rte_openlog_stream(log_stream);
	return 0;
}

void capture_log_close(void)
{
	if (!log_stream)
		return;
	rte_openlog_stream(NULL);
	fclose(log_stream);
	log_stream = NULL;
}

void capture_begin(struct capture *c)
{
	*c =
	    (struct capture){.fd = memfd_create("dpdk-output", MFD_CLOEXEC), .saved = {-1, -1, -1}};
	if (c->fd < 0)
		return;
	fflush(stdout);
	fflush(stderr);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		c->saved[fd] = dup(fd);
		if (c->saved[fd] >= 0)
			dup2(c->fd, fd);
	}
	capture_fd = c->fd;
}

/* True if `line`, without DPDK's "COMPONENT: " already, says what went wrong rather than what goes
 * on. */
static bool is_complaint(const char *line)
{
	static const char *const words[] = {"unrec",   "ail",    "annot",  "an't",  "rror",
					    "nvalid",  "not ",   "o such", "nable", "enied",
					    "already", "exceed", "FATAL"};

	if (line[0] == ' ' || line[0] == '\t') /* usage text */
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

static const char *skip_component(const char *line)
{
	const char *colon = strstr(line, ": ");

	/* "EAL: ...", "eth_dev_configure(): ..." */
	while (colon && strcspn(line, " ") == (size_t)(colon - line) + 1 && colon[2]) {
		line = colon + 2;
		colon = strstr(line, ": ");
	}
	return line;
}

void capture_end(struct capture *c, char *ret_first, size_t size)
{
	struct el_str first;
	char *text, *save = NULL;
	ssize_t n;

	el_str_init(&first, ret_first, size);
	if (c->fd < 0)
		return;
	fflush(stdout);
	fflush(stderr);
	capture_fd = -1;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (c->saved[fd] < 0)
			continue;
		dup2(c->saved[fd], fd);
		close(c->saved[fd]);
	}

	text = malloc(LINES_MAX_BYTES);
	n = text ? pread(c->fd, text, LINES_MAX_BYTES - 1, 0) : -1;
	if (n > 0) {
		text[n] = '\0';
		for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			el_log(EL_LOG_DEBUG, "dpdk", "%s", l);
			if (!ret_first[0] && is_complaint(l)) {
				el_str_init(&first, ret_first, size);
				el_str_add(&first, skip_component(l));
			}
		}
	}
	free(text);
	close(c->fd);
	c->fd = -1;
}
