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

const char *el_model_family_label(uint8_t family)
{
	return family == 6 ? "ipv6" : "ipv4";
}
