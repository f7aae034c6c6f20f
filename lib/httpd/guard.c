/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HEADER_S 5U
/* As long as a scraper waits, by default. */
#define WAIT_S 10U
/* A page's time before another may have its place; see the header. */
#define PAGE_MIN_NS (EL_NS_PER_S / 4)
#define PAGE_MAX_NS (5 * EL_NS_PER_S)
#define PAGE_BYTES_PER_S (256 * 1024ULL)
/* Addresses that are remembered to read, while they have no connection. */
#define READERS_MAX 256

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value != 0 ? value : otherwise;
}

static uint64_t at_most_ns(unsigned a_s, unsigned b_s)
{
	return (a_s < b_s ? a_s : b_s) * EL_NS_PER_S;
}

void guard_init(struct guard *g, const struct el_httpd_config *config)
{
	unsigned timeout_s = or_default(config->timeout_s, 30);

	*g = (struct guard){.lasts_ns = {[GUARD_HEADER] = at_most_ns(timeout_s, HEADER_S),
					 [GUARD_IDLE] = timeout_s * EL_NS_PER_S,
					 [GUARD_REFUSED] = at_most_ns(timeout_s, HEADER_S),
					 [GUARD_WAIT] = at_most_ns(timeout_s, WAIT_S),
					 [GUARD_PAGE] = 2 * timeout_s * EL_NS_PER_S,
					 [GUARD_LEAVING] = UINT64_MAX}};
	for (int i = 0; i < GUARD_STATES; i++)
		TAILQ_INIT(&g->in[i]);
	TAILQ_INIT(&g->connected);
	TAILQ_INIT(&g->readers);
	g->max_connections = or_default(config->max_connections, 256);
	g->max_per_address = or_default(config->max_per_address, 16);
	g->max_pages = or_default(config->max_pages, 8);
	g->max_pages_per_address = g->max_pages > 4 ? g->max_pages / 2 : 2;
}

static void forget_reader(struct guard *g)
{
	struct guard_address *a = TAILQ_FIRST(&g->readers);

	TAILQ_REMOVE(&g->readers, a, entry);
	g->n_readers--;
	free(a);
}

void guard_fini(struct guard *g)
{
	while (g->n_readers > 0)
		forget_reader(g);
}

/* ---- addresses ---- */

static struct guard_address *find(struct guard_addresses *list, uint8_t family, uint64_t prefix)
{
	struct guard_address *a;

	TAILQ_FOREACH(a, list, entry)
	if (a->family == family && a->prefix == prefix)
		break;
	return a;
}

static struct guard_address *take_address(struct guard *g, uint8_t family, uint64_t prefix)
{
	struct guard_address *a = find(&g->connected, family, prefix);

	if (a)
		return a;
	a = find(&g->readers, family, prefix);
	if (a) {
		TAILQ_REMOVE(&g->readers, a, entry);
		g->n_readers--;
	} else {
		a = calloc(1, sizeof(*a));
		if (!a)
			return NULL;
		a->family = family;
		a->prefix = prefix;
	}
	TAILQ_INSERT_TAIL(&g->connected, a, entry);
	return a;
}

/* Of a connection's peer. NULL: out of memory. */
static struct guard_address *take_peer(struct guard *g, const struct sockaddr *peer)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint64_t prefix;

	if (peer->sa_family == AF_INET) {
		memcpy(&v4, peer, sizeof(v4));
		return take_address(g, 4, v4.sin_addr.s_addr);
	}
	memcpy(&v6, peer, sizeof(v6));
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return take_address(g, 4, v6.sin6_addr.s6_addr32[3]);
	memcpy(&prefix, &v6.sin6_addr, sizeof(prefix));
	return take_address(g, 6, prefix);
}

static void put_address(struct guard *g, struct guard_address *a)
{
	if (a->n_connections + a->n_leaving > 0)
		return;
	TAILQ_REMOVE(&g->connected, a, entry);
	if (!a->reads) {
		free(a);
		return;
	}
	TAILQ_INSERT_TAIL(&g->readers, a, entry);
	if (++g->n_readers > READERS_MAX)
		forget_reader(g);
}

/* ---- connections ---- */

static void set_state(struct guard *g, struct guard_connection *c, enum guard_state state,
		      uint64_t now_ns)
{
	TAILQ_REMOVE(&g->in[c->state], c, entry);
	g->n[c->state]--;
	c->state = state;
	c->since_ns = now_ns;
	TAILQ_INSERT_TAIL(&g->in[state], c, entry);
	g->n[state]++;
}

/* Ends a connection without waiting for its peer, which may never take what is in the socket's
 * buffer. */
static void shut_down(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	const struct linger at_once = {.l_onoff = 1};

	if (c->state == GUARD_PAGE)
		c->address->reads = false;
	c->address->n_connections--;
	c->address->n_leaving++;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(c->fd, SHUT_RDWR);
	set_state(g, c, GUARD_LEAVING, now_ns);
}

static bool gives_way_before(const struct guard_address *a, const struct guard_address *b)
{
	return a->n_connections != b->n_connections ? a->n_connections > b->n_connections
						    : b->reads && !a->reads;
}

/* Shuts one down for `newcomer`, of its address alone if `same`. */
static void give_way(struct guard *g, const struct guard_connection *newcomer, bool same,
		     uint64_t now_ns)
{
	struct guard_connection *c, *first = NULL;

	for (int state = 0; state < GUARD_LEAVING; state++) {
		TAILQ_FOREACH(c, &g->in[state], entry)
		{
			if (c == newcomer || (same && c->address != newcomer->address))
				continue;
			if (!first || gives_way_before(c->address, first->address))
				first = c;
		}
	}
	if (first)
		shut_down(g, first, now_ns);
}

struct guard_connection *guard_add(struct guard *g, int fd, const struct sockaddr *peer,
				   uint64_t now_ns)
{
	struct guard_connection *c = calloc(1, sizeof(*c));
	unsigned n = 0;

	if (!c)
		return NULL;
	c->address = take_peer(g, peer);
	if (!c->address) {
		free(c);
		return NULL;
	}
	c->fd = fd;
	c->state = GUARD_HEADER;
	c->since_ns = now_ns;
	TAILQ_INSERT_TAIL(&g->in[c->state], c, entry);
	g->n[c->state]++;
	c->address->n_connections++;
	for (int state = 0; state < GUARD_LEAVING; state++)
		n += g->n[state];
	if (c->address->n_connections > g->max_per_address)
		give_way(g, c, true, now_ns);
	else if (n > g->max_connections)
		give_way(g, c, false, now_ns);
	return c;
}

void guard_remove(struct guard *g, struct guard_connection *c)
{
	TAILQ_REMOVE(&g->in[c->state], c, entry);
	g->n[c->state]--;
	if (c->state == GUARD_LEAVING)
		c->address->n_leaving--;
	else
		c->address->n_connections--;
	put_address(g, c->address);
	free(c);
}

void guard_begin_request(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	if (c->state == GUARD_IDLE)
		set_state(g, c, GUARD_HEADER, now_ns);
}

void guard_end_request(struct guard *g, struct guard_connection *c, bool whole, uint64_t now_ns)
{
	if (c->state == GUARD_LEAVING)
		return;
	if (c->state == GUARD_PAGE && c->bytes > 0) /* none to HEAD, which says nothing */
		c->address->reads = whole;
	set_state(g, c, GUARD_IDLE, now_ns);
}

/* ---- pages ---- */

/* How much time a page has before another may have its place; see the header. */
static uint64_t page_time_ns(uint64_t taken_bytes)
{
	uint64_t ns;

	if (taken_bytes > PAGE_MAX_NS / EL_NS_PER_S * PAGE_BYTES_PER_S)
		return PAGE_MAX_NS;
	ns = taken_bytes * EL_NS_PER_S / PAGE_BYTES_PER_S;
	return ns > PAGE_MIN_NS ? ns : PAGE_MIN_NS;
}

/* What has passed since it was last looked at counts, unless the reader has taken all there was. */
static void look_at_page(struct guard_connection *c, uint64_t now_ns)
{
	uint64_t taken_bytes = c->bytes;
	int queued = 0;

	if (ioctl(c->fd, SIOCOUTQ, &queued) < 0 || queued > 0)
		c->spent_ns += now_ns - c->looked_ns;
	c->looked_ns = now_ns;
	taken_bytes -= (uint64_t)queued < taken_bytes ? (uint64_t)queued : taken_bytes;
	c->place_ns = now_ns - c->spent_ns + page_time_ns(taken_bytes);
}

static void begin_page(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	set_state(g, c, GUARD_PAGE, now_ns);
	c->address->turn_ns = now_ns;
	c->bytes = c->spent_ns = 0;
	c->looked_ns = now_ns;
	look_at_page(c, now_ns);
}

static unsigned count_pages(const struct guard *g, const struct guard_address *address)
{
	const struct guard_connection *p;
	unsigned n = 0;

	TAILQ_FOREACH(p, &g->in[GUARD_PAGE], entry)
	n += p->address == address;
	return n;
}

/* When there is a place for a page of `c`: 0, or when that of *ret_page may be taken. */
static uint64_t find_place(const struct guard *g, const struct guard_connection *c,
			   struct guard_connection **ret_page)
{
	bool same = count_pages(g, c->address) >= g->max_pages_per_address;
	struct guard_connection *p, *first = NULL;

	*ret_page = NULL;
	if (!same && g->n[GUARD_PAGE] < g->max_pages)
		return 0;
	TAILQ_FOREACH(p, &g->in[GUARD_PAGE], entry)
	{
		if ((!same || p->address == c->address) &&
		    (!first || p->place_ns < first->place_ns))
			first = p;
	}
	*ret_page = first;
	return first->place_ns; /* no limit is 0 */
}

/* Whether one of `a` has its turn before those of `b`, whoever has waited for longer. */
static bool goes_before(const struct guard_address *a, const struct guard_address *b)
{
	return a->reads != b->reads ? a->reads : a->turn_ns < b->turn_ns;
}

/* To one after the other of those who wait, while there is a place. */
static void give_places(struct guard *g, uint64_t now_ns)
{
	struct guard_connection *c, *next, *page, *gives_way;

	do {
		next = gives_way = NULL;
		TAILQ_FOREACH(c, &g->in[GUARD_WAIT], entry)
		{
			if ((next && !goes_before(c->address, next->address)) ||
			    find_place(g, c, &page) > now_ns)
				continue;
			next = c;
			gives_way = page;
		}
		if (gives_way)
			shut_down(g, gives_way, now_ns);
		if (next)
			begin_page(g, next, now_ns);
	} while (next);
}

enum guard_state guard_begin_page(struct guard *g, struct guard_connection *c, uint64_t now_ns)
{
	if (c->state == GUARD_HEADER) {
		set_state(g, c, GUARD_WAIT, now_ns);
		give_places(g, now_ns);
		c->held = c->state == GUARD_WAIT;
	}
	return c->state;
}

static uint64_t deadline_ns(const struct guard *g, const struct guard_connection *c)
{
	uint64_t lasts_ns = g->lasts_ns[c->state];

	return lasts_ns == UINT64_MAX ? UINT64_MAX : c->since_ns + lasts_ns;
}

static void expire(struct guard *g, uint64_t now_ns)
{
	struct guard_connection *c;

	for (int state = 0; state < GUARD_STATES; state++) {
		while ((c = TAILQ_FIRST(&g->in[state])) && deadline_ns(g, c) <= now_ns) {
			if (state == GUARD_WAIT)
				set_state(g, c, GUARD_REFUSED, now_ns);
			else
				shut_down(g, c, now_ns);
		}
	}
}

/* One that is held and need not be, or NULL. */
static struct guard_connection *find_ready(const struct guard *g)
{
	struct guard_connection *c;

	for (int state = 0; state < GUARD_STATES; state++) {
		if (state == GUARD_WAIT)
			continue;
		TAILQ_FOREACH(c, &g->in[state], entry)
		{
			if (c->held)
				return c;
		}
	}
	return NULL;
}

struct guard_connection *guard_next(struct guard *g, uint64_t now_ns)
{
	struct guard_connection *c;

	expire(g, now_ns);
	TAILQ_FOREACH(c, &g->in[GUARD_PAGE], entry)
	look_at_page(c, now_ns);
	give_places(g, now_ns);
	c = find_ready(g);
	if (c)
		c->held = false;
	return c;
}

uint64_t guard_deadline_ns(const struct guard *g)
{
	struct guard_connection *c, *page;
	uint64_t ns = find_ready(g) ? 0 : UINT64_MAX, at;

	for (int state = 0; state < GUARD_STATES; state++) {
		c = TAILQ_FIRST(&g->in[state]);
		if (c && deadline_ns(g, c) < ns)
			ns = deadline_ns(g, c);
	}
	TAILQ_FOREACH(c, &g->in[GUARD_WAIT], entry)
	{
		at = find_place(g, c, &page);
		if (at < ns)
			ns = at;
	}
	return ns;
}
