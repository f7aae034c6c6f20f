/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "el_str.h"

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

static void append_escaped(struct el_str *line, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			el_str_addf(line, "\\%c", *c);
		else if (*c == '\n')
			el_str_add(line, "\\n");
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			el_str_addf(line, "\\x%02x", (unsigned char)*c);
		else
			el_str_addc(line, *c);
	}
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
	append_escaped(&line, message);
	/* A message that was too long loses its tail, never the closing quote. */
	if (line.len > line.cap - 3)
		line.len = line.cap - 3;
	text[line.len++] = '"';
	text[line.len++] = '\n';
	/* One write, so that lines of several threads don't mix. Nobody is left to tell of a
	 * failure. */
	if (write(atomic_load_explicit(&out_fd, memory_order_relaxed), text, line.len) < 0)
		return;
}
