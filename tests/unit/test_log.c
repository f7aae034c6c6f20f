/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "el_base.h"

#define STAMP_LEN (sizeof("time=\"2026-11-28T21:46:49.123Z\" ") - 1)

/* The text of a line behind its time, which has to be of the last minute, and not of the future. */
static const char *behind_time(const char *line)
{
	struct tm utc = {0};
	char text[64];
	struct timespec now;
	double s;
	int ms;

	assert_true(strlen(line) > STAMP_LEN);
	assert_int_equal(sscanf(line, "time=\"%d-%d-%dT%d:%d:%d.%3dZ\" ", &utc.tm_year, &utc.tm_mon,
				&utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms),
			 7);
	/* each number with all of its digits */
	snprintf(text, sizeof(text), "time=\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\" ", utc.tm_year,
		 utc.tm_mon, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
	assert_memory_equal(line, text, STAMP_LEN);
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	clock_gettime(CLOCK_REALTIME, &now);
	s = (double)(now.tv_sec - timegm(&utc)) + (double)now.tv_nsec / 1e9 - ms / 1e3;
	assert_true(s >= 0 && s < 60);
	return line + STAMP_LEN;
}

/* What waits in a pipe, as text. */
static void drain(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
}

static void open_pipe(int fds[2], int bytes)
{
	assert_int_equal(pipe(fds), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, bytes) > 0);
	el_log_set_fd(fds[1]);
}

static void close_pipe(int fds[2])
{
	el_log_set_fd(STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
}

static void lines_have_a_time_and_are_escaped(void **state)
{
	char line[256] = {0};
	int fds[2];

	(void)state;
	open_pipe(fds, 4096);
	el_log_set_level(EL_LOG_WARNING);
	el_log(EL_LOG_INFO, "test", "not written");
	el_log(EL_LOG_ERROR, "test", "a \"b\"\nc\\");
	drain(fds[0], line, sizeof(line));
	assert_string_equal(behind_time(line),
			    "module=\"test\" level=\"ERROR\" message=\"a \\\"b\\\"\\nc\\\\\"\n");
	close_pipe(fds);
}

/* The time is UTC, wherever the machine is. */
static void times_are_utc(void **state)
{
	char line[256] = {0};
	int fds[2];

	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-09:30", 1), 0);
	tzset();
	open_pipe(fds, 4096);
	el_log(EL_LOG_ERROR, "test", "a");
	drain(fds[0], line, sizeof(line));
	behind_time(line);
	close_pipe(fds);
	unsetenv("TZ");
	tzset();
}

/* Whatever is escaped where it is cut off: the line ends as all do. */
static void long_lines_end_well(void **state)
{
	char text[2048], line[4096];
	int fds[2];

	(void)state;
	open_pipe(fds, 65536);
	for (int first = 0; first < 8; first++) {
		size_t len, slashes = 0;

		memset(text, first < 4 ? '\x01' : '"', sizeof(text));
		memset(text, 'x', (size_t)first);
		text[sizeof(text) - 1] = '\0';
		el_log(EL_LOG_ERROR, "test", "%s", text);
		drain(fds[0], line, sizeof(line));
		len = strlen(line);
		assert_true(len > 1024 && len < 4096);
		assert_string_equal(line + len - 2, "\"\n");
		while (line[len - 3 - slashes] == '\\')
			slashes++;
		assert_int_equal(slashes % 2, 0);
	}
	close_pipe(fds);
}

/* A pipe that is full holds nobody up; the lines before are whole, and those left out are counted.
 */
static void lines_wait_for_no_reader(void **state)
{
	static char text[65536];
	char last[64];
	int fds[2], written = 0;

	(void)state;
	open_pipe(fds, 4096);
	for (int i = 0; i < 1000; i++)
		el_log(EL_LOG_ERROR, "test", "line %d", i);
	drain(fds[0], text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		snprintf(last, sizeof(last), "module=\"test\" level=\"ERROR\" message=\"line %d\"",
			 written++);
		assert_string_equal(behind_time(line), last);
	}
	assert_in_range(written, 1, 999);
	el_log(EL_LOG_ERROR, "test", "after");
	drain(fds[0], text, sizeof(text));
	behind_time(text);
	snprintf(last, sizeof(last), "\"%d messages are missing here\"\n", 1000 - written);
	assert_non_null(strstr(text, last));
	assert_string_equal(behind_time(strchr(text, '\n') + 1),
			    "module=\"test\" level=\"ERROR\" message=\"after\"\n");
	close_pipe(fds);
}

/* The count stands in the message of a line that is otherwise the same. */
static void repetitions_are_said_at_the_end(void **state)
{
	char text[1024];
	int fds[2];

	(void)state;
	open_pipe(fds, 4096);
	for (int i = 0; i < 5; i++)
		el_log(EL_LOG_ERROR, "test", "again");
	el_log_poll();
	drain(fds[0], text, sizeof(text));
	assert_string_equal(behind_time(text),
			    "module=\"test\" level=\"ERROR\" message=\"again\"\n");
	el_log_forget();
	drain(fds[0], text, sizeof(text));
	assert_string_equal(behind_time(text), "module=\"test\" level=\"ERROR\" "
					       "message=\"again (4 times more)\"\n");
	/* as for the first time */
	el_log(EL_LOG_ERROR, "test", "again");
	drain(fds[0], text, sizeof(text));
	assert_string_equal(behind_time(text),
			    "module=\"test\" level=\"ERROR\" message=\"again\"\n");
	close_pipe(fds);
}

#define THREADS 4
#define EACH 1000
#define MESSAGES 7

static void *log_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++)
		el_log(EL_LOG_ERROR, "test", "message %d", i % MESSAGES);
	return NULL;
}

/* Of several threads each message is written once, whole, and all others are counted. */
static void threads_share_the_counts(void **state)
{
	static char text[65536];
	pthread_t threads[THREADS];
	unsigned long total = 0, count;
	int fds[2], number, written = 0;

	(void)state;
	open_pipe(fds, sizeof(text));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_all, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	el_log_forget();
	drain(fds[0], text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		int n = sscanf(
		    behind_time(line),
		    "module=\"test\" level=\"ERROR\" message=\"message %d (%lu times more)\"",
		    &number, &count);

		assert_in_range(n, 1, 2);
		written += n == 1;
		total += n == 1 ? 1 : count;
	}
	assert_int_equal(written, MESSAGES);
	assert_int_equal(total, THREADS * EACH);
	close_pipe(fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_have_a_time_and_are_escaped),
	    cmocka_unit_test(times_are_utc),
	    cmocka_unit_test(long_lines_end_well),
	    cmocka_unit_test(lines_wait_for_no_reader),
	    cmocka_unit_test(repetitions_are_said_at_the_end),
	    cmocka_unit_test(threads_share_the_counts),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
