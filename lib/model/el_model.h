/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is to be probed, made from a configuration: targets, groups, series (a target in a group:
 * the unit that metrics are published for) and streams (a series' destination addresses). Immutable
 * once made, reference-counted, read by any thread. */
#include "el_base.h"
#include "el_conf.h"

struct el_model_target {
	char *name;
	char *description;
	enum el_probe_type type;
	uint8_t family; /* 4 or 6 */
	struct el_ip address;
	uint16_t dst_port;
	uint32_t nb_packets;
	int32_t ip_payload_size; /* EL_CONF_UNSET */
	bool dont_fragment;
	bool enabled; /* in at least one group, and its address is known */
	double timeout_s;
	double threshold_latency_s, threshold_loss; /* NaN where not set */
	enum el_alert_level alert_level;
	enum el_state state;
	uint32_t first_series, n_series; /* its series are consecutive */
};

struct el_model_group {
	char *name;
	struct el_ip src_ipv4, src_ipv6; /* family 0: the port's address */
	uint16_t src_port_first, src_port_count;
	int32_t ip_payload_size;
	uint8_t dscp;
};

struct el_model_series {
	uint32_t target, group;
	uint32_t first_stream, n_streams; /* its streams are consecutive */
};

struct el_model_stream {
	uint32_t series;
	struct el_ip address;
};

struct el_model {
	char *probe_name;
	struct el_model_target *targets;
	uint32_t n_targets;
	struct el_model_group *groups;
	uint32_t n_groups;
	struct el_model_series *series;
	uint32_t n_series;
	struct el_model_stream *streams;
	uint32_t n_streams;
	int *percentiles; /* as configured */
	uint32_t n_percentiles;
	struct el_conf_strings duplicate_targets; /* app_target_name_dup_total */
	_Atomic uint32_t refs;                    /* any thread, through get and put */
};

/* Makes the model of `conf`, holding one reference. Targets that can't be probed (no group; a kind
 * of destination that is not supported yet) are disabled with one log line each. NULL with errno
 * ENOMEM, or E2BIG (logged with the number) if a round has more probes than
 * dataplane.max_probes_per_round. */
struct el_model *el_model_create(const struct el_conf *conf);

struct el_model *el_model_get(struct el_model *model);
void el_model_put(struct el_model *model); /* NULL is fine; the last reference frees */

/* Names as labels print them. */
const char *el_model_state_label(enum el_state state); /* "None", "in production", ... */
const char *el_model_alert_level_label(enum el_alert_level level); /* "no_alert", ... */
const char *el_model_family_label(uint8_t family);                 /* "ipv4", "ipv6" */
