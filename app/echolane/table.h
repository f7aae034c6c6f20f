/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The table of results on a terminal. */
#include <stdio.h>

#include "el_stats.h"

/* Prints a snapshot: one row a series. screen_fd: the terminal that it is for, which is cleared
 * first and whose height decides how many rows there are (the others are counted); -1: all rows. */
void table_print(FILE *out, const struct el_snapshot *s, const char *metrics_url, int screen_fd);

/* A time with three or four digits and its unit: "53.1us". */
void table_format_time(char *buf, size_t size, double ns);
