/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

/* Gives up, for all threads of the process, the capabilities that only the start takes: to open raw
 * sockets and devices. Those stay that are needed later: to set interfaces' filters, to lock
 * memory, and with has_bpf, where a port has BPF programs, to unload these. Logs threads that could
 * not be reached. Main thread, once all others are there; it sends each a signal, and waits, two
 * seconds at most.
 *
 * Root keeps all that it has: its programs would have it again, and the kernel does not end a
 * program with its parent (PR_SET_PDEATHSIG) that gets more than this had. */
void rights_give_up(bool has_bpf);
