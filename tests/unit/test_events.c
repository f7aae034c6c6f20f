/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of a plan and of the one before it, on their way into snapshots. */
#include "hand_model.h"

#include "events.h"

static struct el_event event(enum el_event_kind kind, uint32_t series, uint32_t generation)
{
	return (struct el_event){.ns_kind = kind, .a = series, .b = generation};
}

static void take(struct events *e, enum el_event_kind kind, uint32_t series, uint32_t generation)
{
	const struct el_event ev = event(kind, series, generation);

	assert_true(events_take(e, &ev));
}

/* Targets t0, t1, t2 in groups g0, g1, all of one type. */
static struct hand_model *before(void)
{
	struct hand_model *h = hand_model_create(3, 2, (const int[]){50}, 1);

	for (uint32_t t = 0; t < 3; t++)
		h->model.targets[t].type = EL_PROBE_TCPSYN;
	return h;
}

/* Targets new, t2, t0 in group g1: series 0 is new, 1 was 5, 2 was 1. */
static struct hand_model *after(void)
{
	struct hand_model *h = hand_model_create(3, 1, (const int[]){50}, 1);

	hand_rename(&h->model.targets[0].name, "new");
	hand_rename(&h->model.targets[1].name, "t2");
	hand_rename(&h->model.targets[2].name, "t0");
	hand_rename(&h->model.groups[0].name, "g1");
	for (uint32_t t = 0; t < 3; t++)
		h->model.targets[t].type = EL_PROBE_TCPSYN;
	return h;
}

static void events_are_of_their_plan(void **state)
{
	struct hand_model *h = before();
	struct events *e = events_create(&h->model, 7);
	struct el_snapshot *s = el_snapshot_next(NULL, &h->model, NULL);
	struct el_event other = event(EL_EVENT_LATE, 1, 6), beyond = event(EL_EVENT_LATE, 6, 7);

	(void)state;
	assert_false(events_wait_for(e, &h->model));
	assert_false(events_take(e, &other));
	assert_false(events_take(e, &beyond));
	take(e, EL_EVENT_LATE, 1, 7);
	take(e, EL_EVENT_ICMP_ERROR, 2, 7);
	take(e, EL_EVENT_PORT_MISMATCH, 4, 7);
	assert_true(events_wait_for(e, &h->model));
	for (int again = 0; again < 2; again++) { /* once */
		events_apply(e, s);
		assert_int_equal(s->series[1].late, 1);
		assert_int_equal(s->series[2].icmp_errors, 1);
		assert_int_equal(s->targets[2].port_mismatch, 1);
		assert_false(events_wait_for(e, &h->model));
	}
	el_snapshot_put(s);
	events_free(e);
	hand_model_destroy(h);
}

/* What comes late is counted to the series that goes on under the next plan, whatever its number
 * there; what is of no series there is counted nowhere. */
static void events_of_the_plan_before(void **state)
{
	struct hand_model *a = before(), *b = after(), *a2 = before();
	struct events *e = events_create(&a->model, 1);
	struct el_snapshot *first = el_snapshot_next(NULL, &a->model, NULL), *s, *next, *back;

	(void)state;
	take(e, EL_EVENT_LATE, 5, 1);
	events_apply(e, first);
	s = el_snapshot_next(first, &b->model, NULL);
	assert_non_null(s->series_before);
	take(e, EL_EVENT_LATE, 5, 1);
	take(e, EL_EVENT_LATE, 4, 1); /* t2 in g0: gone */
	take(e, EL_EVENT_LATE, 1, 1);
	take(e, EL_EVENT_ICMP_ERROR, 1, 1);
	take(e, EL_EVENT_PORT_MISMATCH, 0, 1); /* t0, by a group that is gone */
	assert_false(events_wait_for(e, &b->model));
	events_apply(e, s); /* nobody has said whose they are */
	assert_int_equal(s->series[1].late, 1);
	assert_int_equal(events_hand_on(e, first->model, s), 0);
	assert_true(events_wait_for(e, &b->model));
	events_apply(e, s);
	assert_int_equal(s->series[0].late, 0);
	assert_int_equal(s->series[1].late, 2);
	assert_int_equal(s->series[2].late, 1);
	assert_int_equal(s->series[2].icmp_errors, 1);
	assert_int_equal(s->targets[2].port_mismatch, 1);
	assert_int_equal(s->targets[1].port_mismatch, 0);
	/* and so on with the snapshots that follow */
	next = el_snapshot_next(s, &b->model, NULL);
	assert_null(next->series_before);
	take(e, EL_EVENT_LATE, 5, 1);
	events_apply(e, next);
	assert_int_equal(next->series[1].late, 3);
	/* and with those of the model after that, which is the first one's again */
	back = el_snapshot_next(next, &a2->model, NULL);
	assert_int_equal(events_hand_on(e, next->model, back), 0);
	take(e, EL_EVENT_LATE, 5, 1);
	take(e, EL_EVENT_LATE, 4, 1); /* gone for good, though it is back */
	events_apply(e, back);
	assert_int_equal(back->series[5].late, 4);
	assert_int_equal(back->series[4].late, 0);
	el_snapshot_put(back);
	el_snapshot_put(first);
	el_snapshot_put(s);
	el_snapshot_put(next);
	events_free(e);
	hand_model_destroy(a);
	hand_model_destroy(b);
	hand_model_destroy(a2);
}

/* A plan of which no round is over before some of the next is: what is counted for it goes to the
 * series of the next. */
static void events_of_a_plan_that_is_overtaken(void **state)
{
	struct hand_model *a = before(), *b = before(), *c = after();
	struct events *e = events_create(&b->model, 2), *newest = events_create(&c->model, 3);
	struct el_snapshot *first = el_snapshot_next(NULL, &a->model, NULL), *next, *s;

	(void)state;
	first->generation = 1;
	take(e, EL_EVENT_ICMP_ERROR, 5, 2);
	take(newest, EL_EVENT_LATE, 1, 3);
	/* the first plan's, once more: the others have their time before them */
	next = el_snapshot_next(first, &a->model, NULL);
	next->generation = 1;
	assert_int_equal(events_hand_on(e, first->model, next), 0);
	assert_false(events_wait_for(e, &a->model));
	s = el_snapshot_next(next, &c->model, NULL);
	s->generation = 3;
	assert_int_equal(events_hand_on(e, next->model, s), 0);
	assert_int_equal(events_hand_on(newest, next->model, s), 0);
	take(e, EL_EVENT_ICMP_ERROR, 4, 2); /* t2 in g0: gone */
	assert_true(events_wait_for(e, &c->model));
	events_apply(e, s);
	events_apply(newest, s);
	assert_int_equal(s->series[1].icmp_errors, 1);
	assert_int_equal(s->series[1].late, 1);
	el_snapshot_put(first);
	el_snapshot_put(next);
	el_snapshot_put(s);
	events_free(e);
	events_free(newest);
	hand_model_destroy(a);
	hand_model_destroy(b);
	hand_model_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_are_of_their_plan),
	    cmocka_unit_test(events_of_the_plan_before),
	    cmocka_unit_test(events_of_a_plan_that_is_overtaken),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
