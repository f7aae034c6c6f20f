/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_stamp.h"

#include <errno.h>
#include <stdlib.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "wire.h"

/* HMAC's state once the key is in: two of SHA-256's blocks less for each packet. */
struct el_stamp_key {
	struct hmac_sha256_ctx keyed;
};

struct el_stamp_key *el_stamp_key_create(const uint8_t *bytes, size_t len)
{
	struct el_stamp_key *key;

	if (len == 0) {
		errno = EINVAL;
		return NULL;
	}
	key = malloc(sizeof(*key));
	if (key)
		hmac_sha256_set_key(&key->keyed, len, bytes);
	return key;
}

void el_stamp_key_destroy(struct el_stamp_key *key)
{
	if (key)
		explicit_bzero(key, sizeof(*key));
	free(key);
}

void stamp_hmac(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		const uint8_t *second, size_t second_len, uint8_t *ret_hmac)
{
	struct hmac_sha256_ctx ctx = key->keyed;

	hmac_sha256_update(&ctx, first_len, first);
	if (second_len)
		hmac_sha256_update(&ctx, second_len, second);
	hmac_sha256_digest(&ctx, EL_STAMP_HMAC_LEN, ret_hmac);
}

bool stamp_hmac_right(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		      const uint8_t *second, size_t second_len, const uint8_t *hmac)
{
	uint8_t right[EL_STAMP_HMAC_LEN];

	stamp_hmac(key, first, first_len, second, second_len, right);
	return memeql_sec(right, hmac, sizeof(right));
}
