/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "el_str.h"
#include "log_repeats.h"

/* A reader that is only slow gets so much time. */
#define PATIENCE_MS 50

/* 2026-11-28T21:46:49.123Z, with its NUL */
#define TIME_MAX 40

static _Atomic int min_level = EL_LOG_INFO;
static _Atomic int out_fd = STDERR_FILENO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. */
static struct log_repeats repeats;
static unsigned long left_out; /* lines, since one was written */

void el_log_set_level(enum el_log_level level)
{
	atomic_store_explicit(&min_level, level, memory_order_relaxed);
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

/* The time of day in UTC, ISO 8601 with milliseconds. */
static const char *time_text(char buf[TIME_MAX])
{
	struct timespec now;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buf + len, TIME_MAX - len, ".%03ldZ", now.tv_nsec / 1000000);
	return buf;
}

/* Where nobody reads, lines are left out and counted: the threads that log have better things to
 * do. One write, so that lines of several programs don't mix. Nobody is left to tell of a failure.
 */
static void write_text(char *text, size_t len)
{
	int fd = atomic_load_explicit(&out_fd, memory_order_relaxed);
	char note[160], now[TIME_MAX];
	struct iovec parts[] = {{note, 0}, {text, len}};

	if (left_out)
		parts[0].iov_len = (size_t)snprintf(note, sizeof(note),
						    "time=\"%s\" module=\"log\" level=\"WARNING\" "
						    "message=\"%lu messages are missing here\"\n",
						    time_text(now), left_out);
	if (is_writable(fd, left_out ? 0 : PATIENCE_MS) && writev(fd, parts, 2) >= 0)
		left_out = 0;
	else
		left_out++;
}

/* Cuts escaped text off at `most`, but not within an escape: what follows would be part of it. */
static void cut(struct el_str *s, size_t most)
{
	size_t slashes = 0;

	if (s->len <= most)
		return;
	s->len = most;
	while (slashes < most && s->buf[most - 1 - slashes] == '\\')
		slashes++;
	s->len -= slashes % 2;
}

/* `again`: behind the message. A message that is too long loses its tail, never what follows. */
static void write_line(enum el_log_level level, const char *module, const char *message,
		       const char *again)
{
	char text[3072], now[TIME_MAX];
	struct el_str line = EL_STR_INIT(text);

	el_str_addf(&line, "time=\"%s\" module=\"%s\" level=\"%s\" message=\"", time_text(now),
		    module, el_log_level_name(level));
	el_str_addn_escaped(&line, message, strlen(message), true);
	cut(&line, sizeof(text) - strlen(again) - sizeof("\"\n"));
	el_str_addf(&line, "%s\"\n", again);
	write_text(text, line.len);
}

static void say_again(void *ctx, const struct log_repeat *line)
{
	char again[48];

	(void)ctx;
	snprintf(again, sizeof(again), " (%lu times more)", line->count);
	write_line(line->level, line->module, line->message, again);
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

void el_log(enum el_log_level level, const char *module, const char *fmt, ...)
{
	char message[LOG_MESSAGE_MAX];
	va_list ap;

	if (!el_log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&lock);
	if (log_repeats_note(&repeats, level, module, message, monotonic_ns(), say_again, NULL))
		write_line(level, module, message, "");
	pthread_mutex_unlock(&lock);
}

void el_log_poll(void)
{
	pthread_mutex_lock(&lock);
	log_repeats_end(&repeats, monotonic_ns(), say_again, NULL);
	pthread_mutex_unlock(&lock);
}

void el_log_forget(void)
{
	pthread_mutex_lock(&lock);
	log_repeats_forget(&repeats, say_again, NULL);
	pthread_mutex_unlock(&lock);
}

void el_log_set_fd(int fd)
{
	el_log_forget();
	atomic_store_explicit(&out_fd, fd, memory_order_relaxed);
}
