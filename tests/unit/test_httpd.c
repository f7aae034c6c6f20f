/* SPDX-License-Identifier: BSD-3-Clause */
/* What is served, to whom, and where. */
#include "httpd_fixture.h"

#include "gunzip.h"

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

#define MESSAGES                                                                                   \
	"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "               \
	"encoding=delimited"

/* The body of a page that may have any bytes in it, to be freed; headers: those it has to have. */
static char *fetch_bytes(struct fixture *f, const char *request, const char *const *headers,
			 size_t *ret_n)
{
	struct client c = client_connect(f, request);
	const char *body;
	char *bytes;

	loop(f, &c, 1, first_is_closed);
	assert_has(c.in, " 200 ");
	assert_has(c.in, "\r\nVary: Accept, Accept-Encoding\r\n");
	for (; *headers; headers++)
		assert_has(c.in, *headers);
	body = body_of(c.in);
	*ret_n = c.len - (size_t)(body - c.in);
	bytes = malloc(*ret_n + 1);
	memcpy(bytes, body, *ret_n);
	client_close(&c);
	return bytes;
}

/* Format and encoding are those that the client takes, if they are there. */
static void formats_and_encodings(void **state)
{
	static const struct {
		const char *request;
		enum el_expo_format format;
		bool gzip;
	} cases[] = {
	    {"GET /metrics HTTP/1.0\r\n\r\n", EL_EXPO_TEXT, false},
	    {"GET /metrics HTTP/1.0\r\nAccept: " MESSAGES "\r\n\r\n", EL_EXPO_PROTOBUF, false},
	    {"GET /metrics HTTP/1.0\r\nAccept: text/plain;q=0.5\r\naccept: " MESSAGES
	     "\r\nACCEPT-ENCODING: br, gzip\r\n\r\n",
	     EL_EXPO_PROTOBUF, true},
	    {"GET /metrics HTTP/1.0\r\nAccept: \"\r\nAccept-Encoding: gzip\r\n\r\n", EL_EXPO_TEXT,
	     true},
	};
	static const char *const types[] = {"Content-Type: text/plain; version=0.0.4",
					    "Content-Type: " MESSAGES};
	struct el_httpd_config config = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, 2000, &config);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *request = cases[i / 2].request;
		enum el_expo_format format = cases[i / 2].format;
		bool is_packed = i % 2 == 1, gzip = is_packed && cases[i / 2].gzip;
		const char *const headers[] = {types[format],
					       gzip ? "Content-Encoding: gzip\r\n" : NULL, NULL};
		struct el_expo_input in = {.format = format};
		void *handle = source_open(&f, &in, NULL);
		size_t n, n_expected = 0, n_slice;
		char *bytes, *expected = malloc(1 << 24);
		struct el_expo_cursor cursor = {0};

		while ((n_slice = el_expo_render(&in, &cursor, expected + n_expected,
						 EL_EXPO_LINE_MAX)) > 0)
			n_expected += n_slice;
		if (is_packed)
			f.packed[format] = el_expo_pack(&in, SIZE_MAX);
		bytes = fetch_bytes(&f, request, headers, &n);
		if (gzip) {
			char *unpacked = gunzip(bytes, n, &n);

			free(bytes);
			bytes = unpacked;
		}
		assert_int_equal(n, n_expected);
		assert_memory_equal(bytes, expected, n);
		free(bytes);
		free(expected);
		source_close(&f, handle);
		el_expo_packed_put(f.packed[format]);
		f.packed[format] = NULL;
	}
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

static bool first_has_two_answers(struct fixture *f, struct client *clients)
{
	const char *first = strstr(clients[0].in, "HTTP/1.1 200 ");

	(void)f;
	return first != NULL && strstr(first + 1, "HTTP/1.1 200 ") != NULL;
}

#define KEPT(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void connections_are_kept(void **state)
{
	static const char *const requests[] = {KEPT("/-/healthy") KEPT("/-/healthy"),
					       KEPT("/metrics") KEPT("/metrics")};
	struct el_httpd_config config = {0};
	struct client c;
	struct fixture f;

	(void)state;
	fixture_init(&f, 3, &config);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		c = client_connect(&f, requests[i]);
		loop(&f, &c, 1, first_has_two_answers);
		assert_false(c.closed);
		client_close(&c);
	}
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
	    cmocka_unit_test(formats_and_encodings),
	    cmocka_unit_test(basic_authentication),
	    cmocka_unit_test(connections_are_kept),
	    cmocka_unit_test(rubbish_is_survived),
	    cmocka_unit_test(faults_of_addresses_are_told),
	    cmocka_unit_test(both_families_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
