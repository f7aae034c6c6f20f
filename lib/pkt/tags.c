/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_pkt.h"

#define TPID_SERVICE 0x88a8  /* IEEE 802.1ad */
#define TPID_CUSTOMER 0x8100 /* IEEE 802.1Q */
#define VID 0x0fff
#define ADDRESSES 12 /* bytes in front of the tags */

static void add(uint8_t *bytes, uint8_t *mask, uint16_t tpid, uint16_t vid)
{
	el_put16(bytes, tpid);
	el_put16(bytes + 2, vid);
	el_put16(mask, 0xffff);
	el_put16(mask + 2, VID);
}

struct el_tags el_tags_of(el_vlan vlan)
{
	uint8_t bytes[EL_TAGS_LEN_MAX] = {0}, mask[EL_TAGS_LEN_MAX] = {0};
	uint16_t service = vlan >> 16 & VID, customer = vlan & VID;
	struct el_tags tags = {.len = 0};

	if (service) {
		add(bytes, mask, TPID_SERVICE, service);
		tags.len += EL_TAG_LEN;
	}
	if (vlan) {
		add(bytes + tags.len, mask + tags.len, TPID_CUSTOMER, customer);
		tags.len += EL_TAG_LEN;
	}
	memcpy(&tags.bytes, bytes, sizeof(tags.bytes));
	memcpy(&tags.mask, mask, sizeof(tags.mask));
	return tags;
}

size_t el_tags_read(const uint8_t *frame, size_t len, el_vlan *ret_vlan)
{
	size_t at = ADDRESSES;
	uint16_t service = 0, customer;

	*ret_vlan = 0;
	if (len < at + 2)
		return 0;
	if (el_get16(frame + at) == TPID_SERVICE) {
		if (len < at + EL_TAG_LEN + 2)
			return 0;
		service = el_get16(frame + at + 2) & VID;
		if (!service || el_get16(frame + at + EL_TAG_LEN) != TPID_CUSTOMER)
			return ADDRESSES + 2;
		at += EL_TAG_LEN;
	}
	if (el_get16(frame + at) != TPID_CUSTOMER)
		return ADDRESSES + 2;
	if (len < at + EL_TAG_LEN + 2)
		return 0;
	customer = el_get16(frame + at + 2) & VID;
	if (service && !customer)
		return ADDRESSES + 2;
	*ret_vlan = (el_vlan)service << 16 | customer;
	return at + EL_TAG_LEN + 2;
}

bool el_pkt_is_on(const struct el_pkt *pkt, const struct el_tags *tags)
{
	if (!tags->len)
		return !pkt->vlan_tags || (pkt->vlan_tags == 1 && !(el_get16(pkt->l2 + 14) & VID));
	return pkt->vlan_tags * EL_TAG_LEN == tags->len &&
	       el_tags_begin(tags, pkt->l2, (uint32_t)(pkt->l4 - pkt->l2));
}
