/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver profile: a flat YAML map, read by the table `keys`. */
#include "port_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "el_conf_table.h"

#define PROFILE_MAX_BYTES 65536

/* TPACKET_V2's header and the link-layer address before a frame, Ethernet and two VLAN tags around
 * it. */
#define PACKET_RING_OVERHEAD (66 + 14 + 8)

static const struct conf_word rss_words[] = {
    {"ipv4", RTE_ETH_RSS_IPV4},
    {"ipv4_frag", RTE_ETH_RSS_FRAG_IPV4},
    {"ipv4_other", RTE_ETH_RSS_NONFRAG_IPV4_OTHER},
    {"ipv4_tcp", RTE_ETH_RSS_NONFRAG_IPV4_TCP},
    {"ipv4_udp", RTE_ETH_RSS_NONFRAG_IPV4_UDP},
    {"ipv6", RTE_ETH_RSS_IPV6},
    {"ipv6_frag", RTE_ETH_RSS_FRAG_IPV6},
    {"ipv6_other", RTE_ETH_RSS_NONFRAG_IPV6_OTHER},
    {"ipv6_tcp", RTE_ETH_RSS_NONFRAG_IPV6_TCP},
    {"ipv6_udp", RTE_ETH_RSS_NONFRAG_IPV6_UDP},
    {NULL, 0},
};

static const struct conf_word rx_words[] = {
    {"timestamp", RTE_ETH_RX_OFFLOAD_TIMESTAMP},     {"rss_hash", RTE_ETH_RX_OFFLOAD_RSS_HASH},
    {"ipv4_cksum", RTE_ETH_RX_OFFLOAD_IPV4_CKSUM},   {"tcp_cksum", RTE_ETH_RX_OFFLOAD_TCP_CKSUM},
    {"udp_cksum", RTE_ETH_RX_OFFLOAD_UDP_CKSUM},     {"scatter", RTE_ETH_RX_OFFLOAD_SCATTER},
    {"vlan_strip", RTE_ETH_RX_OFFLOAD_VLAN_STRIP},   {"qinq_strip", RTE_ETH_RX_OFFLOAD_QINQ_STRIP},
    {"vlan_filter", RTE_ETH_RX_OFFLOAD_VLAN_FILTER}, {"tcp_lro", RTE_ETH_RX_OFFLOAD_TCP_LRO},
    {"keep_crc", RTE_ETH_RX_OFFLOAD_KEEP_CRC},       {NULL, 0},
};

static const struct conf_word tx_words[] = {
    {"mbuf_fast_free", RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE},
    {"multi_segs", RTE_ETH_TX_OFFLOAD_MULTI_SEGS},
    {NULL, 0},
};

static const struct conf_word drop_words[] = {{"device", 0}, {"packet_sockets", 1}, {NULL, 0}};

static bool copy_text(const struct conf_key *key, const char *text, void *field)
{
	if (strlen(text) >= key->size)
		return false;
	memcpy(field, text, strlen(text) + 1);
	return true;
}

/* "8086:100e" */
static bool parse_pci_id(const struct conf_key *key, const char *text, void *field)
{
	struct el_pci_id *id = field;
	int end = 0;

	(void)key;
	if (strspn(text, "0123456789abcdefABCDEF:") != strlen(text) || strlen(text) != 9)
		return false;
	return sscanf(text, "%4hx:%4hx%n", &id->vendor, &id->device, &end) == 2 && end == 9;
}

static const struct conf_key pci_id = {.kind = CONF_STR,
				       ITEM(struct el_pci_id),
				       .parse = parse_pci_id,
				       .what = "a vendor and a device as \"8086:100e\""};
static const struct conf_key driver = {
    .kind = CONF_STR, ITEM(char[32]), .parse = copy_text, .what = "a name of less than 32 bytes"};
static const struct conf_key rss_type = {.kind = CONF_ENUM, .bits = true, .words = rss_words};
static const struct conf_key rx_offload = {.kind = CONF_ENUM, .bits = true, .words = rx_words};
static const struct conf_key tx_offload = {.kind = CONF_ENUM, .bits = true, .words = tx_words};

#define TEXT(n, m, w)                                                                              \
	{                                                                                          \
		.name = n, .kind = CONF_STR, FIELD(el_profile, m), .parse = copy_text, .what = w   \
	}
#define BOOL(m)                                                                                    \
	{                                                                                          \
		.name = #m, .kind = CONF_BOOL, FIELD(el_profile, m)                                \
	}
#define INT(m, from, to, otherwise)                                                                \
	{                                                                                          \
		.name = #m, .kind = CONF_INT, FIELD(el_profile, m), .min = from, .max = to,        \
		.def = otherwise                                                                   \
	}
#define LIST(m, of, most)                                                                          \
	{                                                                                          \
		.name = #m, .kind = CONF_LIST, FIELD(el_profile, m), .fixed = true, .item = of,    \
		.max = most                                                                        \
	}

static const struct conf_key keys[] = {
    LIST(drivers, &driver, 8),
    LIST(pci_ids, &pci_id, EL_PROFILE_IDS_MAX),
    TEXT("pci_args", pci_args, "a string of less than 128 bytes"),
    TEXT("devargs", devargs, "a string of less than 256 bytes"),
    BOOL(device_per_queue),
    BOOL(kernel_interface),
    BOOL(kernel_receives),
    BOOL(kernel_end),
    BOOL(sends_received),
    {.name = "own_drops",
     .kind = CONF_ENUM,
     FIELD(el_profile, packet_socket_drops),
     .words = drop_words},
    BOOL(promiscuous),
    INT(queues_max, 1, EL_PORT_QUEUES_MAX, "1"),
    INT(rx_descriptors, 32, 32768, "1024"),
    INT(tx_descriptors, 32, 32768, "256"),
    LIST(rss, &rss_type, 64),
    LIST(rx_offloads, &rx_offload, 64),
    LIST(tx_offloads, &tx_offload, 64),
    LIST(rx_forbidden, &rx_offload, 64),
    LIST(tx_forbidden, &tx_offload, 64),
    INT(max_pps, 0, 1000000000, NULL),
    INT(link_wait_ms, 0, 60000, "3000"),
};

_Static_assert(offsetof(struct el_profile, n_drivers) ==
		   offsetof(struct el_profile, drivers) + sizeof(((struct el_profile *)0)->drivers),
	       "a fixed list is its items, then their number");
_Static_assert(offsetof(struct el_profile, n_pci_ids) ==
		   offsetof(struct el_profile, pci_ids) + sizeof(((struct el_profile *)0)->pci_ids),
	       "likewise");

static void set_name(struct el_profile *p, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct el_str name = EL_STR_INIT(p->name);

	el_str_init(&name, p->name, sizeof(p->name));
	el_str_addn(&name, base, strcspn(base, "."));
}

static void check(struct conf_walk *w, const struct conf_map *map, const struct conf_entry *entries,
		  void *obj)
{
	const struct el_profile *p = obj;
	char text[512];

	if (p->devargs[0] && el_profile_devargs(p, "name", 0, 1, 1500, text, sizeof(text)) < 0)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "devargs"), "devargs",
				"only {name}, {queue}, {queues}, {frame} and {block} can be "
				"filled in");
	if (p->device_per_queue && !strstr(p->devargs, "{queue}"))
		conf_walk_error(w, conf_walk_pos(w, map, entries, "device_per_queue"),
				"device_per_queue", "it needs {queue} in devargs");
	/* a device gets its arguments before its driver is known */
	if (p->pci_args[0] && !p->n_pci_ids && p->n_drivers)
		conf_walk_error(w, conf_walk_pos(w, map, entries, "pci_args"), "pci_args",
				"it needs pci_ids, or no drivers");
	if ((p->rx_forbidden & p->rx_offloads) || (p->tx_forbidden & p->tx_offloads)) {
		const char *key =
		    p->rx_forbidden & p->rx_offloads ? "rx_forbidden" : "tx_forbidden";

		conf_walk_error(w, conf_walk_pos(w, map, entries, key), key,
				"an offload is asked for and forbidden");
	}
}

static void add_bits(struct el_str *out, const struct conf_word *words, uint64_t bits)
{
	const char *separator = " ";

	for (; words->text; words++) {
		if (!(bits & (uint64_t)(unsigned)words->value))
			continue;
		el_str_addf(out, "%s%s", separator, words->text);
		separator = ", ";
	}
}

void el_profile_add_rss(struct el_str *out, uint64_t types)
{
	add_bits(out, rss_words, types);
}

void el_profile_add_rx(struct el_str *out, uint64_t offloads)
{
	add_bits(out, rx_words, offloads);
}

void el_profile_add_tx(struct el_str *out, uint64_t offloads)
{
	add_bits(out, tx_words, offloads);
}

int el_profile_parse(const char *path, const char *text, size_t len, struct el_profile *ret_profile,
		     struct el_error *err)
{
	static const struct conf_map map = {MAP(keys), .check = check};
	struct el_profile p = {0};
	int ret = el_conf_read(path, text, len, &map, &p, err);

	if (ret < 0)
		return ret;
	set_name(&p, path);
	*ret_profile = p;
	return 0;
}

int el_profile_load(const char *path, struct el_profile *ret_profile, struct el_error *err)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n;
	int ret;

	if (!f)
		return el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	text = malloc(PROFILE_MAX_BYTES);
	n = text ? fread(text, 1, PROFILE_MAX_BYTES, f) : 0;
	ret = !text ? -ENOMEM : ferror(f) ? -EIO : n == PROFILE_MAX_BYTES ? -EFBIG : 0;
	fclose(f);
	if (ret < 0)
		el_error_set(err, ret, "%s: %s", path, strerror(-ret));
	else
		ret = el_profile_parse(path, text, n, ret_profile, err);
	free(text);
	return ret;
}

/* The least power of two that a frame of `mtu` and a packet ring's header fit in. */
unsigned profile_frame_size(uint16_t mtu)
{
	unsigned size = 2048;

	while (size < mtu + (unsigned)PACKET_RING_OVERHEAD)
		size *= 2;
	return size;
}

int el_profile_devargs(const struct el_profile *profile, const char *name, uint16_t queue,
		       uint16_t queues, uint16_t mtu, char *buf, size_t size)
{
	unsigned frame = profile_frame_size(mtu);
	struct el_str s;
	const char *p = profile->devargs;

	el_str_init(&s, buf, size);
	while (*p) {
		size_t plain = strcspn(p, "{");

		el_str_addn(&s, p, plain);
		p += plain;
		if (!*p)
			break;
		if (strncmp(p, "{name}", 6) == 0)
			el_str_add(&s, name);
		else if (strncmp(p, "{queue}", 7) == 0)
			el_str_addf(&s, "%u", queue);
		else if (strncmp(p, "{queues}", 8) == 0)
			el_str_addf(&s, "%u", queues);
		else if (strncmp(p, "{frame}", 7) == 0)
			el_str_addf(&s, "%u", frame);
		else if (strncmp(p, "{block}", 7) == 0)
			el_str_addf(&s, "%u", frame > 4096 ? frame : 4096);
		else
			return -EINVAL;
		p += strcspn(p, "}") + 1;
	}
	return s.truncated ? -EINVAL : 0;
}
