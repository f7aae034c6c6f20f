/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Probes on the wire: their ids, one file a probe type behind a vtable, and the answers.
 * Plain memory in, plain memory out. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "el_base.h"
#include "el_pkt.h"

struct el_probe_stamp_kind; /* el_probe_stamp.h */

/* ---- ids ---- */

/* An id is 32 bits, worker | round | index. Ids whose low 16 bits are zero are left out (the index
 * counts 1, 2, ... 65535, 65537, ...), so that an id spread over an IPv4 identification and a UDP
 * checksum never needs a checksum of zero, which would mean "none" (RFC 768). */
struct el_id_layout {
	uint8_t index_bits, round_bits, worker_bits;
};

/* The keyed permutation of the ids on the wire. */
struct el_id_key {
	uint32_t add[2], mul[2]; /* mul odd */
	uint32_t mul_inverse[2];
	struct el_siphash_key cookie; /* for what the slices carry besides */
	uint64_t address[4];          /* for el_addr_key_v6; derived from `cookie` */
};

struct el_id {
	uint32_t worker, round, index; /* round: its low round_bits */
};

/* The layout for these sizes; 0, or -E2BIG if 32 bits don't hold them. rounds: how many must be
 * told apart. Index and worker get what they need, round all the rest. */
int el_id_layout_init(uint32_t workers, uint64_t rounds, uint64_t indices,
		      struct el_id_layout *ret_layout);

/* A key from 32 random bytes. */
struct el_id_key el_id_key_init(const uint8_t random[32]);

/* The part of an id that all probes of a worker's round share, and an id from it. */
static inline uint32_t el_id_base(const struct el_id_layout *l, uint32_t worker, uint64_t round)
{
	uint64_t high = (uint64_t)worker << l->round_bits | (round & ((1ULL << l->round_bits) - 1));

	return (uint32_t)(high << l->index_bits);
}

static inline uint32_t el_id_with_index(uint32_t base, uint32_t index)
{
	return base | (index + 1 + index / 65535);
}

/* The id of the next index. */
static inline uint32_t el_id_next(uint32_t id)
{
	return id + 1 + !((id + 1) & 0xffff);
}

static inline uint32_t el_id_pack(const struct el_id_layout *l, uint32_t worker, uint64_t round,
				  uint32_t index)
{
	return el_id_with_index(el_id_base(l, worker, round), index);
}

/* The bits of an id that hold its index. */
static inline uint32_t el_id_index_mask(const struct el_id_layout *l)
{
	return (uint32_t)((1ULL << l->index_bits) - 1);
}

/* The index that el_id_with_index put into these bits; false: it puts none there like that. */
static inline bool el_id_index(uint32_t bits, uint32_t *ret_index)
{
	*ret_index = bits - 1 - (bits >> 16);
	return (bits & 0xffff) != 0;
}

/* False for an id that el_id_pack never makes for any worker, round and index. *ret is set in any
 * case; its worker and index can be past those that there are. */
static inline bool el_id_unpack(const struct el_id_layout *l, uint32_t id, struct el_id *ret)
{
	uint32_t high = (uint32_t)((uint64_t)id >> l->index_bits);

	ret->round = high & (uint32_t)((1ULL << l->round_bits) - 1);
	ret->worker = (uint32_t)((uint64_t)high >> l->round_bits);
	return el_id_index(id & el_id_index_mask(l), &ret->index);
}

/* The permutation and its inverse: bijections of the 32-bit numbers. They keep ids from who sees
 * none of them; who sees them may learn the key. Speck32/64, a cipher with a published analysis,
 * would cost 6 to 12 cycles a probe more: see tests/bench/README.md. */
static inline uint32_t el_id_permute(const struct el_id_key *k, uint32_t x)
{
	x = (x ^ k->add[0]) * k->mul[0];
	x ^= x >> 16;
	x = (x + k->add[1]) * k->mul[1];
	return x ^ (x >> 16);
}

static inline uint32_t el_id_unpermute(const struct el_id_key *k, uint32_t x)
{
	x ^= x >> 16;
	x = x * k->mul_inverse[1] - k->add[1];
	x ^= x >> 16;
	return (x * k->mul_inverse[0]) ^ k->add[0];
}

/* The same over the numbers whose low 16 bits are not zero, by walking on where the result has them
 * zero (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). `x` must be such a
 * number, else the walk may not end. */
static inline uint32_t el_id_permute_nonzero(const struct el_id_key *k, uint32_t x)
{
	do
		x = el_id_permute(k, x);
	while ((x & 0xffff) == 0);
	return x;
}

static inline uint32_t el_id_unpermute_nonzero(const struct el_id_key *k, uint32_t x)
{
	do
		x = el_id_unpermute(k, x);
	while ((x & 0xffff) == 0);
	return x;
}

/* ---- slices ---- */

#define EL_PROBE_TCP_LENS_MAX 8
#define EL_SLICE_TEMPLATE_BYTES 64
#define EL_PROBE_PAYLOAD_BYTES 9216 /* random bytes behind the template in every TX mbuf */
#define EL_HALF_OPEN_NONE UINT32_MAX

enum el_slice_flag {
	EL_SLICE_DF = 1, /* IPv4: don't fragment */
	/* ICMPping too short for a payload: the id is identifier and sequence number. */
	EL_SLICE_ID_IN_HEADER = 2,
};

/* The part of a stream that one worker sends: 128 bytes, written once by the compiler of the plan.
 * The first line is what a probe is made from and an answer verified against; the second is the
 * packet from its L3 header on, right-aligned (the payload follows it at a fixed place of the
 * mbuf). */
struct el_slice {
	uint8_t type;   /* enum el_probe_type */
	uint8_t family; /* 4 or 6 */
	uint8_t flags;  /* enum el_slice_flag */
	/* bytes in front of the payload: of the template as many as count, from its end, and
	 * STAMP's tail */
	uint8_t header_len;
	uint16_t payload_len; /* random bytes of the mbuf that follow the template */
	struct el_next_hop_idx next_hop;
	uint16_t port_first, port_count; /* source ports; ICMPping: 0 and 1 */
	uint16_t dst_port;               /* ICMPping: 16 bits of the cookie, */
	uint16_t cookie;                 /* and 16 more; STAMP: the session's SSID */
	uint64_t port_recip;             /* el_fastdiv_recip(port_count) */
	uint64_t addr_key;               /* of (destination, source) */
	/* Partial sums over all that does not change from probe to probe, pseudo header and payload
	 * included; folded to 16 bits but not complemented. */
	uint32_t l4_sum;
	union {
		uint32_t l3_sum;    /* IPv4 */
		uint32_t flow_word; /* IPv6: version, traffic class and flow label of port 0 */
	};
	uint32_t series;
	uint32_t n_packets;
	uint32_t packet_frac; /* n_packets / class' m as 0.32, rounded up; 0: all passes */
	/* its part of the worker's half-open table, by source port - half_open_base;
	 * EL_HALF_OPEN_NONE: it is not TCP */
	uint32_t half_open_first;
	uint32_t timeout_us;
	union {
		uint16_t half_open_base; /* the port of half_open_first */
		struct {
			uint8_t stamp_kind; /* STAMP: el_plan_set.stamp_kinds[] */
			uint8_t tail_len;   /* STAMP: el_probe_stamp_kind.tail_len */
		};
	};
	uint16_t port_start; /* where in the range of ports packet 0 begins */
	uint8_t template[EL_SLICE_TEMPLATE_BYTES];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct el_slice) == 128, "a slice is two cache lines");

/* Its first 8 bytes, up to the next hop: slices that have the same send frames of one form. */
static inline uint64_t el_slice_form(const struct el_slice *s)
{
	_Static_assert(offsetof(struct el_slice, port_first) == 8, "it is these that count");
	return el_load64(s);
}

/* Its addresses, of 4 or 16 bytes in network order, in the template. */
static inline void el_slice_addresses(const struct el_slice *s, const uint8_t **ret_target,
				      const uint8_t **ret_own)
{
	uint32_t of_template = s->header_len - (s->type == EL_PROBE_STAMP ? s->tail_len : 0U);
	const uint8_t *l3 = s->template + sizeof(s->template) - of_template;

	*ret_own = l3 + (s->family == 4 ? 12 : 8);
	*ret_target = l3 + (s->family == 4 ? 16 : 24);
}

/* The source port of packet n of a round. */
static inline uint16_t el_slice_port(const struct el_slice *s, uint32_t n)
{
	return (uint16_t)(s->port_first +
			  el_fastmod(s->port_start + n, s->port_recip, s->port_count));
}

/* What a slice is made from. */
struct el_slice_spec {
	enum el_probe_type type;
	struct el_ip source, destination; /* the same family */
	uint16_t dst_port;
	int32_t ip_payload_size;       /* as configured for the target; EL_CONF_UNSET or 0: none */
	int32_t group_ip_payload_size; /* likewise; for ICMPping only */
	uint8_t dscp;
	bool dont_fragment;
	const struct el_probe_stamp_kind *stamp; /* for STAMP, of which sizes are its own */
	const uint8_t *payload; /* the random bytes of the mbufs: EL_PROBE_PAYLOAD_BYTES */
	const struct el_id_key *key;
};

/* Fills in the parts of `s` that depend on the packet: type to payload_len, dst_port, addr_key,
 * sums, cookie, tail_len and template. 0; -EAFNOSUPPORT where source and destination are not of one
 * family; -EMSGSIZE where the size is beyond EL_PROBE_PAYLOAD_BYTES. */
int el_slice_build(struct el_slice *s, const struct el_slice_spec *spec);

/* ---- making probes ---- */

/* One probe to make. */
struct el_probe_job {
	const struct el_slice *slice;
	/* the template's last byte goes to end[-1], its first 64-byte-aligned slot before; 64 bytes
	 * before `end` are written, for STAMP its tail, too: EL_PROBE_STAMP_ROOM at most */
	uint8_t *end;
	const struct el_probe_stamp_kind *stamp; /* of the slice, for STAMP */
	uint32_t id;                             /* before permutation */
	uint16_t src_port;
	uint16_t sequence; /* ICMPping: counts the packets of a path */
};

/* Resets, which close what a probe has opened. Both write a TCP RST without payload, checksums and
 * all, into the 64 bytes before `end` as a probe is made, and return its length from the L3 header
 * on: it is [end - length, end). */

/* Of the connection that the TCPsyn slice's probe from `src_port` has. seq: what the peer
 * acknowledged. */
unsigned el_probe_reset(const struct el_slice *s, uint8_t *end, uint16_t src_port, uint32_t seq);

/* The answer to a SYN/ACK for which no slice is known (RFC 9293 section 3.10.7.1). 0 if it isn't
 * TCP. */
unsigned el_probe_reset_reply(const struct el_pkt *synack, uint8_t *end);

/* ---- answers ---- */

enum el_answer_kind {
	EL_ANSWER_SYNACK,
	EL_ANSWER_RST,
	EL_ANSWER_ECHO_REPLY,
	EL_ANSWER_UNREACHABLE, /* an ICMP destination unreachable that quotes the probe */
	EL_ANSWER_ICMP_ERROR,  /* any other ICMP error that quotes the probe */
	EL_ANSWER_REFLECTED, /* the reply of a STAMP reflector, by its form and its sequence number
			      */
};

enum el_answer_flag {
	EL_ANSWER_FROM_TARGET = 1,  /* quotes: the sender is the quoted destination */
	EL_ANSWER_ID_IN_HEADER = 2, /* ICMPping: as EL_SLICE_ID_IN_HEADER */
	EL_ANSWER_COOKIE = 4, /* ICMPping: the cookie was there; the ports hold a fold of it */
	/* UDPunreachable over IPv4: the quoted identification is zero. One probe of 65,536 is sent
	 * so; where no live probe has the id, the quote was damaged. */
	EL_ANSWER_ID_ZERO = 8,
	EL_ANSWER_WRONG_CHECKSUM = 16, /* to be accepted all the same */
	EL_ANSWER_UNCERTAIN = 32,      /* its record becomes EL_RECORD_UNCERTAIN */
	/* STAMP: long enough for an authenticated reply. `wire` is from where that repeats the
	 * sequence number, `id` from where one without authentication does. */
	EL_ANSWER_MAY_BE_SIGNED = 64,
	EL_ANSWER_TOLD = 128, /* STAMP: its session asks by TLVs */
};

/* A parsed answer: what a worker needs to match it, also on another worker's queue. */
struct el_answer {
	uint64_t ns; /* of reception */
	union {
		uint64_t addr_key;   /* of (target, own address), for quotes as quoted */
		uint64_t generation; /* once verified and forwarded: the plan set's */
	};
	/* what the permuted id is taken from: TCP: the acknowledgement, for quotes the one that the
	 * probe asks for; else the id */
	uint32_t wire;
	uint16_t own_port; /* ICMPping: see EL_ANSWER_COOKIE */
	union {
		uint16_t remote_port;
		uint16_t bound; /* once verified: of its time (el_bound_of_ns) */
	};
	uint8_t type;  /* enum el_probe_type: of the probe it answers */
	uint8_t kind;  /* enum el_answer_kind */
	uint8_t flags; /* enum el_answer_flag */
	union {
		/* which of the possible payload lengths matched, of STAMP: 1: where it is
		 * authenticated; filled in by match */
		uint8_t candidate;
		uint8_t rx_worker; /* once forwarded: the worker whose queue it came in on */
	};
	/* before permutation: of the first probe that it may be to; then of that which it is to */
	uint32_t id;
};
_Static_assert(sizeof(struct el_answer) == 32, "a forwarded answer is 32 bytes");

/* What a packet is to the probe type of its protocol. A worker counts all but ANSWER by it. */
enum el_verdict {
	/* an answer by its form; `verify` says whether it is one to the probe whose id it has */
	EL_VERDICT_ANSWER,
	/* TCP, but neither SYN/ACK nor RST */
	EL_VERDICT_TCP_FLAGS,
	/* an echo reply whose payload is not ours or damaged */
	EL_VERDICT_COOKIE,
	/* an ICMP error that quotes too little of a packet, or an unreadable IP header */
	EL_VERDICT_QUOTE_SHORT,
	/* an ICMP error whose quote lacks the probe's id or parts of it */
	EL_VERDICT_QUOTE_DAMAGED,
	/* UDP that is too short for a STAMP reply */
	EL_VERDICT_STAMP_SHORT,
	/* what no probe of ours is answered by (an echo request, ...) */
	EL_VERDICT_OTHER,
	EL_VERDICTS
};

/* What `verify` finds. */
enum el_match {
	EL_MATCH_OK,
	EL_MATCH_ID,      /* the probe has this id by chance: it can't be answered so */
	EL_MATCH_ADDRESS, /* from or to another address than the probe */
	EL_MATCH_PORT,    /* other ports than the probe's */
	EL_MATCH_COOKIE,  /* ICMPping: not our cookie, or the id was not where the probe has it */
	EL_MATCH_SIGNED,  /* STAMP: authenticated, and the probe is not, or the other way round */
};

/* The addresses of an answer as one number: exact for IPv4, where it is what they are in the
 * answer's header; a keyed hash for IPv6, so that nobody can look for two addresses that have the
 * same. */
static inline uint64_t el_addr_key_v4(uint32_t remote_be, uint32_t own_be)
{
	const uint32_t addresses[2] = {remote_be, own_be};
	uint64_t key;

	memcpy(&key, addresses, sizeof(key));
	return key;
}

static inline uint64_t el_addr_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Both of 16 bytes. */
static inline uint64_t el_addr_key_v6(const struct el_id_key *k, const uint8_t *remote,
				      const uint8_t *own)
{
	uint64_t r[2], o[2];

	memcpy(r, remote, 16);
	memcpy(o, own, 16);
	return el_addr_fold(
	    el_addr_fold(r[0] ^ k->address[0], r[1] ^ k->address[1]) ^ k->address[2],
	    el_addr_fold(o[0] ^ k->address[2], o[1] ^ k->address[3]) ^ k->address[0]);
}

/* A probe type. All members are set. */
struct el_probe_ops {
	const char *name;      /* as configuration files have it */
	uint8_t protocol;      /* IPPROTO_..., over IPv4 */
	uint8_t protocol_v6;   /* over IPv6 */
	bool group_size;       /* takes the group's ip_payload_size where the target has none */
	uint16_t size_min;     /* of the IP payload: smaller ones are raised */
	uint16_t size_default; /* where none is configured */

	/* Writes the L4 header for s->family, and payload bytes that belong to the template, to the
	 * end of the template, which is zero so far; sets header_len to their length (even),
	 * payload_len to the rest of `size`, dst_port, cookie and flags. Checksums, ports and ids
	 * that change from probe to probe stay zero. */
	void (*build)(struct el_slice *s, const struct el_slice_spec *spec, uint32_t size);

	/* Writes a packet from its slice's template, with its id, ports and checksums. The slice is
	 * of this type. */
	void (*make)(const struct el_id_key *key, const struct el_probe_job *job);

	/* An answer of this type from its parsed frame, whose protocol is this type's: everything
	 * in *ret_answer but the time; `id` is the first that `ids` gives. *ret_answer is undefined
	 * where the verdict is not EL_VERDICT_ANSWER. */
	enum el_verdict (*recognise)(const struct el_id_key *key, const struct el_pkt *pkt,
				     struct el_answer *ret_answer);

	/* The same from an ICMP error's quote, which must be there and of this type's protocol. For
	 * EL_VERDICT_QUOTE_DAMAGED everything but `wire` is set, too. */
	enum el_verdict (*recognise_quote)(const struct el_id_key *key, const struct el_pkt *pkt,
					   struct el_answer *ret_answer);

	/* The ids (not permuted) that the answer may stand for, at most EL_PROBE_TCP_LENS_MAX + 1;
	 * how many. The position of the one that is taken goes to answer->candidate. lens: the
	 * distinct SYN payload lengths. */
	unsigned (*ids)(const struct el_id_key *key, const struct el_answer *answer,
			const uint16_t *lens, unsigned n_lens, uint32_t *ret_ids);

	/* Whether an answer with the id of a probe of `s`, sent from `src_port` (el_slice_port), is
	 * one to it. */
	enum el_match (*verify)(const struct el_answer *answer, const struct el_slice *s,
				uint16_t src_port);
};

/* The table of types, by enum el_probe_type. */
extern const struct el_probe_ops *const el_probe_ops[EL_PROBE_TYPES];

/* Recognises a parsed frame (EL_PKT_OK): by its protocol, an ICMP error by what it quotes. `key`:
 * that of the slices; only the hash of IPv6 addresses comes from it. */
enum el_verdict el_probe_recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				   struct el_answer *ret_answer);
