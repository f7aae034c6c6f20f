/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Models made of configurations in a line or two. */
#include "unit.h"

#include <unistd.h>

#include "el_model.h"

#define GLOBAL                                                                                     \
	"global: {probe_name: lab, interval: 1, nb_proc: 1, logging_level: INFO, "                 \
	"prometheus_port: 9000, "                                                                  \
	"dns_update_interval: 0, percentile: [99, 50]}\n"

static inline struct el_conf *load(const char *text)
{
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	int rc = el_conf_load_buffer("f", text, strlen(text), &conf, &diags);

	for (size_t i = 0; rc < 0 && i < diags.count; i++)
		print_error("%s\n", diags.items[i].text);
	assert_int_equal(rc, 0);
	el_conf_diags_fini(&diags);
	return conf;
}

static struct el_error refusal; /* of the last model that was not made */

/* Makes a model of `in` with `text` as its configuration, and what was logged at INFO and above on
 * the way into `log`. */
static inline struct el_model *create_from(struct el_model_input in, const char *text, char *log,
					   size_t cap)
{
	struct el_conf *conf = load(text);
	struct el_model *model;
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	el_log_set_level(EL_LOG_INFO);
	el_log_set_fd(fds[1]);
	in.conf = conf;
	for (size_t i = 0; i < conf->n_targets; i++)
		conf->targets[i].dynamic = strncmp(conf->targets[i].name, "inv_", 4) == 0;
	model = el_model_create(&in, &refusal);
	el_log_set_fd(STDERR_FILENO);
	close(fds[1]);
	n = read(fds[0], log, cap - 1);
	log[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	el_conf_put(conf); /* the model keeps nothing of it */
	return model;
}

static inline struct el_model *create(const char *text, char *log, size_t cap)
{
	return create_from((struct el_model_input){0}, text, log, cap);
}

static const struct el_model_target *target(const struct el_model *m, const char *name)
{
	for (uint32_t i = 0; i < m->n_targets; i++)
		if (strcmp(m->targets[i].name, name) == 0)
			return &m->targets[i];
	fail_msg("there is no target %s", name);
	return NULL;
}

/* The names of the groups that a target is in, in the order of its series. */
static inline void assert_groups(const struct el_model *m, const char *name, const char *groups)
{
	const struct el_model_target *t = target(m, name);
	char text[256];
	struct el_str out = EL_STR_INIT(text);

	text[0] = '\0';
	for (uint32_t i = t->first_series; i < t->first_series + t->n_series; i++)
		el_str_addf(&out, "%s%s", out.len ? " " : "", m->groups[m->series[i].group].name);
	assert_string_equal(text, groups);
}

/* What must hold for every model. */
static inline void assert_consistent(const struct el_model *m)
{
	uint32_t series = 0, streams = 0;

	for (uint32_t i = 0; i < m->n_targets; i++) {
		const struct el_model_target *t = &m->targets[i];

		assert_int_equal(t->enabled, t->status == EL_MODEL_ACTIVE);
		assert_int_equal(t->n_series == 0, t->status == EL_MODEL_NO_GROUP);
		assert_int_equal(t->first_series, series);
		for (uint32_t k = 0; k < t->n_series; k++, series++) {
			const struct el_model_series *s = &m->series[series];

			assert_int_equal(s->target, i);
			assert_true(s->group < m->n_groups);
			assert_int_equal(s->first_stream, streams);
			assert_int_equal(s->n_streams > 0, t->enabled);
			assert_true(t->is_subnet || s->n_streams <= 1);
			for (uint32_t n = 0; n < s->n_streams; n++, streams++) {
				const struct el_ip *ip = &m->streams[streams].address;

				assert_int_equal(m->streams[streams].series, series);
				assert_int_equal(ip->family, t->family);
				assert_true(t->is_subnet || el_ip_equal(ip, &t->address));
			}
		}
	}
	assert_int_equal(m->n_series, series);
	assert_int_equal(m->n_streams, streams);
}

static inline size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}
