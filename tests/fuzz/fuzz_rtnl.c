/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the kernel's answer, or as what it tells of (the first byte says which, and of which
 * interface): what is taken of it can be worked with. */
#include "fuzz.h"

#include "watch.h"

static const struct rtnl_request request = {.sequence = 1, .port_id = 77};

static bool is_padded(const struct el_ip *ip)
{
	static const uint8_t zero[16];
	size_t size = ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0;

	return (ip->family == 0 || size) &&
	       memcmp(ip->bytes + size, zero, sizeof(zero) - size) == 0;
}

static void assert_addresses(const struct rtnl_addresses *a, unsigned ifindex)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct el_prefix *p = &a->items[i].prefix;

		FUZZ_ASSERT(p->ip.family && is_padded(&p->ip));
		FUZZ_ASSERT(p->len <= (p->ip.family == 4 ? 32 : 128));
		FUZZ_ASSERT(a->items[i].ifindex && (!ifindex || a->items[i].ifindex == ifindex));
	}
}

static void assert_link(const struct el_rtnl_link *link)
{
	size_t len = strnlen(link->name, sizeof(link->name));

	FUZZ_ASSERT(len > 0 && len < sizeof(link->name));
	FUZZ_ASSERT(link->ifindex > 0 && link->ifindex <= INT32_MAX);
	FUZZ_ASSERT(link->enabled || !link->up);
}

static void parse_addresses(const void *buf, size_t len, unsigned ifindex)
{
	struct rtnl_addresses addresses = {0};

	FUZZ_ASSERT(rtnl_parse_addresses(buf, len, &request, ifindex, &addresses) <= 1);
	assert_addresses(&addresses, ifindex);
	free(addresses.items);
}

static void parse_link(const void *buf, size_t len)
{
	struct el_rtnl_link link;
	int rc = rtnl_parse_link(buf, len, &request, &link);

	FUZZ_ASSERT(rc <= 0 && rc >= -4095);
	if (rc == 0)
		assert_link(&link);
}

static void parse_way(const void *buf, size_t len, const char *to, unsigned ifindex)
{
	struct el_rtnl_query q = {.oif = ifindex};
	struct el_rtnl_route route;
	uint32_t metric;
	uint8_t bits;
	int rc;

	FUZZ_ASSERT(el_ip_parse(to, &q.to) == 0);
	rc = rtnl_parse_route(buf, len, &request, &q, &route);
	FUZZ_ASSERT(rc <= 0 && rc >= -4095);
	if (rc == 0) {
		FUZZ_ASSERT(route.oif && (!ifindex || route.oif == ifindex));
		FUZZ_ASSERT(is_padded(&route.via) && is_padded(&route.source));
		FUZZ_ASSERT(!route.source.family || route.source.family == q.to.family);
	}
	rc = rtnl_parse_match(buf, len, &request, &q, &bits, &metric);
	FUZZ_ASSERT(rc <= 0 && rc >= -4095);
	FUZZ_ASSERT(rc < 0 || bits <= (q.to.family == 4 ? 32 : 128));
}

static void parse_changes(const void *buf, size_t len)
{
	struct rtnl_known known = {0};

	for (int i = 0; i < 2; i++) {
		FUZZ_ASSERT(rtnl_parse_changes(buf, len, &known) < 2 * EL_RTNL_LOST);
		for (size_t k = 0; k < known.n_links; k++) {
			assert_link(&known.links[k]);
			for (size_t other = 0; other < k; other++)
				FUZZ_ASSERT(known.links[k].ifindex != known.links[other].ifindex);
		}
		assert_addresses(&known.addresses, 0);
	}
	rtnl_known_fini(&known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size ? size - 1 : 0;
	void *buf = malloc(len ? len : 1); /* aligned as a socket's buffer is */
	unsigned ifindex = size ? data[0] / 5 : 0;

	FUZZ_ASSERT(buf);
	if (len)
		memcpy(buf, data + 1, len);
	switch (size ? data[0] % 5 : 0) {
	case 0:
		parse_addresses(buf, len, ifindex);
		break;
	case 1:
		parse_link(buf, len);
		break;
	case 2:
		parse_way(buf, len, "10.0.0.1", ifindex);
		break;
	case 3:
		parse_way(buf, len, "2001:db8:f::1", ifindex);
		break;
	default:
		parse_changes(buf, len);
	}
	free(buf);
	return 0;
}
