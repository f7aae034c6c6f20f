/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema.h"

/* A row's field; a member of a list's item is the whole item. */
#define FIELD(type, member)                                                                        \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define ITEM(type) .offset = 0, .size = sizeof(type)
#define MAP(rows) .keys = (rows), .count = sizeof(rows) / sizeof((rows)[0])

#define YEAR_S 31536000.0
#define U32_MAX 4294967295.0
#define PORT_MAX 65535
#define CORES_MAX 1023

/* what conf_array_get relies on */
#define IS_ARRAY(type, pointer, number)                                                            \
	_Static_assert(offsetof(struct type, number) ==                                            \
			   offsetof(struct type, pointer) + sizeof(void *),                        \
		       "a list is a pointer and a count")
IS_ARRAY(el_conf_strings, items, count);
IS_ARRAY(el_conf_ints, items, count);
IS_ARRAY(el_conf, groups, n_groups);
IS_ARRAY(el_conf, targets, n_targets);
IS_ARRAY(el_conf_dataplane, ports, n_ports);
IS_ARRAY(el_conf_port, addresses, n_addresses);
IS_ARRAY(el_conf_port, gateways, n_gateways);
IS_ARRAY(el_conf_port, routes, n_routes);
_Static_assert(offsetof(struct el_conf_group, name) == 0 &&
		   offsetof(struct el_conf_target, name) == 0,
	       "what has a name begins with it");

static const struct conf_word levels[] = {{"CRITICAL", EL_LOG_CRITICAL},
					  {"ERROR", EL_LOG_ERROR},
					  {"WARNING", EL_LOG_WARNING},
					  {"INFO", EL_LOG_INFO},
					  {"DEBUG", EL_LOG_DEBUG},
					  {"NOTSET", EL_LOG_NOTSET},
					  {NULL, 0}};
static const struct conf_word types[] = {{"TCPsyn", EL_PROBE_TCPSYN},
					 {"ICMPping", EL_PROBE_ICMPPING},
					 {"UDPunreachable", EL_PROBE_UDPUNREACHABLE},
					 {NULL, 0}};
static const struct conf_word families[] = {{"ipv4", 4}, {"ipv6", 6}, {NULL, 0}};
static const struct conf_word alert_levels[] = {{"paging", EL_ALERT_PAGING},
						{"paging_validation", EL_ALERT_PAGING_VALIDATION},
						{"sandbox", EL_ALERT_SANDBOX},
						{"no_alert", EL_ALERT_NO_ALERT},
						{NULL, 0}};
static const struct conf_word states[] = {
    {"in production", EL_STATE_PRODUCTION}, {"validation", EL_STATE_VALIDATION}, {NULL, 0}};
static const struct conf_word huge_pages[] = {
    {"auto", EL_CONF_HUGE_AUTO}, {"yes", EL_CONF_HUGE_YES}, {"no", EL_CONF_HUGE_NO}, {NULL, 0}};
static const struct conf_word pacings[] = {
    {"spread", EL_CONF_PACING_SPREAD}, {"asap", EL_CONF_PACING_ASAP}, {NULL, 0}};

/* Items of lists. */
static const struct conf_key percent = {.kind = CONF_INT, ITEM(int), .min = 1, .max = 100};
static const struct conf_key core = {.kind = CONF_INT, ITEM(int), .min = 0, .max = CORES_MAX};
static const struct conf_key text = {.kind = CONF_STR, ITEM(char *)};
static const struct conf_key name = {.kind = CONF_NAME, ITEM(char *)};
static const struct conf_key address = {.kind = CONF_IP, ITEM(struct el_ip)};
static const struct conf_key prefix = {.kind = CONF_PREFIX, ITEM(struct el_prefix)};

static const struct conf_key global_keys[] = {
    {.name = "probe_name",
     .kind = CONF_NAME,
     .required = true,
     FIELD(el_conf_global, probe_name),
     .help = "name of this prober: the label `probe_name` of all metrics"},
    {.name = "interval",
     .kind = CONF_INT,
     .required = true,
     FIELD(el_conf_global, interval_s),
     .max = YEAR_S,
     .unit = "s",
     .help = "time from the start of a round to that of the next; a round that takes longer is "
	     "followed at "
	     "once by the next"},
    {.name = "interval_packets",
     .kind = CONF_FLOAT,
     FIELD(el_conf_global, interval_packets_s),
     .max = YEAR_S,
     .def = "0",
     .unit = "s",
     .help = "time between the packets of a target; 0: they are spread over the interval"},
    {.name = "nb_proc",
     .kind = CONF_INT,
     .required = true,
     FIELD(el_conf_global, nb_proc),
     .min = 1,
     .max = CORES_MAX + 1,
     .help = "the most workers to use"},
    {.name = "verbose",
     .kind = CONF_INT,
     FIELD(el_conf_global, verbose),
     .max = 1,
     .def = "0",
     .later = "accepted, no effect: there is no scapy in here",
     .help = "raw sockets of the kernel"},
    {.name = "logging_level",
     .kind = CONF_ENUM,
     .required = true,
     FIELD(el_conf_global, logging_level),
     .words = levels,
     .help = "the least severe lines to log"},
    {.name = "prometheus_port",
     .kind = CONF_INT,
     .required = true,
     FIELD(el_conf_global, prometheus_port),
     .min = 1,
     .max = PORT_MAX,
     .help = "TCP port of `/metrics`"},
    {.name = "prometheus_address",
     .kind = CONF_STR,
     FIELD(el_conf_global, prometheus_address),
     .def = "0.0.0.0",
     .help = "address that `/metrics` is served on"},
    {.name = "dns_update_interval",
     .kind = CONF_INT,
     .required = true,
     FIELD(el_conf_global, dns_update_interval_s),
     .max = U32_MAX,
     .unit = "s",
     .help = "refresh of names; 0: never again after the first time"},
    {.name = "reload_conf_interval",
     .kind = CONF_INT,
     FIELD(el_conf_global, reload_conf_interval_s),
     .max = U32_MAX,
     .def = "0",
     .unit = "s",
     .later = "has no effect yet: the file is read at start only",
     .help = "read this file again so often; 0: never"},
    {.name = "l3_raw_socket",
     .kind = CONF_BOOL,
     FIELD(el_conf_global, l3_raw_socket),
     .def = "false",
     .later = "accepted, no effect: probes don't go through kernel sockets",
     .help = "raw sockets of the kernel"},
    {.name = "timeout",
     .kind = CONF_FLOAT,
     FIELD(el_conf_global, timeout_s),
     .min = 0.001,
     .max = YEAR_S,
     .def = "3600",
     .unit = "s",
     .help = "the most that a round may take"},
    {.name = "percentile",
     .kind = CONF_LIST,
     FIELD(el_conf_global, percentiles),
     .max = 1000,
     .item = &percent,
     .def = "95, 50",
     .unit = "%",
     .help = "percentiles of the round-trip time to publish"},
    {.name = "disable_dynamic_inventories",
     .kind = CONF_LIST,
     FIELD(el_conf_global, disable_dynamic_inventories),
     .max = 10000,
     .item = &text,
     .later = "has no effect yet: there are no dynamic inventories",
     .help = "names of dynamic inventories to leave out"},
};
static const struct conf_map global_map = {MAP(global_keys), .check = conf_check_global};

static const struct conf_key group_keys[] = {
    /* before src_ipv4, which wins */
    {.name = "src_ip",
     .kind = CONF_IP,
     .deprecated = true,
     FIELD(el_conf_group, src_ipv4),
     .family = 4,
     .help = "deprecated: the same as `src_ipv4`, which wins"},
    {.name = "src_ipv4",
     .kind = CONF_IP,
     FIELD(el_conf_group, src_ipv4),
     .family = 4,
     .def_text = "the port's address",
     .help = "source address"},
    {.name = "src_ipv6",
     .kind = CONF_IP,
     FIELD(el_conf_group, src_ipv6),
     .family = 6,
     .def_text = "the port's address",
     .later = "has no effect yet: IPv6 is not probed",
     .help = "source address"},
    {.name = "src_subnet_ipv4",
     .kind = CONF_PREFIX,
     FIELD(el_conf_group, src_subnet_ipv4),
     .family = 4,
     .later = "has no effect yet: probes are sent from src_ipv4 or the port's address",
     .help = "source addresses to rotate over"},
    {.name = "src_subnet_ipv6",
     .kind = CONF_PREFIX,
     FIELD(el_conf_group, src_subnet_ipv6),
     .family = 6,
     .later = "has no effect yet: IPv6 is not probed",
     .help = "source addresses to rotate over"},
    {.name = "src_port_a",
     .kind = CONF_INT,
     FIELD(el_conf_group, src_port_a),
     .min = 1,
     .max = PORT_MAX,
     .def = "65000",
     .help = "first source port"},
    {.name = "src_port_z",
     .kind = CONF_INT,
     FIELD(el_conf_group, src_port_z),
     .min = 1,
     .max = PORT_MAX,
     .def = "65001",
     .help = "last source port"},
    {.name = "ip_payload_size",
     .kind = CONF_INT,
     .unset = true,
     FIELD(el_conf_group, ip_payload_size),
     .max = 65515,
     .unit = "bytes",
     .help = "bytes after the IP header for ICMPping targets that set none; 0: none set"},
    {.name = "dscp",
     .kind = CONF_INT,
     FIELD(el_conf_group, dscp),
     .max = 63,
     .def = "0",
     .help = "DSCP of the probes"},
    {.name = "permit_target_auto_register",
     .kind = CONF_BOOL,
     FIELD(el_conf_group, permit_target_auto_register),
     .def = "true",
     .help = "whether targets are in this group without naming it"},
};
static const struct conf_map group_map = {MAP(group_keys), .size = sizeof(struct el_conf_group),
					  .check = conf_check_group};

static const struct conf_key threshold_keys[] = {
    {.name = "latency",
     .kind = CONF_FLOAT,
     .unset = true,
     FIELD(el_conf_target, threshold_latency_s),
     .min = -1000000,
     .max = 1000000,
     .unit = "s",
     .help = "published as `threshold{type=\"latency\"}`"},
    {.name = "loss",
     .kind = CONF_FLOAT,
     .unset = true,
     FIELD(el_conf_target, threshold_loss),
     .min = -1000000,
     .max = 1000000,
     .help = "published as `threshold{type=\"loss\"}`"},
};
static const struct conf_map threshold_map = {MAP(threshold_keys)};

static const struct conf_key explicit_keys[] = {
    {.name = "register_to",
     .kind = CONF_LIST,
     FIELD(el_conf_target, register_to),
     .max = 10000,
     .item = &name,
     .help = "groups that the target is in besides"},
    {.name = "exclude_from",
     .kind = CONF_LIST,
     FIELD(el_conf_target, exclude_from),
     .max = 10000,
     .item = &name,
     .help = "groups that the target is not in; counts last"},
};
static const struct conf_map explicit_map = {MAP(explicit_keys)};

static const struct conf_key target_keys[] = {
    {.name = "type",
     .kind = CONF_ENUM,
     .required = true,
     FIELD(el_conf_target, type),
     .words = types,
     .help = "kind of probe"},
    {.name = "destination",
     .kind = CONF_STR,
     .required = true,
     FIELD(el_conf_target, destination),
     .help = "address or host name; with `is_subnet` a prefix (`192.0.2.0/24`) or octet patterns "
	     "(`192.168.*.1-5`)"},
    {.name = "description",
     .kind = CONF_STR,
     FIELD(el_conf_target, description),
     .def_text = "the name",
     .help = "for people"},
    {.name = "address_family",
     .kind = CONF_ENUM,
     FIELD(el_conf_target, address_family),
     .words = families,
     .def_text = "that of the destination if it is an address, else ipv4",
     .help = "family to resolve a name in"},
    {.name = "dont_fragment",
     .kind = CONF_BOOL,
     FIELD(el_conf_target, dont_fragment),
     .def = "true",
     .help = "set DF (IPv4)"},
    {.name = "is_subnet",
     .kind = CONF_BOOL,
     FIELD(el_conf_target, is_subnet),
     .def = "false",
     .later = "has no effect yet: subnets are not probed, the target is disabled",
     .help = "probe every address of the destination"},
    {.name = "dst_port",
     .kind = CONF_INT,
     FIELD(el_conf_target, dst_port),
     .min = 1,
     .max = PORT_MAX,
     .def_text = "required for TCPsyn and UDPunreachable",
     .help = "destination port"},
    {.name = "nb_packets",
     .kind = CONF_INT,
     FIELD(el_conf_target, nb_packets),
     .min = 1,
     .max = 1e8,
     .def = "1",
     .help = "probes for each group and round"},
    {.name = "ip_payload_size",
     .kind = CONF_INT,
     .unset = true,
     FIELD(el_conf_target, ip_payload_size),
     .max = 65515,
     .unit = "bytes",
     .def_text = "the protocol's header",
     .help = "bytes after the IP header; 0: none set; raised to what the probe needs (TCPsyn 20, "
	     "ICMPping 8, "
	     "UDPunreachable 12)"},
    {.name = "threshold", .kind = CONF_MAP, .map = &threshold_map, .help = "for alert rules"},
    {.name = "alert_level",
     .kind = CONF_ENUM,
     FIELD(el_conf_target, alert_level),
     .words = alert_levels,
     .def = "no_alert",
     .help = "label of `threshold`"},
    {.name = "state",
     .kind = CONF_ENUM,
     FIELD(el_conf_target, state),
     .words = states,
     .def_text = "the label is `None`",
     .help = "label of the measurements"},
    {.name = "timeout",
     .kind = CONF_FLOAT,
     FIELD(el_conf_target, timeout_s),
     .min = 0.001,
     .max = 3600,
     .def = "1",
     .unit = "s",
     .help = "a probe that is answered later is lost"},
    {.name = "dns_update_interval",
     .kind = CONF_INT,
     .unset = true,
     FIELD(el_conf_target, dns_update_interval_s),
     .max = U32_MAX,
     .unit = "s",
     .def_text = "`global.dns_update_interval`",
     .later = "has no effect yet: names are not resolved",
     .help = "refresh of the name; 0: never again after the first time"},
    {.name = "auto_register_to_groups",
     .kind = CONF_BOOL,
     FIELD(el_conf_target, auto_register_to_groups),
     .def = "true",
     .help = "be in every group that permits it"},
    {.name = "explicit_groups", .kind = CONF_MAP, .map = &explicit_map, .help = "groups by name"},
};
const struct conf_map conf_target_map = {MAP(target_keys), .size = sizeof(struct el_conf_target),
					 .check = conf_check_target};

static const struct conf_key lcores_keys[] = {
    {.name = "control",
     .kind = CONF_INT,
     .unset = true,
     FIELD(el_conf_dataplane, control_core),
     .max = CORES_MAX,
     .def_text = "the first core allowed",
     .help = "core of the control thread"},
    {.name = "workers",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, worker_cores),
     .max = CORES_MAX + 1,
     .item = &core,
     .def_text = "the other cores allowed, at most `nb_proc`",
     .help = "cores of the workers, one each"},
    {.name = "stats",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, stats_cores),
     .max = CORES_MAX + 1,
     .item = &core,
     .def_text = "the control thread's",
     .help = "cores of the statistics threads, one each"},
};
static const struct conf_map lcores_map = {MAP(lcores_keys)};

static const struct conf_key route_keys[] = {
    {.name = "to",
     .kind = CONF_PREFIX,
     .required = true,
     FIELD(el_conf_route, to),
     .help = "destination prefix"},
    {.name = "via",
     .kind = CONF_IP,
     .required = true,
     FIELD(el_conf_route, via),
     .help = "next hop"},
};
static const struct conf_map route_map = {MAP(route_keys), .size = sizeof(struct el_conf_route),
					  .check = conf_check_route};
static const struct conf_key route = {
    .kind = CONF_MAP, ITEM(struct el_conf_route), .map = &route_map};

static const struct conf_key port_keys[] = {
    {.name = "name",
     .kind = CONF_STR,
     FIELD(el_conf_port, name),
     .def_text = "the interface of the device, else the device",
     .help = "name of the port in metrics and messages"},
    {.name = "device",
     .kind = CONF_STR,
     .required = true,
     FIELD(el_conf_port, device),
     .help = "PCI address, `af_packet:IFACE`, `af_xdp:IFACE`, `tap:NAME` or an EAL device string"},
    {.name = "profile",
     .kind = CONF_STR,
     FIELD(el_conf_port, profile),
     .def_text = "by the driver",
     .help = "driver profile"},
    {.name = "addresses",
     .kind = CONF_LIST,
     FIELD(el_conf_port, addresses),
     .max = 65536,
     .item = &prefix,
     .def_text = "the kernel's, where it owns the interface",
     .help = "own addresses, with the length of their prefix"},
    {.name = "gateways",
     .kind = CONF_LIST,
     FIELD(el_conf_port, gateways),
     .max = 256,
     .item = &address,
     .def_text = "the kernel's, where it owns the interface",
     .help = "default gateways"},
    {.name = "routes",
     .kind = CONF_LIST,
     FIELD(el_conf_port, routes),
     .max = 65536,
     .item = &route,
     .help = "next hops of prefixes"},
    {.name = "vlan",
     .kind = CONF_INT,
     FIELD(el_conf_port, vlan),
     .max = 4094,
     .def = "0",
     .help = "802.1Q VLAN; 0: untagged"},
    {.name = "mtu",
     .kind = CONF_INT,
     FIELD(el_conf_port, mtu),
     .max = 65535,
     .def = "0",
     .unit = "bytes",
     .help = "MTU, at least 68; 0: the device's"},
};
const struct conf_map conf_port_map = {MAP(port_keys), .size = sizeof(struct el_conf_port),
				       .check = conf_check_port};
static const struct conf_key port = {
    .kind = CONF_MAP, ITEM(struct el_conf_port), .map = &conf_port_map};

static const struct conf_key dataplane_keys[] = {
    {.name = "lcores", .kind = CONF_MAP, .map = &lcores_map, .help = "which threads run where"},
    {.name = "huge_pages",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, huge_pages),
     .words = huge_pages,
     .def = "auto",
     .help = "use huge pages"},
    {.name = "pacing",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, pacing),
     .words = pacings,
     .def = "spread",
     .help = "spread the probes over the interval, or send them as fast as the cap lets through"},
    {.name = "max_rate_pps",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, max_rate_pps),
     .max = 1e12,
     .def = "0",
     .unit = "packets/s",
     .help = "cap over all ports; 0: the link's rate, 100,000 on kernel interfaces"},
    {.name = "max_probes_per_round",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, max_probes_per_round),
     .min = 1,
     .max = U32_MAX,
     .def = "100000000",
     .help = "a configuration that needs more is refused"},
    {.name = "eal_args",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, eal_args),
     .max = 256,
     .item = &text,
     .help = "further arguments for DPDK's EAL"},
    {.name = "ports",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, ports),
     .max = 32,
     .item = &port,
     .help = "ports to probe from"},
};
static const struct conf_map dataplane_map = {MAP(dataplane_keys), .check = conf_check_dataplane};

static const struct conf_key root_keys[] = {
    {.name = "global",
     .kind = CONF_MAP,
     .required = true,
     FIELD(el_conf, global),
     .map = &global_map},
    {.name = "groups",
     .kind = CONF_NAMED,
     .required = true,
     FIELD(el_conf, groups),
     .max = 65535,
     .map = &group_map},
    {.name = "targets",
     .kind = CONF_NAMED,
     .last_wins = true,
     FIELD(el_conf, targets),
     .max = 1000000,
     .map = &conf_target_map},
    {.name = "dataplane", .kind = CONF_MAP, FIELD(el_conf, dataplane), .map = &dataplane_map},
};
const struct conf_map conf_root_map = {MAP(root_keys), .check = conf_check_root};

size_t conf_map_index(const struct conf_map *map, const char *key)
{
	size_t i = 0;

	while (i < map->count && strcmp(map->keys[i].name, key) != 0)
		i++;
	return i;
}

const struct conf_key *conf_map_key(const struct conf_map *map, const char *key)
{
	size_t i = conf_map_index(map, key);

	return i < map->count ? &map->keys[i] : NULL;
}
