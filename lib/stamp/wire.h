/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What sender and reflector share: HMACs, and TLVs in a packet. */
#include "el_stamp.h"

static inline uint64_t stamp_get64(const uint8_t *p)
{
	return (uint64_t)el_get32(p) << 32 | el_get32(p + 4);
}

static inline void stamp_put64(uint8_t *p, uint64_t v)
{
	el_put32(p, (uint32_t)(v >> 32));
	el_put32(p + 4, (uint32_t)v);
}

static inline size_t stamp_base_len(bool authenticated)
{
	return authenticated ? EL_STAMP_AUTH_LEN : EL_STAMP_LEN;
}

/* HMAC-SHA-256 over two pieces of memory, truncated to EL_STAMP_HMAC_LEN bytes. */
void stamp_hmac(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		const uint8_t *second, size_t second_len, uint8_t *ret_hmac);
/* The same of n packets, at most EL_STAMP_AT_ONCE, of `len` bytes each, at least 64. Blocks of one
 * are taken between those of others, which do not wait for each other: a CPU that has instructions
 * for them takes two thirds of the time. */
void stamp_hmacs(const struct el_stamp_key *key, const uint8_t *const *packets, size_t n,
		 size_t len, uint8_t ret_hmacs[][EL_STAMP_HMAC_LEN]);
/* Whether two HMACs are the same, in constant time. */
bool stamp_hmac_equal(const uint8_t *a, const uint8_t *b);
/* Whether `hmac` is that of two pieces of memory. */
bool stamp_hmac_right(const struct el_stamp_key *key, const uint8_t *first, size_t first_len,
		      const uint8_t *second, size_t second_len, const uint8_t *hmac);

/* A TLV in a packet, by offsets: its value is [value, value + len). */
struct stamp_tlv {
	size_t at, value;
	uint16_t len;
	uint8_t flags, type;
};

static inline size_t stamp_tlv_end(const struct stamp_tlv *t)
{
	return t->value + t->len;
}

enum stamp_walk {
	STAMP_WALK_TLV,
	STAMP_WALK_END, /* nothing follows, or zeros where a TLV would begin: padding without one */
	STAMP_WALK_CUT, /* what follows is shorter than it says, or than a TLV's header */
};

/* The TLV at `at`, where there is room until `end`. */
enum stamp_walk stamp_tlv_at(const uint8_t *packet, size_t at, size_t end,
			     struct stamp_tlv *ret_tlv);

/* The TLVs behind a packet, up to the first that is malformed. Offsets; 0: there is none. */
struct stamp_tlvs {
	size_t begin;
	size_t end; /* behind the last that is not malformed */
	size_t malformed;
	size_t hmac;
	bool misplaced; /* more follows the HMAC than Extra Padding (RFC 8972 section 4.8) */
	bool padding_only;
};

/* Finds them in [begin, end) of `packet`. A length that its type can't have is malformed, too. */
void stamp_tlvs_find(const uint8_t *packet, size_t begin, size_t end, struct stamp_tlvs *ret_tlvs);

/* Whether the HMAC TLV, which there is, has that of the key, over the sequence number and the TLVs
 * before it. Of no key (NULL) none is. */
bool stamp_tlvs_hmac_right(const struct stamp_tlvs *t, const struct el_stamp_key *key,
			   const uint8_t *packet);
/* Writes it. */
void stamp_tlvs_sign(const struct stamp_tlvs *t, const struct el_stamp_key *key, uint8_t *packet);

/* Sub-TLVs of Location (RFC 8972 section 4.2.1). */
enum stamp_location {
	STAMP_SOURCE_MAC = 1,
	STAMP_SOURCE_EUI48,
	STAMP_SOURCE_EUI64,
	STAMP_DESTINATION_IP,
	STAMP_DESTINATION_IPV4,
	STAMP_DESTINATION_IPV6,
	STAMP_SOURCE_IP,
	STAMP_SOURCE_IPV4,
	STAMP_SOURCE_IPV6,
};
#define STAMP_LOCATION_PORTS_LEN 4 /* before its sub-TLVs */
#define STAMP_CONTROL_CODE 1       /* sub-TLV of Return Path (RFC 9503 section 4.1.1) */

/* What the answers of TLVs are taken from, and what they ask for besides. */
struct stamp_answer {
	const struct el_stamp_reflector *reflector;
	const struct el_stamp_received *request; /* its packet may be overwritten by now */
	/* counts this request and its reply; NULL: stateless */
	const struct el_stamp_session *session;
	uint8_t dscp;   /* of the reply */
	bool unwanted;  /* no reply is asked for */
	bool path_seen; /* there was a Return Path before */
};

/* Answers in place the TLVs that a reply has from its request (reflect_tlvs.c). */
void stamp_answer_tlvs(struct stamp_answer *a, const struct stamp_tlvs *tlvs, uint8_t *reply);
