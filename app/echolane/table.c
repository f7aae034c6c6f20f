/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define NAME_MAX_COLUMNS 32
#define HEADER_LINES 5

static uint32_t rows_that_fit(int fd, uint32_t n)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row <= HEADER_LINES + 1)
		return n;
	return n <= (unsigned)(size.ws_row - HEADER_LINES) ? n : size.ws_row - HEADER_LINES - 1u;
}

static int widest(int width, const char *name)
{
	int n = 0;

	while (name[n] && n < NAME_MAX_COLUMNS)
		n++;
	return n > width ? n : width;
}

void table_format_time(char *buf, size_t size, double ns)
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
	int u = 0;

	while (u < 3 && ns < units[u].ns)
		u++;
	snprintf(buf, size, "%.*f%s", ns / units[u].ns < 10 ? 2 : 1, ns / units[u].ns,
		 units[u].unit);
}

static void print_row(FILE *out, const struct el_snapshot *s, uint32_t i, int target_width,
		      int group_width)
{
	const struct el_model *m = s->model;
	const struct el_series_totals *t = &s->series[i];
	const struct el_figures *g = &s->gauges[i];

	fprintf(out, "%-*.*s  %-*.*s  %10llu  ", target_width, NAME_MAX_COLUMNS,
		m->targets[m->series[i].target].name, group_width, NAME_MAX_COLUMNS,
		m->groups[m->series[i].group].name, (unsigned long long)t->sent);
	if (!t->sent) {
		fprintf(out, "%7s", "-");
	} else {
		fprintf(out, "%6.2f%%", 100.0 * (double)t->lost / (double)t->sent);
	}
	for (uint32_t p = 0; p < m->n_percentiles; p++) {
		/* netprobify's default order is 95, 50: people read them the other way round */
		double ns =
		    s->percentile_ns[(size_t)i * m->n_percentiles + m->n_percentiles - 1 - p];
		char text[24] = "-";
		if (s->measured[i] && g->answered)
			table_format_time(text, sizeof(text), ns);
		fprintf(out, "  %8s", text);
	}
	if (s->measured[i])
		fprintf(out, "  %llu/%llu answered", (unsigned long long)g->answered,
			(unsigned long long)g->sent);
	fputc('\n', out);
}

void table_print(FILE *out, const struct el_snapshot *s, const char *metrics_url, int screen_fd)
{
	const struct el_model *m = s->model;
	uint32_t rows = screen_fd >= 0 ? rows_that_fit(screen_fd, m->n_series) : m->n_series;
	int target_width = 6, group_width = 5;

	for (uint32_t i = 0; i < m->n_series; i++) {
		target_width = widest(target_width, m->targets[m->series[i].target].name);
		group_width = widest(group_width, m->groups[m->series[i].group].name);
	}
	if (screen_fd >= 0)
		fputs("\033[H\033[2J", out);
	fprintf(out, "echolane  round %llu  %s\n\n",
		(unsigned long long)(s->last ? s->last->round : 0), metrics_url);
	fprintf(out, "%-*s  %-*s  %10s  %7s", target_width, "target", group_width, "group", "sent",
		"loss");
	for (uint32_t p = 0; p < m->n_percentiles; p++) {
		char head[16];
		snprintf(head, sizeof(head), "p%d", m->percentiles[m->n_percentiles - 1 - p]);
		fprintf(out, "  %8s", head);
	}
	fputs("  last round\n", out);
	for (uint32_t i = 0; i < rows; i++)
		print_row(out, s, i, target_width, group_width);
	if (rows < m->n_series)
		fprintf(out, "... and %u more\n", m->n_series - rows);
	if (screen_fd < 0)
		fputc('\n', out);
}
