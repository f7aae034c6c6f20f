/* SPDX-License-Identifier: BSD-3-Clause */
#include "interrupts.h"

#include <stdatomic.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#define WAIT_MS 2000

/* What is run. Not on anybody's stack: it may take longer than is waited. */
static struct {
	void (*fn)(void *arg);
	void *arg;
	_Atomic bool done;
} task;

static void run(void *arg)
{
	(void)arg;
	task.fn(task.arg);
	atomic_store_explicit(&task.done, true, memory_order_release);
}

static bool is_done(void)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (atomic_load_explicit(&task.done, memory_order_acquire))
			return true;
		rte_delay_us_sleep(1000);
	}
	return false;
}

bool interrupts_run(void (*fn)(void *arg), void *arg)
{
	task.fn = fn;
	task.arg = arg;
	atomic_store_explicit(&task.done, false, memory_order_relaxed);
	if (rte_eal_alarm_set(1, run, NULL) < 0)
		return false;
	return is_done() || rte_eal_alarm_cancel(run, NULL) <= 0;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* What it was to do when it runs the first of these it may do after that, but before it waits
 * again, and so before the second one. */
void interrupts_settle(void)
{
	if (interrupts_run(nothing, NULL))
		interrupts_run(nothing, NULL);
}
