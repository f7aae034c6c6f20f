/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "el_str.h"

/* A reader that is only slow gets so much time. */
#define PATIENCE_MS 50

static _Atomic int min_level = EL_LOG_INFO;
static _Atomic int out_fd = STDERR_FILENO;

void el_log_set_level(enum el_log_level level)
{
	atomic_store_explicit(&min_level, level, memory_order_relaxed);
}

void el_log_set_fd(int fd)
{
	atomic_store_explicit(&out_fd, fd, memory_order_relaxed);
}

bool el_log_enabled(enum el_log_level level)
{
	return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed) &&
	       atomic_load_explicit(&out_fd, memory_order_relaxed) >= 0;
}

const char *el_log_level_name(enum el_log_level level)
{
	switch (level) {
	case EL_LOG_NOTSET:
		return "NOTSET";
	case EL_LOG_DEBUG:
		return "DEBUG";
	case EL_LOG_INFO:
		return "INFO";
	case EL_LOG_WARNING:
		return "WARNING";
	case EL_LOG_ERROR:
		return "ERROR";
	case EL_LOG_CRITICAL:
		return "CRITICAL";
	}
	return "NOTSET";
}

/* True if a write would not be waited for. A pipe or a socket that is writable takes a whole line;
 * a terminal may stop in the middle of one, and then it is waited for. */
static bool is_writable(int fd, int patience_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, patience_ms) > 0;
}

/* Where nobody reads, lines are left out and counted: the threads that log have better things to
 * do. One write, so that lines of several threads don't mix. Nobody is left to tell of a failure.
 */
static void write_line(char *text, size_t len)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long left_out; /* lines, since one was written */
	int fd = atomic_load_explicit(&out_fd, memory_order_relaxed);
	char note[96];
	struct iovec parts[] = {{note, 0}, {text, len}};

	pthread_mutex_lock(&lock);
	if (left_out)
		parts[0].iov_len = (size_t)snprintf(
		    note, sizeof(note),
		    "module=\"log\" level=\"WARNING\" message=\"%lu messages are missing here\"\n",
		    left_out);
	if (is_writable(fd, left_out ? 0 : PATIENCE_MS) && writev(fd, parts, 2) >= 0)
		left_out = 0;
	else
		left_out++;
	pthread_mutex_unlock(&lock);
}

void el_log(enum el_log_level level, const char *module, const char *fmt, ...)
{
	char message[1024], text[3072];
	struct el_str line = EL_STR_INIT(text);
	va_list ap;

	if (!el_log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	el_str_addf(&line, "module=\"%s\" level=\"%s\" message=\"", module,
		    el_log_level_name(level));
	el_str_addn_escaped(&line, message, strlen(message), true);
	/* A message that was too long loses its tail, never the closing quote. */
	if (line.len > line.cap - 3)
		line.len = line.cap - 3;
	text[line.len++] = '"';
	text[line.len++] = '\n';
	write_line(text, line.len);
}
