/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Nothing can be said of a reader's speed before. */
#define GRACE_NS 250000000ULL

/* Ends a connection without waiting for its peer, which may never take what is in the socket's
 * buffer. */
static void shut_down(struct guard_connection *c)
{
	const struct linger at_once = {.l_onoff = 1};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(c->fd, SHUT_RDWR);
	c->leaving = true;
}

static bool is_same_address(const struct guard_connection *a, const struct guard_connection *b)
{
	return a->family == b->family && a->prefix == b->prefix;
}

/* How many there are, of the address of `like` unless it is NULL. */
static unsigned count(const struct guard *g, const struct guard_connection *like, bool pages)
{
	const struct guard_connection *c;
	unsigned n = 0;

	LIST_FOREACH(c, &g->all, entry)
	n += !c->leaving && (!pages || c->state == GUARD_PAGE) &&
	     (!like || is_same_address(c, like));
	return n;
}

static double rate(const struct guard_connection *c, uint64_t now_ns)
{
	return (double)c->bytes / (double)(now_ns - c->since_ns + 1);
}

/* Whether `a` gives way rather than `b`. */
static bool is_worse(const struct guard *g, const struct guard_connection *a,
		     const struct guard_connection *b, uint64_t now_ns)
{
	bool page_a = a->state == GUARD_PAGE, page_b = b->state == GUARD_PAGE;
	unsigned n_a, n_b;

	if (page_a != page_b)
		return page_b;
	n_a = count(g, a, page_a);
	n_b = count(g, b, page_a);
	if (n_a != n_b)
		return n_a > n_b;
	if (!page_a)
		return a->since_ns < b->since_ns;
	if (now_ns - a->since_ns < GRACE_NS || now_ns - b->since_ns < GRACE_NS)
		return a->since_ns < b->since_ns;
	return rate(a, now_ns) < rate(b, now_ns);
}

/* Shuts the worst one down, of `newcomer`'s address alone if `same`. */
static void give_way(struct guard *g, const struct guard_connection *newcomer, bool same,
		     uint64_t now_ns)
{
	struct guard_connection *c, *worst = NULL;

	LIST_FOREACH(c, &g->all, entry)
	{
		if (c == newcomer || c->leaving || (same && !is_same_address(c, newcomer)))
			continue;
		if (!worst || is_worse(g, c, worst, now_ns))
			worst = c;
	}
	if (worst)
		shut_down(worst);
}

static void set_state(struct guard_connection *c, enum guard_state state, uint64_t now_ns,
		      uint64_t lasts_ns)
{
	c->state = state;
	c->since_ns = now_ns;
	c->deadline_ns = now_ns + lasts_ns;
}

static void set_address(struct guard_connection *c, const struct sockaddr *peer)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (peer->sa_family == AF_INET) {
		memcpy(&v4, peer, sizeof(v4));
		c->family = 4;
		c->prefix = v4.sin_addr.s_addr;
	} else if (peer->sa_family == AF_INET6) {
		memcpy(&v6, peer, sizeof(v6));
		c->family = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ? 4 : 6;
		if (c->family == 4)
			c->prefix = v6.sin6_addr.s6_addr32[3];
		else
			memcpy(&c->prefix, &v6.sin6_addr, sizeof(c->prefix));
	}
}

struct guard_connection *guard_add(struct guard *g, int fd, const struct sockaddr *peer,
				   uint64_t now_ns)
{
	struct guard_connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	set_address(c, peer);
	set_state(c, GUARD_HEADER, now_ns, g->header_ns);
	LIST_INSERT_HEAD(&g->all, c, entry);
	if (count(g, c, false) > g->max_per_address)
		give_way(g, c, true, now_ns);
	else if (count(g, NULL, false) > g->max_connections)
		give_way(g, c, false, now_ns);
	return c;
}

void guard_remove(struct guard_connection *c)
{
	LIST_REMOVE(c, entry);
	free(c);
}

void guard_begin_request(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	if (c->state == GUARD_IDLE)
		set_state(c, GUARD_HEADER, now_ns, g->header_ns);
}

void guard_end_request(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	set_state(c, GUARD_IDLE, now_ns, g->idle_ns);
}

/* Whether a page may be ended for one of `c`: it had its time, or its address has more than its
 * share. */
static bool may_end(const struct guard *g, const struct guard_connection *page,
		    const struct guard_connection *c, uint64_t now_ns)
{
	return now_ns - page->since_ns >= GRACE_NS || count(g, page, true) > count(g, c, true) + 1;
}

bool guard_begin_page(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	bool same = count(g, c, true) >= g->max_pages_per_address;
	struct guard_connection *p, *worst = NULL;

	if (same || count(g, NULL, true) >= g->max_pages) {
		LIST_FOREACH(p, &g->all, entry)
		{
			if (p->leaving || p->state != GUARD_PAGE ||
			    (same && !is_same_address(p, c)) || !may_end(g, p, c, now_ns))
				continue;
			if (!worst || is_worse(g, p, worst, now_ns))
				worst = p;
		}
		if (!worst)
			return false;
		shut_down(worst);
	}
	set_state(c, GUARD_PAGE, now_ns, g->page_ns);
	c->bytes = 0;
	return true;
}

void guard_expire(struct guard *g, uint64_t now_ns)
{
	struct guard_connection *c;

	LIST_FOREACH(c, &g->all, entry)
	if (!c->leaving && now_ns >= c->deadline_ns)
		shut_down(c);
}

uint64_t guard_deadline_ns(const struct guard *g)
{
	const struct guard_connection *c;
	uint64_t ns = UINT64_MAX;

	LIST_FOREACH(c, &g->all, entry)
	if (!c->leaving && c->deadline_ns < ns)
		ns = c->deadline_ns;
	return ns;
}
