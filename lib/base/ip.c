/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int el_ip_parse(const char *text, struct el_ip *ret_ip)
{
	struct el_ip ip = {0};

	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = 6;
	else
		return -EINVAL;
	*ret_ip = ip;
	return 0;
}

int el_prefix_parse(const char *text, struct el_prefix *ret_prefix)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct el_prefix prefix = {0};
	unsigned max;

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (el_ip_parse(addr, &prefix.ip) < 0)
		return -EINVAL;
	max = prefix.ip.family == 4 ? 32 : 128;
	prefix.len = (uint8_t)max;
	if (slash) {
		char *end;
		unsigned long len;
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		errno = 0;
		len = strtoul(slash + 1, &end, 10);
		if (*end || errno || len > max)
			return -EINVAL;
		prefix.len = (uint8_t)len;
	}
	*ret_prefix = prefix;
	return 0;
}

char *el_ip_format(const struct el_ip *ip, char *buf)
{
	if (ip->family == 0 ||
	    !inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, buf, EL_IP_STRLEN))
		snprintf(buf, EL_IP_STRLEN, "-");
	return buf;
}

char *el_prefix_format(const struct el_prefix *prefix, char *buf)
{
	size_t n;

	el_ip_format(&prefix->ip, buf);
	n = strlen(buf);
	snprintf(buf + n, EL_IP_STRLEN - n, "/%u", prefix->len);
	return buf;
}

struct el_ip el_ip_from_v4(uint32_t addr_be)
{
	struct el_ip ip = {.family = 4};

	memcpy(ip.bytes, &addr_be, 4);
	return ip;
}

struct el_ip el_ip_from_bytes(const uint8_t *bytes, uint8_t family)
{
	struct el_ip ip = {.family = family};

	memcpy(ip.bytes, bytes, family == 4 ? 4 : 16);
	return ip;
}

uint32_t el_ip_v4(const struct el_ip *ip)
{
	uint32_t addr_be;

	memcpy(&addr_be, ip->bytes, 4);
	return addr_be;
}

bool el_ip_is_link_local(const struct el_ip *ip)
{
	return ip->family == 6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

bool el_ip_is_host(const struct el_ip *ip)
{
	static const uint8_t zero[10];
	const uint8_t *b = ip->bytes;

	if (ip->family == 4)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	/* ::, ::1, ::192.0.2.1 and ::ffff:192.0.2.1 */
	return ip->family == 6 && b[0] != 0xff &&
	       (memcmp(b, zero, sizeof(zero)) != 0 ||
		!((b[10] == 0 && b[11] == 0) || (b[10] == 0xff && b[11] == 0xff)));
}

bool el_ip_equal(const struct el_ip *a, const struct el_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool el_prefix_contains(const struct el_prefix *prefix, const struct el_ip *ip)
{
	unsigned full = prefix->len / 8, rest = prefix->len % 8;

	if (prefix->ip.family != ip->family || memcmp(prefix->ip.bytes, ip->bytes, full) != 0)
		return false;
	return rest == 0 || ((prefix->ip.bytes[full] ^ ip->bytes[full]) >> (8 - rest)) == 0;
}

bool el_prefixes_contain(const struct el_prefix *prefixes, size_t n, const struct el_ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		if (el_prefix_contains(&prefixes[i], ip))
			return true;
	}
	return false;
}

struct el_prefix el_prefix_network(const struct el_prefix *prefix)
{
	struct el_prefix net = *prefix;

	for (unsigned bit = net.len; bit < (net.ip.family == 4 ? 32U : 128U); bit++)
		net.ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	return net;
}
