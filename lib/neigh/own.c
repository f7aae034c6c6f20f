/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of our own: which are ours, and whether another host on the link has one, which is
 * asked before it is used (RFC 5227, RFC 4862 section 5.4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define NS_PER_MS UINT64_C(1000000)

/* RFC 5227 has these be seven seconds, for hosts that were never asked to be quick: a prober's
 * first round waits for it. On a link that takes longer than this to answer, nothing else works
 * either. */
static const uint16_t probe_waits_ms[] = {300, 300, 400};
#define SOLICITATION_WAIT_MS 1000 /* RFC 4861: RetransTimer */
#define ANNOUNCEMENTS 2
#define ANNOUNCEMENT_WAIT_MS 2000
#define RESEND_MS 10
#define AGAIN_MS 60000  /* RFC 5227: RATE_LIMIT_INTERVAL */
#define DEFEND_MS 10000 /* RFC 5227: DEFEND_INTERVAL */
#define YIELD_MS 300    /* for others to let go of what is announced to be ours */

/* ---- which are ours ---- */

static const struct el_neigh_address *find(const struct el_neigh_address *addresses,
					   const struct own *own, size_t n, const struct el_ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		const struct el_neigh_address *a = &addresses[i];
		bool first = el_ip_equal(&a->prefix.ip, ip);

		if (own && own[i].phase == OWN_REFUSED)
			continue;
		if (!a->range ? first
			      : el_prefix_contains(&a->prefix, ip) &&
				    (!first || !el_prefix_is_range(&a->prefix)))
			return a;
	}
	return NULL;
}

const struct el_neigh_address *table_find_own(const struct port *p, const struct el_ip *ip)
{
	return find(p->addresses, p->own, p->n_addresses, ip);
}

bool own_is_used(const struct port *p, const struct el_neigh_address *address)
{
	return p->own[address - p->addresses].phase <= OWN_DOUBTED;
}

static const struct el_neigh_address *source_of(const struct el_neigh_address *addresses,
						const struct own *own, size_t n,
						const struct el_ip *ip)
{
	const struct el_neigh_address *any = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct el_neigh_address *a = &addresses[i];

		if (a->range || a->prefix.ip.family != ip->family ||
		    (own && own[i].phase == OWN_REFUSED))
			continue;
		if (el_prefix_contains(&a->prefix, ip))
			return a;
		if (!any || el_ip_is_link_local(&any->prefix.ip))
			any = a;
	}
	return any;
}

bool own_source(const struct port *p, const struct el_ip *ip, struct el_ip *ret_source)
{
	const struct el_neigh_address *a = source_of(p->addresses, p->own, p->n_addresses, ip);

	*ret_source = a ? a->prefix.ip : (struct el_ip){0};
	return !a || own_is_used(p, a);
}

bool own_may_ask_as_nobody(const struct port *p, uint8_t family)
{
	bool lost = false;

	for (size_t i = 0; family == 4 && i < p->n_addresses; i++) {
		if (p->addresses[i].prefix.ip.family != 4)
			continue;
		if (p->addresses[i].range)
			return true;
		lost |= p->own[i].phase == OWN_REFUSED;
	}
	return family == 4 && !lost;
}

int el_neigh_check(const struct el_neigh_address *addresses, size_t n, const struct el_ip *ip)
{
	if (!el_ip_is_host(ip) || find(addresses, NULL, n, ip))
		return -EINVAL;
	/* neighbour discovery has no anonymous requests, ARP has */
	if (ip->family == 6 && !source_of(addresses, NULL, n, ip))
		return -EADDRNOTAVAIL;
	return 0;
}

/* ---- checking them ---- */

static bool is_checked(const struct el_neigh_address *a)
{
	return a->check && !a->range;
}

static void tell(struct el_neigh_table *t, struct el_port_idx port, size_t i, bool is_ours,
		 const uint8_t *other)
{
	if (t->callbacks.own)
		t->callbacks.own(t->callbacks.context, port,
				 &t->ports[port.v].addresses[i].prefix.ip, is_ours, other);
}

static void begin(struct el_neigh_table *t, struct own *o, enum own_phase phase, uint64_t due_ns)
{
	t->n_asked += phase == OWN_ASKED;
	t->n_asked -= o->phase == OWN_ASKED;
	o->phase = phase;
	o->sent = 0;
	o->due_ns = due_ns;
	if (due_ns < t->own_due_ns)
		t->own_due_ns = due_ns;
}

void own_refuse(struct el_neigh_table *t, struct el_port_idx port,
		const struct el_neigh_address *address, const uint8_t *other, uint64_t now_ns)
{
	struct port *p = &t->ports[port.v];
	size_t i = (size_t)(address - p->addresses);
	bool is_new = !p->own[i].was_refused;

	begin(t, &p->own[i], OWN_REFUSED, now_ns + AGAIN_MS * NS_PER_MS);
	p->own[i].was_refused = true;
	if (is_new)
		tell(t, port, i, false, other);
}

void own_doubt(struct el_neigh_table *t, struct el_port_idx port,
	       const struct el_neigh_address *address, const uint8_t *other, bool is_answer,
	       uint64_t now_ns)
{
	struct own *o = &t->ports[port.v].own[address - t->ports[port.v].addresses];

	if (o->phase == OWN_DOUBTED && is_answer && o->sent) {
		own_refuse(t, port, address, other, now_ns);
		return;
	}
	if (!is_checked(address) || now_ns < o->doubt_ns)
		return;
	o->doubt_ns = now_ns + DEFEND_MS * NS_PER_MS;
	exchange_probe(t, port, &address->prefix.ip, true);
	begin(t, o, OWN_DOUBTED, now_ns + YIELD_MS * NS_PER_MS);
}

/* Nobody has it. */
static void take(struct el_neigh_table *t, struct el_port_idx port, size_t i, uint64_t now_ns)
{
	struct port *p = &t->ports[port.v];

	begin(t, &p->own[i], OWN_USED, p->addresses[i].prefix.ip.family == 4 ? now_ns : UINT64_MAX);
	p->own[i].was_refused = false;
	tell(t, port, i, true, p->mac);
}

/* Sends what is due for an address, and notes when the next is. */
static void send_due(struct el_neigh_table *t, struct el_port_idx port, size_t i, uint32_t wait_ms,
		     uint64_t now_ns)
{
	const struct el_ip *ip = &t->ports[port.v].addresses[i].prefix.ip;
	struct own *o = &t->ports[port.v].own[i];

	if (!exchange_probe(t, port, ip, o->phase == OWN_USED))
		wait_ms = RESEND_MS;
	else
		o->sent++;
	o->due_ns = now_ns + wait_ms * NS_PER_MS;
}

static void step(struct el_neigh_table *t, struct el_port_idx port, size_t i, uint64_t now_ns)
{
	const size_t probes = sizeof(probe_waits_ms) / sizeof(probe_waits_ms[0]);
	struct own *o = &t->ports[port.v].own[i];
	bool v4 = t->ports[port.v].addresses[i].prefix.ip.family == 4;

	switch (o->phase) {
	case OWN_REFUSED:
		begin(t, o, OWN_ASKED, now_ns);
		break;
	case OWN_ASKED:
	case OWN_DOUBTED:
		if (o->sent < (v4 ? probes : 1))
			send_due(t, port, i, v4 ? probe_waits_ms[o->sent] : SOLICITATION_WAIT_MS,
				 now_ns);
		else if (t->is_deaf)
			begin(t, o, o->phase, now_ns);
		else if (o->phase == OWN_ASKED)
			take(t, port, i, now_ns);
		else /* it was heard once, and is gone or was never there */
			begin(t, o, OWN_USED, UINT64_MAX);
		break;
	case OWN_USED:
		send_due(t, port, i, ANNOUNCEMENT_WAIT_MS, now_ns);
		if (o->sent == ANNOUNCEMENTS)
			o->due_ns = UINT64_MAX;
		break;
	}
}

void own_tick(struct el_neigh_table *t, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	if (t->own_due_ns > now_ns)
		return;
	for (uint16_t port = 0; port < t->n_ports; port++) {
		struct port *p = &t->ports[port];

		for (size_t i = 0; i < p->n_addresses; i++) {
			while (p->own[i].due_ns <= now_ns)
				step(t, (struct el_port_idx){port}, i, now_ns);
			if (p->own[i].due_ns < next_ns)
				next_ns = p->own[i].due_ns;
		}
	}
	t->own_due_ns = next_ns;
}

void own_ask_again(struct el_neigh_table *t, struct el_port_idx port, uint64_t now_ns)
{
	struct port *p = &t->ports[port.v];

	for (size_t i = 0; i < p->n_addresses; i++) {
		if (p->own[i].phase != OWN_REFUSED && is_checked(&p->addresses[i]))
			begin(t, &p->own[i], OWN_ASKED, now_ns);
	}
}

bool el_neigh_is_checking(const struct el_neigh_table *t, struct el_port_idx port)
{
	const struct port *p = &t->ports[port.v];

	for (size_t i = 0; i < p->n_addresses; i++) {
		if (p->own[i].phase == OWN_ASKED)
			return true;
	}
	return false;
}

/* ---- life ---- */

/* What was known of an address; a new one that is to be checked is due. */
static struct own known(const struct port *p, const struct el_neigh_address *a)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct el_neigh_address *b = &p->addresses[i];

		if (el_ip_equal(&a->prefix.ip, &b->prefix.ip) && a->range == b->range &&
		    a->check == b->check)
			return p->own[i];
	}
	return is_checked(a) ? (struct own){.phase = OWN_ASKED}
			     : (struct own){.phase = OWN_USED, .due_ns = UINT64_MAX};
}

int el_neigh_set_addresses(struct el_neigh_table *t, struct el_port_idx port,
			   const struct el_neigh_address *addresses, size_t n)
{
	struct port *p = &t->ports[port.v];
	struct el_neigh_address *copy = calloc(n + 1, sizeof(*copy));
	struct own *own = calloc(n + 1, sizeof(*own));

	if (!copy || !own) {
		free(copy);
		free(own);
		return -ENOMEM;
	}
	if (n)
		memcpy(copy, addresses, n * sizeof(*copy));
	for (size_t i = 0; i < n; i++) {
		own[i] = known(p, &addresses[i]);
		t->n_asked += own[i].phase == OWN_ASKED;
		if (own[i].due_ns < t->own_due_ns)
			t->own_due_ns = own[i].due_ns;
	}
	for (size_t i = 0; i < p->n_addresses; i++)
		t->n_asked -= p->own[i].phase == OWN_ASKED;
	free(p->addresses);
	free(p->own);
	p->addresses = copy;
	p->own = own;
	p->n_addresses = n;
	return 0;
}
