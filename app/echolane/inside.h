/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A running prober seen from outside: a client of its telemetry socket (DPDK's protocol, version 2:
 * a SOCK_SEQPACKET socket, a command a packet, a JSON document a reply). */
#include <jansson.h>
#include <sys/un.h>

#include "el_base.h"

struct inside {
	int fd;                                                 /* -1: not connected */
	long pid;                                               /* of the prober */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of the socket */
};

/* Connects to the socket at `path`; NULL: to the first of these where somebody is: in the
 * directories $RUNTIME_DIRECTORY/dpdk, /run/echolane/dpdk, /var/run/dpdk, $XDG_RUNTIME_DIR/dpdk,
 * and /tmp/dpdk where that is the user's own, the sockets of `echolane` and of `echolane-PID`. 0,
 * or -errno with a sentence that says where it looked and what was there: -ENOENT where nobody is,
 * -EACCES where somebody may be whom the user may not ask, -EPROTO for one that is no prober. */
int inside_open(const char *path, struct inside *ret, struct el_error *err);
void inside_close(struct inside *i); /* not connected is fine */
/* Whether the prober was the first of its directory: started again, it is in the same place. */
bool inside_is_first(const struct inside *i);

/* What a command is answered with, to be freed with json_decref; waits 10 s at most. NULL with a
 * sentence: -EINVAL in *ret_code where the prober says that the question is wrong or that it has no
 * answer, else the connection is closed. Names in it are as the prober has them. */
json_t *inside_ask(struct inside *i, const char *command, int *ret_code, struct el_error *err);
