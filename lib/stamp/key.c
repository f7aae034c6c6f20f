/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_stamp.h"

#include <errno.h>
#include <stdlib.h>

#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "wire.h"

/* SHA-256's states behind HMAC's two blocks of the key (RFC 2104 section 4): that is two blocks
 * less for each packet, and to go on from them costs a tenth less than nettle's own HMAC. */
struct el_stamp_key {
	struct sha256_ctx inner, outer;
};

static void absorb_key(struct sha256_ctx *ctx, const uint8_t *key, size_t len, uint8_t with)
{
	uint8_t block[SHA256_BLOCK_SIZE];

	memset(block, with, sizeof(block));
	for (size_t i = 0; i < len; i++)
		block[i] ^= key[i];
	sha256_init(ctx);
	sha256_update(ctx, sizeof(block), block);
	explicit_bzero(block, sizeof(block));
}

struct el_stamp_key *el_stamp_key_create(const uint8_t *bytes, size_t len)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct el_stamp_key *key;

	if (len == 0) {
		errno = EINVAL;
		return NULL;
	}
	key = malloc(sizeof(*key));
	if (!key)
		return NULL;
	if (len > SHA256_BLOCK_SIZE) { /* section 3 */
		sha256_init(&key->inner);
		sha256_update(&key->inner, len, bytes);
		sha256_digest(&key->inner, sizeof(digest), digest);
		bytes = digest;
		len = sizeof(digest);
	}
	absorb_key(&key->inner, bytes, len, 0x36);
	absorb_key(&key->outer, bytes, len, 0x5c);
	explicit_bzero(digest, sizeof(digest));
	return key;
}

void el_stamp_key_destroy(struct el_stamp_key *key)
{
	if (key)
		explicit_bzero(key, sizeof(*key));
	free(key);
}

/* HMAC's outer step, over the digest of the inner one. */
static void hash_outer(const struct el_stamp_key *key, const uint8_t *digest, uint8_t *ret_hmac)
{
	struct sha256_ctx ctx = key->outer;

	sha256_update(&ctx, SHA256_DIGEST_SIZE, digest);
	sha256_digest(&ctx, EL_STAMP_HMAC_LEN, ret_hmac);
}

void stamp_hmac(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		const uint8_t *second, size_t second_len, uint8_t *ret_hmac)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx = key->inner;

	sha256_update(&ctx, first_len, first);
	if (second_len)
		sha256_update(&ctx, second_len, second);
	sha256_digest(&ctx, sizeof(digest), digest);
	hash_outer(key, digest, ret_hmac);
}

void stamp_hmacs(const struct el_stamp_key *key, const uint8_t *const *packets, size_t n,
		 size_t len, uint8_t ret_hmacs[][EL_STAMP_HMAC_LEN])
{
	uint8_t digests[EL_STAMP_AT_ONCE][SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx[EL_STAMP_AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		ctx[i] = key->inner;
		sha256_update(&ctx[i], SHA256_BLOCK_SIZE, packets[i]);
	}
	for (size_t i = 0; i < n; i++) {
		sha256_update(&ctx[i], len - SHA256_BLOCK_SIZE, packets[i] + SHA256_BLOCK_SIZE);
		sha256_digest(&ctx[i], sizeof(digests[i]), digests[i]);
	}
	for (size_t i = 0; i < n; i++)
		hash_outer(key, digests[i], ret_hmacs[i]);
}

bool stamp_hmac_equal(const uint8_t *a, const uint8_t *b)
{
	return memeql_sec(a, b, EL_STAMP_HMAC_LEN);
}

bool stamp_hmac_right(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		      const uint8_t *second, size_t second_len, const uint8_t *hmac)
{
	uint8_t right[EL_STAMP_HMAC_LEN];

	stamp_hmac(key, first, first_len, second, second_len, right);
	return stamp_hmac_equal(right, hmac);
}
