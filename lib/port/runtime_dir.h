/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The EAL's run-time directory, PARENT/PROGRAM-PID, which it makes and leaves behind. Private to
 * lib/port. */
#include "el_error.h"

/* Looks, before rte_eal_init, at the place where the EAL will make it: $RUNTIME_DIRECTORY/dpdk,
 * else for root /var/run/dpdk, else $XDG_RUNTIME_DIR/dpdk or /tmp/dpdk (eal_create_runtime_dir of
 * DPDK). The EAL would take one that it finds as it is, a link too. Makes the first folder where it
 * is missing; nothing is touched in one that others can change. 0; -EPERM with a sentence where
 * they can, or what mkdir(2) failed with. */
int runtime_dir_prepare(const char *prefix, struct el_error *err);

/* Remembers which it is; after rte_eal_init, whether that succeeded or not. */
void runtime_dir_keep(void);

/* Removes it. */
void runtime_dir_remove(void);

/* Removes those of processes that were killed: PROGRAM-PID of no process, with nobody behind its
 * socket. */
void runtime_dir_sweep(const char *program);
