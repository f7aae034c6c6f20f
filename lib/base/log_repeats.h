/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What repeats is said once and counted. A line is written as it comes; the same line (level,
 * module and message) again within a minute is only counted, and said with its count when the
 * minute ends. A line that goes on repeating is so said once a minute. Plain memory and explicit
 * times, for one thread at a time. */
#include "el_clock.h"
#include "el_log.h"

#define LOG_REPEATS_NS (60 * EL_NS_PER_S)
#define LOG_REPEATS_MAX 64 /* lines that are remembered at a time */
#define LOG_MESSAGE_MAX 1024
#define LOG_MODULE_MAX 32

/* A line that was written, and how often it came again since. */
struct log_repeat {
	enum el_log_level level;
	char module[LOG_MODULE_MAX], message[LOG_MESSAGE_MAX];
	unsigned long count;
	uint64_t end_ns;  /* of its minute; 0: the place is free */
	uint64_t last_ns; /* when it came last */
};

/* Zeroed memory: nothing was said yet. */
struct log_repeats {
	struct log_repeat lines[LOG_REPEATS_MAX];
};

/* Called with what is to be written: a line whose count is not 0. */
typedef void (*log_repeats_say)(void *ctx, const struct log_repeat *line);

/* Notes a line that is about to be written at `now_ns`. False: it is counted, and not to be
 * written. Where there is no room for one more line, the one that has not come for the longest time
 * gives way, and is said if it has a count. What is longer than the fields is told apart by its
 * beginning alone. */
bool log_repeats_note(struct log_repeats *r, enum el_log_level level, const char *module,
		      const char *message, uint64_t now_ns, log_repeats_say say, void *ctx);

/* Says those whose minute has ended, in the order in which they came last: the last word on what
 * comes and goes is said last. Those that did not come again are forgotten. */
void log_repeats_end(struct log_repeats *r, uint64_t now_ns, log_repeats_say say, void *ctx);

/* Says all that have a count, in the same order, and forgets everything. */
void log_repeats_forget(struct log_repeats *r, log_repeats_say say, void *ctx);
