/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Who may stay connected, and whose turn it is to have a page. Each connection has a deadline for
 * what it is doing, however much it dribbles: to send a whole header, to take a whole page, to ask
 * again.
 *
 * Where there are too many connections the newcomer is let in and one of the address that has most
 * gives way, first one that has not asked for a page.
 *
 * Where all places for pages are taken, who asks for one waits. First come addresses whose last
 * page was read to its end, then the one whose last turn was longest ago, then who has waited for
 * longest. A place is given when it is free or when the time of its page is over: a page has one
 * second for each 256 KiB that its reader has taken, at least 250 ms, at most 5 s. What we need to
 * print it does not count: only while there is something that the reader has not taken does the
 * time pass. Then the page goes on only while nobody waits.
 *
 * So whoever reads what comes is served, whatever others hold open: before all others once it has
 * been served before; and if it is new, after the addresses that came before it, each of the 8
 * places (see max_pages) taking one in 250 ms, as long as there are connections for one of each.
 *
 * An IPv6 /64 is one address. All on one thread; the caller says what time it is, which never goes
 * back. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "el_httpd.h"

/* Connections are in one of these; the first give way first. */
enum guard_state {
	GUARD_HEADER,  /* of a request, and what follows until it is answered */
	GUARD_IDLE,    /* answered; it may ask again */
	GUARD_REFUSED, /* a page, for it has waited for too long; to be told */
	GUARD_WAIT,    /* for a page */
	GUARD_PAGE,    /* is under way, or may begin */
	GUARD_LEAVING, /* shut down; the server will see, and remove it */
	GUARD_STATES
};

struct guard_address {
	TAILQ_ENTRY(guard_address) entry;
	uint8_t family;         /* 4 or 6 */
	uint64_t prefix;        /* the address, or half of it */
	unsigned n_connections; /* but those that are leaving */
	unsigned n_leaving;
	uint64_t turn_ns; /* when one of it was last given a place; 0: never */
	bool reads;       /* its last page went out to its end, maybe into buffers alone */
};
TAILQ_HEAD(guard_addresses, guard_address);

struct guard_connection {
	TAILQ_ENTRY(guard_connection) entry;
	int fd;
	void *owner; /* the caller's */
	struct guard_address *address;
	enum guard_state state;
	uint64_t since_ns; /* of the state */
	/* Of a page. */
	uint64_t bytes;               /* so far; the caller counts */
	uint64_t spent_ns, looked_ns; /* of its time; when that was counted */
	uint64_t place_ns;            /* when another may have its place, as far as known */
	bool held;                    /* until guard_next returns it */
};
TAILQ_HEAD(guard_connections, guard_connection);

struct guard {
	/* By state, each in the order of `since_ns`. */
	struct guard_connections in[GUARD_STATES];
	unsigned n[GUARD_STATES];
	uint64_t lasts_ns[GUARD_STATES]; /* at most; UINT64_MAX: for ever */
	/* Those that have connections; those that have none and read, the last ones last. */
	struct guard_addresses connected, readers;
	unsigned n_readers;
	unsigned max_connections, max_per_address, max_pages, max_pages_per_address;
};

/* Nobody is connected; limits are the configuration's or their defaults. */
void guard_init(struct guard *g, const struct el_httpd_config *config);
/* Once all connections are removed. */
void guard_fini(struct guard *g);

/* A connection was accepted; another one may be shut down for it. NULL: out of memory. */
struct guard_connection *guard_add(struct guard *g, int fd, const struct sockaddr *peer,
				   uint64_t now_ns);
void guard_remove(struct guard *g, struct guard_connection *c);

/* A request has begun; it was answered, to its end if `whole`. */
void guard_begin_request(struct guard *g, struct guard_connection *c, uint64_t now_ns);
void guard_end_request(struct guard *g, struct guard_connection *c, bool whole, uint64_t now_ns);

/* Asks for a page. GUARD_PAGE: it may begin; another one may have been shut down for it.
 * GUARD_WAIT: the connection is to be held until guard_next returns it, then ask again. Else no
 * page. */
enum guard_state guard_begin_page(struct guard *g, struct guard_connection *c, uint64_t now_ns);

/* Shuts down what is past its deadline and gives places to those who wait. Returns one that is to
 * be held no longer, since it may begin, was refused or is leaving; NULL: no more of them. To be
 * called until then before each run of the server. */
struct guard_connection *guard_next(struct guard *g, uint64_t now_ns);

/* When guard_next next has something to do; 0: now; UINT64_MAX: time alone changes nothing. */
uint64_t guard_deadline_ns(const struct guard *g);
