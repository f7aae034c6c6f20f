/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* STAMP's probes (RFC 8762, RFC 8972) and the replies to them, as a worker makes and reads them.
 *
 * A slice's template ends with the first 16 bytes of the packet, in which is what changes from
 * probe to probe but T1's place in an authenticated one. What is behind them and always the same
 * (zeros, TLVs, the header of Extra Padding) is the tail: of the slice's kind, not of the slice,
 * for nearly all have the same. Behind the tail come the random bytes of the mbuf, which are the
 * padding's. T1, and whatever is signed, is set just before the probe is sent. */
#include "el_probe.h"
#include "el_stamp.h"

#define EL_PROBE_STAMP_KINDS_MAX 256
#define EL_PROBE_STAMP_HEAD 16 /* bytes of the packet that are in the template */
#define EL_PROBE_STAMP_TAIL_MAX 192
/* What is written before a job's `end`, at most. */
#define EL_PROBE_STAMP_ROOM (EL_SLICE_TEMPLATE_BYTES + EL_PROBE_STAMP_TAIL_MAX)

/* What sessions have in common that ask alike. Never changes once it is made. */
struct el_probe_stamp_kind {
	/* ssid and error_estimate are 0: the one is the slice's, the other is known when a probe is
	 * sent */
	struct el_stamp_sender sender;
	uint16_t payload_len; /* random bytes behind the tail */
	uint8_t tail_len;     /* a multiple of 4 */
	/* unauthenticated, and asks for nothing: 1 + sender.format; else 0 */
	uint8_t plain;
	/* right-aligned, zeros before it */
	uint8_t tail[EL_PROBE_STAMP_TAIL_MAX];
};

/* A kind for this sender, whose `len` is that of the payload of UDP. -EMSGSIZE: longer than
 * EL_PROBE_PAYLOAD_BYTES with the header of UDP. */
int el_probe_stamp_kind_init(struct el_probe_stamp_kind *kind,
			     const struct el_stamp_sender *sender);

/* Makes the session of a slice that was built for this kind be the one with this SSID. Once. */
void el_probe_stamp_set_ssid(struct el_slice *s, const struct el_probe_stamp_kind *kind,
			     uint16_t ssid);

/* What the probes of a burst have in common, by which they are stamped: el_probe_stamp_time_of. */
struct el_probe_stamp_time {
	uint64_t t1; /* the bits of el_stamp_encode */
	uint16_t error_estimate;
	uint16_t sum; /* of both as they are on the wire */
};

static inline struct el_probe_stamp_time el_probe_stamp_time_of(uint64_t t1,
								uint16_t error_estimate)
{
	return (struct el_probe_stamp_time){
	    .t1 = t1,
	    .error_estimate = error_estimate,
	    .sum = el_sum_fold(el_sum_add(htobe16(error_estimate), htobe64(t1)))};
}

/* Stamps a probe that has been made of a slice of this kind (again, if it was stamped before):
 * T1, error estimate, HMACs, checksum. end: as it was made with. ssid: of the slice; sequence: as
 * in the packet; n_sent: for Direct Measurement. */
void el_probe_stamp_sign(const struct el_probe_stamp_kind *kind, uint8_t *end,
			 const struct el_probe_stamp_time *time, uint16_t ssid, uint32_t n_sent);

/* What is known of a probe once it is made (el_make_stamp). */
struct el_probe_stamp_made {
	uint16_t checksum;       /* as it is in memory; T1 and error estimate are zero */
	uint8_t tail_len, plain; /* of its kind */
};

/* As el_probe_stamp_sign, for plain kinds. Nothing is read of the probe, which has just been
 * written, nor of its kind. */
static inline void el_probe_stamp_set(uint8_t *end, const struct el_probe_stamp_made *made,
				      const struct el_probe_stamp_time *time)
{
	uint8_t *packet = end - made->tail_len - EL_PROBE_STAMP_HEAD, *checksum = packet - 2;
	uint64_t t1_be = htobe64(time->t1);
	uint16_t error_be = htobe16(time->error_estimate);
	uint16_t sum = (uint16_t)~el_sum_fold((uint64_t)(uint16_t)~made->checksum + time->sum);

	sum = sum ? sum : UINT16_MAX; /* zero would mean that there is none (RFC 768) */
	memcpy(packet + 4, &t1_be, 8);
	memcpy(packet + 12, &error_be, 2);
	memcpy(checksum, &sum, 2);
}

/* ---- replies ---- */

/* What is kept of a probe and the reply to it: raw, as it was on the wire but in host order. A
 * worker has neither time to convert it nor a use for it. */
struct el_stamp_note {
	uint64_t t1; /* as sent; of a reply: as it repeats it */
	/* once there was a reply */
	uint64_t t2, t3;
	uint32_t sequence; /* the reflector's own */
	uint16_t error_estimate;
	uint8_t ttl;  /* that the request arrived with */
	uint8_t dscp; /* likewise, and EL_STAMP_NOTE_DSCP; 0: not known */
};
_Static_assert(sizeof(struct el_stamp_note) == 32, "two of them are a cache line");

#define EL_STAMP_NOTE_DSCP 0x80
#define EL_STAMP_NOTE_DSCP_REFUSED 0x40 /* the DSCP that the reply was to have was not used */

/* What the TLVs of a reply say besides; of kinds that are plain there is none. */
struct el_stamp_told {
	uint32_t n_sent, n_received, n_replied; /* Direct Measurement; else 0 */
	uint8_t tlvs;                           /* enum el_stamp_tlvs */
	bool has_counts;
	uint8_t zero[18];
};
_Static_assert(sizeof(struct el_stamp_told) == 32, "as an answer that is forwarded");

/* Reads a note from a packet that is long enough; where the fields are depends on whether it is
 * authenticated. */
static inline void el_probe_stamp_read_fields(const uint8_t *packet, const uint8_t *timestamp,
					      const uint8_t *receive_timestamp,
					      const uint8_t *sender_timestamp,
					      const uint8_t *sender_ttl, struct el_stamp_note *ret)
{
	*ret = (struct el_stamp_note){.t1 = be64toh(el_load64(sender_timestamp)),
				      .t2 = be64toh(el_load64(receive_timestamp)),
				      .t3 = be64toh(el_load64(timestamp)),
				      .sequence = el_get32(packet),
				      .ttl = *sender_ttl};
}

/* A reply without authentication, whatever TLVs it has. */
static inline enum el_stamp_verdict el_probe_stamp_read_open(uint16_t ssid, bool ssid_needed,
							     const uint8_t *packet, size_t len,
							     struct el_stamp_note *ret_note)
{
	const struct el_stamp_reply_wire *wire = (const void *)packet;
	uint16_t replied;

	if (len < EL_STAMP_LEN)
		return EL_STAMP_SHORT;
	replied = el_get16(wire->ssid);
	if (ssid && replied != ssid && (replied || ssid_needed))
		return EL_STAMP_OTHER_SSID;
	el_probe_stamp_read_fields(packet, wire->timestamp, wire->receive_timestamp,
				   wire->sender_timestamp, &wire->sender_ttl, ret_note);
	ret_note->error_estimate = el_get16(wire->error_estimate);
	return EL_STAMP_ANSWER;
}

/* Reads the reply to a probe of a session of this kind. What is wrong with it; EL_STAMP_ANSWER:
 * nothing that can be seen without what was sent. *ret_told is set where the kind is not plain. */
enum el_stamp_verdict el_probe_stamp_read(const struct el_probe_stamp_kind *kind, uint16_t ssid,
					  const uint8_t *packet, size_t len,
					  struct el_stamp_note *ret_note,
					  struct el_stamp_told *ret_told);

/* What a note says, converted. */
struct el_stamp_times {
	int64_t t1_ns, t2_ns, t3_ns; /* CLOCK_REALTIME: ours, the reflector's, the reflector's */
	uint64_t error_ns;           /* of the reflector's; UINT64_MAX: not known */
	bool synchronised;           /* the reflector's clock, as it says */
};

/* The times of a note of an answered probe of this kind. near_ns: CLOCK_REALTIME, to 68 years.
 * tai_offset_s: by how much TAI was ahead of UTC when it was sent, for what is in PTP's format.
 * False: T2 or T3 is no time, and only the reflector's error and clock are set. */
bool el_probe_stamp_times(const struct el_probe_stamp_kind *kind, const struct el_stamp_note *note,
			  int64_t near_ns, int32_t tai_offset_s, struct el_stamp_times *ret);
