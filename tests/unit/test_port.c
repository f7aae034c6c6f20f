/* SPDX-License-Identifier: BSD-3-Clause */
/* What of lib/port needs no EAL: cores, arguments, device strings, profiles, the time stamp
 * counter. */
#include "unit.h"

#include <dirent.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "el_port.h"

static char profile_dir[512];

/* ---- cores ---- */

static cpu_set_t cores(int n, const int *list)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < n; i++)
		CPU_SET((size_t)list[i], &set);
	return set;
}

static void test_lcores_default(void **state)
{
	struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	cpu_set_t set = cores(4, (int[]){2, 3, 5, 7});
	struct el_lcores l;

	(void)state;
	assert_int_equal(el_lcores_choose(&conf, 8, &set, &l, NULL), 0);
	assert_int_equal(l.control, 2);
	assert_int_equal(l.stats, 2);
	assert_int_equal(l.n_workers, 3);
	assert_int_equal(l.workers[0], 3);
	assert_int_equal(l.workers[2], 7);
	assert_true(el_lcores_worker_is_alone(&l, 0));

	assert_int_equal(el_lcores_choose(&conf, 2, &set, &l, NULL), 0);
	assert_int_equal(l.n_workers, 2);

	set = cores(1, (int[]){6});
	assert_int_equal(el_lcores_choose(&conf, 2, &set, &l, NULL), 0);
	assert_int_equal(l.control, 6);
	assert_int_equal(l.n_workers, 1);
	assert_int_equal(l.workers[0], 6);
	assert_false(el_lcores_worker_is_alone(&l, 0));
}

static void test_lcores_configured(void **state)
{
	struct el_conf_dataplane conf = {
	    .control_core = 3, .worker_cores = {(int[]){2, 5}, 2}, .stats_cores = {(int[]){5}, 1}};
	cpu_set_t set = cores(3, (int[]){2, 3, 5});
	struct el_lcores l;
	struct el_error err;

	(void)state;
	assert_int_equal(el_lcores_choose(&conf, 8, &set, &l, &err), 0);
	assert_int_equal(l.control, 3);
	assert_int_equal(l.n_workers, 2);
	assert_int_equal(l.stats, 5);
	assert_true(el_lcores_worker_is_alone(&l, 0));
	assert_false(el_lcores_worker_is_alone(&l, 1)); /* statistics are there too */

	conf.worker_cores.items = (int[]){2, 4};
	assert_int_equal(el_lcores_choose(&conf, 8, &set, &l, &err), -EINVAL);
	assert_string_equal(
	    err.text, "dataplane.lcores.workers: core 4 is not one that this process may use");
	conf.worker_cores.items = (int[]){2, 2};
	assert_int_equal(el_lcores_choose(&conf, 8, &set, &l, &err), -EINVAL);
	assert_string_equal(err.text, "dataplane.lcores.workers: core 2 is named twice");
	conf.control_core = 100000;
	assert_int_equal(el_lcores_choose(&conf, 8, &set, &l, &err), -EINVAL);
}

/* ---- EAL arguments ---- */

static void check_args(const struct el_eal_config *config, bool huge, const char *expected)
{
	char buf[1024], joined[1024];
	char *argv[32];
	struct el_str s = EL_STR_INIT(joined);
	int argc = el_eal_args(config, huge, "p", buf, sizeof(buf), argv, 32);

	el_str_init(&s, joined, sizeof(joined));
	assert_true(argc > 0);
	assert_null(argv[argc]);
	for (int i = 0; i < argc; i++)
		el_str_addf(&s, "%s%s", i ? " " : "", argv[i]);
	assert_string_equal(joined, expected);
}

static void test_eal_args(void **state)
{
	struct el_lcores two = {.control = 0, .workers = {1}, .n_workers = 1};
	struct el_lcores one = {.control = 5, .workers = {5, 5}, .n_workers = 2};
	struct el_conf_port ports[] = {{.device = (char *)(uintptr_t) "af_packet:eth0"},
				       {.device = (char *)(uintptr_t) "3b:00.1"}};
	char extra[] = "--log-level=8";
	char *args[] = {extra};
	struct el_eal_config c = {.lcores = &two, .ports = ports, .n_ports = 1};
	char buf[64];
	char *argv[32];

	(void)state;
	check_args(
	    &c, false,
	    "echolane --file-prefix=p --lcores=0@0,1@1 --main-lcore=0 --no-huge -m 512 --no-pci");
	c = (struct el_eal_config){.lcores = &one,
				   .ports = ports,
				   .n_ports = 2,
				   .memory_mib = 100,
				   .args = args,
				   .n_args = 1};
	check_args(
	    &c, true,
	    "echolane --file-prefix=p --lcores=0@5,1@5,2@5 --main-lcore=0 --huge-unlink -m 100 "
	    "--allow=0000:3b:00.1 --log-level=8");
	assert_int_equal(el_eal_args(&c, true, "p", buf, sizeof(buf), argv, 32), -ENOSPC);
	assert_int_equal(el_eal_args(&c, true, "p", buf, sizeof(buf), argv, 3), -ENOSPC);
}

/* ---- device strings ---- */

static void test_device(void **state)
{
	static const struct {
		const char *text;
		struct el_device expected;
	} good[] = {
	    {"0000:3b:00.0", {.kind = EL_DEVICE_PCI, .name = "0000:3b:00.0"}},
	    {"3B:1f.7", {.kind = EL_DEVICE_PCI, .name = "0000:3b:1f.7"}},
	    {"af_packet:eth1", {EL_DEVICE_NAMED, "af_packet", "eth1", ""}},
	    {"af_xdp:eth1.100", {EL_DEVICE_NAMED, "af_xdp", "eth1.100", ""}},
	    {"net_memif0,role=client,id=0",
	     {EL_DEVICE_EAL, "net_memif", "net_memif0", "role=client,id=0"}},
	    {"net_null12", {EL_DEVICE_EAL, "net_null", "net_null12", ""}},
	    {"net_ring_a", {EL_DEVICE_EAL, "net_ring_a", "net_ring_a", ""}},
	    {"net_memif0,socket=/run/a:b.sock",
	     {EL_DEVICE_EAL, "net_memif", "net_memif0", "socket=/run/a:b.sock"}},
	};
	static const char *const bad[] = {"",
					  ":",
					  "af_packet:",
					  "af_packet:a b",
					  ":eth0",
					  "net null",
					  ",a=b",
					  "a:b:c",
					  "a:b,c",
					  "\x01",
					  "a/b:c",
					  "3b:00.9,",
					  "af_packet_with_a_name_that_is_far_too_long:eth0"};
	struct el_device d;
	struct el_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(el_device_parse(good[i].text, &d, &err), 0);
		assert_int_equal(d.kind, good[i].expected.kind);
		assert_string_equal(d.driver, good[i].expected.driver);
		assert_string_equal(d.name, good[i].expected.name);
		assert_string_equal(d.args, good[i].expected.args);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		if (el_device_parse(bad[i], &d, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(err.text[0]);
	}
}

/* ---- profiles ---- */

static void test_profiles_that_come_with_it(void **state)
{
	static const char *const names[] = {
	    "af_packet", "af_xdp", "bnxt",  "e1000",  "e1000e",      "ena",     "i40e",
	    "ice",       "igb",    "igc",   "ixgbe",  "memif",       "mlx5",    "null",
	    "ring",      "tap",    "vhost", "virtio", "virtio_user", "vmxnet3", "generic"};
	char path[600], devargs[256];
	struct el_profile p;
	struct el_error err;
	struct dirent *e;
	size_t files = 0;
	DIR *dir;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.yaml", profile_dir, names[i]);
		if (el_profile_load(path, &p, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(p.name, names[i]);
		assert_true(p.n_drivers || p.n_pci_ids || strcmp(names[i], "generic") == 0);
	}
	dir = opendir(profile_dir);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		files += strstr(e->d_name, ".yaml") != NULL;
	closedir(dir);
	assert_int_equal(files, sizeof(names) / sizeof(names[0]));
	assert_true(p.rss & RTE_ETH_RSS_IPV4);
	assert_false(p.rss & RTE_ETH_RSS_NONFRAG_IPV4_TCP);

	snprintf(path, sizeof(path), "%s/af_packet.yaml", profile_dir);
	assert_int_equal(el_profile_load(path, &p, &err), 0);
	assert_true(p.kernel_interface && p.kernel_receives && p.packet_socket_drops);
	assert_int_equal(p.max_pps, 100000);
	assert_int_equal(el_profile_devargs(&p, "eth1", 0, 2, 1500, devargs, sizeof(devargs)), 0);
	assert_string_equal(devargs,
			    "net_af_packet_eth1,iface=eth1,qpairs=2,blocksz=4096,framesz=2048,"
			    "framecnt=8192,qdisc_bypass=1");
	assert_int_equal(el_profile_devargs(&p, "eth1", 0, 2, 9000, devargs, sizeof(devargs)), 0);
	assert_non_null(strstr(devargs, "blocksz=16384,framesz=16384"));
	assert_int_equal(el_profile_devargs(&p, "eth1", 0, 2, 1500, devargs, 40), -EINVAL);
}

/* By ids before drivers; and of one driver's profiles the one that names no ids is that of all the
 * others. */
static void test_profile_find(void **state)
{
	static const struct {
		const char *driver;
		struct el_pci_id id; /* 0: none is known */
		const char *expected;
	} cases[] = {
	    {"net_e1000_em", {0x8086, 0x100e}, "e1000"},
	    {"net_e1000_em", {0x8086, 0x10d3}, "e1000e"},
	    {"net_e1000_em", {0}, "e1000e"},
	    {NULL, {0x8086, 0x100e}, "e1000"},
	    {"net_e1000_em", {0x8086, 0xfff0}, "e1000e"}, /* newer than the profile */
	    {NULL, {0x8086, 0x10d3}, "e1000e"},
	    {NULL, {0x8086, 0xfff0}, "generic"}, /* wait for its driver */
	    {NULL, {0x8086, 0x1572}, "i40e"},
	    {"net_i40e", {0x8086, 0x1572}, "i40e"},
	    {"net_i40e", {0x8086, 0xfff0}, "i40e"}, /* of a device that is newer than the profile */
	    {"net_ixgbe_vf", {0x8086, 0x10ed}, "ixgbe"},
	    {"net_virtio", {0x1af4, 0x1041}, "virtio"},
	    {"net_virtio_user", {0}, "virtio_user"},
	    {"net_telepathy", {0x8086, 0x1572}, "i40e"},
	    {"net_telepathy", {0}, "generic"},
	    {NULL, {0}, "generic"},
	};
	struct el_profile p;
	struct el_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct el_pci_id *id = cases[i].id.vendor ? &cases[i].id : NULL;

		assert_int_equal(el_profile_find(profile_dir, cases[i].driver, id, &p, &err), 0);
		if (strcmp(p.name, cases[i].expected) != 0)
			fail_msg("%s %04x: %s, not %s", cases[i].driver ? cases[i].driver : "-",
				 cases[i].id.device, p.name, cases[i].expected);
	}
	assert_int_equal(el_profile_find("/nonexistent", NULL, NULL, &p, &err), -ENOENT);
}

static void test_deal(void **state)
{
	static struct el_port port;
	char text[512] = "";
	struct el_str s = EL_STR_INIT(text);

	(void)state;
	port.profile.rx_descriptors = port.deal.rx_descriptors = 1024;
	port.profile.tx_descriptors = port.deal.tx_descriptors = 256;
	port.deal.queues = port.deal.queues_wanted = 2;
	el_port_deal_add(&port.deal, &port.profile, &s);
	assert_string_equal(text, "");
	port.deal = (struct el_port_deal){.rss_missing = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6,
					  .rx_missing = RTE_ETH_RX_OFFLOAD_RSS_HASH,
					  .tx_missing = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE,
					  .clock_missing = true,
					  .rx_forced = RTE_ETH_RX_OFFLOAD_VLAN_STRIP |
						       RTE_ETH_RX_OFFLOAD_TCP_LRO,
					  .tx_forced = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
					  .queues = 1,
					  .queues_wanted = 4,
					  .rx_descriptors = 256,
					  .tx_descriptors = 512};
	el_port_deal_add(&port.deal, &port.profile, &s);
	assert_string_equal(
	    text,
	    "no rss ipv4, ipv6; no rx_offloads rss_hash; no tx_offloads mbuf_fast_free; no "
	    "timestamp, for its clock can't be read; forbidden but on: rx_offloads vlan_strip, "
	    "tcp_lro; forbidden but on: tx_offloads multi_segs; 1 queues, not 4; 256 "
	    "rx_descriptors, not 1024; 512 tx_descriptors, not 256");
}

static void write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void test_profile_errors(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	    {"", ": empty: there is no configuration in it"},
	    {"[a]\n", ":1:1: expected a map, got a list"},
	    {"queues_max: 1\n\nqueue_max: 3\n",
	     ":3:1: unknown key \"queue_max\"; did you mean \"queues_max\"?"},
	    {"[1]: 3\n", ":1:1: expected a name as key, got a list"},
	    {"queues_max: 17\n", ":1:13: queues_max: expected an integer from 1 to 16, got 17"},
	    {"queues_max: -1\n", ":1:13: queues_max: expected an integer from 1 to 16, got -1"},
	    {"queues_max: 99999999999999999999999\n",
	     ":1:13: queues_max: expected an integer from 1 to 16, got 99999999999999999999999"},
	    {"queues_max: [1]\n",
	     ":1:13: queues_max: expected an integer from 1 to 16, got a list"},
	    {"promiscuous: maybe\n", ":1:14: promiscuous: expected true or false, got \"maybe\""},
	    {"queues_max: 1\nqueues_max: 2\n", ":2:1: queues_max: set twice, first in line 1"},
	    {"rx_offloads: [scatter, telepathy]\n",
	     ":1:24: rx_offloads[1]: expected timestamp, rss_hash, ipv4_cksum, tcp_cksum, "
	     "udp_cksum, scatter, vlan_strip, qinq_strip, vlan_filter, tcp_lro or keep_crc, got "
	     "\"telepathy\""},
	    {"pci_ids: [\"8086:100g\"]\n",
	     ":1:11: pci_ids[0]: expected a vendor and a device as \"8086:100e\", got "
	     "\"8086:100g\""},
	    {"pci_ids: [\"8086:10\"]\n",
	     ":1:11: pci_ids[0]: expected a vendor and a device as \"8086:100e\", got \"8086:10\""},
	    {"drivers: [net_x]\npci_args: a=1\n",
	     ":2:11: pci_args: it needs pci_ids, or no drivers"},
	    {"rx_offloads: [scatter]\nrx_forbidden: [vlan_strip, scatter]\n",
	     ":2:15: rx_forbidden: an offload is asked for and forbidden"},
	    {"tx_offloads: [multi_segs]\ntx_forbidden: [multi_segs]\n",
	     ":2:15: tx_forbidden: an offload is asked for and forbidden"},
	    {"rss: ipv4\n", ":1:6: rss: expected a list, got \"ipv4\""},
	    {"drivers: [a,b,c,d,e,f,g,h,i]\n", ":1:10: drivers: expected at most 8 items, got 9"},
	    {"own_drops: maybe\n",
	     ":1:12: own_drops: expected device or packet_sockets, got \"maybe\""},
	    {"devargs: 'x{port}'\n", ":1:10: devargs: only {name}, {queue}, {queues}, {frame} and "
				     "{block} can be filled in"},
	    {"devargs: 'x'\ndevice_per_queue: true\n",
	     ":2:19: device_per_queue: it needs {queue} in devargs"},
	    {"max_pps: 1\n---\nmax_pps: 2\n",
	     ":2:1: a second document begins here: a configuration is one document"},
	    {"\"max_pps\\0x\": 1\n",
	     ":1:1: unknown key \"max_pps\\x00x\"; did you mean \"max_pps\"?"},
	    {"max_pps: \"1\\0x\"\n",
	     ":1:10: max_pps: expected an integer from 0 to 1000000000, got \"1\\x00x\""},
	    {"promiscuous: \"true\\0x\"\n",
	     ":1:14: promiscuous: expected true or false, got \"true\\x00x\""},
	    {"tx_offloads: [\"multi_segs\\0x\"]\n",
	     ":1:15: tx_offloads[0]: expected mbuf_fast_free "
	     "or multi_segs, got \"multi_segs\\x00x\""},
	    {"drivers: [\"net\\0x\"]\n", ":1:11: drivers[0]: expected a name of less than 32 "
					 "bytes, got \"net\\x00x\" (it holds a NUL character)"},
	    {"drivers: [a_driver_of_more_than_31_letters]\n",
	     ":1:11: drivers[0]: expected a name of less than 32 bytes, got "
	     "\"a_driver_of_more_than_31_letters\""},
	    {"a: b: c\n", ":1:5: not valid YAML: mapping values are not allowed in this context"},
	    {"a: \"\n", ":2:1: not valid YAML: found unexpected end of stream (while scanning a "
			"quoted scalar, line 1)"},
	};
	char path[] = "/tmp/el_profile_XXXXXX", expected[600];
	struct el_profile p;
	struct el_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(path, cases[i].text, strlen(cases[i].text));
		snprintf(expected, sizeof(expected), "%s%s", path, cases[i].expected);
		assert_int_equal(el_profile_load(path, &p, &err), -EINVAL);
		assert_string_equal(err.text, expected);
	}
	unlink(path);
	assert_int_equal(el_profile_load(path, &p, &err), -ENOENT);
	assert_true(el_profile_load("/tmp", &p, &err) < 0);
}

/* No garbage makes the reader crash, and none is a profile with numbers out of range. */
static void test_profile_garbage(void **state)
{
	char path[] = "/tmp/el_profile_XXXXXX", text[512], good[600];
	uint64_t seed = unit_seed();
	struct el_profile p;
	size_t n;
	FILE *f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(good, sizeof(good), "%s/af_packet.yaml", profile_dir);
	for (int i = 0; i < 2000; i++) {
		f = fopen(good, "r");
		assert_non_null(f);
		assert_int_equal(fseek(f, 560, SEEK_SET), 0);
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		for (int j = 0; j < 3; j++)
			text[unit_random(&seed) % n] = (char)unit_random(&seed);
		write_file(path, text, unit_random(&seed) % n);
		if (el_profile_load(path, &p, NULL) == 0) {
			assert_in_range(p.queues_max, 1, EL_PORT_QUEUES_MAX);
			assert_in_range(p.tx_descriptors, 32, 32768);
		}
	}
	unlink(path);
}

static void test_profile_dir(void **state)
{
	char dir[512], expected[512];
	struct el_error err;

	(void)state;
	assert_int_equal(el_profile_dir(profile_dir, dir, sizeof(dir), &err), 0);
	assert_string_equal(dir, profile_dir);
	assert_int_equal(el_profile_dir("/nonexistent", dir, sizeof(dir), &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent: no folder of driver profiles");
	/* this program lies two folders below the build folder */
	assert_int_equal(el_profile_dir(NULL, dir, sizeof(dir), &err), 0);
	assert_non_null(realpath(dir, expected));
	assert_string_equal(expected, profile_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lcores_default),
	    cmocka_unit_test(test_lcores_configured),
	    cmocka_unit_test(test_eal_args),
	    cmocka_unit_test(test_device),
	    cmocka_unit_test(test_profiles_that_come_with_it),
	    cmocka_unit_test(test_profile_find),
	    cmocka_unit_test(test_deal),
	    cmocka_unit_test(test_profile_errors),
	    cmocka_unit_test(test_profile_garbage),
	    cmocka_unit_test(test_profile_dir),
	};

	if (!realpath(UNIT_PROFILE_DIR, profile_dir))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
