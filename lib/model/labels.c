/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_model.h"

const char *el_model_state_label(enum el_state state)
{
	switch (state) {
	case EL_STATE_PRODUCTION:
		return "in production";
	case EL_STATE_VALIDATION:
		return "validation";
	case EL_STATE_NONE:
		break;
	}
	return "None";
}

const char *el_model_alert_level_label(enum el_alert_level level)
{
	switch (level) {
	case EL_ALERT_PAGING:
		return "paging";
	case EL_ALERT_PAGING_VALIDATION:
		return "paging_validation";
	case EL_ALERT_SANDBOX:
		return "sandbox";
	case EL_ALERT_NO_ALERT:
		break;
	}
	return "no_alert";
}

const char *el_model_status_label(enum el_model_status status)
{
	static const char *const labels[EL_MODEL_STATUSES] = {
	    [EL_MODEL_ACTIVE] = "active",
	    [EL_MODEL_NO_GROUP] = "no_group",
	    [EL_MODEL_REPEATED_NAME] = "repeated_name",
	    [EL_MODEL_UNRESOLVED] = "unresolved",
	    [EL_MODEL_OWN_ADDRESS] = "own_address",
	    [EL_MODEL_TOO_MANY_PROBES] = "too_many_probes",
	    [EL_MODEL_NO_HOST] = "no_host",
	    [EL_MODEL_NO_ROUTE] = "no_route",
	    [EL_MODEL_NO_SOURCE] = "no_source_address",
	    [EL_MODEL_DUPLICATE_ADDRESS] = "duplicate_address",
	    [EL_MODEL_NO_NEXT_HOP] = "no_next_hop",
	    [EL_MODEL_TOO_LONG] = "too_long",
	    [EL_MODEL_TOO_MANY_SIZES] = "too_many_sizes",
	    [EL_MODEL_TOO_SLOW] = "too_slow",
	};

	return labels[status];
}

const char *el_model_family_label(uint8_t family)
{
	return family == 6 ? "ipv6" : "ipv4";
}
