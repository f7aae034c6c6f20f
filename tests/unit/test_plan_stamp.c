/* SPDX-License-Identifier: BSD-3-Clause */
/* What plans have of STAMP: sessions that can be told apart, kinds, and the second plane. */
#include <errno.h>

#include "plan_fixture.h"

#include "stamp_keys.h"

#define SESSIONS 1000

static char names[SESSIONS][16];

/* So many targets between the same two addresses, in the one order or in the other: the SSID of
 * each, by its name and group. Each occurs once. */
static void read_ssids(bool reversed, uint16_t ret[SESSIONS][2])
{
	static bool used[65536];
	struct fixture *f = fixture(2, 1);
	struct el_plan_set *set;

	memset(used, 0, sizeof(used));
	for (int i = 0; i < SESSIONS; i++) {
		add_target(f, EL_PROBE_STAMP, "198.51.100.1", 1);
		f->targets[i].name = names[reversed ? SESSIONS - 1 - i : i];
	}
	set = compile(f);
	assert_int_equal(set->plans[0]->n_slices, 2 * SESSIONS);
	for (uint32_t i = 0; i < 2 * SESSIONS; i++) {
		const struct el_slice *s = &set->plans[0]->slices[i];
		uint32_t target = s->series / 2;

		assert_int_not_equal(s->cookie, 0);
		assert_false(used[s->cookie]);
		used[s->cookie] = true;
		assert_int_equal(el_get16(s->template + sizeof(s->template) - 2), s->cookie);
		ret[reversed ? SESSIONS - 1 - target : target][s->series % 2] = s->cookie;
	}
	el_plan_set_put(set);
	free(f);
}

/* More than enough for some to want the same by chance. Who has which does not depend on the order.
 */
static void sessions_differ(void **state)
{
	static uint16_t ssids[SESSIONS][2], again[SESSIONS][2];

	(void)state;
	for (int i = 0; i < SESSIONS; i++)
		snprintf(names[i], sizeof(names[i]), "t%d", i);
	read_ssids(false, ssids);
	read_ssids(true, again);
	assert_memory_equal(ssids, again, sizeof(ssids));
}

static void only_stamp_has_a_second_plane(void **state)
{
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct fixture *f = fixture(1, 10);
		uint64_t bytes = 100 * sizeof(el_record);
		struct el_plan_set *set;
		struct el_block *block;

		add_target(f, EL_PROBE_ICMPPING, "198.51.100.1", 70);
		add_target(f, with ? EL_PROBE_STAMP : EL_PROBE_UDPUNREACHABLE, "198.51.100.2", 30);
		set = compile(f);
		assert_int_equal(set->n_stamp_kinds, with);
		if (with) {
			bytes += 100 * sizeof(struct el_stamp_note);
			assert_int_equal(set->stamp_ports[80 / 64] >> 80 % 64 & 1, 1);
		} else {
			assert_null(set->stamp_ports);
		}
		assert_int_equal(el_plan_set_blocks_bytes(set), bytes * set->n_blocks);
		block = el_block_create(set, 0);
		assert_int_equal(block->stamps != NULL, with);
		if (with)
			block->stamps[99].t1 = 1;
		block->records[99] = el_record_sent(1);
		el_block_reset(block, 2, 3);
		assert_int_equal(block->records[99], 0);
		if (with)
			assert_int_equal(block->stamps[99].t1, 0);
		el_block_free(block);
		el_plan_set_put(set);
		free(f);
	}
}

static void kinds_are_shared(void **state)
{
	struct fixture *f = fixture(2, 10);
	static const int32_t sizes[] = {EL_CONF_UNSET, 52, 100, 54, 56, 100};
	struct el_plan_set *set;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_target(f, EL_PROBE_STAMP, "198.51.100.1", 1);
		f->targets[i].ip_payload_size = sizes[i];
	}
	set = compile(f);
	assert_int_equal(set->n_stamp_kinds, 3); /* 52, 56 and 100 */
	for (uint32_t i = 0; i < set->plans[0]->n_slices; i++) {
		const struct el_slice *s = &set->plans[0]->slices[i];
		const struct el_probe_stamp_kind *k = &set->stamp_kinds[s->stamp_kind];

		assert_int_equal(s->header_len, 20 + 8 + 16 + k->tail_len);
		assert_int_equal(s->payload_len, k->payload_len);
		assert_int_equal(s->half_open_first, EL_HALF_OPEN_NONE);
	}
	el_plan_set_put(set);
	free(f);
}

static bool asks_for(const struct el_stamp_sender *s, enum el_stamp_tlv_type type)
{
	return s->asks >> type & 1;
}

/* What is configured of a target is what its requests are like. */
static void kinds_are_as_configured(void **state)
{
	static const char *const text = "a key that is a secret";
	struct fixture *f = fixture(1, 10);
	const struct el_probe_stamp_kind *k;
	const struct el_stamp_key *key;
	struct el_plan_set *set;
	char path[1][32];

	(void)state;
	f->in.stamp_keys = read_key_files(&text, 1, path);
	key = el_stamp_keys_find(f->in.stamp_keys, path[0]);
	for (int i = 0; i < 5; i++)
		add_target(f, EL_PROBE_STAMP, "198.51.100.1", 1);
	f->targets[1].stamp = (struct el_model_stamp){.ptp = true};
	f->targets[2].stamp = (struct el_model_stamp){.authenticated = true, .key_file = path[0]};
	f->targets[3].stamp = (struct el_model_stamp){
	    .direct_measurement = true, .class_of_service = true, .dscp = 46, .key_file = path[0]};
	f->targets[4].stamp = (struct el_model_stamp){.key_file = path[0]};
	set = compile(f);
	k = set->stamp_kinds;
	assert_int_equal(set->n_stamp_kinds, 4); /* there is nothing to be signed of the last */
	assert_true(k[0].plain && !k[0].sender.key && k[0].sender.format == EL_STAMP_NTP);
	assert_true(k[1].plain && k[1].sender.format == EL_STAMP_PTP && set->has_ptp);
	assert_true(!k[2].plain && k[2].sender.authenticated && k[2].sender.key == key);
	assert_int_equal(k[2].sender.len, EL_STAMP_AUTH_LEN);
	assert_int_equal(k[2].sender.asks, 0);
	assert_true(!k[3].plain && !k[3].sender.authenticated && k[3].sender.key == key);
	assert_true(asks_for(&k[3].sender, EL_STAMP_TLV_DIRECT_MEASUREMENT) &&
		    asks_for(&k[3].sender, EL_STAMP_TLV_CLASS_OF_SERVICE));
	assert_int_equal(k[3].sender.dscp, 46);
	/* the set keeps what it signs with */
	el_stamp_keys_put(f->in.stamp_keys);
	assert_ptr_equal(el_stamp_keys_find(set->stamp_keys, path[0]), key);
	el_plan_set_put(set);
	free(f);
}

/* A key that nobody has read is no reason to send what is not signed. */
static void without_its_key_there_is_no_plan(void **state)
{
	static char file[] = "/etc/nothing.key";
	struct fixture *f = fixture(1, 10);
	struct el_plan_set *set = NULL;
	struct el_error err = {{0}};

	(void)state;
	add_target(f, EL_PROBE_STAMP, "198.51.100.1", 1);
	f->targets[0].stamp = (struct el_model_stamp){.authenticated = true, .key_file = file};
	for (int is_update = 0; is_update < 2; is_update++) {
		f->in.is_update = is_update;
		assert_int_equal(el_plan_compile(&f->in, &set, &err), -ENOKEY);
		assert_string_equal(err.text,
				    "target t: its key has not been read: /etc/nothing.key");
	}
	free(f);
}

/* One kind too many: an error where it is of the configuration's own. */
static void kinds_have_a_limit(void **state)
{
	(void)state;
	for (int n = EL_PROBE_STAMP_KINDS_MAX; n <= EL_PROBE_STAMP_KINDS_MAX + 1; n++) {
		struct fixture *f = fixture(1, 10);
		struct el_plan_set *set = NULL;
		struct el_error err = {{0}};
		int rc;

		for (int i = 0; i < n; i++) {
			add_target(f, EL_PROBE_STAMP, "198.51.100.1", 1);
			f->targets[i].ip_payload_size = 100 + i;
		}
		rc = el_plan_compile(&f->in, &set, &err);
		assert_int_equal(rc, n == EL_PROBE_STAMP_KINDS_MAX ? 0 : -ENOSPC);
		if (rc < 0)
			assert_string_equal(
			    err.text, "target t: STAMP targets may have 256 different combinations "
				      "of ip_payload_size and of what is below stamp at most, and "
				      "its own is one more");
		el_plan_set_put(set);
		free(f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sessions_differ),
	    cmocka_unit_test(only_stamp_has_a_second_plane),
	    cmocka_unit_test(kinds_are_shared),
	    cmocka_unit_test(kinds_are_as_configured),
	    cmocka_unit_test(without_its_key_there_is_no_plan),
	    cmocka_unit_test(kinds_have_a_limit),
	};

	return cmocka_run_group_tests_name("plan, STAMP", tests, NULL, NULL);
}
