/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of PCI devices by the file pci.ids, <https://pci-ids.ucw.cz/>: a vendor's line begins with
 * its id, those of its devices follow with a tab before. */
#include "el_nic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_ids(const char *file)
{
	static const char *const places[] = {"/usr/share/misc/pci.ids",
					     "/usr/share/hwdata/pci.ids"};
	FILE *f = NULL;

	if (file)
		return fopen(file, "re");
	for (size_t i = 0; !f && i < sizeof(places) / sizeof(places[0]); i++)
		f = fopen(places[i], "re");
	return f;
}

/* The name on a line for `id`, "100e  82540EM"; NULL where it is another's. */
static const char *name_of(const char *line, uint16_t id)
{
	char *end;

	if (strtoul(line, &end, 16) != id || end != line + 4)
		return NULL;
	return end + strspn(end, " ");
}

void el_pci_add_name(const char *file, const struct el_pci_id *id, struct el_str *out)
{
	FILE *f = open_ids(file);
	bool in_vendor = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		const char *name = NULL;

		if (line[0] == '\n' || line[0] == '#' || strncmp(line, "\t\t", 2) == 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\t' && in_vendor)
			break;
		if (line[0] != '\t')
			name = name_of(line, id->vendor);
		else if (in_vendor)
			name = name_of(line + 1, id->device);
		if (!name)
			continue;
		el_str_addf(out, "%s%s", out->len ? " " : "", name);
		if (in_vendor)
			break;
		in_vendor = true;
	}
	if (f)
		fclose(f);
}
