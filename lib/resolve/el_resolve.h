/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Names to addresses, by c-ares: the hosts file first, then DNS. A name is looked up once for all
 * its users and again at intervals; its address stays as long as it is still among the answers.
 * Everything here is for one thread, control's. There is no other thread and nothing blocks: what
 * is waited for shows at one descriptor. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"

/* What a user of a name is told. */
struct el_resolve_result {
	struct el_ip address; /* family 0: none */
	/* 0, or why there is no address: -ENOENT (no such name, or none of this family), -ETIMEDOUT
	 * (no server answers), -EREMOTEIO (servers that can't be reached, fail, refuse or answer
	 * nonsense), -EINVAL (not a name), -ENOMEM, -EIO (anything else); -EINPROGRESS from
	 * el_resolve_get while nothing is known yet. */
	int status;
	const char *reason; /* the same for a person; constant, never NULL */
	bool changed;       /* another address than the last one this user had; its first one too */
};

struct el_resolve_config {
	/* Something else than before: an address, or none; at first, whatever is found out. Not
	 * repeated while it stays. Called from within el_resolve_run only; may call everything here
	 * but run and destroy. */
	void (*changed)(void *ctx, uint64_t id, const struct el_resolve_result *result);
	void *ctx;
	const char *servers;     /* "ADDRESS[:PORT],..."; NULL: those of resolv.conf */
	const char *resolv_conf; /* NULL: /etc/resolv.conf; followed when it changes */
	/* Limits; 0 stands for the default. */
	uint32_t max_queries; /* 100 names at a time; half of them at most for names that failed */
	uint32_t max_users;   /* 1,000,000 */
	uint32_t timeout_ms;  /* 2000 for each server; twice that for the second try, and so on */
	uint32_t tries;       /* 2 */
};

struct el_resolve_counters {
	uint64_t queries, failures; /* names asked for, and asked for in vain */
	uint32_t names, users;
	uint32_t under_way;  /* names being asked for now */
	uint32_t unresolved; /* names without an address, or not known yet */
};

struct el_resolve;
struct el_resolve_user;

/* Copies what it needs of the configuration. 0 and *ret_resolve, or a negative errno with a
 * sentence in `err`. */
int el_resolve_create(const struct el_resolve_config *config, struct el_resolve **ret_resolve,
		      struct el_error *err);

/* Drops what is under way; nobody is told. All handles end. NULL is fine. */
void el_resolve_destroy(struct el_resolve *r);

/* An epoll descriptor, readable when el_resolve_run has something to read. */
int el_resolve_fd(const struct el_resolve *r);

/* The longest that may be waited before the next el_resolve_run, in milliseconds: 0 while there is
 * work at hand that the descriptor does not show, -1 where only the descriptor matters. Ask before
 * each wait. `now_ns` as for el_resolve_run. */
int el_resolve_timeout_ms(struct el_resolve *r, uint64_t now_ns);

/* Takes answers, asks for what is due and tells users; a bounded piece of it, see
 * el_resolve_timeout_ms. `now_ns`, of a monotonic clock, decides what is due. */
void el_resolve_run(struct el_resolve *r, uint64_t now_ns);

/* A user of `name` (copied; letter case does not matter; search domains are those of resolv.conf,
 * none if it ends with a dot), family 4 or 6. It is looked up again every interval_s seconds or
 * somewhat earlier, at the least interval of its users; 0: not again once it has an address. Where
 * that failed it is tried again after 1, 2, 4 ... 300 s, at most the interval. `id` is handed to
 * the callback. The user is told from the next runs, even if the address is known already. 0 and
 * *ret_user, which lives until it is removed; -EINVAL (empty, too long, no such family), -ENOSPC,
 * -ENOMEM. */
int el_resolve_add(struct el_resolve *r, const char *name, unsigned family, uint32_t interval_s,
		   uint64_t id, struct el_resolve_user **ret_user);

/* Another interval and id for a user that goes on. */
void el_resolve_update(struct el_resolve *r, struct el_resolve_user *user, uint32_t interval_s,
		       uint64_t id);

/* Ends a user; it is not told anything any more. A name without users is forgotten: where users
 * change for others of the same name, add first, then remove. NULL is fine. */
void el_resolve_remove(struct el_resolve *r, struct el_resolve_user *user);

/* What is known now of a user's name, told or not. `changed`: as it would be told. */
struct el_resolve_result el_resolve_get(const struct el_resolve_user *user);

void el_resolve_counters_read(const struct el_resolve *r, struct el_resolve_counters *ret_counters);
