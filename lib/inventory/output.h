/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a program prints: documents and lines for the log. */
#include "program.h"

/* The streams' `ready`. */
void output_ready(struct program_stream *s);
void output_error_ready(struct program_stream *s);

/* The process has ended: reads what is left. `whole`: the last document counts. */
void output_end(struct program *p, bool whole);

/* Does what is due: starts to parse. */
void output_run(struct program *p);

/* program.c, for output.c */
void program_pause_stream(struct program_stream *s, uint64_t until_ns);
void program_close_stream(struct program_stream *s);
void program_output_closed(struct program *p);
void program_kill(struct program *p); /* it broke the rules */
