/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries of the workers' tables for next hops: each has its own as long as any plan uses it. */
#include "unit.h"

#include "hops.h"

#define MAX 1000

static const struct el_port_idx PORT0 = {0}, PORT1 = {1};

static struct el_ip address(uint32_t i)
{
	return el_ip_from_v4(htonl(0x0a000001 + i));
}

static uint16_t take(struct hops *h, struct el_port_idx port, uint32_t i)
{
	const struct el_ip ip = address(i);
	struct el_next_hop_idx index;

	assert_int_equal(hops_take(h, port, &ip, &index), 0);
	return index.v;
}

static void give_back(struct hops *h, uint16_t index)
{
	hops_give_back(h, (struct el_next_hop_idx){index});
}

static void each_has_its_own(void **state)
{
	struct hops *h = hops_create(MAX);
	bool is_taken[MAX] = {false};

	(void)state;
	assert_non_null(h);
	for (uint32_t i = 0; i < MAX; i++) {
		uint16_t index = take(h, i % 2 ? PORT1 : PORT0, i / 2);

		assert_in_range(index, 0, MAX - 1);
		assert_false(is_taken[index]);
		is_taken[index] = true;
	}
	for (uint32_t i = 0; i < MAX; i++)
		assert_int_equal(take(h, i % 2 ? PORT1 : PORT0, i / 2),
				 take(h, i % 2 ? PORT1 : PORT0, i / 2));
	hops_destroy(h);
}

static void kept_while_it_is_used(void **state)
{
	struct hops *h = hops_create(MAX);
	const struct el_ip more = address(MAX);
	struct el_next_hop_idx none = {77};
	uint16_t index[MAX];

	(void)state;
	for (uint32_t i = 0; i < MAX; i++)
		index[i] = take(h, PORT0, i);
	assert_int_equal(hops_take(h, PORT0, &more, &none), -ENOSPC);
	assert_int_equal(none.v, 77);

	assert_int_equal(take(h, PORT0, 5), index[5]);
	give_back(h, index[5]);
	assert_int_equal(hops_take(h, PORT0, &more, &none), -ENOSPC);
	give_back(h, index[5]);
	assert_int_equal(take(h, PORT0, MAX), index[5]);

	/* those that share a hash with one that is gone are found all the same */
	for (uint32_t i = 0; i < MAX; i += 2)
		give_back(h, index[i]);
	for (uint32_t i = 1; i < MAX; i += 2) {
		if (i != 5)
			assert_int_equal(take(h, PORT0, i), index[i]);
	}
	hops_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_has_its_own),
	    cmocka_unit_test(kept_while_it_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
