/* SPDX-License-Identifier: BSD-3-Clause */
/* What a round gives for each of its samples, and what a session keeps. */
#include "delay_sim.h"

#define N 64

struct fixture {
	struct el_delay_session session;
	struct el_delay_sample samples[N];
	uint64_t queueing[2][N], variation[2][N], oneway[2][N], bound[N];
	uint8_t status[N];
	struct el_delay_round round;
};

static void value(struct fixture *f, size_t n)
{
	const struct el_delay_values values = {.queueing_ns = {f->queueing[0], f->queueing[1]},
					       .variation_ns = {f->variation[0], f->variation[1]},
					       .oneway_ns = {f->oneway[0], f->oneway[1]},
					       .bound_ns = f->bound,
					       .status = f->status};

	el_delay_round(&f->session, f->samples, n, &values, &f->round);
}

/* N samples of round k, one in 10 ms: 1 ms forward, 3 ms backward, no queueing, clocks 5 s apart.
 */
static void fill(struct fixture *f, int k)
{
	for (int i = 0; i < N; i++) {
		int64_t t1 = SIM_EPOCH + k * INT64_C(1000000000) + i * INT64_C(10000000);

		f->samples[i] = (struct el_delay_sample){.t1_ns = t1,
							 .t2_ns = t1 + 5000000000 + 1000000,
							 .rtt_ns = 4000000 + 7000,
							 .residence_ns = 7000,
							 .error_ns = EL_DELAY_NOT_SYNCHRONISED};
	}
}

static void queue(struct fixture *f, int i, int64_t forward, int64_t backward)
{
	f->samples[i].t2_ns += forward;
	f->samples[i].rtt_ns += forward + backward;
}

static void assert_none(const struct fixture *f, size_t i, enum el_delay_status status)
{
	assert_int_equal(f->status[i], status);
	for (int d = 0; d < 2; d++) {
		assert_true(f->queueing[d][i] == EL_DELAY_NONE);
		assert_true(f->variation[d][i] == EL_DELAY_NONE);
		assert_true(f->oneway[d][i] == EL_DELAY_NONE);
	}
	assert_true(f->bound[i] == EL_DELAY_NONE);
}

/* Queueing, variation from the sample before, one-way delay and its bound, to the nanosecond. */
static void values_are_those_of_each_sample(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	fill(&f, 0);
	queue(&f, 10, 500000, 0);
	queue(&f, 11, 200000, 70000);
	queue(&f, 40, 0, 900000);
	value(&f, N);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N);
	assert_true(f.variation[0][0] == EL_DELAY_NONE && f.variation[1][0] == EL_DELAY_NONE);
	for (int i = 0; i < N; i++) {
		uint64_t forward = i == 10 ? 500000 : i == 11 ? 200000 : 0;
		uint64_t backward = i == 11 ? 70000 : i == 40 ? 900000 : 0;
		assert_true(f.queueing[0][i] == forward && f.queueing[1][i] == backward);
		/* the offset is anywhere in 4 ms, and 2 us that a step could be unnoticed by */
		assert_in_range(f.bound[i], 1990000, 2004000);
		assert_in_range(f.oneway[0][i], forward + 1990000, forward + 2010000);
		assert_true(f.oneway[0][i] + f.oneway[1][i] == 4000000 + forward + backward);
	}
	assert_int_equal(f.variation[0][10], 500000);
	assert_int_equal(f.variation[0][11], 300000);
	assert_int_equal(f.variation[0][12], 200000);
	assert_int_equal(f.variation[1][11], 70000);
	assert_int_equal(f.variation[1][13], 0);
	assert_true(f.round.width_ns == 4000000);
}

/* Every array may be missing; figures of the round do not depend on them. */
static void arrays_may_be_left_out(void **state)
{
	struct fixture f = {.session = {.samples = 0}};
	const struct el_delay_values nothing = {.bound_ns = NULL};

	(void)state;
	fill(&f, 0);
	f.samples[3].residence_ns = -1;
	el_delay_round(&f.session, f.samples, N, &nothing, &f.round);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N - 1);
	assert_int_equal(f.round.statuses[EL_DELAY_IMPOSSIBLE], 1);
	el_delay_round(&f.session, NULL, 0, &nothing, &f.round);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], 0);
}

/* Times that contradict each other have no value, and no part in others'. */
static void impossible_samples(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	fill(&f, 0);
	f.samples[1].residence_ns = -5;
	f.samples[2].residence_ns = f.samples[2].rtt_ns + 1;
	f.samples[3].rtt_ns = -1;
	f.samples[4].rtt_ns = INT64_MAX;
	f.samples[5].t1_ns = INT64_MIN;
	f.samples[6].t2_ns = INT64_MAX;
	f.samples[N - 1].t1_ns = INT64_MAX;
	value(&f, N);
	for (int i = 0; i < N; i++) {
		if ((i >= 1 && i <= 6) || i == N - 1)
			assert_none(&f, (size_t)i, EL_DELAY_IMPOSSIBLE);
		else
			assert_int_equal(f.queueing[0][i], 0);
	}
	assert_int_equal(f.round.statuses[EL_DELAY_IMPOSSIBLE], 7);
	assert_int_equal(f.round.steps, 0);
}

/* A sample with uncertain stamps is valued, but no minimum: here it is 50 us too early. */
static void uncertain_samples(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	fill(&f, 0);
	queue(&f, 20, -50000, 0);
	f.samples[20].uncertain = true;
	value(&f, N);
	for (int i = 0; i < N; i++)
		assert_int_equal(f.queueing[0][i], 0);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N);
	assert_true(f.round.width_ns == 4000000);
}

/* A delay that is longer than there and back is none. */
static void no_delay_is_longer_than_both(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	fill(&f, 0);
	f.samples[20].t2_ns += 5000000; /* and the answer was back after 4 ms */
	f.samples[20].uncertain = true;
	value(&f, N);
	assert_none(&f, 20, EL_DELAY_DOUBTFUL);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N - 1);
}

/* Eight samples there must be, in however many rounds. */
static void first_samples(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	for (int k = 0; k < 8; k++) {
		fill(&f, k);
		value(&f, 1);
		if (k < EL_DELAY_SAMPLES_MIN - 1)
			assert_none(&f, 0, EL_DELAY_EARLY);
		else
			assert_int_equal(f.queueing[0][0], 0);
		assert_int_equal(isnan(f.round.width_ns), k < EL_DELAY_SAMPLES_MIN - 1);
	}
}

/* Samples that are swapped in time say the same. */
static void samples_out_of_order(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	for (int k = 0; k < 20; k++) {
		fill(&f, k);
		for (int i = 0; i + 9 < N; i += 10) {
			struct el_delay_sample x = f.samples[i];
			f.samples[i] = f.samples[i + 9];
			f.samples[i + 9] = x;
			queue(&f, i, 30000, 0);
		}
		value(&f, N);
		assert_int_equal(f.round.steps + f.round.rate_changes, 0);
		assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N);
		for (int i = 0; i < N; i++)
			assert_true(fabs((double)f.queueing[0][i] -
					 (i % 10 == 0 && i + 9 < N ? 30000 : 0)) <= 2);
	}
}

/* After a gap longer than the window all begins anew; the gap is no step. */
static void a_gap_is_no_step(void **state)
{
	struct fixture f = {.session = {.samples = 0}};

	(void)state;
	fill(&f, 0);
	value(&f, N);
	fill(&f, 1000);
	value(&f, N);
	assert_int_equal(f.round.steps + f.round.rate_changes, 0);
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N);
	assert_int_equal(f.session.samples, N);
	/* the reflector's clock was set meanwhile */
	fill(&f, 2000);
	for (int i = 0; i < N; i++)
		f.samples[i].t2_ns += INT64_C(3600000000000);
	value(&f, N);
	assert_int_equal(f.round.steps, 1);
	assert_true(f.round.step_ns == INT64_C(3600000000000));
	assert_int_equal(f.round.statuses[EL_DELAY_VALUED], N);
}

/* There may be hundreds of thousands of them. */
static void a_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct el_delay_session) <= 384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_those_of_each_sample),
	    cmocka_unit_test(arrays_may_be_left_out),
	    cmocka_unit_test(impossible_samples),
	    cmocka_unit_test(uncertain_samples),
	    cmocka_unit_test(no_delay_is_longer_than_both),
	    cmocka_unit_test(first_samples),
	    cmocka_unit_test(samples_out_of_order),
	    cmocka_unit_test(a_gap_is_no_step),
	    cmocka_unit_test(a_session_is_small),
	};

	return cmocka_run_group_tests_name("delay_session", tests, NULL, NULL);
}
