/* SPDX-License-Identifier: BSD-3-Clause */
/* Models that are large, or larger than they may be. */
#include "model_fixture.h"

static void too_many_probes(void **state)
{
	char log[4096];

	(void)state;
	errno = 0;
	assert_null(create(
	    GLOBAL "groups: {a: {}, b: {}}\ndataplane: {max_probes_per_round: 1000}\n"
		   "targets: {t: {type: ICMPping, destination: 192.0.2.1, nb_packets: 501}}\n",
	    log, sizeof(log)));
	assert_non_null(strstr(refusal.text, "up to target t there are 1002 probes a round, more "
					     "than dataplane.max_probes_per_round, 1000"));
	/* addresses of subnets count, and so do names that have none now */
	assert_null(create(
	    GLOBAL "groups: {a: {}, b: {}}\ndataplane: {max_probes_per_round: 1023}\n"
		   "targets: {t: {type: ICMPping, destination: 192.0.2.0/24, is_subnet: true, "
		   "nb_packets: 2}}\n",
	    log, sizeof(log)));
	assert_non_null(strstr(refusal.text, "up to target t there are 1024 probes a round"));
	assert_null(create(
	    GLOBAL "groups: {a: {}}\ndataplane: {max_probes_per_round: 1}\n"
		   "targets: {t: {type: ICMPping, destination: host.example, nb_packets: 2}}\n",
	    log, sizeof(log)));
}

/* Of inventories only what is too much is left out, and each once said; the configuration's own
 * targets are counted first. */
static void too_many_probes_of_inventories(void **state)
{
	static const char text[] =
	    GLOBAL "groups: {a: {}, b: {}}\ndataplane: {max_probes_per_round: 1000}\ntargets:\n"
		   "  inv_big: {type: ICMPping, destination: 192.0.2.1, nb_packets: 300}\n"
		   "  own: {type: ICMPping, destination: 192.0.2.2, nb_packets: 250}\n"
		   "  inv_fits: {type: ICMPping, destination: 192.0.2.3, nb_packets: 250}\n";
	const struct el_model *before = NULL;
	struct el_model *m[2];
	char log[4096];

	(void)state;
	for (int i = 0; i < 2; i++, before = m[0]) {
		m[i] =
		    create_from((struct el_model_input){.before = before}, text, log, sizeof(log));
		assert_non_null(m[i]);
		assert_int_equal(target(m[i], "inv_big")->status, EL_MODEL_TOO_MANY_PROBES);
		assert_false(target(m[i], "inv_big")->enabled);
		assert_int_equal(target(m[i], "own")->status, EL_MODEL_ACTIVE);
		assert_int_equal(target(m[i], "inv_fits")->status, EL_MODEL_ACTIVE);
		assert_int_equal(m[i]->n_streams, 4);
		assert_int_equal(m[i]->n_not_probed[EL_MODEL_TOO_MANY_PROBES], 1);
		assert_int_equal(strstr(log, "inv_big is not probed") != NULL, i == 0);
	}
	el_model_put(m[0]);
	el_model_put(m[1]);
}

/* The bound of addresses is the configuration's, and a million streams are no work. */
static void large_subnets(void **state)
{
	static const char head[] = GLOBAL "groups: {a: {}}\ntargets: {t: {type: ICMPping, "
					  "is_subnet: true, destination: ";
	char text[1024], log[256];
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	struct el_model *m;

	(void)state;
	snprintf(text, sizeof(text), "%s10.0.0.0/12}}\ndataplane: {max_addresses_per_target: %d}\n",
		 head, 1 << 20);
	m = create(text, log, sizeof(log));
	assert_int_equal(m->n_streams, 1 << 20);
	assert_consistent(m);
	el_model_put(m);
	snprintf(text, sizeof(text), "%s10.0.0.0/16}}\n", head);
	m = create(text, log, sizeof(log));
	assert_int_equal(m->n_streams, 65536);
	el_model_put(m);
	snprintf(text, sizeof(text),
		 "%s10.0.0.0/16}}\ndataplane: {max_addresses_per_target: 65535}\n", head);
	assert_int_equal(el_conf_load_buffer("f", text, strlen(text), &conf, &diags), -EINVAL);
	assert_int_equal(diags.count, 1);
	assert_non_null(strstr(diags.items[0].text, "10.0.0.0/16 has 65536 addresses, more than "
						    "dataplane.max_addresses_per_target, 65535"));
	el_conf_diags_fini(&diags);
}

static void large_models(void **state)
{
	char *text, log[256];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct el_model *m;

	(void)state;
	fputs(GLOBAL "groups:\n", out);
	for (int i = 0; i < 10; i++)
		fprintf(out, "  g%d: {}\n", i);
	fputs("targets:\n", out);
	for (int i = 0; i < 50000; i++)
		fprintf(out,
			"  t%d: {type: ICMPping, destination: 10.0.0.1, explicit_groups: "
			"{exclude_from: [g%d]}}\n",
			i, i % 10);
	fclose(out);
	m = create(text, log, sizeof(log));
	free(text);
	assert_consistent(m);
	assert_int_equal(m->n_series, 450000);
	el_model_put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(too_many_probes),
	    cmocka_unit_test(too_many_probes_of_inventories),
	    cmocka_unit_test(large_subnets),
	    cmocka_unit_test(large_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
