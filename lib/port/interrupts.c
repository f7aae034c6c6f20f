/* SPDX-License-Identifier: BSD-3-Clause */
#include "interrupts.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_interrupts.h>

#define WAIT_MS 2000

/* What is run. Not on anybody's stack: it may take longer than is waited. */
static struct {
	void (*fn)(void *arg);
	void *arg;
	_Atomic bool done;
} task;

/* What it is parked by, which stays: never read, but known to be in use. */
static struct rte_intr_handle *parked_by __attribute__((used));

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

/* Tells that it has begun, for it does not end. */
static void park(void *arg)
{
	(void)arg;
	atomic_store_explicit(&task.done, true, memory_order_release);
	for (;;)
		pause();
}

/* By an interrupt that is there already, and of its own: the EAL waits for alarms when it ends. */
void interrupts_park(void)
{
	struct rte_intr_handle *handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	atomic_store_explicit(&task.done, false, memory_order_relaxed);
	if (handle && fd >= 0 && rte_intr_fd_set(handle, fd) == 0 &&
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_EXT) == 0 &&
	    rte_intr_callback_register(handle, park, NULL) == 0) {
		parked_by = handle;
		is_done();
		return;
	}
	if (fd >= 0)
		close(fd);
	rte_intr_instance_free(handle);
}
