/* SPDX-License-Identifier: BSD-3-Clause */
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
};

static void *source_open(void *ctx, struct el_expo_input *ret_input)
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
	return s;
}

static void source_close(void *ctx, void *handle)
{
	struct fixture *f = ctx;

	assert_true(f->open_pages > 0);
	f->open_pages--;
	el_snapshot_put(handle);
}

static const char *source_not_ready(void *ctx)
{
	return ((struct fixture *)ctx)->ready ? NULL : "no port is up";
}

static const char *source_not_healthy(void *ctx)
{
	return ((struct fixture *)ctx)->stuck ? "a worker stands still" : NULL;
}

static void publish(struct fixture *f, uint64_t sent)
{
	struct el_snapshot *s = el_snapshot_next(NULL, &f->h->model, NULL);

	for (uint32_t i = 0; i < f->h->model.n_series; i++) {
		s->measured[i] = true;
		s->series[i].sent = sent;
	}
	el_snapshot_store_publish(f->store, s);
}

static void fixture_init(struct fixture *f, uint32_t n_targets,
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

static void fixture_fini(struct fixture *f)
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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct client client_connect_from(const struct fixture *f, const char *address,
					 const char *request)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(el_httpd_port(f->httpd))};
	struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			   .in = calloc(1, 1)};
	int small = 4096;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(c.fd >= 0);
	/* before connecting, so that a client that does not read holds up the server soon */
	assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(c.fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(c.fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(c.fd, request, strlen(request), MSG_NOSIGNAL),
			 (ssize_t)strlen(request));
	return c;
}

static struct client client_connect(const struct fixture *f, const char *request)
{
	return client_connect_from(f, "127.0.0.1", request);
}

static void client_close(struct client *c)
{
	close(c->fd);
	free(c->in);
}

static void client_read(struct client *c)
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
static void loop(struct fixture *f, struct client *clients, size_t n,
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

static bool first_is_closed(struct fixture *f, struct client *clients)
{
	(void)f;
	return clients[0].closed;
}

static bool page_is_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages > 0;
}

/* One request on a connection of its own; the whole answer, to be freed. */
static char *fetch(struct fixture *f, const char *request)
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

static void assert_status(const char *answer, int status)
{
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(answer, line, strlen(line)) != 0)
		fail_msg("expected %d, got '%.500s'", status, answer);
}

static void assert_has(const char *answer, const char *text)
{
	if (strcasestr(answer, text) == NULL)
		fail_msg("no '%s' in '%.1000s'", text, answer);
}

static const char *body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

/* The body without its chunk headers, to be freed. */
static char *unchunk(const char *answer)
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

static char *expected_page(struct fixture *f)
{
	struct el_expo_cursor cursor = {0};
	size_t cap = 1 << 25;
	char *text = calloc(1, cap), *to = text;
	struct el_expo_input in = {0};
	void *handle = source_open(f, &in);
	size_t n;

	while ((n = el_expo_render(&in, &cursor, to, cap - (size_t)(to - text))) > 0)
		to += n;
	assert_true(cursor.done);
	source_close(f, handle);
	return text;
}

/* ---- tests ---- */

static void pages_and_statuses(void **state)
{
	static const struct {
		const char *request;
		int status;
		const char *has;
	} cases[] = {
	    {REQUEST("GET", "/", ""), 200, "href=\"/metrics\""},
	    {REQUEST("GET", "/-/healthy", ""), 200, "healthy\n"},
	    {REQUEST("GET", "/-/ready", ""), 503, "Retry-After: 1"},
	    {REQUEST("GET", "/metrics?x=1", ""), 200,
	     "Content-Type: text/plain; version=0.0.4; charset=utf-8"},
	    {REQUEST("GET", "/metrics/", ""), 404, "not found"},
	    {REQUEST("GET", "/favicon.ico", ""), 404, "not found"},
	    {REQUEST("POST", "/nowhere", "Content-Length: 0\r\n"), 404, "not found"},
	    {REQUEST("DELETE", "/metrics", ""), 405, "Allow: GET, HEAD"},
	    {REQUEST("POST", "/-/healthy", "Content-Length: 4\r\n") "body", 405,
	     "Allow: GET, HEAD"},
	    {REQUEST("OPTIONS", "/", ""), 405, "Allow: GET, HEAD"},
	};
	struct el_httpd_config config = {0};
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 3, &config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer = fetch(&f, cases[i].request);
		assert_status(answer, cases[i].status);
		assert_has(answer, cases[i].has);
		free(answer);
	}
	answer = fetch(&f, REQUEST("GET", "/-/ready", ""));
	assert_status(answer, 503);
	assert_has(answer, "\r\n\r\nno port is up\n");
	free(answer);
	f.ready = true;
	answer = fetch(&f, REQUEST("GET", "/-/ready", ""));
	assert_status(answer, 200);
	assert_has(answer, "\r\n\r\nready\n");
	free(answer);
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 200);
	assert_has(answer, "\r\n\r\nhealthy\n");
	free(answer);
	f.stuck = true;
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 503);
	assert_has(answer, "\r\n\r\na worker stands still\n");
	free(answer);
	f.refuse = true;
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 503);
	free(answer);
	fixture_fini(&f);
}

static void metrics_are_the_page(void **state)
{
	struct el_httpd_config config = {0};
	char *answer, *page, *expected;
	struct fixture f;

	(void)state;
	fixture_init(&f, 5000, &config);
	expected = expected_page(&f);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	page = unchunk(answer);
	assert_true(strlen(page) > 1000000);
	assert_true(strcmp(page, expected) == 0);
	free(answer);
	free(page);

	answer = fetch(&f, "GET /metrics HTTP/1.0\r\n\r\n"); /* without chunks, ended by closing */
	assert_has(answer, " 200 ");
	assert_true(strcmp(body_of(answer), expected) == 0);
	free(answer);

	answer = fetch(&f, REQUEST("HEAD", "/metrics", ""));
	assert_status(answer, 200);
	assert_string_equal(body_of(answer), "");
	free(answer);
	answer = fetch(&f, REQUEST("HEAD", "/-/healthy", ""));
	assert_has(answer, "Content-Length: 8");
	assert_string_equal(body_of(answer), "");
	free(answer);
	free(expected);
	fixture_fini(&f);
}

#define AUTH(base64) REQUEST("GET", "/metrics", "Authorization: Basic " base64 "\r\n")

static void basic_authentication(void **state)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
	    {REQUEST("GET", "/metrics", ""), 401},
	    {AUTH("cHJvbTpzZWNyZXQ="), 200}, /* prom:secret */
	    {AUTH("cHJvbTpzZWNyZXg="), 401}, /* prom:secrex */
	    {AUTH("cHJvbTpzZWNyZQ=="), 401}, /* prom:secre */
	    {AUTH("cHJvbTpzZWNyZXQy"), 401}, /* prom:secret2 */
	    {AUTH("cHJvbTo="), 401},         /* prom: */
	    {AUTH("cHJvbQ=="), 401},         /* prom */
	    {AUTH("OnNlY3JldA=="), 401},     /* :secret */
	    {AUTH("eHJvbTpzZWNyZXQ="), 401}, /* xrom:secret */
	    {AUTH("c2VjcmV0OnByb20="), 401}, /* secret:prom */
	    {AUTH("!!!"), 401},
	    {REQUEST("GET", "/metrics", "Authorization: Bearer cHJvbTpzZWNyZXQ=\r\n"), 401},
	    {REQUEST("HEAD", "/metrics", ""), 401},
	    {REQUEST("GET", "/-/healthy", ""), 200},
	    {REQUEST("GET", "/", ""), 200},
	};
	struct el_httpd_config config = {.user = "prom", .password = "secret"};
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 3, &config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer = fetch(&f, cases[i].request);
		if (strstr(answer, "tcpsyn") != NULL && cases[i].status != 200)
			fail_msg("case %zu shows metrics", i);
		assert_status(answer, cases[i].status);
		if (cases[i].status == 401)
			assert_has(answer, "WWW-Authenticate: Basic realm=\"echolane\"");
		free(answer);
	}
	fixture_fini(&f);

	/* not asked for where neither is there; one without the other would leave the page open */
	config = (struct el_httpd_config){.user = "", .password = ""};
	fixture_init(&f, 3, &config);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	free(answer);
	fixture_fini(&f);
	for (int i = 0; i < 4; i++) {
		static const char *const given[][2] = {
		    {"prom", NULL}, {"prom", ""}, {NULL, "secret"}, {"", "secret"}};
		struct el_httpd *httpd = NULL;
		struct el_error err = {""};

		config = (struct el_httpd_config){
		    .address = "127.0.0.1", .user = given[i][0], .password = given[i][1]};
		assert_int_equal(el_httpd_create(&config, &httpd, &err), -EINVAL);
		assert_null(httpd);
		assert_has(err.text, "both needed, or neither");
	}
}

/* A client that does not read its page holds up nobody, and gets the page of when it asked. */
static void slow_clients_block_nobody(void **state)
{
	struct el_httpd_config config = {.max_pages = 2};
	struct client slow;
	char *answer, *page, *expected;
	struct fixture f;

	(void)state;
	fixture_init(&f, 10000, &config);
	expected = expected_page(&f);
	slow = client_connect(&f, REQUEST("GET", "/metrics", ""));
	slow.paused = true;
	loop(&f, &slow, 1, page_is_open);
	publish(&f, 2);
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 200);
	free(answer);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_has(answer, "state=\"None\"} 2\n");
	free(answer);
	assert_int_equal(f.open_pages, 1);
	slow.paused = false;
	loop(&f, &slow, 1, first_is_closed);
	page = unchunk(slow.in);
	assert_true(strcmp(page, expected) == 0);
	assert_int_equal(f.open_pages, 0);
	free(page);
	free(expected);
	client_close(&slow);
	fixture_fini(&f);
}

static bool two_pages_are_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages == 2;
}

static bool no_page_is_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages == 0;
}

static void pages_at_a_time_are_limited(void **state)
{
	struct el_httpd_config config = {.max_pages = 2};
	struct client slow[2];
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 10000, &config);
	for (int i = 0; i < 2; i++) {
		slow[i] = client_connect(&f, REQUEST("GET", "/metrics", ""));
		slow[i].paused = true;
	}
	loop(&f, slow, 2, two_pages_are_open);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 503);
	assert_has(answer, "Retry-After: 1");
	free(answer);
	/* clients that go away give their pages back */
	client_close(&slow[0]);
	client_close(&slow[1]);
	loop(&f, NULL, 0, no_page_is_open);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	free(answer);
	fixture_fini(&f);
}

/* A client that never asks for anything, and one that never reads, end after the time limit. */
static void idle_clients_are_ended(void **state)
{
	struct el_httpd_config config = {.timeout_s = 1};
	struct client idle, slow;
	struct fixture f;

	(void)state;
	fixture_init(&f, 10000, &config);
	idle = client_connect(&f, "GET /metr");
	loop(&f, &idle, 1, first_is_closed);
	client_close(&idle);
	slow = client_connect(&f, REQUEST("GET", "/metrics", ""));
	slow.paused = true;
	loop(&f, &slow, 1, page_is_open);
	loop(&f, &slow, 1, no_page_is_open);
	client_close(&slow);
	fixture_fini(&f);
}

/* The newcomer is let in, and who has done nothing for longest gives way. */
static void connections_of_an_address_are_limited(void **state)
{
	struct el_httpd_config config = {.max_per_address = 2};
	struct client clients[2];
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 3, &config);
	for (int i = 0; i < 2; i++)
		clients[i] = client_connect(&f, "GET / HTTP/1.1\r\n");
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	free(answer);
	loop(&f, clients, 2, first_is_closed);
	assert_false(clients[1].closed);
	for (int i = 0; i < 2; i++)
		client_close(&clients[i]);
	fixture_fini(&f);
}

/* A header that trickles in has no longer than one that does not come. */
static void headers_have_a_deadline(void **state)
{
	struct el_httpd_config config = {.timeout_s = 1};
	struct client c;
	struct fixture f;
	time_t end = time(NULL) + DEADLINE_S;

	(void)state;
	fixture_init(&f, 3, &config);
	c = client_connect(&f, "GET /metrics HTTP/1.1\r\nX: ");
	while (!c.closed && time(NULL) < end) {
		struct pollfd fd = {.fd = c.fd, .events = POLLIN};

		send(c.fd, "x", 1, MSG_NOSIGNAL);
		el_httpd_run(f.httpd);
		if (poll(&fd, 1, 20) > 0)
			client_read(&c);
	}
	assert_true(c.closed);
	assert_int_equal(c.len, 0);
	client_close(&c);
	fixture_fini(&f);
}

#define ATTACKERS 4
#define HELD 6 /* connections of each kind and attacker */

/* Requests that never end, pages that nobody reads, headers that trickle, from several addresses
 * that fill all there is: a client that asks and reads is served at once, again and again. */
static void attackers_give_way(void **state)
{
	static const char *const requests[] = {"", REQUEST("GET", "/metrics", ""),
					       "GET /metrics HTTP/1.1\r\nX: "};
	struct el_httpd_config config = {.max_connections = 32, .max_per_address = 8};
	struct client held[ATTACKERS][3 * HELD];
	struct fixture f;
	char *answer, address[32];

	(void)state;
	fixture_init(&f, 20000, &config);
	for (int a = 0; a < ATTACKERS; a++) {
		snprintf(address, sizeof(address), "127.0.1.%d", a + 1);
		for (int i = 0; i < 3 * HELD; i++) {
			held[a][i] = client_connect_from(&f, address, requests[i % 3]);
			for (int k = 0; k < 3; k++)
				el_httpd_run(f.httpd);
		}
	}
	for (int round = 0; round < 3; round++) {
		uint64_t begin_ns = now_ns();

		answer = fetch(&f, REQUEST("GET", "/metrics", ""));
		assert_status(answer, 200);
		assert_true(strlen(answer) > 4000000);
		assert_has(answer + strlen(answer) - 5, "0\r\n\r\n");
		free(answer);
		print_message("a page in %.0f ms\n", (double)(now_ns() - begin_ns) / 1e6);
		for (int a = 0; a < ATTACKERS; a++)
			for (int i = 2; i < 3 * HELD; i += 3)
				send(held[a][i].fd, "x", 1, MSG_NOSIGNAL);
	}
	assert_true(f.open_pages <= 8);
	for (int a = 0; a < ATTACKERS; a++)
		for (int i = 0; i < 3 * HELD; i++)
			client_close(&held[a][i]);
	fixture_fini(&f);
}

static bool first_has_two_answers(struct fixture *f, struct client *clients)
{
	const char *first = strstr(clients[0].in, "healthy\n");

	(void)f;
	return first != NULL && strstr(first + 1, "healthy\n") != NULL;
}

static void connections_are_kept(void **state)
{
	struct el_httpd_config config = {0};
	struct client c;
	struct fixture f;

	(void)state;
	fixture_init(&f, 3, &config);
	c = client_connect(&f, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
			       "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
	loop(&f, &c, 1, first_has_two_answers);
	assert_false(c.closed);
	client_close(&c);
	fixture_fini(&f);
}

static void rubbish_is_survived(void **state)
{
	struct el_httpd_config config = {0};
	char *huge = malloc(200001), *answer;
	struct fixture f;

	(void)state;
	fixture_init(&f, 3, &config);
	answer = fetch(&f, "\x16\x03\x01\r\n\r\n");
	free(answer);
	answer = fetch(&f, "GET\r\n\r\n");
	free(answer);
	memset(huge, 'a', 200000);
	memcpy(huge, "GET /", 5);
	huge[200000] = '\0';
	answer = fetch(&f, huge);
	assert_status(answer, 414);
	free(answer);
	free(huge);
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 200);
	free(answer);
	fixture_fini(&f);
}

static void faults_of_addresses_are_told(void **state)
{
	struct el_httpd_config config = {0}, second = {.address = "127.0.0.1"},
			       no_such = {.address = "192.0.2.1"};
	struct el_httpd_config no_address = {.address = "300.1.1.1"};
	struct el_error err = {""};
	struct el_httpd *httpd = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f, 3, &config);
	second.port = el_httpd_port(f.httpd);
	assert_int_equal(el_httpd_create(&second, &httpd, &err), -EADDRINUSE);
	assert_has(err.text, "can't serve metrics on address 127.0.0.1, port ");
	assert_has(err.text, "already in use");
	assert_int_equal(el_httpd_create(&no_such, &httpd, &err), -EADDRNOTAVAIL);
	assert_has(err.text, "192.0.2.1");
	assert_int_equal(el_httpd_create(&no_address, &httpd, &err), -EADDRNOTAVAIL);
	assert_has(err.text, "300.1.1.1");
	assert_null(httpd);
	fixture_fini(&f);
}

/* "::" takes clients of both families. */
static void both_families_are_served(void **state)
{
	struct el_httpd_config config = {.address = "::"};
	struct fixture f;
	char *answer;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	if (fd < 0)
		skip();
	close(fd);
	fixture_init(&f, 3, &config);
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 200);
	free(answer);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_and_statuses),
	    cmocka_unit_test(metrics_are_the_page),
	    cmocka_unit_test(basic_authentication),
	    cmocka_unit_test(slow_clients_block_nobody),
	    cmocka_unit_test(pages_at_a_time_are_limited),
	    cmocka_unit_test(idle_clients_are_ended),
	    cmocka_unit_test(connections_of_an_address_are_limited),
	    cmocka_unit_test(headers_have_a_deadline),
	    cmocka_unit_test(attackers_give_way),
	    cmocka_unit_test(connections_are_kept),
	    cmocka_unit_test(rubbish_is_survived),
	    cmocka_unit_test(faults_of_addresses_are_told),
	    cmocka_unit_test(both_families_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
