/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "el_conf.h"

/* What a target's destination is. */
enum conf_destination {
	CONF_DESTINATION_NONE, /* nothing that can be probed */
	CONF_DESTINATION_ADDRESS,
	CONF_DESTINATION_NAME,
	CONF_DESTINATION_PREFIX,
	CONF_DESTINATION_PATTERN /* octet patterns: 192.168.*.1-5 */
};

/* `ret_range` is filled in for an address, a prefix and a pattern. */
enum conf_destination conf_destination_parse(const char *text, struct el_conf_range *ret_range);
