/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a client can read, by its header fields Accept and Accept-Encoding (RFC 9110,
 * sections 12.4.2, 12.5.1 and 12.5.3). What is wrong in them is passed over, element by element:
 * who can't be understood gets text. */
#include <stdbool.h>

#include "el_expo.h"

/* Weights in thousandths; ACCEPT_UNNAMED: nothing was said. */
#define ACCEPT_UNNAMED (-1)

struct accept {
	int protobuf;
	int text, text_rank; /* of the range that fits it best, and how well that fits */
	int gzip, identity, any_encoding;
};

void accept_init(struct accept *a);
/* The value of one field. Several of one name are one list. */
void accept_add(struct accept *a, const char *value);
void accept_add_encoding(struct accept *a, const char *value);

/* Protobuf for who names it, with the message and the encoding that we have, and wants text no
 * more than that; else text. */
enum el_expo_format accept_format(const struct accept *a);
bool accept_gzip(const struct accept *a);
