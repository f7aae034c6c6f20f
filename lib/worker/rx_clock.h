/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Arrival times from the stamps of a NIC. A stamp is believed where it can be true: the packet came
 * before the burst that it was received in, and not long before the queue was last seen empty, for
 * then it would have been taken out at that time. Else the time of the burst has to do. */
#include <stdbool.h>
#include <stdint.h>

#include "el_device_clock.h"

/* How much later than its stamp a packet may get into memory: buses and interrupt moderation. */
#define RX_CLOCK_LATE_S 1e-3

struct rx_clock {
	struct el_device_line line; /* from control; unknown: stamps are of no use */
	uint64_t late_ns;
};

/* The arrival time of a packet that the NIC stamped `device`, received at `burst_ns` from a queue
 * that was last seen empty just after `empty_ns`; false: burst_ns, for the stamp can't be true.
 * Never after burst_ns. */
static inline bool rx_clock_arrival(const struct rx_clock *c, uint64_t device, uint64_t empty_ns,
				    uint64_t burst_ns, uint64_t *ret_ns)
{
	uint64_t at = el_device_line_ns(&c->line, device);
	int64_t age = (int64_t)(burst_ns - at);
	int64_t oldest = (int64_t)(burst_ns - empty_ns + c->late_ns + c->line.error_ns);

	*ret_ns = age > 0 && age <= oldest ? at : burst_ns;
	return age >= -(int64_t)c->line.error_ns && age <= oldest;
}
