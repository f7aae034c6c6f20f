/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A reply to a telemetry command while it is put together. DPDK 22.11 sends 16 KiB of JSON at most,
 * 256 entries of a dictionary, strings of 127 bytes, and lets dictionaries be in dictionaries, but
 * not in arrays: so what is a list has its numbers for keys. Private to lib/telemetry. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_telemetry.h>

#include "el_base.h"

#define REPLY_BYTES 16000 /* leaving some for what DPDK puts around them */
#define REPLY_ENTRIES 250

/* A dictionary, and what is in it already. */
struct reply {
	struct rte_tel_data *d;
	size_t bytes; /* of its JSON */
	uint32_t entries;
};

/* Begins the dictionary that a reply is. */
void reply_begin(struct reply *r, struct rte_tel_data *d);
void reply_u64(struct reply *r, const char *name, uint64_t value);
/* Cut to what an entry holds, at the end of a character. Bytes that are not ASCII, control
 * characters and the backslash are written as \xNN. */
void reply_text(struct reply *r, const char *name, const char *text);
/* The whole text, in as many pieces as it takes: NAME, NAME_2, NAME_3, ... */
void reply_long_text(struct reply *r, const char *name, const char *text);
void reply_ip(struct reply *r, const char *name, const struct el_ip *ip); /* family 0: "" */

/* Begins a row; false: no memory. It is to be added or dropped. */
bool reply_row_begin(struct reply *row);
/* Adds it under a number; false: there is no room, and it is dropped. */
bool reply_row_add(struct reply *r, uint32_t number, struct reply *row);
/* The same under a name with the number behind it. */
bool reply_row_add_named(struct reply *r, const char *name, uint32_t number, struct reply *row);

/* The whole reply: what was wrong with the question. 0, for the caller to return. */
int reply_refuse(struct rte_tel_data *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Likewise, where there is nothing to answer from. */
int reply_not_running(struct rte_tel_data *d);

/* Reads a whole number that ends the text or is followed by a comma, and goes on behind that. False
 * for anything else. */
bool reply_read_number(const char **text, uint32_t *ret);
/* Parameters that are a single number, 0 if there are none. */
bool reply_read_first(const char *params, uint32_t *ret);
