/* SPDX-License-Identifier: BSD-3-Clause */
/* What a profile asks for, what the device offers, and what is on in the end: nothing that was
 * asked for is dropped without a word. */
#include "port_private.h"

#include <errno.h>

#include <rte_ethdev.h>

#define VLAN_OFFLOADS                                                                              \
	(RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER |                          \
	 RTE_ETH_RX_OFFLOAD_QINQ_STRIP)

void deal_conf(struct el_port *port, const struct rte_eth_dev_info *info, uint16_t queues,
	       uint16_t mtu, struct rte_eth_conf *ret_conf)
{
	const struct el_profile *profile = &port->profile;
	struct rte_eth_conf conf = {
	    .rxmode = {.mtu = mtu, .offloads = profile->rx_offloads & info->rx_offload_capa},
	    .txmode = {.offloads = profile->tx_offloads & info->tx_offload_capa},
	};
	uint64_t rss = profile->rss & info->flow_type_rss_offloads;
	uint64_t wanted = profile->rx_offloads;

	if (queues > 1 && rss) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = rss;
	} else {
		conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
	}
	/* one queue needs no hash, and who is on no VLAN no filter of them */
	if (queues == 1)
		wanted &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
	if (!port->tagged) {
		wanted &= ~RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
		conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	}
	port->loses_tpid = strcmp(info->driver_name, "net_af_packet") == 0;
	port->deal = (struct el_port_deal){
	    .rss_missing = queues > 1 ? profile->rss & ~rss : 0,
	    .rx_missing = wanted & ~info->rx_offload_capa,
	    .tx_missing = profile->tx_offloads & ~info->tx_offload_capa,
	};
	*ret_conf = conf;
}

/* Turns off what a driver has on by itself and can be turned off later: tags are to be seen. */
static void turn_off(uint16_t id, uint64_t forced)
{
	int now;

	if (!(forced & VLAN_OFFLOADS))
		return;
	now = rte_eth_dev_get_vlan_offload(id);
	if (now <= 0)
		return;
	if (forced & RTE_ETH_RX_OFFLOAD_VLAN_STRIP)
		now &= ~RTE_ETH_VLAN_STRIP_OFFLOAD;
	if (forced & RTE_ETH_RX_OFFLOAD_VLAN_FILTER)
		now &= ~RTE_ETH_VLAN_FILTER_OFFLOAD;
	if (forced & RTE_ETH_RX_OFFLOAD_QINQ_STRIP)
		now &= ~RTE_ETH_QINQ_STRIP_OFFLOAD;
	rte_eth_dev_set_vlan_offload(id, now);
}

void deal_read(struct el_port *port, uint16_t id, uint64_t rx_asked)
{
	const struct el_profile *profile = &port->profile;
	struct el_port_deal *d = &port->deal;
	struct rte_eth_conf conf;

	d->clock_missing = profile->rx_offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP &&
			   !(d->rx_missing & RTE_ETH_RX_OFFLOAD_TIMESTAMP) &&
			   !(rx_asked & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	if (rte_eth_dev_conf_get(id, &conf) < 0)
		return;
	if (conf.rxmode.offloads & profile->rx_forbidden) {
		turn_off(id, conf.rxmode.offloads & profile->rx_forbidden);
		if (rte_eth_dev_conf_get(id, &conf) < 0)
			return;
	}
	d->rx_on = conf.rxmode.offloads;
	d->tx_on = conf.txmode.offloads;
	d->rx_forced = d->rx_on & profile->rx_forbidden;
	d->tx_forced = d->tx_on & profile->tx_forbidden;
	port->strips_tags |=
	    (d->rx_on & (RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP)) != 0;
}

/* ---- in words ---- */

static void add_number(struct el_str *out, uint16_t had, uint16_t wanted, const char *what)
{
	if (had != wanted)
		el_str_addf(out, "%s%u %s, not %u", out->len ? "; " : "", had, what, wanted);
}

static void add_list(struct el_str *out, const char *before, const char *key, uint64_t bits,
		     void (*add)(struct el_str *out, uint64_t bits))
{
	if (!bits)
		return;
	el_str_addf(out, "%s%s %s", out->len ? "; " : "", before, key);
	add(out, bits);
}

void el_port_deal_add(const struct el_port_deal *d, const struct el_profile *profile,
		      struct el_str *out)
{
	char text[512] = "";
	struct el_str s = EL_STR_INIT(text);

	add_list(&s, "no", "rss", d->rss_missing, el_profile_add_rss);
	add_list(&s, "no", "rx_offloads", d->rx_missing, el_profile_add_rx);
	add_list(&s, "no", "tx_offloads", d->tx_missing, el_profile_add_tx);
	if (d->clock_missing)
		el_str_addf(&s, "%sno timestamp, for its clock can't be read", s.len ? "; " : "");
	add_list(&s, "forbidden but on:", "rx_offloads", d->rx_forced, el_profile_add_rx);
	add_list(&s, "forbidden but on:", "tx_offloads", d->tx_forced, el_profile_add_tx);
	add_number(&s, d->queues, d->queues_wanted, "queues");
	add_number(&s, d->rx_descriptors, profile->rx_descriptors, "rx_descriptors");
	add_number(&s, d->tx_descriptors, profile->tx_descriptors, "tx_descriptors");
	el_str_add(out, text);
}
