/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG "inventory"
/* A stream that gives as much in one go is left alone for a while: 12 MiB/s at most. */
#define BUDGET_BYTES (256U << 10)
#define ERR_BUDGET_BYTES (16U << 10)
#define BUDGET_PAUSE_NS 20000000ULL
/* A document of each inventory so often; those between two are left out. */
#define PARSE_INTERVAL_NS EL_NS_PER_S
/* A document that was begun so long ago, and after which nothing came, lacks its end. */
#define HINT_NS (30 * EL_NS_PER_S)
#define MESSAGES_MAX 10
#define LINES_BURST 10
#define LINE_INTERVAL_NS EL_NS_PER_S

static const struct el_siphash_key hash_key = {0, 0};

/* ---- standard output ---- */

static void take_document(struct program *p)
{
	free(p->pending);
	p->pending = document_take(&p->document, &p->pending_len);
	p->hint_ns = 0;
	p->hinted = false;
}

/* 0, or -EFBIG and -ENOMEM: nothing more can be read from this program. */
static int feed(struct program *p, const char *data, size_t n)
{
	while (n > 0) {
		size_t used;
		int rc = document_feed(&p->document, data, n, &used);

		if (rc < 0)
			return rc;
		if (rc == 1)
			take_document(p);
		data += used;
		n -= used;
	}
	return 0;
}

static void refuse(struct program *p, int rc)
{
	el_log(EL_LOG_ERROR, LOG, "%s: %s; it is killed, and its list of %zu targets stays",
	       p->entry.name,
	       rc == -EFBIG ? "a document is larger than 16 MiB" : "not enough memory",
	       program_n_targets(p));
	document_fini(&p->document);
	program_kill(p);
}

/* Reads up to `budget`; 1: there may be more; 0: nothing for now; -EPIPE: the end. */
static int read_documents(struct program *p, size_t budget)
{
	char buf[16384];

	while (p->out.fd >= 0) {
		ssize_t n = read(p->out.fd, buf, sizeof(buf));
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EPIPE;
		rc = feed(p, buf, (size_t)n);
		if (rc < 0)
			refuse(p, rc);
		if ((size_t)n >= budget)
			return 1;
		budget -= (size_t)n;
	}
	return 0;
}

void output_ready(struct program_stream *s)
{
	struct program *p = s->program;
	int rc = read_documents(p, BUDGET_BYTES);

	if (rc == 1 && s->fd >= 0)
		program_pause_stream(s, p->now_ns + BUDGET_PAUSE_NS);
	if (rc == -EPIPE) {
		program_close_stream(s);
		program_output_closed(p);
	}
	if (s->fd >= 0 && p->document.has_content && !p->hinted)
		p->hint_ns = p->now_ns + HINT_NS;
}

/* ---- standard error ---- */

static bool may_log(struct program *p)
{
	const uint64_t full = LINES_BURST * LINE_INTERVAL_NS;

	if (p->credit_at_ns == 0)
		p->credit_ns = full;
	else
		p->credit_ns += p->now_ns - p->credit_at_ns;
	if (p->credit_ns > full)
		p->credit_ns = full;
	p->credit_at_ns = p->now_ns;
	if (p->credit_ns < LINE_INTERVAL_NS) {
		p->n_dropped++;
		return false;
	}
	p->credit_ns -= LINE_INTERVAL_NS;
	return true;
}

static void report_dropped(struct program *p)
{
	if (p->n_dropped)
		el_log(EL_LOG_WARNING, LOG, "%s: %llu lines more on its standard error",
		       p->entry.name, (unsigned long long)p->n_dropped);
	p->n_dropped = 0;
}

static void end_line(struct program *p)
{
	uint64_t dropped = p->n_dropped;

	if (p->line_len && may_log(p)) {
		p->n_dropped = dropped;
		report_dropped(p);
		el_log(EL_LOG_WARNING, LOG, "%s: %.*s", p->entry.name, (int)p->line_len, p->line);
	}
	p->line_len = 0;
}

static void add_to_line(struct program *p, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			end_line(p);
		else if (p->line_len < sizeof(p->line) && data[i])
			p->line[p->line_len++] = data[i]; /* the rest of a long line is dropped */
	}
}

static int read_lines(struct program *p, size_t budget)
{
	char buf[4096];

	for (size_t total = 0; total < budget;) {
		ssize_t n = read(p->err.fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EPIPE;
		add_to_line(p, buf, (size_t)n);
		total += (size_t)n;
	}
	return 1;
}

void output_error_ready(struct program_stream *s)
{
	int rc = read_lines(s->program, ERR_BUDGET_BYTES);

	if (rc == 1)
		program_pause_stream(s, s->program->now_ns + BUDGET_PAUSE_NS);
	if (rc == -EPIPE)
		program_close_stream(s);
}

/* ---- the end ---- */

void output_end(struct program *p, bool whole)
{
	read_documents(p, 2 * BUDGET_BYTES); /* more than a pipe holds */
	program_close_stream(&p->out);
	if (p->err.fd >= 0)
		read_lines(p, BUDGET_BYTES);
	program_close_stream(&p->err);
	end_line(p);
	report_dropped(p);
	if (document_finish(&p->document)) {
		if (whole)
			take_document(p);
		else if (!p->removed)
			el_log(EL_LOG_WARNING, LOG,
			       "%s: it failed within a document, which is dropped", p->entry.name);
	}
	document_fini(&p->document);
	p->hint_ns = 0;
	p->hinted = false;
}

/* ---- parsing ---- */

static void log_messages(const struct program *p, const struct el_conf_diags *diags)
{
	size_t shown = 0;

	for (size_t i = 0; i < diags->count && shown < MESSAGES_MAX; i++, shown++)
		el_log(diags->items[i].is_error ? EL_LOG_ERROR : EL_LOG_WARNING, LOG, "%s",
		       diags->items[i].text);
	if (shown < diags->count)
		el_log(EL_LOG_WARNING, LOG, "%s: %zu messages more", p->entry.name,
		       diags->count - shown);
	if (diags->errors)
		el_log(EL_LOG_ERROR, LOG, "%s: its list of %zu targets stays", p->entry.name,
		       program_n_targets(p));
}

bool program_take_parsed(struct program *p)
{
	struct el_conf_diags diags;
	struct list *list;

	if (!p->parse || !parse_is_done(p->parse))
		return false;
	list = parse_finish(p->parse, &diags);
	p->parse = NULL;
	if (!p->removed)
		log_messages(p, &diags);
	el_conf_diags_fini(&diags);
	if (!list || p->removed) {
		list_put(list);
		return false;
	}
	p->old = p->list; /* that was NULL: the parse took it */
	p->list = list;
	el_log(EL_LOG_INFO, LOG, "%s: %zu targets", p->entry.name, program_n_targets(p));
	return true;
}

static void start_parsing(struct program *p)
{
	uint64_t hash = el_siphash(&hash_key, p->pending, p->pending_len);
	char *text = p->pending;

	p->pending = NULL;
	if (p->has_hash && hash == p->hash) { /* printed again */
		free(text);
		return;
	}
	p->parse_ns = p->now_ns + PARSE_INTERVAL_NS;
	p->parse = parse_start(p->entry.name, text, p->pending_len, p->max_addresses, &p->old,
			       p->parsed_fd);
	p->has_hash = p->parse != NULL;
	p->hash = hash;
	if (!p->parse)
		el_log(EL_LOG_ERROR, LOG, "%s: a document is dropped: no thread can be had",
		       p->entry.name);
}

void output_run(struct program *p)
{
	if (p->hint_ns && p->now_ns >= p->hint_ns) {
		el_log(EL_LOG_WARNING, LOG,
		       "%s: %zu bytes of a document wait for its end, a line \"---\" or \"...\"",
		       p->entry.name, p->document.len);
		p->hint_ns = 0;
		p->hinted = true;
	}
	if (p->pending && !p->parse && p->now_ns >= p->parse_ns && !p->removed)
		start_parsing(p);
}
