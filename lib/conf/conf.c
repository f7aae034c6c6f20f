/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file or a piece of memory to a configuration. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "value.h"
#include "walk.h"

struct el_conf *el_conf_get(struct el_conf *conf)
{
	atomic_fetch_add_explicit(&conf->refs, 1, memory_order_relaxed);
	return conf;
}

void el_conf_put(struct el_conf *conf)
{
	if (!conf || atomic_fetch_sub_explicit(&conf->refs, 1, memory_order_acq_rel) != 1)
		return;
	conf_map_release(&conf_root_map, conf);
	conf_named_fini(
	    &(struct conf_named){&conf_target_map, (char *)conf->duplicates, conf->n_duplicates});
	free(conf);
}

static int read_map(struct conf_walk *w, const char *text, size_t len, const struct conf_map *map,
		    void *obj)
{
	struct conf_tree tree;
	int rc = conf_tree_parse(&tree, text, len, w->diags);

	if (rc == 0 && !tree.root) {
		conf_diag_error(w->diags, (struct conf_pos){0}, "",
				"empty: there is no configuration in it");
		rc = -EINVAL;
	}
	if (rc == 0) {
		w->tree = &tree;
		w->place = tree.nodes[tree.root].pos;
		conf_walk_map(w, map, tree.root, obj);
		rc = w->rc ? w->rc : w->diags->errors ? -EINVAL : 0;
	}
	conf_tree_fini(&tree);
	return rc;
}

/* Reads a document into a new configuration. */
static int load(const char *text, size_t len, struct el_conf **ret_conf,
		struct conf_diag_list *list)
{
	struct conf_named duplicates = {0};
	struct conf_walk w = {.diags = list, .duplicates = &duplicates};
	struct el_conf *conf = calloc(1, sizeof(*conf));
	int rc;

	if (!conf)
		return -ENOMEM;
	atomic_init(&conf->refs, 1);
	w.max_addresses = &conf->dataplane.max_addresses_per_target;
	rc = read_map(&w, text, len, &conf_root_map, conf);
	conf->duplicates = (struct el_conf_target *)(void *)duplicates.items;
	conf->n_duplicates = duplicates.count;
	if (rc < 0) {
		el_conf_put(conf);
		return rc;
	}
	*ret_conf = conf;
	return 0;
}

/* Ends a run: what could not be said for want of memory is said now. */
static int finish(int rc, struct conf_diag_list *list, struct el_conf_diags *diags)
{
	if (rc == -ENOMEM)
		list->out_of_memory = true;
	conf_diag_finish(list, diags);
	return rc;
}

int el_conf_read(const char *file, const char *text, size_t len, const struct conf_map *map,
		 void *obj, struct el_error *err)
{
	struct conf_diag_list list = {.file = file};
	struct conf_walk w = {.diags = &list};
	struct el_conf_diags diags;
	int rc = finish(read_map(&w, text, len, map, obj), &list, &diags);

	if (rc < 0) {
		el_error_set(err, rc, "%s", diags.count ? diags.items[0].text : file);
		conf_map_release(map, obj);
	}
	el_conf_diags_fini(&diags);
	return rc;
}

int el_conf_load_buffer(const char *name, const char *text, size_t len, struct el_conf **ret_conf,
			struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = name};

	return finish(load(text, len, ret_conf, &list), &list, diags);
}

static bool has_port(const struct el_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->dataplane.n_ports; i++) {
		if (strcmp(conf->dataplane.ports[i].name, name) == 0)
			return true;
	}
	return false;
}

int el_conf_check_group_ports(const struct el_conf *conf, const char *file,
			      struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = file};
	char ports[512], place[320], shown[192];
	struct el_str names = EL_STR_INIT(ports);

	for (size_t i = 0; i < conf->dataplane.n_ports; i++)
		el_str_addf(&names, "%s%s", i ? ", " : "; the ports are ",
			    conf->dataplane.ports[i].name);
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct el_conf_group *g = &conf->groups[i];

		if (!g->port || has_port(conf, g->port))
			continue;
		snprintf(place, sizeof(place), "groups.%s.port", g->name);
		conf_diag_error(&list, (struct conf_pos){g->port_line, g->port_col}, place,
				"there is no port \"%s\"%s",
				conf_escape(g->port, strlen(g->port), 60, shown, sizeof(shown)),
				conf->dataplane.n_ports ? ports : ", for no port is configured");
	}
	return finish(list.errors ? -EINVAL : 0, &list, diags);
}

static const char why_no_trust[] =
    "others can change this file, and this would give them the rights of user %u: %s";

/* A key is read with these rights, and what is signed with it tells of it. */
static void check_trust_of_keys(const struct el_conf *conf, const struct el_error *doubt,
				struct conf_diag_list *list)
{
	const struct conf_pos whole = {0};
	char place[320];

	if (conf->dataplane.responder.stamp.key_file)
		conf_diag_error(list, whole, "dataplane.responder.stamp.key_file", why_no_trust,
				geteuid(), doubt->text);
	for (size_t i = 0; i < conf->n_targets; i++) {
		if (!conf->targets[i].stamp.key_file)
			continue;
		snprintf(place, sizeof(place), "targets.%s.stamp.key_file", conf->targets[i].name);
		conf_diag_error(list, whole, place, why_no_trust, geteuid(), doubt->text);
		return;
	}
}

/* Whoever can change the file has what it gives: what would be the rights of the user that this
 * program runs as is refused in one that others can change, and that they can is said of any. */
static int check_trust(const struct el_conf *conf, const struct el_error *doubt,
		       struct conf_diag_list *list)
{
	const struct el_conf_dataplane *d = &conf->dataplane;
	const struct conf_pos whole = {0};
	char place[64];

	if (doubt->text[0] == '\0')
		return 0;
	if (d->eal_args.count)
		conf_diag_error(list, whole, "dataplane.eal_args", why_no_trust, geteuid(),
				doubt->text);
	if (d->inventories_directory)
		conf_diag_error(list, whole, "dataplane.inventories", why_no_trust, geteuid(),
				doubt->text);
	for (size_t i = 0; i < d->n_ports; i++) {
		struct el_device device;

		if (el_device_parse(d->ports[i].device, &device, NULL) == 0 &&
		    device.kind != EL_DEVICE_EAL)
			continue;
		snprintf(place, sizeof(place), "dataplane.ports[%zu].device", i);
		conf_diag_error(list, whole, place, why_no_trust, geteuid(), doubt->text);
	}
	check_trust_of_keys(conf, doubt, list);
	if (list->errors)
		return -EINVAL;
	conf_diag_warning(list, whole, "",
			  "others can change this file, so it may set no dataplane.eal_args, "
			  "inventories, DPDK device strings or key files: %s",
			  doubt->text);
	return 0;
}

int el_conf_load(const char *path, struct el_conf **ret_conf, struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = path};
	struct el_error doubt = {""};
	struct el_conf *conf = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc = conf_file_read(path, &text, &len, &doubt);

	if (rc == 0) {
		rc = load(text, len, &conf, &list);
		if (rc == 0)
			rc = check_trust(conf, &doubt, &list);
	} else if (rc != -ENOMEM) {
		conf_diag_error(&list, (struct conf_pos){0}, "", "can't be read: %s",
				strerror(-rc));
	}
	free(text);
	rc = finish(rc, &list, diags);
	if (rc == 0)
		*ret_conf = conf;
	else
		el_conf_put(conf);
	return rc;
}
