/* SPDX-License-Identifier: BSD-3-Clause */
#include "names.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_names.h"

#define NONE UINT32_MAX
/* In one run: some milliseconds' work. */
#define ADDED_A_RUN 2000
#define LOOKED_AT_A_RUN 100000

struct item {
	char *key; /* the family's digit, then the name */
	uint32_t interval_s;
	uint32_t before; /* where it was in the list before; NONE: nowhere */
};

struct names_list {
	_Atomic unsigned users;
	uint64_t before; /* which list was that: names.serial */
	uint32_t n, capacity;
	struct item *items;
	struct el_names index; /* key to item */
};

struct names_known {
	uint64_t serial;          /* of the list */
	struct names_list *list;  /* one reference */
	struct el_ip addresses[]; /* by item; family 0: none is known */
};

/* ---- lists ---- */

static struct names_list *list_create(void)
{
	struct names_list *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	atomic_init(&l->users, 1);
	el_names_init(&l->index);
	return l;
}

static struct names_list *list_get(struct names_list *l)
{
	atomic_fetch_add_explicit(&l->users, 1, memory_order_relaxed);
	return l;
}

void names_list_put(struct names_list *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->users, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < l->n; i++)
		free(l->items[i].key);
	free(l->items);
	el_names_fini(&l->index);
	free(l);
}

static int make_key(char *buf, size_t size, const char *name, uint8_t family)
{
	int len = snprintf(buf, size, "%u%s", family, name);

	return len < 0 || (size_t)len >= size ? -EINVAL : 0;
}

static uint32_t find(const struct names_list *l, const char *key)
{
	const struct el_names_entry *e = el_names_find(&l->index, key);

	return e ? e->value : NONE;
}

static int add(struct names_list *l, const char *key, uint32_t interval_s, uint32_t before)
{
	if (l->n == l->capacity) {
		uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
		struct item *items = realloc(l->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->capacity = capacity;
	}
	l->items[l->n] =
	    (struct item){.key = strdup(key), .interval_s = interval_s, .before = before};
	if (!l->items[l->n].key || !el_names_add(&l->index, l->items[l->n].key, l->n, NULL)) {
		free(l->items[l->n].key);
		return -ENOMEM;
	}
	l->n++;
	return 0;
}

/* The shorter of two refresh intervals, 0 being none. */
static uint32_t sooner(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static int add_target(struct names_list *l, const struct el_conf *conf,
		      const struct el_conf_target *t, const struct names_list *before)
{
	uint32_t interval_s = t->dns_update_interval_s == EL_CONF_UNSET
				  ? conf->global.dns_update_interval_s
				  : (uint32_t)t->dns_update_interval_s;
	char key[512];
	uint32_t i;

	if (t->address.family || t->is_subnet ||
	    make_key(key, sizeof(key), t->destination, t->address_family) < 0)
		return 0;
	i = find(l, key);
	if (i == NONE)
		return add(l, key, interval_s, find(before, key));
	l->items[i].interval_s = sooner(l->items[i].interval_s, interval_s);
	return 0;
}

static bool is_same(const struct names_list *l, const struct names_list *before)
{
	if (l->n != before->n)
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct item *item = &l->items[i];

		if (item->before == NONE ||
		    before->items[item->before].interval_s != item->interval_s)
			return false;
	}
	return true;
}

struct names_list *names_list_create(const struct el_conf *conf, const struct names_known *known)
{
	struct names_list *l = list_create();
	int ret = l ? 0 : -ENOMEM;

	for (size_t i = 0; i < conf->n_targets && ret == 0; i++)
		ret = add_target(l, conf, &conf->targets[i], known->list);
	if (ret < 0 || is_same(l, known->list)) {
		names_list_put(l);
		return ret < 0 ? NULL : list_get(known->list);
	}
	l->before = known->serial;
	return l;
}

/* ---- what is known ---- */

void names_known_free(struct names_known *k)
{
	if (!k)
		return;
	names_list_put(k->list);
	free(k);
}

int names_lookup(void *known, const char *name, uint8_t family, struct el_ip *ret)
{
	const struct names_known *k = known;
	char key[512];
	uint32_t i;

	if (make_key(key, sizeof(key), name, family) < 0)
		return -EINVAL;
	i = find(k->list, key);
	if (i == NONE || !k->addresses[i].family)
		return -ENOENT;
	*ret = k->addresses[i];
	return 0;
}

/* ---- control ---- */

/* A name that is asked for: a user of the resolver's. */
struct asked {
	struct el_resolve_user *user; /* NULL: it can't be resolved */
	uint32_t index;               /* in the list */
	bool told;                    /* something is known of it, if only that it has no address */
	struct asked *next;           /* of those that nobody wants any more */
};

struct names {
	struct el_resolve *resolve;
	struct names_list *list; /* of the names that are wanted */
	uint64_t serial;         /* its number */
	struct asked **asked;    /* by item; NULL: not yet */
	struct el_ip *addresses; /* by item; family 0: none */
	uint32_t n_looked_at;    /* items that are asked for, up to the first that is not */
	uint32_t n_untold;
	struct asked *unwanted;
	bool changed;
};

static void on_change(void *ctx, uint64_t id, const struct el_resolve_result *result)
{
	struct names *n = ctx;
	struct asked *a = (struct asked *)(uintptr_t)id;
	char text[EL_IP_STRLEN];
	const char *name;

	if (a->index == NONE)
		return;
	if (!a->told) {
		a->told = true;
		n->n_untold--;
	}
	n->changed = true;
	n->addresses[a->index] = result->address;
	name = n->list->items[a->index].key + 1;
	if (result->address.family)
		el_log(EL_LOG_INFO, "resolve", "%s is %s", name,
		       el_ip_format(&result->address, text));
	else
		el_log(EL_LOG_WARNING, "resolve", "%s has no address: %s", name, result->reason);
}

int names_create(struct names **ret_names, struct el_error *err)
{
	struct names *n = calloc(1, sizeof(*n));
	struct el_resolve_config config = {.changed = on_change, .ctx = n};
	int ret;

	if (!n || !(n->list = list_create())) {
		free(n);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	ret = el_resolve_create(&config, &n->resolve, err);
	if (ret < 0) {
		names_destroy(n);
		return ret;
	}
	*ret_names = n;
	return 0;
}

static void free_unwanted(struct names *n, uint32_t max)
{
	struct asked *a;

	for (uint32_t i = 0; i < max && (a = n->unwanted) != NULL; i++) {
		n->unwanted = a->next;
		el_resolve_remove(n->resolve, a->user);
		free(a);
	}
}

/* Nobody wants what is still in `asked`. */
static void drop(struct names *n, struct asked **asked, uint32_t count)
{
	for (uint32_t i = 0; asked && i < count; i++) {
		struct asked *a = asked[i];

		if (!a)
			continue;
		n->n_untold -= !a->told;
		a->index = NONE;
		a->next = n->unwanted;
		n->unwanted = a;
	}
	free(asked);
}

void names_destroy(struct names *n)
{
	if (!n)
		return;
	drop(n, n->asked, n->list->n);
	free_unwanted(n, UINT32_MAX);
	el_resolve_destroy(n->resolve);
	names_list_put(n->list);
	free(n->addresses);
	free(n);
}

struct names_known *names_take_known(const struct names *n)
{
	struct names_known *k = malloc(sizeof(*k) + n->list->n * sizeof(k->addresses[0]));

	if (!k)
		return NULL;
	k->serial = n->serial;
	k->list = list_get(n->list);
	if (n->list->n)
		memcpy(k->addresses, n->addresses, n->list->n * sizeof(k->addresses[0]));
	return k;
}

/* Item `from` of the list is item `to` of `list`, the next one. */
static void move(struct names *n, uint32_t from, const struct names_list *list, uint32_t to)
{
	struct asked *a = n->asked[from];

	n->asked[from] = NULL;
	a->index = to;
	if (a->user && list->items[to].interval_s != n->list->items[from].interval_s)
		el_resolve_update(n->resolve, a->user, list->items[to].interval_s, (uintptr_t)a);
}

int names_want(struct names *n, struct names_list *list)
{
	struct el_ip *addresses;
	struct asked **asked;

	if (list == n->list)
		return 0;
	addresses = calloc(list->n + 1, sizeof(struct el_ip));
	asked = calloc(list->n + 1, sizeof(struct asked *));
	if (!addresses || !asked) {
		free(addresses);
		free(asked);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		const struct item *item = &list->items[i];
		uint32_t before =
		    list->before == n->serial ? item->before : find(n->list, item->key);

		if (before == NONE || !n->asked[before])
			continue;
		asked[i] = n->asked[before];
		addresses[i] = n->addresses[before];
		move(n, before, list, i);
	}
	drop(n, n->asked, n->list->n);
	free(n->addresses);
	names_list_put(n->list);
	n->asked = asked;
	n->addresses = addresses;
	n->list = list_get(list);
	n->serial++;
	n->n_looked_at = 0;
	return 0;
}

/* False: no memory. */
static bool ask(struct names *n, uint32_t i)
{
	const struct item *item = &n->list->items[i];
	struct asked *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return false;
	a->index = i;
	n->asked[i] = a;
	ret = el_resolve_add(n->resolve, item->key + 1, (unsigned)(item->key[0] - '0'),
			     item->interval_s, (uintptr_t)a, &a->user);
	a->told = ret < 0;
	n->n_untold += !a->told;
	if (ret < 0)
		el_log(EL_LOG_ERROR, "resolve", "%s can't be resolved: %s", item->key + 1,
		       strerror(-ret));
	return true;
}

/* Begins to ask for some of those that are new. */
static void ask_some(struct names *n)
{
	uint32_t left = ADDED_A_RUN, end = n->list->n;

	if (end - n->n_looked_at > LOOKED_AT_A_RUN)
		end = n->n_looked_at + LOOKED_AT_A_RUN;
	for (; n->n_looked_at < end && left; n->n_looked_at++) {
		if (n->asked[n->n_looked_at])
			continue;
		if (!ask(n, n->n_looked_at))
			return;
		left--;
	}
}

int names_fd(const struct names *n)
{
	return el_resolve_fd(n->resolve);
}

void names_run(struct names *n, uint64_t now_ns)
{
	free_unwanted(n, ADDED_A_RUN);
	ask_some(n);
	el_resolve_run(n->resolve, now_ns);
}

bool names_take_changed(struct names *n)
{
	bool changed = n->changed;

	n->changed = false;
	return changed;
}

bool names_settled(const struct names *n)
{
	return n->n_looked_at == n->list->n && n->n_untold == 0;
}
