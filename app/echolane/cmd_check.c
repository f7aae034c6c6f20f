/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane check`: everything that can be said about a configuration without touching a device. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "dry_plan.h"
#include "el_inventory.h"
#include "el_port.h"
#include "output.h"
#include "responder.h"
#include "sender_keys.h"
#include "shared_interface.h"

static void print_warning(const char *sentence)
{
	fprintf(stderr, "warning: %s\n", sentence);
}

static void print_diags(struct el_conf_diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		fprintf(stderr, "%s%s\n",
			diags->items[i].is_error ? "" : "warning: ", diags->items[i].text);
	el_conf_diags_fini(diags);
}

int load_configuration(const struct options *options, struct el_conf **ret_conf)
{
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	struct el_error err;
	char dir[4096];
	int ret = el_conf_load(options->config, &conf, &diags);

	print_diags(&diags);
	if (ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM)
		return EX_OSERR;
	if (ret < 0)
		return EX_DATAERR;
	for (uint32_t i = 0; i < options->n_ports; i++) {
		if (el_conf_add_port(conf, options->ports[i], &err) < 0) {
			fprintf(stderr, "echolane: --port: %s\n", err.text);
			el_conf_put(conf);
			return EX_USAGE;
		}
	}
	ret = el_conf_check_group_ports(conf, options->config, &diags);
	print_diags(&diags);
	if (ret < 0) {
		el_conf_put(conf);
		return EX_DATAERR;
	}
	/* whatever else is wrong with it is told where the profiles are needed */
	if (el_profile_dir(options->profile_dir, dir, sizeof(dir), &err) == -EPERM) {
		fprintf(stderr, "echolane: %s\n", err.text);
		el_conf_put(conf);
		return EX_DATAERR;
	}
	shared_interface_check(conf, true, print_warning);
	*ret_conf = conf;
	return 0;
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

		if (el_conf_port_first(d->ports, i) < i)
			continue;
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
	struct el_stamp_keys *keys = NULL;
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
		el_conf_put(conf);
		return status;
	}
	if (options->print_config) {
		el_conf_print(conf, o.stream);
	} else if (sender_keys_read(conf, options->config, &keys, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		status = EX_DATAERR;
	} else if (look_at_ports(options, conf, &err) < 0 ||
		   el_inventory_check(&settings, &err) < 0 || responder_check(conf, &err) < 0 ||
		   dry_plan_print(conf, keys, options->config, o.stream, &err) < 0) {
		fprintf(stderr, "%s: %s\n", options->config, err.text);
		status = EX_DATAERR;
	}
	written = stdout_end(&o);
	el_stamp_keys_put(keys);
	el_conf_put(conf);
	return status ? status : written;
}
