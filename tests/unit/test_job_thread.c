/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs on their way to a thread and back. */
#include "unit.h"

#include <poll.h>
#include <semaphore.h>

#include "job_thread.h"

#define N_JOBS 5
#define LETS_GO_ON 3

struct number {
	struct job base;
	int n;
};

static sem_t begun, go_on;
static int n_dropped;

/* An odd number comes back; 0 waits until it may go on. */
static bool work(void *ctx, struct job *job)
{
	int n = ((struct number *)job)->n;

	if (n == 0) {
		sem_post(&begun);
		sem_wait(&go_on);
	}
	*(int *)ctx += n;
	return n % 2 == 1;
}

static void drop(struct job *job)
{
	n_dropped++;
	if (((struct number *)job)->n == LETS_GO_ON)
		sem_post(&go_on);
	free(job);
}

static void submit(struct job_thread *t, int n, uint32_t most)
{
	struct number *number = calloc(1, sizeof(*number));

	assert_non_null(number);
	number->n = n;
	job_thread_submit(t, &number->base, most);
}

static struct job_thread *begin(int *sum)
{
	struct job_thread *t = job_thread_create("sums", work, drop, sum);

	assert_non_null(t);
	n_dropped = *sum = 0;
	sem_init(&begun, 0, 0);
	sem_init(&go_on, 0, 0);
	submit(t, 0, 0);
	sem_wait(&begun);
	return t;
}

static void results_come_in_order(void **state)
{
	struct number *number;
	struct job_thread *t;
	struct pollfd fd;
	int sum;

	(void)state;
	t = begin(&sum);
	fd = (struct pollfd){.fd = job_thread_fd(t), .events = POLLIN};
	assert_null(job_thread_take(t));
	assert_int_equal(poll(&fd, 1, 0), 0);
	for (int n = 1; n <= N_JOBS; n++)
		submit(t, n, 0);
	sem_post(&go_on);
	for (int n = 1; n <= N_JOBS; n += 2) {
		assert_int_equal(poll(&fd, 1, 10000), 1);
		while ((number = (struct number *)job_thread_take(t)) == NULL)
			;
		assert_int_equal(number->n, n);
		free(number);
	}
	assert_true(job_thread_destroy(t, 0));
	assert_int_equal(sum, 15);
	assert_int_equal(n_dropped, 3);
	assert_true(job_thread_destroy(NULL, 0));
}

/* Past its limit a queue keeps the first ones and the last. */
static void the_latest_is_replaced(void **state)
{
	struct job_thread *t;
	int sum;

	(void)state;
	t = begin(&sum);
	for (int n = 0; n <= N_JOBS; n++)
		submit(t, 1 << (2 * n), 3);
	assert_int_equal(n_dropped, 3);
	sem_post(&go_on);
	assert_true(job_thread_destroy(t, -1));
	assert_int_equal(sum, 1 + 4 + 1024);
	assert_int_equal(n_dropped, 7);
}

/* The end waits for the job at hand and drops those behind it, the last of which lets it go on. */
static void the_end_begins_no_more(void **state)
{
	struct job_thread *t;
	int sum;

	(void)state;
	t = begin(&sum);
	submit(t, 1, 0);
	submit(t, LETS_GO_ON, 0);
	assert_false(job_thread_destroy(t, 0));
	assert_int_equal(sum, 0);
	assert_int_equal(n_dropped, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(results_come_in_order),
	    cmocka_unit_test(the_latest_is_replaced),
	    cmocka_unit_test(the_end_begins_no_more),
	};
	return cmocka_run_group_tests_name("job_thread", tests, NULL, NULL);
}
