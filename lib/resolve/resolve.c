/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and their users. An answer changes its name and puts the name's users on one list; the run
 * tells them from there, one by one, so that a callback may add and remove as it likes. */
#include "el_resolve.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "resolve_internal.h"

#define ASKED_A_RUN 64
#define ASK_NS 5000000ULL /* c-ares reads the hosts file for each name: a long one takes time */
#define TOLD_A_RUN 1024
#define CONF_CHECK_NS (5 * EL_NS_PER_S)
#define NAME_LEN_MAX 254 /* RFC 1035, 2.3.4, as text with a last dot */
#define BUCKETS_MIN 256

/* ---- names ---- */

static uint64_t hash_of(const struct el_resolve *r, const char *text, size_t len, unsigned family)
{
	return el_siphash(&r->key, text, len) ^ family;
}

static struct name **bucket_of(struct el_resolve *r, uint64_t hash)
{
	return &r->buckets[hash & (r->n_buckets - 1)];
}

static struct name *name_find(struct el_resolve *r, const char *text, unsigned family,
			      uint64_t hash)
{
	struct name *n = *bucket_of(r, hash);

	while (n && (n->hash != hash || n->family != family || strcmp(n->text, text) != 0))
		n = n->next;
	return n;
}

/* Twice the buckets; if there is no memory for them the chains are longer. */
static void grow(struct el_resolve *r)
{
	uint32_t n_old = r->n_buckets;
	struct name **old = r->buckets, **buckets = calloc(2 * (size_t)n_old, sizeof(*buckets));

	if (!buckets)
		return;
	r->buckets = buckets;
	r->n_buckets = 2 * n_old;
	for (uint32_t i = 0; i < n_old; i++) {
		for (struct name *n = old[i], *next; n; n = next) {
			struct name **bucket = bucket_of(r, n->hash);

			next = n->next;
			n->next = *bucket;
			*bucket = n;
		}
	}
	free(old);
}

static struct name *name_create(struct el_resolve *r, const char *text, size_t len, unsigned family,
				uint64_t hash)
{
	struct name *n, **bucket;

	if (schedule_reserve(r, r->counters.names + 1) < 0)
		return NULL;
	n = calloc(1, sizeof(*n) + len + 1);
	if (!n)
		return NULL;
	if (r->counters.names >= r->n_buckets)
		grow(r);
	n->owner = r;
	n->hash = hash;
	n->family = (uint8_t)family;
	n->position = NOT_QUEUED;
	n->status = -EINPROGRESS;
	n->reason = "not known yet";
	LIST_INIT(&n->users);
	memcpy(n->text, text, len + 1);
	bucket = bucket_of(r, hash);
	n->next = *bucket;
	*bucket = n;
	r->counters.names++;
	r->counters.unresolved++;
	schedule_at(r, n, r->now_ns);
	return n;
}

static void name_free(struct el_resolve *r, struct name *n)
{
	struct name **link = bucket_of(r, n->hash);

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	schedule_cancel(r, n);
	r->counters.names--;
	r->counters.unresolved -= n->address.family == 0;
	free(n);
}

/* ---- telling ---- */

static struct el_resolve_result result_of(const struct el_resolve_user *u)
{
	const struct name *n = u->name;

	return (struct el_resolve_result){
	    .address = n->address,
	    .status = n->status,
	    .reason = n->reason,
	    .changed = n->address.family && !el_ip_equal(&n->address, &u->had),
	};
}

static void queue_user(struct el_resolve *r, struct el_resolve_user *u)
{
	if (u->queued)
		return;
	u->queued = true;
	TAILQ_INSERT_TAIL(&r->tell, u, tell);
}

static void unqueue_user(struct el_resolve *r, struct el_resolve_user *u)
{
	if (!u->queued)
		return;
	u->queued = false;
	TAILQ_REMOVE(&r->tell, u, tell);
}

static void tell_users(struct el_resolve *r)
{
	struct el_resolve_user *u;

	for (int i = 0; i < TOLD_A_RUN && (u = TAILQ_FIRST(&r->tell)) != NULL; i++) {
		struct el_resolve_result result = result_of(u);

		unqueue_user(r, u);
		if (u->told && el_ip_equal(&u->has, &result.address))
			continue;
		u->told = true;
		u->has = result.address;
		if (result.address.family)
			u->had = result.address;
		r->config.changed(r->config.ctx, u->id, &result);
	}
}

void name_answered(struct name *n, int status, const char *reason, const struct el_ip *address)
{
	struct el_resolve *r = n->owner;
	bool news = !n->known || !el_ip_equal(&n->address, address);
	struct el_resolve_user *u;

	n->under_way = false;
	r->counters.under_way--;
	r->under_way[n->failures ? QUEUE_FAILING : QUEUE_WELL]--;
	r->counters.failures += status != 0;
	if (LIST_EMPTY(&n->users)) {
		name_free(r, n);
		return;
	}
	r->counters.unresolved -= n->address.family == 0;
	r->counters.unresolved += address->family == 0;
	n->known = true;
	n->address = *address;
	if (address->family)
		n->last = *address;
	n->status = status;
	n->reason = reason;
	n->failures = status == 0 ? 0 : n->failures + (n->failures < UINT32_MAX);
	schedule_next(r, n);
	if (!news)
		return;
	for (u = LIST_FIRST(&n->users); u; u = LIST_NEXT(u, sibling))
		queue_user(r, u);
}

/* ---- the run ---- */

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void ask_due(struct el_resolve *r)
{
	uint64_t end_ns = clock_ns() + ASK_NS;

	for (int i = 0; i < ASKED_A_RUN && !r->reopen; i++) {
		struct name *n = schedule_first(r);

		if (!n || n->due_ns > r->now_ns)
			return;
		schedule_cancel(r, n);
		n->under_way = true;
		r->counters.queries++;
		r->counters.under_way++;
		r->under_way[n->failures ? QUEUE_FAILING : QUEUE_WELL]++;
		dns_ask(&r->dns, n);
		if (clock_ns() >= end_ns)
			return;
	}
}

/* A changed resolv.conf is read once the queries that are under way have ended. */
static void follow_conf(struct el_resolve *r)
{
	struct el_error err;

	if (r->now_ns - r->checked_ns >= CONF_CHECK_NS) {
		r->checked_ns = r->now_ns;
		r->reopen = r->reopen || dns_conf_changed(&r->dns);
	}
	if (!r->reopen || r->counters.under_way)
		return;
	r->reopen = false;
	if (dns_reopen(&r->dns, &r->config, &err) < 0)
		el_log(EL_LOG_ERROR, "resolve", "%s stays as it was read before: %s",
		       r->config.resolv_conf, err.text);
	else
		el_log(EL_LOG_INFO, "resolve", "%s has changed and is used", r->config.resolv_conf);
}

void el_resolve_run(struct el_resolve *r, uint64_t now_ns)
{
	r->now_ns = now_ns;
	dns_process(&r->dns);
	follow_conf(r);
	ask_due(r);
	tell_users(r);
}

int el_resolve_timeout_ms(struct el_resolve *r, uint64_t now_ns)
{
	const struct name *first = r->reopen ? NULL : schedule_first(r);
	int ms = r->counters.under_way ? dns_timeout_ms(&r->dns) : -1;
	uint64_t wait_ms;

	if (!TAILQ_EMPTY(&r->tell) || (first && first->due_ns <= now_ns) ||
	    (r->reopen && !r->counters.under_way))
		return 0;
	if (!first)
		return ms;
	wait_ms = (first->due_ns - now_ns + 999999) / 1000000;
	if (wait_ms > INT32_MAX)
		wait_ms = INT32_MAX;
	return ms >= 0 && (uint64_t)ms < wait_ms ? ms : (int)wait_ms;
}

/* ---- users ---- */

int el_resolve_add(struct el_resolve *r, const char *name, unsigned family, uint32_t interval_s,
		   uint64_t id, struct el_resolve_user **ret_user)
{
	size_t len = strnlen(name, NAME_LEN_MAX + 1);
	char text[NAME_LEN_MAX + 1];
	struct el_resolve_user *u;
	struct name *n;
	uint64_t hash;

	if (len == 0 || len > NAME_LEN_MAX || (family != 4 && family != 6))
		return -EINVAL;
	if (r->counters.users >= r->config.max_users)
		return -ENOSPC;
	for (size_t i = 0; i < len; i++)
		text[i] = (char)tolower((unsigned char)name[i]);
	text[len] = '\0';
	hash = hash_of(r, text, len, family);
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	n = name_find(r, text, family, hash);
	if (!n)
		n = name_create(r, text, len, family, hash);
	if (!n) {
		free(u);
		return -ENOMEM;
	}
	u->name = n;
	LIST_INSERT_HEAD(&n->users, u, sibling);
	r->counters.users++;
	el_resolve_update(r, u, interval_s, id);
	if (n->known)
		queue_user(r, u);
	*ret_user = u;
	return 0;
}

void el_resolve_update(struct el_resolve *r, struct el_resolve_user *user, uint32_t interval_s,
		       uint64_t id)
{
	struct name *n = user->name;
	uint64_t due_ns = r->now_ns + interval_s * EL_NS_PER_S;

	user->interval_s = interval_s;
	user->id = id;
	/* a longer interval holds from the next answer on, a shorter one from now on */
	if (interval_s && !n->under_way && (n->position == NOT_QUEUED || n->due_ns > due_ns))
		schedule_next(r, n);
}

void el_resolve_remove(struct el_resolve *r, struct el_resolve_user *user)
{
	if (!user)
		return;
	unqueue_user(r, user);
	LIST_REMOVE(user, sibling);
	r->counters.users--;
	if (LIST_EMPTY(&user->name->users) && !user->name->under_way)
		name_free(r, user->name);
	free(user);
}

struct el_resolve_result el_resolve_get(const struct el_resolve_user *user)
{
	return result_of(user);
}

void el_resolve_counters_read(const struct el_resolve *r, struct el_resolve_counters *ret_counters)
{
	*ret_counters = r->counters;
}

/* ---- create and destroy ---- */

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

int el_resolve_create(const struct el_resolve_config *config, struct el_resolve **ret_resolve,
		      struct el_error *err)
{
	struct el_resolve *r = calloc(1, sizeof(*r));
	const char *conf = config->resolv_conf ? config->resolv_conf : "/etc/resolv.conf";
	int ret = -ENOMEM;

	if (!r)
		goto no_memory;
	TAILQ_INIT(&r->tell);
	r->dns.epoll_fd = -1;
	r->config = *config;
	set_default(&r->config.max_queries, 100);
	set_default(&r->config.max_users, 1000000);
	set_default(&r->config.timeout_ms, 2000);
	set_default(&r->config.tries, 2);
	r->resolv_conf = strdup(conf);
	r->servers = config->servers ? strdup(config->servers) : NULL;
	r->n_buckets = BUCKETS_MIN;
	r->buckets = calloc(r->n_buckets, sizeof(struct name *));
	if (!r->resolv_conf || (config->servers && !r->servers) || !r->buckets)
		goto no_memory;
	r->config.resolv_conf = r->resolv_conf;
	r->config.servers = r->servers;
	if (getrandom(&r->key, sizeof(r->key), 0) != (ssize_t)sizeof(r->key)) {
		ret = el_error_set(err, -EIO, "no random numbers");
		goto fail;
	}
	ret = dns_init(&r->dns, &r->config, err);
	if (ret < 0)
		goto fail;
	*ret_resolve = r;
	return 0;
no_memory:
	el_error_set(err, -ENOMEM, "not enough memory for resolving names");
fail:
	el_resolve_destroy(r);
	return ret;
}

void el_resolve_destroy(struct el_resolve *r)
{
	if (!r)
		return;
	dns_fini(&r->dns);
	for (uint32_t i = 0; r->buckets && i < r->n_buckets; i++) {
		for (struct name *n = r->buckets[i], *next; n; n = next) {
			struct el_resolve_user *u;

			next = n->next;
			while ((u = LIST_FIRST(&n->users)) != NULL) {
				LIST_REMOVE(u, sibling);
				free(u);
			}
			free(n);
		}
	}
	for (int q = 0; q < QUEUES; q++)
		free(r->queues[q].items);
	free(r->buckets);
	free(r->servers);
	free(r->resolv_conf);
	free(r);
}

int el_resolve_fd(const struct el_resolve *r)
{
	return r->dns.epoll_fd;
}
