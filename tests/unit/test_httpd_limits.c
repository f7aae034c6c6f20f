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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slow_clients_block_nobody),
	    cmocka_unit_test(pages_at_a_time_are_limited),
	    cmocka_unit_test(idle_clients_are_ended),
	    cmocka_unit_test(connections_of_an_address_are_limited),
	    cmocka_unit_test(headers_have_a_deadline),
	    cmocka_unit_test(attackers_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
