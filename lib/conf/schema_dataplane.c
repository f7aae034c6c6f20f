/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys below `dataplane`: what a kernel would have known. */
#include "schema.h"

IS_ARRAY(el_conf_dataplane, ports, n_ports);
IS_ARRAY(el_conf_responder, allow, n_allow);
IS_ARRAY(el_conf_port, addresses, n_addresses);
IS_ARRAY(el_conf_port, gateways, n_gateways);
IS_ARRAY(el_conf_port, routes, n_routes);
IS_ARRAY(el_conf_port, neighbours, n_neighbours);

static const struct conf_word huge_pages[] = {
    {"auto", EL_CONF_HUGE_AUTO}, {"yes", EL_CONF_HUGE_YES}, {"no", EL_CONF_HUGE_NO}, {NULL, 0}};
static const struct conf_word pacings[] = {
    {"spread", EL_CONF_PACING_SPREAD}, {"asap", EL_CONF_PACING_ASAP}, {NULL, 0}};
static const struct conf_word histograms[] = {{"none", EL_CONF_HISTOGRAMS_NONE},
					      {"native", EL_CONF_HISTOGRAMS_NATIVE},
					      {"classic", EL_CONF_HISTOGRAMS_CLASSIC},
					      {"both", EL_CONF_HISTOGRAMS_BOTH},
					      {NULL, 0}};
static const struct conf_word checksums[] = {
    {"auto", EL_CONF_CHECKSUM_AUTO}, {"strict", EL_CONF_CHECKSUM_STRICT}, {NULL, 0}};
static const struct conf_word clocks[] = {{"auto", EL_CONF_CLOCK_AUTO},
					  {"tsc", EL_CONF_CLOCK_TSC},
					  {"monotonic", EL_CONF_CLOCK_MONOTONIC},
					  {NULL, 0}};

const struct conf_word conf_stamp_modes[] = {
    {"open", EL_CONF_STAMP_OPEN}, {"authenticated", EL_CONF_STAMP_AUTHENTICATED}, {NULL, 0}};
const struct conf_word conf_stamp_timestamps[] = {
    {"ntp", EL_CONF_STAMP_NTP}, {"ptp", EL_CONF_STAMP_PTP}, {NULL, 0}};

/* Items of lists. */
static const struct conf_key core = {.kind = CONF_INT, ITEM(int), .min = 0, .max = CORES_MAX};
static const struct conf_key address = {.kind = CONF_IP, ITEM(struct el_ip)};
static const struct conf_key prefix = {.kind = CONF_PREFIX, ITEM(struct el_prefix)};
static const struct conf_key tcp_port = {.kind = CONF_INT, ITEM(int), .min = 1, .max = 65535};
static const struct conf_key argument = {.kind = CONF_STR, ITEM(char *), .what = "an argument"};

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
     .max = 1,
     .item = &core,
     .def_text = "the control thread's",
     .help = "core of the statistics thread"},
};
static const struct conf_map lcores_map = {MAP(lcores_keys), .check = conf_check_lcores};

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

static const struct conf_key neighbour_keys[] = {
    {.name = "address",
     .kind = CONF_IP,
     .required = true,
     FIELD(el_conf_neighbour, address),
     .help = "address of the next hop"},
    {.name = "mac",
     .kind = CONF_MAC,
     .required = true,
     FIELD(el_conf_neighbour, mac),
     .help = "its MAC address"},
};
static const struct conf_map neighbour_map = {MAP(neighbour_keys),
					      .size = sizeof(struct el_conf_neighbour)};
static const struct conf_key neighbour = {
    .kind = CONF_MAP, ITEM(struct el_conf_neighbour), .map = &neighbour_map};

static const struct conf_key port_keys[] = {
    {.name = "name",
     .kind = CONF_STR,
     FIELD(el_conf_port, name),
     .what = "a name",
     .def_text = "the interface of the device, else the device; where a port before it has the "
		 "device, with its VLANs behind it",
     .help = "name of the port in metrics and messages"},
    {.name = "device",
     .kind = CONF_STR,
     .required = true,
     FIELD(el_conf_port, device),
     .what = "a device",
     .help = "PCI address, `af_packet:IFACE`, `af_xdp:IFACE`, `tap:NAME` or an EAL device string"},
    {.name = "profile",
     .kind = CONF_STR,
     FIELD(el_conf_port, profile),
     .what = "the name of a driver profile",
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
    {.name = "neighbours",
     .kind = CONF_LIST,
     FIELD(el_conf_port, neighbours),
     .max = 256,
     .item = &neighbour,
     .help = "next hops that are not asked for their MAC address, by ARP or neighbour discovery"},
    {.name = "vlan",
     .kind = CONF_INT,
     FIELD(el_conf_port, vlan),
     .max = 4094,
     .def = "0",
     .help = "802.1Q VLAN; 0: untagged. Several ports may have one device, each with other VLANs"},
    {.name = "outer_vlan",
     .kind = CONF_INT,
     FIELD(el_conf_port, outer_vlan),
     .max = 4094,
     .def = "0",
     .help = "802.1ad service VLAN around `vlan` (QinQ); 0: none"},
    {.name = "dad",
     .kind = CONF_BOOL,
     FIELD(el_conf_port, dad),
     .def = "true",
     .help =
	 "duplicate address detection: addresses that the kernel does not own are asked for on "
	 "the link for a second before they are used, and not used while another host has them"},
    {.name = "accept_ra",
     .kind = CONF_BOOL,
     FIELD(el_conf_port, accept_ra),
     .def = "false",
     .help = "take default routers, prefixes, the MTU and addresses (SLAAC) of IPv6 from router "
	     "advertisements; an interface of the kernel needs `addresses` beside it"},
    {.name = "ping",
     .kind = CONF_BOOL,
     FIELD(el_conf_port, ping),
     .def = "true",
     .help = "answer echo requests to the port's own addresses that no kernel answers for, from "
	     "anybody: at most 100 a second of a source, 1,000 of all, by each worker; what "
	     "`responder` answers has its limits"},
    {.name = "mtu",
     .kind = CONF_INT,
     FIELD(el_conf_port, mtu),
     .max = 65535,
     .def = "0",
     .unit = "bytes",
     .help = "MTU, at least 68; 0: the device's"},
    {.name = "checksum",
     .kind = CONF_ENUM,
     FIELD(el_conf_port, checksum),
     .words = checksums,
     .def = "auto",
     .help =
	 "an answer with a wrong checksum is none; auto: but on `af_packet`, `af_xdp` and `tap`, "
	 "where a kernel may not have filled it in, it is accepted and counted"},
};
const struct conf_map conf_port_map = {MAP(port_keys), .size = sizeof(struct el_conf_port),
				       .check = conf_check_port};
static const struct conf_key port = {
    .kind = CONF_MAP, ITEM(struct el_conf_port), .map = &conf_port_map};

static const struct conf_key inventories_keys[] = {
    {.name = "directory",
     .kind = CONF_STR,
     FIELD(el_conf_dataplane, inventories_directory),
     .what = "a directory",
     .def_text = "none",
     .help = "directory of programs that feed targets"},
    {.name = "user",
     .kind = CONF_STR,
     FIELD(el_conf_dataplane, inventories_user),
     .what = "a user of this machine",
     .def_text = "the one that echolane runs as",
     .help = "user that these programs run as"},
};
static const struct conf_map inventories_map = {MAP(inventories_keys),
						.check = conf_check_inventories};

static const struct conf_key reflector_keys[] = {
    {.name = "port",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, responder.stamp.port),
     .max = 65535,
     .def = "0",
     .help = "UDP port of the STAMP reflector, by the standard 862; 0: none"},
    {.name = "mode",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, responder.stamp.mode),
     .words = conf_stamp_modes,
     .def = "open",
     .help = "whether requests have to be signed, and answers are"},
    {.name = "key_file",
     .kind = CONF_STR,
     FIELD(el_conf_dataplane, responder.stamp.key_file),
     .what = "a file",
     .def_text = "none",
     .help =
	 "file with the key that packets are signed with, or their TLVs where the mode is open"},
    {.name = "stateful",
     .kind = CONF_BOOL,
     FIELD(el_conf_dataplane, responder.stamp.stateful),
     .def = "true",
     .help = "count the answers of each session, so that its sender can tell loss on the way there "
	     "from loss on the way back"},
    {.name = "sessions",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, responder.stamp.sessions),
     .min = 1,
     .max = 1048576,
     .def = "16384",
     .help = "sessions that a worker counts at a time"},
    {.name = "short_requests",
     .kind = CONF_BOOL,
     FIELD(el_conf_dataplane, responder.stamp.short_requests),
     .def = "false",
     .help =
	 "answer requests that are shorter than STAMP's, as senders of TWAMP Light may have them, "
	 "by a longer packet; in open mode"},
    {.name = "timestamps",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, responder.stamp.timestamps),
     .words = conf_stamp_timestamps,
     .def = "ntp",
     .help = "format of the reflector's timestamps"},
};
static const struct conf_map reflector_map = {MAP(reflector_keys), .check = conf_check_reflector};

static const struct conf_key responder_keys[] = {
    {.name = "icmp",
     .kind = CONF_BOOL,
     FIELD(el_conf_dataplane, responder.icmp),
     .def = "false",
     .help = "answer echo requests"},
    {.name = "tcp_ports",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, responder.tcp_ports),
     .max = 64,
     .item = &tcp_port,
     .help = "TCP ports that are open: a SYN to one of them is answered by a SYN/ACK, one to any "
	     "other by an RST; none: nothing of TCP is answered"},
    {.name = "udp",
     .kind = CONF_BOOL,
     FIELD(el_conf_dataplane, responder.udp),
     .def = "false",
     .help = "answer UDP by ICMP's port unreachable"},
    {.name = "stamp", .kind = CONF_MAP, .map = &reflector_map, .help = "answer STAMP (RFC 8762)"},
    {.name = "allow",
     .kind = CONF_LIST,
     FIELD(el_conf_dataplane, responder.allow),
     .max = 65536,
     .item = &prefix,
     .help = "sources that are answered"},
    {.name = "max_pps",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, responder.max_pps),
     .max = 1e9,
     .def = "1000",
     .unit = "packets/s",
     .help = "how many packets of a source each worker answers, but of addresses that are targets, "
	     "which are answered always; 0: no limit"},
};
static const struct conf_map responder_map = {MAP(responder_keys), .check = conf_check_responder};

static const struct conf_key dataplane_keys[] = {
    {.name = "lcores",
     .kind = CONF_MAP,
     .restart = true,
     .map = &lcores_map,
     .help = "which threads run where"},
    {.name = "huge_pages",
     .kind = CONF_ENUM,
     .restart = true,
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
    {.name = "phase",
     .kind = CONF_FLOAT,
     .unset = true,
     FIELD(el_conf_dataplane, phase),
     .max = 1,
     .unit = "intervals",
     .def_text = "rounds begin when the program does",
     .help = "where between two multiples of the interval, counted from 1970 (UTC), rounds begin, "
	     "so that probers do not all begin at a time"},
    {.name = "clock",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, clock),
     .words = clocks,
     .def = "auto",
     .help = "read times from the processor's time stamp counter, from the kernel "
	     "(CLOCK_MONOTONIC_RAW), or from the counter where it is measured to be good"},
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
    {.name = "max_addresses_per_target",
     .kind = CONF_INT,
     FIELD(el_conf_dataplane, max_addresses_per_target),
     .min = 1,
     .max = 16777216,
     .def = "65536",
     .help = "a target with `is_subnet` that has more is refused"},
    {.name = "certain_below",
     .kind = CONF_FLOAT,
     FIELD(el_conf_dataplane, certain_below_s),
     .max = 1,
     .def = "0.000002",
     .unit = "s",
     .help = "an answer is uncertain if the time that it came at may be off by more"},
    {.name = "certain_percentiles",
     .kind = CONF_BOOL,
     FIELD(el_conf_dataplane, certain_percentiles),
     .def = "false",
     .help = "publish percentiles of certain answers alone, beside those of all"},
    {.name = "histograms",
     .kind = CONF_ENUM,
     FIELD(el_conf_dataplane, histograms),
     .words = histograms,
     .def = "none",
     .help = "publish histograms of round-trip times and one-way delays: native, for a Prometheus "
	     "that asks for "
	     "protobuf; classic, with bounds at powers of two, in text, too; or both"},
    {.name = "eal_args",
     .kind = CONF_LIST,
     .restart = true,
     FIELD(el_conf_dataplane, eal_args),
     .max = 256,
     .item = &argument,
     .help = "further arguments for DPDK's EAL"},
    {.name = "ports",
     .kind = CONF_LIST,
     .restart = true,
     FIELD(el_conf_dataplane, ports),
     .max = 32,
     .item = &port,
     .help = "ports to probe from"},
    {.name = "inventories",
     .kind = CONF_MAP,
     .map = &inventories_map,
     .help = "dynamic inventories"},
    {.name = "responder",
     .kind = CONF_MAP,
     .map = &responder_map,
     .help = "answer other probers on addresses that no kernel answers for"},
};
const struct conf_map conf_dataplane_map = {MAP(dataplane_keys), .check = conf_check_dataplane};
