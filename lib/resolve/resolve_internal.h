/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the files of this library share. resolve.c owns names and users, schedule.c says when a name
 * is due, dns.c asks. */
#include <sys/queue.h>
#include <sys/stat.h>

#include <ares.h>

#include "el_resolve.h"

#define NOT_QUEUED UINT32_MAX

struct el_resolve_user {
	LIST_ENTRY(el_resolve_user) sibling; /* users of the name */
	TAILQ_ENTRY(el_resolve_user) tell;   /* if `queued` */
	struct name *name;
	uint64_t id;
	uint32_t interval_s;
	bool queued;      /* on the list of those to be told */
	bool told;        /* anything yet */
	struct el_ip has; /* what it was told last; family 0: none */
	struct el_ip had; /* the last address it was told */
};

/* A name that failed last time waits in a queue of its own, so that names that take long to fail
 * can't hold all the queries that may be under way. */
enum queue { QUEUE_WELL, QUEUE_FAILING, QUEUES };

struct name {
	struct el_resolve *owner;
	struct name *next; /* in its bucket */
	LIST_HEAD(, el_resolve_user) users;
	uint64_t hash;
	uint64_t due_ns;
	uint32_t position; /* in its queue, or NOT_QUEUED */
	uint32_t failures; /* in a row */
	uint8_t family;
	bool known;           /* there was an answer or a failure */
	bool refreshed;       /* asked for again since it has an address */
	bool under_way;       /* it can't be freed before dns.c has called back */
	struct el_ip address; /* now; family 0: none */
	struct el_ip last;    /* the last address there was */
	int status;
	const char *reason;
	char text[];
};

/* Names in order of due_ns: a binary heap. */
struct queue_heap {
	struct name **items;
	uint32_t count, cap;
};

struct dns {
	ares_channel channel;
	int epoll_fd;
	const char *resolv_conf;
	struct stat conf; /* the file as it was read; zeros if there was none */
};

struct el_resolve {
	struct el_resolve_config config; /* strings copied */
	char *servers, *resolv_conf;
	struct dns dns;
	bool reopen; /* the channel is to be made anew when nothing is under way */
	uint64_t now_ns, checked_ns;
	struct el_siphash_key key;
	uint64_t draws;
	struct name **buckets;
	uint32_t n_buckets; /* a power of two */
	struct queue_heap queues[QUEUES];
	uint32_t under_way[QUEUES];
	TAILQ_HEAD(, el_resolve_user) tell;
	struct el_resolve_counters counters;
};

/* ---- schedule.c ---- */

/* Makes room, so that schedule_at can't fail. 0 or -ENOMEM. */
int schedule_reserve(struct el_resolve *r, uint32_t n_names);
void schedule_at(struct el_resolve *r, struct name *n, uint64_t due_ns);
void schedule_cancel(struct el_resolve *r, struct name *n);

/* When it is due again after an answer or a failure, if it is. */
void schedule_next(struct el_resolve *r, struct name *n);

/* The name to be asked for next, due or not; NULL if none may be. */
struct name *schedule_first(const struct el_resolve *r);

/* ---- dns.c ---- */

int dns_init(struct dns *d, const struct el_resolve_config *config, struct el_error *err);
void dns_fini(struct dns *d);

/* A new channel with what resolv.conf says now. 0, or -errno and the old one stays. */
int dns_reopen(struct dns *d, const struct el_resolve_config *config, struct el_error *err);
bool dns_conf_changed(const struct dns *d);

/* Reads answers and times out what is due; ends in calls of name_answered. */
void dns_process(struct dns *d);
int dns_timeout_ms(struct dns *d);

/* Calls name_answered once, perhaps before it returns; not at all after dns_fini. */
void dns_ask(struct dns *d, struct name *n);

/* ---- resolve.c ---- */

/* `address` is none unless status is 0. */
void name_answered(struct name *n, int status, const char *reason, const struct el_ip *address);
