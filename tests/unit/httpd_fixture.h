/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The server in a poll loop, as control has it, and clients on real sockets in the same thread. */
#include "hand_model.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "el_httpd.h"

#define DEADLINE_S 20
#define CLIENTS_MAX 24

static const int percentiles[] = {95, 50};

/* ---- what is served ---- */

struct fixture {
	struct hand_model *h;
	struct el_snapshot_store *store;
	unsigned open_pages;
	bool ready, refuse, stuck;
	struct el_httpd *httpd;
	struct el_expo_packed *packed[EL_EXPO_FORMATS]; /* the test's; NULL: none */
};

static inline void *source_open(void *ctx, struct el_expo_input *ret_input,
				struct el_expo_packed **ret_packed)
{
	struct fixture *f = ctx;
	struct el_snapshot *s = el_snapshot_store_take(f->store);

	if (f->refuse) {
		el_snapshot_put(s);
		return NULL;
	}
	ret_input->snapshot = s;
	ret_input->version = "1.2.3";
	ret_input->dpdk_version = "22.11";
	f->open_pages++;
	if (ret_packed && f->packed[ret_input->format])
		*ret_packed = el_expo_packed_get(f->packed[ret_input->format]);
	return s;
}

static inline void source_close(void *ctx, void *handle)
{
	struct fixture *f = ctx;

	assert_true(f->open_pages > 0);
	f->open_pages--;
	el_snapshot_put(handle);
}

static inline const char *source_not_ready(void *ctx)
{
	return ((struct fixture *)ctx)->ready ? NULL : "no port is up";
}

static inline const char *source_not_healthy(void *ctx)
{
	return ((struct fixture *)ctx)->stuck ? "a worker stands still" : NULL;
}

static inline void publish(struct fixture *f, uint64_t sent)
{
	struct el_snapshot *s = el_snapshot_next(NULL, &f->h->model, NULL);

	for (uint32_t i = 0; i < f->h->model.n_series; i++) {
		s->measured[i] = true;
		s->series[i].sent = sent;
	}
	el_snapshot_store_publish(f->store, s);
}

static inline void fixture_init(struct fixture *f, uint32_t n_targets,
				const struct el_httpd_config *config)
{
	struct el_httpd_config c = *config;
	struct el_error err = {""};

	*f = (struct fixture){.h = hand_model_create(n_targets, 1, percentiles, 2),
			      .store = el_snapshot_store_create()};
	publish(f, 1);
	if (c.address == NULL)
		c.address = "127.0.0.1";
	c.source = (struct el_httpd_source){source_open, source_close, source_not_ready,
					    source_not_healthy, f};
	if (el_httpd_create(&c, &f->httpd, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(el_httpd_port(f->httpd) > 0);
}

static inline void fixture_fini(struct fixture *f)
{
	el_httpd_destroy(f->httpd);
	assert_int_equal(f->open_pages, 0);
	el_snapshot_store_destroy(f->store);
	hand_model_destroy(f->h);
}

/* ---- clients ---- */

struct client {
	int fd;
	bool paused; /* does not read */
	bool closed; /* by the server */
	char *in;    /* what came, with a NUL */
	size_t len, cap;
};

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* receive_bytes: what the socket takes before it is read; 0: what is usual. */
static inline struct client client_connect_with(const struct fixture *f, const char *address,
						const char *request, int receive_bytes)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(el_httpd_port(f->httpd))};
	struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			   .in = calloc(1, 1)};

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(c.fd >= 0);
	if (receive_bytes > 0)
		assert_int_equal(
		    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)),
		    0);
	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(c.fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(c.fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(c.fd, request, strlen(request), MSG_NOSIGNAL),
			 (ssize_t)strlen(request));
	return c;
}

/* One that holds up the server soon if it does not read. */
static inline struct client client_connect_from(const struct fixture *f, const char *address,
						const char *request)
{
	return client_connect_with(f, address, request, 4096);
}

static inline struct client client_connect(const struct fixture *f, const char *request)
{
	return client_connect_from(f, "127.0.0.1", request);
}

static inline void client_close(struct client *c)
{
	close(c->fd);
	free(c->in);
}

static inline void client_read(struct client *c)
{
	static char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		c->closed = true;
		return;
	}
	if (c->len + (size_t)n >= c->cap) {
		c->cap = 2 * (c->len + (size_t)n) + 1;
		c->in = realloc(c->in, c->cap);
	}
	memcpy(c->in + c->len, buf, (size_t)n);
	c->len += (size_t)n;
	c->in[c->len] = '\0';
}

/* The loop as control has it, until `done` says so. */
static inline void loop(struct fixture *f, struct client *clients, size_t n,
			bool (*done)(struct fixture *, struct client *))
{
	time_t end = time(NULL) + DEADLINE_S;

	while (!done(f, clients)) {
		struct pollfd fds[1 + CLIENTS_MAX] = {
		    {.fd = el_httpd_fd(f->httpd), .events = POLLIN}};
		int timeout = el_httpd_timeout_ms(f->httpd);

		for (size_t i = 0; i < n; i++) {
			fds[1 + i].fd = clients[i].paused || clients[i].closed ? -1 : clients[i].fd;
			fds[1 + i].events = POLLIN;
		}
		if (time(NULL) > end)
			fail_msg("no end; got '%.2000s'", clients[0].in);
		assert_true(poll(fds, 1 + n, timeout < 0 || timeout > 1000 ? 1000 : timeout) >= 0);
		el_httpd_run(f->httpd);
		for (size_t i = 0; i < n; i++) {
			if (fds[1 + i].revents != 0)
				client_read(&clients[i]);
		}
	}
}

static inline bool first_is_closed(struct fixture *f, struct client *clients)
{
	(void)f;
	return clients[0].closed;
}

static inline bool page_is_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages > 0;
}

/* One request on a connection of its own; the whole answer, to be freed. */
static inline char *fetch(struct fixture *f, const char *request)
{
	struct client c = client_connect(f, request);
	char *answer;

	loop(f, &c, 1, first_is_closed);
	answer = strdup(c.in);
	client_close(&c);
	return answer;
}

#define REQUEST(method, path, headers)                                                             \
	method " " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" headers "\r\n"

static inline void assert_status(const char *answer, int status)
{
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(answer, line, strlen(line)) != 0)
		fail_msg("expected %d, got '%.500s'", status, answer);
}

static inline void assert_has(const char *answer, const char *text)
{
	if (strcasestr(answer, text) == NULL)
		fail_msg("no '%s' in '%.1000s'", text, answer);
}

static inline const char *body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

/* The body without its chunk headers, to be freed. */
static inline char *unchunk(const char *answer)
{
	const char *at = body_of(answer);
	char *text = calloc(1, strlen(at) + 1), *to = text;

	for (;;) {
		char *data;
		size_t n = strtoul(at, &data, 16);

		assert_true(data > at && data[0] == '\r' && data[1] == '\n');
		if (n == 0)
			return text;
		assert_true(strlen(data + 2) >= n + 2);
		memcpy(to, data + 2, n);
		to += n;
		at = data + 2 + n + 2;
	}
}

static inline char *expected_page(struct fixture *f)
{
	struct el_expo_cursor cursor = {0};
	size_t cap = 1 << 25;
	char *text = calloc(1, cap), *to = text;
	struct el_expo_input in = {0};
	void *handle = source_open(f, &in, NULL);
	size_t n;

	while ((n = el_expo_render(&in, &cursor, to, cap - (size_t)(to - text))) > 0)
		to += n;
	assert_true(cursor.done);
	source_close(f, handle);
	return text;
}
