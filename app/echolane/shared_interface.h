/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Interfaces that the host uses too. */
#include "el_conf.h"

/* Calls `warn` with a sentence for each port that takes from the kernel what comes in on an
 * interface where the kernel has addresses of more than link-local scope. */
void shared_interface_check(const struct el_conf *conf, void (*warn)(const char *sentence));
