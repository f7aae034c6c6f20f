/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#include "el_error.h"

/* Whether so many more file descriptors and threads can be had: the EAL and drivers end the process
 * (rte_panic) where some of theirs can't. 0; -EMFILE, -ENFILE or -EAGAIN with a sentence. */
int resources_check(uint32_t descriptors, uint32_t threads, struct el_error *err);
