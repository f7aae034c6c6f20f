/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The EAL's run-time directory, which it makes and leaves behind: PARENT/PROGRAM, so that its
 * telemetry socket is where people look for it, or PARENT/PROGRAM-PID where another process of the
 * program has that. Private to lib/port. */
#include <stddef.h>
#include <stdint.h>

#include "el_error.h"

/* Looks, before rte_eal_init, at the place where the EAL will make it: $RUNTIME_DIRECTORY/dpdk,
 * else for root /var/run/dpdk, else $XDG_RUNTIME_DIR/dpdk or /tmp/dpdk (eal_create_runtime_dir of
 * DPDK). The EAL would take one that it finds as it is, a link too. Makes the first folder where it
 * is missing; nothing is touched in one that others can change. Chooses the name: the file prefix,
 * into prefix[size]. 0; -EPERM with a sentence where others can change it, or what mkdir(2) failed
 * with. Nothing that it does is undone before runtime_dir_remove. */
int runtime_dir_prepare(const char *program, char *prefix, size_t size, struct el_error *err);

/* Whether the file system of the place that runtime_dir_prepare has looked at has room for the
 * EAL's files: it maps them, and would be ended by a signal where it has not. 0, or -ENOSPC with a
 * sentence. */
int runtime_dir_check_space(uint64_t need_kib, struct el_error *err);

/* Remembers which it is; after rte_eal_init, whether that succeeded or not. */
void runtime_dir_keep(void);

/* Removes it, and lets go of its name. */
void runtime_dir_remove(void);

/* Removes those of processes that were killed: PROGRAM-PID of no process, with nobody behind its
 * socket. */
void runtime_dir_sweep(const char *program);
