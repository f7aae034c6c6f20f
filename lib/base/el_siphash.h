/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct el_siphash_key {
	uint64_t k0, k1;
};

/* SipHash-2-4 of `len` bytes (Aumasson and Bernstein, 2012). Not for the hot path: some 20 ns. */
uint64_t el_siphash(const struct el_siphash_key *key, const void *data, size_t len);
