/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>
#include "el_model.h"
struct el_model *el_model_get(struct el_model *model)
{
	atomic_fetch_add(&model->refs, 1);
	return model;
}
void el_model_put(struct el_model *model)
{
	if (model)
		atomic_fetch_sub(&model->refs, 1);
}
const char *el_model_state_label(enum el_state state)
{
	static const char *const n[] = {"None", "in production", "validation"};
	return n[state];
}
const char *el_model_alert_level_label(enum el_alert_level level)
{
	static const char *const n[] = {"no_alert", "paging", "paging_validation", "sandbox"};
	return n[level];
}
const char *el_model_family_label(uint8_t family)
{
	return family == 6 ? "ipv6" : "ipv4";
}
