/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet socket sees a copy of each frame, and the kernel gets it as before. An XDP program that
 * hands frames to its socket takes them: nothing that comes in on those queues reaches the kernel
 * any more, the sessions of whoever started this among it. */
#include "shared_interface.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_neigh.h"

static const struct el_ip *find_global(const struct el_kernel_addresses *kernel)
{
	for (size_t i = 0; i < kernel->count; i++) {
		if (!el_ip_is_link_local(&kernel->items[i].ip))
			return &kernel->items[i].ip;
	}
	return NULL;
}

static void check_port(const struct el_conf_port *port, void (*warn)(const char *sentence))
{
	struct el_kernel_addresses kernel = {0};
	char name[IFNAMSIZ], text[EL_IP_STRLEN], sentence[512];
	const struct el_ip *ip;
	struct el_device device;
	struct el_error err;
	unsigned ifindex;

	if (el_device_parse(port->device, &device, &err) < 0 || !strstr(device.driver, "af_xdp") ||
	    !el_device_interface(&device, name) || (ifindex = if_nametoindex(name)) == 0 ||
	    el_kernel_addresses(ifindex, &kernel, &err) < 0)
		return;
	ip = find_global(&kernel);
	if (ip) {
		snprintf(
		    sentence, sizeof(sentence),
		    "port %s: af_xdp takes what comes in on %s from the kernel, which has %s "
		    "there: "
		    "the host's own connections over it break; use af_packet:%s, or an interface "
		    "that the host does not use",
		    port->name, name, el_ip_format(ip, text), name);
		warn(sentence);
	}
	free(kernel.items);
}

void shared_interface_check(const struct el_conf *conf, void (*warn)(const char *sentence))
{
	for (size_t i = 0; i < conf->dataplane.n_ports; i++)
		check_port(&conf->dataplane.ports[i], warn);
}
