/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The names among the targets' destinations, and their addresses. Whoever makes a plan lists the
 * names that it wants, and looks addresses up in what was known of names when it was ordered.
 * Control has those names resolved that the latest plan wants. */
#include "el_conf.h"
#include "el_resolve.h"

/* Names in a family, each once. Counted, never changed; any thread. */
struct names_list;
/* What is known of such names at one time; never changed. */
struct names_known;
struct names;

/* ---- making plans ---- */

/* The names of the targets of `conf`: the same list as that of `known` where it has the same. NULL:
 * no memory. */
struct names_list *names_list_create(const struct el_conf *conf, const struct names_known *known);
void names_list_put(struct names_list *list); /* NULL is fine */

/* el_model_input.resolve, with names_known as context. */
int names_lookup(void *known, const char *name, uint8_t family, struct el_ip *ret);
void names_known_free(struct names_known *known); /* NULL is fine */

/* ---- control ---- */

/* 0, or -errno with a sentence. */
int names_create(struct names **ret_names, struct el_error *err);
void names_destroy(struct names *n); /* NULL is fine */

/* What is known now, the caller's. NULL: no memory. */
struct names_known *names_take_known(const struct names *n);
/* Asks for the names of this list (a reference is taken) from now on, and no more for others. Names
 * that stay keep their addresses. 0 or -ENOMEM, and then all is as it was. */
int names_want(struct names *n, struct names_list *list);

int names_fd(const struct names *n);
void names_run(struct names *n, uint64_t now_ns);
/* True once after an address has changed, appeared or gone. */
bool names_take_changed(struct names *n);
/* True if each name has been answered, one way or the other. */
bool names_settled(const struct names *n);
