/* SPDX-License-Identifier: BSD-3-Clause */
/* Where documents end (YAML 1.2, section 9.2): at lines that begin with `---` or `...`, which
 * nothing in a document may, not even in quotes. JSON ends with its outermost bracket. */
#include "document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_LEN 4 /* three characters and what separates them from the rest */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands in a line besides white space and a marker; NULL: nothing. */
static const char *line_content(const char *p, size_t n)
{
	const char *end = p + n;

	if (n >= 3 && (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0) &&
	    (n == 3 || is_blank(p[3])))
		p += 3;
	while (p < end && is_blank(*p))
		p++;
	return p < end ? p : NULL;
}

static bool has_content(const char *p, size_t n)
{
	const char *content = line_content(p, n);

	return content && *content != '#' && *p != '%';
}

/* Of the line that is being read. */
static bool line_has_content(const struct document *d)
{
	return d->len > d->line && has_content(d->text + d->line, d->len - d->line);
}

static int append(struct document *d, char c)
{
	if (d->len == DOCUMENT_MAX)
		return -EFBIG;
	if (d->len == d->capacity) {
		size_t capacity = d->capacity ? 2 * d->capacity : 4096;
		char *bigger = realloc(d->text, capacity);

		if (!bigger)
			return -ENOMEM;
		d->text = bigger;
		d->capacity = capacity;
	}
	d->text[d->len++] = c;
	return 0;
}

/* One more character of what looks like JSON; true if it is the last one. What JSON doesn't have
 * shows that it is none, and the document ends with a marker only. */
static bool json_ends(struct document *d, char c)
{
	bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';

	if (d->in_string) {
		if (c == '"' && !d->is_escaped)
			d->in_string = false;
		d->is_escaped = c == '\\' && !d->is_escaped;
		return false;
	}
	d->in_string = c == '"';
	if (opens && d->depth < DOCUMENT_NESTING_MAX) {
		d->lists = d->lists << 1 | (c == '[');
		d->depth++;
	} else if (closes && (d->lists & 1) == (c == ']')) {
		d->lists >>= 1;
		d->depth--;
	} else if (opens || closes || c == '\'' || c == '#') {
		d->is_json = false;
	}
	return d->is_json && d->depth == 0;
}

/* Begins the next document. Of the marker before it only its end is kept, so that lines and columns
 * are those of what was printed. */
static void begin(struct document *d, char marker_end)
{
	const char *first = marker_end == '\n' ? "\n" : "    ";

	d->len = d->line = 0;
	d->has_content = d->has_marker = false;
	d->is_json = d->in_string = d->is_escaped = false;
	d->lists = d->depth = 0;
	d->marker_end = '\0';
	for (; marker_end && *first; first++)
		if (append(d, *first) < 0) /* no memory: the first lines are numbered wrongly */
			return;
	d->line = marker_end == '\n' ? d->len : 0;
}

static bool ends_with_marker(const struct document *d, const char *marker)
{
	return d->len - d->line == MARKER_LEN && memcmp(d->text + d->line, marker, 3) == 0 &&
	       is_blank(d->text[d->len - 1]);
}

/* After a marker: true if it ends a document, which then is what there is before it. */
static bool take_marker(struct document *d)
{
	char last = d->text[d->len - 1];
	bool begins = d->text[d->line] == '-';

	if (d->has_content) {
		d->len = d->line;
		d->marker_end = last;
		return true;
	}
	if (!begins || d->has_marker) /* there was nothing before it */
		begin(d, last);
	d->has_marker = begins;
	return false;
}

/* Adds a character; 1: a document is complete. */
static int feed_one(struct document *d, char c)
{
	int rc = append(d, c);

	if (rc < 0)
		return rc;
	if (ends_with_marker(d, "---") || ends_with_marker(d, "...")) {
		if (take_marker(d))
			return 1;
	} else if (!d->has_content && (c == '[' || c == '{') &&
		   line_content(d->text + d->line, d->len - d->line) == d->text + d->len - 1) {
		d->has_content = d->is_json = true;
	}
	if (d->is_json && json_ends(d, c))
		return 1;
	if (c == '\n' && d->line < d->len) {
		d->has_content |= line_has_content(d);
		d->line = d->len;
	}
	return 0;
}

int document_feed(struct document *d, const char *data, size_t n, size_t *ret_used)
{
	int rc = 0;
	size_t i = 0;

	while (i < n && rc == 0)
		rc = feed_one(d, data[i++]);
	*ret_used = i;
	return rc;
}

bool document_finish(struct document *d)
{
	d->has_content |= line_has_content(d);
	d->marker_end = '\0';
	return d->has_content;
}

char *document_take(struct document *d, size_t *ret_len)
{
	char *text = d->text, marker_end = d->marker_end;

	*ret_len = d->len;
	d->text = NULL;
	d->capacity = 0;
	begin(d, marker_end);
	return text;
}

void document_fini(struct document *d)
{
	free(d->text);
	*d = (struct document){0};
}
