/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the table of families. A cursor's row 0 is a family's HELP and TYPE, row n + 1 its row n.
 * As in pages of Prometheus' own libraries, a family without rows has its HELP and TYPE. */
#include "el_expo.h"

#include "family.h"

/* Rows without a line that a call passes over, once it has something to return. */
#define SKIPPED_MAX 20000

static bool print_header(const struct family *f, struct line *l)
{
	line_text(l, "# HELP ");
	line_text(l, f->name);
	line_text(l, " ");
	line_escaped(l, f->help, false);
	line_text(l, "\n# TYPE ");
	line_text(l, f->name);
	line_text(l, " ");
	line_text(l, f->type);
	line_text(l, "\n");
	return true;
}

/* Behind the cursor's place. */
static void advance(const struct el_expo_input *in, const struct family *f,
		    struct el_expo_cursor *c)
{
	uint32_t subs = f->subs != NULL ? f->subs(in) : 1;

	if (c->row > 0 && ++c->sub < subs)
		return;
	c->sub = 0;
	if (c->row++ < f->rows(in) && subs > 0)
		return;
	c->row = 0;
	c->family++;
	c->done = c->family == expo_n_families;
}

size_t el_expo_render(const struct el_expo_input *in, struct el_expo_cursor *cursor, char *buf,
		      size_t cap)
{
	char *pos = buf;
	uint32_t skipped = 0;

	while (!cursor->done && cap - (size_t)(pos - buf) >= EL_EXPO_LINE_MAX &&
	       (skipped < SKIPPED_MAX || pos == buf)) {
		const struct family *f = &expo_families[cursor->family];
		struct line l = {.pos = pos, .end = pos + EL_EXPO_LINE_MAX};
		bool printed;

		if (cursor->row == 0) {
			printed = print_header(f, &l);
		} else {
			line_text(&l, f->name);
			printed = f->print(f, in, cursor->row - 1, cursor->sub, &l);
		}
		if (printed && !l.overflow)
			pos = l.pos;
		else
			skipped++;
		advance(in, f, cursor);
	}
	return (size_t)(pos - buf);
}
