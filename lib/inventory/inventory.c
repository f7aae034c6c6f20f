/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_inventory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lists.h"
#include "program.h"

#define LOG "inventory"
#define EVENTS 64
#define TERM_WAIT_NS (2 * EL_NS_PER_S)
#define KILL_WAIT_NS EL_NS_PER_S
/* Lifetimes are looked at so often at least, for the time of day may be set. */
#define EXPIRY_MS_MAX 60000

struct el_inventory {
	void (*changed)(void *ctx);
	void *ctx;
	int epoll_fd, parsed_fd;   /* parsed_fd: an eventfd of the parsers' threads */
	struct program **programs; /* by name */
	size_t n_programs;
	uint64_t now_ns;
	int64_t unix_s, expiry_s; /* expiry_s: the next one, INT64_MAX: none */
	bool has_changed, stopping;
};

struct el_inventory_settings el_inventory_settings_of(const struct el_conf *conf)
{
	return (struct el_inventory_settings){.directory = conf->dataplane.inventories_directory,
					      .user = conf->dataplane.inventories_user,
					      .disabled = &conf->global.disable_dynamic_inventories,
					      .max_addresses =
						  conf->dataplane.max_addresses_per_target};
}

int el_inventory_check(const struct el_inventory_settings *settings, struct el_error *err)
{
	struct spawn_user user;
	struct directory d;
	int rc = spawn_find_user(settings->user, &user, err);

	if (rc == 0)
		rc = directory_scan(settings->directory, settings->disabled, &d, err);
	if (rc == 0)
		directory_fini(&d);
	return rc;
}

/* Whether a program's file is the one that it was started from; notes the new one. */
static bool is_same_file(struct directory_entry *old, const struct directory_entry *new)
{
	bool same = old->dev == new->dev && old->ino == new->ino &&
		    old->modified.tv_sec == new->modified.tv_sec &&
		    old->modified.tv_nsec == new->modified.tv_nsec;

	old->dev = new->dev;
	old->ino = new->ino;
	old->modified = new->modified;
	return same;
}

static struct directory_entry *find_entry(const struct directory *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->entries[i].name && strcmp(d->entries[i].name, name) == 0)
			return &d->entries[i];
	return NULL;
}

static bool is_same_user(const struct spawn_user *a, const struct spawn_user *b)
{
	return a->is_set == b->is_set && a->uid == b->uid && a->gid == b->gid;
}

/* Stops what is no more; what there is already is taken out of `d`. */
static void match_programs(struct el_inventory *inv, struct directory *d,
			   const struct spawn_user *user, uint32_t max_addresses)
{
	for (size_t i = 0; i < inv->n_programs; i++) {
		struct program *p = inv->programs[i];
		struct directory_entry *e = find_entry(d, p->entry.name);

		if (p->removed)
			continue;
		if (!e || strcmp(d->path, p->directory) != 0) {
			inv->has_changed |= program_n_targets(p) > 0;
			list_put(p->list);
			p->list = NULL;
			program_stop(p, true, inv->now_ns);
			continue;
		}
		if (!is_same_file(&p->entry, e) || !is_same_user(&p->user, user) ||
		    p->max_addresses != max_addresses)
			program_stop(p, false, inv->now_ns);
		if (p->max_addresses != max_addresses)
			p->has_hash = false; /* the same document may be right now, or wrong */
		p->max_addresses = max_addresses;
		p->user = *user;
		free(e->name);
		e->name = NULL;
	}
}

static int add_programs(struct el_inventory *inv, struct directory *d,
			const struct spawn_user *user, uint32_t max_addresses)
{
	for (size_t i = 0; i < d->count; i++) {
		struct program *p;

		if (!d->entries[i].name)
			continue;
		p = program_create(&d->entries[i], d->path, user, max_addresses, inv->epoll_fd,
				   inv->parsed_fd, inv->now_ns);
		if (!p)
			return -ENOMEM;
		inv->programs[inv->n_programs++] = p;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct program *const *x = a, *const *y = b;

	return strcmp((*x)->entry.name, (*y)->entry.name);
}

int el_inventory_rescan(struct el_inventory *inv, const struct el_inventory_settings *settings,
			struct el_error *err)
{
	struct spawn_user user;
	struct directory d;
	struct program **programs;
	int rc = spawn_find_user(settings->user, &user, err);

	if (rc == 0)
		rc = directory_scan(settings->directory, settings->disabled, &d, err);
	if (rc < 0)
		return rc;
	programs = realloc(inv->programs, (inv->n_programs + d.count + 1) * sizeof(*programs));
	if (!programs) {
		directory_fini(&d);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	inv->programs = programs;
	match_programs(inv, &d, &user, settings->max_addresses);
	rc = add_programs(inv, &d, &user, settings->max_addresses);
	qsort(inv->programs, inv->n_programs, sizeof(*inv->programs), by_name);
	directory_fini(&d);
	return rc < 0 ? el_error_set(err, rc, "not enough memory") : 0;
}

static int open_descriptors(struct el_inventory *inv)
{
	struct epoll_event e = {.events = EPOLLIN};

	inv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	inv->parsed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inv->epoll_fd < 0 || inv->parsed_fd < 0 ||
	    epoll_ctl(inv->epoll_fd, EPOLL_CTL_ADD, inv->parsed_fd, &e) < 0)
		return -errno;
	return 0;
}

struct el_inventory *el_inventory_create(const struct el_inventory_config *config,
					 struct el_error *err)
{
	struct el_inventory *inv = calloc(1, sizeof(*inv));
	int rc;

	if (!inv) {
		el_error_set(err, -ENOMEM, "not enough memory");
		return NULL;
	}
	*inv = (struct el_inventory){.changed = config->changed,
				     .ctx = config->ctx,
				     .epoll_fd = -1,
				     .parsed_fd = -1,
				     .expiry_s = INT64_MAX};
	rc = open_descriptors(inv);
	if (rc < 0)
		el_error_set(err, rc, "the inventories' descriptors can't be had: %s",
			     strerror(-rc));
	else
		rc = el_inventory_rescan(inv, &config->settings, err);
	if (rc < 0) {
		el_inventory_destroy(inv);
		errno = -rc;
		return NULL;
	}
	return inv;
}

int el_inventory_fd(const struct el_inventory *inv)
{
	return inv->epoll_fd;
}

int el_inventory_timeout_ms(const struct el_inventory *inv, uint64_t now_ns)
{
	uint64_t deadline_ns = UINT64_MAX, ms;

	for (size_t i = 0; i < inv->n_programs; i++) {
		uint64_t ns = program_deadline_ns(inv->programs[i]);

		if (ns < deadline_ns)
			deadline_ns = ns;
	}
	if (inv->has_changed)
		deadline_ns = 0;
	if (inv->expiry_s != INT64_MAX) {
		int64_t left_ms = (inv->expiry_s - inv->unix_s) * 1000;
		uint64_t wait_ms = left_ms < EXPIRY_MS_MAX ? (uint64_t)left_ms : EXPIRY_MS_MAX;

		if (inv->now_ns + wait_ms * 1000000 < deadline_ns)
			deadline_ns = inv->now_ns + wait_ms * 1000000;
	}
	if (deadline_ns == UINT64_MAX)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	ms = (deadline_ns - now_ns + 999999) / 1000000;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

/* Notes what has expired since the last run, and when the next will. */
static void update_expiry(struct el_inventory *inv)
{
	int64_t next_s = INT64_MAX;

	inv->has_changed |= inv->expiry_s <= inv->unix_s;
	for (size_t i = 0; i < inv->n_programs; i++) {
		const struct list *list = inv->programs[i]->list;

		for (size_t k = 0; list && k < list->inventory.count; k++) {
			int64_t s = el_conf_inventory_expiry_s(&list->inventory.items[k]);

			if (s > inv->unix_s && s < next_s)
				next_s = s;
		}
	}
	inv->expiry_s = next_s;
}

static void drop_gone(struct el_inventory *inv)
{
	size_t kept = 0;

	for (size_t i = 0; i < inv->n_programs; i++) {
		struct program *p = inv->programs[i];

		if (p->state == PROGRAM_GONE && (!p->parse || parse_is_done(p->parse)))
			program_destroy(p);
		else
			inv->programs[kept++] = p;
	}
	inv->n_programs = kept;
}

static void handle_events(struct el_inventory *inv)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(inv->epoll_fd, events, EVENTS, 0);
	eventfd_t count;

	for (int i = 0; i < n; i++) {
		struct program_stream *s = events[i].data.ptr;

		if (!s) {
			eventfd_read(inv->parsed_fd, &count);
			continue;
		}
		/* what came before in this batch may have closed or paused it */
		if (s->fd < 0 || s->resume_ns)
			continue;
		s->program->now_ns = inv->now_ns;
		s->ready(s);
	}
}

void el_inventory_run(struct el_inventory *inv, uint64_t now_ns, int64_t unix_s)
{
	bool lists_changed = false;

	inv->now_ns = now_ns;
	inv->unix_s = unix_s;
	handle_events(inv);
	for (size_t i = 0; i < inv->n_programs; i++) {
		program_run(inv->programs[i], now_ns);
		lists_changed |= program_take_parsed(inv->programs[i]);
	}
	drop_gone(inv);
	if (lists_changed || inv->has_changed || inv->expiry_s <= unix_s)
		update_expiry(inv);
	inv->has_changed |= lists_changed;
	if (!inv->has_changed)
		return;
	inv->has_changed = false;
	if (inv->changed && !inv->stopping)
		inv->changed(inv->ctx);
}

struct el_inventory_lists *el_inventory_take_lists(const struct el_inventory *inv)
{
	struct el_inventory_lists *l = lists_create(inv->n_programs, inv->unix_s);

	for (size_t i = 0; l && i < inv->n_programs; i++) {
		if (inv->programs[i]->list)
			lists_add(l, inv->programs[i]->list);
	}
	return l;
}

/* ---- the end ---- */

void el_inventory_stop(struct el_inventory *inv, uint64_t now_ns)
{
	inv->stopping = true;
	for (size_t i = 0; i < inv->n_programs; i++)
		program_stop(inv->programs[i], true, now_ns);
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Until all processes have ended, or the time is over. */
static void wait_for_all(struct el_inventory *inv, uint64_t wait_ns)
{
	uint64_t end_ns = monotonic_ns() + wait_ns;

	for (size_t i = 0; i < inv->n_programs; i++) {
		struct program_stream *s = &inv->programs[i]->process;
		struct pollfd fd = {.fd = s->fd, .events = POLLIN};
		uint64_t now_ns = monotonic_ns();
		int left_ms = now_ns < end_ns ? (int)((end_ns - now_ns) / 1000000) : 0;

		if (s->fd >= 0 && poll(&fd, 1, left_ms) == 1)
			s->ready(s);
	}
}

void el_inventory_destroy(struct el_inventory *inv)
{
	if (!inv)
		return;
	el_inventory_stop(inv, inv->now_ns);
	wait_for_all(inv, TERM_WAIT_NS);
	for (size_t i = 0; i < inv->n_programs; i++)
		program_signal(inv->programs[i], SIGKILL);
	wait_for_all(inv, KILL_WAIT_NS);
	for (size_t i = 0; i < inv->n_programs; i++)
		program_destroy(inv->programs[i]);
	if (inv->parsed_fd >= 0)
		close(inv->parsed_fd);
	if (inv->epoll_fd >= 0)
		close(inv->epoll_fd);
	free(inv->programs);
	free(inv);
}
