/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Who may stay connected. Each connection has a deadline for what it is doing, however much it
 * dribbles: to send a whole header, to take a whole page, to ask again. Where there are too many,
 * the newcomer is let in and another one gives way: first who has no page under way, then the
 * slowest reader, each time of the address that has most. So whoever asks at once and reads what
 * comes is served, whatever others hold open. An IPv6 /64 is one address. All on one thread; the
 * caller says what time it is. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum guard_state {
	GUARD_HEADER, /* of a request, and what follows until it is answered */
	GUARD_PAGE,   /* a page is under way */
	GUARD_IDLE    /* answered; it may ask again */
};

struct guard_connection {
	LIST_ENTRY(guard_connection) entry;
	int fd;
	uint8_t family;  /* 4 or 6 */
	uint64_t prefix; /* the address, or half of it */
	enum guard_state state;
	uint64_t since_ns, deadline_ns; /* of the state */
	uint64_t bytes;                 /* of the page so far */
	bool leaving;                   /* shut down; the server will see */
};

struct guard {
	LIST_HEAD(, guard_connection) all;
	unsigned max_connections, max_per_address, max_pages, max_pages_per_address;
	uint64_t header_ns, page_ns, idle_ns; /* how long each state may last */
};

/* A connection was accepted; another one may be shut down for it. NULL: out of memory. */
struct guard_connection *guard_add(struct guard *g, int fd, const struct sockaddr *peer,
				   uint64_t now_ns);
void guard_remove(struct guard_connection *c);

/* A request has begun; one was answered. */
void guard_begin_request(struct guard *g, struct guard_connection *c, uint64_t now_ns);
void guard_end_request(struct guard *g, struct guard_connection *c, uint64_t now_ns);

/* True if a page may be begun; another one may be shut down for it. */
bool guard_begin_page(struct guard *g, struct guard_connection *c, uint64_t now_ns);

/* Shuts down what is past its deadline. */
void guard_expire(struct guard *g, uint64_t now_ns);

/* The next deadline; UINT64_MAX: none. */
uint64_t guard_deadline_ns(const struct guard *g);
