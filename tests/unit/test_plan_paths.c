/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of 4-tuples when one plan follows another. */
#include "plan_fixture.h"

/* The entry of a 4-tuple, whose addresses are those of a slice, in a worker's plan; NULL: it is in
 * no range. */
static el_path *path_in(const struct el_plan *plan, const struct el_slice *s, uint32_t port)
{
	for (uint32_t i = 0; i < plan->n_ranges; i++) {
		const struct el_path_range *r = &plan->ranges[i];
		if (r->addr_key == s->addr_key && r->dst_port == s->dst_port && port >= r->port &&
		    port - r->port < r[1].first - r->first)
			return &plan->paths[r->first + port - r->port];
	}
	return NULL;
}

/* The same in any worker's. */
static el_path *path_of(const struct el_plan_set *set, const struct el_slice *s, uint32_t port)
{
	el_path *found = NULL;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		el_path *path = path_in(set->plans[w], s, port);
		assert_false(found && path);
		found = path ? path : found;
	}
	return found;
}

/* A plan of three workers with TCP streams to some of 40 addresses, and one or two groups of some
 * ports. */
static struct el_plan_set *some_plan(struct fixture **ret, uint64_t *random)
{
	struct fixture *f = *ret = fixture(2, 1);

	f->workers = 3;
	f->model.n_groups = 1 + unit_random(random) % 2;
	for (uint32_t g = 0; g < 2; g++) {
		f->groups[g].src_port_first = (uint16_t)(65000 + unit_random(random) % 20);
		f->groups[g].src_port_count = (uint16_t)(1 + unit_random(random) % 20);
	}
	for (int a = 0; a < 40; a++) {
		char address[32];
		snprintf(address, sizeof(address), "198.51.100.%d", a);
		if (unit_random(random) % 3)
			add_target(f, unit_random(random) % 8 ? EL_PROBE_TCPSYN : EL_PROBE_ICMPPING,
				   address, 1 + (uint32_t)(unit_random(random) % 30));
	}
	return compile(f);
}

/* The 4-tuples of a plan, against what the plan before knows of it. */
static uint32_t check_inherited(const struct el_plan *to, const struct el_plan_set *from)
{
	uint32_t inherited = 0;

	for (uint32_t i = 0; i < to->n_slices; i++) {
		const struct el_slice *s = &to->slices[i];
		for (uint32_t n = 0; n < s->n_packets && s->type == EL_PROBE_TCPSYN; n++) {
			uint16_t port = el_slice_port(s, n);
			const el_path *have = path_in(to, s, port), *known = path_of(from, s, port);
			assert_ptr_equal(have, &to->paths[s->path_first + port - s->path_base]);
			assert_int_equal(*have, known ? *known : 0);
			inherited += known != NULL;
		}
	}
	return inherited;
}

/* Whatever two plans look like: the second begins with what the first knows of each 4-tuple that
 * both have, whichever worker it was and is with. In parts as well as at once. */
static void paths_are_inherited(void **state)
{
	uint64_t random = 1;
	uint32_t inherited = 0;

	(void)state;
	for (int run = 0; run < 300; run++) {
		struct fixture *f[2];
		struct el_plan_set *set[2] = {some_plan(&f[0], &random), some_plan(&f[1], &random)};

		for (uint32_t w = 0; w < 3; w++) {
			struct el_plan *from = set[0]->plans[w];
			for (uint32_t i = 0; i < from->n_paths; i++)
				from->paths[i] = (w + 1) << 20 | i;
		}
		for (uint32_t w = 0; w < 3; w++) {
			struct el_plan *to = set[1]->plans[w];
			struct el_path_walk walk = {0};
			uint32_t calls = 1;
			while (!el_plan_inherit_paths(to, set[0], &walk, run % 2 ? 20 : UINT32_MAX))
				calls++;
			assert_true(calls == 1 || run % 2);
			inherited += check_inherited(to, set[0]);
		}
		for (int k = 0; k < 2; k++) {
			el_plan_set_put(set[k]);
			free(f[k]);
		}
	}
	assert_true(inherited > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths_are_inherited)};

	/* streams that come back to a port too soon are warned of, plan by plan */
	el_log_set_level(EL_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
