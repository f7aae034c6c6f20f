/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The EAL's run-time directory, PARENT/PROGRAM-PID, which it makes and leaves behind. Private to
 * lib/port. */

/* Remembers which it is; after rte_eal_init, whether that succeeded or not. */
void runtime_dir_keep(void);

/* Removes it. */
void runtime_dir_remove(void);

/* Removes those of processes that were killed: PROGRAM-PID of no process, with nobody behind its
 * socket. */
void runtime_dir_sweep(const char *program);
