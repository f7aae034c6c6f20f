/* SPDX-License-Identifier: BSD-3-Clause */
#include "log_repeats.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct log_repeat *line, enum el_log_level level, const char *module,
		    const char *message)
{
	return line->end_ns && line->level == level &&
	       strncmp(line->message, message, sizeof(line->message) - 1) == 0 &&
	       strncmp(line->module, module, sizeof(line->module) - 1) == 0;
}

static struct log_repeat *find(struct log_repeats *r, enum el_log_level level, const char *module,
			       const char *message)
{
	for (int i = 0; i < LOG_REPEATS_MAX; i++) {
		if (is_same(&r->lines[i], level, module, message))
			return &r->lines[i];
	}
	return NULL;
}

/* A free place, else that of the line which has not come for the longest time. */
static struct log_repeat *find_place(struct log_repeats *r)
{
	struct log_repeat *oldest = &r->lines[0];

	for (int i = 0; i < LOG_REPEATS_MAX; i++) {
		struct log_repeat *line = &r->lines[i];

		if (!line->end_ns)
			return line;
		if (line->last_ns < oldest->last_ns)
			oldest = line;
	}
	return oldest;
}

bool log_repeats_note(struct log_repeats *r, enum el_log_level level, const char *module,
		      const char *message, uint64_t now_ns, log_repeats_say say, void *ctx)
{
	struct log_repeat *line;

	log_repeats_end(r, now_ns, say, ctx);
	line = find(r, level, module, message);
	if (line) {
		line->count++;
		line->last_ns = now_ns;
		return false;
	}
	line = find_place(r);
	if (line->end_ns && line->count)
		say(ctx, line);
	line->level = level;
	snprintf(line->module, sizeof(line->module), "%s", module);
	snprintf(line->message, sizeof(line->message), "%s", message);
	line->count = 0;
	line->end_ns = now_ns + LOG_REPEATS_NS;
	line->last_ns = now_ns;
	return true;
}

/* Of the lines whose minute has ended by `now_ns` the one that came first; NULL: there is none. */
static struct log_repeat *find_ended(struct log_repeats *r, uint64_t now_ns)
{
	struct log_repeat *first = NULL;

	for (int i = 0; i < LOG_REPEATS_MAX; i++) {
		struct log_repeat *line = &r->lines[i];

		if (line->end_ns && line->end_ns <= now_ns &&
		    (!first || line->last_ns < first->last_ns))
			first = line;
	}
	return first;
}

void log_repeats_end(struct log_repeats *r, uint64_t now_ns, log_repeats_say say, void *ctx)
{
	struct log_repeat *line;

	while ((line = find_ended(r, now_ns))) {
		if (!line->count) {
			line->end_ns = 0;
			continue;
		}
		say(ctx, line);
		/* it was just said: again within a minute from now, it is counted */
		line->count = 0;
		line->end_ns = now_ns + LOG_REPEATS_NS;
	}
}

void log_repeats_forget(struct log_repeats *r, log_repeats_say say, void *ctx)
{
	struct log_repeat *line;

	while ((line = find_ended(r, UINT64_MAX))) {
		if (line->count)
			say(ctx, line);
		line->end_ns = 0;
	}
}
