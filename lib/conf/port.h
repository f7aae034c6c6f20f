/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"

/* The name that a port has by default: the interface of its device, else the device itself. NULL:
 * out of memory. */
char *conf_port_default_name(const char *device);
