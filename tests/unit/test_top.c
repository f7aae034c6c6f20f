/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane top` against a prober of the test's own: a socket that answers from a script. And what
 * it makes of answers: lines of 80 columns, CSV, JSON. */
#include "unit.h"

#include <locale.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "top.h"
#include "top_screen.h"

/* ---- a prober ---- */

static char directory[] = "/tmp/el-top-XXXXXX";
static char socket_path[108];

static struct {
	pthread_t thread;
	int listen_fd;
	const char *greeting; /* NULL: none, the connection ends */
	/* answers in turn; NULL: the connection ends */
	const char *answers[8];
	char asked[8][160];
} prober;

static void *serve(void *unused)
{
	int fd = accept(prober.listen_fd, NULL, NULL);

	(void)unused;
	if (prober.greeting)
		send(fd, prober.greeting, strlen(prober.greeting), 0);
	for (int i = 0; prober.greeting && i < 8; i++) {
		ssize_t n = recv(fd, prober.asked[i], sizeof(prober.asked[i]) - 1, 0);

		if (n <= 0)
			break;
		prober.asked[i][n] = '\0';
		if (!prober.answers[i])
			break;
		send(fd, prober.answers[i], strlen(prober.answers[i]), 0);
	}
	close(fd);
	return NULL;
}

#define GREETING "{\"version\":\"DPDK 22.11\",\"pid\":4711,\"max_output_len\":16384}"

static void start(const char *greeting, const char *const *answers, size_t n)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	memset(&prober, 0, sizeof(prober));
	prober.greeting = greeting;
	for (size_t i = 0; i < n; i++)
		prober.answers[i] = answers[i];
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	unlink(socket_path);
	prober.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(prober.listen_fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(prober.listen_fd, 1), 0);
	assert_int_equal(pthread_create(&prober.thread, NULL, serve, NULL), 0);
}

static void end(struct inside *i)
{
	inside_close(i);
	pthread_join(prober.thread, NULL);
	close(prober.listen_fd);
	unlink(socket_path);
}

static struct inside connected(void)
{
	struct inside i = {.fd = -1};
	struct el_error err;

	if (inside_open(socket_path, &i, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(i.pid, 4711);
	return i;
}

/* ---- the client ---- */

static void nobody_is_there(void **unused)
{
	struct inside i = {.fd = -1};
	struct el_error err;
	char expected[400], dir[200];

	(void)unused;
	assert_int_equal(inside_open(socket_path, &i, &err), -ENOENT);
	snprintf(expected, sizeof(expected),
		 "no prober can be asked at %s: No such file or directory", socket_path);
	assert_string_equal(err.text, expected);
	/* a socket that a killed prober has left */
	start(GREETING, NULL, 0);
	shutdown(prober.listen_fd, SHUT_RDWR);
	pthread_join(prober.thread, NULL);
	close(prober.listen_fd);
	assert_int_equal(inside_open(socket_path, &i, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "nobody listens there"));
	unlink(socket_path);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	snprintf(dir, sizeof(dir), "%s/dpdk/echolane/dpdk_telemetry.v2 (No such file or directory)",
		 directory);
	if (inside_open(NULL, &i, &err) < 0) /* unless one is running on this machine */
		assert_non_null(strstr(err.text, dir));
	inside_close(&i);
}

static void who_is_no_prober(void **unused)
{
	static const char *const answers[] = {"[1,2", "{\"/other\":1}"};
	struct inside i = {.fd = -1};
	struct el_error err;
	int code = 0;

	(void)unused;
	start(NULL, NULL, 0);
	assert_int_equal(inside_open(socket_path, &i, &err), -EBUSY);
	end(&i);
	start("hello", NULL, 0);
	assert_int_equal(inside_open(socket_path, &i, &err), -EPROTO);
	end(&i);
	for (size_t k = 0; k < 2; k++) {
		start(GREETING, &answers[k], 1);
		i = connected();
		assert_null(inside_ask(&i, "/echolane/info", &code, &err));
		assert_int_equal(code, -EPROTO);
		assert_int_equal(i.fd, -1);
		end(&i);
	}
	start(GREETING, (const char *const[]){NULL}, 1);
	i = connected();
	assert_null(inside_ask(&i, "/echolane/info", &code, &err));
	assert_string_equal(err.text, "the prober is gone: it has ended");
	assert_null(inside_ask(&i, "/echolane/info", &code, &err));
	assert_int_equal(code, -ENOTCONN);
	end(&i);
}

static void answers_are_read(void **unused)
{
	static const char *const answers[] = {
	    "{\"/echolane/x\":{\"a\":\"\\\\xc3\\\\xa9\\\\x5cn\",\"b\":{\"c\":\"\\\\xff\"}}}",
	    "{\"/echolane/x\":{\"error\":\"expected Y\"}}",
	    "{\"/echolane/x\":null}",
	    "{\"/echolane/reload\":{\"result\":\"refused\",\"error\":\"line 3\"}}",
	};
	struct el_error err;
	struct inside i;
	json_t *answer;
	int code = 0;

	(void)unused;
	start(GREETING, answers, 4);
	i = connected();
	answer = inside_ask(&i, "/echolane/x,1,2", &code, &err);
	assert_string_equal(prober.asked[0], "/echolane/x,1,2");
	assert_string_equal(json_string_value(json_object_get(answer, "a")), "\xc3\xa9\\n");
	/* what is no text stays as it was sent */
	assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "b"), "c")),
			    "\\xff");
	json_decref(answer);
	assert_null(inside_ask(&i, "/echolane/x", &code, &err));
	assert_int_equal(code, -EINVAL);
	assert_string_equal(err.text, "/echolane/x: expected Y");
	assert_null(inside_ask(&i, "/echolane/x", &code, &err));
	assert_string_equal(err.text, "/echolane/x: the prober does not know this command");
	answer = inside_ask(&i, "/echolane/reload", &code, &err);
	assert_string_equal(json_string_value(json_object_get(answer, "error")), "line 3");
	json_decref(answer);
	end(&i);
}

#define STATE(order)                                                                               \
	"\"rows\":3,\"matching\":3,\"probed\":2,\"order\":" order ",\"round\":9,\"local_drops\":0"
#define PAGE(order, row) "{\"/echolane/top\":{" STATE(order) "," row "}}"

static void pages_are_joined(void **unused)
{
	static const char *const answers[] = {
	    PAGE("5", "\"0\":{\"target\":\"a\"},\"1\":{\"target\":\"b\"}"),
	    PAGE("6", "\"2\":{\"target\":\"b\"}"), /* of another order: all of it once more */
	    PAGE("6", "\"0\":{\"target\":\"c\"},\"1\":{\"target\":\"a\"}"),
	    PAGE("6", "\"2\":{\"target\":\"b\",\"rtt_p5_ns\":1,\"rtt_p99_ns\":2}"),
	};
	const struct top_query q = {.key = EL_RANK_RTT, .n = TOP_ALL, .filter = "x,y"};
	struct top_rows rows = {0};
	struct el_error err;
	struct inside i;

	(void)unused;
	start(GREETING, answers, 4);
	i = connected();
	assert_int_equal(top_read(&i, &q, &rows, &err), 0);
	assert_string_equal(prober.asked[0], "/echolane/top,rtt,4294967295,0,x,y");
	assert_string_equal(prober.asked[3], "/echolane/top,rtt,4294967295,2,x,y");
	assert_int_equal(json_array_size(rows.rows), 3);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(rows.rows, 0), "target")), "c");
	assert_int_equal(rows.low, 5);
	assert_int_equal(rows.high, 99);
	top_rows_fini(&rows);
	end(&i);
}

/* ---- lines ---- */

#define PROBED                                                                                     \
	"\"group\":\"g\",\"state\":\"probed\",\"local\":0,\"unknown\":1,\"abandoned\":2,"          \
	"\"uncertain\":0,"

static struct top_rows rows_of(const char *json)
{
	struct top_rows r = {.rows = json_loads(json, 0, NULL),
			     .state = json_loads("{" STATE("1") "}", 0, NULL)};

	assert_non_null(r.rows);
	top_find_percentiles(&r);
	return r;
}

static void assert_row(const struct top_rows *r, size_t row, int columns, const char *expected)
{
	char buf[1000];
	struct top_line l;

	top_line_init(&l, buf, sizeof(buf), columns);
	top_format_row(&l, r, row);
	assert_int_equal(l.used, columns);
	assert_string_equal(buf, expected);
}

static void rows_fit(void **unused)
{
	struct top_rows r =
	    rows_of("[{\"target\":\"a-name-that-is-longer\"," PROBED
		    "\"sent\":3,\"lost\":1,\"rtt_p50_ns\":1500,\"rtt_p95_ns\":2000000},"
		    "{\"target\":\"b\"," PROBED "\"sent\":1000000,\"lost\":1},"
		    "{\"target\":\"c\"," PROBED "\"sent\":1000000,\"lost\":999999},"
		    "{\"target\":\"d\"," PROBED "\"sent\":0,\"lost\":0},"
		    "{\"target\":\"e\",\"group\":\"a-long-group\",\"state\":\"no_route\"},"
		    "{\"target\":\"f\",\"group\":\"g\",\"state\":\"probed\"},"
		    "{\"target\":\"g\",\"group\":\"g\",\"state\":\"in_part\"},"
		    "{\"target\":\"\xc3\xa9\xe4\xb8\xad\\u001b[2J\\u0085\",\"group\":\"\","
		    "\"state\":\"no_group\"}]");
	char buf[500];
	struct top_line l;

	(void)unused;
	top_line_init(&l, buf, sizeof(buf), 80);
	top_format_heading(&l, &r);
	assert_string_equal(buf, "TARGET           GROUP       LOSS%   LOST/SENT LOCAL  UNKN UNCRT"
				 "     P50     P95");
	assert_row(&r, 0, 80,
		   "a-name-that-is-l g           33.33         1/3     0     3     0"
		   "  1.50us  2.00ms");
	/* a loss is not none, and not all */
	assert_row(&r, 1, 80,
		   "b                g           <0.01     1/1000k     0     3     0"
		   "       -       -");
	assert_row(&r, 2, 80,
		   "c                g          >99.99  999k/1000k     0     3     0"
		   "       -       -");
	assert_row(&r, 3, 80,
		   "d                g               -         0/0     0     3     0"
		   "       -       -");
	assert_row(&r, 4, 80,
		   "e                a-long-gr  not probed: no_route                "
		   "                ");
	assert_row(&r, 5, 80,
		   "f                g          no round yet                        "
		   "                ");
	assert_row(&r, 6, 80,
		   "g               *g          no round yet                        "
		   "                ");
	/* nothing that a terminal would obey; a wide character takes two columns */
	assert_row(&r, 7, 80,
		   "\xc3\xa9\xe4\xb8\xad?[2J?                    not probed: no_group"
		   "                                ");
	assert_row(&r, 0, 30, "a-name-that-is-l g           3");
	assert_row(&r, 0, 84,
		   "a-name-that-is-longe g           33.33         1/3     0     3     0"
		   "  1.50us  2.00ms");
	top_line_init(&l, buf, sizeof(buf), 80);
	top_format_summary(&l, "lab", 12, &r);
	assert_string_equal(buf,
			    "echolane lab (12)  round 9  3 series, 1 not probed  own drops 0    "
			    "             ");
	top_rows_fini(&r);
}

static void ports_and_workers(void **unused)
{
	static const char *const expected[] = {
	    "PORT           LINK       RX       TX  MISSED ERRORS  DROPS UNACCRX UNACCTX",
	    "wan0           DOWN    12345     123k       0      6      3       7       ?",
	    "WORKER       RX       TX  ANSWERS    DROPS UNMATCHED  GAP LAST   GAP MAX",
	    "0             1        2        3        4         5    1.00us    2.00ms",
	    "clock   tsc (steps), 2 steps, skew 1.00us, rate within 1.500 ppm",
	    "rounds  running, 5 completed, 6 skipped, 7 unsent probes in the last",
	    "reload  refused: line 3 is wrong",
	};
	json_t *inside = json_loads(
	    "{\"ports\":{\"0\":{\"name\":\"wan0\",\"up\":0,\"rx_packets\":12345,\"tx_packets\":"
	    "123456,"
	    "\"imissed\":0,\"ierrors\":1,\"oerrors\":2,\"rx_nombuf\":3,\"interface_drops\":1,"
	    "\"socket_drops\":2}},"
	    "\"conservation\":{\"0\":{\"rx_believed\":1,\"rx_unaccounted\":7,\"tx_believed\":0,"
	    "\"tx_unaccounted\":9}},"
	    "\"workers\":[{\"rx_packets\":1,\"tx_packets\":2,\"answers\":3,\"all_drops\":4,"
	    "\"all_unmatched\":5,\"poll_gap_last_ns\":1000,\"poll_gap_max_ns\":2000000}],"
	    "\"clock\":{\"source\":\"tsc\",\"reason\":\"steps\",\"steps\":2,\"skew_ns\":1000,"
	    "\"error_ppb\":1500},"
	    "\"rounds\":{\"state\":\"running\",\"completed\":5,\"skipped\":6,\"unsent\":7},"
	    "\"reload\":{\"result\":\"refused\",\"error\":\"line 3 is wrong\"}}",
	    0, NULL);
	const size_t n = sizeof(expected) / sizeof(expected[0]);
	char buf[500];
	struct top_line l;

	(void)unused;
	assert_non_null(inside);
	for (size_t i = 0; i < n; i++) {
		top_line_init(&l, buf, sizeof(buf), 80);
		assert_true(top_format_inside(&l, inside, i));
		assert_int_equal(l.used, 80);
		buf[strlen(expected[i]) + strspn(buf + strlen(expected[i]), " ")] = '\0';
		assert_memory_equal(buf, expected[i], strlen(expected[i]));
		assert_int_equal(strspn(buf + strlen(expected[i]), " "),
				 strlen(buf + strlen(expected[i])));
	}
	top_line_init(&l, buf, sizeof(buf), 80);
	assert_false(top_format_inside(&l, inside, n));
	json_decref(inside);
}

static void assert_printed(void (*print)(FILE *out, const struct top_rows *r),
			   const struct top_rows *r, const char *expected)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	print(out, r);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void csv(void **unused)
{
	struct top_rows r =
	    rows_of("[{\"target\":\"a,b\\\"c\",\"group\":\"g\",\"state\":\"no_route\"},"
		    "{\"target\":\"d\\u001b[2J\",\"rtt_p50_ns\":5,\"sent\":0}]");

	(void)unused;
	assert_printed(
	    top_print_csv, &r,
	    "target,group,type,address,state,sent,lost,late,local,unknown,abandoned,"
	    "uncertain,duplicates,rtt_min_ns,rtt_max_ns,sent_total,lost_total,local_total,"
	    "unknown_total,abandoned_total,uncertain_total,rtt_p50_ns\r\n"
	    "\"a,b\"\"c\",g,,,no_route,,,,,,,,,,,,,,,,,\r\n"
	    "d\\x1b[2J,,,,,0,,,,,,,,,,,,,,,,5\r\n");
	top_rows_fini(&r);
}

static void keys(void **unused)
{
	static const struct {
		const char *text;
		int keys[4];
		size_t left;
	} cases[] = {
	    {"", {KEY_NONE}, 0},
	    {"q/", {'q', '/', KEY_NONE}, 0},
	    {"\033[A\033OBx", {KEY_UP, KEY_DOWN, 'x', KEY_NONE}, 0},
	    {"\033[5~\033[6~", {KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_NONE}, 0},
	    {"\033[1;5C", {KEY_OTHER, KEY_NONE}, 0},
	    {"\033", {'\033', KEY_NONE}, 0},
	    {"a\033[1", {'a', KEY_NONE}, 3}, /* the rest is still to come */
	    {"\xc3\xa9", {0xc3, 0xa9, KEY_NONE}, 0},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];
		size_t len = strlen(cases[i].text);

		memcpy(text, cases[i].text, len);
		for (size_t k = 0; k == 0 || cases[i].keys[k - 1] != KEY_NONE; k++)
			assert_int_equal(screen_take_key(text, &len), cases[i].keys[k]);
		assert_int_equal(len, cases[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_is_there),
	    cmocka_unit_test(who_is_no_prober),
	    cmocka_unit_test(answers_are_read),
	    cmocka_unit_test(pages_are_joined),
	    cmocka_unit_test(rows_fit),
	    cmocka_unit_test(ports_and_workers),
	    cmocka_unit_test(csv),
	    cmocka_unit_test(keys),
	};
	int failed;

	if (!setlocale(LC_CTYPE, "C.UTF-8") || !mkdtemp(directory))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
