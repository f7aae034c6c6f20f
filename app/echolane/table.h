/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The table of results on a terminal. */
#include <stdio.h>

#include "el_stats.h"

/* Prints a snapshot: one row a series, as many as fit on the screen. screen: the terminal is
 * cleared first and rows past its height are left out (and counted); else everything is printed. */
void table_print(FILE *out, const struct el_snapshot *s, const char *metrics_url, bool screen);
