/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>

/* An IPv4 or IPv6 address; bytes in network order, IPv4 in the first four, the rest zero, so that
 * two equal addresses are equal memory. family 0: none. */
struct el_ip {
	uint8_t family; /* 0, 4 or 6 */
	uint8_t zero[3];
	uint8_t bytes[16];
};

/* An address with a prefix length. Host bits may be set: an interface's address is one of these. */
struct el_prefix {
	struct el_ip ip;
	uint8_t len; /* 0..32 or 0..128 */
};

#define EL_IP_STRLEN (INET6_ADDRSTRLEN + 4) /* an address or a prefix, with its NUL */

/* Parse an address; 0, or -EINVAL. No names, no scope, IPv4 in its dotted quad form only. */
int el_ip_parse(const char *text, struct el_ip *ret_ip);

/* Parse ADDRESS/LEN; a missing length is 32 or 128. 0, or -EINVAL. */
int el_prefix_parse(const char *text, struct el_prefix *ret_prefix);

/* Into `buf` of at least EL_IP_STRLEN bytes; returns buf. "-" for no address. */
char *el_ip_format(const struct el_ip *ip, char *buf);
char *el_prefix_format(const struct el_prefix *prefix, char *buf);

struct el_ip el_ip_from_v4(uint32_t addr_be);
/* From 4 or 16 bytes in network order. */
struct el_ip el_ip_from_bytes(const uint8_t *bytes, uint8_t family);
uint32_t el_ip_v4(const struct el_ip *ip); /* network order; only for family 4 */
/* The XOR of an address' 32-bit words in network order, of 4 or 16 bytes: an IPv4 address is its
 * own fold. */
static inline uint32_t el_ip_fold(const uint8_t *bytes, uint8_t family)
{
	uint32_t words[4] = {0};

	memcpy(words, bytes, family == 4 ? 4 : 16);
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

bool el_ip_is_link_local(const struct el_ip *ip); /* fe80::/10; false for IPv4 */
/* An address that one other host can have: a unicast one, and neither unspecified, loopback's,
 * reserved (240.0.0.0/4), nor IPv4's inside IPv6 (RFC 6890, RFC 4291 section 2.5.5). */
bool el_ip_is_host(const struct el_ip *ip);
bool el_ip_equal(const struct el_ip *a, const struct el_ip *b);
/* One address alone. */
static inline struct el_prefix el_prefix_of(const struct el_ip *ip)
{
	return (struct el_prefix){.ip = *ip, .len = ip->family == 4 ? 32 : 128};
}

/* Whether it is more than one address. */
static inline bool el_prefix_is_range(const struct el_prefix *prefix)
{
	return prefix->len < (prefix->ip.family == 4 ? 32 : 128);
}

bool el_prefix_contains(const struct el_prefix *prefix, const struct el_ip *ip);
/* Whether any of them does. Linear in `n`. */
bool el_prefixes_contain(const struct el_prefix *prefixes, size_t n, const struct el_ip *ip);

/* `prefix` with its host bits cleared. */
struct el_prefix el_prefix_network(const struct el_prefix *prefix);
