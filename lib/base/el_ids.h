/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

/* Indices that must not be mixed up are one-field structs, so that the compiler tells them apart.
 */
struct el_worker_idx {
	uint16_t v;
};
struct el_port_idx {
	uint16_t v;
};
struct el_slice_idx {
	uint32_t v;
};
struct el_next_hop_idx {
	uint16_t v;
};
