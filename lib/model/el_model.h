/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is to be probed, made from a configuration: targets, groups, series (a target in a group:
 * the unit that metrics are published for) and streams (a series' destination addresses). Immutable
 * once made, reference-counted, read by any thread. */
#include "el_base.h"
#include "el_conf.h"

/* Whether a target, or a series of it, is probed, and if not, why. */
enum el_model_status {
	EL_MODEL_ACTIVE,
	/* of a target and all its series */
	EL_MODEL_NO_GROUP,        /* it is in no group: it has no series */
	EL_MODEL_REPEATED_NAME,   /* of duplicates only: another target has its name */
	EL_MODEL_UNRESOLVED,      /* its name has no address now */
	EL_MODEL_OWN_ADDRESS,     /* its address is the prober's own */
	EL_MODEL_TOO_MANY_PROBES, /* an inventory's, with more probes than a round may have */
	/* of a series, found when a plan is made */
	EL_MODEL_NO_HOST, /* no host has its address: a group's, a broadcast or loopback one, ... */
	EL_MODEL_NO_ROUTE,
	EL_MODEL_NO_SOURCE,         /* no source address */
	EL_MODEL_DUPLICATE_ADDRESS, /* another host has the source address */
	EL_MODEL_NO_NEXT_HOP,       /* its next hop can't be asked for, or is one too many */
	EL_MODEL_TOO_LONG,          /* its packets are longer than its port can send */
	EL_MODEL_TOO_MANY_SIZES,    /* SYNs of one more size than a plan can tell apart */
	EL_MODEL_TOO_SLOW,          /* its timeout would keep too many rounds open */
	EL_MODEL_STATUSES
};

/* What the requests of a STAMP target are like; zero: plain ones. */
struct el_model_stamp {
	char *key_file; /* NULL: nothing is signed */
	bool authenticated;
	bool ptp;              /* timestamps; else NTP's */
	bool class_of_service; /* asked for, with `dscp` wanted of the reply */
	bool direct_measurement;
	uint8_t dscp;
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
	struct el_model_stamp stamp;
	bool dont_fragment;
	bool is_subnet;
	bool enabled;     /* status is EL_MODEL_ACTIVE */
	bool dynamic;     /* of an inventory */
	bool lacks_group; /* it registers to a group that does not exist */
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
	char *port; /* by name, that its streams leave by; NULL: any */
	uint16_t src_port_first, src_port_count;
	int32_t ip_payload_size;
	uint8_t dscp;
};

struct el_model_series {
	uint32_t target, group;
	uint32_t first_stream, n_streams; /* its streams are consecutive; inactive: none */
	/* enum el_model_status: the target's, or what el_plan_compile found; that of the same
	 * series in the model before, which has been logged */
	uint8_t status, status_before;
	bool in_part; /* the status is that of some of its streams only */
};

struct el_model_stream {
	uint32_t series;
	struct el_ip address;
};

/* A name that several targets had: all but one of them are left out. */
struct el_model_duplicate {
	char *name;
	uint64_t count; /* of those left out: app_target_name_dup_total */
};

/* A series that is configured and can't be: its target is in no group, in one that does not exist,
 * or has the name of another target. */
struct el_model_absent {
	char *target, *group; /* group "": its target is in none */
	uint8_t family;
	enum el_state state;
	enum el_model_status status; /* EL_MODEL_NO_GROUP or EL_MODEL_REPEATED_NAME */
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
	bool certain_percentiles;              /* those of certain answers are wanted, too */
	enum el_conf_histograms histograms;    /* wanted, and how they are shown */
	struct el_model_duplicate *duplicates; /* a name once */
	uint32_t n_duplicates;
	struct el_model_absent *absent; /* none is among the series; each once */
	uint32_t n_absent;
	/* Targets that have this status, or a series that has; by el_model_count_not_probed. */
	uint32_t n_not_probed[EL_MODEL_STATUSES];
	uint32_t n_probed;     /* series, likewise */
	_Atomic uint32_t refs; /* any thread, through get and put */
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
 * no streams, and one log line each. NULL with a sentence in `err` and errno ENOMEM, or E2BIG if
 * the targets of the configuration itself have more probes a round than
 * dataplane.max_probes_per_round, inactive ones included; inventories' are left out from the one on
 * that has too many. Takes time in proportion to targets and streams. */
struct el_model *el_model_create(const struct el_model_input *in, struct el_error *err);

/* Counts anew what is not probed, once the status of a series has changed; before anybody else sees
 * the model. */
void el_model_count_not_probed(struct el_model *model);

static inline bool el_model_is_probed(const struct el_model_series *series)
{
	return series->status == EL_MODEL_ACTIVE || series->in_part;
}

struct el_model *el_model_get(struct el_model *model);
void el_model_put(struct el_model *model); /* NULL is fine; the last reference frees */

/* Names as labels print them. */
const char *el_model_state_label(enum el_state state);          /* "None", "in production", ... */
const char *el_model_status_label(enum el_model_status status); /* "no_group", ... */
const char *el_model_alert_level_label(enum el_alert_level level); /* "no_alert", ... */
const char *el_model_family_label(uint8_t family);                 /* "ipv4", "ipv6" */
