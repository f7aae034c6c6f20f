/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ra.h"

#include <netinet/in.h>
#include <string.h>

#include "el_pkt.h"
#include "ethernet.h"
#include "ndp.h"

#define NS_PER_S UINT64_C(1000000000)
#define HOUR_NS (3600 * NS_PER_S)

enum { IPV6 = 40, HEADER = 16, HOP_LIMIT = 255, SOLICIT_LEN = 8 };
enum { ROUTER_SOLICITATION = 133, ROUTER_ADVERTISEMENT = 134 };
enum { OPTION_PREFIX = 3, OPTION_MTU = 5, PREFIX_LEN = 32, MTU_LEN = 8 };
enum { ON_LINK = 0x80, AUTONOMOUS = 0x40 }; /* flags of a prefix */

#define MTU_LEAST 1280 /* RFC 8200 section 5 */
/* No link has a shorter prefix: one that a forged advertisement names is not to have all the world
 * looked for on the link. */
#define PREFIX_SHORTEST 32

/* RFC 4861 section 10 */
#define SOLICITATIONS 3
#define SOLICITATION_NS (4 * NS_PER_S)
/* Hosts that come up together wait for up to a second. */
#define SOLICITATION_DELAY_NS NS_PER_S

/* Routers send one in three seconds at most, and answer solicitations within half a second. */
#define READ_NS (NS_PER_S / 10)
#define READ_BURST 20

/* What is told of a link that all of this comes from. */
struct advertisement {
	struct el_ip source;
	uint32_t lifetime_s;
	enum el_ra_preference preference;
	const uint8_t *options;
	size_t options_len;
};

/* ---- as bytes ---- */

static uint16_t checksum(const uint8_t *l3, const uint8_t *message, size_t len)
{
	return (uint16_t)~el_sum_fold(
	    el_sum(message, len, el_sum_pseudo(l3, IPPROTO_ICMPV6, (uint16_t)len)));
}

/* Each option has a length, and together they end where the message does. */
static bool are_options_sound(const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t size = len < 2 ? 0 : (size_t)p[1] * 8;

		if (size == 0 || size > len)
			return false;
		p += size;
		len -= size;
	}
	return true;
}

/* RFC 4191 section 2.1 and 2.2: a reserved value is medium. */
static enum el_ra_preference preference_of(uint8_t flags)
{
	switch (flags >> 3 & 3) {
	case 1:
		return EL_RA_HIGH;
	case 3:
		return EL_RA_LOW;
	default:
		return EL_RA_MEDIUM;
	}
}

/* RFC 4861 section 6.1.2. *ret_is_one: it is one, though perhaps not a right one. */
static bool parse(const struct el_ra *ra, const uint8_t *frame, size_t len, bool *ret_is_one,
		  struct advertisement *ret)
{
	const uint8_t *l3, *message;
	el_vlan vlan;
	uint16_t type;
	size_t payload_len, l2_len = ethernet_parse(frame, len, &vlan, &type);

	*ret_is_one = false;
	if (l2_len == 0 || type != ETHERNET_IPV6 || vlan != ra->vlan)
		return false;
	l3 = frame + l2_len;
	len -= l2_len;
	/* with extension headers it would be no message that anybody sends */
	if (len < IPV6 + 1 || l3[0] >> 4 != 6 || l3[6] != IPPROTO_ICMPV6)
		return false;
	message = l3 + IPV6;
	if (message[0] != ROUTER_ADVERTISEMENT)
		return false;
	*ret_is_one = true;
	payload_len = el_get16(l3 + 4);
	if (payload_len > len - IPV6 || payload_len < HEADER || l3[7] != HOP_LIMIT ||
	    message[1] != 0 || checksum(l3, message, payload_len) != 0)
		return false;
	*ret = (struct advertisement){.source = el_ip_from_bytes(l3 + 8, 6),
				      .preference = preference_of(message[5]),
				      .lifetime_s = el_get16(message + 6),
				      .options = message + HEADER,
				      .options_len = payload_len - HEADER};
	return el_ip_is_link_local(&ret->source) && ethernet_is_station(frame + 6) &&
	       memcmp(frame + 6, ra->mac, 6) != 0 &&
	       are_options_sound(ret->options, ret->options_len);
}

/* ---- times ---- */

/* When a lifetime of seconds is over (RFC 4861 section 4.6.2: all ones is infinity). */
static uint64_t end_of(uint32_t lifetime_s, uint64_t now_ns)
{
	return lifetime_s == UINT32_MAX ? UINT64_MAX : now_ns + lifetime_s * NS_PER_S;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- routers ---- */

static uint32_t find_router(const struct el_ra *ra, const struct el_ip *ip)
{
	uint32_t i = 0;

	while (i < ra->n_routers && !el_ip_equal(&ra->routers[i].ip, ip))
		i++;
	return i;
}

static void remove_router(struct el_ra *ra, uint32_t i)
{
	ra->n_routers--;
	memmove(&ra->routers[i], &ra->routers[i + 1], (ra->n_routers - i) * sizeof(ra->routers[0]));
}

/* In front of those that are not preferred to it. */
static void insert_router(struct el_ra *ra, const struct el_ra_router *router)
{
	uint32_t i = 0;

	while (i < ra->n_routers && ra->routers[i].preference >= router->preference)
		i++;
	memmove(&ra->routers[i + 1], &ra->routers[i], (ra->n_routers - i) * sizeof(ra->routers[0]));
	ra->routers[i] = *router;
	ra->n_routers++;
}

static bool take_router(struct el_ra *ra, const struct advertisement *a, uint64_t now_ns)
{
	const struct el_ra_router router = {.ip = a->source,
					    .preference = a->preference,
					    .until_ns = now_ns + a->lifetime_s * NS_PER_S};
	uint32_t i = find_router(ra, &a->source);
	bool is_there = i < ra->n_routers;

	if (is_there && a->lifetime_s && ra->routers[i].preference == a->preference) {
		ra->routers[i].until_ns = router.until_ns;
		return false;
	}
	if (is_there)
		remove_router(ra, i);
	if (!a->lifetime_s)
		return is_there;
	if (ra->n_routers == EL_RA_ROUTERS_MAX) {
		ra->n_no_room++;
		return is_there;
	}
	insert_router(ra, &router);
	return true;
}

/* ---- prefixes ---- */

static struct el_ra_prefix *find_prefix(struct el_ra *ra, const struct el_prefix *prefix)
{
	for (uint32_t i = 0; i < ra->n_prefixes; i++) {
		if (ra->prefixes[i].prefix.len == prefix->len &&
		    el_ip_equal(&ra->prefixes[i].prefix.ip, &prefix->ip))
			return &ra->prefixes[i];
	}
	return NULL;
}

/* The address of a /64 with the interface identifier that the MAC address gives (RFC 4291 appendix
 * A). Nobody's privacy is in it, and operators know it beforehand; one that RFC 7217 makes would
 * need a secret to be kept. */
static struct el_ip make_address(const struct el_ra *ra, const struct el_prefix *prefix)
{
	struct el_ip ip = prefix->ip;

	memcpy(ip.bytes + 8, ra->mac, 3);
	ip.bytes[8] ^= 2;
	ip.bytes[11] = 0xff;
	ip.bytes[12] = 0xfe;
	memcpy(ip.bytes + 13, ra->mac + 3, 3);
	return ip;
}

/* Neither of groups, nor link-local, nor anything that no link has. */
static bool is_of_hosts(const struct el_ra *ra, const struct el_prefix *prefix)
{
	struct el_ip host = make_address(ra, prefix);

	return el_ip_is_host(prefix->len > 64 ? &prefix->ip : &host) &&
	       !el_ip_is_link_local(&prefix->ip);
}

/* RFC 4861 section 6.3.4 */
static bool set_on_link(struct el_ra_prefix *p, uint32_t valid_s, uint64_t now_ns)
{
	bool was = p->on_link_until_ns != 0;

	p->on_link_until_ns = valid_s ? end_of(valid_s, now_ns) : 0;
	return was != (p->on_link_until_ns != 0);
}

/* RFC 4862 section 5.5.3 e: who forges an advertisement must not have an address end at once. */
static bool set_address(const struct el_ra *ra, struct el_ra_prefix *p, uint32_t valid_s,
			uint32_t preferred_s, uint64_t now_ns)
{
	uint64_t valid_ns = end_of(valid_s, now_ns), two_hours_ns = now_ns + 2 * HOUR_NS;
	bool was_preferred = p->preferred_until_ns > now_ns, is_new = !p->address.family;

	if (is_new && !valid_s)
		return false;
	if (is_new)
		p->address = make_address(ra, &p->prefix);
	if (is_new || valid_ns > two_hours_ns || valid_ns > p->valid_until_ns)
		p->valid_until_ns = valid_ns;
	else if (p->valid_until_ns > two_hours_ns)
		p->valid_until_ns = two_hours_ns;
	p->preferred_until_ns = preferred_s ? end_of(preferred_s, now_ns) : 0;
	return is_new || was_preferred != (p->preferred_until_ns > now_ns);
}

/* A prefix of which nothing is known any more goes. */
static void tidy(struct el_ra *ra)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ra->n_prefixes; i++) {
		if (ra->prefixes[i].on_link_until_ns || ra->prefixes[i].address.family)
			ra->prefixes[n++] = ra->prefixes[i];
	}
	ra->n_prefixes = n;
}

/* RFC 4861 section 6.3.4, RFC 4862 section 5.5.3 */
static bool take_prefix(struct el_ra *ra, const uint8_t *option, uint64_t now_ns)
{
	uint32_t valid_s = el_get32(option + 4), preferred_s = el_get32(option + 8);
	struct el_prefix prefix = {.ip = el_ip_from_bytes(option + 16, 6), .len = option[2]};
	bool is_on_link = option[3] & ON_LINK;
	/* the identifier is 64 bits long (RFC 4291 section 2.5.1) */
	bool makes = option[3] & AUTONOMOUS && preferred_s <= valid_s && prefix.len == 64;
	struct el_ra_prefix *p;
	bool changed = false;

	if (prefix.len < PREFIX_SHORTEST || prefix.len > 128 || !(is_on_link || makes))
		return false;
	prefix = el_prefix_network(&prefix);
	if (!is_of_hosts(ra, &prefix))
		return false;
	p = find_prefix(ra, &prefix);
	if (!p && !valid_s)
		return false;
	if (!p && ra->n_prefixes == EL_RA_PREFIXES_MAX) {
		ra->n_no_room++;
		return false;
	}
	if (!p) {
		p = &ra->prefixes[ra->n_prefixes++];
		*p = (struct el_ra_prefix){.prefix = prefix};
	}
	if (is_on_link)
		changed |= set_on_link(p, valid_s, now_ns);
	if (makes)
		changed |= set_address(ra, p, valid_s, preferred_s, now_ns);
	tidy(ra);
	return changed;
}

/* ---- all of it ---- */

static bool take_mtu(struct el_ra *ra, const uint8_t *option)
{
	uint32_t mtu = el_get32(option + 4);

	if (mtu < MTU_LEAST || mtu > UINT16_MAX || mtu == ra->mtu)
		return false;
	ra->mtu = (uint16_t)mtu;
	return true;
}

static bool take_options(struct el_ra *ra, const struct advertisement *a, uint64_t now_ns)
{
	bool changed = false;

	for (size_t at = 0; at < a->options_len; at += (size_t)a->options[at + 1] * 8) {
		const uint8_t *option = a->options + at;
		size_t len = (size_t)option[1] * 8;

		if (option[0] == OPTION_PREFIX && len == PREFIX_LEN)
			changed |= take_prefix(ra, option, now_ns);
		else if (option[0] == OPTION_MTU && len == MTU_LEN)
			changed |= take_mtu(ra, option);
	}
	return changed;
}

static bool may_read(struct el_ra *ra, uint64_t now_ns)
{
	if (ra->full_ns < now_ns)
		ra->full_ns = now_ns;
	if (ra->full_ns - now_ns > (READ_BURST - 1) * READ_NS)
		return false;
	ra->full_ns += READ_NS;
	return true;
}

bool el_ra_input(struct el_ra *ra, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct advertisement a;
	bool is_one, changed;

	if (!parse(ra, frame, len, &is_one, &a)) {
		ra->n_malformed += is_one;
		return false;
	}
	if (!may_read(ra, now_ns)) {
		ra->n_limited++;
		return false;
	}
	ra->n_read++;
	if (a.lifetime_s && ra->solicitations < SOLICITATIONS)
		ra->solicitations = 0;
	changed = take_router(ra, &a, now_ns);
	return take_options(ra, &a, now_ns) || changed;
}

void el_ra_ask_again(struct el_ra *ra, uint64_t now_ns)
{
	static const struct el_siphash_key key = {4861, 1};
	uint64_t number = el_siphash(&key, ra->mac, sizeof(ra->mac));

	ra->solicitations = SOLICITATIONS;
	ra->solicit_ns = now_ns + number % SOLICITATION_DELAY_NS;
}

void el_ra_init(struct el_ra *ra, const uint8_t mac[6], el_vlan vlan, uint64_t now_ns)
{
	*ra = (struct el_ra){.vlan = vlan};
	memcpy(ra->mac, mac, sizeof(ra->mac));
	el_ra_ask_again(ra, now_ns);
}

bool el_ra_tick(struct el_ra *ra, uint64_t now_ns)
{
	bool changed = false;

	for (uint32_t i = ra->n_routers; i-- > 0;) {
		if (ra->routers[i].until_ns > now_ns)
			continue;
		remove_router(ra, i);
		changed = true;
	}
	for (uint32_t i = 0; i < ra->n_prefixes; i++) {
		struct el_ra_prefix *p = &ra->prefixes[i];

		if (p->on_link_until_ns && p->on_link_until_ns <= now_ns) {
			p->on_link_until_ns = 0;
			changed = true;
		}
		if (!p->address.family)
			continue;
		if (p->valid_until_ns <= now_ns) {
			p->address = (struct el_ip){0};
			p->preferred_until_ns = 0;
			changed = true;
		} else if (p->preferred_until_ns && p->preferred_until_ns <= now_ns) {
			p->preferred_until_ns = 0;
			changed = true;
		}
	}
	tidy(ra);
	return changed;
}

uint64_t el_ra_next_ns(const struct el_ra *ra)
{
	uint64_t next_ns = ra->solicitations ? ra->solicit_ns : UINT64_MAX;

	for (uint32_t i = 0; i < ra->n_routers; i++)
		next_ns = earlier(next_ns, ra->routers[i].until_ns);
	for (uint32_t i = 0; i < ra->n_prefixes; i++) {
		const struct el_ra_prefix *p = &ra->prefixes[i];

		if (p->on_link_until_ns)
			next_ns = earlier(next_ns, p->on_link_until_ns);
		if (p->address.family)
			next_ns = earlier(next_ns, p->valid_until_ns);
		if (p->address.family && p->preferred_until_ns)
			next_ns = earlier(next_ns, p->preferred_until_ns);
	}
	return next_ns;
}

/* ---- asking ---- */

size_t el_ra_solicit(const struct el_ra *ra, uint64_t now_ns, uint8_t ret_frame[EL_RA_FRAME_MAX])
{
	static const struct el_ip all_routers = {.family = 6, .bytes = {0xff, 2, [15] = 2}};
	uint8_t *l3, *message, to[6];
	uint16_t sum;

	if (!ra->solicitations || ra->solicit_ns > now_ns)
		return 0;
	memset(ret_frame, 0, EL_RA_FRAME_MAX);
	ndp_multicast_mac(&all_routers, to);
	l3 = ret_frame + ethernet_header(ret_frame, to, ra->mac, ra->vlan, ETHERNET_IPV6);
	l3[0] = 6 << 4;
	el_put16(l3 + 4, SOLICIT_LEN);
	l3[6] = IPPROTO_ICMPV6;
	l3[7] = HOP_LIMIT;
	memcpy(l3 + 24, all_routers.bytes, 16); /* from no address, for there may be none yet */
	message = l3 + IPV6;
	message[0] = ROUTER_SOLICITATION;
	sum = checksum(l3, message, SOLICIT_LEN);
	memcpy(message + 2, &sum, 2);
	return (size_t)(message + SOLICIT_LEN - ret_frame);
}

void el_ra_solicited(struct el_ra *ra, uint64_t now_ns)
{
	ra->solicitations--;
	ra->solicit_ns = now_ns + SOLICITATION_NS;
}

/* ---- what is made of it ---- */

size_t el_ra_addresses(const struct el_ra *ra, uint64_t now_ns, struct el_prefix *ret)
{
	size_t n = 0;

	for (int deprecated = 0; deprecated < 2; deprecated++) {
		for (uint32_t i = 0; i < ra->n_prefixes; i++) {
			const struct el_ra_prefix *p = &ra->prefixes[i];

			if (p->address.family && (p->preferred_until_ns <= now_ns) == deprecated)
				ret[n++] = (struct el_prefix){
				    .ip = p->address,
				    .len = p->on_link_until_ns ? p->prefix.len : 128};
		}
	}
	return n;
}
