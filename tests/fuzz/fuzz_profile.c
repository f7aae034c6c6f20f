/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a driver profile: what is refused is refused with one line that names the file and
 * leaves the result alone; what is accepted is within the table's limits, whole, and can be filled
 * in. */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

#include "el_port.h"

#define NAME "drivers/input.yaml"

static void assert_one_line(const struct el_error *err)
{
	FUZZ_ASSERT(strncmp(err->text, NAME ":", strlen(NAME ":")) == 0);
	for (const char *c = err->text; *c; c++)
		FUZZ_ASSERT(!iscntrl((unsigned char)*c));
}

static void assert_sound(const struct el_profile *p)
{
	char devargs[4096];

	FUZZ_ASSERT(strcmp(p->name, "input") == 0);
	FUZZ_ASSERT(p->n_drivers <= sizeof(p->drivers) / sizeof(p->drivers[0]));
	for (unsigned i = 0; i < p->n_drivers; i++)
		FUZZ_ASSERT(memchr(p->drivers[i], '\0', sizeof(p->drivers[i])));
	FUZZ_ASSERT(p->queues_max >= 1 && p->queues_max <= EL_PORT_QUEUES_MAX);
	FUZZ_ASSERT(p->rx_descriptors >= 32 && p->rx_descriptors <= 32768);
	FUZZ_ASSERT(p->tx_descriptors >= 32 && p->tx_descriptors <= 32768);
	FUZZ_ASSERT(p->max_pps <= 1000000000 && p->link_wait_ms <= 60000);
	FUZZ_ASSERT(el_profile_devargs(p, "eth1", 15, 16, 9000, devargs, sizeof(devargs)) == 0);
	FUZZ_ASSERT(!p->device_per_queue || strstr(p->devargs, "{queue}"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el_profile profile, before;
	struct el_error err = {0};
	int rc;

	memset(&before, 0xa5, sizeof(before));
	profile = before;
	rc = el_profile_parse(NAME, (const char *)data, size, &profile, &err);
	if (rc == 0) {
		assert_sound(&profile);
	} else {
		FUZZ_ASSERT(memcmp(&profile, &before, sizeof(before)) == 0);
		assert_one_line(&err);
	}
	return 0;
}
