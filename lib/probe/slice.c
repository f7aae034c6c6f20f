/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire.h"

void el_probe_write_ipv4(uint8_t *l3, uint8_t tos, bool dont_fragment, uint8_t protocol,
			 uint16_t total_len, uint32_t src_be, uint32_t dst_be)
{
	l3[0] = 4 << 4 | IPV4_LEN / 4;
	l3[1] = tos;
	el_put16(l3 + 2, total_len);
	el_put16(l3 + 4, 0);
	el_put16(l3 + 6, dont_fragment ? IPV4_DF : 0);
	l3[8] = IPV4_TTL;
	l3[9] = protocol;
	el_put16(l3 + 10, 0);
	store32(l3 + 12, src_be);
	store32(l3 + 16, dst_be);
}

uint64_t el_probe_pseudo_sum(const uint8_t *l3, uint16_t l4_len)
{
	return el_sum(l3 + 12, 8, (uint64_t)htobe16(l3[9]) + htobe16(l4_len));
}

static uint32_t payload_size(const struct el_probe_ops *ops, const struct el_slice_spec *spec)
{
	int32_t size = spec->ip_payload_size;

	if (size <= 0 && ops->group_size)
		size = spec->group_ip_payload_size;
	if (size <= 0)
		return ops->size_default;
	return size < ops->size_min ? ops->size_min : (uint32_t)size;
}

int el_slice_build(struct el_slice *s, const struct el_slice_spec *spec)
{
	const struct el_probe_ops *ops = el_probe_ops[spec->type];
	uint32_t size = payload_size(ops, spec);
	uint32_t src_be = el_ip_v4(&spec->source), dst_be = el_ip_v4(&spec->destination);
	uint8_t *l3, *l4;
	uint64_t sum;

	if (spec->source.family != 4 || spec->destination.family != 4)
		return -EAFNOSUPPORT;
	if (size > EL_PROBE_PAYLOAD_BYTES)
		return -EMSGSIZE;
	s->type = (uint8_t)spec->type;
	s->family = 4;
	s->flags = spec->dont_fragment ? EL_SLICE_DF : 0;
	s->addr_key = el_addr_key_v4(dst_be, src_be);
	s->cookie = 0;
	memset(s->template, 0, sizeof(s->template));
	ops->build(s, spec, size);

	l4 = s->template + sizeof(s->template) - s->header_len;
	l3 = l4 - IPV4_LEN;
	el_probe_write_ipv4(l3, (uint8_t)(spec->dscp << 2), spec->dont_fragment, ops->protocol,
			    (uint16_t)(IPV4_LEN + size), src_be, dst_be);
	sum = el_sum(l4, s->header_len, el_sum(spec->payload, s->payload_len, 0));
	if (ops->protocol != IPPROTO_ICMP)
		sum += el_probe_pseudo_sum(l3, (uint16_t)size);
	s->l4_sum = el_sum_fold(sum);
	s->l3_sum = el_sum_fold(el_sum(l3, IPV4_LEN, 0));
	s->header_len = (uint8_t)(s->header_len + IPV4_LEN);
	return 0;
}
