/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The Simple Two-Way Active Measurement Protocol: a Session-Sender's requests, a
 * Session-Reflector's answers to them (RFC 8762), and their extensions, which are TLVs behind
 * either (RFC 8972). Packets are the payload of UDP. Plain memory in, plain memory out; times are
 * arguments. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "el_pkt.h"
#include "el_stamp_time.h"

#define EL_STAMP_PORT 862
#define EL_STAMP_LEN 44       /* of a packet without TLVs, unauthenticated */
#define EL_STAMP_AUTH_LEN 112 /* authenticated */
#define EL_STAMP_HMAC_LEN 16
#define EL_STAMP_TLV_LEN 4 /* of a TLV's flags, type and length */

/* Packets on the wire (RFC 8762 sections 4.2 and 4.3, with the session identifier, SSID, of RFC
 * 8972 section 3); all numbers in network order. What is called zero must be zero when it is sent
 * and is ignored by who receives it. */
struct el_stamp_request_wire {
	uint8_t sequence[4], timestamp[8], error_estimate[2], ssid[2], zero[28];
};

struct el_stamp_auth_request_wire {
	uint8_t sequence[4], zero1[12], timestamp[8], error_estimate[2], ssid[2], zero2[68];
	uint8_t hmac[EL_STAMP_HMAC_LEN];
};

struct el_stamp_reply_wire {
	uint8_t sequence[4];
	uint8_t timestamp[8]; /* T3: of sending it */
	uint8_t error_estimate[2], ssid[2];
	uint8_t receive_timestamp[8]; /* T2: of receiving the request */
	uint8_t sender_sequence[4], sender_timestamp[8], sender_error_estimate[2], zero1[2];
	uint8_t sender_ttl, zero2[3];
};

struct el_stamp_auth_reply_wire {
	uint8_t sequence[4], zero1[12];
	uint8_t timestamp[8], error_estimate[2], ssid[2], zero2[4];
	uint8_t receive_timestamp[8], zero3[8];
	uint8_t sender_sequence[4], zero4[12], sender_timestamp[8], sender_error_estimate[2],
	    zero5[6];
	uint8_t sender_ttl, zero6[15];
	uint8_t hmac[EL_STAMP_HMAC_LEN];
};

_Static_assert(sizeof(struct el_stamp_request_wire) == EL_STAMP_LEN, "RFC 8762 figure 2");
_Static_assert(sizeof(struct el_stamp_auth_request_wire) == EL_STAMP_AUTH_LEN, "RFC 8762 figure 4");
_Static_assert(sizeof(struct el_stamp_reply_wire) == EL_STAMP_LEN, "RFC 8762 figure 5");
_Static_assert(sizeof(struct el_stamp_auth_reply_wire) == EL_STAMP_AUTH_LEN, "RFC 8762 figure 6");
_Static_assert(offsetof(struct el_stamp_request_wire, ssid) == 14, "RFC 8972 figure 1");
_Static_assert(offsetof(struct el_stamp_reply_wire, ssid) == 14, "RFC 8972 figure 2");
_Static_assert(offsetof(struct el_stamp_auth_request_wire, ssid) == 26, "RFC 8972 figure 3");
_Static_assert(offsetof(struct el_stamp_auth_reply_wire, ssid) == 26, "RFC 8972 figure 4");
_Static_assert(offsetof(struct el_stamp_auth_reply_wire, hmac) == 96, "HMAC covers 96 bytes");

enum el_stamp_tlv_type {
	EL_STAMP_TLV_EXTRA_PADDING = 1,
	EL_STAMP_TLV_LOCATION = 2,
	EL_STAMP_TLV_TIMESTAMP_INFORMATION = 3,
	EL_STAMP_TLV_CLASS_OF_SERVICE = 4,
	EL_STAMP_TLV_DIRECT_MEASUREMENT = 5,
	EL_STAMP_TLV_FOLLOW_UP_TELEMETRY = 7,
	EL_STAMP_TLV_HMAC = 8,
	EL_STAMP_TLV_RETURN_PATH = 10, /* RFC 9503 */
};

/* Flags of a TLV (RFC 8972 section 4). */
#define EL_STAMP_TLV_U 0x80 /* not understood; who sends a request sets it */
#define EL_STAMP_TLV_M 0x40 /* malformed */
#define EL_STAMP_TLV_I 0x20 /* the HMAC over the TLVs was wrong */

/* ---- keys ---- */

/* A key of HMAC-SHA-256, prepared. Never changes: any threads may use one. */
struct el_stamp_key;

/* From `len` bytes, at least one. NULL and errno (EINVAL, ENOMEM). */
struct el_stamp_key *el_stamp_key_create(const uint8_t *bytes, size_t len);
#define EL_STAMP_KEY_MIN 8
#define EL_STAMP_KEY_MAX 512
/* The key in the file `path`: one line, which is the key as it stands there or, behind 0x, in
 * hexadecimal. The file has to be one that may be believed (el_trust.h) and that its owner alone
 * may read. 0, or a negative errno with a sentence. */
int el_stamp_key_read(const char *path, struct el_stamp_key **ret_key, struct el_error *err);
/* Takes NULL. Leaves no trace of it in memory. */
void el_stamp_key_destroy(struct el_stamp_key *key);

/* Keys by the files that they were read from. Counted; whoever makes it reads into it, after that
 * any threads may use it. */
struct el_stamp_keys;
#define EL_STAMP_KEYS_MAX 256

/* One reference, of none. NULL: no memory. */
struct el_stamp_keys *el_stamp_keys_create(void);
/* Has the key of a file among them, which is read unless it is there already. 0, or a negative
 * errno with a sentence, as el_stamp_key_read; -ENOSPC: it is one too many. */
int el_stamp_keys_read(struct el_stamp_keys *keys, const char *path, struct el_error *err);
/* NULL: it is not among them, or there are none (NULL). */
const struct el_stamp_key *el_stamp_keys_find(const struct el_stamp_keys *keys, const char *path);
struct el_stamp_keys *el_stamp_keys_get(struct el_stamp_keys *keys); /* NULL is fine */
/* NULL is fine; the last reference destroys all keys. */
void el_stamp_keys_put(struct el_stamp_keys *keys);

/* ---- the sender ---- */

/* TLVs that a request asks with: 1 << enum el_stamp_tlv_type. */
#define EL_STAMP_ASKS                                                                              \
	(1U << EL_STAMP_TLV_LOCATION | 1U << EL_STAMP_TLV_TIMESTAMP_INFORMATION |                  \
	 1U << EL_STAMP_TLV_CLASS_OF_SERVICE | 1U << EL_STAMP_TLV_DIRECT_MEASUREMENT |             \
	 1U << EL_STAMP_TLV_FOLLOW_UP_TELEMETRY)

/* What the requests of a session have in common. */
struct el_stamp_sender {
	/* NULL: nothing is signed. Else TLVs are, and with `authenticated` all of the packet. */
	const struct el_stamp_key *key;
	bool authenticated; /* needs `key` */
	bool ssid_needed;   /* a reply whose SSID is zero is none: its reflector knows no SSIDs */
	enum el_stamp_format format; /* of its own timestamps */
	int32_t tai_offset_s;        /* for EL_STAMP_PTP, the reflector's, too */
	uint16_t error_estimate;
	uint16_t ssid;
	uint32_t asks; /* of EL_STAMP_ASKS */
	uint8_t dscp;  /* Class of Service: the DSCP wanted of the reply */
	uint16_t len;  /* wanted, of the packet; a smaller one than there must be is raised */
};

/* The length that a request of this session has: len, or the next above it that there can be (Extra
 * Padding takes 4 bytes at least). At most UINT16_MAX. */
size_t el_stamp_request_len(const struct el_stamp_sender *s);

/* Writes such a request, of el_stamp_request_len bytes, complete but for what
 * el_stamp_request_stamp sets. padding: the bytes that Extra Padding is filled with, as many as the
 * packet has; NULL: zeros. Returns the length; 0 where it is more than `capacity`. */
size_t el_stamp_request_build(const struct el_stamp_sender *s, const uint8_t *padding,
			      uint8_t *packet, size_t capacity);

/* Sets what changes from request to request and signs it: sequence number, T1 (the bits of
 * el_stamp_encode) and, for Direct Measurement, how many packets were sent with this one. Without a
 * key these are the only bytes that change. len: as built. */
void el_stamp_request_stamp(const struct el_stamp_sender *s, uint8_t *packet, size_t len,
			    uint32_t sequence, uint64_t t1, uint32_t n_sent);

enum el_stamp_verdict {
	EL_STAMP_ANSWER,        /* it answers that request */
	EL_STAMP_SHORT,         /* too short to be one */
	EL_STAMP_WRONG_HMAC,    /* its HMAC is not that of the key */
	EL_STAMP_OTHER_SSID,    /* of another session, or without the SSID that is needed */
	EL_STAMP_OTHER_REQUEST, /* the sequence number or T1 that it repeats is not the request's */
	EL_STAMP_NO_TIME,       /* it answers that request; T2 or T3 is no time, both are not set */
	EL_STAMP_VERDICTS
};

/* The sequence number of the request that a packet says it answers, by which it is found. The
 * packet may be anything; false if it is too short to be a reply. */
static inline bool el_stamp_reply_request(const uint8_t *packet, size_t len, bool authenticated,
					  uint32_t *ret_sequence)
{
	if (len < (authenticated ? EL_STAMP_AUTH_LEN : EL_STAMP_LEN))
		return false;
	*ret_sequence = el_get32(
	    packet + (authenticated ? offsetof(struct el_stamp_auth_reply_wire, sender_sequence)
				    : offsetof(struct el_stamp_reply_wire, sender_sequence)));
	return true;
}

/* What became of the TLVs that a request asked with; the worst of it. */
enum el_stamp_tlvs {
	EL_STAMP_TLVS_ANSWERED,  /* all of them, or there were none */
	EL_STAMP_TLVS_MISSING,   /* one is not in the reply */
	EL_STAMP_TLVS_UNKNOWN,   /* the reflector does not understand one (U) */
	EL_STAMP_TLVS_MALFORMED, /* one is malformed (M), or was so on its way */
	EL_STAMP_TLVS_HMAC,      /* the HMAC over them was wrong, here or there (I) */
	EL_STAMP_TLVS
};

/* What a reply says. */
struct el_stamp_reply {
	int64_t t2_ns, t3_ns; /* CLOCK_REALTIME of the reflector */
	uint64_t error_ns;    /* of both; UINT64_MAX: not known */
	bool synchronised;    /* its clock, as it says */
	uint8_t sender_ttl;   /* the request's TTL or hop limit when it arrived */
	uint16_t ssid;        /* 0: the reflector does not know of SSIDs */
	uint32_t sequence;    /* the reflector's own, or the request's again */
	uint32_t answered;    /* TLVs that were answered: 1 << type; else the members below are 0 */
	enum el_stamp_tlvs tlvs;
	uint16_t source_port, destination_port;           /* Location: the request's on arrival */
	uint8_t sync_in, method_in, sync_out, method_out; /* Timestamp Information */
	uint8_t dscp, ecn;                      /* Class of Service: the request's on arrival */
	bool dscp_refused;                      /* the DSCP wanted of the reply was not used */
	uint32_t n_sent, n_received, n_replied; /* Direct Measurement */
	uint32_t follow_up_sequence;            /* Follow-Up Telemetry: an earlier reply's */
	uint64_t follow_up_bits;                /* when it was sent, in the reply's format */
	uint8_t follow_up_method;
};

/* Whether `packet` answers the request (sequence, t1) of this session, and what it says. From whom
 * it comes, by addresses and ports, is the caller's to check. near_ns: CLOCK_REALTIME now. Padding
 * and TLVs need not come back: there are reflectors that leave them out or send zeros. *ret_reply
 * is set for EL_STAMP_ANSWER and EL_STAMP_NO_TIME alone. */
enum el_stamp_verdict el_stamp_reply_parse(const struct el_stamp_sender *s, const uint8_t *packet,
					   size_t len, uint32_t sequence, uint64_t t1,
					   int64_t near_ns, struct el_stamp_reply *ret_reply);

/* ---- the reflector ---- */

/* Values of Timestamp Information (RFC 8972 sections 5.4 and 5.5). */
enum el_stamp_sync {
	EL_STAMP_SYNC_NTP = 1,
	EL_STAMP_SYNC_PTP = 2,
	EL_STAMP_SYNC_SSU = 3,
	EL_STAMP_SYNC_SATELLITE = 4,
	EL_STAMP_SYNC_LOCAL = 5,
};
enum el_stamp_method {
	EL_STAMP_METHOD_HARDWARE = 1,
	EL_STAMP_METHOD_SOFTWARE = 2,
	EL_STAMP_METHOD_CONTROL = 3,
};

struct el_stamp_reflector {
	const struct el_stamp_key *key; /* as a sender's */
	bool authenticated;
	/* Answers of EL_STAMP_LEN bytes to shorter requests, whose missing bytes are taken for
	 * zeros (RFC 8762 section 4.6), so that senders of TWAMP Light get one. Such an answer is
	 * longer than the request: only for senders whose addresses are known not to be forged.
	 * Unauthenticated only. */
	bool answer_short;
	bool tell_location; /* false: Location is answered with zeros */
	enum el_stamp_format format;
	int32_t tai_offset_s;
	uint16_t error_estimate;
	uint8_t sync;                  /* enum el_stamp_sync: of the clock */
	uint8_t method_in, method_out; /* enum el_stamp_method: of T2 and T3 */
	uint64_t dscp_allowed;         /* Class of Service: 1 << DSCP that a reply may have */
};

/* A session of a reflector that counts (RFC 8762 section 4: stateful); zero to begin with. One
 * thread. */
struct el_stamp_session {
	uint32_t n_received;     /* requests */
	uint32_t n_replied;      /* replies */
	uint32_t sequence;       /* the next reply's sequence number */
	uint32_t last_sequence;  /* of the reply sent last */
	uint64_t last_timestamp; /* its T3, as sent; 0: none yet */
};

/* What tells the sessions between two addresses apart: their SSID, else their ports (RFC 8972
 * section 3). Of a request's datagram, from its UDP header on, of which `len` bytes are there, 8 at
 * least. Below 2^50, never 0. */
static inline uint64_t el_stamp_session_which(const uint8_t *udp, size_t len, bool authenticated)
{
	size_t at = 8 + (authenticated ? offsetof(struct el_stamp_auth_request_wire, ssid)
				       : offsetof(struct el_stamp_request_wire, ssid));
	uint16_t ssid = len >= at + 2 ? el_get16(udp + at) : 0;

	return ssid ? UINT64_C(1) << 48 | ssid : UINT64_C(1) << 49 | el_get32(udp);
}

/* A request of the session has come that is not answered. It takes a sequence number as if it was:
 * so its sender, of whichever make, knows that it has come, and has lost one on the way back, where
 * replies are. Without a number it would look lost on the way there. */
static inline void el_stamp_session_refuse(struct el_stamp_session *s)
{
	s->n_received++;
	s->sequence++;
}

/* A reply that was made is not sent. */
static inline void el_stamp_session_give_up(struct el_stamp_session *s)
{
	s->n_replied--;
}

/* A request that came in. */
struct el_stamp_received {
	const uint8_t *packet; /* payload of UDP */
	size_t len;
	int64_t t2_ns; /* CLOCK_REALTIME of arrival */
	uint8_t ttl;   /* or hop limit */
	uint8_t tos;   /* or traffic class: DSCP << 2 | ECN */
	uint8_t family;
	uint16_t source_port, destination_port;
	const uint8_t *source, *destination; /* addresses of 4 or 16 bytes; for Location */
	const uint8_t *source_mac;           /* 6 bytes, or NULL: not known */
	bool verified; /* authenticated: el_stamp_verify has found its HMAC right */
};

/* Packets whose HMACs are made or looked at together, for that takes less time for each. */
#define EL_STAMP_AT_ONCE 8

/* Whether the HMACs of n requests, at most EL_STAMP_AT_ONCE, of at least EL_STAMP_AUTH_LEN bytes
 * each, are right. The reflector is authenticated. */
void el_stamp_verify(const struct el_stamp_reflector *r, const uint8_t *const *packets, size_t n,
		     bool *ret_right);

enum el_stamp_reflect {
	EL_STAMP_REFLECTED,
	EL_STAMP_REFLECT_SHORT, /* shorter than its answer would be */
	/* it is from the port of a reflector, its own or STAMP's: two would answer each other for
	 * ever */
	EL_STAMP_REFLECT_PORTS,
	EL_STAMP_REFLECT_WRONG_HMAC,
	EL_STAMP_REFLECT_UNWANTED, /* it asks for no reply (RFC 9503 section 4.1.1) */
	EL_STAMP_REFLECT_NO_ROOM,  /* `capacity` is too small */
	EL_STAMP_REFLECTS
};

struct el_stamp_reflected {
	size_t len;   /* of the reply */
	uint8_t dscp; /* for its IP header */
};

/* Writes the reply to a request, but for T3, which el_stamp_reflect_stamp sets, to `reply`: other
 * memory, or the request itself. session: NULL for a reflector that keeps none (RFC 8762 section 4:
 * stateless). A reply is as long as its request; see answer_short. For anything but
 * EL_STAMP_REFLECTED *ret is untouched, and there is nothing to be sent: reply's bytes are
 * undefined. A session counts a reply as sent: of one that isn't, el_stamp_session_give_up is to
 * be told. Whom to answer at all is the caller's to know. */
enum el_stamp_reflect el_stamp_reflect(const struct el_stamp_reflector *r,
				       const struct el_stamp_received *request,
				       struct el_stamp_session *session, uint8_t *reply,
				       size_t capacity, struct el_stamp_reflected *ret);

/* Sets T3 and, authenticated, signs. To be called once for each reply of el_stamp_reflect that is
 * sent, with the same session. */
void el_stamp_reflect_stamp(const struct el_stamp_reflector *r, struct el_stamp_session *session,
			    uint8_t *reply, int64_t t3_ns);
/* The same of n replies, at most EL_STAMP_AT_ONCE. */
void el_stamp_reflect_stamp_all(const struct el_stamp_reflector *r,
				struct el_stamp_session *const *sessions, uint8_t *const *replies,
				size_t n, int64_t t3_ns);
