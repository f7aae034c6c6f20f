/* SPDX-License-Identifier: BSD-3-Clause */
/* The direction in which STAMP probes were lost, from rounds of which it is known. */
#include "plan_fixture.h"

#include "el_stats.h"

#define NOT_THERE UINT64_MAX
#define TIMEOUT_NS 1000000000ULL /* of the fixture's targets */

/* What becomes of a probe: it is answered, lost on its way, its reply is, it is answered late, it
 * has never left, it was sent by another way for routes had changed, the reflector refuses it. */
enum fate {
	OK = 'o',
	FORWARD = 'f',
	BACKWARD = 'b',
	LATE = 'l',
	LOCAL = '-',
	MOVED = 'm',
	REFUSED = 'r'
};

struct scene {
	struct fixture *f;
	struct el_plan_set *set;
	struct el_snapshot *snapshot;
	uint64_t round;
	uint32_t sequence[2]; /* the next one of each session's reflector */
	bool counts;          /* else it repeats the probe's number */
	bool reorders;        /* every second request overtakes the one before it */
};

/* `n` sessions of so many packets. */
static struct scene scene(int n, uint32_t packets)
{
	static int percentiles[] = {50};
	static char name[] = "lab", names[2][2] = {"a", "b"};
	struct scene s = {.f = fixture(1, 10), .sequence = {0, 1000}, .counts = true};

	for (int i = 0; i < n; i++) {
		add_target(s.f, EL_PROBE_STAMP, i ? "198.51.100.2" : "198.51.100.1", packets);
		s.f->targets[i].name = names[i];
	}
	s.f->model.probe_name = name;
	s.f->model.percentiles = percentiles;
	s.f->model.n_percentiles = 1;
	s.set = compile(s.f);
	return s;
}

static void scene_end(struct scene *s)
{
	el_snapshot_put(s->snapshot);
	el_plan_set_put(s->set);
	free(s->f);
}

/* The number that the reflector gives to request `i`; NOT_THERE: it does not get there. */
static uint64_t number_of(const char *fates, uint32_t i, uint32_t n, uint32_t first, bool reorders)
{
	uint64_t number = first;
	uint32_t at = i;

	if (fates[i] == FORWARD || fates[i] == LOCAL || fates[i] == MOVED)
		return NOT_THERE;
	if (reorders)
		at = i ^ 1;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t at_k = reorders ? k ^ 1 : k;
		bool gets_there = fates[k] != FORWARD && fates[k] != LOCAL && fates[k] != MOVED;

		number += gets_there && at_k < at;
	}
	return number;
}

/* What the records of a session (slice) of a round are by the fates of its probes. */
static void play(struct scene *s, struct el_block *b, uint32_t slice, const char *fates)
{
	uint32_t n = (uint32_t)strlen(fates), stride = s->set->plans[0]->n_slices, got = 0;

	b->moved = (struct el_span){.from_ns = 5 * EL_NS_PER_S, .to_ns = 6 * EL_NS_PER_S};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = i * stride + slice;
		uint64_t sent_ns = (fates[i] == MOVED ? 5 : 10) * EL_NS_PER_S + 1000 * i;
		struct el_stamp_note *note = &b->stamps[index];
		uint64_t number = number_of(fates, i, n, s->sequence[slice], s->reorders);

		got += number != NOT_THERE;
		if (!s->counts)
			number = el_id_permute(&s->set->key,
					       el_id_pack(&s->set->ids, 0, b->round, index));
		b->records[index] = fates[i] == LOCAL ? el_record_local() : el_record_sent(sent_ns);
		if (fates[i] != OK && fates[i] != LATE)
			continue;
		*note =
		    (struct el_stamp_note){.t1 = el_stamp_encode(EL_STAMP_NTP, 1, 0),
					   .t2 = el_stamp_encode(EL_STAMP_NTP, 1000000, 0),
					   .t3 = el_stamp_encode(EL_STAMP_NTP, 1000000 + 300, 0),
					   .sequence = number,
					   .error_estimate = i % 2 ? 0x8501 : 0x0501};
		b->records[index] = el_record_answered(
		    b->records[index], sent_ns + (fates[i] == LATE ? 2 * TIMEOUT_NS : 1300));
	}
	s->sequence[slice] += got;
}

/* The same by a reflector of ours, which refuses some. */
static void play_refusing(struct el_block *b, const char *fates, struct el_stamp_session *session)
{
	uint64_t sent_ns = 10 * EL_NS_PER_S;

	for (uint32_t i = 0; fates[i]; i++) {
		b->records[i] = el_record_sent(sent_ns + 1000 * i);
		if (fates[i] == REFUSED)
			el_stamp_session_refuse(session);
		else if (fates[i] != FORWARD)
			b->stamps[i].sequence = session->sequence++;
		if (fates[i] == OK)
			b->records[i] =
			    el_record_answered(b->records[i], sent_ns + 1000 * i + 1300);
	}
}

/* A round, in which session i's probes have fates[i]. */
static void play_round(struct scene *s, const char *const *fates, int n)
{
	struct el_block *b = el_block_create(s->set, 0);
	struct el_snapshot *next;

	b->round = ++s->round;
	b->closed_ns = 100 * EL_NS_PER_S;
	for (int i = 0; i < n; i++)
		play(s, b, (uint32_t)i, fates[i]);
	next = el_snapshot_next(s->snapshot, s->set->model, el_stats_round(&b, 1));
	assert_non_null(next);
	el_snapshot_put(s->snapshot);
	s->snapshot = next;
	el_block_free(b);
}

static void play_one(struct scene *s, const char *fates)
{
	play_round(s, &fates, 1);
}

static void expect(const struct scene *s, uint64_t forward, uint64_t backward, uint64_t unknown)
{
	const uint64_t *lost = s->snapshot->stamp->totals[0].lost;

	if (lost[EL_LOST_FORWARD] != forward || lost[EL_LOST_BACKWARD] != backward ||
	    lost[EL_LOST_UNKNOWN] != unknown)
		fail_msg("forward %lu, backward %lu, unknown %lu; expected %lu, %lu, %lu",
			 lost[EL_LOST_FORWARD], lost[EL_LOST_BACKWARD], lost[EL_LOST_UNKNOWN],
			 forward, backward, unknown);
}

static void directions_are_told(void **state)
{
	struct scene s = scene(1, 10);

	(void)state;
	play_one(&s, "ofobfbbffo");
	expect(&s, 4, 3, 0);
	play_one(&s, "oooooooooo");
	expect(&s, 4, 3, 0);
	/* what follows the last reply of a round is told by the next round's first */
	play_one(&s, "oooooofffb");
	expect(&s, 4, 3, 0);
	play_one(&s, "bfffoooooo");
	expect(&s, 4 + 3 + 3, 3 + 1 + 1, 0);
	scene_end(&s);
}

/* Of what comes before the first reply ever nothing is known. */
static void the_beginning_is_unknown(void **state)
{
	struct scene s = scene(1, 5);

	(void)state;
	s.sequence[0] = UINT32_MAX - 3; /* the numbers begin again at zero soon */
	play_one(&s, "fboof");
	expect(&s, 0, 0, 2);
	play_one(&s, "ofboo");
	expect(&s, 2, 1, 2);
	scene_end(&s);
}

static void late_answers_are_unknown(void **state)
{
	struct scene s = scene(1, 6);

	(void)state;
	play_one(&s, "oolfbo");
	expect(&s, 1, 1, 1);
	play_one(&s, "looool");
	expect(&s, 1, 1, 3);
	play_one(&s, "oooooo");
	expect(&s, 1, 1, 3);
	scene_end(&s);
}

static void local_probes_do_not_count(void **state)
{
	struct scene s = scene(1, 6);

	(void)state;
	play_one(&s, "o-f-bo");
	expect(&s, 1, 1, 0);
	play_one(&s, "------");
	expect(&s, 1, 1, 0);
	play_one(&s, "fo-oo-");
	expect(&s, 2, 1, 0);
	scene_end(&s);
}

/* Probes of which it is not known whether they got lost: the stretch that they are in is unknown,
 * others are not. */
static void what_is_not_clear_is_unknown(void **state)
{
	struct scene s = scene(1, 6);

	(void)state;
	play_one(&s, "offofm");
	expect(&s, 2, 0, 0);
	play_one(&s, "bofbob");
	expect(&s, 3, 1, 2); /* f of the first round and b of this one, on either side of the gap */
	play_one(&s, "omofoo");
	expect(&s, 3, 2, 3);
	play_one(&s, "oooofo");
	expect(&s, 4, 2, 3);
	scene_end(&s);
}

static void reordering_changes_nothing(void **state)
{
	struct scene s = scene(1, 10);

	(void)state;
	play_one(&s, "oooooooooo");
	s.reorders = true;
	play_one(&s, "obofofbboo");
	expect(&s, 2, 3, 0);
	play_one(&s, "oooooooooo");
	expect(&s, 2, 3, 0);
	play_one(&s, "bofobooooo");
	expect(&s, 3, 5, 0);
	/* the last request, whose reply is lost, was there before the one before it */
	play_one(&s, "ooooffooob");
	play_one(&s, "oooooooooo");
	expect(&s, 5, 6, 0);
	scene_end(&s);
}

static void reflectors_that_do_not_count(void **state)
{
	struct scene s = scene(1, 10);

	(void)state;
	s.counts = false;
	play_one(&s, "ofobfbbfff");
	expect(&s, 0, 0, 8);
	play_one(&s, "ofobfbbffo");
	expect(&s, 0, 0, 15);
	s.counts = true; /* now it does, and is believed after a while */
	for (int i = 0; i < 8; i++)
		play_one(&s, "ofooooooob");
	expect(&s, 1, 1, 15 + 13);
	play_one(&s, "ofooboffoo");
	expect(&s, 4, 3, 15 + 13);
	scene_end(&s);
}

/* A reflector that begins again from zero, or counts more than was sent: for a while its numbers
 * tell nothing. */
static void reflectors_that_are_restarted(void **state)
{
	static const uint32_t now[] = {0, 6000, UINT32_MAX};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct scene s = scene(1, 6);

		s.sequence[0] = 5000;
		play_one(&s, "ofobof");
		expect(&s, 1, 1, 0);
		s.sequence[0] = now[i];
		play_one(&s, "ooofbo");
		expect(&s, 1, 1, 3);
		for (int k = 0; k < 7; k++)
			play_one(&s, "fooooo");
		expect(&s, 1, 1, 10);
		play_one(&s, "fobooo");
		expect(&s, 2, 2, 10);
		scene_end(&s);
	}
}

/* What a reflector refuses has come: it is lost on the way back. No direction is told of more
 * probes than were lost in it, whatever is refused, and hardly any is left out. */
static void refusals_are_lost_on_the_way_back(void **state)
{
	static const char first[] = "oooooooooooooooooooo";
	struct el_stamp_session session = {0};
	uint64_t seed = unit_seed(), truth[2] = {0}, all = 0;
	struct scene s = scene(1, 20);
	char fates[21];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct el_block *b = el_block_create(s.set, 0);
		uint64_t refusing = unit_random(&seed) % 4, *lost;
		struct el_snapshot *next;

		memcpy(fates, first, sizeof(fates));
		for (int i = 0; round && i < 20; i++) {
			uint64_t dice = unit_random(&seed) % 12;

			fates[i] = dice == 0                 ? FORWARD
				   : dice == 1               ? BACKWARD
				   : dice < 2 + 3 * refusing ? REFUSED
							     : OK;
			truth[0] += fates[i] == FORWARD;
			truth[1] += fates[i] == BACKWARD || fates[i] == REFUSED;
			all += fates[i] != OK;
		}
		b->round = ++s.round;
		b->closed_ns = 100 * EL_NS_PER_S;
		play_refusing(b, fates, &session);
		next = el_snapshot_next(s.snapshot, s.set->model, el_stats_round(&b, 1));
		assert_non_null(next);
		el_snapshot_put(s.snapshot);
		s.snapshot = next;
		el_block_free(b);
		lost = next->stamp->totals[0].lost;
		assert_true(lost[EL_LOST_FORWARD] <= truth[0]);
		assert_true(lost[EL_LOST_BACKWARD] <= truth[1]);
		assert_true(
		    lost[EL_LOST_FORWARD] + lost[EL_LOST_BACKWARD] + lost[EL_LOST_UNKNOWN] <= all);
	}
	assert_true(s.snapshot->stamp->totals[0].lost[EL_LOST_FORWARD] > truth[0] * 9 / 10);
	assert_true(s.snapshot->stamp->totals[0].lost[EL_LOST_BACKWARD] > truth[1] * 9 / 10);
	scene_end(&s);
}

static void one_refusal(void **state)
{
	static const char *const rounds[] = {"ooofoboooo", "ooofroboooo"};
	struct el_stamp_session session = {.sequence = 7};
	struct scene s = scene(1, 10);

	(void)state;
	for (int round = 0; round < 12; round++) {
		struct el_block *b = el_block_create(s.set, 0);
		struct el_snapshot *next;
		char fates[11] = {0};

		memcpy(fates, rounds[round == 1], 10);
		b->round = ++s.round;
		b->closed_ns = 100 * EL_NS_PER_S;
		play_refusing(b, fates, &session);
		next = el_snapshot_next(s.snapshot, s.set->model, el_stats_round(&b, 1));
		assert_non_null(next);
		el_snapshot_put(s.snapshot);
		s.snapshot = next;
		el_block_free(b);
		expect(&s, (uint64_t)round + 1, (uint64_t)round + 1 + (round >= 1), 0);
	}
	scene_end(&s);
}

/* One that counts by ports: with one packet a round each round is of another port than the one
 * before, and every second looks as if it counted as it should. */
static void reflectors_that_count_by_ports(void **state)
{
	struct scene s = scene(1, 1);
	uint32_t of_port[2] = {0, 0};
	uint64_t lost = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		bool is_lost = i % 7 == 6;

		s.sequence[0] = of_port[i % 2]++;
		play_one(&s, is_lost ? "b" : "o");
		lost += is_lost;
	}
	play_one(&s, "o");
	expect(&s, 0, 0, lost);
	scene_end(&s);
}

/* Without any reply losses are not kept back for ever. */
static void silence_becomes_unknown(void **state)
{
	struct scene s = scene(1, 4);

	(void)state;
	play_one(&s, "oooo");
	play_one(&s, "ffff");
	play_one(&s, "bbbb");
	expect(&s, 0, 0, 0);
	play_one(&s, "oooo");
	expect(&s, 4, 4, 0);
	for (int i = 0; i < 3; i++)
		play_one(&s, "ffff");
	expect(&s, 4, 4, 12);
	play_one(&s, "ffff");
	expect(&s, 4, 4, 16);
	play_one(&s, "foof");
	expect(&s, 4, 4, 17);
	play_one(&s, "oooo");
	expect(&s, 5, 4, 17);
	scene_end(&s);
}

/* Many rounds by chance, of two sessions; in the end all is told. */
static void long_runs_are_exact(void **state)
{
	uint64_t seed = unit_seed(), truth[2][2] = {{0}};
	struct scene s = scene(2, 20);
	char fates[2][21] = {{0}};
	const char *const both[] = {fates[0], fates[1]};
	static const char whole[] = "oooooooooooooooooooo";
	static const char *const wholes[] = {whole, whole};

	(void)state;
	play_round(&s, wholes, 2);
	for (int round = 0; round < 300; round++) {
		uint64_t lost = 0, told = 0;

		for (int t = 0; t < 2; t++) {
			for (int i = 0; i < 20; i++) {
				uint64_t dice = unit_random(&seed) % 10;

				fates[t][i] = dice == 0 ? FORWARD : dice == 1 ? BACKWARD : OK;
				truth[t][0] += fates[t][i] == FORWARD;
				truth[t][1] += fates[t][i] == BACKWARD;
			}
		}
		play_round(&s, both, 2);
		lost = s.snapshot->series[0].lost;
		for (int d = 0; d < EL_LOST_DIRECTIONS; d++)
			told += s.snapshot->stamp->totals[0].lost[d];
		assert_int_equal(told + s.snapshot->stamp->sessions[0].lost, lost);
	}
	play_round(&s, wholes, 2);
	for (int t = 0; t < 2; t++) {
		const uint64_t *lost = s.snapshot->stamp->totals[t].lost;

		assert_int_equal(lost[EL_LOST_FORWARD], truth[t][0]);
		assert_int_equal(lost[EL_LOST_BACKWARD], truth[t][1]);
		assert_int_equal(lost[EL_LOST_UNKNOWN], 0);
	}
	scene_end(&s);
}

/* Another plan, in which sessions come in another order and one is gone: the others go on. */
static void sessions_go_on_under_another_plan(void **state)
{
	static const char *const first[] = {"ooof", "ooff"}, *const then[] = {"oooo"};
	struct scene s = scene(2, 4);
	struct el_plan_set *set = s.set;
	uint64_t *lost;

	(void)state;
	play_round(&s, first, 2);
	/* target a goes out of the plan (it stays in the model): what it had pending is unknown */
	s.f->targets[0].enabled = false;
	s.set = compile(s.f);
	s.sequence[0] = s.sequence[1];
	play_round(&s, then, 1);
	lost = s.snapshot->stamp->totals[1].lost;
	assert_int_equal(lost[EL_LOST_FORWARD], 2);
	assert_int_equal(lost[EL_LOST_UNKNOWN], 0);
	lost = s.snapshot->stamp->totals[0].lost;
	assert_int_equal(lost[EL_LOST_FORWARD], 0);
	assert_int_equal(lost[EL_LOST_UNKNOWN], 1);
	el_plan_set_put(set);
	scene_end(&s);
}

/* Round-trip times less 300 ns that the reflector says it had the probe; what it says of its clock.
 */
static void reflectors_tell_of_themselves(void **state)
{
	struct scene s = scene(1, 4);

	(void)state;
	play_one(&s, "oobo");
	assert_int_equal(s.snapshot->stamp->gauges[0].replies, 3);
	assert_int_equal(s.snapshot->stamp->gauges[0].synchronised, 2);
	assert_int_equal(s.snapshot->gauges[0].rtt_min_ns, 1300);
	assert_true(fabs(s.snapshot->stamp->percentile_ns[EL_STAMP_NETWORK][0] - 1000) < 0.5);
	scene_end(&s);
}

/* Direct Measurement: what lies between two told counts is counted, unless one of them went back or
 * ours began anew with another plan. */
static void counts_go_on(void **state)
{
	static const struct {
		bool told, other_plan;
		uint32_t sent, received, replied;
		uint64_t counted[EL_COUNTED];
	} rounds[] = {
	    {true, false, 100, 4000000000U, 70, {0, 0, 0}},
	    {true, false, 200, 4000000090U, 150, {100, 90, 80}},
	    {false, false, 0, 0, 0, {100, 90, 80}},
	    {true, false, 400, 4000000280U, 310, {300, 280, 240}},
	    /* past 2^32 */
	    {true, false, 500, 80, 400, {400, 294967376, 330}},
	    /* started anew */
	    {true, false, 600, 10, 10, {400, 294967376, 330}},
	    {true, false, 700, 110, 110, {500, 294967476, 430}},
	    {true, true, 50, 160, 160, {500, 294967476, 430}},
	    {true, true, 80, 190, 190, {500, 294967476, 430}},
	    {true, false, 90, 199, 198, {510, 294967485, 438}},
	};
	struct scene s = scene(1, 1);

	(void)state;
	el_plan_set_put(s.set);
	s.f->targets[0].stamp.direct_measurement = true;
	s.set = compile(s.f);
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct el_block *b = el_block_create(s.set, 0);
		struct el_snapshot *next;

		s.set->generation += rounds[i].other_plan;
		el_block_reset(b, ++s.round, 1);
		b->tallies[0] = (struct el_stamp_tally){.n_sent = rounds[i].sent,
							.n_received = rounds[i].received,
							.n_replied = rounds[i].replied,
							.has_counts = rounds[i].told,
							.tlvs = {3, 0, 2}};
		next = el_snapshot_next(s.snapshot, &s.f->model, el_stats_round(&b, 1));
		assert_non_null(next);
		el_snapshot_put(s.snapshot);
		s.snapshot = next;
		for (int k = 0; k < EL_COUNTED; k++) {
			if (next->stamp->totals[0].counted[k] != rounds[i].counted[k])
				fail_msg("round %zu: number %d is %llu", i, k,
					 (unsigned long long)next->stamp->totals[0].counted[k]);
		}
		assert_int_equal(next->stamp->totals[0].tlvs[EL_STAMP_TLVS_ANSWERED], 3 * (i + 1));
		assert_int_equal(next->stamp->totals[0].tlvs[EL_STAMP_TLVS_UNKNOWN], 2 * (i + 1));
		el_block_free(b);
	}
	scene_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_go_on),
	    cmocka_unit_test(directions_are_told),
	    cmocka_unit_test(the_beginning_is_unknown),
	    cmocka_unit_test(late_answers_are_unknown),
	    cmocka_unit_test(local_probes_do_not_count),
	    cmocka_unit_test(what_is_not_clear_is_unknown),
	    cmocka_unit_test(reordering_changes_nothing),
	    cmocka_unit_test(reflectors_that_do_not_count),
	    cmocka_unit_test(reflectors_that_are_restarted),
	    cmocka_unit_test(refusals_are_lost_on_the_way_back),
	    cmocka_unit_test(one_refusal),
	    cmocka_unit_test(reflectors_that_count_by_ports),
	    cmocka_unit_test(silence_becomes_unknown),
	    cmocka_unit_test(long_runs_are_exact),
	    cmocka_unit_test(sessions_go_on_under_another_plan),
	    cmocka_unit_test(reflectors_tell_of_themselves),
	};

	return cmocka_run_group_tests_name("direction of loss", tests, NULL, NULL);
}
