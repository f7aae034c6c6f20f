/* SPDX-License-Identifier: BSD-3-Clause */
#include "state.h"

#include "el_str.h"

#define ALIVE_NS (5 * EL_NS_PER_S) /* a worker that reads no command for so long stands still */

/* The reasons, as echolane_targets_not_probed counts them. */
static const char *nothing_is_probed(const struct el_model *m, struct el_str *out)
{
	const char *separator = ": ";

	out->len = 0;
	el_str_add(out, "nothing is probed");
	for (int status = EL_MODEL_ACTIVE + 1; status < EL_MODEL_STATUSES; status++) {
		if (!m->n_not_probed[status])
			continue;
		el_str_addf(out, "%s%u %s", separator, m->n_not_probed[status],
			    el_model_status_label((enum el_model_status)status));
		separator = ", ";
	}
	if (m->n_targets == 0)
		el_str_addf(out, "%sthere are no targets", separator);
	return out->buf;
}

const char *state_not_ready(struct control *c)
{
	struct el_str out = EL_STR_INIT(c->state_text);

	if (!network_is_up(c->network))
		return "no port is up";
	if (c->publisher.current->model->n_probed == 0)
		return nothing_is_probed(c->publisher.current->model, &out);
	return c->publisher.current->last ? NULL : "waiting for the first round";
}

const char *state_not_healthy(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		uint64_t still_ns = c->now_ns - c->alive_ns[w];

		if (still_ns > ALIVE_NS) {
			snprintf(c->state_text, sizeof(c->state_text),
				 "worker %u stands still since %.0f s", w, el_s_from_ns(still_ns));
			return c->state_text;
		}
	}
	return NULL;
}

void state_watch_workers(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (el_worker_has_read_all(c->workers[w]))
			c->alive_ns[w] = c->now_ns;
	}
}
