/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of 4-tuples when one plan follows another. */
#include "plan_fixture.h"

/* The entry of a 4-tuple, whose addresses are those of a slice; NULL: it is in no range. */
static uint32_t *path_of(const struct el_plan *plan, const struct el_slice *s, uint32_t port)
{
	for (uint32_t i = 0; i < plan->n_ranges; i++) {
		const struct el_path_range *r = &plan->ranges[i];
		if (r->addr_key == s->addr_key && r->dst_port == s->dst_port && port >= r->port &&
		    port - r->port < r[1].first - r->first)
			return &plan->paths[r->first + port - r->port];
	}
	return NULL;
}

/* A plan with TCP streams to some of 40 addresses, and one or two groups of some ports. */
static struct el_plan_set *some_plan(struct fixture **ret, uint64_t *random)
{
	struct fixture *f = *ret = fixture(2, 1);

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

/* Whatever two plans look like: the second begins with what the first knows of each 4-tuple that
 * both have. In parts as well as at once. */
static void paths_are_inherited(void **state)
{
	uint64_t random = 1;
	uint32_t inherited = 0;

	(void)state;
	for (int run = 0; run < 300; run++) {
		struct fixture *f[2];
		struct el_plan_set *set[2] = {some_plan(&f[0], &random), some_plan(&f[1], &random)};
		struct el_plan *from = set[0]->plans[0], *to = set[1]->plans[0];
		struct el_path_walk walk = {0};
		uint32_t calls = 1;

		for (uint32_t i = 0; i < from->n_paths; i++)
			from->paths[i] = i + 1;
		while (!el_plan_inherit_paths(to, from, &walk, run % 2 ? 20 : UINT32_MAX))
			calls++;
		assert_true(calls == 1 || run % 2);
		for (uint32_t i = 0; i < to->n_slices; i++) {
			const struct el_slice *s = &to->slices[i];
			for (uint32_t n = 0; n < s->n_packets && s->type == EL_PROBE_TCPSYN; n++) {
				uint16_t port = el_slice_port(s, n);
				const uint32_t *have = path_of(to, s, port);
				const uint32_t *known = path_of(from, s, port);
				assert_ptr_equal(have,
						 &to->paths[s->path_first + port - s->path_base]);
				assert_int_equal(*have, known ? *known : 0);
				inherited += known != NULL;
			}
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
