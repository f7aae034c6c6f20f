/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Everything that the other libraries share: errors, log, clocks, addresses, strings, keyed
 * hashing, typed indices. Plain memory only; no EAL, no sockets. */
#include "el_clock.h"
#include "el_error.h"
#include "el_fastdiv.h"
#include "el_ids.h"
#include "el_ip.h"
#include "el_log.h"
#include "el_nearest.h"
#include "el_siphash.h"
#include "el_str.h"
#include "el_types.h"
