/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The terminal that `echolane top` shows itself on: its alternate screen, so that what was there
 * before is there again afterwards. A frame is the lines that have changed, in one write. Six
 * escape sequences, which every terminal has that a prober may be looked at from (xterm's, the
 * console's, screen's, tmux's): no library for terminals is needed for that. */
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "el_error.h"

struct screen {
	int fd; /* the terminal's; -1: not open */
	struct termios before;
	int rows, columns;
	int n_shown;  /* lines of the last frame */
	char **shown; /* [rows]; NULL: unknown */
	char *frame;  /* [frame_size] */
	size_t frame_size;
};

/* Takes over the terminal of standard output. -ENOTTY with a sentence where that is none, or one
 * that can't be addressed. */
int screen_open(struct screen *s, struct el_error *err);
/* Gives it back as it was. Any number of times. */
void screen_close(struct screen *s);
/* Its size is another: all of it is shown anew. -ENOMEM: it is closed. */
int screen_resize(struct screen *s);

/* Shows `n` lines of the terminal's width, those past its height not. `reversed`: which of them is
 * shown dark on light, -1: none. */
void screen_show(struct screen *s, const char *const *lines, int n, int reversed);

/* What a key is: a character, or one of these. */
enum screen_key {
	KEY_NONE = -1,
	KEY_UP = 256,
	KEY_DOWN,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_OTHER
};
/* Takes the first key from text[*len] (what was read from the terminal); KEY_NONE: there is none,
 * or it is not whole. */
int screen_take_key(char *text, size_t *len);
