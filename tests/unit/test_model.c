/* SPDX-License-Identifier: BSD-3-Clause */
#include "model_fixture.h"

#include <arpa/inet.h>
#include <math.h>

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

static struct el_ip ip_of(const char *text)
{
	struct el_ip ip = {0};

	assert_int_equal(el_ip_parse(text, &ip), 0);
	return ip;
}

/* A name server that knows a.example (both families) and b.example (IPv6), and counts. */
static int resolve(void *ctx, const char *name, uint8_t family, struct el_ip *ret)
{
	++*(int *)ctx;
	if (strcmp(name, "a.example") != 0 && (strcmp(name, "b.example") != 0 || family == 4))
		return -ENOENT;
	*ret = ip_of(family == 4 ? "192.0.2.7" : "2001:db8::7");
	return 0;
}

static void names(void **state)
{
	static const char text[] = GLOBAL
	    "groups: {a: {}, b: {}}\n"
	    "targets:\n"
	    "  a4: {type: ICMPping, destination: a.example}\n"
	    "  a6: {type: ICMPping, destination: a.example, address_family: ipv6}\n"
	    "  b4: {type: ICMPping, destination: b.example, threshold: {loss: 1}}\n"
	    "  b6: {type: ICMPping, destination: b.example, address_family: ipv6}\n"
	    "  none: {type: ICMPping, destination: a.example, auto_register_to_groups: no}\n";
	int asked = 0;
	char log[4096];
	struct el_ip expected4 = ip_of("192.0.2.7"), expected6 = ip_of("2001:db8::7");
	struct el_model *m =
	    create_from((struct el_model_input){.resolve = resolve, .resolve_ctx = &asked}, text,
			log, sizeof(log));

	(void)state;
	assert_non_null(m);
	assert_consistent(m);
	assert_int_equal(asked, 4); /* not for the one in no group */
	assert_true(el_ip_equal(&target(m, "a4")->address, &expected4));
	assert_true(el_ip_equal(&target(m, "a6")->address, &expected6));
	assert_true(el_ip_equal(&target(m, "b6")->address, &expected6));
	assert_int_equal(target(m, "b4")->status, EL_MODEL_UNRESOLVED);
	assert_int_equal(target(m, "b4")->address.family, 0);
	assert_int_equal(target(m, "b4")->family, 4);
	assert_int_equal(target(m, "b4")->n_series, 2); /* its thresholds may stay */
	assert_int_equal(target(m, "none")->status, EL_MODEL_NO_GROUP);
	assert_int_equal(m->n_streams, 6);
	assert_int_equal(count(log, "target b4 disabled: b.example has no IPv4 address"), 1);
	assert_int_equal(count(log, "level="), 2);
	el_model_put(m);
	/* without a resolver no name has an address */
	m = create(text, log, sizeof(log));
	assert_consistent(m);
	assert_int_equal(m->n_streams, 0);
	assert_int_equal(m->n_series, 8);
	el_model_put(m);
}

/* The streams of the first series of a target are these addresses, separated by blanks. */
static void assert_addresses(const struct el_model *m, const char *name, const char *expected)
{
	const struct el_model_series *s = &m->series[target(m, name)->first_series];
	char text[1024], ip[EL_IP_STRLEN];
	struct el_str out = EL_STR_INIT(text);

	text[0] = '\0';
	for (uint32_t i = 0; i < s->n_streams; i++)
		el_str_addf(&out, "%s%s", i ? " " : "",
			    el_ip_format(&m->streams[s->first_stream + i].address, ip));
	assert_string_equal(text, expected);
}

static void subnets(void **state)
{
	char log[4096];
	struct el_model *m = create(
	    GLOBAL
	    "groups: {a: {}, b: {}}\n"
	    "targets:\n"
	    "  p30: {type: ICMPping, destination: 192.0.2.7/30, is_subnet: true}\n"
	    "  p32: {type: ICMPping, destination: 192.0.2.7/32, is_subnet: true}\n"
	    "  plain: {type: ICMPping, destination: 192.0.2.9, is_subnet: true}\n"
	    "  p20: {type: ICMPping, destination: 10.1.0.0/20, is_subnet: true}\n"
	    "  range: {type: ICMPping, destination: '10.1-2.3.250-252', is_subnet: true}\n"
	    "  star: {type: ICMPping, destination: '10.1.*.7', is_subnet: true}\n"
	    "  p126: {type: ICMPping, destination: '2001:db8::5/126', is_subnet: true}\n"
	    "  p119: {type: ICMPping, destination: '2001:db8::ff:fe00/119', is_subnet: true}\n",
	    log, sizeof(log));
	const struct el_model_series *s;
	struct el_ip last = ip_of("2001:db8::ff:ffff");

	(void)state;
	assert_non_null(m);
	assert_consistent(m);
	assert_string_equal(log, "");
	assert_addresses(m, "p30", "192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7");
	assert_addresses(m, "p32", "192.0.2.7");
	assert_addresses(m, "plain", "192.0.2.9");
	assert_addresses(m, "range",
			 "10.1.3.250 10.1.3.251 10.1.3.252 10.2.3.250 10.2.3.251 10.2.3.252");
	assert_addresses(m, "p126", "2001:db8::4 2001:db8::5 2001:db8::6 2001:db8::7");
	s = &m->series[target(m, "p20")->first_series];
	assert_int_equal(s->n_streams, 4096);
	assert_int_equal(s[1].n_streams, 4096); /* the second group's */
	for (uint32_t i = 0; i < 4096; i++)
		assert_int_equal(ntohl(el_ip_v4(&m->streams[s->first_stream + i].address)),
				 (10U << 24 | 1U << 16) + i);
	s = &m->series[target(m, "star")->first_series];
	assert_int_equal(s->n_streams, 256);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(ntohl(el_ip_v4(&m->streams[s->first_stream + i].address)),
				 (10U << 24 | 1U << 16 | 7U) + (i << 8));
	s = &m->series[target(m, "p119")->first_series];
	assert_int_equal(s->n_streams, 512);
	assert_true(el_ip_equal(&m->streams[s->first_stream + 511].address, &last));
	assert_true(target(m, "p30")->is_subnet && !!target(m, "p30")->address.family);
	el_model_put(m);
}

static void own_addresses(void **state)
{
	const struct el_ip own[] = {ip_of("2001:db8::2"), ip_of("192.0.2.10"), ip_of("192.0.2.7"),
				    ip_of("192.0.2.10"), ip_of("10.0.0.1")};
	int asked = 0;
	char log[4096];
	struct el_model *m = create_from(
	    (struct el_model_input){.resolve = resolve,
				    .resolve_ctx = &asked,
				    .own = own,
				    .n_own = sizeof(own) / sizeof(own[0])},
	    GLOBAL "groups: {a: {}}\n"
		   "targets:\n"
		   "  self: {type: ICMPping, destination: 192.0.2.10}\n"
		   "  self6: {type: ICMPping, destination: '2001:db8::2'}\n"
		   "  name: {type: ICMPping, destination: a.example}\n"
		   "  other: {type: ICMPping, destination: 192.0.2.11}\n"
		   "  part: {type: ICMPping, destination: 192.0.2.8/29, is_subnet: true}\n"
		   "  edges: {type: ICMPping, destination: '192.0.2.7-10', is_subnet: true}\n"
		   "  gaps: {type: ICMPping, destination: '192.0.1-2.7-8', is_subnet: true}\n"
		   "  all: {type: ICMPping, destination: 192.0.2.7/32, is_subnet: true}\n"
		   "  six: {type: ICMPping, destination: '2001:db8::/126', is_subnet: true}\n",
	    log, sizeof(log));

	(void)state;
	assert_non_null(m);
	assert_consistent(m);
	assert_int_equal(target(m, "self")->status, EL_MODEL_OWN_ADDRESS);
	assert_int_equal(target(m, "self6")->status, EL_MODEL_OWN_ADDRESS);
	assert_int_equal(target(m, "name")->status, EL_MODEL_OWN_ADDRESS);
	assert_int_equal(target(m, "name")->address.family, 4); /* it did resolve */
	assert_int_equal(target(m, "all")->status, EL_MODEL_OWN_ADDRESS);
	assert_true(target(m, "other")->enabled);
	assert_addresses(m, "part",
			 "192.0.2.8 192.0.2.9 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 "
			 "192.0.2.15");
	assert_addresses(m, "edges", "192.0.2.8 192.0.2.9");
	assert_addresses(m, "gaps", "192.0.1.7 192.0.1.8 192.0.2.8");
	assert_addresses(m, "six", "2001:db8:: 2001:db8::1 2001:db8::3");
	assert_int_equal(count(log, "level=\"WARNING\""), 4);
	assert_int_equal(
	    count(log, "target name disabled: a.example is 192.0.2.7, an address of the prober"),
	    1);
	assert_int_equal(count(log, "target edges: 2 of its addresses are the prober's"), 1);
	el_model_put(m);
}

/* One model after the other: each tells what is different from the one before, and no more. */
static void what_has_changed_is_logged(void **state)
{
#define CHANGES_HEAD GLOBAL "groups: {a: {}}\ntargets:\n"
#define CHANGES_FIRST "  first: {type: ICMPping, destination: 192.0.2.1}\n"
#define CHANGES_REST                                                                               \
	"  name: {type: ICMPping, destination: a.example}\n"                                       \
	"  none: {type: ICMPping, destination: 192.0.2.1, auto_register_to_groups: no}\n"          \
	"  lost: {type: ICMPping, destination: 192.0.2.1, explicit_groups: {register_to: [b], "    \
	"exclude_from: [b]}}\n"
#define CHANGES_NEW "  new: {type: ICMPping, destination: 192.0.2.7}\n"
	static const char all[] = CHANGES_HEAD CHANGES_FIRST CHANGES_REST;
	static const char shifted[] = CHANGES_HEAD CHANGES_REST CHANGES_NEW;
	static const char disabled[] = "WARNING\" message=\"target name disabled: a.example is "
				       "192.0.2.7, an address of the prober";
	static const char enabled[] =
	    "INFO\" message=\"target name enabled: a.example is no address of the prober any more";
	static const struct {
		const char *text;
		bool resolved, own;
		unsigned lines;
		const char *line;
	} steps[] = {{all, true, false, 3, "target none disabled"},
		     {all, true, true, 1, disabled},
		     {all, true, true, 0, NULL},
		     {shifted, true, true, 1, "target new disabled: 192.0.2.7 is an address"},
		     {shifted, true, true, 0, NULL},
		     {all, true, false, 1, enabled},
		     {all, false, false, 0, NULL}, /* whoever resolves says so */
		     {all, true, true, 1, disabled}};
	const struct el_ip own = ip_of("192.0.2.7");
	struct el_model *before = NULL;
	int asked = 0;
	char log[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct el_model_input in = {.before = before,
					    .resolve = steps[i].resolved ? resolve : NULL,
					    .resolve_ctx = &asked,
					    .own = &own,
					    .n_own = steps[i].own};
		struct el_model *m = create_from(in, steps[i].text, log, sizeof(log));

		assert_non_null(m);
		if (count(log, "\n") != steps[i].lines ||
		    (steps[i].line && count(log, steps[i].line) != 1))
			fail_msg("step %zu: %s", i, log);
		el_model_put(before);
		before = m;
	}
	el_model_put(before);
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
	m = el_model_create(&(struct el_model_input){.conf = conf}, NULL);
	el_conf_put(conf);
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

/* What STAMP targets ask for; of others nothing. */
static void stamp(void **state)
{
	char log[4096];
	struct el_model *m = create(
	    GLOBAL "groups: {a: {}}\n"
		   "targets:\n"
		   "  plain: {type: STAMP, destination: 192.0.2.1}\n"
		   "  signed: {type: STAMP, destination: 192.0.2.1, stamp: {mode: authenticated,\n"
		   "           key_file: /etc/k, timestamps: ptp, class_of_service: 46}}\n"
		   "  zero: {type: STAMP, destination: 192.0.2.1, stamp: {class_of_service: 0,\n"
		   "         direct_measurement: true}}\n"
		   "  icmp: {type: ICMPping, destination: 192.0.2.1}\n",
	    log, sizeof(log));
	const struct el_model_stamp none = {0}, *s = &target(m, "signed")->stamp;

	(void)state;
	assert_memory_equal(&target(m, "plain")->stamp, &none, sizeof(none));
	assert_memory_equal(&target(m, "icmp")->stamp, &none, sizeof(none));
	assert_string_equal(s->key_file, "/etc/k");
	assert_true(s->authenticated && s->ptp && s->class_of_service && !s->direct_measurement);
	assert_int_equal(s->dscp, 46);
	s = &target(m, "zero")->stamp;
	assert_null(s->key_file);
	assert_true(!s->authenticated && !s->ptp && s->class_of_service && s->direct_measurement);
	assert_int_equal(s->dscp, 0);
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
	assert_int_equal(m->n_duplicates, 1);
	assert_string_equal(m->duplicates[0].name, "t");
	assert_int_equal(m->duplicates[0].count, 1);
	assert_ptr_equal(el_model_get(m), m);
	el_model_put(m);
	assert_string_equal(m->targets[0].name, "t"); /* still there */
	el_model_put(m);
	el_model_put(NULL);
}

/* What is configured and can't be a series is listed, each once, and none that is one. */
static void absent_series(void **state)
{
	static const char text[] = GLOBAL
	    "groups: {a: {}, b: {permit_target_auto_register: false}}\n"
	    "targets:\n"
	    "  t: {type: ICMPping, destination: 192.0.2.1}\n" /* a, as the last */
	    "  t: {type: ICMPping, destination: '2001:db8::1', address_family: ipv6}\n"
	    "  t: {type: ICMPping, destination: '2001:db8::2', address_family: ipv6,\n"
	    "      explicit_groups: {register_to: [b]}}\n"
	    "  t: {type: ICMPping, destination: 192.0.2.2}\n"
	    "  lone: {type: ICMPping, destination: 192.0.2.3, auto_register_to_groups: false}\n"
	    "  lost: {type: ICMPping, destination: 192.0.2.4, auto_register_to_groups: false,\n"
	    "         explicit_groups: {register_to: [nowhere, beyond, b]}}\n"
	    "  kept: {type: ICMPping, destination: 192.0.2.5,\n"
	    "         explicit_groups: {register_to: [nowhere], exclude_from: [nowhere]}}\n"
	    "  lost: {type: ICMPping, destination: 192.0.2.6, auto_register_to_groups: false,\n"
	    "         explicit_groups: {register_to: [nowhere]}}\n";
	static const struct {
		const char *target, *group;
		uint8_t family;
	} expected[] = {{"lone", "", 4},        {"lost", "b", 4}, {"lost", "beyond", 4},
			{"lost", "nowhere", 4}, {"t", "a", 6},    {"t", "b", 6}};
	char log[8192];
	struct el_model *m = create(text, log, sizeof(log));

	(void)state;
	assert_int_equal(m->n_absent, sizeof(expected) / sizeof(expected[0]));
	for (uint32_t i = 0; i < m->n_absent; i++) {
		assert_string_equal(m->absent[i].target, expected[i].target);
		assert_string_equal(m->absent[i].group, expected[i].group);
		assert_int_equal(m->absent[i].family, expected[i].family);
	}
	assert_int_equal(m->n_not_probed[EL_MODEL_REPEATED_NAME], 4);
	assert_int_equal(m->n_not_probed[EL_MODEL_NO_GROUP], 2); /* lone, lost */
	el_model_put(m);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(membership),
	    cmocka_unit_test(names),
	    cmocka_unit_test(subnets),
	    cmocka_unit_test(own_addresses),
	    cmocka_unit_test(what_has_changed_is_logged),
	    cmocka_unit_test(everything_is_copied),
	    cmocka_unit_test(stamp),
	    cmocka_unit_test(duplicates_and_references),
	    cmocka_unit_test(absent_series),
	    cmocka_unit_test(no_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
