/* SPDX-License-Identifier: BSD-3-Clause */
/* Which profile a device has: the one that names its PCI ids; else one of its driver, best one that
 * names no ids; else the generic one. */
#include "port_private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "el_pci.h"

/* How well a profile is a device's. */
enum match { MATCH_NONE, MATCH_DRIVER_OF_OTHERS, MATCH_DRIVER, MATCH_IDS };

static enum match match(const struct el_profile *p, const char *driver, const struct el_pci_id *id)
{
	for (uint32_t i = 0; id && i < p->n_pci_ids; i++)
		if (p->pci_ids[i].vendor == id->vendor && p->pci_ids[i].device == id->device)
			return MATCH_IDS;
	for (uint32_t i = 0; driver && i < p->n_drivers; i++)
		if (strcmp(p->drivers[i], driver) == 0)
			return p->n_pci_ids ? MATCH_DRIVER_OF_OTHERS : MATCH_DRIVER;
	return MATCH_NONE;
}

int profile_named(const char *dir, const char *name, struct el_profile *ret, struct el_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
	return el_profile_load(path, ret, err);
}

int el_profile_find(const char *dir, const char *driver, const struct el_pci_id *id,
		    struct el_profile *ret_profile, struct el_error *err)
{
	enum match best = MATCH_NONE;
	struct el_profile found = {.name = ""};
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return el_error_set(err, -errno, "%s: %s", dir, strerror(errno));
	while (r == 0 && (e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');
		char path[PATH_MAX];
		struct el_profile p;
		enum match m;

		if (!dot || strcmp(dot, ".yaml") || e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		r = el_profile_load(path, &p, err);
		if (r < 0)
			break;
		m = match(&p, driver, id);
		/* of several that are as good the first by name, whatever the order in the folder
		 */
		if (m > best || (m == best && m != MATCH_NONE && strcmp(p.name, found.name) < 0)) {
			best = m;
			found = p;
		}
	}
	closedir(d);
	if (r < 0)
		return r;
	if (best == MATCH_NONE)
		return profile_named(dir, "generic", ret_profile, err);
	*ret_profile = found;
	return 0;
}

int profile_of_pci(const char *sys, const char *dir, const struct el_conf_port *conf,
		   const char *address, struct el_profile *ret_profile, struct el_error *err)
{
	struct el_pci pci;
	int r;

	if (conf->profile)
		return profile_named(dir, conf->profile, ret_profile, err);
	r = el_pci_read(sys, address, &pci);
	if (r < 0)
		return el_error_set(err, r, "%s: %s", address, strerror(-r));
	return el_profile_find(dir, NULL, &pci.id, ret_profile, err);
}

void profile_add_pci_device(struct el_str *out, const char *address,
			    const struct el_profile *profile)
{
	el_str_add(out, address);
	if (profile->pci_args[0])
		el_str_addf(out, ",%s", profile->pci_args);
}
