/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethernet.h"

#include <string.h>

bool ethernet_is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0;
}

size_t ethernet_parse(const uint8_t *frame, size_t len, el_vlan *ret_vlan, uint16_t *ret_type)
{
	size_t header = el_tags_read(frame, len, ret_vlan);

	if (header)
		*ret_type = el_get16(frame + header - 2);
	return header;
}

size_t ethernet_header(uint8_t *buf, const uint8_t to[6], const uint8_t from[6], el_vlan vlan,
		       uint16_t ethertype)
{
	const struct el_tags tags = el_tags_of(vlan);

	memcpy(buf, to, 6);
	memcpy(buf + 6, from, 6);
	memcpy(buf + 12, &tags.bytes, tags.len);
	el_put16(buf + 12 + tags.len, ethertype);
	return ETHERNET_LEN + (size_t)tags.len;
}
