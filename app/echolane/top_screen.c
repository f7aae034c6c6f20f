/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "el_str.h"
#include "output.h"

/* Alternate screen, no cursor, no new line behind the last column; and all of it undone. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[m\033[?7h\033[?25h\033[?1049l"
#define CLEAR "\033[H\033[2J"
#define ROWS_MAX 1000
#define COLUMNS_MAX 1000

static void put(const struct screen *s, const char *text, size_t len)
{
	write_all(s->fd, text, len);
}

static void forget(struct screen *s)
{
	for (int i = 0; s->shown && i < s->rows; i++)
		free(s->shown[i]);
	free(s->shown);
	free(s->frame);
	s->shown = NULL;
	s->frame = NULL;
}

int screen_resize(struct screen *s)
{
	struct winsize size = {0};

	forget(s);
	if (ioctl(s->fd, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	s->rows = size.ws_row < ROWS_MAX ? size.ws_row : ROWS_MAX;
	s->columns = size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
	s->frame_size = (size_t)s->rows * (4 * (size_t)s->columns + 32) + 32;
	s->shown = calloc((size_t)s->rows, sizeof(*s->shown));
	s->frame = malloc(s->frame_size);
	if (s->shown && s->frame)
		return 0;
	screen_close(s);
	return -ENOMEM;
}

int screen_open(struct screen *s, struct el_error *err)
{
	const char *term = getenv("TERM");
	struct termios raw;

	*s = (struct screen){.fd = -1};
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
	    tcgetattr(STDOUT_FILENO, &s->before) < 0)
		return el_error_set(err, -ENOTTY,
				    "top needs a terminal; for scripts there is --once");
	if (!term || !*term || strcmp(term, "dumb") == 0)
		return el_error_set(err, -ENOTTY,
				    "top can't address this terminal (TERM is \"%s\"); there is "
				    "--once",
				    term ? term : "");
	raw = s->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDOUT_FILENO, TCSADRAIN, &raw) < 0)
		return el_error_set(err, -errno, "the terminal can't be set: %s", strerror(errno));
	s->fd = STDOUT_FILENO;
	put(s, ENTER CLEAR, strlen(ENTER CLEAR));
	return screen_resize(s) == 0 ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

void screen_close(struct screen *s)
{
	forget(s);
	if (s->fd < 0)
		return;
	put(s, LEAVE, strlen(LEAVE));
	tcsetattr(s->fd, TCSADRAIN, &s->before);
	s->fd = -1;
}

/* Whether the line is there already; else it is from now on. */
static bool is_shown(struct screen *s, int row, const char *line)
{
	char *copy;

	if (s->shown[row] && strcmp(s->shown[row], line) == 0)
		return true;
	copy = strdup(line);
	free(s->shown[row]);
	s->shown[row] = copy; /* NULL: it is shown again the next time */
	return false;
}

void screen_show(struct screen *s, const char *const *lines, int n, int reversed)
{
	struct el_str out;

	if (s->fd < 0)
		return;
	el_str_init(&out, s->frame, s->frame_size);
	for (int row = 0; row < n && row < s->rows; row++) {
		if (is_shown(s, row, lines[row]))
			continue;
		el_str_addf(&out, "\033[%d;1H%s", row + 1, row == reversed ? "\033[7m" : "");
		el_str_add(&out, lines[row]);
		if (row == reversed)
			el_str_add(&out, "\033[m");
	}
	put(s, out.buf, out.len);
}

/* ---- keys ---- */

static const struct {
	const char *text;
	int key;
} sequences[] = {
    {"\033[A", KEY_UP},   {"\033OA", KEY_UP},       {"\033[B", KEY_DOWN},
    {"\033OB", KEY_DOWN}, {"\033[5~", KEY_PAGE_UP}, {"\033[6~", KEY_PAGE_DOWN},
    {"\033[H", KEY_HOME}, {"\033OH", KEY_HOME},     {"\033[1~", KEY_HOME},
    {"\033[F", KEY_END},  {"\033OF", KEY_END},      {"\033[4~", KEY_END},
};

/* How long an escape sequence is that the text begins with; 0: it is not whole. */
static size_t sequence_len(const char *text, size_t len)
{
	if (len >= 2 && text[1] == 'O')
		return len >= 3 ? 3 : 0;
	if (len < 2 || text[1] != '[')
		return 1; /* the key itself */
	for (size_t i = 2; i < len; i++) {
		if (text[i] >= '@' && text[i] <= '~')
			return i + 1;
	}
	return 0;
}

int screen_take_key(char *text, size_t *len)
{
	size_t n = 1;
	int key;

	if (*len == 0)
		return KEY_NONE;
	key = (unsigned char)text[0];
	if (key == '\033') {
		n = sequence_len(text, *len);
		if (n == 0)
			return KEY_NONE;
		key = n > 1 ? KEY_OTHER : '\033';
		for (size_t i = 0; n > 1 && i < sizeof(sequences) / sizeof(sequences[0]); i++) {
			if (strlen(sequences[i].text) == n &&
			    memcmp(sequences[i].text, text, n) == 0)
				key = sequences[i].key;
		}
	}
	*len -= n;
	memmove(text, text + n, *len);
	return key;
}
