/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_probe.h"

static uint64_t seed;

static int setup(void **state)
{
	(void)state;
	seed = unit_seed();
	return 0;
}

static struct el_id_key random_key(void)
{
	uint8_t random[32];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)unit_random(&seed);
	return el_id_key_init(random);
}

static void round_trip(const struct el_id_key *key, uint32_t x)
{
	uint32_t y = el_id_permute(key, x);

	assert_int_equal(el_id_unpermute(key, y), x);
	assert_int_equal(el_id_permute(key, el_id_unpermute(key, x)), x);
	if ((x & 0xffff) == 0)
		return;
	y = el_id_permute_nonzero(key, x);
	assert_int_not_equal(y & 0xffff, 0);
	assert_int_equal(el_id_unpermute_nonzero(key, y), x);
}

static void permutation_has_an_inverse(void **state)
{
	static const uint32_t starts[] = {0, 0xfff0, 0x7fff0000, 0x80000000 - 70000,
					  UINT32_MAX - 140000};

	(void)state;
	for (int k = 0; k < 20; k++) {
		struct el_id_key key = random_key();

		assert_int_equal(key.mul[0] & key.mul[1] & 1, 1);
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
			for (uint32_t j = 0; j < 140000; j += 7)
				round_trip(&key, starts[i] + j);
		for (int i = 0; i < 100000; i++)
			round_trip(&key, (uint32_t)unit_random(&seed));
	}
}

/* Every one of the 2^32 numbers is the image of exactly one, and the ids with a zero half stay out:
 * a bitmap of 512 MiB. Seconds in a release build; run it with EL_TEST_LONG=1. */
static void permutation_is_a_bijection(void **state)
{
	struct el_id_key key = random_key();
	uint64_t *seen, missing = 0;
	const uint64_t n = 1ULL << 32;

	(void)state;
	if (!getenv("EL_TEST_LONG"))
		skip();
	seen = calloc(n / 64, 8);
	assert_non_null(seen);
	for (uint64_t x = 0; x < n; x++) {
		uint32_t y = x & 0xffff ? el_id_permute_nonzero(&key, (uint32_t)x) : (uint32_t)x;
		seen[y >> 6] |= 1ULL << (y & 63);
	}
	for (uint64_t i = 0; i < n / 64; i++)
		missing += 64 - (unsigned)__builtin_popcountll(seen[i]);
	free(seen);
	assert_int_equal(missing, 0);
}

/* Keys that differ make permutations that differ, and neighbouring ids don't stay neighbours. */
static void permutation_depends_on_the_key(void **state)
{
	struct el_id_key a = random_key(), b = random_key();
	unsigned equal = 0, near = 0;

	(void)state;
	for (uint32_t x = 1; x < 10000; x++) {
		uint32_t y = el_id_permute(&a, x), next = el_id_permute(&a, x + 1);
		equal += y == el_id_permute(&b, x);
		near += y + 1 == next;
	}
	assert_true(equal < 3);
	assert_true(near < 3);
}

static void check_pack(const struct el_id_layout *l, uint32_t worker, uint64_t round,
		       uint32_t index)
{
	uint32_t id = el_id_pack(l, worker, round, index);
	struct el_id back;

	assert_int_not_equal(id & 0xffff, 0);
	assert_true(el_id_unpack(l, id, &back));
	assert_int_equal(back.worker, worker);
	assert_int_equal(back.index, index);
	assert_int_equal(back.round, round & ((1ULL << l->round_bits) - 1));
}

static void packs_and_unpacks(void **state)
{
	static const uint64_t n_indices[] = {
	    1,      2,      3,      255,    256,    257,    65534,   65535,   65536,   65537,
	    131069, 131070, 131071, 131072, 196605, 196606, 1000000, 1 << 24, 1 << 28, 1 << 29};
	static const uint32_t n_workers[] = {1, 2, 3, 4, 5};

	(void)state;
	for (size_t i = 0; i < sizeof(n_indices) / sizeof(n_indices[0]); i++)
		for (size_t w = 0; w < sizeof(n_workers) / sizeof(n_workers[0]); w++) {
			struct el_id_layout l;
			uint32_t last = (uint32_t)n_indices[i] - 1;

			if (el_id_layout_init(n_workers[w], 1, n_indices[i], &l) < 0) {
				assert_true(n_indices[i] >= 1 << 28);
				continue;
			}
			assert_int_equal(l.index_bits + l.round_bits + l.worker_bits, 32);
			for (uint32_t worker = 0; worker < n_workers[w]; worker++)
				for (int j = 0; j < 300; j++) {
					uint64_t round = unit_random(&seed);
					uint32_t index =
					    (uint32_t)(unit_random(&seed) % n_indices[i]);
					check_pack(&l, worker, round, index);
					check_pack(&l, worker, UINT64_MAX, last);
					check_pack(&l, worker, 0,
						   last > (uint32_t)j ? last - (uint32_t)j : 0);
					check_pack(&l, worker, 0, (uint32_t)j % (last + 1));
				}
		}
}

/* Around every place where a number is left out, with the fewest bits that hold it. */
static void packs_at_boundaries(void **state)
{
	(void)state;
	for (uint32_t k = 1; k < 200; k++)
		for (uint32_t index = k * 65535 - 2; index < k * 65535 + 3; index++) {
			struct el_id_layout l;

			assert_int_equal(el_id_layout_init(1, 1, (uint64_t)index + 1, &l), 0);
			check_pack(&l, 0, unit_random(&seed), index);
			check_pack(&l, 0, unit_random(&seed), index - 1);
			assert_int_not_equal(el_id_pack(&l, 0, 0, index),
					     el_id_pack(&l, 0, 0, index - 1));
		}
}

static void unpack_refuses_what_pack_never_makes(void **state)
{
	struct el_id_layout l;
	struct el_id id;

	(void)state;
	assert_int_equal(el_id_layout_init(1, 4, 70000, &l), 0);
	assert_int_equal(l.index_bits, 17);
	assert_false(el_id_unpack(&l, 0, &id));
	assert_false(el_id_unpack(&l, 0x10000, &id));
	assert_false(el_id_unpack(&l, 0xffff0000, &id));
	assert_true(el_id_unpack(&l, 0x10001, &id));
	assert_int_equal(id.index, 65535);
}

static void layouts(void **state)
{
	static const struct {
		uint32_t workers;
		uint64_t rounds, indices;
		int error, index, round, worker;
	} cases[] = {
	    {1, 1, 1, 0, 1, 31, 0},
	    {1, 3, 65535, 0, 16, 16, 0},
	    {1, 3, 65536, 0, 17, 15, 0},  /* the last index becomes 65537 */
	    {1, 3, 131070, 0, 17, 15, 0}, /* ... 131071 */
	    {1, 3, 131071, 0, 18, 14, 0}, /* ... 131073 */
	    {2, 3, 65535, 0, 16, 15, 1},
	    {64, 3, 1000000, 0, 20, 6, 6},
	    {64, 65, 1000000, -E2BIG, 0, 0, 0},
	    {1, 4, 1 << 30, -E2BIG, 0, 0, 0},
	    {1, 2, 1 << 30, 0, 31, 1, 0},
	    {4, 3, 100000000, 0, 27, 3, 2},
	    {4, 8, 100000000, 0, 27, 3, 2},
	    {4, 9, 100000000, -E2BIG, 0, 0, 0},
	    {1, 1, 1ULL << 32, -E2BIG, 0, 0, 0},
	    {1, 1, UINT64_MAX, -E2BIG, 0, 0, 0},
	    {1, UINT64_MAX, 1, -E2BIG, 0, 0, 0},
	    {UINT32_MAX, 2, 2, -E2BIG, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_id_layout l = {77, 77, 77};

		assert_int_equal(
		    el_id_layout_init(cases[i].workers, cases[i].rounds, cases[i].indices, &l),
		    cases[i].error);
		assert_int_equal(l.index_bits, cases[i].error ? 77 : cases[i].index);
		assert_int_equal(l.round_bits, cases[i].error ? 77 : cases[i].round);
		assert_int_equal(l.worker_bits, cases[i].error ? 77 : cases[i].worker);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(permutation_has_an_inverse),
	    cmocka_unit_test(permutation_is_a_bijection),
	    cmocka_unit_test(permutation_depends_on_the_key),
	    cmocka_unit_test(packs_and_unpacks),
	    cmocka_unit_test(packs_at_boundaries),
	    cmocka_unit_test(unpack_refuses_what_pack_never_makes),
	    cmocka_unit_test(layouts),
	};

	return cmocka_run_group_tests_name("probe_ids", tests, setup, NULL);
}
