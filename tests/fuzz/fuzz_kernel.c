/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the kernel's answer to a request for its routes (the first byte says of which
 * interface): what is taken of it can be worked with. */
#include "fuzz.h"

#include <string.h>

#include "kernel.h"

#define PORT_ID 77

static bool is_right(const struct el_ip *ip, uint8_t family)
{
	static const uint8_t zero[16];
	size_t size = ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0;

	return (ip->family == 0 || ip->family == family) &&
	       memcmp(ip->bytes + size, zero, sizeof(zero) - size) == 0;
}

static void assert_prefix(const struct el_prefix *p)
{
	FUZZ_ASSERT(p->ip.family == 4 || p->ip.family == 6);
	FUZZ_ASSERT(is_right(&p->ip, p->ip.family));
	FUZZ_ASSERT(p->len <= (p->ip.family == 4 ? 32 : 128));
}

static void parse_routes(unsigned ifindex, const void *buf, size_t len)
{
	struct el_prefix own[2];
	const struct el_kernel_addresses addresses = {.items = own, .count = 2};
	struct el_routes routes = {0};
	struct kernel_route_dump dump = {
	    .ifindex = ifindex, .port = {3}, .routes = &routes, .addresses = &addresses};
	int rc;

	FUZZ_ASSERT(el_prefix_parse("192.0.2.10/24", &own[0]) == 0);
	FUZZ_ASSERT(el_prefix_parse("2001:db8::10/64", &own[1]) == 0);
	rc = kernel_parse_routes(&dump, buf, len, PORT_ID);
	FUZZ_ASSERT(rc <= 1);
	for (size_t i = 0; i < routes.count; i++) {
		const struct el_route *r = &routes.items[i];
		struct el_route_hop hop;

		assert_prefix(&r->to);
		FUZZ_ASSERT(r->port.v == 3);
		FUZZ_ASSERT(is_right(&r->via, r->to.ip.family));
		FUZZ_ASSERT(r->source.family && is_right(&r->source, r->to.ip.family));
		FUZZ_ASSERT(el_route_lookup(routes.items, routes.count, &r->to.ip, UINT32_MAX, &hop,
					    1) == 1);
	}
	el_routes_fini(&routes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size ? size - 1 : 0;
	void *buf = malloc(len ? len : 1); /* aligned as a socket's buffer is */
	unsigned ifindex = size ? data[0] >> 1 : 0;

	FUZZ_ASSERT(buf);
	if (len)
		memcpy(buf, data + 1, len);
	parse_routes(ifindex, buf, len);
	free(buf);
	return 0;
}
