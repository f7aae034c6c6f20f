/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Probes made from their slices' templates, one function a type. In line, so that a worker's loop
 * over many slices is one piece; others call el_probe_ops.make. `family` is the slice's: where it
 * is constant, nothing is left of the other one. Values named _be are in network order. */
#include <endian.h>
#include <string.h>

#include "el_probe.h"
#include "el_probe_stamp.h"

/* Lengths of headers. */
enum { EL_IPV4_LEN = 20, EL_IPV6_LEN = 40, EL_TCP_LEN = 20, EL_UDP_LEN = 8, EL_ICMP_LEN = 8 };

/* ICMPping's L4 bytes in a template: header, permuted id, its complement, cookie (8). */
#define EL_ECHO_ID_OFFSET 8 /* from the ICMP header */
#define EL_ECHO_LEN (EL_ECHO_ID_OFFSET + 16)

/* STAMP's: UDP header, and the packet as far as the template goes */
#define EL_STAMP_TEMPLATE_LEN (EL_UDP_LEN + EL_PROBE_STAMP_HEAD)

/* UDPunreachable's: header, and two bytes that tune the checksum with two random ones, or the id */
#define EL_UDP_TEMPLATE_LEN (EL_UDP_LEN + 4)

static inline void el_store16(uint8_t *p, uint16_t v_be)
{
	memcpy(p, &v_be, 2);
}

static inline void el_store32(uint8_t *p, uint32_t v_be)
{
	memcpy(p, &v_be, 4);
}

/* The checksum from a sum of at most 2^16 words of 16 bits: the halves added, whose carry out of
 * the lower half is the one that comes round. */
static inline uint16_t el_checksum(uint32_t sum)
{
	sum += sum << 16 | sum >> 16;
	return (uint16_t) ~(sum >> 16);
}

/* The two halves of a word, for a sum. */
static inline uint32_t el_halves(uint32_t v_be)
{
	return (v_be & 0xffff) + (v_be >> 16);
}

/* The template of a family's header and `l4_len` bytes into its place before `end`, in whole
 * vectors of 16 bytes. */
static inline void el_copy_template(uint8_t *end, const struct el_slice *s, uint8_t family,
				    size_t l4_len)
{
	size_t len = ((family == 4 ? EL_IPV4_LEN : EL_IPV6_LEN) + l4_len + 15) & ~(size_t)15;

	_Static_assert(EL_IPV6_LEN + EL_ECHO_LEN <= EL_SLICE_TEMPLATE_BYTES &&
			   EL_IPV6_LEN + EL_TCP_LEN <= EL_SLICE_TEMPLATE_BYTES &&
			   EL_IPV6_LEN + EL_STAMP_TEMPLATE_LEN <= EL_SLICE_TEMPLATE_BYTES,
		       "all templates fit");
	memcpy(end - len, s->template + EL_SLICE_TEMPLATE_BYTES - len, len);
}

/* The identification of the IPv4 header at l3, and its checksum. */
static inline void el_finish_ipv4(uint8_t *l3, const struct el_slice *s, uint16_t id_be)
{
	el_store16(l3 + 4, id_be);
	el_store16(l3 + 10, el_checksum(s->l3_sum + id_be));
}

/* Packets that may be fragmented need an identification (RFC 6864 section 4.1): the id's low half.
 * In others it is zero, for which the template has the checksum. */
static inline void el_finish_ipv4_fragmentable(uint8_t *l3, const struct el_slice *s, uint32_t wire)
{
	if (!(s->flags & EL_SLICE_DF))
		el_finish_ipv4(l3, s, htobe16((uint16_t)wire));
}

/* The first word of the IPv6 header at l3: all of the header that changes from probe to probe. The
 * flow label of a path is a function of its slice and its source port, as that of any host's TCP
 * connection: routers that spread flows by it (RFC 6438) take the ways of a path's ports, and those
 * that spread by ports are not confused. */
static inline void el_finish_ipv6(uint8_t *l3, const struct el_slice *s, uint16_t port)
{
	uint32_t flow_of_port = port * 0x9e3779b1U >> 12; /* 20 bits */

	el_store32(l3, htobe32(s->flow_word ^ flow_of_port));
}

static inline void el_make_icmpping(const struct el_id_key *key, const struct el_probe_job *job,
				    uint8_t family)
{
	const struct el_slice *s = job->slice;
	uint32_t wire = el_id_permute(key, job->id), wire_be = htobe32(wire);
	uint16_t sequence_be = htobe16(job->sequence);
	uint8_t *l4;

	el_copy_template(job->end, s, family, EL_ECHO_LEN);
	if (s->flags & EL_SLICE_ID_IN_HEADER) {
		l4 = job->end - EL_ICMP_LEN;
		el_store16(l4 + 2, el_checksum(s->l4_sum + el_halves(wire_be)));
		el_store32(l4 + 4, wire_be);
	} else {
		l4 = job->end - EL_ECHO_LEN;
		el_store16(l4 + 2, el_checksum(s->l4_sum + sequence_be));
		el_store16(l4 + 6, sequence_be);
		el_store32(l4 + EL_ECHO_ID_OFFSET, wire_be);
		el_store32(l4 + EL_ECHO_ID_OFFSET + 4, ~wire_be);
	}
	if (family == 4)
		el_finish_ipv4_fragmentable(l4 - EL_IPV4_LEN, s, wire);
}

static inline void el_make_tcpsyn(const struct el_id_key *key, const struct el_probe_job *job,
				  uint8_t family)
{
	const struct el_slice *s = job->slice;
	uint8_t *l4 = job->end - EL_TCP_LEN;
	uint32_t wire = el_id_permute(key, job->id), sequence_be = htobe32(wire);
	uint16_t port_be = htobe16(job->src_port);

	el_copy_template(job->end, s, family, EL_TCP_LEN);
	if (family == 4)
		el_finish_ipv4_fragmentable(l4 - EL_IPV4_LEN, s, wire);
	else
		el_finish_ipv6(l4 - EL_IPV6_LEN, s, job->src_port);
	el_store16(l4, port_be);
	el_store32(l4 + 4, sequence_be);
	el_store16(l4 + 16, el_checksum(s->l4_sum + port_be + el_halves(sequence_be)));
}

static inline void el_make_udpunreachable(const struct el_id_key *key,
					  const struct el_probe_job *job, uint8_t family)
{
	const struct el_slice *s = job->slice;
	uint8_t *l4 = job->end - EL_UDP_TEMPLATE_LEN;
	uint32_t wire = el_id_permute_nonzero(key, job->id), wire_be = htobe32(wire);
	uint16_t port_be = htobe16(job->src_port), sum;

	el_copy_template(job->end, s, family, EL_UDP_TEMPLATE_LEN);
	el_store16(l4, port_be);
	if (family == 4) {
		sum = htobe16((uint16_t)wire);
		el_finish_ipv4(l4 - EL_IPV4_LEN, s, htobe16((uint16_t)(wire >> 16)));
		el_store16(l4 + 6, sum);
		el_store16(l4 + EL_UDP_LEN, el_checksum(s->l4_sum + port_be + sum));
	} else {
		sum = el_checksum(s->l4_sum + port_be + el_halves(wire_be));
		el_finish_ipv6(l4 - EL_IPV6_LEN, s, job->src_port);
		el_store16(l4 + 6, sum ? sum : UINT16_MAX); /* RFC 8200 section 8.1 */
		el_store32(l4 + EL_UDP_LEN, wire_be);
	}
}

/* The tail is copied in steps of 32 bytes from its end; what that writes before it is the
 * template's place, which comes after. T1 and error estimate are zero until the probe is stamped,
 * by what is returned (el_probe_stamp_set, el_probe_stamp_sign). */
static inline struct el_probe_stamp_made
el_make_stamp(const struct el_id_key *key, const struct el_probe_job *job, uint8_t family)
{
	const struct el_probe_stamp_kind *kind = job->stamp;
	const struct el_slice *s = job->slice;
	uint8_t *end = job->end - kind->tail_len, *l4 = end - EL_STAMP_TEMPLATE_LEN;
	uint32_t wire = el_id_permute(key, job->id), wire_be = htobe32(wire);
	uint16_t port_be = htobe16(job->src_port), sum;

	for (size_t n = 0; n < kind->tail_len; n += 32)
		memcpy(job->end - n - 32, kind->tail + sizeof(kind->tail) - n - 32, 32);
	el_copy_template(end, s, family, EL_STAMP_TEMPLATE_LEN);
	if (kind->sender.authenticated)
		el_store16(l4 + EL_UDP_LEN + offsetof(struct el_stamp_auth_request_wire, ssid),
			   htobe16(s->cookie));
	el_store16(l4, port_be);
	el_store32(l4 + EL_UDP_LEN, wire_be);
	if (family == 4)
		el_finish_ipv4_fragmentable(l4 - EL_IPV4_LEN, s, wire);
	else
		el_finish_ipv6(l4 - EL_IPV6_LEN, s, job->src_port);
	sum = el_checksum(s->l4_sum + port_be + el_halves(wire_be));
	sum = sum ? sum : UINT16_MAX;
	el_store16(l4 + 6, sum);
	return (struct el_probe_stamp_made){
	    .checksum = sum, .tail_len = kind->tail_len, .plain = kind->plain};
}
