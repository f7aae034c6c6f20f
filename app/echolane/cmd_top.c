/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane top`: looks at a running prober every second. It asks for what it shows and no more;
 * the prober's telemetry thread does the work. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "output.h"
#include "top.h"
#include "top_screen.h"

#define EVERY_MS 1000
#define SAY_MS 5000 /* how long news stay */
#define HEAD_LINES 3
#define FOOT_LINES 1

struct top {
	const struct options *options;
	struct inside inside;
	struct screen screen;
	struct top_query query;
	bool shows_inside; /* ports and workers in the place of the series */
	bool edits_filter;
	char edited[TOP_FILTER_MAX];
	struct top_rows rows; /* what was read last, also while nobody answers */
	json_t *ports;        /* likewise */
	char probe_name[128];
	char news[512];
	uint64_t news_until_ms; /* 0: they stay */
	long known_pid;
	uint64_t next_ms;
	char keys[64];
	size_t n_keys;
	bool done;
	int status;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- reading ---- */

static int read_name(struct top *t, struct el_error *err)
{
	json_t *info;
	int code = 0;

	info = inside_ask(&t->inside, "/echolane/info", &code, err);
	if (!info) { /* DPDK is there before the commands are */
		if (code == -EINVAL)
			el_error_set(err, code, "a prober is being started (process %ld)",
				     t->inside.pid);
		inside_close(&t->inside);
		return code;
	}
	snprintf(t->probe_name, sizeof(t->probe_name), "%s",
		 json_is_string(json_object_get(info, "probe_name"))
		     ? json_string_value(json_object_get(info, "probe_name"))
		     : "");
	json_decref(info);
	return 0;
}

static int read_rows(struct top *t, struct el_error *err)
{
	struct top_rows rows = {0};
	int code = top_read(&t->inside, &t->query, &rows, err);

	if (code < 0)
		return code;
	top_rows_fini(&t->rows);
	t->rows = rows;
	return 0;
}

static int read_ports(struct top *t, struct el_error *err)
{
	json_t *ports = NULL;
	int code = top_read_inside(&t->inside, &ports, err);

	if (code < 0)
		return code;
	json_decref(t->ports);
	t->ports = ports;
	return 0;
}

/* News that stay for a while, or, with for_ms 0, until there are others. */
static void say(struct top *t, uint64_t for_ms, const char *text)
{
	snprintf(t->news, sizeof(t->news), "%s", text);
	t->news_until_ms = for_ms ? now_ms() + for_ms : 0;
}

/* Connects again, if need be. */
static int reconnect(struct top *t, struct el_error *err)
{
	const char *path = t->options->socket;
	char text[160], before[sizeof(t->inside.path)];
	int code;

	if (t->inside.fd >= 0)
		return 0;
	/* not another one that runs beside it; but the name of a second one changes */
	snprintf(before, sizeof(before), "%s", t->inside.path);
	if (!path && t->known_pid && inside_is_first(&t->inside))
		path = before;
	code = inside_open(path, &t->inside, err);
	if (code == 0)
		code = read_name(t, err);
	if (code < 0)
		return code;
	if (t->known_pid) {
		snprintf(text, sizeof(text), "%s (process %ld, it was %ld)",
			 t->inside.pid == t->known_pid ? "connected again"
						       : "the prober was started again",
			 t->inside.pid, t->known_pid);
		say(t, SAY_MS, text);
	}
	t->known_pid = t->inside.pid;
	return 0;
}

static void look(struct top *t)
{
	struct el_error err;
	int code = reconnect(t, &err);
	bool has_news;

	if (code == 0)
		code = t->shows_inside ? read_ports(t, &err) : read_rows(t, &err);
	has_news = t->news_until_ms && now_ms() < t->news_until_ms;
	/* a prober that has just been started may have nothing to show yet */
	if (code < 0 && !(code == -EINVAL && has_news))
		say(t, 0, err.text);
	else if (!has_news)
		t->news[0] = '\0';
	t->next_ms = now_ms() + EVERY_MS;
}

/* ---- showing ---- */

static int body_lines(const struct top *t)
{
	int n = t->screen.rows - HEAD_LINES - FOOT_LINES;

	return n > 1 ? n : 1;
}

static void format_foot(const struct top *t, struct top_line *l)
{
	if (t->edits_filter)
		top_line_add(l, "show only (name, group, address, type, state): %s_", t->edited);
	else if (t->shows_inside)
		top_line_add(l, "q quit  Tab series  UNACC: missing between port and workers");
	else
		top_line_add(
		    l, "q quit  Tab ports  s/S by %s  / filter%s%s  arrows, PgUp, PgDn  * in part",
		    el_rank_names[t->query.key], t->query.filter[0] ? ": " : "", t->query.filter);
	top_line_fill(l);
}

/* Line `row` of the screen. */
static void format_line(const struct top *t, struct top_line *l, int row)
{
	int body = row - HEAD_LINES;

	if (row == 0) {
		top_format_summary(l, t->probe_name, t->known_pid, &t->rows);
	} else if (row == 1) {
		top_line_add(l, "%s", t->news);
	} else if (row == t->screen.rows - 1) {
		format_foot(t, l);
	} else if (row == 2) {
		if (t->shows_inside)
			top_format_inside(l, t->ports, 0);
		else
			top_format_heading(l, &t->rows);
	} else if (t->shows_inside) {
		top_format_inside(l, t->ports, (size_t)body + 1);
	} else if ((size_t)body < json_array_size(t->rows.rows)) {
		top_format_row(l, &t->rows, (size_t)body);
	}
	top_line_fill(l);
}

static void show(struct top *t)
{
	int rows = t->screen.rows, n = 0;
	size_t size = 4 * (size_t)t->screen.columns + 1;
	char **lines = calloc((size_t)rows, sizeof(*lines));

	for (; lines && n < rows; n++) {
		struct top_line l;

		lines[n] = malloc(size);
		if (!lines[n])
			break;
		top_line_init(&l, lines[n], size, t->screen.columns);
		format_line(t, &l, n);
	}
	screen_show(&t->screen, (const char *const *)lines, n, HEAD_LINES - 1);
	while (n > 0)
		free(lines[--n]);
	free(lines);
}

/* ---- keys ---- */

static void set_filter(struct top *t, const char *text)
{
	snprintf(t->query.filter, sizeof(t->query.filter), "%s", text);
	t->query.first = 0;
}

static void edit_filter(struct top *t, int key)
{
	size_t n = strlen(t->edited);

	if (key == '\r' || key == '\n') {
		set_filter(t, t->edited);
		t->edits_filter = false;
	} else if (key == '\033') {
		t->edits_filter = false;
	} else if ((key == 127 || key == 8) && n > 0) {
		/* a whole character of UTF-8 */
		while (n > 1 && ((unsigned char)t->edited[n - 1] & 0xc0) == 0x80)
			n--;
		t->edited[n - 1] = '\0';
	} else if (key == 21) { /* Ctrl-U */
		t->edited[0] = '\0';
	} else if (key >= ' ' && key < 256 && key != 127 && n + 1 < sizeof(t->edited)) {
		t->edited[n] = (char)key;
		t->edited[n + 1] = '\0';
	}
}

/* Shows other rows: `by` further down. */
static void scroll(struct top *t, int64_t by)
{
	int64_t last =
	    json_integer_value(json_object_get(t->rows.state, "matching")) - body_lines(t);
	int64_t first = (int64_t)t->query.first + by;

	first = first < last ? first : last;
	t->query.first = first > 0 ? (uint32_t)first : 0;
}

static void sort_by(struct top *t, int by)
{
	t->query.key = (enum el_rank_key)((t->query.key + EL_RANK_N + by) % EL_RANK_N);
	t->query.first = 0;
}

static void take_key(struct top *t, int key)
{
	if (t->edits_filter) {
		edit_filter(t, key);
		return;
	}
	switch (key) {
	case 'q':
		t->done = true;
		break;
	case '\t':
		t->shows_inside = !t->shows_inside;
		break;
	case 's':
		sort_by(t, 1);
		break;
	case 'S':
		sort_by(t, -1);
		break;
	case '/':
		snprintf(t->edited, sizeof(t->edited), "%s", t->query.filter);
		t->edits_filter = true;
		break;
	case 'k':
	case KEY_UP:
		scroll(t, -1);
		break;
	case 'j':
	case KEY_DOWN:
		scroll(t, 1);
		break;
	case KEY_PAGE_UP:
		scroll(t, -body_lines(t));
		break;
	case ' ':
	case KEY_PAGE_DOWN:
		scroll(t, body_lines(t));
		break;
	case 'g':
	case KEY_HOME:
		t->query.first = 0;
		break;
	case 'G':
	case KEY_END:
		scroll(t, INT32_MAX);
		break;
	default:
		return;
	}
}

static void read_keys(struct top *t)
{
	ssize_t n = read(STDIN_FILENO, t->keys + t->n_keys, sizeof(t->keys) - t->n_keys);
	int key;

	/* nothing is read where others were faster, or it was flushed (Ctrl-Z); that the terminal
	 * is gone tells poll */
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		t->done = true;
		return;
	}
	t->n_keys += n > 0 ? (size_t)n : 0;
	while ((key = screen_take_key(t->keys, &t->n_keys)) != KEY_NONE && !t->done)
		take_key(t, key);
	if (t->n_keys == sizeof(t->keys)) /* no sequence is so long */
		t->n_keys = 0;
	t->next_ms = 0;
}

/* ---- the program ---- */

static int open_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Ctrl-Z: the shell has the terminal until it lets this program go on. */
static void rest(struct top *t)
{
	struct el_error err;

	screen_close(&t->screen);
	raise(SIGSTOP);
	if (screen_open(&t->screen, &err) < 0)
		t->done = true;
}

static void take_signals(struct top *t, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			t->done |= screen_resize(&t->screen) < 0;
		else if (info.ssi_signo == SIGTSTP)
			rest(t);
		else
			t->done = true;
	}
}

static void watch(struct top *t, int signal_fd)
{
	struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
			       {.fd = STDIN_FILENO, .events = POLLIN}};

	while (!t->done) {
		uint64_t now = now_ms();

		if (now >= t->next_ms) {
			t->query.n = (uint32_t)body_lines(t);
			look(t);
		}
		show(t);
		now = now_ms();
		poll(fds, 2, t->next_ms > now ? (int)(t->next_ms - now) : 0);
		if (fds[0].revents)
			take_signals(t, signal_fd);
		if (fds[1].revents & ~POLLIN)
			t->done = true;
		else if (fds[1].revents && !t->done)
			read_keys(t);
	}
}

static int show_on_screen(struct top *t)
{
	struct el_error err;
	int signal_fd = open_signals();

	if (signal_fd < 0 || screen_open(&t->screen, &err) < 0) {
		fprintf(stderr, "echolane: %s\n", signal_fd < 0 ? strerror(errno) : err.text);
		return signal_fd < 0 ? EX_OSERR : EX_USAGE;
	}
	watch(t, signal_fd);
	screen_close(&t->screen);
	close(signal_fd);
	return t->status;
}

static int print_once(struct top *t)
{
	const char *format = t->options->format ? t->options->format : "table";
	struct stdout_text o;
	struct el_error err;

	t->query.n = t->options->rows;
	if (read_rows(t, &err) < 0) {
		fprintf(stderr, "echolane: %s\n", err.text);
		return EX_UNAVAILABLE;
	}
	if (stdout_begin(&o)) {
		if (strcmp(format, "json") == 0)
			top_print_json(o.stream, t->probe_name, t->inside.pid, &t->rows);
		else if (strcmp(format, "csv") == 0)
			top_print_csv(o.stream, &t->rows);
		else
			top_print_table(o.stream, &t->rows);
	}
	return stdout_end(&o);
}

int command_top(const struct options *options)
{
	struct top t = {.options = options,
			.inside.fd = -1,
			.screen.fd = -1,
			.query.key = (enum el_rank_key)options->sort};
	struct el_error err;
	int status, code;

	setlocale(LC_CTYPE, "");
	if (options->filter)
		set_filter(&t, options->filter);
	code = reconnect(&t, &err);
	if (code < 0) {
		fprintf(stderr, "echolane: %s\n", err.text);
		return EX_UNAVAILABLE;
	}
	status = options->once ? print_once(&t) : show_on_screen(&t);
	inside_close(&t.inside);
	top_rows_fini(&t.rows);
	json_decref(t.ports);
	return status;
}
