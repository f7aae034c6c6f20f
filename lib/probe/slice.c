/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire.h"

void el_probe_write_ipv4(uint8_t *l3, uint8_t tos, bool dont_fragment, uint8_t protocol,
			 uint16_t total_len, uint32_t src_be, uint32_t dst_be)
{
	l3[0] = 4 << 4 | EL_IPV4_LEN / 4;
	l3[1] = tos;
	el_put16(l3 + 2, total_len);
	el_put16(l3 + 4, 0);
	el_put16(l3 + 6, dont_fragment ? IPV4_DF : 0);
	l3[8] = IPV4_TTL;
	l3[9] = protocol;
	el_put16(l3 + 10, 0);
	el_store32(l3 + 12, src_be);
	el_store32(l3 + 16, dst_be);
}

void el_probe_write_ipv6(uint8_t *l3, uint32_t word, uint8_t protocol, uint16_t payload_len,
			 const uint8_t *src, const uint8_t *dst)
{
	el_put32(l3, word);
	el_put16(l3 + 4, payload_len);
	l3[6] = protocol;
	l3[7] = IPV6_HOP_LIMIT;
	memcpy(l3 + 8, src, 16);
	memcpy(l3 + 24, dst, 16);
}

static uint32_t payload_size(const struct el_probe_ops *ops, const struct el_slice_spec *spec)
{
	int32_t size = spec->ip_payload_size;

	if (spec->type == EL_PROBE_STAMP)
		return EL_STAMP_TEMPLATE_LEN + (uint32_t)spec->stamp->tail_len +
		       spec->stamp->payload_len;
	if (size <= 0 && ops->group_size)
		size = spec->group_ip_payload_size;
	if (size <= 0)
		return ops->size_default;
	return size < ops->size_min ? ops->size_min : (uint32_t)size;
}

/* Version, traffic class and the slice's part of the flow label (RFC 6437): of the addresses, the
 * destination port and the type, by a keyed hash. */
static uint32_t flow_word(const struct el_slice_spec *spec)
{
	uint8_t hashed[35];

	memcpy(hashed, spec->destination.bytes, 16);
	memcpy(hashed + 16, spec->source.bytes, 16);
	el_put16(hashed + 32, spec->dst_port);
	hashed[34] = (uint8_t)spec->type;
	return 6U << 28 | (uint32_t)spec->dscp << 22 |
	       (uint32_t)(el_siphash(&spec->key->cookie, hashed, sizeof(hashed)) >> 44);
}

/* The IPv4 header in front of l4. */
static void build_ipv4(struct el_slice *s, const struct el_slice_spec *spec, uint8_t protocol,
		       uint32_t size, uint8_t *l3)
{
	uint32_t src_be = el_ip_v4(&spec->source), dst_be = el_ip_v4(&spec->destination);

	s->addr_key = el_addr_key_v4(dst_be, src_be);
	el_probe_write_ipv4(l3, (uint8_t)(spec->dscp << 2), spec->dont_fragment, protocol,
			    (uint16_t)(EL_IPV4_LEN + size), src_be, dst_be);
	s->l3_sum = el_sum_fold(el_sum(l3, EL_IPV4_LEN, 0));
	el_store16(l3 + 10, el_checksum(s->l3_sum));
}

static void build_ipv6(struct el_slice *s, const struct el_slice_spec *spec, uint8_t protocol,
		       uint32_t size, uint8_t *l3)
{
	s->addr_key = el_addr_key_v6(spec->key, spec->destination.bytes, spec->source.bytes);
	s->flow_word = flow_word(spec);
	el_probe_write_ipv6(l3, s->flow_word, protocol, (uint16_t)size, spec->source.bytes,
			    spec->destination.bytes);
}

int el_slice_build(struct el_slice *s, const struct el_slice_spec *spec)
{
	const struct el_probe_ops *ops = el_probe_ops[spec->type];
	uint8_t family = spec->destination.family;
	uint8_t protocol = family == 4 ? ops->protocol : ops->protocol_v6;
	uint8_t l3_len = family == 4 ? EL_IPV4_LEN : EL_IPV6_LEN;
	uint32_t size = payload_size(ops, spec);
	uint8_t *l3, *l4;
	uint64_t sum;

	if ((family != 4 && family != 6) || spec->source.family != family)
		return -EAFNOSUPPORT;
	if (size > EL_PROBE_PAYLOAD_BYTES)
		return -EMSGSIZE;
	s->type = (uint8_t)spec->type;
	s->family = family;
	s->flags = spec->dont_fragment && family == 4 ? EL_SLICE_DF : 0;
	s->cookie = 0;
	s->tail_len = 0;
	memset(s->template, 0, sizeof(s->template));
	ops->build(s, spec, size);

	l4 = s->template + sizeof(s->template) - s->header_len;
	l3 = l4 - l3_len;
	(family == 4 ? build_ipv4 : build_ipv6)(s, spec, protocol, size, l3);
	sum = el_sum(l4, s->header_len, el_sum(spec->payload, s->payload_len, 0));
	if (s->tail_len)
		sum = el_sum(spec->stamp->tail, sizeof(spec->stamp->tail), sum);
	if (protocol != IPPROTO_ICMP)
		sum = el_sum_add(sum, el_sum_pseudo(l3, protocol, (uint16_t)size));
	s->l4_sum = el_sum_fold(sum);
	s->header_len = (uint8_t)(s->header_len + l3_len + s->tail_len);
	return 0;
}
