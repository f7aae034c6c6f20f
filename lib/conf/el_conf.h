/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The configuration: netprobify's YAML and the top-level map `dataplane`, from a file to one
 * checked, plain struct. Every fault of a file is reported in one go, each with file, line and
 * column. */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "el_base.h"

#define EL_CONF_UNSET (-1)

struct el_conf_strings {
	char **items;
	size_t count;
};

struct el_conf_ints {
	int *items;
	size_t count;
};

struct el_conf_global {
	char *probe_name;
	uint32_t interval_s;
	double interval_packets_s; /* 0: spread over the interval */
	uint32_t nb_proc;
	enum el_log_level logging_level;
	uint16_t prometheus_port;
	char *prometheus_address; /* an IPv4 or IPv6 address */
	uint32_t dns_update_interval_s;
	uint32_t reload_conf_interval_s;
	bool verbose;
	bool l3_raw_socket;
	double timeout_s;                /* the most a round may take; default 3600 */
	struct el_conf_ints percentiles; /* in the file's order, each once; default 95, 50 */
	struct el_conf_strings disable_dynamic_inventories;
};

struct el_conf_group {
	char *name;
	struct el_ip src_ipv4, src_ipv6; /* family 0: none set. src_ip has been folded in */
	/* ip.family 0: none set; host bits are masked */
	struct el_prefix src_subnet_ipv4, src_subnet_ipv6;
	char *port;                   /* by name, that it probes by; NULL: any */
	uint32_t port_line, port_col; /* where the configuration names it */
	uint16_t src_port_a, src_port_z;
	int32_t ip_payload_size; /* EL_CONF_UNSET (0 in the file too), or at least ICMP's 8 */
	uint8_t dscp;
	bool permit_target_auto_register;
};

/* Addresses: all whose every byte is between that of `first` and that of `last`, both included. A
 * prefix is one of these, and so are octet patterns. */
struct el_conf_range {
	struct el_ip first, last; /* the same family; 0: none */
};

/* How many addresses a range has: exact, for prefixes have a power of two and octet patterns 2^32
 * at most. */
double el_conf_range_count(const struct el_conf_range *range);

enum el_conf_stamp_mode { EL_CONF_STAMP_OPEN, EL_CONF_STAMP_AUTHENTICATED };
enum el_conf_stamp_timestamps { EL_CONF_STAMP_NTP, EL_CONF_STAMP_PTP };

/* What the requests of a STAMP target are like. */
struct el_conf_stamp {
	enum el_conf_stamp_mode mode;
	enum el_conf_stamp_timestamps timestamps;
	char *key_file;             /* NULL: nothing is signed */
	uint32_t key_line, key_col; /* where the configuration names it */
	int32_t class_of_service;   /* the DSCP wanted of replies; EL_CONF_UNSET: none */
	bool direct_measurement;
};

struct el_conf_target {
	char *name;
	enum el_probe_type type;
	char *destination;
	char *description; /* never NULL: the name where none is set */
	/* 4 or 6; already decided by the rule "that of the destination if it is an address; else
	 * ipv4" */
	uint8_t address_family;
	struct el_ip address;       /* family 0 where the destination is a name or a subnet */
	struct el_conf_range range; /* of is_subnet */
	bool dont_fragment;
	bool is_subnet;
	uint16_t dst_port;
	uint32_t nb_packets;
	/* EL_CONF_UNSET (0 in the file too), or at least what the probe needs: TCPsyn 20, ICMPping
	 * 8, UDPunreachable 12, STAMP 52 and more */
	int32_t ip_payload_size;
	struct el_conf_stamp stamp;
	double threshold_latency_s, threshold_loss; /* NaN where not set */
	enum el_alert_level alert_level;
	enum el_state state;
	double timeout_s;
	int64_t dns_update_interval_s; /* EL_CONF_UNSET: the global value */
	bool auto_register_to_groups;
	bool dynamic; /* of an inventory */
	struct el_conf_strings register_to, exclude_from;
};

enum el_conf_huge_pages { EL_CONF_HUGE_AUTO, EL_CONF_HUGE_YES, EL_CONF_HUGE_NO };
enum el_conf_checksum { EL_CONF_CHECKSUM_AUTO, EL_CONF_CHECKSUM_STRICT };
enum el_conf_pacing { EL_CONF_PACING_SPREAD, EL_CONF_PACING_ASAP };
/* How histograms are shown; both is the sum of the two. */
enum el_conf_histograms {
	EL_CONF_HISTOGRAMS_NONE = 0,
	EL_CONF_HISTOGRAMS_NATIVE = 1,
	EL_CONF_HISTOGRAMS_CLASSIC = 2,
	EL_CONF_HISTOGRAMS_BOTH = 3
};
enum el_conf_clock { EL_CONF_CLOCK_AUTO, EL_CONF_CLOCK_TSC, EL_CONF_CLOCK_MONOTONIC };

/* Who is answered, and what. */
struct el_conf_responder {
	bool icmp, udp;
	struct el_conf_ints tcp_ports; /* empty: nothing of TCP is answered */
	struct {
		uint16_t port; /* 0: there is no reflector */
		enum el_conf_stamp_mode mode;
		char *key_file; /* NULL: none */
		bool stateful;
		uint32_t sessions;
		bool short_requests;
		enum el_conf_stamp_timestamps timestamps;
	} stamp;
	struct el_prefix *allow;
	size_t n_allow;
	uint64_t max_pps; /* of a source and worker; 0: no limit */
};

/* Whether anything is answered. */
static inline bool el_conf_responds(const struct el_conf_responder *r)
{
	return r->icmp || r->udp || r->tcp_ports.count || r->stamp.port;
}

struct el_conf_route {
	struct el_prefix to;
	struct el_ip via;
};

/* A neighbour that is not asked for its MAC address. */
struct el_conf_neighbour {
	struct el_ip address;
	uint8_t mac[6];
};

/* A port, from `dataplane.ports` or from --port: a device, or one of the links on a device that
 * others have, too. */
struct el_conf_port {
	char *name;    /* default: the interface of the device, else the device itself */
	char *device;  /* "af_packet:eth1", "0000:3b:00.0", "net_memif0,..." */
	char *profile; /* NULL: by the driver */
	struct el_prefix *addresses;
	size_t n_addresses;
	struct el_ip *gateways;
	size_t n_gateways;
	struct el_conf_route *routes;
	size_t n_routes;
	struct el_conf_neighbour *neighbours;
	size_t n_neighbours;
	uint16_t vlan;       /* 0: untagged */
	uint16_t outer_vlan; /* 802.1ad, around it; 0: none */
	bool dad;            /* its addresses are checked before they are used */
	bool ping;           /* echo requests to its addresses are answered */
	bool accept_ra; /* routers' advertisements are heard; only without a kernel's addresses */
	uint16_t mtu;   /* 0: the device's */
	enum el_conf_checksum checksum;
};

/* The VLANs of a port as one number, an el_vlan: the outer one << 16 | the inner one. */
static inline uint32_t el_conf_port_vlan(const struct el_conf_port *port)
{
	return (uint32_t)port->outer_vlan << 16 | port->vlan;
}

/* Which of `ports` is the first that has the device of ports[i]; i: it is. The others are links of
 * the same device, by their VLANs. Pure. */
size_t el_conf_port_first(const struct el_conf_port *ports, size_t i);

/* Whether ports[i] of n takes the addresses and routes of its kernel interface, if it has one: it
 * is given none, and is not on a VLAN beside other ports of its device, for there the kernel's are
 * those of the untagged one. Pure. */
bool el_conf_port_follows(const struct el_conf_port *ports, size_t n, size_t i);

struct el_conf_dataplane {
	int control_core;                              /* EL_CONF_UNSET: the first allowed */
	struct el_conf_ints worker_cores, stats_cores; /* empty: the default */
	enum el_conf_huge_pages huge_pages;
	enum el_conf_pacing pacing;
	enum el_conf_clock clock;
	double phase;          /* of an interval, counted from 1970; NaN: none set */
	uint64_t max_rate_pps; /* 0: the default cap of the port */
	uint64_t max_probes_per_round;
	double certain_below_s;   /* stamps that may be off by more are uncertain */
	bool certain_percentiles; /* percentiles of certain answers, too */
	enum el_conf_histograms histograms;
	uint32_t max_addresses_per_target;
	struct el_conf_strings eal_args;
	struct el_conf_port *ports;
	size_t n_ports;
	char *inventories_directory; /* programs that feed targets; NULL: none */
	char *inventories_user;      /* who they run as; NULL: who we run as */
	struct el_conf_responder responder;
};

struct el_conf {
	struct el_conf_global global;
	struct el_conf_group *groups; /* in the file's order */
	size_t n_groups;
	struct el_conf_target *targets; /* in the file's order */
	size_t n_targets;
	struct el_conf_dataplane dataplane;
	/* targets whose name occurred again (the last one counts, as in YAML readers): they are not
	 * probed, app_target_name_dup_total */
	struct el_conf_target *duplicates;
	size_t n_duplicates;
	_Atomic unsigned refs; /* el_conf_get; means nothing in a copy of the struct */
};

/* What there is to say about a file: `text` is a whole line, "file:line:col: key: sentence". */
struct el_conf_diag {
	bool is_error; /* else a warning */
	char *text;
};

struct el_conf_diags {
	struct el_conf_diag *items; /* in the order of the file's lines */
	size_t count;
	size_t errors; /* how many of them are errors */
};

/* Loads and checks `path`. 0 and *ret_conf with one reference if there was no error;
 * -EINVAL if the file is wrong, or another negative errno if it could not be read. `diags` is
 * filled in either case, with at least one error where the return value is negative; free it with
 * el_conf_diags_fini. What would give away the effective user's rights (dataplane.eal_args,
 * dataplane.inventories, DPDK device strings, key files) is an error in a file that others can
 * change (el_trust_open says who); of any such file there is a warning. Bounded in memory and time
 * whatever the file holds. */
int el_conf_load(const char *path, struct el_conf **ret_conf, struct el_conf_diags *diags);

/* The same for a document in memory; `name` stands for the file in messages. -EFBIG past 64 MiB. */
int el_conf_load_buffer(const char *name, const char *text, size_t len, struct el_conf **ret_conf,
			struct el_conf_diags *diags);

/* References; once it is loaded it is only read. Any thread. */
struct el_conf *el_conf_get(struct el_conf *conf);
void el_conf_put(struct el_conf *conf); /* NULL is fine */

/* One target of a dynamic inventory. */
struct el_conf_inventory_target {
	/* its name is <inventory>_<hostname>, its description from_<inventory>; `groups` have been
	 * added to register_to */
	struct el_conf_target target;
	char *hostname;
	struct el_conf_strings groups; /* empty: see above */
	int64_t creation_s;            /* since 1970, UTC; EL_CONF_UNSET */
	int64_t lifetime_s;            /* EL_CONF_UNSET; 0: unlimited */
};

/* What one document of an inventory holds. */
struct el_conf_inventory {
	struct el_conf_inventory_target *items;
	size_t count;
	/* those whose hostname occurred again (the last one counts) */
	struct el_conf_inventory_target *duplicates;
	size_t n_duplicates;
	_Atomic unsigned refs; /* el_conf_get; means nothing in a copy of the struct */
};

/* Loads a document that the program of inventory `name` printed: a list of targets in YAML or JSON,
 * with the keys of static targets and hostname, groups, creation_date, lifetime. A target with
 * `groups` is in these only, unless its auto_register_to_groups is set. `name` stands for the file
 * in messages; lines are counted from the document's first. max_addresses: of a target, the
 * configuration's dataplane.max_addresses_per_target. Results and `diags` as with
 * el_conf_load_buffer; *ret_inventory is to be freed with el_conf_inventory_fini. */
int el_conf_load_inventory(const char *name, const char *text, size_t len, uint32_t max_addresses,
			   struct el_conf_inventory *ret_inventory, struct el_conf_diags *diags);

void el_conf_inventory_fini(struct el_conf_inventory *inventory);

/* When a target expires, in seconds since 1970: its creation_date plus its lifetime; INT64_MAX:
 * never, for one of the two is not set. */
int64_t el_conf_inventory_expiry_s(const struct el_conf_inventory_target *target);

/* True for what may name a group, a target or an inventory. */
bool el_conf_is_name(const char *text);
void el_conf_diags_fini(struct el_conf_diags *diags);

/* Adds the port that `--port SPEC` describes, or replaces the one of the same name, which without a
 * name in SPEC is also the one of the same device and VLANs. SPEC is
 * DEVICE[,address=A/LEN]...[,gateway=A]...[,name=N][,profile=P][,vlan=N][,outer_vlan=N][,mtu=N]
 * [,route=TO>VIA]...;
 * words that are none of these stay part of DEVICE (an EAL device string has commas of its own).
 * 0, -EINVAL (with a sentence in `err`), -ENOMEM. */
int el_conf_add_port(struct el_conf *conf, const char *spec, struct el_error *err);

/* Whether each group's port is one of the configuration's, once those of --port are added. `file`
 * stands for it in messages. 0; or -EINVAL, and `diags` has an error for each that is not. It is
 * filled in either case. */
int el_conf_check_group_ports(const struct el_conf *conf, const char *file,
			      struct el_conf_diags *diags);

/* Calls `differs` for each key that takes effect only when the program starts and is not the same
 * in the configuration that runs and in another one, with its path: "dataplane.ports". */
void el_conf_compare_restarts(const struct el_conf *running, const struct el_conf *other,
			      void (*differs)(void *ctx, const char *path), void *ctx);

/* Prints the effective configuration, defaults filled in, as YAML that el_conf_load reads back. */
void el_conf_print(const struct el_conf *conf, FILE *out);

/* A key as the reference explains it; texts are the caller's during the call, empty where there is
 * nothing to say. Code in them stands between backquotes. */
struct el_conf_reference_key {
	const char *path; /* within its section, dotted */
	const char *type, *range, *def, *unit, *meaning;
	bool required; /* then it has no default */
};

/* Whom the reference is told to: each section (a map's keys) by its title, then its keys. */
struct el_conf_reference {
	void (*section)(void *ctx, const char *title);
	void (*key)(void *ctx, const struct el_conf_reference_key *key);
	void *ctx;
};

/* Tells all of it, in the order of the file. */
void el_conf_tell_reference(const struct el_conf_reference *to);

/* Prints the table of all keys as a reference page (Markdown): key, type, range, default, unit,
 * meaning. */
void el_conf_print_reference(FILE *out);

/* ---- device strings ---- */

enum el_device_kind {
	EL_DEVICE_PCI, /* "0000:3b:00.0" or "3b:00.0" */
	/* "af_packet:eth1": the profile af_packet says how to make it from the name */
	EL_DEVICE_NAMED,
	/* "net_memif0,role=client,id=0", or the name of a device that exists already */
	EL_DEVICE_EAL,
};

struct el_device {
	enum el_device_kind kind;
	/* NAMED: the profile's name; EAL: the name without its number: "net_memif" */
	char driver[32];
	char name[64];  /* PCI: the address with its domain; NAMED: "eth1"; EAL: "net_memif0" */
	char args[256]; /* EAL: what follows the first comma */
};

/* 0, or -EINVAL with a sentence. Pure. */
int el_device_parse(const char *device, struct el_device *ret_device, struct el_error *err);

/* The kernel's interface that a device sends and receives by, as far as its string tells (af_packet
 * and af_xdp); false: there is none. */
bool el_device_interface(const struct el_device *device, char ret_name[IFNAMSIZ]);

/* True if a gateway at `ip` can be reached over the link of a port with these addresses: it is in
 * one of their networks, or is link-local, or all addresses of its family are single ones (/32,
 * /128). */
bool el_conf_port_on_link(const struct el_conf_port *port, const struct el_ip *ip);
