/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of 4-tuples when one plan follows another. */
#include "plan_fixture.h"

#include "el_streams.h"

/* The entry of a 4-tuple, whose addresses are those of a slice, of a worker; NULL: it is in no
 * range. */
static el_half_open *entry_of(const struct el_streams *streams, uint32_t worker,
			      const struct el_slice *s, uint32_t port)
{
	const struct el_plan *plan = streams->set->plans[worker];

	for (uint32_t i = 0; i < plan->n_ranges; i++) {
		const struct el_half_open_range *r = &plan->ranges[i];
		if (r->addr_key == s->addr_key && r->dst_port == s->dst_port && port >= r->port &&
		    port - r->port < r[1].first - r->first)
			return &streams->of[worker].half_open[r->first + port - r->port];
	}
	return NULL;
}

/* The same of any worker. */
static el_half_open *entry(const struct el_streams *streams, const struct el_slice *s,
			   uint32_t port)
{
	el_half_open *found = NULL;

	for (uint32_t w = 0; w < streams->set->n_workers; w++) {
		el_half_open *h = entry_of(streams, w, s, port);
		assert_false(found && h);
		found = h ? h : found;
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

/* The 4-tuples of a worker, against what is known under the plan before. */
static uint32_t check_inherited(const struct el_streams *to, uint32_t worker,
				const struct el_streams *from)
{
	const struct el_plan *plan = to->set->plans[worker];
	uint32_t inherited = 0;

	for (uint32_t i = 0; i < plan->n_slices; i++) {
		const struct el_slice *s = &plan->slices[i];
		for (uint32_t n = 0; n < s->n_packets && s->type == EL_PROBE_TCPSYN; n++) {
			uint16_t port = el_slice_port(s, n);
			const el_half_open *have = entry_of(to, worker, s, port);
			const el_half_open *known = entry(from, s, port);
			assert_ptr_equal(have, &to->of[worker].half_open[s->half_open_first + port -
									 s->half_open_base]);
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

		struct el_streams *from = el_streams_create(set[0]);
		struct el_streams *to = el_streams_create(set[1]);

		assert_true(from && to);
		for (uint32_t w = 0; w < 3; w++) {
			for (uint32_t i = 0; i < set[0]->plans[w]->n_half_open; i++)
				from->of[w].half_open[i] = (w + 1) << 20 | i;
		}
		for (uint32_t w = 0; w < 3; w++) {
			struct el_half_open_walk walk = {0};
			uint32_t calls = 1;
			while (!el_streams_inherit(to, w, from, &walk, run % 2 ? 20 : UINT32_MAX))
				calls++;
			assert_true(calls == 1 || run % 2);
			inherited += check_inherited(to, w, from);
		}
		el_streams_put(from);
		el_streams_put(to);
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
