/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked and answered on the link, by ARP (RFC 826) and by neighbour discovery (RFC 4861).
 * Duplicate address detection of our own addresses (RFC 4862 section 5.4) is left out: they are
 * what the configuration or the kernel says. That of others is answered. */
#include "table.h"

#include <string.h>

#include "arp.h"
#include "ndp.h"

/* ---- own addresses ---- */

const struct el_neigh_address *table_find_own(const struct port *p, const struct el_ip *ip)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct el_neigh_address *a = &p->addresses[i];
		bool first = el_ip_equal(&a->prefix.ip, ip);

		if (!a->range ? first
			      : el_prefix_contains(&a->prefix, ip) &&
				    (!first || a->prefix.len == (ip->family == 4 ? 32 : 128)))
			return a;
	}
	return NULL;
}

/* Who asks: the address on the neighbour's network, else any of its family (a link-local one only
 * where there is no other), else none. */
static struct el_ip request_source(const struct port *p, const struct el_ip *ip)
{
	struct el_ip any = {0};

	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct el_neigh_address *a = &p->addresses[i];

		if (a->range || a->prefix.ip.family != ip->family)
			continue;
		if (el_prefix_contains(&a->prefix, ip))
			return a->prefix.ip;
		if (!any.family || el_ip_is_link_local(&any))
			any = a->prefix.ip;
	}
	return any;
}

bool exchange_can_ask(const struct port *p, const struct el_ip *ip)
{
	return request_source(p, ip).family != 0;
}

/* ---- sending ---- */

static bool send_frame(struct el_neigh_table *t, struct el_port_idx port, const uint8_t *frame,
		       size_t len)
{
	if (t->callbacks.send(t->callbacks.context, port, frame, len))
		return true;
	t->counters.send_refused++;
	return false;
}

static bool send_arp(struct el_neigh_table *t, struct el_port_idx port, const struct arp *arp)
{
	uint8_t frame[ARP_FRAME_LEN];

	arp_build(arp, frame);
	return send_frame(t, port, frame, sizeof(frame));
}

static bool send_ndp(struct el_neigh_table *t, struct el_port_idx port, const struct ndp *ndp)
{
	uint8_t frame[NDP_FRAME_MAX];

	return send_frame(t, port, frame, ndp_build(ndp, frame));
}

static bool ask_arp(struct el_neigh_table *t, const struct entry *e, enum request how)
{
	const struct port *p = &t->ports[e->port.v];
	struct el_ip source = request_source(p, &e->ip); /* none: an ARP probe's (RFC 5227) */
	struct arp arp = {
	    .operation = ARP_REQUEST,
	    .sender_ip = source.family ? el_ip_v4(&source) : 0,
	    .target_ip = el_ip_v4(&e->ip),
	    .vlan = p->vlan,
	};

	memcpy(arp.sender_mac, p->mac, 6);
	if (how == UNICAST)
		memcpy(arp.to, e->mac, 6);
	else
		memset(arp.to, 0xff, 6);
	return send_arp(t, e->port, &arp);
}

static bool ask_ndp(struct el_neigh_table *t, const struct entry *e, enum request how)
{
	const struct port *p = &t->ports[e->port.v];
	struct ndp ndp = {
	    .type = NDP_SOLICITATION,
	    .vlan = p->vlan,
	    .source = request_source(p, &e->ip),
	    .destination = how == UNICAST ? e->ip : ndp_solicited_node(&e->ip),
	    .target = e->ip,
	    .has_mac = true,
	};

	memcpy(ndp.from, p->mac, 6);
	memcpy(ndp.mac, p->mac, 6);
	if (how == UNICAST)
		memcpy(ndp.to, e->mac, 6);
	else
		ndp_multicast_mac(&ndp.destination, ndp.to);
	return send_ndp(t, e->port, &ndp);
}

bool exchange_ask(struct el_neigh_table *t, const struct entry *e, enum request how)
{
	if (!(e->ip.family == 4 ? ask_arp(t, e, how) : ask_ndp(t, e, how)))
		return false;
	t->counters.requests_sent++;
	return true;
}

static void answer_arp(struct el_neigh_table *t, struct el_port_idx port, const struct arp *request)
{
	const struct port *p = &t->ports[port.v];
	struct arp arp = {
	    .operation = ARP_REPLY,
	    .sender_ip = request->target_ip,
	    .target_ip = request->sender_ip,
	    .vlan = p->vlan,
	};

	memcpy(arp.sender_mac, p->mac, 6);
	memcpy(arp.target_mac, request->sender_mac, 6);
	memcpy(arp.to, request->sender_mac, 6);
	if (send_arp(t, port, &arp))
		t->counters.replies_sent++;
}

/* RFC 4861 section 7.2.4. Whoever asks without an address of its own is about to take ours: all
 * nodes are told whose it is (RFC 4862 section 5.4.3). */
static void answer_ndp(struct el_neigh_table *t, struct el_port_idx port, const struct ndp *request)
{
	const struct port *p = &t->ports[port.v];
	bool anonymous = ndp_is_unspecified(&request->source);
	struct ndp ndp = {
	    .type = NDP_ADVERTISEMENT,
	    .flags = anonymous ? NDP_OVERRIDE : NDP_OVERRIDE | NDP_SOLICITED,
	    .vlan = p->vlan,
	    .source = request->target,
	    .destination = anonymous ? ndp_all_nodes : request->source,
	    .target = request->target,
	    .has_mac = true,
	};

	memcpy(ndp.from, p->mac, 6);
	memcpy(ndp.mac, p->mac, 6);
	if (anonymous)
		ndp_multicast_mac(&ndp.destination, ndp.to);
	else
		memcpy(ndp.to, request->has_mac ? request->mac : request->from, 6);
	if (send_ndp(t, port, &ndp))
		t->counters.replies_sent++;
}

/* ---- receiving ---- */

static enum el_neigh_input conflict(struct el_neigh_table *t)
{
	t->counters.conflicts++;
	return EL_NEIGH_CONFLICT;
}

static enum el_neigh_input malformed(struct el_neigh_table *t)
{
	t->counters.malformed++;
	return EL_NEIGH_MALFORMED;
}

static enum el_neigh_input input_arp(struct el_neigh_table *t, struct el_port_idx port,
				     const struct arp *arp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	struct el_ip sender = el_ip_from_v4(arp->sender_ip), target = el_ip_from_v4(arp->target_ip);
	enum el_neigh_input result = EL_NEIGH_IGNORED;
	const struct el_neigh_address *own;
	struct entry *e;

	if (table_find_own(p, &sender)) {
		/* Ours: what we sent comes back on some devices. From another MAC address it is a
		 * conflict. */
		return memcmp(arp->sender_mac, p->mac, 6) == 0 ? EL_NEIGH_IGNORED : conflict(t);
	}
	/* RFC 826: first learn from the sender, then look whether it wants something. */
	e = table_find(t, port, &sender);
	if (e && e->phase != FIXED) {
		table_learn(t, e, arp->sender_mac, REACHABLE, now_ns);
		result = EL_NEIGH_LEARNT;
	}
	own = table_find_own(p, &target);
	if (arp->operation == ARP_REQUEST && own && !own->kernel) {
		answer_arp(t, port, arp);
		result = EL_NEIGH_ANSWERED;
	}
	return result;
}

/* True if the entry's MAC address is one to be used. */
static bool has_mac(const struct entry *e)
{
	return e->phase == REACHABLE || e->phase == REFRESHING || e->phase == DOUBTFUL;
}

/* RFC 4861 section 7.2.3: who asks tells its address; whether it hears us is not known, so a new
 * one is asked back (REFRESHING is the RFC's PROBE, and stands for STALE too). */
static enum el_neigh_input input_solicitation(struct el_neigh_table *t, struct el_port_idx port,
					      const struct ndp *ndp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	const struct el_neigh_address *own = table_find_own(p, &ndp->target);
	enum el_neigh_input result = EL_NEIGH_IGNORED;
	struct entry *e;

	if (!own)
		return EL_NEIGH_IGNORED;
	if (table_find_own(p, &ndp->source)) /* as with ARP */
		return memcmp(ndp->from, p->mac, 6) == 0 ? EL_NEIGH_IGNORED : conflict(t);
	e = table_find(t, port, &ndp->source);
	if (e && e->phase != FIXED && ndp->has_mac) {
		if (!has_mac(e) || memcmp(e->mac, ndp->mac, 6) != 0)
			table_learn(t, e, ndp->mac, REFRESHING, now_ns);
		result = EL_NEIGH_LEARNT;
	}
	if (!own->kernel) {
		answer_ndp(t, port, ndp);
		result = EL_NEIGH_ANSWERED;
	}
	return result;
}

/* RFC 4861 section 7.2.5; its flag for routers does not matter to us. */
static enum el_neigh_input input_advertisement(struct el_neigh_table *t, struct el_port_idx port,
					       const struct ndp *ndp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	struct entry *e = table_find(t, port, &ndp->target);
	bool solicited = ndp->flags & NDP_SOLICITED, changes;
	const uint8_t *mac;

	if (table_find_own(p, &ndp->target))
		return memcmp(ndp->from, p->mac, 6) == 0 ? EL_NEIGH_IGNORED : conflict(t);
	if (!e || e->phase == FIXED)
		return EL_NEIGH_IGNORED;
	if (!has_mac(e)) {
		if (!ndp->has_mac)
			return EL_NEIGH_IGNORED;
		table_learn(t, e, ndp->mac, solicited ? REACHABLE : REFRESHING, now_ns);
		return EL_NEIGH_LEARNT;
	}
	mac = ndp->has_mac ? ndp->mac : e->mac;
	changes = memcmp(mac, e->mac, 6) != 0;
	if (changes && !(ndp->flags & NDP_OVERRIDE)) {
		/* somebody else has it too: what we know is to be confirmed */
		if (e->phase == REACHABLE)
			table_learn(t, e, e->mac, REFRESHING, now_ns);
		return EL_NEIGH_IGNORED;
	}
	if (solicited)
		table_learn(t, e, mac, REACHABLE, now_ns);
	else if (changes)
		table_learn(t, e, mac, REFRESHING, now_ns);
	return EL_NEIGH_LEARNT;
}

enum el_neigh_input el_neigh_input(struct el_neigh_table *t, struct el_port_idx port,
				   const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct arp arp;
	struct ndp ndp;

	switch (arp_parse(frame, len, &arp)) {
	case ARP_MALFORMED:
		return malformed(t);
	case ARP_OK:
		if (port.v >= t->n_ports || arp.vlan != t->ports[port.v].vlan)
			return EL_NEIGH_IGNORED;
		return input_arp(t, port, &arp, now_ns);
	case ARP_NOT:
		break;
	}
	switch (ndp_parse(frame, len, &ndp)) {
	case NDP_MALFORMED:
		return malformed(t);
	case NDP_NOT:
		return EL_NEIGH_IGNORED;
	case NDP_OK:
		break;
	}
	if (port.v >= t->n_ports || ndp.vlan != t->ports[port.v].vlan)
		return EL_NEIGH_IGNORED;
	return ndp.type == NDP_SOLICITATION ? input_solicitation(t, port, &ndp, now_ns)
					    : input_advertisement(t, port, &ndp, now_ns);
}
