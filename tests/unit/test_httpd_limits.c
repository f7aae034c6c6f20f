/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that hold on to what they get: how many, for how long, and who gives way. */
#include "httpd_fixture.h"

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

static bool no_page_is_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages == 0;
}

#define BEGINNERS 8

static bool all_pages_are_open(struct fixture *f, struct client *clients)
{
	(void)clients;
	return f->open_pages == BEGINNERS;
}

/* As many pages as may be, each of an address of its own, none of them read. */
static void begin_pages(struct fixture *f, struct client *slow)
{
	char address[32];

	for (int i = 0; i < BEGINNERS; i++) {
		snprintf(address, sizeof(address), "127.0.1.%d", i + 1);
		slow[i] = client_connect_from(f, address, REQUEST("GET", "/metrics", ""));
		slow[i].paused = true;
	}
	loop(f, slow, BEGINNERS, all_pages_are_open);
}

/* Who asks while all pages have only just begun has its own as soon as one of them may end. */
static void newcomers_wait_for_who_has_just_begun(void **state)
{
	struct el_httpd_config config = {0};
	struct client slow[BEGINNERS];
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 10000, &config);
	for (int round = 0; round < 3; round++) {
		uint64_t begin_ns;

		begin_pages(&f, slow);
		begin_ns = now_ns();
		answer = fetch(&f, REQUEST("GET", "/metrics", ""));
		assert_status(answer, 200);
		assert_has(answer + strlen(answer) - 5, "0\r\n\r\n");
		free(answer);
		print_message("a page in %.0f ms\n", (double)(now_ns() - begin_ns) / 1e6);
		for (int i = 0; i < BEGINNERS; i++)
			client_close(&slow[i]);
		loop(&f, NULL, 0, no_page_is_open);
	}
	fixture_fini(&f);
}

/* A page that ends makes room for one that waits. */
static void who_waits_follows_who_ends(void **state)
{
	struct el_httpd_config config = {0};
	struct client clients[BEGINNERS + 1];
	struct fixture f;

	(void)state;
	fixture_init(&f, 10000, &config);
	begin_pages(&f, clients + 1);
	clients[0] = client_connect(&f, REQUEST("GET", "/metrics", ""));
	clients[1].paused = false;
	loop(&f, clients, BEGINNERS + 1, first_is_closed);
	assert_status(clients[0].in, 200);
	for (int i = 0; i <= BEGINNERS; i++)
		client_close(&clients[i]);
	fixture_fini(&f);
}

/* Neither a client that goes away while it waits nor one that still waits at the end matters. */
static void who_waits_may_go(void **state)
{
	struct el_httpd_config config = {0};
	struct client slow[BEGINNERS], goes, stays;
	struct fixture f;
	char *answer;

	(void)state;
	fixture_init(&f, 10000, &config);
	begin_pages(&f, slow);
	goes = client_connect_from(&f, "127.0.2.1", REQUEST("GET", "/metrics", ""));
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	assert_status(answer, 200);
	free(answer);
	client_close(&goes);
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	free(answer);
	for (int i = 0; i < BEGINNERS; i++)
		client_close(&slow[i]);
	loop(&f, NULL, 0, no_page_is_open);
	begin_pages(&f, slow);
	stays = client_connect_from(&f, "127.0.2.2", REQUEST("GET", "/metrics", ""));
	answer = fetch(&f, REQUEST("GET", "/-/healthy", ""));
	free(answer);
	fixture_fini(&f);
	client_close(&stays);
	for (int i = 0; i < BEGINNERS; i++)
		client_close(&slow[i]);
}

/* ---- crowds ---- */

#define ADDRESSES_MAX 100

/* Slow readers, two of each address, that come again when they are shut down; and one that reads.
 */
struct crowd {
	struct client reader; /* first: what the loop passes is it */
	unsigned n_addresses;
	struct client slow[2 * ADDRESSES_MAX];
};

static void come(struct fixture *f, struct crowd *crowd, unsigned i)
{
	char address[32];

	snprintf(address, sizeof(address), "127.0.1.%u", i % crowd->n_addresses + 1);
	crowd->slow[i] = client_connect_from(f, address, REQUEST("GET", "/metrics", ""));
}

/* Whether the server ended it, of which nothing is read. */
static bool is_ended(const struct client *c)
{
	char byte;
	struct pollfd fd = {.fd = c->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) > 0 || (recv(c->fd, &byte, 1, MSG_PEEK) < 0 && errno != EAGAIN);
}

static bool reader_is_done(struct fixture *f, struct client *reader)
{
	struct crowd *crowd = (struct crowd *)(void *)reader;

	for (unsigned i = 0; i < 2 * crowd->n_addresses; i++) {
		if (is_ended(&crowd->slow[i])) {
			client_close(&crowd->slow[i]);
			come(f, crowd, i);
			/* or the server's queue is full, and connecting waits for this thread */
			el_httpd_run(f->httpd);
		}
	}
	return reader->closed;
}

/* On a machine that is so busy that a page takes this long, the reader is a slow one itself. */
#define SLOW_NS (1 * EL_NS_PER_S)

static bool is_whole(const struct client *reader)
{
	return reader->len >= 5 && memcmp(reader->in + reader->len - 5, "0\r\n\r\n", 5) == 0;
}

static void who_reads_is_served_in_a_crowd(void **state)
{
	static const unsigned numbers[] = {8, 40, ADDRESSES_MAX};
	struct el_httpd_config config = {0};
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct fixture f;

	(void)state;
	assert_non_null(crowd);
	fixture_init(&f, 10000, &config);
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
		crowd->n_addresses = numbers[k];
		for (unsigned i = 0; i < 2 * numbers[k]; i++) {
			come(&f, crowd, i);
			el_httpd_run(f.httpd);
		}
		for (int round = 0; round < 3; round++) {
			uint64_t begin_ns = now_ns(), took_ns;

			crowd->reader =
			    client_connect_with(&f, "127.0.0.1", REQUEST("GET", "/metrics", ""), 0);
			loop(&f, &crowd->reader, 1, reader_is_done);
			took_ns = now_ns() - begin_ns;
			print_message("%u addresses: %s page in %.0f ms\n", numbers[k],
				      is_whole(&crowd->reader) ? "a" : "not a whole",
				      (double)took_ns / 1e6);
			assert_status(crowd->reader.in, 200);
			assert_true(is_whole(&crowd->reader) || took_ns > SLOW_NS);
			client_close(&crowd->reader);
		}
		for (unsigned i = 0; i < 2 * numbers[k]; i++)
			client_close(&crowd->slow[i]);
	}
	fixture_fini(&f);
	free(crowd);
}

#define CROWD 12

static bool one_is_refused(struct fixture *f, struct client *clients)
{
	(void)f;
	for (int i = 0; i < CROWD; i++) {
		char start[12];

		if (recv(clients[i].fd, start, sizeof(start), MSG_PEEK) == 12 &&
		    memcmp(start, "HTTP/1.1 503", sizeof(start)) == 0)
			clients[i].paused = false;
		if (clients[i].closed)
			return true;
	}
	return false;
}

/* A few of many may begin, the others wait; after a time they are told that there is no place. */
static void who_waits_is_told(void **state)
{
	struct el_httpd_config config = {.max_pages = 2, .timeout_s = 1};
	struct client crowd[CROWD];
	struct fixture f;
	char *answer;
	int i = 0;

	(void)state;
	fixture_init(&f, 10000, &config);
	for (i = 0; i < CROWD; i++) {
		crowd[i] = client_connect(&f, REQUEST("GET", "/metrics", ""));
		crowd[i].paused = true;
	}
	loop(&f, crowd, CROWD, one_is_refused);
	for (i = 0; !crowd[i].closed; i++)
		;
	assert_status(crowd[i].in, 503);
	assert_has(crowd[i].in, "Retry-After: 1");
	assert_has(crowd[i].in, "too many readers at a time\n");
	assert_true(f.open_pages <= 2);
	/* clients that go away give their pages back */
	for (i = 0; i < CROWD; i++)
		client_close(&crowd[i]);
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

/* Two connections are the most. The newcomer is let in, and who has done nothing for longest gives
 * way. */
static void are_limited(const struct el_httpd_config *config, const char *const addresses[2])
{
	struct client clients[2];
	struct fixture f;
	char *answer;

	fixture_init(&f, 3, config);
	for (int i = 0; i < 2; i++)
		clients[i] = client_connect_from(&f, addresses[i], "GET / HTTP/1.1\r\n");
	answer = fetch(&f, REQUEST("GET", "/metrics", ""));
	assert_status(answer, 200);
	free(answer);
	loop(&f, clients, 2, first_is_closed);
	assert_false(clients[1].closed);
	for (int i = 0; i < 2; i++)
		client_close(&clients[i]);
	fixture_fini(&f);
}

static void connections_of_an_address_are_limited(void **state)
{
	struct el_httpd_config config = {.max_per_address = 2};

	(void)state;
	are_limited(&config, (const char *const[2]){"127.0.0.1", "127.0.0.1"});
}

static void connections_are_limited(void **state)
{
	struct el_httpd_config config = {.max_connections = 2};

	(void)state;
	are_limited(&config, (const char *const[2]){"127.0.1.1", "127.0.1.2"});
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slow_clients_block_nobody),
	    cmocka_unit_test(newcomers_wait_for_who_has_just_begun),
	    cmocka_unit_test(who_waits_follows_who_ends),
	    cmocka_unit_test(who_waits_may_go),
	    cmocka_unit_test(who_reads_is_served_in_a_crowd),
	    cmocka_unit_test(who_waits_is_told),
	    cmocka_unit_test(idle_clients_are_ended),
	    cmocka_unit_test(connections_of_an_address_are_limited),
	    cmocka_unit_test(connections_are_limited),
	    cmocka_unit_test(headers_have_a_deadline),
	    cmocka_unit_test(attackers_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
