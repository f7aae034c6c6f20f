/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The names among the targets' destinations, and their addresses as they are known now. Any thread
 * may call sync and lookup; the rest is control's. */
#include "el_conf.h"
#include "el_resolve.h"

struct names;

/* 0, or -errno with a sentence. */
int names_create(struct names **ret_names, struct el_error *err);
void names_destroy(struct names *n); /* NULL is fine */

/* Asks for the names of these targets from now on, and no more for others. Names that stay keep
 * their addresses. 0 or -ENOMEM. */
int names_sync(struct names *n, const struct el_conf *conf);

/* el_model_input.resolve, with the names as context. */
int names_lookup(void *names, const char *name, uint8_t family, struct el_ip *ret);

/* For the control loop. */
int names_fd(const struct names *n);
void names_run(struct names *n, uint64_t now_ns);
/* True once after an address has changed, appeared or gone. */
bool names_take_changed(struct names *n);
/* True if each name has been answered, one way or the other. */
bool names_settled(struct names *n);
