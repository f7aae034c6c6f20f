/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What tests with a running EAL have in common. */
#include "unit.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "el_base.h"

#define DEADLINE_NS (5 * EL_NS_PER_S)

/* libxdp forgets some memory of each AF_XDP socket. Called by LeakSanitizer, where there is one. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:xsk_umem__create";
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * EL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A network namespace of this process's own, with the pair elnet0 (02:00:00:00:00:aa) and elnet1
 * (...:bb), two queues each, both up, and eldown, which is down; no IPv6. 0, or the exit status. */
static inline int unit_own_namespace(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0) {
		fprintf(stderr, "no network namespace can be made: %s\n", strerror(errno));
		return 77;
	}
	return run("ip link add elnet0 numtxqueues 2 numrxqueues 2 address 02:00:00:00:00:aa type "
		   "veth "
		   "peer name elnet1 numtxqueues 2 numrxqueues 2 address 02:00:00:00:00:bb && "
		   "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
		   "net.ipv6.conf.default.disable_ipv6=1 && "
		   "ip link set elnet0 up && ip link set elnet1 up && "
		   "ip link add eldown type veth peer name elpeer")
		   ? 1
		   : 0;
}
