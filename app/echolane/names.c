/* SPDX-License-Identifier: BSD-3-Clause */
#include "names.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_names.h"

/* A name in a family. */
struct entry {
	char *key; /* the family's digit, then the name; NULL: not in use */
	struct el_resolve_user *user;
	uint32_t interval_s;
	bool wanted; /* by the targets of the latest sync */
	bool told;   /* something is known of it, if only that there is no address */
};

struct names {
	pthread_mutex_t lock; /* protects all: control runs it, the planner looks names up */
	struct el_resolve *resolve;
	struct el_names index; /* key to entry */
	struct entry *entries;
	uint32_t n_entries, capacity;
	uint32_t n_untold;
	bool changed;
};

static void on_change(void *ctx, uint64_t id, const struct el_resolve_result *result)
{
	struct names *n = ctx;
	struct entry *e = &n->entries[id];
	char text[EL_IP_STRLEN];

	if (!e->told) {
		e->told = true;
		n->n_untold--;
	}
	n->changed = true;
	if (result->address.family)
		el_log(EL_LOG_INFO, "resolve", "%s is %s", e->key + 1,
		       el_ip_format(&result->address, text));
	else
		el_log(EL_LOG_WARNING, "resolve", "%s has no address: %s", e->key + 1,
		       result->reason);
}

int names_create(struct names **ret_names, struct el_error *err)
{
	struct names *n = calloc(1, sizeof(*n));
	struct el_resolve_config config = {.changed = on_change, .ctx = n};
	int ret;

	if (!n)
		return el_error_set(err, -ENOMEM, "not enough memory");
	pthread_mutex_init(&n->lock, NULL);
	el_names_init(&n->index);
	ret = el_resolve_create(&config, &n->resolve, err);
	if (ret < 0) {
		names_destroy(n);
		return ret;
	}
	*ret_names = n;
	return 0;
}

void names_destroy(struct names *n)
{
	if (!n)
		return;
	el_resolve_destroy(n->resolve);
	for (uint32_t i = 0; i < n->n_entries; i++)
		free(n->entries[i].key);
	free(n->entries);
	el_names_fini(&n->index);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static int make_key(char *buf, size_t size, const char *name, uint8_t family)
{
	int len = snprintf(buf, size, "%u%s", family, name);

	return len < 0 || (size_t)len >= size ? -EINVAL : 0;
}

static int add_entry(struct names *n, const char *key, uint8_t family, uint32_t interval_s)
{
	struct entry *e;
	int ret;

	if (n->n_entries == n->capacity) {
		uint32_t capacity = n->capacity ? 2 * n->capacity : 64;
		e = realloc(n->entries, capacity * sizeof(*e));
		if (!e)
			return -ENOMEM;
		n->entries = e;
		n->capacity = capacity;
	}
	e = &n->entries[n->n_entries];
	*e = (struct entry){.key = strdup(key), .interval_s = interval_s, .wanted = true};
	if (!e->key || !el_names_add(&n->index, e->key, n->n_entries, NULL)) {
		free(e->key);
		return -ENOMEM;
	}
	n->n_entries++;
	ret = el_resolve_add(n->resolve, key + 1, family, interval_s, n->n_entries - 1, &e->user);
	if (ret < 0)
		el_log(EL_LOG_ERROR, "resolve", "%s can't be resolved: %s", key + 1,
		       strerror(-ret));
	else
		n->n_untold++;
	return 0;
}

/* The shorter of two refresh intervals, 0 being none. */
static uint32_t sooner(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static int want(struct names *n, const struct el_conf *conf, const struct el_conf_target *t)
{
	uint32_t interval_s = t->dns_update_interval_s == EL_CONF_UNSET
				  ? conf->global.dns_update_interval_s
				  : (uint32_t)t->dns_update_interval_s;
	struct el_names_entry *known;
	char key[512];
	struct entry *e;

	if (t->address.family || t->is_subnet ||
	    make_key(key, sizeof(key), t->destination, t->address_family) < 0)
		return 0;
	known = el_names_find(&n->index, key);
	if (!known)
		return add_entry(n, key, t->address_family, interval_s);
	e = &n->entries[known->value];
	e->interval_s = e->wanted ? sooner(e->interval_s, interval_s) : interval_s;
	e->wanted = true;
	if (e->user)
		el_resolve_update(n->resolve, e->user, e->interval_s, known->value);
	return 0;
}

/* Leaves out the entries that nobody wants any more. */
static int drop_unwanted(struct names *n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n->n_entries; i++) {
		struct entry *e = &n->entries[i];
		if (!e->wanted) {
			if (e->user)
				el_resolve_remove(n->resolve, e->user);
			n->n_untold -= e->user && !e->told;
			free(e->key);
			continue;
		}
		if (e->user && kept != i)
			el_resolve_update(n->resolve, e->user, e->interval_s, kept);
		n->entries[kept++] = *e;
	}
	if (kept == n->n_entries)
		return 0;
	n->n_entries = kept;
	el_names_fini(&n->index);
	el_names_init(&n->index);
	for (uint32_t i = 0; i < kept; i++) {
		if (!el_names_add(&n->index, n->entries[i].key, i, NULL))
			return -ENOMEM;
	}
	return 0;
}

int names_sync(struct names *n, const struct el_conf *conf)
{
	int ret = 0;

	pthread_mutex_lock(&n->lock);
	for (uint32_t i = 0; i < n->n_entries; i++)
		n->entries[i].wanted = false;
	pthread_mutex_unlock(&n->lock);
	for (size_t i = 0; i < conf->n_targets && ret == 0; i++) {
		/* one by one, so that control need not wait for all */
		pthread_mutex_lock(&n->lock);
		ret = want(n, conf, &conf->targets[i]);
		pthread_mutex_unlock(&n->lock);
	}
	pthread_mutex_lock(&n->lock);
	if (ret == 0)
		ret = drop_unwanted(n);
	pthread_mutex_unlock(&n->lock);
	return ret;
}

static int lookup(struct names *n, const char *key, struct el_ip *ret)
{
	struct el_names_entry *known = el_names_find(&n->index, key);
	struct el_resolve_result result;

	if (!known || !n->entries[known->value].user)
		return -ENOENT;
	result = el_resolve_get(n->entries[known->value].user);
	if (!result.address.family)
		return result.status < 0 ? result.status : -ENOENT;
	*ret = result.address;
	return 0;
}

int names_lookup(void *names, const char *name, uint8_t family, struct el_ip *ret)
{
	struct names *n = names;
	char key[512];
	int code;

	if (make_key(key, sizeof(key), name, family) < 0)
		return -EINVAL;
	pthread_mutex_lock(&n->lock);
	code = lookup(n, key, ret);
	pthread_mutex_unlock(&n->lock);
	return code;
}

int names_fd(const struct names *n)
{
	return el_resolve_fd(n->resolve);
}

void names_run(struct names *n, uint64_t now_ns)
{
	/* the planner is at it: the next time, then */
	if (pthread_mutex_trylock(&n->lock) != 0)
		return;
	el_resolve_run(n->resolve, now_ns);
	pthread_mutex_unlock(&n->lock);
}

bool names_take_changed(struct names *n)
{
	bool changed;

	pthread_mutex_lock(&n->lock);
	changed = n->changed;
	n->changed = false;
	pthread_mutex_unlock(&n->lock);
	return changed;
}

bool names_settled(struct names *n)
{
	bool settled;

	pthread_mutex_lock(&n->lock);
	settled = n->n_untold == 0;
	pthread_mutex_unlock(&n->lock);
	return settled;
}
