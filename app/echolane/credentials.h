/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The name and the password that /metrics asks for: PROM_USER and PROM_PASSWORD, each a variable of
 * the environment or a credential of systemd, which others can't read (systemd.exec(5),
 * LoadCredential: a file of that name in $CREDENTIALS_DIRECTORY). */
#include "el_error.h"

#define CREDENTIAL_MAX 1024 /* bytes, with a NUL */

/* Zeroed memory: there are none. */
struct credentials {
	char user[CREDENTIAL_MAX], password[CREDENTIAL_MAX]; /* both "", or neither */
};

/* Reads both. A line feed at the end of a credential is none of it. 0; or, with a sentence,
 * -EINVAL: one without the other, one that is set in both places, one that is too long or has
 * control characters; or what open and read say. */
int credentials_read(struct credentials *ret, struct el_error *err);
