/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <math.h>
#include <unistd.h>

#include "el_model.h"

#define GLOBAL                                                                                     \
	"global: {probe_name: lab, interval: 1, nb_proc: 1, logging_level: INFO, "                 \
	"prometheus_port: 9000, "                                                                  \
	"dns_update_interval: 0, percentile: [99, 50]}\n"

static struct el_conf *load(const char *text)
{
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	int rc = el_conf_load_buffer("f", text, strlen(text), &conf, &diags);

	for (size_t i = 0; rc < 0 && i < diags.count; i++)
		print_error("%s\n", diags.items[i].text);
	assert_int_equal(rc, 0);
	el_conf_diags_fini(&diags);
	return conf;
}

/* Makes a model, and what was logged at INFO and above on the way into `log`. */
static struct el_model *create(const char *text, char *log, size_t cap)
{
	struct el_conf *conf = load(text);
	struct el_model *model;
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	el_log_set_level(EL_LOG_INFO);
	el_log_set_fd(fds[1]);
	model = el_model_create(&(struct el_model_input){.conf = conf});
	el_log_set_fd(STDERR_FILENO);
	close(fds[1]);
	n = read(fds[0], log, cap - 1);
	log[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	el_conf_free(conf); /* the model keeps nothing of it */
	return model;
}

static const struct el_model_target *target(const struct el_model *m, const char *name)
{
	for (uint32_t i = 0; i < m->n_targets; i++)
		if (strcmp(m->targets[i].name, name) == 0)
			return &m->targets[i];
	fail_msg("there is no target %s", name);
	return NULL;
}

/* The names of the groups that a target is in, in the order of its series. */
static void assert_groups(const struct el_model *m, const char *name, const char *groups)
{
	const struct el_model_target *t = target(m, name);
	char text[256];
	struct el_str out = EL_STR_INIT(text);

	text[0] = '\0';
	for (uint32_t i = t->first_series; i < t->first_series + t->n_series; i++)
		el_str_addf(&out, "%s%s", out.len ? " " : "", m->groups[m->series[i].group].name);
	assert_string_equal(text, groups);
}

/* What must hold for every model. */
static void assert_consistent(const struct el_model *m)
{
	uint32_t series = 0, streams = 0;

	for (uint32_t t = 0; t < m->n_targets; t++) {
		assert_int_equal(m->targets[t].enabled, m->targets[t].n_series > 0);
		assert_int_equal(m->targets[t].first_series, series);
		for (uint32_t i = 0; i < m->targets[t].n_series; i++, series++) {
			assert_int_equal(m->series[series].target, t);
			assert_true(m->series[series].group < m->n_groups);
			assert_int_equal(m->series[series].first_stream, streams);
			assert_int_equal(m->series[series].n_streams, 1);
			assert_int_equal(m->streams[streams].series, series);
			assert_true(
			    el_ip_equal(&m->streams[streams].address, &m->targets[t].address));
			streams++;
		}
	}
	assert_int_equal(m->n_series, series);
	assert_int_equal(m->n_streams, streams);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static void membership(void **state)
{
	char log[8192];
	struct el_model *m = create(
	    GLOBAL
	    "groups: {a: {}, b: {permit_target_auto_register: false}, c: {}}\n"
	    "targets:\n"
	    "  auto: {type: ICMPping, destination: 192.0.2.1}\n"
	    "  added: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {register_to: [b, "
	    "b, a]}}\n"
	    "  less: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {exclude_from: "
	    "[a]}}\n"
	    "  both: {type: ICMPping, destination: 192.0.2.1,\n"
	    "         explicit_groups: {register_to: [b], exclude_from: [c, b]}}\n"
	    "  only: {type: ICMPping, destination: 192.0.2.1, auto_register_to_groups: false,\n"
	    "         explicit_groups: {register_to: [c]}}\n"
	    "  none: {type: ICMPping, destination: 192.0.2.1, auto_register_to_groups: false}\n"
	    "  gone: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {exclude_from: [a, "
	    "c]}}\n"
	    "  unknown: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {register_to: "
	    "[d]}}\n"
	    "  not_in: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {exclude_from: "
	    "[b, e]}}\n",
	    log, sizeof(log));

	(void)state;
	assert_non_null(m);
	assert_consistent(m);
	assert_groups(m, "auto", "a c");
	assert_groups(m, "added", "a b c");
	assert_groups(m, "less", "c");
	assert_groups(m, "both", "a");
	assert_groups(m, "only", "c");
	assert_groups(m, "none", "");
	assert_groups(m, "gone", "");
	assert_groups(m, "unknown", "a c");
	assert_groups(m, "not_in", "a c");
	assert_false(target(m, "none")->enabled);
	assert_int_equal(count(log, "level=\"WARNING\""), 3);
	assert_int_equal(count(log, "target none disabled: not in any group"), 1);
	assert_int_equal(count(log, "target gone disabled: not in any group"), 1);
	assert_int_equal(count(log, "target unknown: there is no group d"), 1);
	assert_int_equal(count(log, "level=\"INFO\""), 2);
	assert_int_equal(count(log, "target not_in: not in group b"), 1);
	assert_int_equal(count(log, "target not_in: not in group e"), 1);
	el_model_put(m);
}

static void what_is_not_supported_is_disabled(void **state)
{
	char log[8192];
	struct el_model *m =
	    create(GLOBAL "groups: {a: {}}\n"
			  "targets:\n"
			  "  six: {type: ICMPping, destination: '2001:db8::1'}\n"
			  "  name: {type: ICMPping, destination: host.example}\n"
			  "  subnet: {type: ICMPping, destination: 192.0.2.0/24, is_subnet: true}\n"
			  "  fine: {type: ICMPping, destination: 192.0.2.1}\n",
		   log, sizeof(log));

	(void)state;
	assert_non_null(m);
	assert_consistent(m);
	assert_int_equal(m->n_targets, 4);
	assert_int_equal(m->n_series, 1);
	assert_int_equal(target(m, "six")->family, 6);
	assert_true(target(m, "fine")->enabled);
	assert_int_equal(count(log, "level=\"WARNING\""), 3);
	assert_int_equal(count(log, "target six disabled: IPv6"), 1);
	assert_int_equal(count(log, "target name disabled: host names"), 1);
	assert_int_equal(count(log, "target subnet disabled: subnets"), 1);
	el_model_put(m);
}

static void everything_is_copied(void **state)
{
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	struct el_model *m;
	const struct el_model_target *t;

	(void)state;
	assert_int_equal(el_conf_load(EL_TEST_DATA "/conf/netprobify-example.yaml", &conf, &diags),
			 0);
	el_conf_diags_fini(&diags);
	m = el_model_create(&(struct el_model_input){.conf = conf});
	el_conf_free(conf);
	assert_non_null(m);
	assert_consistent(m);
	assert_string_equal(m->probe_name, "lab");
	assert_int_equal(m->n_percentiles, 3);
	assert_int_equal(m->percentiles[2], 99);
	assert_int_equal(m->groups[2].src_port_first, 65100);
	assert_int_equal(m->groups[2].src_port_count, 100);
	assert_int_equal(m->groups[2].src_ipv4.family, 4);
	assert_int_equal(m->groups[0].dscp, 11);
	assert_int_equal(m->groups[0].ip_payload_size, EL_CONF_UNSET);
	assert_groups(m, "search_tcp", "transit1 transit2 standard");
	assert_groups(m, "search_tcp_again", "transit1 standard");
	assert_groups(m, "search_icmp", "standard");
	assert_groups(m, "search_udp", "standard");
	t = target(m, "search_tcp");
	assert_int_equal(t->type, EL_PROBE_TCPSYN);
	assert_int_equal(t->dst_port, 443);
	assert_int_equal(t->nb_packets, 100);
	assert_true(t->dont_fragment && t->timeout_s == 1);
	assert_true(t->threshold_latency_s == 0.1 &&
		    isnan(target(m, "search_tcp_again")->threshold_loss));
	assert_string_equal(t->description, "search, front");
	assert_string_equal(el_model_state_label(t->state), "in production");
	assert_string_equal(el_model_alert_level_label(t->alert_level), "paging");
	assert_string_equal(el_model_family_label(t->family), "ipv4");
	assert_string_equal(el_model_state_label(EL_STATE_NONE), "None");
	assert_string_equal(el_model_state_label(EL_STATE_VALIDATION), "validation");
	assert_string_equal(el_model_alert_level_label(EL_ALERT_NO_ALERT), "no_alert");
	assert_string_equal(el_model_alert_level_label(EL_ALERT_PAGING_VALIDATION),
			    "paging_validation");
	assert_string_equal(el_model_alert_level_label(EL_ALERT_SANDBOX), "sandbox");
	assert_string_equal(el_model_family_label(6), "ipv6");
	el_model_put(m);
}

static void duplicates_and_references(void **state)
{
	char log[4096];
	struct el_model *m = create(GLOBAL "groups: {a: {}}\n"
					   "targets:\n"
					   "  t: {type: ICMPping, destination: 192.0.2.1}\n"
					   "  t: {type: ICMPping, destination: 192.0.2.2}\n",
				    log, sizeof(log));

	(void)state;
	assert_int_equal(m->n_targets, 1);
	assert_int_equal(m->duplicate_targets.count, 1);
	assert_string_equal(m->duplicate_targets.items[0], "t");
	assert_ptr_equal(el_model_get(m), m);
	el_model_put(m);
	assert_string_equal(m->targets[0].name, "t"); /* still there */
	el_model_put(m);
	el_model_put(NULL);
}

static void no_targets(void **state)
{
	char log[4096];
	struct el_model *m = create(GLOBAL "groups: {a: {}}\n", log, sizeof(log));

	(void)state;
	assert_non_null(m);
	assert_int_equal(m->n_targets + m->n_series + m->n_streams, 0);
	el_model_put(m);
}

static void too_many_probes(void **state)
{
	char log[4096];

	(void)state;
	errno = 0;
	assert_null(create(
	    GLOBAL "groups: {a: {}, b: {}}\ndataplane: {max_probes_per_round: 1000}\n"
		   "targets: {t: {type: ICMPping, destination: 192.0.2.1, nb_packets: 501}}\n",
	    log, sizeof(log)));
	assert_int_equal(count(log, "1002 probes a round with target t: more than"), 1);
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
	    cmocka_unit_test(membership),
	    cmocka_unit_test(what_is_not_supported_is_disabled),
	    cmocka_unit_test(everything_is_copied),
	    cmocka_unit_test(duplicates_and_references),
	    cmocka_unit_test(no_targets),
	    cmocka_unit_test(too_many_probes),
	    cmocka_unit_test(large_models),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
