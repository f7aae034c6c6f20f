/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane check`: everything that can be said about a configuration without touching a device. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "el_model.h"
#include "el_plan.h"

int load_configuration(const struct options *options, struct el_conf **ret_conf)
{
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	struct el_error err;
	int ret = el_conf_load(options->config, &conf, &diags);

	for (size_t i = 0; i < diags.count; i++)
		fprintf(stderr, "%s%s\n",
			diags.items[i].is_error ? "" : "warning: ", diags.items[i].text);
	el_conf_diags_fini(&diags);
	if (ret < 0)
		return EX_DATAERR;
	for (uint32_t i = 0; i < options->n_ports; i++) {
		if (el_conf_add_port(conf, options->ports[i], &err) < 0) {
			fprintf(stderr, "echolane: --port: %s\n", err.text);
			el_conf_free(conf);
			return EX_USAGE;
		}
	}
	*ret_conf = conf;
	return 0;
}

/* A stand-in for addresses and routes that only a running port has. */
static struct el_plan_route any_route(void *ctx, const struct el_model_target *target,
				      const struct el_model_group *group,
				      const struct el_ip *destination)
{
	struct el_plan_route route = {.mtu = 1500, .source = group->src_ipv4};

	(void)ctx;
	(void)target;
	(void)destination;
	if (route.source.family == 0)
		el_ip_parse("192.0.2.1", &route.source);
	return route;
}

/* Compiles a plan, which finds what the keys alone don't show: ids that don't fit, ports that are
 * too few. */
static int try_plan(const struct el_conf *conf, struct el_error *err)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES], random[32];
	struct el_model *model = el_model_create(conf);
	struct el_plan_set *set;
	struct el_plan_input in = {
	    .model = model,
	    .clock = el_clock_init(EL_NS_PER_S),
	    .key = el_id_key_init(random),
	    .n_workers = 1,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = conf->dataplane.max_rate_pps,
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .generation = 1,
	    .payload = payload,
	    .route = any_route,
	};
	int ret;

	if (!model)
		return el_error_set(err, -ENOMEM, "not enough memory");
	ret = el_plan_compile(&in, &set, err);
	if (ret == 0) {
		printf("configuration is valid: %u targets, %u groups, %u series, %llu probes a "
		       "round\n",
		       model->n_targets, model->n_groups, model->n_series,
		       (unsigned long long)set->n_probes);
		el_plan_set_put(set);
	}
	el_model_put(model);
	return ret;
}

int command_check(const struct options *options)
{
	struct el_conf *conf;
	struct el_error err;
	int status = load_configuration(options, &conf);

	if (status)
		return status;
	el_log_set_level(EL_LOG_WARNING);
	if (options->print_config) {
		el_conf_print(conf, stdout);
	} else if (try_plan(conf, &err) < 0) {
		fprintf(stderr, "%s: %s\n", options->config, err.text);
		status = EX_DATAERR;
	}
	el_conf_free(conf);
	return status;
}
