/* SPDX-License-Identifier: BSD-3-Clause */
/* The inventory that follows Prometheus' file_sd files. */
#include "inventory_fixture.h"

static void start(struct fixture *f, const char *options)
{
	char commands[512];

	snprintf(commands, sizeof(commands),
		 "exec " INVENTORY_SCRIPTS "/file_sd.py --interval 0.02 %s 'files/*.json'",
		 options);
	mkdir(in_dir(f, "files"), 0755);
	put_shell(f, "sd", commands);
	create(f);
}

static struct el_conf view(struct fixture *f)
{
	const struct el_conf conf = {0};

	return look(f, &conf);
}

static void files_are_followed(void **state)
{
	struct fixture *f = *state;
	struct el_conf v;

	start(f, "--set nb_packets=7 --set 'groups=[\"g\"]'");
	put(f, "files/a.json",
	    "[{\"targets\": [\"192.0.2.1:9100\", \"Host_B.example\", \"[2001:db8::1]:80\"]},"
	    " {\"targets\": [\"192.0.2.9\"], \"labels\": {\"rack\": \"7\","
	    " \"echolane_nb_packets\": \"9\", \"echolane_state\": \"in production\"}}]",
	    0644);
	wait_until(f,
		   targets_are(f, "sd_192.0.2.1 sd_host_b.example sd_2001-db8--1 sd_192.0.2.9 "));
	v = view(f);
	assert_int_equal(v.targets[0].nb_packets, 7);
	assert_string_equal(v.targets[0].register_to.items[0], "g");
	assert_int_equal(v.targets[2].address_family, 6);
	assert_int_equal(v.targets[3].nb_packets, 9);
	assert_int_equal(v.targets[3].state, EL_STATE_PRODUCTION);

	/* not valid: stays; a second file; the first is gone */
	put(f, "files/a.json", "[{\"targets\"", 0644);
	wait_until(f, count_in_log(f, "sd: files/a.json: "));
	put(f, "files/b.json", "[{\"targets\": [\"192.0.2.2\"]}]", 0644);
	f->skew_ns += EL_NS_PER_S;
	wait_until(f, view(f).n_targets == 5);
	unlink(in_dir(f, "files/a.json"));
	f->skew_ns += EL_NS_PER_S;
	wait_until(f, targets_are(f, "sd_192.0.2.2 "));
}

static void ports_are_probed(void **state)
{
	struct fixture *f = *state;
	struct el_conf v;

	start(f, "--type TCPsyn");
	put(f, "files/a.json", "[{\"targets\": [\"h.example:80\", \"h.example:443\"]}]", 0644);
	wait_until(f, targets_are(f, "sd_h.example_80 sd_h.example_443 "));
	v = view(f);
	assert_int_equal(v.targets[1].dst_port, 443);
	assert_string_equal(v.targets[1].destination, "h.example");
	put(f, "files/b.json", "[{\"targets\": [\"h.example\"]}]", 0644);
	wait_until(f, count_in_log(f, "'h.example' has no port"));
}

/* What is wrong with a file is said, and others are followed all the same. */
static void wrong_files_are_told(void **state)
{
	static const char *const wrong[] = {
	    "{}",
	    "[7]",
	    "[{\"targets\": \"192.0.2.1\"}]",
	    "[{\"targets\": [7]}]",
	    "[{\"targets\": [\"192.0.2.1\"], \"labels\": {\"echolane_nb_packets\": 10}}]",
	    "[{\"targets\": [\"192.0.2.1\"], \"labels\": [7]}]",
	    "[{\"targets\": [\"192.0.2.1\"], \"labels\": \"x\"}]",
	};
	struct fixture *f = *state;
	char name[32], said[64];

	start(f, "");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(name, sizeof(name), "files/%zu.json", i);
		snprintf(said, sizeof(said), "sd: files/%zu.json: expected ", i);
		put(f, name, wrong[i], 0644);
		wait_until(f, count_in_log(f, said));
	}
	put(f, "files/good.json", "[{\"targets\": [\"192.0.2.2\"]}]", 0644);
	wait_until(f, targets_are(f, "sd_192.0.2.2 "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(files_are_followed),
	    TEST(ports_are_probed),
	    TEST(wrong_files_are_told),
	};
	return cmocka_run_group_tests_name("inventory_file_sd", tests, NULL, NULL);
}
