/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines that come again, by a simulated clock. */
#include "unit.h"

#include "log_repeats.h"

#define MINUTE_NS LOG_REPEATS_NS
#define LINES 1000

/* What was written, and what was said of repetitions. */
struct out {
	struct log_repeats repeats;
	char text[4096]; /* "message" for a line, "message+N" for N more, separated by blanks */
	unsigned long written[LINES], said[LINES];
	uint64_t out_ns[LINES]; /* when it was written or said last; 0: never */
	uint64_t now_ns;
};

static void say(void *ctx, const struct log_repeat *line)
{
	struct out *o = ctx;
	size_t len = strlen(o->text);
	int number;

	snprintf(o->text + len, sizeof(o->text) - len, "%s+%lu ", line->message, line->count);
	if (sscanf(line->message, "line %d", &number) == 1) {
		o->said[number] += line->count;
		o->out_ns[number] = o->now_ns;
	}
}

static bool put_as(struct out *o, enum el_log_level level, const char *module, const char *message)
{
	bool is_written = log_repeats_note(&o->repeats, level, module, message, o->now_ns, say, o);
	size_t len = strlen(o->text);

	if (is_written)
		snprintf(o->text + len, sizeof(o->text) - len, "%s ", message);
	return is_written;
}

static bool put(struct out *o, const char *message)
{
	return put_as(o, EL_LOG_WARNING, "test", message);
}

static void end(struct out *o)
{
	log_repeats_end(&o->repeats, o->now_ns, say, o);
}

static int set_up(void **state)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		return -1;
	o->now_ns = 5 * EL_NS_PER_S;
	*state = o;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void is_said_once_and_counted(void **state)
{
	struct out *o = *state;

	assert_true(put(o, "a"));
	for (int i = 0; i < 59; i++) {
		o->now_ns += EL_NS_PER_S;
		assert_false(put(o, "a"));
		end(o);
	}
	assert_string_equal(o->text, "a ");
	o->now_ns += EL_NS_PER_S - 1;
	end(o);
	assert_string_equal(o->text, "a ");
	o->now_ns += 1;
	end(o);
	assert_string_equal(o->text, "a a+59 ");
}

/* Nobody has to look at the time for a line to be written once its minute is over. */
static void comes_again_after_a_minute(void **state)
{
	struct out *o = *state;

	assert_true(put(o, "a"));
	o->now_ns += MINUTE_NS;
	assert_true(put(o, "a"));
	assert_string_equal(o->text, "a a ");
}

static void is_said_once_a_minute_while_it_goes_on(void **state)
{
	struct out *o = *state;

	for (int i = 0; i < 180; i++) {
		put(o, "a");
		o->now_ns += EL_NS_PER_S;
		end(o);
	}
	assert_string_equal(o->text, "a a+59 a+60 a+60 ");
	/* then it ends: nothing is left to say, and it is new when it comes again */
	o->now_ns += MINUTE_NS;
	end(o);
	assert_true(put(o, "a"));
	assert_string_equal(o->text, "a a+59 a+60 a+60 a ");
}

static void differs_by_level_module_and_message(void **state)
{
	struct out *o = *state;

	assert_true(put_as(o, EL_LOG_INFO, "m", "a"));
	assert_true(put_as(o, EL_LOG_ERROR, "m", "a"));
	assert_true(put_as(o, EL_LOG_INFO, "n", "a"));
	assert_true(put_as(o, EL_LOG_INFO, "m", "aa"));
	assert_false(put_as(o, EL_LOG_INFO, "m", "a"));
}

/* What comes and goes: the last word is said last. */
static void the_last_is_said_last(void **state)
{
	struct out *o = *state;

	for (int i = 0; i < 3; i++) {
		o->now_ns++;
		put(o, "down");
		o->now_ns++;
		put(o, "up");
	}
	o->now_ns++;
	put(o, "down");
	assert_string_equal(o->text, "down up ");
	o->now_ns += MINUTE_NS;
	end(o);
	assert_string_equal(o->text, "down up up+2 down+3 ");
}

static void is_new_once_forgotten(void **state)
{
	struct out *o = *state;

	put(o, "a");
	put(o, "b");
	put(o, "a");
	log_repeats_forget(&o->repeats, say, o);
	assert_string_equal(o->text, "a b a+1 ");
	assert_true(put(o, "a"));
	log_repeats_forget(&o->repeats, say, o);
	log_repeats_forget(&o->repeats, say, o);
	assert_string_equal(o->text, "a b a+1 a ");
}

/* A line longer than there is room for is counted by its beginning, and ends. */
static void long_lines_are_bounded(void **state)
{
	struct out *o = *state;
	char a[2 * LOG_MESSAGE_MAX];

	memset(a, 'x', sizeof(a));
	a[sizeof(a) - 1] = '\0';
	assert_true(put(o, a));
	assert_false(put(o, a));
	assert_false(put_as(o, EL_LOG_WARNING, "test", a + 1));
	assert_int_equal(strlen(o->repeats.lines[0].message), LOG_MESSAGE_MAX - 1);
}

/* Of any lines in any order: each is counted if it was written or said within a minute, else
 * written (also where there is room for fewer lines), and no count is lost. */
static void check_random(struct out *o, uint64_t seed, unsigned lines, uint64_t step_ns)
{
	unsigned long put_total[LINES] = {0};
	char message[32];

	for (int i = 0; i < 20000; i++) {
		unsigned n = (unsigned)(unit_random(&seed) % lines);
		bool is_written, is_recent;

		o->now_ns += unit_random(&seed) % step_ns;
		o->text[0] = '\0';
		snprintf(message, sizeof(message), "line %u", n);
		is_written = put(o, message);
		is_recent = o->out_ns[n] && o->now_ns - o->out_ns[n] < MINUTE_NS;
		if (!is_written || lines <= LOG_REPEATS_MAX)
			assert_int_equal(is_written, !is_recent);
		if (is_written) {
			o->written[n]++;
			o->out_ns[n] = o->now_ns;
		}
		put_total[n]++;
	}
	log_repeats_forget(&o->repeats, say, o);
	for (unsigned n = 0; n < lines; n++)
		assert_int_equal(o->written[n] + o->said[n], put_total[n]);
}

static void nothing_is_lost(void **state)
{
	uint64_t seed = unit_seed();

	(void)state;
	for (unsigned lines = 1; lines <= LINES; lines *= 10) {
		for (uint64_t step_ns = 1; step_ns < 400 * EL_NS_PER_S; step_ns *= 1000) {
			struct out *o = calloc(1, sizeof(*o));

			assert_non_null(o);
			o->now_ns = 5 * EL_NS_PER_S;
			check_random(o, seed, lines, step_ns);
			free(o);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(is_said_once_and_counted),
	    TEST(comes_again_after_a_minute),
	    TEST(is_said_once_a_minute_while_it_goes_on),
	    TEST(differs_by_level_module_and_message),
	    TEST(the_last_is_said_last),
	    TEST(is_new_once_forgotten),
	    TEST(long_lines_are_bounded),
	    TEST(nothing_is_lost),
	};
	return cmocka_run_group_tests_name("log_repeats", tests, NULL, NULL);
}
