/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool name_chars(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_-.@", s[i]))
			return false;
	return n > 0;
}

static bool copy(char *dst, size_t size, const char *src, size_t n)
{
	if (n >= size)
		return false;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return true;
}

/* [DDDD:]BB:DD.F */
static bool parse_pci(const char *s, struct el_device *d)
{
	unsigned domain = 0, bus, slot, function;
	int end = 0;

	if (strspn(s, "0123456789abcdefABCDEF:.") != strlen(s))
		return false;
	if (sscanf(s, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 || s[end]) {
		domain = 0;
		end = 0;
		if (sscanf(s, "%2x:%2x.%1x%n", &bus, &slot, &function, &end) != 3 || s[end])
			return false;
	}
	if (slot > 0x1f || function > 7)
		return false;
	d->kind = EL_DEVICE_PCI;
	snprintf(d->name, sizeof(d->name), "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

int el_device_parse(const char *device, struct el_device *ret_device, struct el_error *err)
{
	struct el_device d = {.kind = EL_DEVICE_EAL};
	size_t word = strcspn(device, ":,");
	size_t driver;

	if (parse_pci(device, &d)) {
		*ret_device = d;
		return 0;
	}
	if (!isalnum((unsigned char)device[0]) || !name_chars(device, word) ||
	    !copy(d.name, sizeof(d.name), device, word))
		return el_error_set(
		    err, -EINVAL,
		    "\"%.100s\" is no device: expected a PCI address, DRIVER:NAME (af_packet:eth1) "
		    "or a DPDK device string (net_memif0,role=client)",
		    device);
	if (device[word] == ':') {
		const char *name = device + word + 1;

		d.kind = EL_DEVICE_NAMED;
		if (!copy(d.driver, sizeof(d.driver), device, word))
			return el_error_set(err, -EINVAL,
					    "\"%.100s\": the driver's name is too long", device);
		if (!name_chars(name, strlen(name)) ||
		    !copy(d.name, sizeof(d.name), name, strlen(name)))
			return el_error_set(err, -EINVAL,
					    "\"%.100s\": expected only a name after \"%s:\"",
					    device, d.driver);
		*ret_device = d;
		return 0;
	}

	for (driver = word; driver > 0 && isdigit((unsigned char)device[driver - 1]); driver--)
		;
	if (!copy(d.driver, sizeof(d.driver), device,
		  driver < sizeof(d.driver) ? driver : sizeof(d.driver) - 1) ||
	    (device[word] == ',' &&
	     !copy(d.args, sizeof(d.args), device + word + 1, strlen(device + word + 1))))
		return el_error_set(err, -EINVAL, "\"%.100s...\": the device string is too long",
				    device);
	*ret_device = d;
	return 0;
}

bool el_device_interface(const struct el_device *device, char ret_name[IFNAMSIZ])
{
	static const char *const drivers[] = {"net_af_packet", "net_af_xdp"};
	const char *name = device->name;
	size_t len = strlen(name);
	bool known = false;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		known |= strcmp(device->driver,
				drivers[i] + (device->kind == EL_DEVICE_NAMED ? 4 : 0)) == 0;
	if (!known || device->kind == EL_DEVICE_PCI)
		return false;
	if (device->kind == EL_DEVICE_EAL) {
		name = strstr(device->args, "iface=");
		if (!name || (name != device->args && name[-1] != ','))
			return false;
		name += strlen("iface=");
		len = strcspn(name, ",");
	}
	return copy(ret_name, IFNAMSIZ, name, len);
}
