/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Models made by hand, without a configuration. The test's own reference is never dropped, so that
 * el_model_put never frees one; hand_model_destroy does, and sees that no other reference is left.
 */
#include <math.h>

#include "unit.h"

#include "el_model.h"

struct hand_model {
	struct el_model model;
	uint32_t next_series, next_stream;
};

static inline char *hand_name(const char *fmt, unsigned i)
{
	char *name;

	assert_true(asprintf(&name, fmt, i) >= 0);
	return name;
}

/* Every target is in every group, its type is its number modulo the number of types, its address
 * 192.0.2.0 plus its number; one stream a series. Names: t0, t1, ... in g0, g1, ... */
static inline struct hand_model *hand_model_create(uint32_t n_targets, uint32_t n_groups,
						   const int *percentiles, uint32_t n_percentiles)
{
	struct hand_model *h = calloc(1, sizeof(*h));
	struct el_model *m = &h->model;

	m->refs = 1;
	m->probe_name = strdup("lab");
	m->n_targets = n_targets;
	m->targets = calloc(n_targets + 1, sizeof(*m->targets));
	m->n_groups = n_groups;
	m->groups = calloc(n_groups + 1, sizeof(*m->groups));
	m->n_series = n_targets * n_groups;
	m->series = calloc(m->n_series + 1, sizeof(*m->series));
	m->n_percentiles = n_percentiles;
	m->percentiles = calloc(n_percentiles + 1, sizeof(*m->percentiles));
	memcpy(m->percentiles, percentiles, n_percentiles * sizeof(*percentiles));
	for (uint32_t g = 0; g < n_groups; g++)
		m->groups[g].name = hand_name("g%u", g);
	for (uint32_t t = 0; t < n_targets; t++) {
		m->targets[t] = (struct el_model_target){
		    .name = hand_name("t%u", t),
		    .type = t % EL_PROBE_TYPES,
		    .family = 4,
		    .address = el_ip_from_v4(htonl(0xc0000200 + t)),
		    .nb_packets = 1,
		    .enabled = true,
		    .timeout_s = 1,
		    .threshold_latency_s = NAN,
		    .threshold_loss = NAN,
		    .first_series = t * n_groups,
		    .n_series = n_groups,
		};
		for (uint32_t g = 0; g < n_groups; g++)
			m->series[t * n_groups + g] =
			    (struct el_model_series){.target = t, .group = g};
	}
	return h;
}

static inline void hand_model_destroy(struct hand_model *h)
{
	struct el_model *m = &h->model;

	assert_int_equal(m->refs, 1);
	for (uint32_t t = 0; t < m->n_targets; t++)
		free(m->targets[t].name);
	for (uint32_t g = 0; g < m->n_groups; g++)
		free(m->groups[g].name);
	for (uint32_t i = 0; i < m->n_duplicates; i++)
		free(m->duplicates[i].name);
	free(m->duplicates);
	for (uint32_t i = 0; i < m->n_absent; i++) {
		free(m->absent[i].target);
		free(m->absent[i].group);
	}
	free(m->absent);
	free(m->probe_name);
	free(m->targets);
	free(m->groups);
	free(m->series);
	free(m->percentiles);
	free(h);
}

static inline void hand_rename(char **name, const char *to)
{
	free(*name);
	*name = strdup(to);
}
