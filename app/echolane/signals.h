/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The signals that are orders: SIGINT and SIGTERM to stop, SIGHUP to reload. They are held from the
 * first line of main on, in all threads, so that one which comes while the program is brought up is
 * neither lost nor its end: control takes it when it can. Programs that are started get none of
 * that (lib/inventory/spawn.c). */
#include <stdbool.h>

/* Holds them from now on; before any thread is made. */
void signals_hold(void);
/* They do to the program what they do to any other: those that came meanwhile at once. */
void signals_release(void);
/* There is nothing left to stop: those that came too late are forgotten, from now on SIGINT and
 * SIGTERM end the program. */
void signals_let_end(void);

/* Whether an order to stop waits to be taken. */
bool signals_want_stop(void);
/* A signalfd of them all, which does not block. -1 with errno. */
int signals_open(void);
