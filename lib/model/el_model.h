/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is to be probed, made from a configuration: targets, groups, series (a target in a group:
 * the unit that metrics are published for) and streams (a series' destination addresses). Immutable
 * once made, reference-counted, read by any thread. */
#include "el_base.h"
#include "el_conf.h"

/* Whether a target is probed, and if not, why. */
enum el_model_status {
	EL_MODEL_ACTIVE,
	EL_MODEL_NO_GROUP,    /* it is in no group: it has no series */
	EL_MODEL_UNRESOLVED,  /* its name has no address now */
	EL_MODEL_OWN_ADDRESS, /* its address is the prober's own */
};

struct el_model_target {
	char *name;
	char *description;
	enum el_probe_type type;
	uint8_t family;       /* 4 or 6 */
	struct el_ip address; /* of a subnet the first; family 0: unresolved */
	uint16_t dst_port;
	uint32_t nb_packets;
	int32_t ip_payload_size; /* EL_CONF_UNSET */
	bool dont_fragment;
	bool is_subnet;
	bool enabled; /* status is EL_MODEL_ACTIVE */
	enum el_model_status status;
	double timeout_s;
	double threshold_latency_s, threshold_loss; /* NaN where not set */
	enum el_alert_level alert_level;
	enum el_state state;
	uint32_t first_series, n_series; /* its series are consecutive */
};

struct el_model_group {
	char *name;
	struct el_ip src_ipv4, src_ipv6; /* family 0: the port's address */
	/* Source addresses to rotate over, which win over the above; host bits are zero; family 0:
	 * none. */
	struct el_prefix src_subnet_ipv4, src_subnet_ipv6;
	uint16_t src_port_first, src_port_count;
	int32_t ip_payload_size;
	uint8_t dscp;
};

struct el_model_series {
	uint32_t target, group;
	uint32_t first_stream, n_streams; /* its streams are consecutive; inactive: none */
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

/* What a model is made from; all of it stays the caller's and is not kept. */
struct el_model_input {
	const struct el_conf *conf; /* with the targets of dynamic inventories */
	/* The model before, of the same configuration but for names and inventories: of targets
	 * that it has, only what is different now is logged. NULL: there is none. */
	const struct el_model *before;
	/* The address of a name in a family (4 or 6): 0 and *ret, or a negative errno where there
	 * is none (now). Called once for each target whose destination is a name. NULL: no name has
	 * an address. */
	int (*resolve)(void *ctx, const char *name, uint8_t family, struct el_ip *ret);
	void *resolve_ctx;
	/* Addresses of the prober: a target that has one is disabled, a subnet is probed without
	 * them. */
	const struct el_ip *own;
	size_t n_own;
};

/* Makes a model, holding one reference. Targets that can't be probed have a status that says why,
 * no streams, and one log line each. NULL with a sentence in `err` and errno ENOMEM, or E2BIG if a
 * round has more probes than dataplane.max_probes_per_round, those of inactive targets included.
 * Takes time in proportion to targets and streams. */
struct el_model *el_model_create(const struct el_model_input *in, struct el_error *err);

struct el_model *el_model_get(struct el_model *model);
void el_model_put(struct el_model *model); /* NULL is fine; the last reference frees */

/* Names as labels print them. */
const char *el_model_state_label(enum el_state state); /* "None", "in production", ... */
const char *el_model_alert_level_label(enum el_alert_level level); /* "no_alert", ... */
const char *el_model_family_label(uint8_t family);                 /* "ipv4", "ipv6" */
