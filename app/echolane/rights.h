/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What root, or the service manager, has trusted us with. */

/* Gives up, for all threads of the process, the capabilities that only the start takes: to open raw
 * sockets and devices, to load BPF programs, and whatever else root has. Those stay that are needed
 * later: to set interfaces' filters, lock memory, read and watch files of others, and run programs
 * of inventories as other users. Logs a thread that could not be reached, if there is one. Main
 * thread, once all others are there; it sends each a signal, and waits, two seconds at most. */
void rights_give_up(void);
