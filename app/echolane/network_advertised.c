/* SPDX-License-Identifier: BSD-3-Clause */
/* What routers advertise on the ports that hear them: addresses and routes follow it, both with the
 * next plan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "el_ticks.h"
#include "network_private.h"

#define CHANGES_MAX 8
#define CHANGE_NS (3 * EL_NS_PER_S)

/* ---- from what is heard to addresses and routes ---- */

static void say(struct network *n, const struct net_port *p)
{
	char text[512], ip[EL_IP_STRLEN];
	struct el_str s = EL_STR_INIT(text);

	if (!neighbours_may_say(n))
		return;
	for (uint32_t i = 0; i < p->ra.n_routers; i++)
		el_str_addf(&s, "%srouter %s", s.len ? ", " : "",
			    el_ip_format(&p->ra.routers[i].ip, ip));
	for (uint32_t i = 0; i < p->ra.n_prefixes; i++) {
		const struct el_ra_prefix *prefix = &p->ra.prefixes[i];

		el_str_addf(&s, "%sprefix %s", s.len ? ", " : "",
			    el_prefix_format(&prefix->prefix, ip));
		if (prefix->address.family)
			el_str_addf(&s, " (address %s)", el_ip_format(&prefix->address, ip));
	}
	if (p->ra.mtu)
		el_str_addf(&s, "%sMTU %u", s.len ? ", " : "", p->ra.mtu);
	el_log(EL_LOG_INFO, "network", "port %s: advertised: %s", p->conf->name,
	       s.len ? text : "nothing any more");
}

/* At first each change counts at once, then one in three seconds, as often as a router may speak
 * (RFC 4861 section 10): each makes a plan that cuts a round short, and anybody on the link can
 * advertise. */
static void changed(struct network *n, struct net_port *p)
{
	if (p->changes_full_ns < n->now_ns)
		p->changes_full_ns = n->now_ns;
	p->change_waits = p->changes_full_ns + CHANGE_NS > n->now_ns + CHANGES_MAX * CHANGE_NS;
	if (p->change_waits)
		return;
	p->changes_full_ns += CHANGE_NS;
	n->addresses_changed = true;
	n->n_changes++;
	say(n, p);
}

void advertised_input(struct network *n, uint16_t port, const uint8_t *frame, size_t len)
{
	struct net_port *p = &n->ports[port];

	if (p->conf->accept_ra && el_ra_input(&p->ra, frame, len, n->now_ns))
		changed(n, p);
}

void advertised_poll(struct network *n)
{
	for (uint16_t i = 0; i < n->n_ports; i++) {
		struct net_port *p = &n->ports[i];
		uint8_t frame[EL_RA_FRAME_MAX];
		size_t len;

		if (p->change_waits)
			changed(n, p);
		if (!p->conf->accept_ra || n->now_ns < el_ra_next_ns(&p->ra))
			continue;
		if (el_ra_tick(&p->ra, n->now_ns))
			changed(n, p);
		len = el_ra_solicit(&p->ra, n->now_ns, frame);
		if (len && neighbours_send(n, (struct el_port_idx){i}, frame, len))
			el_ra_solicited(&p->ra, n->now_ns);
	}
}

/* ---- routes ---- */

/* Who asks beyond the link is not asked from an address that ends there. */
static struct el_ip source_of(const struct el_prefix *addresses, size_t n, const struct el_ip *to,
			      const struct el_ip *via)
{
	struct el_ip source = el_route_source(addresses, n, to, via);

	return el_ip_is_link_local(&source) ? (struct el_ip){0} : source;
}

static int add_routes(const struct net_port *p, uint16_t port, struct el_routes *ret)
{
	struct el_prefix *addresses = calloc(p->n_addresses + 1, sizeof(*addresses));
	const struct el_ip none = {0}, any = {.family = 6};
	struct el_route route = {.port = {port}};
	int code = 0;

	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_addresses; i++)
		addresses[i] = p->addresses[i].prefix;
	for (uint32_t i = 0; code == 0 && i < p->ra.n_prefixes; i++) {
		if (!p->ra.prefixes[i].on_link_until_ns)
			continue;
		route.to = p->ra.prefixes[i].prefix;
		route.source = source_of(addresses, p->n_addresses, &route.to.ip, &none);
		code = el_routes_add(ret, &route);
	}
	route.to = (struct el_prefix){.ip = any};
	for (uint32_t i = 0; code == 0 && i < p->ra.n_routers; i++) {
		route.via = p->ra.routers[i].ip;
		route.source = source_of(addresses, p->n_addresses, &any, &route.via);
		code = el_routes_add(ret, &route);
	}
	free(addresses);
	return code;
}

int advertised_routes(const struct network *n, struct el_routes *ret)
{
	struct el_routes routes = {0};
	int code = 0;

	for (uint16_t i = 0; code == 0 && i < n->n_ports; i++) {
		if (n->ports[i].conf->accept_ra)
			code = add_routes(&n->ports[i], i, &routes);
	}
	if (code < 0)
		el_routes_fini(&routes);
	else
		*ret = routes;
	return code;
}
