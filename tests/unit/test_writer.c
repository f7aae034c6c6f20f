/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts on their way to a reader that is quick, slow or absent. */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "el_log.h"
#include "output.h"

#define PIPE_BYTES 4096

static void put(struct writer *w, const char *text)
{
	writer_put(w, strdup(text), strlen(text));
}

/* All that is in a pipe that nobody writes to any more. */
static void assert_read(int fd, const char *expected)
{
	char text[2 * PIPE_BYTES];
	ssize_t n = 0, got;

	while ((got = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += got;
	text[n] = '\0';
	assert_string_equal(text, expected);
}

/* Texts that come before the thread had a chance to run are no reason to leave one out. */
static void those_that_come_together_are_all_written(void **state)
{
	char number[] = "0", expected[WRITER_DEPTH_MAX + 1] = "";

	(void)state;
	for (int run = 0; run < 100; run++) {
		struct writer *w;
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		w = writer_create(fds[1], WRITER_DEPTH_MAX);
		assert_non_null(w);
		for (int i = 0; i < WRITER_DEPTH_MAX; i++) {
			expected[i] = number[0] = (char)('0' + i);
			put(w, number);
		}
		writer_destroy(w, -1);
		close(fds[1]);
		assert_read(fds[0], expected);
		close(fds[0]);
	}
}

/* The pipe is full: one is being written, `depth` wait, and those past them replace the last. */
static void nobody_reads(void **state)
{
	char full[PIPE_BYTES + 1];
	struct writer *w;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES) >= 0);
	memset(full, 'x', PIPE_BYTES);
	full[PIPE_BYTES] = '\0';
	assert_int_equal(write(fds[1], full, PIPE_BYTES), PIPE_BYTES);
	w = writer_create(fds[1], 2);
	assert_non_null(w);
	put(w, "beg");
	/* it is being written when a part of it has come */
	assert_int_equal(read(fds[0], full, PIPE_BYTES), PIPE_BYTES);
	assert_int_equal(read(fds[0], full, 3), 3);
	assert_memory_equal(full, "beg", 3);
	memset(full, 'x', PIPE_BYTES);
	assert_int_equal(write(fds[1], full, PIPE_BYTES), PIPE_BYTES);
	for (const char *c = "123456"; *c; c++)
		put(w, (const char[]){*c, '\0'});
	assert_int_equal(read(fds[0], full, PIPE_BYTES), PIPE_BYTES);
	writer_destroy(w, -1);
	close(fds[1]);
	n = read(fds[0], full, PIPE_BYTES);
	/* the thread may have begun the first of them, or not */
	assert_true(n == 2 || n == 3);
	assert_int_equal(full[0], '1');
	assert_int_equal(full[n - 1], '6');
	close(fds[0]);
}

/* What nobody takes in time is given up, and its end is waited for no longer. */
static void the_end_does_not_wait(void **state)
{
	char full[PIPE_BYTES];
	struct writer *w;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES) >= 0);
	memset(full, 'x', PIPE_BYTES);
	assert_int_equal(write(fds[1], full, PIPE_BYTES), PIPE_BYTES);
	w = writer_create(fds[1], 2);
	assert_non_null(w);
	put(w, "1");
	put(w, "2");
	el_log_set_fd(-1);
	writer_destroy(w, 10);
	el_log_set_fd(STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	writer_destroy(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(those_that_come_together_are_all_written),
	    cmocka_unit_test(nobody_reads),
	    cmocka_unit_test(the_end_does_not_wait),
	};
	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
