/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A DNS server on 127.0.0.1, UDP and TCP on one port, polled by the test that owns it. It answers
 * from records that the test changes as it likes; what is in no record gets NXDOMAIN. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "el_base.h"
#include "unit.h"

#define DNS_PACKET_MAX 4096
#define DNS_HELD_MAX 1024

enum dns_behaviour { DNS_ANSWER, DNS_SERVFAIL, DNS_SILENT, DNS_TRUNCATED, DNS_GARBAGE };

struct dns_record {
	const char *name;  /* NULL: the list ends here */
	const char *ips;   /* separated by spaces, in this order; families mixed */
	const char *cname; /* or an alias for a name that has these addresses */
	enum dns_behaviour behaviour;
	unsigned queries; /* counted by the server */
};

struct dns_held {
	struct sockaddr_in from;
	size_t len;
	uint8_t packet[300];
};

struct dns_server {
	int udp, tcp, connection; /* -1: not open */
	char address[32];         /* 127.0.0.1:PORT */
	struct dns_record *records;
	unsigned queries, tcp_queries;
	char last[256]; /* the name asked for last */
	bool hold;      /* keep queries until dns_release */
	unsigned n_held, most_held;
	struct dns_held held[DNS_HELD_MAX];
};

static inline void dns_put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline size_t dns_put_name(uint8_t *p, const char *name)
{
	size_t len = 0;

	while (*name) {
		size_t n = strcspn(name, ".");

		p[len++] = (uint8_t)n;
		memcpy(p + len, name, n);
		len += n;
		name += n + (name[n] == '.');
	}
	p[len++] = 0;
	return len;
}

/* The name in a question, as text. Returns the length of the whole question, 0 for nonsense. */
static inline size_t dns_question(const uint8_t *q, size_t len, char *text, size_t cap)
{
	size_t at = 0, out = 0;

	while (at < len && q[at]) {
		size_t n = q[at++];

		if (n > 63 || at + n >= len || out + n + 2 > cap)
			return 0;
		memcpy(text + out, q + at, n);
		out += n;
		at += n;
		text[out++] = '.';
	}
	text[out ? out - 1 : 0] = '\0';
	return at + 5 <= len ? at + 5 : 0;
}

/* One resource record; its owner is a pointer to `owner`. */
static inline size_t dns_put_record(uint8_t *p, unsigned owner, unsigned type, const uint8_t *data,
				    size_t len)
{
	dns_put16(p, 0xc000 | owner);
	dns_put16(p + 2, type);
	dns_put16(p + 4, 1);
	memcpy(p + 6, (const uint8_t[]){0, 0, 0, 60}, 4);
	dns_put16(p + 10, (unsigned)len);
	memcpy(p + 12, data, len);
	return 12 + len;
}

/* The addresses of `r` that are of the asked type, after its alias. Returns the count of records.
 */
static inline unsigned dns_put_answers(const struct dns_record *r, unsigned type, uint8_t *packet,
				       size_t *len)
{
	unsigned count = 0, owner = 12;
	char ips[512], *save = NULL;

	if (r->cname) {
		uint8_t alias[256];
		size_t n = dns_put_name(alias, r->cname);

		owner = (unsigned)*len + 12;
		*len += dns_put_record(packet + *len, 12, 5, alias, n);
		count++;
	}
	snprintf(ips, sizeof(ips), "%s", r->ips ? r->ips : "");
	for (char *ip = strtok_r(ips, " ", &save); ip; ip = strtok_r(NULL, " ", &save)) {
		struct el_ip a;

		assert_int_equal(el_ip_parse(ip, &a), 0);
		if ((a.family == 4) != (type == 1))
			continue;
		*len += dns_put_record(packet + *len, owner, type, a.bytes, a.family == 4 ? 4 : 16);
		count++;
	}
	return count;
}

/* Makes the answer to a query. Its length; 0: none. */
static inline size_t dns_answer(struct dns_server *s, const uint8_t *query, size_t len, bool tcp,
				uint8_t *packet)
{
	struct dns_record *r = s->records;
	size_t question;
	unsigned flags = 0x8180, count = 0;

	assert_true(len > 12 && len <= 300);
	question = dns_question(query + 12, len - 12, s->last, sizeof(s->last));
	assert_true(question > 0);
	s->queries++;
	s->tcp_queries += tcp;
	while (r && r->name && strcasecmp(r->name, s->last) != 0)
		r++;
	memset(packet, 0, 12);
	memcpy(packet, query, 2);
	dns_put16(packet + 4, 1);
	memcpy(packet + 12, query + 12, question);
	len = 12 + question;
	if (!r || !r->name) {
		flags |= 3;
	} else {
		r->queries++;
		if (r->behaviour == DNS_SILENT)
			return 0;
		if (r->behaviour == DNS_SERVFAIL)
			flags |= 2;
		else if (r->behaviour == DNS_TRUNCATED && !tcp)
			flags |= 0x200;
		else
			count = dns_put_answers(r, query[12 + question - 3], packet, &len);
		if (r->behaviour == DNS_GARBAGE) /* the last record ends too early */
			len -= 2;
	}
	dns_put16(packet + 2, flags);
	dns_put16(packet + 6, count);
	return len;
}

static inline void dns_reply(struct dns_server *s, const struct dns_held *q)
{
	uint8_t packet[DNS_PACKET_MAX];
	size_t len = dns_answer(s, q->packet, q->len, false, packet);

	if (len)
		sendto(s->udp, packet, len, 0, (const struct sockaddr *)&q->from, sizeof(q->from));
}

/* Answers the `n` oldest of the queries that were held. */
static inline void dns_release(struct dns_server *s, unsigned n)
{
	n = n < s->n_held ? n : s->n_held;
	for (unsigned i = 0; i < n; i++)
		dns_reply(s, &s->held[i]);
	s->n_held -= n;
	memmove(s->held, s->held + n, s->n_held * sizeof(s->held[0]));
}

static inline void dns_serve_tcp(struct dns_server *s)
{
	uint8_t query[512], packet[DNS_PACKET_MAX + 2];
	ssize_t n;

	if (s->connection < 0)
		s->connection = accept4(s->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s->connection < 0)
		return;
	n = recv(s->connection, query, sizeof(query), 0);
	if (n > 2) {
		size_t len = dns_answer(s, query + 2, (size_t)n - 2, true, packet + 2);

		dns_put16(packet, (unsigned)len);
		assert_int_equal(send(s->connection, packet, len + 2, MSG_NOSIGNAL), len + 2);
	} else if (n == 0) {
		close(s->connection);
		s->connection = -1;
	}
}

/* Takes what there is; never waits. */
static inline void dns_serve(struct dns_server *s)
{
	for (;;) {
		struct dns_held q;
		socklen_t from_len = sizeof(q.from);
		ssize_t n = recvfrom(s->udp, q.packet, sizeof(q.packet), 0,
				     (struct sockaddr *)&q.from, &from_len);

		if (n < 0)
			break;
		q.len = (size_t)n;
		if (!s->hold) {
			dns_reply(s, &q);
			continue;
		}
		assert_true(s->n_held < DNS_HELD_MAX);
		s->held[s->n_held++] = q;
		if (s->n_held > s->most_held)
			s->most_held = s->n_held;
	}
	dns_serve_tcp(s);
}

static inline int dns_socket(int type, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, 8) == 0))
		return fd;
	close(fd);
	return -1;
}

static inline void dns_open(struct dns_server *s, struct dns_record *records)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	memset(s, 0, sizeof(*s));
	s->records = records;
	s->tcp = s->connection = -1;
	/* a port that is free for both */
	for (int i = 0; i < 100 && s->tcp < 0; i++) {
		if (i)
			close(s->udp);
		s->udp = dns_socket(SOCK_DGRAM, 0);
		assert_int_equal(getsockname(s->udp, (struct sockaddr *)&a, &len), 0);
		s->tcp = dns_socket(SOCK_STREAM, ntohs(a.sin_port));
	}
	assert_true(s->tcp >= 0);
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", ntohs(a.sin_port));
}

static inline void dns_close(struct dns_server *s)
{
	if (s->udp >= 0)
		close(s->udp);
	if (s->tcp >= 0)
		close(s->tcp);
	if (s->connection >= 0)
		close(s->connection);
	s->udp = s->tcp = s->connection = -1;
}
