/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry_plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <net/if_arp.h>

#include <rte_common.h>

#include "el_model.h"
#include "el_names.h"
#include "el_plan.h"
#include "net_port.h"
#include "ways.h"

#define DEFAULT_MTU 1500

/* A port as it would be. */
struct dry_port {
	const struct el_conf_port *conf;
	struct el_rtnl_link link; /* the interface that it would be on; ifindex 0: none is known */
	bool follows;             /* it takes the kernel's addresses */
};

struct dry_plan {
	const struct el_conf *conf;
	struct el_stamp_keys *keys;
	const char *file;
	/* What the ports could reach from this machine as it is now, without opening any: addresses
	 * and routes from the configuration, or where a port has none there, from the kernel. */
	struct net_kernel kernel;
	struct way_port *ports;
	struct way_input ways;
	struct el_ip *own; /* ways_addresses */
	size_t n_own;
	uint32_t unknown; /* ports, a bit each, of nothing that this machine has, and no address */
	uint32_t advertised;   /* likewise, those whose IPv6 is what routers say */
	struct el_names names; /* that were asked for */
	struct el_names named; /* targets whose destination is a name */
	struct el_model *model;
	char **why; /* by series: why it, or a stream of it, is left out; NULL: it is not */
	int rc;
};

/* ---- ports ---- */

/* The interface of its device, if it is on one, and this machine has that. */
static int find_link(const struct dry_plan *p, struct dry_port *port, struct el_error *err)
{
	const struct el_conf_port *conf = port->conf;
	struct el_device device;
	char name[IFNAMSIZ];
	int ret = el_device_parse(conf->device, &device, err);
	bool is_interface;

	if (ret < 0)
		return ret;
	is_interface = el_device_interface(&device, name);
	if (conf->n_addresses == 0 && !conf->accept_ra && !(is_interface && port->follows))
		fprintf(stderr,
			"warning: %s: port %s: it has no address; give it one with "
			"address=A/LEN\n",
			p->file, conf->name);
	if (!is_interface)
		return 0;
	ret = el_rtnl_link(p->kernel.rtnl, name, 0, &port->link);
	if (ret == 0 && port->link.type != ARPHRD_ETHER && port->link.type != ARPHRD_LOOPBACK)
		ret = -ENODEV;
	if (ret == -ENODEV) { /* which is said of the port itself */
		port->link = (struct el_rtnl_link){0};
		return 0;
	}
	return ret < 0 ? el_error_set(err, ret, "interface %s can't be looked at: %s", name,
				      strerror(-ret))
		       : 0;
}

static void warn_of_link(const struct dry_plan *p, const struct dry_port *port)
{
	const char *name = port->conf->name;

	if (!port->link.up)
		fprintf(stderr,
			"warning: %s: port %s: the link of %s is down: nothing is sent there until "
			"it is up\n",
			p->file, name, port->link.name);
	if (port->conf->mtu > port->link.mtu)
		fprintf(stderr,
			"warning: %s: port %s: an MTU of %u is more than the %u of interface %s\n",
			p->file, name, port->conf->mtu, port->link.mtu, port->link.name);
}

/* The addresses that the port would have. */
static int set_addresses(const struct dry_plan *p, const struct dry_port *port,
			 struct way_port *ret)
{
	const struct el_conf_port *conf = port->conf;
	struct el_neigh_address *addresses =
	    calloc(conf->n_addresses + p->kernel.n_addresses + 1, sizeof(*addresses));
	size_t count = 0;

	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_addresses; i++)
		addresses[count++].prefix = conf->addresses[i];
	for (size_t i = 0; i < p->kernel.n_addresses && port->follows; i++) {
		const struct el_rtnl_address *a = &p->kernel.addresses[i];

		if (a->ifindex == port->link.ifindex && !a->tentative)
			addresses[count++].prefix = a->prefix;
	}
	ret->ifindex = port->follows ? port->link.ifindex : 0;
	ret->addresses = addresses;
	ret->n_addresses = count;
	return 0;
}

static int look_at_port(struct dry_plan *p, uint16_t i, struct el_error *err)
{
	const struct el_conf_dataplane *d = &p->conf->dataplane;
	struct dry_port port = {.conf = &d->ports[i],
				.follows = el_conf_port_follows(d->ports, d->n_ports, i)};
	struct way_port *way = &p->ports[i];
	uint32_t mtu = DEFAULT_MTU;
	int ret = find_link(p, &port, err);

	if (ret == 0)
		ret = el_routes_add_conf(&p->ways.routes, (struct el_port_idx){i}, port.conf, err);
	if (ret < 0)
		return ret;
	if (port.link.ifindex) {
		warn_of_link(p, &port);
		mtu = RTE_MIN(port.link.mtu, (uint32_t)UINT16_MAX);
	}
	if (port.conf->mtu && (port.conf->mtu < mtu || !port.link.ifindex))
		mtu = port.conf->mtu;
	way->name = port.conf->name;
	way->mtu = (uint16_t)mtu;
	p->advertised |= (uint32_t)port.conf->accept_ra << i;
	p->unknown |= (uint32_t)(!port.link.ifindex && port.conf->n_addresses == 0) << i;
	return set_addresses(p, &port, way) < 0 ? el_error_set(err, -ENOMEM, "not enough memory")
						: 0;
}

/* At all ports; warnings are of what would keep one from carrying anything. */
static int look_at_ports(struct dry_plan *p, struct el_error *err)
{
	size_t n = p->conf->dataplane.n_ports;
	int ret = el_rtnl_open(&p->kernel.rtnl, err);

	if (ret < 0)
		return ret;
	ret = net_kernel_read(&p->kernel);
	if (ret < 0)
		return el_error_set(err, ret, "the kernel's addresses can't be read: %s",
				    strerror(-ret));
	p->ports = calloc(n, sizeof(*p->ports));
	if (!p->ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	p->ways =
	    (struct way_input){.ports = p->ports, .n_ports = (uint32_t)n, .rtnl = p->kernel.rtnl};
	for (uint16_t i = 0; i < n && ret == 0; i++)
		ret = look_at_port(p, i, err);
	if (ret == 0 && el_routes_index(&p->ways.routes) < 0)
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	if (ret == 0 && !(p->own = ways_addresses(&p->ways, p->conf, &p->n_own)))
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	return ret;
}

/* ---- names and routes ---- */

/* A stand-in for name servers: each name has an address of its own, that a host could have and no
 * prober is likely to. */
static int any_address(void *ctx, const char *name, uint8_t family, struct el_ip *ret)
{
	struct dry_plan *p = ctx;
	const struct el_names_entry *entry =
	    el_names_add(&p->names, name, (uint32_t)p->names.count, NULL);
	uint32_t number_be;

	if (!entry)
		return -ENOMEM;
	number_be = htonl(entry->value + 1);
	*ret = (struct el_ip){.family = family, .bytes = {family == 4 ? 223 : 0xfd}};
	memcpy(ret->bytes + (family == 4 ? 1 : 13), (const uint8_t *)&number_be + 1, 3);
	return 0;
}

/* A stand-in for the source address of a port, of which the same holds. */
static struct el_ip any_source(uint8_t family)
{
	struct el_ip source;

	el_ip_parse(family == 4 ? "223.255.255.254" : "fdff::1", &source);
	return source;
}

/* A stand-in for addresses and routes that only a running port has. */
static struct el_plan_route any_route(const struct dry_plan *p, const struct el_model_group *group,
				      const struct el_ip *destination)
{
	const struct el_conf_dataplane *dataplane = &p->conf->dataplane;
	uint32_t ports = ways_ports(&p->ways, group->port);
	bool is_v4 = destination->family == 4;
	struct el_plan_route route = {.mtu = 1500,
				      .source = is_v4 ? group->src_ipv4 : group->src_ipv6};

	for (size_t i = 0; i < dataplane->n_ports; i++)
		if (ports >> i & 1 && dataplane->ports[i].mtu > route.mtu)
			route.mtu = dataplane->ports[i].mtu;
	if (route.source.family == 0)
		route.source = any_source(destination->family);
	return route;
}

/* Where a port's addresses can't be known here, what no other port reaches is taken to be reached
 * by it. */
static struct el_plan_route find_route(const struct dry_plan *p, const struct el_model_group *group,
				       const struct el_ip *destination)
{
	uint8_t family = destination->family;
	struct el_plan_route route = {.mtu = 0};
	uint32_t ports = ways_ports(&p->ways, group->port),
		 unknown = (family == 6 ? p->unknown | p->advertised : p->unknown) & ports;
	struct way ways[WAYS_MAX];

	if (!ways_find(&p->ways, group, destination, ways, &route.status)) {
		if (!unknown || route.status == EL_MODEL_NO_SOURCE)
			return route;
		ways[0] = (struct way){.hop.source = any_source(family),
				       .mtu = p->ports[rte_bsf32(unknown)].mtu};
	}
	route.source = ways_source(group, family, &ways[0].hop);
	route.status = route.source.family ? EL_MODEL_ACTIVE : EL_MODEL_NO_SOURCE;
	route.mtu = (uint16_t)ways[0].mtu;
	return route;
}

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	const struct dry_plan *p = ctx;

	/* without ports, everything can be reached */
	if (!p->ways.n_ports || el_names_find(&p->named, target->name))
		return any_route(p, group, destination);
	return find_route(p, group, destination);
}

static void left_out(void *ctx, uint32_t series, const char *why)
{
	struct dry_plan *p = ctx;

	if (!p->why[series] && !(p->why[series] = strdup(why)))
		p->rc = -ENOMEM;
}

/* ---- the plan ---- */

static int make_model(struct dry_plan *p, struct el_error *err)
{
	struct el_model_input in = {.conf = p->conf,
				    .resolve = any_address,
				    .resolve_ctx = p,
				    .own = p->own,
				    .n_own = p->n_own};

	for (uint32_t i = 0; i < p->conf->n_targets; i++) {
		const struct el_conf_target *t = &p->conf->targets[i];

		if (t->address.family == 0 && !t->is_subnet &&
		    !el_names_add(&p->named, t->name, i, NULL))
			return el_error_set(err, -ENOMEM, "not enough memory");
	}
	el_log_set_level(EL_LOG_ERROR); /* what it would log of targets is printed here */
	p->model = el_model_create(&in, err);
	el_log_set_level(EL_LOG_WARNING);
	if (!p->model)
		return -errno;
	p->why = calloc(p->model->n_series + 1, sizeof(*p->why));
	return p->why ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

static int compile(struct dry_plan *p, struct el_plan_set **ret_set, struct el_error *err)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES], random[32];
	const struct el_conf *conf = p->conf;
	struct el_plan_input in = {
	    .model = p->model,
	    .key = el_id_key_init(random),
	    .n_workers = 1,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .round_timeout_s = conf->global.timeout_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = conf->dataplane.max_rate_pps,
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .certain_below_s = conf->dataplane.certain_below_s,
	    .generation = 1,
	    .payload = payload,
	    .stamp_keys = p->keys,
	    .route = route,
	    .route_ctx = p,
	    .left_out = left_out,
	    .left_out_ctx = p,
	};
	int ret = el_plan_compile(&in, ret_set, err);

	if (ret == 0 && p->rc < 0) {
		el_plan_set_put(*ret_set);
		ret = el_error_set(err, p->rc, "not enough memory");
	}
	return ret;
}

/* ---- what there is to say ---- */

static void print_line(const struct dry_plan *p, const char *target, const char *group,
		       uint8_t family, const char *in_part, enum el_model_status status,
		       const char *why)
{
	fprintf(stderr, "warning: %s: target %s is not probed%s%s%s (%s): %s: %s\n", p->file,
		target, in_part, *group ? " in group " : "", group, el_model_family_label(family),
		el_model_status_label(status), why);
}

/* Of what is found before there are routes. */
static const char *why_of_target(enum el_model_status status)
{
	switch (status) {
	case EL_MODEL_OWN_ADDRESS:
		return "its address is the prober's own";
	case EL_MODEL_UNRESOLVED:
		return "its name has no address";
	default:
		return "it is too much for a round";
	}
}

static void print_absent(const struct dry_plan *p, const struct el_model_absent *a)
{
	char why[512] = "another target has its name, and the last one counts";

	if (a->status == EL_MODEL_NO_GROUP && *a->group)
		snprintf(why, sizeof(why), "there is no group %s", a->group);
	else if (a->status == EL_MODEL_NO_GROUP)
		snprintf(why, sizeof(why), "it is in no group");
	print_line(p, a->target, a->group, a->family, "", a->status, why);
}

/* How many series would not be probed at all. */
static uint32_t print_left_out(const struct dry_plan *p)
{
	const struct el_model *m = p->model;
	uint32_t n = m->n_absent;

	for (uint32_t i = 0; i < m->n_series; i++) {
		const struct el_model_series *s = &m->series[i];
		const struct el_model_target *t = &m->targets[s->target];

		if (s->status == EL_MODEL_ACTIVE)
			continue;
		n += !s->in_part;
		print_line(p, t->name, m->groups[s->group].name, t->family,
			   s->in_part ? " in full" : "", s->status,
			   p->why[i] ? p->why[i] : why_of_target(s->status));
	}
	for (uint32_t i = 0; i < m->n_absent; i++)
		print_absent(p, &m->absent[i]);
	return n;
}

static void print_plan(const struct dry_plan *p, const struct el_plan_set *set, FILE *out)
{
	const struct el_model *m = p->model;
	uint32_t n_left_out = print_left_out(p);
	char text[768], not_probed[64] = "";

	if (el_plan_tight_text(&set->tight, text, sizeof(text)))
		fprintf(stderr, "warning: %s: %s\n", p->file, text);
	if (n_left_out)
		snprintf(not_probed, sizeof(not_probed), ", %u of them not probed", n_left_out);
	fprintf(out,
		"configuration is valid: %u targets, %u groups, %u series%s, %llu probes a "
		"round, %.0f MB for the records of %u rounds\n",
		m->n_targets, m->n_groups, m->n_series + m->n_absent, not_probed,
		(unsigned long long)set->n_probes,
		ceil((double)el_plan_set_blocks_bytes(set) / 1e6), set->n_blocks);
}

static void fini(struct dry_plan *p)
{
	for (uint32_t i = 0; p->why && i < p->model->n_series; i++)
		free(p->why[i]);
	free(p->why);
	el_model_put(p->model);
	el_names_fini(&p->names);
	el_names_fini(&p->named);
	for (uint32_t i = 0; i < p->ways.n_ports; i++)
		free((void *)(uintptr_t)p->ports[i].addresses);
	free(p->ports);
	free(p->own);
	free(p->kernel.addresses);
	el_routes_fini(&p->ways.routes);
	el_rtnl_close(p->kernel.rtnl);
}

int dry_plan_print(const struct el_conf *conf, struct el_stamp_keys *keys, const char *file,
		   FILE *out, struct el_error *err)
{
	struct dry_plan p = {.conf = conf, .keys = keys, .file = file};
	struct el_plan_set *set;
	int ret = 0;

	el_names_init(&p.names);
	el_names_init(&p.named);
	if (conf->dataplane.n_ports)
		ret = look_at_ports(&p, err);
	if (ret == 0)
		ret = make_model(&p, err);
	if (ret == 0)
		ret = compile(&p, &set, err);
	if (ret == 0) {
		print_plan(&p, set, out);
		el_plan_set_put(set);
	}
	fini(&p);
	return ret;
}
