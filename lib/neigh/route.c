/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With so few, going through them is as quick. */
#define LINEAR_MAX 64

/* Routes by their networks: a hash table of what is looked for with each length of a prefix. */
struct el_routes_index {
	/* Numbers of routes: those to one network behind each other, as they came. */
	uint32_t *order;
	uint32_t *slots; /* [mask + 1]: place in `order` of the first to a network, + 1; 0: none */
	uint32_t mask;
	struct {
		uint8_t lens[129], n; /* that there are, the longest first */
	} of[2];                      /* IPv4, IPv6 */
};

/* The best ones so far. */
struct found {
	struct el_route_hop *hops;
	size_t max, n;
};

static bool is_by(const struct el_route *r, uint32_t ports)
{
	return r->port.v < 32 && ports >> r->port.v & 1;
}

static void add_found(struct found *f, const struct el_route *r, const struct el_ip *dst)
{
	if (f->n < f->max)
		f->hops[f->n++] = (struct el_route_hop){.port = r->port,
							.next_hop = r->via.family ? r->via : *dst,
							.source = r->source,
							.len = r->to.len};
}

static void look_at_all(const struct el_routes *routes, const struct el_ip *dst, uint32_t ports,
			struct found *f)
{
	int len = -1;

	for (size_t i = 0; i < routes->count; i++) {
		const struct el_route *r = &routes->items[i];

		if (!is_by(r, ports) || !el_prefix_contains(&r->to, dst) || r->to.len < len)
			continue;
		if (r->to.len > len)
			f->n = 0;
		len = r->to.len;
		add_found(f, r, dst);
	}
}

/* el_prefix_network goes bit by bit. */
static struct el_ip network_of(const struct el_ip *ip, uint8_t len)
{
	struct el_ip network = {.family = ip->family};
	size_t whole = len / 8;

	memcpy(network.bytes, ip->bytes, whole);
	if (len % 8)
		network.bytes[whole] = ip->bytes[whole] & (uint8_t)(0xff00 >> len % 8);
	return network;
}

static bool is_to(const struct el_route *r, const struct el_ip *network, uint8_t len)
{
	return r->to.len == len && el_ip_equal(&r->to.ip, network);
}

static uint32_t hash_of(const struct el_ip *network, uint8_t len)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t words[2], h = ((uint64_t)network->family << 8 | len) * odd;

	memcpy(words, network->bytes, sizeof(words));
	h = (h ^ h >> 32 ^ words[0]) * odd;
	h = (h ^ h >> 32 ^ words[1]) * odd;
	return (uint32_t)(h >> 32);
}

/* The slot of the routes to a network, or the empty one where they would be. */
static uint32_t find_slot(const struct el_routes_index *index, const struct el_route *items,
			  const struct el_ip *network, uint8_t len)
{
	uint32_t at = hash_of(network, len) & index->mask;

	while (index->slots[at] && !is_to(&items[index->order[index->slots[at] - 1]], network, len))
		at = (at + 1) & index->mask;
	return at;
}

/* Those of a length of prefix whose network has `dst`. */
static void look_at_length(const struct el_routes *routes, uint8_t len, const struct el_ip *dst,
			   uint32_t ports, struct found *f)
{
	const struct el_routes_index *index = routes->index;
	const struct el_ip network = network_of(dst, len);
	uint32_t place = index->slots[find_slot(index, routes->items, &network, len)];

	for (; place && place - 1 < routes->count; place++) {
		const struct el_route *r = &routes->items[index->order[place - 1]];

		if (!is_to(r, &network, len))
			return;
		if (is_by(r, ports))
			add_found(f, r, dst);
	}
}

size_t el_routes_lookup(const struct el_routes *routes, const struct el_ip *dst, uint32_t ports,
			struct el_route_hop *ret_hops, size_t max)
{
	const struct el_routes_index *index = routes->index;
	struct found f = {.hops = ret_hops, .max = max};
	const int v6 = dst->family == 6;

	if (!index)
		look_at_all(routes, dst, ports, &f);
	for (uint8_t i = 0; index && i < index->of[v6].n && !f.n; i++)
		look_at_length(routes, index->of[v6].lens[i], dst, ports, &f);
	return f.n;
}

/* ---- the index ---- */

static int compare_routes(const void *a, const void *b, void *items)
{
	const uint32_t *x = a, *y = b;
	const struct el_route *r = (const struct el_route *)items + *x,
			      *s = (const struct el_route *)items + *y;
	int networks;

	if (r->to.ip.family != s->to.ip.family)
		return r->to.ip.family < s->to.ip.family ? -1 : 1;
	if (r->to.len != s->to.len)
		return r->to.len > s->to.len ? -1 : 1;
	networks = memcmp(r->to.ip.bytes, s->to.ip.bytes, sizeof(r->to.ip.bytes));
	return networks ? networks : *x < *y ? -1 : 1;
}

static void index_free(struct el_routes_index *index)
{
	if (!index)
		return;
	free(index->order);
	free(index->slots);
	free(index);
}

/* Room for the index of n routes, at most half full. */
static struct el_routes_index *index_create(size_t n)
{
	struct el_routes_index *index = calloc(1, sizeof(*index));
	uint32_t slots = 1;

	while (slots < 2 * n)
		slots *= 2;
	if (!index)
		return NULL;
	index->mask = slots - 1;
	index->order = calloc(n, sizeof(*index->order));
	index->slots = calloc(slots, sizeof(*index->slots));
	if (index->order && index->slots)
		return index;
	index_free(index);
	return NULL;
}

/* The route at a place of the order, which is sorted by lengths. */
static void index_add(struct el_routes_index *index, const struct el_route *items, uint32_t place)
{
	const struct el_prefix *to = &items[index->order[place]].to;
	const int v6 = to->ip.family == 6;
	uint8_t *n = &index->of[v6].n, *lens = index->of[v6].lens;
	uint32_t slot = find_slot(index, items, &to->ip, to->len);

	if (!index->slots[slot])
		index->slots[slot] = place + 1;
	if (!*n || lens[*n - 1] != to->len)
		lens[(*n)++] = to->len;
}

int el_routes_index(struct el_routes *routes)
{
	struct el_routes_index *index;

	if (routes->count <= LINEAR_MAX)
		return 0;
	index = index_create(routes->count);
	if (!index)
		return -ENOMEM;
	for (uint32_t i = 0; i < routes->count; i++)
		index->order[i] = i;
	qsort_r(index->order, routes->count, sizeof(*index->order), compare_routes, routes->items);
	for (uint32_t i = 0; i < routes->count; i++)
		index_add(index, routes->items, i);
	index_free(routes->index);
	routes->index = index;
	return 0;
}

int el_routes_add(struct el_routes *routes, const struct el_route *route)
{
	struct el_route *items = realloc(routes->items, (routes->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	index_free(routes->index);
	routes->index = NULL;
	routes->items = items;
	routes->items[routes->count++] = *route;
	return 0;
}

void el_routes_fini(struct el_routes *routes)
{
	index_free(routes->index);
	free(routes->items);
	*routes = (struct el_routes){0};
}

struct el_ip el_route_source(const struct el_prefix *addresses, size_t n, const struct el_ip *to,
			     const struct el_ip *via)
{
	const struct el_ip *next_hop = via->family && !el_ip_is_link_local(via) ? via : to;
	struct el_ip first = {0};

	for (size_t i = 0; i < n; i++) {
		if (addresses[i].ip.family != next_hop->family)
			continue;
		if (el_prefix_contains(&addresses[i], next_hop))
			return addresses[i].ip;
		if (!first.family || el_ip_is_link_local(&first))
			first = addresses[i].ip;
	}
	return first;
}

static int add_via(struct el_routes *routes, struct el_port_idx port,
		   const struct el_conf_port *conf, const struct el_prefix *to,
		   const struct el_ip *via, struct el_error *err)
{
	char text[EL_IP_STRLEN];
	const struct el_route route = {
	    .port = port,
	    .to = el_prefix_network(to),
	    .via = *via,
	    .source = el_route_source(conf->addresses, conf->n_addresses, &to->ip, via),
	};

	if (!el_conf_port_on_link(conf, via))
		return el_error_set(err, -EINVAL,
				    "port %s: gateway %s is on no network of the port's addresses",
				    conf->name, el_ip_format(via, text));
	if (to->ip.family != via->family)
		return el_error_set(err, -EINVAL,
				    "port %s: gateway %s is of another family than its route",
				    conf->name, el_ip_format(via, text));
	return el_routes_add(routes, &route);
}

int el_routes_add_conf(struct el_routes *routes, struct el_port_idx port,
		       const struct el_conf_port *conf, struct el_error *err)
{
	size_t before = routes->count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->n_addresses; i++) {
		const struct el_route connected = {
		    .port = port,
		    .to = el_prefix_network(&conf->addresses[i]),
		    .source = conf->addresses[i].ip,
		};

		r = el_routes_add(routes, &connected);
	}
	for (size_t i = 0; r == 0 && i < conf->n_gateways; i++) {
		const struct el_prefix all = {.ip = {.family = conf->gateways[i].family}, .len = 0};

		r = add_via(routes, port, conf, &all, &conf->gateways[i], err);
	}
	for (size_t i = 0; r == 0 && i < conf->n_routes; i++)
		r = add_via(routes, port, conf, &conf->routes[i].to, &conf->routes[i].via, err);
	if (r < 0)
		routes->count = before;
	return r;
}
