/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane check`: everything that can be said about a configuration without touching a device. */
#include "commands.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "el_inventory.h"
#include "el_model.h"
#include "el_names.h"
#include "el_plan.h"
#include "el_port.h"
#include "local_ports.h"
#include "shared_interface.h"
#include "stdout.h"

static void print_warning(const char *sentence)
{
	fprintf(stderr, "warning: %s\n", sentence);
}

int load_configuration(const struct options *options, struct el_conf **ret_conf)
{
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	struct el_error err;
	char dir[4096];
	int ret = el_conf_load(options->config, &conf, &diags);

	for (size_t i = 0; i < diags.count; i++)
		fprintf(stderr, "%s%s\n",
			diags.items[i].is_error ? "" : "warning: ", diags.items[i].text);
	el_conf_diags_fini(&diags);
	if (ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM)
		return EX_OSERR;
	if (ret < 0)
		return EX_DATAERR;
	for (uint32_t i = 0; i < options->n_ports; i++) {
		if (el_conf_add_port(conf, options->ports[i], &err) < 0) {
			fprintf(stderr, "echolane: --port: %s\n", err.text);
			el_conf_free(conf);
			return EX_USAGE;
		}
	}
	/* whatever else is wrong with it is told where the profiles are needed */
	if (el_profile_dir(options->profile_dir, dir, sizeof(dir), &err) == -EPERM) {
		fprintf(stderr, "echolane: %s\n", err.text);
		el_conf_free(conf);
		return EX_DATAERR;
	}
	local_ports_check(conf, print_warning);
	shared_interface_check(conf, print_warning);
	*ret_conf = conf;
	return 0;
}

/* A stand-in for addresses and routes that only a running port has. */
static struct el_plan_route any_route(void *ctx, const struct el_model_target *target,
				      const struct el_model_group *group,
				      const struct el_ip *destination)
{
	bool is_v4 = destination->family == 4;
	const struct el_conf_dataplane *dataplane = ctx;
	struct el_plan_route route = {.mtu = 1500,
				      .source = is_v4 ? group->src_ipv4 : group->src_ipv6};

	for (size_t i = 0; i < dataplane->n_ports; i++)
		if (dataplane->ports[i].mtu > route.mtu)
			route.mtu = dataplane->ports[i].mtu;
	(void)target;
	if (route.source.family == 0)
		el_ip_parse(is_v4 ? "192.0.2.1" : "2001:db8::1", &route.source);
	return route;
}

/* A stand-in for name servers: each name has an address of its own. */
static int any_address(void *ctx, const char *name, uint8_t family, struct el_ip *ret)
{
	struct el_names *names = ctx;
	const struct el_names_entry *entry =
	    el_names_add(names, name, (uint32_t)names->count, NULL);
	uint32_t number_be;

	if (!entry)
		return -ENOMEM;
	number_be = htonl(entry->value + 1);
	*ret = (struct el_ip){.family = family, .bytes = {family == 4 ? 240 : 0xfd}};
	memcpy(ret->bytes + (family == 4 ? 1 : 13), (const uint8_t *)&number_be + 1, 3);
	return 0;
}

/* Compiles a plan, which finds what the keys alone don't show: ids that don't fit, ports that are
 * too few. */
static int try_plan(const struct el_conf *conf, const char *file, FILE *out, struct el_error *err)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES], random[32];
	struct el_names names;
	struct el_model_input model_in = {
	    .conf = conf, .resolve = any_address, .resolve_ctx = &names};
	struct el_plan_set *set;
	struct el_plan_input in = {
	    .key = el_id_key_init(random),
	    .n_workers = 1,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .round_timeout_s = conf->global.timeout_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = conf->dataplane.max_rate_pps,
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .generation = 1,
	    .payload = payload,
	    .route = any_route,
	    .route_ctx = (void *)(uintptr_t)&conf->dataplane,
	};
	char text[768];
	int ret;

	el_names_init(&names);
	in.model = el_model_create(&model_in, err);
	el_names_fini(&names);
	if (!in.model)
		return -errno;
	ret = el_plan_compile(&in, &set, err);
	if (ret == 0) {
		if (el_plan_tight_text(&set->tight, text, sizeof(text)))
			fprintf(stderr, "warning: %s: %s\n", file, text);
		fprintf(out,
			"configuration is valid: %u targets, %u groups, %u series, %llu probes a "
			"round, %.0f MB for the records of %u rounds\n",
			in.model->n_targets, in.model->n_groups, in.model->n_series,
			(unsigned long long)set->n_probes,
			ceil((double)el_plan_set_blocks_bytes(set) / 1e6), set->n_blocks);
		el_plan_set_put(set);
	}
	el_model_put(in.model);
	return ret;
}

/* Each port that this machine lacks is a warning: the file may be for another one. What no machine
 * has is an error. */
static int look_at_ports(const struct options *options, const struct el_conf *conf,
			 struct el_error *err)
{
	const struct el_conf_dataplane *d = &conf->dataplane;
	char dir[4096];
	int ret = d->n_ports ? el_profile_dir(options->profile_dir, dir, sizeof(dir), err) : 0;

	for (size_t i = 0; ret == 0 && i < d->n_ports; i++) {
		struct el_error why;

		ret = el_port_look(&d->ports[i], dir, &why);
		if (ret == -ENODEV) {
			fprintf(stderr, "warning: %s: port %s: %s\n", options->config,
				d->ports[i].name, why.text);
			ret = 0;
		} else if (ret < 0) {
			el_error_set(err, ret, "port %s: %s", d->ports[i].name, why.text);
		}
	}
	return ret;
}

int command_check(const struct options *options)
{
	struct el_inventory_settings settings;
	struct el_conf *conf;
	struct stdout_text o;
	struct el_error err;
	int status = load_configuration(options, &conf), written;

	if (status)
		return status;
	settings = el_inventory_settings_of(conf);
	el_log_set_level(EL_LOG_WARNING);
	if (!stdout_begin(&o)) {
		status = stdout_end(&o);
		el_conf_free(conf);
		return status;
	}
	if (options->print_config) {
		el_conf_print(conf, o.stream);
	} else if (look_at_ports(options, conf, &err) < 0 ||
		   el_inventory_check(&settings, &err) < 0 ||
		   try_plan(conf, options->config, o.stream, &err) < 0) {
		fprintf(stderr, "%s: %s\n", options->config, err.text);
		status = EX_DATAERR;
	}
	written = stdout_end(&o);
	el_conf_free(conf);
	return status ? status : written;
}
