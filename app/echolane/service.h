/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a service manager that started the program is told, by the protocol of sd_notify(3): when it
 * is ready, reads its configuration again or stops, how it is, and that it is alive. All of it is
 * control's, and none of it waits. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "el_error.h"

struct control;

struct service {
	int fd; /* -1: nobody wants to be told */
	struct sockaddr_un manager;
	socklen_t manager_len;
	/* what the manager was told last */
	bool ready, reloading, stopping;
	char status[256];
	uint64_t status_ns;
	/* A sign of life is due so long after the one before; 0: none is wanted. CLOCK_MONOTONIC.
	 */
	uint64_t watchdog_ns, alive_ns;
};

/* Reads whom to tell from the environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID). 0, or
 * -errno with a sentence. */
int service_init(struct control *c, struct el_error *err);
/* Says that the program stops. */
void service_fini(struct control *c);

/* Says what there is to say. To be called at each tick, before a reload that is wanted is ordered.
 * A sign of life is given only once every worker has done what it was told since the one before. */
void service_poll(struct control *c);
