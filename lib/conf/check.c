/* SPDX-License-Identifier: BSD-3-Clause */
/* What one key's row of the table can't say: rules between keys, and defaults that follow from
 * others. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "destination.h"
#include "port.h"
#include "walk.h"

#define STAMP_PORT 862 /* RFC 8762, section 4.1 */
#define MTU_MIN 68     /* RFC 791, section 3.2 */

/* What a probe needs after the IP header at least: its header, for UDPunreachable the 4 bytes that
 * tune its checksum, for STAMP its packet. */
static const int32_t payload_min[EL_PROBE_TYPES] = {[EL_PROBE_TCPSYN] = 20,
						    [EL_PROBE_ICMPPING] = 8,
						    [EL_PROBE_UDPUNREACHABLE] = 12,
						    [EL_PROBE_STAMP] = 52};
static const char *const type_names[EL_PROBE_TYPES] = {
    [EL_PROBE_TCPSYN] = "TCPsyn",
    [EL_PROBE_ICMPPING] = "ICMPping",
    [EL_PROBE_UDPUNREACHABLE] = "UDPunreachable",
    [EL_PROBE_STAMP] = "STAMP",
};

/* What STAMP needs besides: RFC 8762 section 4.2.2, RFC 8972 sections 4.4, 4.5 and 4.8. */
#define STAMP_AUTH_MORE 68
#define STAMP_CLASS_OF_SERVICE_LEN 8
#define STAMP_DIRECT_MEASUREMENT_LEN 16
#define STAMP_HMAC_TLV_LEN 20

static bool has_stamp_tlvs(const struct el_conf_stamp *s)
{
	return s->class_of_service != EL_CONF_UNSET || s->direct_measurement;
}

static int32_t payload_min_of(const struct el_conf_target *t)
{
	const struct el_conf_stamp *s = &t->stamp;
	int32_t min = payload_min[t->type];

	if (t->type != EL_PROBE_STAMP)
		return min;
	if (s->mode == EL_CONF_STAMP_AUTHENTICATED)
		min += STAMP_AUTH_MORE;
	if (s->class_of_service != EL_CONF_UNSET)
		min += STAMP_CLASS_OF_SERVICE_LEN;
	if (s->direct_measurement)
		min += STAMP_DIRECT_MEASUREMENT_LEN;
	if (s->key_file && has_stamp_tlvs(s))
		min += STAMP_HMAC_TLV_LEN;
	return min;
}

/* 0 is "none set"; less than the probe needs is raised to that. */
static void settle_payload_size(struct conf_walk *w, struct conf_pos pos, enum el_probe_type type,
				int32_t min, int32_t *size)
{
	if (*size == 0)
		*size = EL_CONF_UNSET;
	if (*size == EL_CONF_UNSET || *size >= min)
		return;
	conf_walk_warn(w, pos, "ip_payload_size", "ip_payload_size",
		       "%d is raised to %d, the least that %s needs", *size, min, type_names[type]);
	*size = min;
}

void conf_check_root(struct conf_walk *w, const struct conf_map *map,
		     const struct conf_entry *entries, void *obj)
{
	const struct el_conf *conf = obj;
	char key[300];
	struct el_str name = EL_STR_INIT(key);

	if (conf_walk_valid(map, entries, "groups") && conf->n_groups == 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "groups"), "groups",
				"expected at least one group");
	if (conf->n_targets == 0 && !conf->dataplane.inventories_directory && !w->diags->errors)
		conf_walk_warn(w, conf_walk_pos(w, map, entries, "targets"), NULL, "no targets",
			       "there is nothing to probe: neither \"targets\" nor "
			       "\"dataplane.inventories\"");
	if (!w->group_payload_name || !conf_walk_valid(map, entries, "targets"))
		return;
	el_str_addf(&name, "groups.%s.ip_payload_size", w->group_payload_name);
	for (size_t i = 0; i < conf->n_targets; i++) {
		const struct el_conf_target *t = &conf->targets[i];

		if (t->type == EL_PROBE_ICMPPING || t->ip_payload_size != EL_CONF_UNSET)
			continue;
		conf_walk_warn(w, w->group_payload, key, "group payload",
			       "the size of a group is for ICMPping targets only: others, such as "
			       "\"%s\", ignore it",
			       t->name);
		return;
	}
}

/* The same percentile twice would be one time series twice. */
static void drop_repeated_percentiles(struct conf_walk *w, struct conf_pos pos,
				      struct el_conf_ints *list)
{
	bool seen[101] = {false};
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		int p = list->items[i];

		if (seen[p])
			conf_walk_warn(w, pos, "percentile", "percentile",
				       "%d is in the list already", p);
		else
			list->items[kept++] = p;
		seen[p] = true;
	}
	list->count = kept;
}

void conf_check_global(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj)
{
	struct el_conf_global *g = obj;
	char shown[160];
	struct el_ip ip;

	if (conf_walk_valid(map, entries, "percentile"))
		drop_repeated_percentiles(w, conf_walk_pos(w, map, entries, "percentile"),
					  &g->percentiles);
	if (!conf_walk_valid(map, entries, "prometheus_address"))
		return;
	if (strcmp(g->prometheus_address, "localhost") == 0) {
		free(g->prometheus_address);
		g->prometheus_address = strdup("127.0.0.1");
		if (!g->prometheus_address)
			w->rc = -ENOMEM;
	} else if (el_ip_parse(g->prometheus_address, &ip) < 0) {
		conf_walk_error(w, conf_walk_pos(w, map, entries, "prometheus_address"),
				"prometheus_address",
				"expected an IPv4 or IPv6 address of this machine, got \"%s\"",
				conf_escape(g->prometheus_address, strlen(g->prometheus_address),
					    48, shown, sizeof(shown)));
	}
}

/* Not given, so that its default is there, or given and right. */
static bool is_sound(const struct conf_map *map, const struct conf_entry *entries, const char *name)
{
	return conf_walk_valid(map, entries, name) || !conf_walk_given(map, entries, name);
}

static void check_source_ports(struct conf_walk *w, const struct conf_map *map,
			       const struct conf_entry *entries, const struct el_conf_group *g)
{
	if (!is_sound(map, entries, "src_port_a") || !is_sound(map, entries, "src_port_z") ||
	    g->src_port_a <= g->src_port_z)
		return;
	if (conf_walk_given(map, entries, "src_port_z"))
		conf_walk_error(w, conf_walk_pos(w, map, entries, "src_port_z"), "src_port_z",
				"the last source port, %u, is below the first, src_port_a %u%s",
				g->src_port_z, g->src_port_a,
				conf_walk_given(map, entries, "src_port_a") ? ""
									    : " (its default)");
	else
		conf_walk_error(w, conf_walk_pos(w, map, entries, "src_port_a"), "src_port_a",
				"the first source port, %u, is above the last, src_port_z %u (its "
				"default)",
				g->src_port_a, g->src_port_z);
}

/* What a group sends from is an address of a host, whoever's. */
static void check_source(struct conf_walk *w, const struct conf_map *map,
			 const struct conf_entry *entries, const char *key, const struct el_ip *ip)
{
	struct el_error why;

	if (conf_walk_given(map, entries, key) && conf_walk_valid(map, entries, key) &&
	    ip->family && conf_check_host(ip, &why) < 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, key), key, "%s", why.text);
}

void conf_check_group(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj)
{
	struct el_conf_group *g = obj;
	struct conf_pos pos;

	check_source_ports(w, map, entries, g);
	if (conf_walk_given(map, entries, "port")) {
		pos = conf_walk_pos(w, map, entries, "port");
		g->port_line = pos.line;
		g->port_col = pos.col;
	}
	if (conf_walk_valid(map, entries, "src_ip") && conf_walk_valid(map, entries, "src_ipv4"))
		conf_walk_warn(w, conf_walk_pos(w, map, entries, "src_ip"), "src_ip", "src_ip",
			       "src_ipv4 is set too, and counts");
	g->src_subnet_ipv4 = el_prefix_network(&g->src_subnet_ipv4);
	g->src_subnet_ipv6 = el_prefix_network(&g->src_subnet_ipv6);
	if (!conf_walk_given(map, entries, "src_ipv4"))
		check_source(w, map, entries, "src_ip", &g->src_ipv4);
	check_source(w, map, entries, "src_ipv4", &g->src_ipv4);
	check_source(w, map, entries, "src_ipv6", &g->src_ipv6);
	check_source(w, map, entries, "src_subnet_ipv4", &g->src_subnet_ipv4.ip);
	check_source(w, map, entries, "src_subnet_ipv6", &g->src_subnet_ipv6.ip);
	if (!conf_walk_valid(map, entries, "ip_payload_size"))
		return;
	pos = conf_walk_pos(w, map, entries, "ip_payload_size");
	settle_payload_size(w, pos, EL_PROBE_ICMPPING, payload_min[EL_PROBE_ICMPPING],
			    &g->ip_payload_size);
	if (!w->group_payload_name && g->ip_payload_size != EL_CONF_UNSET) {
		w->group_payload = pos;
		w->group_payload_name = w->path[w->depth - 1].name;
	}
}

/* A destination's family against the one that was asked for. */
static void settle_family(struct conf_walk *w, struct conf_pos pos, struct el_conf_target *t,
			  uint8_t family)
{
	if (t->address_family && family && t->address_family != family)
		conf_walk_error(w, pos, "address_family",
				"expected ipv%u, for the destination %s is, got ipv%u", family,
				t->destination, t->address_family);
	if (family)
		t->address_family = family;
	else if (!t->address_family)
		t->address_family = 4;
}

/* A typo in a prefix is not to become a flood. */
static void check_range(struct conf_walk *w, struct conf_pos pos, const struct el_conf_target *t)
{
	double count = el_conf_range_count(&t->range);
	uint32_t max = *w->max_addresses;

	if (max && count > max)
		conf_walk_error(w, pos, "destination",
				"%s has %.0f addresses, more than "
				"dataplane.max_addresses_per_target, %u",
				t->destination, count, max);
}

static void check_destination(struct conf_walk *w, const struct conf_map *map,
			      const struct conf_entry *entries, struct el_conf_target *t)
{
	struct conf_pos pos = conf_walk_pos(w, map, entries, "destination");
	struct conf_pos family_pos = conf_walk_pos(w, map, entries, "address_family");
	struct el_conf_range range = {0};
	enum conf_destination kind = conf_destination_parse(t->destination, &range);
	char shown[160];

	conf_escape(t->destination, strlen(t->destination), 48, shown, sizeof(shown));
	if (t->is_subnet && kind != CONF_DESTINATION_PREFIX && kind != CONF_DESTINATION_PATTERN &&
	    kind != CONF_DESTINATION_ADDRESS) {
		conf_walk_error(w, pos, "destination",
				"expected a prefix (192.0.2.0/24) or octet patterns "
				"(192.168.*.1-5), for is_subnet is set, "
				"got \"%s\"",
				shown);
		return;
	}
	if (!t->is_subnet &&
	    (kind == CONF_DESTINATION_PREFIX || kind == CONF_DESTINATION_PATTERN)) {
		conf_walk_error(w, pos, "destination",
				"\"%s\" is many addresses: that needs \"is_subnet: true\"", shown);
		return;
	}
	if (kind == CONF_DESTINATION_NONE) {
		conf_walk_error(w, pos, "destination",
				"expected an address or a host name, got \"%s\"", shown);
		return;
	}
	settle_family(w, family_pos, t, range.first.family);
	if (t->is_subnet) {
		t->range = range;
		check_range(w, pos, t);
		return;
	}
	t->address = range.first;
}

/* What an inventory says must not have a file of ours read and its contents be told by what is
 * signed with it. */
void conf_check_stamp(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj)
{
	struct el_conf_stamp *s = &((struct el_conf_target *)obj)->stamp;
	struct conf_pos pos = conf_walk_pos(w, map, entries, "key_file");
	bool has_key = conf_walk_given(map, entries, "key_file");
	bool is_signed = s->mode == EL_CONF_STAMP_AUTHENTICATED;
	const char *asks = has_key ? "key_file" : "mode";

	if (w->inventory && (has_key || is_signed))
		conf_walk_error(
		    w, conf_walk_pos(w, map, entries, asks), asks,
		    "a target of an inventory can't be signed, for it may name no file: "
		    "it has to be in the configuration");
	else if (is_signed && !has_key)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "mode"), "key_file",
				"missing, which \"mode: authenticated\" needs");
	else if (s->key_file && !is_signed && is_sound(map, entries, "mode") && !has_stamp_tlvs(s))
		conf_walk_warn(w, pos, "key_file", "key_file",
			       "there is nothing to be signed with it: the mode is open, and "
			       "nothing is asked for");
	s->key_line = has_key ? pos.line : 0;
	s->key_col = has_key ? pos.col : 0;
}

void conf_check_target(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj)
{
	struct el_conf_target *t = obj;

	if (conf_walk_valid(map, entries, "type")) {
		bool has_port = conf_walk_given(map, entries, "dst_port");

		if (t->type == EL_PROBE_STAMP && !has_port)
			t->dst_port = STAMP_PORT;
		else if (t->type != EL_PROBE_ICMPPING && !has_port)
			conf_walk_error(w, w->place, NULL,
					"missing required key \"dst_port\" (%s needs it)",
					type_names[t->type]);
		if (conf_walk_valid(map, entries, "ip_payload_size"))
			settle_payload_size(w, conf_walk_pos(w, map, entries, "ip_payload_size"),
					    t->type, payload_min_of(t), &t->ip_payload_size);
		if (t->type != EL_PROBE_STAMP && conf_walk_given(map, entries, "stamp"))
			conf_walk_error(w, conf_walk_pos(w, map, entries, "stamp"), "stamp",
					"it is for STAMP targets only, and this one is %s",
					type_names[t->type]);
	}
	if (conf_walk_valid(map, entries, "destination"))
		check_destination(w, map, entries, t);
	if (!t->description) {
		t->description = strdup(t->name);
		if (!t->description)
			w->rc = -ENOMEM;
	}
}

void conf_check_route(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj)
{
	struct el_conf_route *r = obj;
	char to[EL_IP_STRLEN], via[EL_IP_STRLEN];

	if (conf_walk_valid(map, entries, "to") && conf_walk_valid(map, entries, "via") &&
	    r->to.ip.family != r->via.family)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "via"), "via",
				"expected an IPv%u address, for the prefix %s is, got %s",
				r->to.ip.family, el_prefix_format(&r->to, to),
				el_ip_format(&r->via, via));
	r->to = el_prefix_network(&r->to);
}

static void check_neighbours(struct conf_walk *w, const struct conf_map *map,
			     const struct conf_entry *entries, const struct el_conf_port *p)
{
	char text[EL_IP_STRLEN];

	conf_walk_enter(w, "neighbours", 0);
	for (size_t i = 0; i < p->n_neighbours; i++) {
		const struct el_ip *address = &p->neighbours[i].address;
		size_t first = 0;

		while (!el_ip_equal(&p->neighbours[first].address, address))
			first++;
		conf_walk_enter(w, NULL, i);
		if (first < i && address->family)
			conf_walk_error(w, conf_walk_item_pos(w, map, entries, "neighbours", i),
					NULL, "neighbours[%zu] has the address %s too", first,
					el_ip_format(address, text));
		conf_walk_leave(w);
	}
	conf_walk_leave(w);
}

/* Of item i of the list at `key`. */
static void item_error(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, const char *key, size_t i,
		       const struct el_error *why)
{
	conf_walk_enter(w, key, 0);
	conf_walk_enter(w, NULL, i);
	conf_walk_error(w, conf_walk_item_pos(w, map, entries, key, i), NULL, "%s", why->text);
	conf_walk_leave(w);
	conf_walk_leave(w);
}

static void check_addresses(struct conf_walk *w, const struct conf_map *map,
			    const struct conf_entry *entries, const struct el_conf_port *p)
{
	struct el_error why;

	for (size_t i = 0; i < p->n_addresses && conf_walk_valid(map, entries, "addresses"); i++) {
		if (conf_port_check_address(p, i, &why) == 0)
			continue;
		item_error(w, map, entries, "addresses", i, &why);
	}
}

/* Gateways and next hops of routes are on the port's link. */
static void check_next_hops(struct conf_walk *w, const struct conf_map *map,
			    const struct conf_entry *entries, const struct el_conf_port *p)
{
	struct el_error why;

	if (!is_sound(map, entries, "addresses"))
		return;
	for (size_t i = 0; i < p->n_gateways && conf_walk_valid(map, entries, "gateways"); i++) {
		if (conf_port_check_next_hop(p, &p->gateways[i], &why) == 0)
			continue;
		item_error(w, map, entries, "gateways", i, &why);
	}
	for (size_t i = 0; i < p->n_routes && conf_walk_valid(map, entries, "routes"); i++) {
		if (conf_port_check_next_hop(p, &p->routes[i].via, &why) == 0)
			continue;
		conf_walk_enter(w, "routes", 0);
		conf_walk_enter(w, NULL, i);
		conf_walk_error(w, conf_walk_item_pos(w, map, entries, "routes", i), "via", "%s",
				why.text);
		conf_walk_leave(w);
		conf_walk_leave(w);
	}
}

void conf_check_port(struct conf_walk *w, const struct conf_map *map,
		     const struct conf_entry *entries, void *obj)
{
	struct el_conf_port *p = obj;
	struct el_device device;
	struct el_error why;

	if (p->mtu && p->mtu < MTU_MIN)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "mtu"), "mtu",
				"expected 0 or at least %d, got %u", MTU_MIN, p->mtu);
	if (is_sound(map, entries, "addresses") && conf_port_check_advertised(p, &why) < 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "accept_ra"), "accept_ra", "%s",
				why.text);
	if (p->outer_vlan && !p->vlan && is_sound(map, entries, "vlan"))
		conf_walk_error(w, conf_walk_pos(w, map, entries, "outer_vlan"), "outer_vlan", "%s",
				CONF_OUTER_ALONE);
	if (conf_port_check_profile(p, &why) < 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "profile"), "profile", "%s",
				why.text);
	check_neighbours(w, map, entries, p);
	check_addresses(w, map, entries, p);
	check_next_hops(w, map, entries, p);
	if (conf_walk_valid(map, entries, "device") &&
	    el_device_parse(p->device, &device, &why) < 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "device"), "device", "%s",
				why.text);
}

void conf_check_lcores(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj)
{
	const struct el_conf_dataplane *d = obj;
	bool used[1024] = {false};

	if (!conf_walk_valid(map, entries, "workers"))
		return;
	conf_walk_enter(w, "workers", 0);
	for (size_t i = 0; i < d->worker_cores.count; i++) {
		int core = d->worker_cores.items[i];

		conf_walk_enter(w, NULL, i);
		if (used[core])
			conf_walk_error(w, conf_walk_item_pos(w, map, entries, "workers", i), NULL,
					"core %d is in the list already", core);
		conf_walk_leave(w);
		used[core] = true;
	}
	conf_walk_leave(w);
}

/* There is the user; a user data base that can't be asked now says neither. */
void conf_check_inventories(struct conf_walk *w, const struct conf_map *map,
			    const struct conf_entry *entries, void *obj)
{
	const struct el_conf_dataplane *d = obj;

	errno = 0;
	if (d->inventories_user && conf_walk_valid(map, entries, "user") &&
	    !getpwnam(d->inventories_user) && (errno == 0 || errno == ENOENT))
		conf_walk_error(w, conf_walk_pos(w, map, entries, "user"), "user",
				"expected a user of this machine, got \"%s\"", d->inventories_user);
}

void conf_check_reflector(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj)
{
	const struct el_conf_responder *r = &((const struct el_conf_dataplane *)obj)->responder;

	if (r->stamp.mode == EL_CONF_STAMP_AUTHENTICATED &&
	    !conf_walk_given(map, entries, "key_file"))
		conf_walk_error(w, conf_walk_pos(w, map, entries, "mode"), "key_file",
				"missing, which \"mode: authenticated\" needs");
}

/* Nobody is answered by mistake: who is has to be said. */
void conf_check_responder(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj)
{
	struct el_conf_responder *r = &((struct el_conf_dataplane *)obj)->responder;
	const char *asks = r->icmp              ? "icmp"
			   : r->tcp_ports.count ? "tcp_ports"
			   : r->udp             ? "udp"
						: "stamp";
	bool given = conf_walk_given(map, entries, "allow");

	for (size_t i = 0; i < r->n_allow; i++)
		r->allow[i] = el_prefix_network(&r->allow[i]);
	if (el_conf_responds(r) && !r->n_allow &&
	    (!given || conf_walk_valid(map, entries, "allow")))
		conf_walk_error(w, conf_walk_pos(w, map, entries, given ? "allow" : asks), "allow",
				"missing: who is answered has to be said");
}

/* What a port's own keys can't say, beside the ports before it. */
static void check_port_among(struct conf_walk *w, struct conf_pos pos, struct el_conf_port *ports,
			     size_t i)
{
	struct el_conf_port *p = &ports[i];
	const char *key = NULL;
	struct el_error why;
	size_t first = 0;

	if (!p->name && !(p->name = conf_link_default_name(ports, i, p))) {
		w->rc = -ENOMEM;
		return;
	}
	while (strcmp(ports[first].name, p->name) != 0)
		first++;
	if (conf_link_check(ports, i, i, p, &key, &why) < 0)
		conf_walk_error(w, pos, key, "%s", why.text);
	else if (first < i)
		conf_walk_error(w, pos, NULL,
				"ports[%zu] has the name \"%s\" too: another \"name\" is needed",
				first, p->name);
}

void conf_check_dataplane(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj)
{
	const struct el_conf_dataplane *d = obj;

	if (!conf_walk_valid(map, entries, "ports"))
		return;
	conf_walk_enter(w, "ports", 0);
	for (size_t i = 0; i < d->n_ports && w->rc == 0; i++) {
		struct conf_pos pos = conf_walk_item_pos(w, map, entries, "ports", i);

		conf_walk_enter(w, NULL, i);
		check_port_among(w, pos, d->ports, i);
		conf_walk_leave(w);
	}
	conf_walk_leave(w);
}
