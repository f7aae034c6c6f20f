/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The EAL's thread that takes interrupts. Private to lib/port; control's thread. */
#include <stdbool.h>

/* Runs `fn` there and waits for it, two seconds at most. False: it was not run and will not be. */
bool interrupts_run(void (*fn)(void *arg), void *arg);

/* Has the thread do nothing any more, until the process ends: what drivers leave registered there
 * (the socket that a memif listens on, which its other end may connect to again) is in memory that
 * goes with the EAL. */
void interrupts_park(void);
