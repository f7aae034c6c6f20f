/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

/* Log lines as netprobify writes them, with the time (UTC) before: time="2026-11-28T21:46:49.123Z"
 * module="..." level="..." message="...", one line a call, on the descriptor that was set (standard
 * error unless told otherwise). Quotes, backslashes and control characters of the message are
 * escaped. The same line again within a minute is counted, and said at the end of the minute with
 * "(N times more)" behind its message. Lines that nobody reads are left out, and how many is said
 * once there is room again. Any thread may log, except a worker in its loop. */
enum el_log_level {
	EL_LOG_NOTSET = 0, /* netprobify's NOTSET: everything */
	EL_LOG_DEBUG = 10,
	EL_LOG_INFO = 20,
	EL_LOG_WARNING = 30,
	EL_LOG_ERROR = 40,
	EL_LOG_CRITICAL = 50
};

/* Lines below `level` are dropped. Default EL_LOG_INFO. */
void el_log_set_level(enum el_log_level level);

/* Where lines go; the descriptor stays the caller's. -1 drops everything. What was counted is said
 * on the one before. */
void el_log_set_fd(int fd);

/* True if a line of `level` would be written: for callers whose arguments are expensive. */
bool el_log_enabled(enum el_log_level level);

void el_log(enum el_log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Says how often lines came again whose minute is over; to be called every second or so, for nobody
 * else does while nothing is logged. Any thread. */
void el_log_poll(void);

/* Says how often lines came again, and what is said from now on is said as for the first time: at
 * the end, and where somebody waits for it. Any thread. */
void el_log_forget(void);

const char *el_log_level_name(enum el_log_level level);
