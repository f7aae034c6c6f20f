/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of netprobify. */
#include "schema.h"

#define YEAR_S 31536000.0
#define PORT_MAX 65535
#define TARGETS_MAX 1000000

IS_ARRAY(el_conf_strings, items, count);
IS_ARRAY(el_conf_ints, items, count);
IS_ARRAY(el_conf, groups, n_groups);
IS_ARRAY(el_conf, targets, n_targets);
IS_ARRAY(el_conf_inventory, items, count);
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
					 {"STAMP", EL_PROBE_STAMP},
					 {NULL, 0}};
static const struct conf_word families[] = {{"ipv4", 4}, {"ipv6", 6}, {NULL, 0}};
static const struct conf_word alert_levels[] = {{"paging", EL_ALERT_PAGING},
						{"paging_validation", EL_ALERT_PAGING_VALIDATION},
						{"sandbox", EL_ALERT_SANDBOX},
						{"no_alert", EL_ALERT_NO_ALERT},
						{NULL, 0}};
static const struct conf_word states[] = {
    {"in production", EL_STATE_PRODUCTION}, {"validation", EL_STATE_VALIDATION}, {NULL, 0}};
/* Items of lists. */
static const struct conf_key percent = {.kind = CONF_INT, ITEM(int), .min = 1, .max = 100};
static const struct conf_key text = {.kind = CONF_STR, ITEM(char *)};
static const struct conf_key name = {.kind = CONF_NAME, ITEM(char *)};

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
     .restart = true,
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
     .restart = true,
     FIELD(el_conf_global, prometheus_port),
     .min = 1,
     .max = PORT_MAX,
     .help = "TCP port of `/metrics`"},
    {.name = "prometheus_address",
     .kind = CONF_STR,
     .restart = true,
     FIELD(el_conf_global, prometheus_address),
     .def = "0.0.0.0",
     .what = "an IPv4 or IPv6 address of this machine",
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
     .help = "source address"},
    {.name = "src_subnet_ipv4",
     .kind = CONF_PREFIX,
     FIELD(el_conf_group, src_subnet_ipv4),
     .family = 4,
     .help = "source addresses to rotate over: packet i has number i mod (size - 1) + 1 of the "
	     "prefix, and the source port moves on when the rotation begins again"},
    {.name = "src_subnet_ipv6",
     .kind = CONF_PREFIX,
     FIELD(el_conf_group, src_subnet_ipv6),
     .family = 6,
     .help = "source addresses to rotate over: packet i has number i mod (size - 1) + 1 of the "
	     "prefix, and the source port moves on when the rotation begins again"},
    {.name = "port",
     .kind = CONF_STR,
     FIELD(el_conf_group, port),
     .what = "the name of a port",
     .def_text = "any that leads to the target",
     .help = "the port of `dataplane.ports` or `--port` that probes leave by, and no other: what "
	     "has no route by it is not probed in this group"},
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
     .what = "an address or a host name",
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
     .help = "probe every address of the destination, `nb_packets` each"},
    {.name = "dst_port",
     .kind = CONF_INT,
     FIELD(el_conf_target, dst_port),
     .min = 1,
     .max = PORT_MAX,
     .def_text = "required for TCPsyn and UDPunreachable; STAMP: 862",
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
	     "UDPunreachable 12, STAMP 52, or 120 where it is authenticated, and what `stamp` asks "
	     "for besides; what is up to 3 bytes longer becomes 4 longer)"},
    {.name = "stamp",
     .kind = CONF_MAP,
     .map = &conf_stamp_map,
     .help = "what the requests of a STAMP target are like"},
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
     .help = "refresh of the name; 0: never again after the first time"},
    {.name = "auto_register_to_groups",
     .kind = CONF_BOOL,
     FIELD(el_conf_target, auto_register_to_groups),
     .def = "true",
     .help = "be in every group that permits it"},
    {.name = "explicit_groups", .kind = CONF_MAP, .map = &explicit_map, .help = "groups by name"},
    /* from here on: of dynamic inventories only */
    {.name = "hostname",
     .kind = CONF_NAME,
     .required = true,
     FIELD(el_conf_inventory_target, hostname),
     .help = "the target's name is `<inventory>_<hostname>`, its description `from_<inventory>`"},
    {.name = "groups",
     .kind = CONF_LIST,
     FIELD(el_conf_inventory_target, groups),
     .max = 10000,
     .item = &name,
     .def_text = "as with static targets",
     .help = "the only groups that the target is in, unless auto_register_to_groups is true"},
    {.name = "creation_date",
     .kind = CONF_TIME,
     .unset = true,
     FIELD(el_conf_inventory_target, creation_s),
     .help = "RFC 3339 time that `lifetime` is counted from"},
    {.name = "lifetime",
     .kind = CONF_DURATION,
     .unset = true,
     FIELD(el_conf_inventory_target, lifetime_s),
     .max = 100 * YEAR_S,
     .unit = "s",
     .help = "seconds or `1d 3h 2m` after creation_date that the target is dropped; 0: never"},
};
#define INVENTORY_ROWS 4
_Static_assert(offsetof(struct el_conf_inventory_target, target) == 0,
	       "an inventory's target begins with what it shares with static ones");
const struct conf_map conf_target_map = {.keys = target_keys,
					 .count = sizeof(target_keys) / sizeof(target_keys[0]) -
						  INVENTORY_ROWS,
					 .size = sizeof(struct el_conf_target),
					 .check = conf_check_target};
static const struct conf_map inventory_map = {MAP(target_keys),
					      .size = sizeof(struct el_conf_inventory_target),
					      .check = conf_check_inventory_target};
static const struct conf_key inventory_item = {
    .kind = CONF_MAP, ITEM(struct el_conf_inventory_target), .map = &inventory_map};
const struct conf_key conf_inventory_key = {
    .name = "targets", .kind = CONF_LIST, .max = TARGETS_MAX, .item = &inventory_item};

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
    /* before targets, which it has limits for */
    {.name = "dataplane", .kind = CONF_MAP, FIELD(el_conf, dataplane), .map = &conf_dataplane_map},
    {.name = "targets",
     .kind = CONF_NAMED,
     .last_wins = true,
     FIELD(el_conf, targets),
     .max = TARGETS_MAX,
     .map = &conf_target_map},
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
