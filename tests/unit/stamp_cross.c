/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads one order a line and prints what lib/stamp makes of it, for a peer that is written apart
 * from it (functional/stamp_peer.py): "request", "reflect" and "parse", with the words that the
 * functions of these names scan. Packets and keys are in hex, "-" for none; times are nanoseconds,
 * T1 the bits of one; a count is of the session's replies so far, -1: there is no session. */
#include <stdio.h>
#include <stdlib.h>

#include "el_stamp.h"

#define PACKET_MAX 4096

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = 0;
	unsigned byte;

	if (*hex == '-')
		return 0;
	for (; n < PACKET_MAX && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		bytes[n] = (uint8_t)byte;
	return n;
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static struct el_stamp_key *key_of(const char *hex)
{
	uint8_t bytes[PACKET_MAX];
	size_t len = from_hex(hex, bytes);

	return len ? el_stamp_key_create(bytes, len) : NULL;
}

static int request(const char *line)
{
	struct el_stamp_sender s = {0};
	uint8_t packet[PACKET_MAX];
	char hex[256];
	unsigned long long t1;
	unsigned auth, asks, len, ssid, estimate, sequence, sent;
	struct el_stamp_key *key;
	size_t n;

	if (sscanf(line, "request %255s %u %u %u %u %u %u %llu %u", hex, &auth, &asks, &len, &ssid,
		   &estimate, &sequence, &t1, &sent) != 9)
		return -1;
	s.key = key = key_of(hex);
	s.authenticated = auth;
	s.asks = asks;
	s.len = (uint16_t)len;
	s.ssid = (uint16_t)ssid;
	s.error_estimate = (uint16_t)estimate;
	n = el_stamp_request_build(&s, NULL, packet, sizeof(packet));
	el_stamp_request_stamp(&s, packet, n, sequence, t1, sent);
	print_hex(packet, n);
	el_stamp_key_destroy(key);
	return 0;
}

static int reflect(const char *line)
{
	static const uint8_t source[4] = {192, 0, 2, 1}, destination[4] = {192, 0, 2, 2};
	static char packet_hex[2 * PACKET_MAX + 1];
	uint8_t packet[PACKET_MAX], reply[PACKET_MAX];
	char hex[256];
	long long t2, t3, count;
	unsigned auth, ptp, ttl, tos;
	struct el_stamp_key *key;
	struct el_stamp_session session;
	struct el_stamp_reflected ret = {0};
	enum el_stamp_reflect verdict;

	if (sscanf(line, "reflect %255s %u %u %lld %u %u %lld %lld %8192s", hex, &auth, &ptp,
		   &count, &ttl, &tos, &t2, &t3, packet_hex) != 9)
		return -1;
	key = key_of(hex);
	session = (struct el_stamp_session){.n_received = (uint32_t)count,
					    .n_replied = (uint32_t)count,
					    .sequence = (uint32_t)count};
	const struct el_stamp_reflector r = {.key = key,
					     .authenticated = auth,
					     .tell_location = true,
					     .format = ptp ? EL_STAMP_PTP : EL_STAMP_NTP,
					     .tai_offset_s = EL_STAMP_TAI_OFFSET_S,
					     .error_estimate =
						 (uint16_t)(0x8000 | ptp << 14 | 0x0510),
					     .sync = EL_STAMP_SYNC_PTP,
					     .method_in = EL_STAMP_METHOD_HARDWARE,
					     .method_out = EL_STAMP_METHOD_SOFTWARE,
					     .dscp_allowed = 1};
	const struct el_stamp_received q = {.packet = packet,
					    .len = from_hex(packet_hex, packet),
					    .t2_ns = t2,
					    .ttl = (uint8_t)ttl,
					    .tos = (uint8_t)tos,
					    .family = 4,
					    .source_port = 4000,
					    .destination_port = EL_STAMP_PORT,
					    .source = source,
					    .destination = destination};

	verdict = el_stamp_reflect(&r, &q, count < 0 ? NULL : &session, reply, sizeof(reply), &ret);
	if (verdict == EL_STAMP_REFLECTED)
		el_stamp_reflect_stamp(&r, count < 0 ? NULL : &session, reply, t3);
	printf("%d ", verdict);
	print_hex(reply, ret.len);
	el_stamp_key_destroy(key);
	return 0;
}

static int parse(const char *line)
{
	static char packet_hex[2 * PACKET_MAX + 1];
	uint8_t packet[PACKET_MAX];
	char hex[256];
	unsigned long long t1;
	long long near_ns;
	unsigned auth, ssid, sequence;
	struct el_stamp_key *key;
	struct el_stamp_reply reply = {0};
	enum el_stamp_verdict verdict;

	if (sscanf(line, "parse %255s %u %u %u %llu %lld %8192s", hex, &auth, &ssid, &sequence, &t1,
		   &near_ns, packet_hex) != 7)
		return -1;
	key = key_of(hex);
	const struct el_stamp_sender s = {.key = key,
					  .authenticated = auth,
					  .asks = EL_STAMP_ASKS,
					  .tai_offset_s = EL_STAMP_TAI_OFFSET_S,
					  .ssid = (uint16_t)ssid};

	verdict = el_stamp_reply_parse(&s, packet, from_hex(packet_hex, packet), sequence, t1,
				       near_ns, &reply);
	printf("%d %lld %lld %llu %u %u %u\n", verdict, (long long)reply.t2_ns,
	       (long long)reply.t3_ns, (unsigned long long)reply.error_ns, reply.sequence,
	       reply.sender_ttl, reply.answered);
	el_stamp_key_destroy(key);
	return 0;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	int error = 0;

	while (error == 0 && getline(&line, &size, stdin) > 0) {
		if (strncmp(line, "request ", 8) == 0)
			error = request(line);
		else if (strncmp(line, "reflect ", 8) == 0)
			error = reflect(line);
		else
			error = parse(line);
		fflush(stdout);
	}
	if (error)
		fprintf(stderr, "not an order: %s", line);
	free(line);
	return error ? 1 : 0;
}
