/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver profile: a flat YAML map, read by the table `keys`. */
#include "port_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <yaml.h>

#define PROFILE_MAX_BYTES 65536

/* TPACKET_V2's header and the link-layer address before a frame, Ethernet and two VLAN tags around
 * it. */
#define PACKET_RING_OVERHEAD (66 + 14 + 8)

struct flag {
	const char *name;
	uint64_t bits;
};

static const struct flag rss_flags[] = {
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
    {0},
};

static const struct flag rx_flags[] = {
    {"timestamp", RTE_ETH_RX_OFFLOAD_TIMESTAMP},
    {"rss_hash", RTE_ETH_RX_OFFLOAD_RSS_HASH},
    {"ipv4_cksum", RTE_ETH_RX_OFFLOAD_IPV4_CKSUM},
    {"tcp_cksum", RTE_ETH_RX_OFFLOAD_TCP_CKSUM},
    {"udp_cksum", RTE_ETH_RX_OFFLOAD_UDP_CKSUM},
    {"scatter", RTE_ETH_RX_OFFLOAD_SCATTER},
    {0},
};

static const struct flag tx_flags[] = {
    {"mbuf_fast_free", RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE},
    {"multi_segs", RTE_ETH_TX_OFFLOAD_MULTI_SEGS},
    {0},
};

enum kind { BOOL, INT, STRING, STRINGS, FLAGS, DROPS };

struct key {
	const char *name;
	enum kind kind;
	size_t offset, size; /* of the member; STRINGS: size of one */
	uint64_t min, max;   /* INT */
	const struct flag *flags;
};

#define MEMBER(m) offsetof(struct el_profile, m), sizeof(((struct el_profile *)0)->m)

static const struct key keys[] = {
    {"drivers", STRINGS, MEMBER(drivers), 0, 0, NULL},
    {"devargs", STRING, MEMBER(devargs), 0, 0, NULL},
    {"device_per_queue", BOOL, MEMBER(device_per_queue), 0, 0, NULL},
    {"kernel_interface", BOOL, MEMBER(kernel_interface), 0, 0, NULL},
    {"kernel_receives", BOOL, MEMBER(kernel_receives), 0, 0, NULL},
    {"kernel_end", BOOL, MEMBER(kernel_end), 0, 0, NULL},
    {"own_drops", DROPS, MEMBER(packet_socket_drops), 0, 0, NULL},
    {"promiscuous", BOOL, MEMBER(promiscuous), 0, 0, NULL},
    {"queues_max", INT, MEMBER(queues_max), 1, EL_PORT_QUEUES_MAX, NULL},
    {"rx_descriptors", INT, MEMBER(rx_descriptors), 32, 32768, NULL},
    {"tx_descriptors", INT, MEMBER(tx_descriptors), 32, 32768, NULL},
    {"rss", FLAGS, MEMBER(rss), 0, 0, rss_flags},
    {"rx_offloads", FLAGS, MEMBER(rx_offloads), 0, 0, rx_flags},
    {"tx_offloads", FLAGS, MEMBER(tx_offloads), 0, 0, tx_flags},
    {"max_pps", INT, MEMBER(max_pps), 0, 1000000000, NULL},
    {"link_wait_ms", INT, MEMBER(link_wait_ms), 0, 60000, NULL},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct reader {
	const char *path;
	yaml_document_t doc;
	struct el_profile *profile;
	struct el_error *err;
};

static unsigned long line_of(const yaml_node_t *node)
{
	return (unsigned long)node->start_mark.line + 1;
}

/* The text of a scalar; NULL: it is a list or a map, or has a NUL inside. */
static const char *scalar(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE && strlen(text) == node->data.scalar.length ? text
											  : NULL;
}

static int wrong(const struct reader *r, const yaml_node_t *node, const char *key,
		 const char *expected)
{
	if (!scalar(node))
		return el_error_set(r->err, -EINVAL, "%s:%lu: %s: expected %s", r->path,
				    line_of(node), key, expected);
	return el_error_set(r->err, -EINVAL, "%s:%lu: %s: expected %s, got \"%.40s\"", r->path,
			    line_of(node), key, expected, scalar(node));
}

static int read_bool(struct reader *r, const struct key *k, const yaml_node_t *node, bool *value)
{
	const char *text = scalar(node);

	if (text && strcmp(text, "true") == 0)
		*value = true;
	else if (text && strcmp(text, "false") == 0)
		*value = false;
	else
		return wrong(r, node, k->name, "true or false");
	return 0;
}

static int read_int(struct reader *r, const struct key *k, const yaml_node_t *node, void *value)
{
	const char *text = scalar(node);
	char expected[80];
	uint64_t v = 0;
	char *end = NULL;

	snprintf(expected, sizeof(expected), "an integer from %" PRIu64 " to %" PRIu64, k->min,
		 k->max);
	if (!text || text[0] < '0' || text[0] > '9')
		return wrong(r, node, k->name, expected);
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v < k->min || v > k->max)
		return wrong(r, node, k->name, expected);
	if (k->size == 2)
		*(uint16_t *)value = (uint16_t)v;
	else if (k->size == 4)
		*(uint32_t *)value = (uint32_t)v;
	else
		*(uint64_t *)value = v;
	return 0;
}

static int read_string(struct reader *r, const char *name, const yaml_node_t *node, char *value,
		       size_t size)
{
	const char *text = scalar(node);

	if (!text || strlen(text) >= size)
		return wrong(r, node, name, "a string (a shorter one)");
	memcpy(value, text, strlen(text) + 1);
	return 0;
}

static int read_flag(struct reader *r, const struct key *k, const yaml_node_t *node,
		     uint64_t *value)
{
	char expected[256];
	struct el_str s = EL_STR_INIT(expected);
	const char *text = scalar(node);

	el_str_init(&s, expected, sizeof(expected));
	el_str_add(&s, "one of");
	for (const struct flag *f = k->flags; f->name; f++) {
		if (text && strcmp(text, f->name) == 0) {
			*value |= f->bits;
			return 0;
		}
		el_str_addf(&s, " %s", f->name);
	}
	return wrong(r, node, k->name, expected);
}

static int read_list(struct reader *r, const struct key *k, const yaml_node_t *node)
{
	struct el_profile *p = r->profile;

	if (node->type != YAML_SEQUENCE_NODE)
		return wrong(r, node, k->name, "a list");
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(&r->doc, *i);
		int ret;

		if (k->kind == FLAGS) {
			ret = read_flag(r, k, item, (uint64_t *)((char *)p + k->offset));
		} else {
			if (p->n_drivers == sizeof(p->drivers) / sizeof(p->drivers[0]))
				return wrong(r, item, k->name, "fewer names");
			ret = read_string(r, k->name, item, p->drivers[p->n_drivers],
					  sizeof(p->drivers[0]));
			p->n_drivers += ret == 0;
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int read_value(struct reader *r, const struct key *k, const yaml_node_t *node)
{
	char *member = (char *)r->profile + k->offset;
	char drops[16];
	int ret;

	switch (k->kind) {
	case BOOL:
		return read_bool(r, k, node, (bool *)member);
	case INT:
		return read_int(r, k, node, member);
	case STRING:
		return read_string(r, k->name, node, member, k->size);
	case STRINGS:
	case FLAGS:
		return read_list(r, k, node);
	case DROPS:
		ret = read_string(r, k->name, node, drops, sizeof(drops));
		if (ret == 0 && strcmp(drops, "device") && strcmp(drops, "packet_sockets"))
			ret = wrong(r, node, k->name, "device or packet_sockets");
		if (ret == 0)
			*(bool *)member = strcmp(drops, "packet_sockets") == 0;
		return ret;
	}
	return -EINVAL;
}

static int read_document(struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	bool seen[N_KEYS] = {false};

	if (!root || root->type != YAML_MAPPING_NODE)
		return el_error_set(r->err, -EINVAL,
				    "%s:1: expected a map of a driver's properties", r->path);
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		const yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);
		size_t k = 0;
		int ret;

		while (k < N_KEYS && !(scalar(key) && strcmp(keys[k].name, scalar(key)) == 0))
			k++;
		if (k == N_KEYS)
			return wrong(r, key, "profile", "a known key");
		if (seen[k])
			return el_error_set(r->err, -EINVAL, "%s:%lu: %s: given twice", r->path,
					    line_of(key), keys[k].name);
		seen[k] = true;
		ret = read_value(r, &keys[k], value);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void set_name(struct el_profile *p, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct el_str name = EL_STR_INIT(p->name);

	el_str_init(&name, p->name, sizeof(p->name));
	el_str_addn(&name, base, strcspn(base, "."));
}

static int check(const struct el_profile *p, const char *path, struct el_error *err)
{
	char text[512];

	if (p->devargs[0] && el_profile_devargs(p, "name", 0, 1, 1500, text, sizeof(text)) < 0)
		return el_error_set(err, -EINVAL,
				    "%s: devargs: only {name}, {queue}, {queues}, {frame} and "
				    "{block} can be filled in",
				    path);
	if (p->device_per_queue && !strstr(p->devargs, "{queue}"))
		return el_error_set(err, -EINVAL, "%s: device_per_queue needs {queue} in devargs",
				    path);
	return 0;
}

static int yaml_error(const char *path, const yaml_parser_t *parser, struct el_error *err)
{
	return el_error_set(err, -EINVAL, "%s:%zu: %s", path, parser->problem_mark.line + 1,
			    parser->problem ? parser->problem : "not YAML");
}

/* Nothing may follow the first document. */
static int expect_end(const char *path, yaml_parser_t *parser, struct el_error *err)
{
	const yaml_node_t *root;
	yaml_document_t more;
	int ret = 0;

	if (!yaml_parser_load(parser, &more))
		return yaml_error(path, parser, err);
	root = yaml_document_get_root_node(&more);
	if (root)
		ret = el_error_set(err, -EINVAL, "%s:%lu: more than one document", path,
				   line_of(root));
	yaml_document_delete(&more);
	return ret;
}

int el_profile_parse(const char *path, const char *text, size_t len, struct el_profile *ret_profile,
		     struct el_error *err)
{
	struct el_profile p = {.kernel_receives = false,
			       .queues_max = 1,
			       .rx_descriptors = 1024,
			       .tx_descriptors = 256,
			       .link_wait_ms = 3000};
	struct reader r = {.path = path, .profile = &p, .err = err};
	yaml_parser_t parser;
	int ret;

	if (!yaml_parser_initialize(&parser))
		return el_error_set(err, -ENOMEM, "%s: %s", path, strerror(ENOMEM));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &r.doc)) {
		set_name(&p, path);
		ret = read_document(&r);
		if (ret == 0)
			ret = check(&p, path, err);
		if (ret == 0)
			ret = expect_end(path, &parser, err);
		yaml_document_delete(&r.doc);
	} else {
		ret = yaml_error(path, &parser, err);
	}
	yaml_parser_delete(&parser);
	if (ret == 0)
		*ret_profile = p;
	return ret;
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
