/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked and answered on the link, by ARP (RFC 826) and by neighbour discovery (RFC 4861).
 */
#include "table.h"

#include <string.h>

#include "arp.h"
#include "ethernet.h"
#include "ndp.h"

#define CHECK_NS UINT64_C(100000000) /* between two requests that claims of a neighbour lead to */

/* ---- sending ---- */

static bool send_frame(struct el_neigh_table *t, struct el_port_idx port, const uint8_t *frame,
		       size_t len)
{
	if (t->callbacks.send(t->callbacks.context, port, frame, len))
		return true;
	t->ports[port.v].counters.send_refused++;
	return false;
}

static bool send_arp(struct el_neigh_table *t, struct el_port_idx port, const struct arp *arp)
{
	uint8_t frame[ARP_FRAME_LEN];

	arp_build(arp, frame);
	return send_frame(t, port, frame, sizeof(frame));
}

/* A message from the port. `to`: a MAC address, or NULL for that of a multicast destination. */
static bool send_ndp(struct el_neigh_table *t, struct el_port_idx port, struct ndp *ndp,
		     const uint8_t *to)
{
	const struct port *p = &t->ports[port.v];
	uint8_t frame[NDP_FRAME_MAX];

	ndp->vlan = p->vlan;
	memcpy(ndp->from, p->mac, 6);
	memcpy(ndp->mac, p->mac, 6);
	if (to)
		memcpy(ndp->to, to, 6);
	else
		ndp_multicast_mac(&ndp->destination, ndp->to);
	return send_frame(t, port, frame, ndp_build(ndp, frame));
}

/* `to`: a MAC address, or NULL for all. A source of no family: an ARP probe's (RFC 5227). */
static bool ask_arp(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *source,
		    const struct el_ip *target, const uint8_t *to)
{
	const struct port *p = &t->ports[port.v];
	struct arp arp = {
	    .operation = ARP_REQUEST,
	    .sender_ip = source->family ? el_ip_v4(source) : 0,
	    .target_ip = el_ip_v4(target),
	    .vlan = p->vlan,
	};

	memcpy(arp.sender_mac, p->mac, 6);
	if (to)
		memcpy(arp.to, to, 6);
	else
		memset(arp.to, 0xff, 6);
	return send_arp(t, port, &arp);
}

/* Likewise. Who has no address does not say its MAC address either (RFC 4861 section 4.3). */
static bool ask_ndp(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *source,
		    const struct el_ip *target, const uint8_t *to)
{
	static const struct el_ip unspecified = {.family = 6};
	struct ndp ndp = {
	    .type = NDP_SOLICITATION,
	    .source = source->family ? *source : unspecified,
	    .destination = to ? *target : ndp_solicited_node(target),
	    .target = *target,
	    .has_mac = source->family != 0,
	};

	return send_ndp(t, port, &ndp, to);
}

/* Says that `ip` is ours. `to`: as with send_ndp. */
static bool advertise(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
		      const struct el_ip *destination, const uint8_t *to, uint8_t flags)
{
	struct ndp ndp = {
	    .type = NDP_ADVERTISEMENT,
	    .flags = flags,
	    .source = *ip,
	    .destination = *destination,
	    .target = *ip,
	    .has_mac = true,
	};

	return send_ndp(t, port, &ndp, to);
}

static bool ask(struct el_neigh_table *t, const struct entry *e, const uint8_t *to)
{
	struct el_ip source;

	if (!own_source(&t->ports[e->port.v], &e->ip, &source))
		return false;
	if (!source.family && !own_may_ask_as_nobody(&t->ports[e->port.v], e->ip.family))
		return false;
	if (!(e->ip.family == 4 ? ask_arp(t, e->port, &source, &e->ip, to)
				: ask_ndp(t, e->port, &source, &e->ip, to)))
		return false;
	t->ports[e->port.v].counters.requests_sent++;
	return true;
}

bool exchange_probe(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
		    bool announce)
{
	const struct el_ip none = {0};

	if (ip->family == 4)
		return ask_arp(t, port, announce ? ip : &none, ip, NULL);
	return announce ? advertise(t, port, ip, &ndp_all_nodes, NULL, NDP_OVERRIDE)
			: ask_ndp(t, port, &none, ip, NULL);
}

bool exchange_ask(struct el_neigh_table *t, const struct entry *e, enum request how)
{
	const struct port *p = &t->ports[e->port.v];

	/* addresses come and go: then this is as if nobody answered */
	if (el_neigh_check(p->addresses, p->n_addresses, &e->ip) < 0)
		return true;
	return ask(t, e, how == UNICAST ? e->mac : NULL);
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
		t->ports[port.v].counters.replies_sent++;
}

/* RFC 4861 section 7.2.4. Whoever asks without an address of its own is about to take ours: all
 * nodes are told whose it is (RFC 4862 section 5.4.3). */
static void answer_ndp(struct el_neigh_table *t, struct el_port_idx port, const struct ndp *request)
{
	bool sent;

	if (ndp_is_unspecified(&request->source))
		sent = advertise(t, port, &request->target, &ndp_all_nodes, NULL, NDP_OVERRIDE);
	else
		sent = advertise(t, port, &request->target, &request->source,
				 request->has_mac ? request->mac : request->from,
				 NDP_OVERRIDE | NDP_SOLICITED);
	if (sent)
		t->ports[port.v].counters.replies_sent++;
}

/* ---- what is heard of neighbours ---- */

static void report(struct el_neigh_table *t, const struct el_neigh_event *event)
{
	if (t->callbacks.event)
		t->callbacks.event(t->callbacks.context, event);
}

/* What we sent comes back on some devices, or comes in at another port on the same network. */
static bool is_our_own(const struct el_neigh_table *t, const uint8_t *mac)
{
	for (uint16_t i = 0; i < t->n_ports; i++) {
		if (memcmp(mac, t->ports[i].mac, 6) == 0)
			return true;
	}
	return false;
}

/* Somebody with this MAC address uses an address of ours, unless that is us. is_answer: it may be
 * an answer to who asked for that. */
static enum el_neigh_input own_conflict(struct el_neigh_table *t, struct el_port_idx port,
					const struct el_neigh_address *own, const struct el_ip *ip,
					const uint8_t *mac, bool is_answer, uint64_t now_ns)
{
	struct el_neigh_event event = {.kind = EL_NEIGH_OWN_CONFLICT, .port = port, .ip = *ip};

	if (is_our_own(t, mac))
		return EL_NEIGH_IGNORED;
	if (!own_is_used(&t->ports[port.v], own)) {
		own_refuse(t, port, own, mac, now_ns);
		return EL_NEIGH_CONFLICT;
	}
	memcpy(event.mac, t->ports[port.v].mac, 6);
	memcpy(event.other, mac, 6);
	t->ports[port.v].counters.own_conflicts++;
	report(t, &event);
	own_doubt(t, port, own, mac, is_answer, now_ns);
	return EL_NEIGH_CONFLICT;
}

static void report_neighbour(struct el_neigh_table *t, const struct entry *e,
			     enum el_neigh_event_kind kind, const uint8_t *other)
{
	struct el_neigh_event event = {.kind = kind, .port = e->port, .ip = e->ip};

	memcpy(event.mac, e->mac, 6);
	memcpy(event.other, other, 6);
	report(t, &event);
}

/* The MAC address that is used has answered. */
static void confirm(struct el_neigh_table *t, struct entry *e, uint64_t now_ns)
{
	if (e->phase == CONTESTED) /* as was known; it waits for whoever may claim to be it again */
		return;
	if (e->phase != CHALLENGED || !e->claimed) {
		e->claimed = false;
		table_begin(t, e, REACHABLE, now_ns);
		return;
	}
	t->ports[e->port.v].counters.neighbour_conflicts++;
	report_neighbour(t, e, EL_NEIGH_NEIGHBOUR_CONFLICT, e->claim);
	e->claimed = false;
	table_begin(t, e, CONTESTED, now_ns);
}

/* A MAC address that was asked has answered, and no other is to be asked first. */
static void take(struct el_neigh_table *t, struct entry *e, const uint8_t *mac, uint64_t now_ns)
{
	if (ethernet_is_station(e->mac) && memcmp(e->mac, mac, 6) != 0) {
		t->ports[e->port.v].counters.moves++;
		report_neighbour(t, e, EL_NEIGH_MOVED, mac);
	}
	table_learn(t, e, mac, REACHABLE, now_ns);
}

/* Somebody says that an entry is at another MAC address than the one that is used, or at one when
 * none is. Where one is used, that is asked first; where none is, all are being asked, and this one
 * is too. */
static void doubt(struct el_neigh_table *t, struct entry *e, const uint8_t *mac, uint64_t now_ns)
{
	if (table_is_ready(e) && e->phase != DOUBTFUL) {
		if (!e->claimed)
			memcpy(e->claim, mac, 6);
		e->claimed = true;
		if (e->phase == REACHABLE || e->phase == REFRESHING)
			table_begin(t, e, CHALLENGED, now_ns);
		return;
	}
	if (now_ns < e->check_ns)
		return;
	memcpy(e->claim, mac, 6);
	e->claimed = true;
	e->check_ns = now_ns + CHECK_NS;
	ask(t, e, mac);
}

/* A frame from `from` says that an entry is at `mac`. is_answer: it answers what was asked. An
 * answer with another source than it names counts once the one it names has been asked itself (some
 * clusters hide their source address). */
static enum el_neigh_input hear(struct el_neigh_table *t, struct entry *e, const uint8_t *mac,
				const uint8_t *from, bool is_answer, uint64_t now_ns)
{
	bool credible = is_answer && (memcmp(mac, from, 6) == 0 ||
				      (e->claimed && memcmp(mac, e->claim, 6) == 0));

	if (table_is_ready(e) && memcmp(mac, e->mac, 6) == 0) {
		if (is_answer)
			confirm(t, e, now_ns);
		return EL_NEIGH_LEARNT;
	}
	if (credible && (!table_is_ready(e) || e->phase == DOUBTFUL)) {
		take(t, e, mac, now_ns);
		return EL_NEIGH_LEARNT;
	}
	doubt(t, e, mac, now_ns);
	return EL_NEIGH_DOUBTED;
}

/* ---- receiving ---- */

/* Whether it is to us and says who it is that we asked for: sent to us alone or, as between
 * link-local addresses (RFC 3927 section 2.5), to all. */
static bool is_arp_answer(const struct port *p, const struct arp *arp, const struct el_ip *target)
{
	return arp->operation == ARP_REPLY &&
	       (memcmp(arp->to, p->mac, 6) == 0 || memcmp(arp->target_mac, p->mac, 6) == 0) &&
	       (arp->target_ip == 0 || table_find_own(p, target));
}

static enum el_neigh_input input_arp(struct el_neigh_table *t, struct el_port_idx port,
				     const struct arp *arp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	struct el_ip sender = el_ip_from_v4(arp->sender_ip), target = el_ip_from_v4(arp->target_ip);
	enum el_neigh_input result = EL_NEIGH_IGNORED;
	const struct el_neigh_address *own = table_find_own(p, &sender);
	struct entry *e;

	if (own)
		return own_conflict(t, port, own, &sender, arp->sender_mac,
				    arp->operation == ARP_REPLY && memcmp(arp->to, p->mac, 6) == 0,
				    now_ns);
	e = table_find(t, port, &sender);
	if (e && e->phase != FIXED)
		result =
		    hear(t, e, arp->sender_mac, arp->from, is_arp_answer(p, arp, &target), now_ns);
	own = table_find_own(p, &target);
	if (arp->operation != ARP_REQUEST || !own)
		return result;
	/* two that ask for the same address at the same time: neither may use it */
	if (!own_is_used(p, own))
		return arp->sender_ip
			   ? result
			   : own_conflict(t, port, own, &target, arp->sender_mac, false, now_ns);
	if (!own->kernel) {
		answer_arp(t, port, arp);
		result = EL_NEIGH_ANSWERED;
	}
	return result;
}

static enum el_neigh_input input_solicitation(struct el_neigh_table *t, struct el_port_idx port,
					      const struct ndp *ndp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	const struct el_neigh_address *own = table_find_own(p, &ndp->target);
	enum el_neigh_input result = EL_NEIGH_IGNORED;
	struct entry *e;

	if (!own)
		return EL_NEIGH_IGNORED;
	if (table_find_own(p, &ndp->source))
		return own_conflict(t, port, table_find_own(p, &ndp->source), &ndp->source,
				    ndp->from, false, now_ns);
	if (!own_is_used(p, own)) /* as with ARP; RFC 4862 section 5.4.3 */
		return ndp_is_unspecified(&ndp->source)
			   ? own_conflict(t, port, own, &ndp->target, ndp->from, false, now_ns)
			   : EL_NEIGH_IGNORED;
	e = table_find(t, port, &ndp->source);
	if (e && e->phase != FIXED && ndp->has_mac)
		result = hear(t, e, ndp->mac, ndp->from, false, now_ns);
	if (!own->kernel) {
		answer_ndp(t, port, ndp);
		result = EL_NEIGH_ANSWERED;
	}
	return result;
}

/* RFC 4861 section 7.2.5, but that its override flag takes no entry from whom it belongs to, as
 * anybody on the link can set it; its flag for routers does not matter to us. */
static enum el_neigh_input input_advertisement(struct el_neigh_table *t, struct el_port_idx port,
					       const struct ndp *ndp, uint64_t now_ns)
{
	const struct port *p = &t->ports[port.v];
	struct entry *e = table_find(t, port, &ndp->target);
	bool is_answer = (ndp->flags & NDP_SOLICITED) && memcmp(ndp->to, p->mac, 6) == 0 &&
			 table_find_own(p, &ndp->destination);

	if (table_find_own(p, &ndp->target))
		return own_conflict(t, port, table_find_own(p, &ndp->target), &ndp->target,
				    ndp->from, true, now_ns);
	if (!e || e->phase == FIXED || (!ndp->has_mac && !table_is_ready(e)))
		return EL_NEIGH_IGNORED;
	return hear(t, e, ndp->has_mac ? ndp->mac : e->mac, ndp->from, is_answer, now_ns);
}

static enum el_neigh_input malformed(struct el_neigh_table *t, struct el_port_idx port)
{
	if (port.v < t->n_ports)
		t->ports[port.v].counters.malformed++;
	return EL_NEIGH_MALFORMED;
}

enum el_neigh_input el_neigh_input(struct el_neigh_table *t, struct el_port_idx port,
				   const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct arp arp;
	struct ndp ndp;

	switch (arp_parse(frame, len, &arp)) {
	case ARP_MALFORMED:
		return malformed(t, port);
	case ARP_OK:
		if (port.v >= t->n_ports || arp.vlan != t->ports[port.v].vlan)
			return EL_NEIGH_IGNORED;
		return input_arp(t, port, &arp, now_ns);
	case ARP_NOT:
		break;
	}
	switch (ndp_parse(frame, len, &ndp)) {
	case NDP_MALFORMED:
		return malformed(t, port);
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
