/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive-side scaling: which queue the device puts a packet into, asked of the device and computed
 * as it does. The Toeplitz hash over source and destination address picks an entry of the
 * redirection table (RETA), which names the queue. */
#include "port_private.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_thash.h>

/* What the hash of a packet without ports is over, and that of a TCP segment with them. */
#define L3_V4 (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define L3_V6 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX)
#define TCP_V4 RTE_ETH_RSS_NONFRAG_IPV4_TCP
#define TCP_V6 (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX)
/* With these it is over other things than two whole addresses. */
#define NOT_ADDRESSES                                                                              \
	(RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L3_PRE32 |                \
	 RTE_ETH_RSS_L3_PRE40 | RTE_ETH_RSS_L3_PRE48 | RTE_ETH_RSS_L3_PRE56 |                      \
	 RTE_ETH_RSS_L3_PRE64 | RTE_ETH_RSS_L3_PRE96 | RTE_ETH_RSS_IPV4_CHKSUM |                   \
	 RTE_ETH_RSS_L4_CHKSUM)

/* The length of a key where the device does not say one: that of ethdev's first drivers. */
#define KEY_BYTES 40

/* For devices that take a key and don't tell theirs: the one that Microsoft's RSS verification
 * suite has, whose first 40 bytes are known to spread well; what is behind them no address reaches.
 */
static const uint8_t own_key[EL_PORT_RSS_KEY_MAX] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* ---- computing ---- */

/* Bytes of both addresses, and of the key that is used for them: 32 bits more. */
static uint8_t tuple_bytes(uint8_t family)
{
	return family == 4 ? 8 : 32;
}

uint32_t el_port_rss_hash(const struct el_port_rss *rss, uint8_t family, const uint8_t *src,
			  const uint8_t *dst)
{
	uint32_t half = tuple_bytes(family) / 2U, tuple[8];

	memcpy(tuple, src, half);
	memcpy((uint8_t *)tuple + half, dst, half);
	for (uint32_t i = 0; i < half / 2; i++)
		tuple[i] = rte_be_to_cpu_32(tuple[i]);
	return rte_softrss(tuple, half / 2, rss->key);
}

bool el_port_rss_tells(const struct el_port_rss *rss, enum el_probe_type type, uint8_t family)
{
	uint64_t l3 = family == 4 ? L3_V4 : L3_V6, tcp = family == 4 ? TCP_V4 : TCP_V6;

	if (!rss->on || !rss->reta_size || rss->key_len < tuple_bytes(family) + 4U ||
	    (rss->types & NOT_ADDRESSES) || !(rss->types & l3))
		return false;
	return type != EL_PROBE_TCPSYN || !(rss->types & tcp);
}

uint16_t el_port_rss_queue(const struct el_port_rss *rss, uint8_t family, const uint8_t *target,
			   const uint8_t *own)
{
	return rss->reta[el_port_rss_hash(rss, family, target, own) % rss->reta_size];
}

/* ---- asking ---- */

static bool is_zero(const uint8_t key[EL_PORT_RSS_KEY_MAX])
{
	static const uint8_t none[EL_PORT_RSS_KEY_MAX];

	return memcmp(key, none, sizeof(none)) == 0;
}

/* The device's key; where it does not tell it, it is given ours. */
static void read_key(struct el_port_rss *rss, uint16_t id, uint8_t len)
{
	struct rte_eth_rss_conf conf = {
	    .rss_key = rss->key, .rss_key_len = len, .rss_hf = rss->types};

	if (len > EL_PORT_RSS_KEY_MAX)
		return;
	if (rte_eth_dev_rss_hash_conf_get(id, &conf) == 0)
		rss->types = conf.rss_hf;
	conf.rss_hf = rss->types;
	if (is_zero(rss->key)) {
		memcpy(rss->key, own_key, sizeof(rss->key));
		if (rte_eth_dev_rss_hash_update(id, &conf) < 0)
			return;
	}
	rss->key_len = len;
}

/* Whether the table names all queues and no other. */
static bool is_even(const uint16_t *reta, uint16_t size, uint16_t queues)
{
	uint32_t seen = 0;

	for (uint16_t i = 0; i < size; i++) {
		if (reta[i] >= queues)
			return false;
		seen |= 1U << reta[i];
	}
	return seen == (1U << queues) - 1;
}

/* The device's table; one that leaves queues out is replaced by one that goes round them. */
static void read_reta(struct el_port_rss *rss, uint16_t id, uint16_t size, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 groups[EL_PORT_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	bool known;

	if (size == 0 || size > EL_PORT_RETA_MAX)
		return;
	for (uint16_t i = 0; i < size; i++)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1)
							    << (i % RTE_ETH_RETA_GROUP_SIZE);
	known = rte_eth_dev_rss_reta_query(id, groups, size) == 0;
	for (uint16_t i = 0; i < size; i++)
		rss->reta[i] =
		    groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	if (known && is_even(rss->reta, size, queues)) {
		rss->reta_size = size;
		return;
	}
	for (uint16_t i = 0; i < size; i++)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	if (rte_eth_dev_rss_reta_update(id, groups, size) < 0)
		return; /* then where answers come in has to be found out */
	for (uint16_t i = 0; i < size; i++)
		rss->reta[i] = i % queues;
	rss->reta_size = size;
}

void rss_read(struct el_port *port, uint16_t id, uint16_t queues, uint64_t asked)
{
	struct rte_eth_dev_info info;

	port->rss.on = true;
	port->rss.types = asked;
	/* once more: how large the table is may depend on the queues that were configured */
	if (rte_eth_dev_info_get(id, &info) < 0)
		return;
	read_key(&port->rss, id, info.hash_key_size ? info.hash_key_size : KEY_BYTES);
	read_reta(&port->rss, id, info.reta_size, queues);
}
