/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Words of the domain that configuration, datapath and metrics have in common. */

/* The kind of packet that a target is probed with. Values index tables. */
enum el_probe_type {
	EL_PROBE_TCPSYN,
	EL_PROBE_ICMPPING,
	EL_PROBE_UDPUNREACHABLE,
	EL_PROBE_STAMP,
	EL_PROBE_TYPES
};

enum el_state { EL_STATE_NONE, EL_STATE_PRODUCTION, EL_STATE_VALIDATION };

enum el_alert_level {
	EL_ALERT_NO_ALERT,
	EL_ALERT_PAGING,
	EL_ALERT_PAGING_VALIDATION,
	EL_ALERT_SANDBOX
};
