/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The EAL's thread that takes interrupts. Private to lib/port; control's thread. */
#include <stdbool.h>

/* Runs `fn` there and waits for it, two seconds at most. False: it was not run and will not be. */
bool interrupts_run(void (*fn)(void *arg), void *arg);

/* Waits until the thread has done all that it was to do before: it looks at what devices had
 * registered when one of them is gone, and that memory goes with the EAL. */
void interrupts_settle(void);
