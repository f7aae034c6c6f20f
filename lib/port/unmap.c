/* SPDX-License-Identifier: BSD-3-Clause */
/* memif's driver unmaps its rings as soon as their other end goes away, on the EAL's thread of
 * interrupts, while a worker may be in the midst of them (DPDK 22.11). It clears the flag before by
 * which bursts see that there is a connection. So memory that this thread unmaps is kept until the
 * bursts that go on have ended. The driver has no place to tell it this, but it calls munmap by
 * name, and a program's function comes before that of libc with the same name. */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

#include <rte_interrupts.h>

#include "el_port.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static el_port_unmap_fn *wait_for;
static void *wait_arg;

void el_port_before_unmap(el_port_unmap_fn *fn, void *arg)
{
	pthread_mutex_lock(&lock);
	wait_for = fn;
	wait_arg = arg;
	pthread_mutex_unlock(&lock);
}

int munmap(void *address, size_t length)
{
	int (*libc_munmap)(void *, size_t);

	*(void **)&libc_munmap = dlsym(RTLD_NEXT, "munmap");
	if (rte_thread_is_intr()) {
		pthread_mutex_lock(&lock);
		if (wait_for)
			wait_for(wait_arg);
		pthread_mutex_unlock(&lock);
	}
	return libc_munmap(address, length);
}
