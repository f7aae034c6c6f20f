/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A network of this program's own, made with ip(8). */
#include "unit.h"

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "el_rtnl.h"

/* Runs a command of the shell; its exit status. */
static inline int sh(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Two uplinks, up0 and up1, each the end of a veth pair whose other end is up0p and up1p; all of
 * them without addresses. Needs root: false, with a sentence, else. */
static inline bool make_net(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "no network namespace can be made: needs root\n");
		return false;
	}
	return sh("set -e; ip link set lo up; for i in up0 up1; do "
		  "ip link add $i type veth peer name ${i}p; for j in $i ${i}p; do "
		  "ip link set $j addrgenmode none; ip link set $j up; done; done") == 0;
}

/* A command that waits, 10 s at most, until another succeeds. */
#define UNTIL(command) "timeout 10 sh -c 'until " command "; do sleep 0.01; done'"

static inline struct el_ip ip(const char *text)
{
	struct el_ip ip = {0};

	if (text && text[0])
		assert_int_equal(el_ip_parse(text, &ip), 0);
	return ip;
}
