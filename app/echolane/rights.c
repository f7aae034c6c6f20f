/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread's capabilities can be changed by itself alone (capabilities(7)), and many threads are
 * DPDK's. So each is sent a signal, in whose handler it does that; libc does the same for setuid().
 */
#include "rights.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "el_log.h"

#define THREADS_MAX 4096
#define WAIT_US 2000000
#define WAIT_STEP_US 200

/* Needed when it runs. */
static const uint8_t later[] = {
    CAP_NET_ADMIN, /* multicast filters of interfaces */
    CAP_IPC_LOCK,  /* buffers of later plans that a NIC reads */
};

static struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3];
static _Atomic uint32_t n_done, n_failed;

/* Of the calling thread. */
static bool get(struct __user_cap_data_struct *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, ret) == 0;
}

static void give_up_own(int number)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	int saved = errno;

	(void)number;
	if (syscall(SYS_capset, &header, left) < 0)
		atomic_fetch_add(&n_failed, 1);
	atomic_fetch_add(&n_done, 1);
	errno = saved;
}

/* Works out what is left; false: nothing is to be given up. */
static bool plan_left(bool has_bpf)
{
	uint32_t kept[_LINUX_CAPABILITY_U32S_3] = {0}, gone = 0;

	if (!get(left))
		return false;
	for (size_t i = 0; i < sizeof(later); i++)
		kept[later[i] / 32] |= 1u << later[i] % 32;
	/* where a NIC is told physical addresses, who asks the kernel for those of later memory
	 * needs it */
	if (rte_eal_iova_mode() == RTE_IOVA_PA || has_bpf)
		kept[0] |= 1u << CAP_SYS_ADMIN;
	if (has_bpf) /* to take its programs away, at the end */
		kept[CAP_BPF / 32] |= 1u << CAP_BPF % 32;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		gone |= left[i].permitted & ~kept[i];
		left[i].permitted &= kept[i];
		left[i].effective &= kept[i];
		left[i].inheritable &= kept[i];
	}
	return gone != 0;
}

/* The process's threads but the calling one; how many, -1: that is not known. */
static int list_threads(pid_t *ret, int max)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	int n = 0;

	if (!tasks)
		return -1;
	while (n < max && (entry = readdir(tasks))) {
		pid_t id = (pid_t)strtol(entry->d_name, NULL, 10);

		if (id && id != gettid())
			ret[n++] = id;
	}
	closedir(tasks);
	return n < max ? n : -1;
}

/* Has all other threads give up theirs, and waits for them; how many have not, at least. */
static uint32_t tell_all(int number)
{
	static pid_t threads[THREADS_MAX];
	uint32_t before = atomic_load(&n_done), told = 0;
	int n = list_threads(threads, THREADS_MAX);

	if (n < 0)
		return 1;
	for (int i = 0; i < n; i++)
		told += syscall(SYS_tgkill, getpid(), threads[i], number) == 0;
	for (int us = 0; us < WAIT_US && atomic_load(&n_done) - before < told; us += WAIT_STEP_US)
		rte_delay_us_sleep(WAIT_STEP_US);
	return told - (atomic_load(&n_done) - before);
}

void rights_give_up(bool has_bpf)
{
	struct sigaction action = {.sa_handler = give_up_own, .sa_flags = SA_RESTART}, before;
	int number = SIGRTMAX - 1;
	uint32_t missing;

	if (geteuid() == 0 || !plan_left(has_bpf))
		return;
	/* this one first, for threads have no more than their makers; the others once more, for one
	 * may have made another meanwhile */
	give_up_own(number);
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, &before);
	missing = tell_all(number);
	missing += missing ? 0 : tell_all(number);
	if (!missing) /* else the signal may come yet */
		sigaction(number, &before, NULL);
	missing += atomic_load(&n_failed);
	if (missing)
		el_log(EL_LOG_WARNING, "control",
		       "%u threads keep capabilities that only the start takes", missing);
	else
		el_log(EL_LOG_DEBUG, "control",
		       "capabilities that only the start takes are given up");
}
