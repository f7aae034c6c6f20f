/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of devices that are not there, or not for DPDK. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/port/look.h"
#include "../../lib/port/port_private.h"
#include "el_nic.h"

static char sys[] = "/tmp/el-test-sys-XXXXXX";

static void make_dir(const char *path)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", sys, path);
	for (char *p = text + strlen(sys) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(text, 0700);
	}
	assert_int_equal(mkdir(text, 0700), 0);
}

static void make_file(const char *path, const char *content)
{
	char text[PATH_MAX];
	FILE *f;

	snprintf(text, sizeof(text), "%s%s", sys, path);
	f = fopen(text, "w");
	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	fclose(f);
}

static void remove_file(const char *path)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", sys, path);
	assert_int_equal(unlink(text), 0);
}

static void make_link(const char *to, const char *path)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", sys, path);
	assert_int_equal(symlink(to, text), 0);
}

/* A tree as /sys has it: a NIC with the kernel's driver, one for DPDK, one that is shared, a virtio
 * one, whose interface is a device deeper, and one without a driver. */
static int make_sys(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(sys));
	make_dir("/bus/pci/devices/0000:01:00.0/net/ens1");
	make_link("../../../bus/pci/drivers/ixgbe", "/bus/pci/devices/0000:01:00.0/driver");
	make_dir("/bus/pci/devices/0000:02:00.0");
	make_link("../../../bus/pci/drivers/vfio-pci", "/bus/pci/devices/0000:02:00.0/driver");
	make_dir("/bus/pci/devices/0000:03:00.0/net/ens3");
	make_link("../../../bus/pci/drivers/mlx5_core", "/bus/pci/devices/0000:03:00.0/driver");
	make_dir("/bus/pci/devices/0000:04:00.0/virtio1/net/eth0");
	make_link("../../../bus/pci/drivers/virtio-pci", "/bus/pci/devices/0000:04:00.0/driver");
	make_file("/bus/pci/devices/0000:04:00.0/vendor", "0x1af4\n");
	make_file("/bus/pci/devices/0000:04:00.0/device", "0x1041\n");
	make_file("/bus/pci/devices/0000:04:00.0/class", "0x020000\n");
	make_file("/bus/pci/devices/0000:04:00.0/driver_override", "(null)\n");
	make_file("/bus/pci/devices/0000:01:00.0/class", "0x020000\n");
	make_file("/bus/pci/devices/0000:01:00.0/sriov_numvfs", "2\n");
	make_file("/bus/pci/devices/0000:02:00.0/class", "0x020700\n");
	make_file("/bus/pci/devices/0000:02:00.0/numa_node", "1\n");
	make_file("/bus/pci/devices/0000:02:00.0/driver_override", "vfio-pci\n");
	make_link("../../../kernel/iommu_groups/11", "/bus/pci/devices/0000:02:00.0/iommu_group");
	make_link("../0000:01:00.0", "/bus/pci/devices/0000:02:00.0/physfn");
	make_dir("/bus/pci/devices/0000:05:00.0");
	make_dir("/bus/pci/devices/0000:06:00.0");
	make_file("/bus/pci/devices/0000:06:00.0/class", "0x010802\n");
	make_link("../../../bus/pci/drivers/nvme", "/bus/pci/devices/0000:06:00.0/driver");
	return 0;
}

static int remove_sys(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", sys);
	return system(command);
}

static void pci(void **state)
{
	static const struct {
		const char *address, *sentence;
	} cases[] = {
	    {"0000:02:00.0", NULL},
	    {"0000:03:00.0", NULL},
	    {"0000:01:00.0", "the PCI device 0000:01:00.0 is with the kernel's driver ixgbe: bind "
			     "it for DPDK first (echolane-bind bind 0000:01:00.0), or probe from "
			     "its interface with af_packet:ens1"},
	    {"0000:04:00.0", "the PCI device 0000:04:00.0 is with the kernel's driver virtio-pci: "
			     "bind it for DPDK first (echolane-bind bind 0000:04:00.0), or probe "
			     "from its interface with af_packet:eth0"},
	    {"0000:05:00.0", "the PCI device 0000:05:00.0 has no driver: bind it for DPDK first "
			     "(echolane-bind bind 0000:05:00.0)"},
	    {"0000:06:00.0", "the PCI device 0000:06:00.0 is with the kernel's driver nvme: bind "
			     "it for DPDK first (echolane-bind bind 0000:06:00.0)"},
	    {"0000:07:00.0", "this machine has no PCI device 0000:07:00.0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_error err = {""};

		assert_int_equal(look_at_pci(sys, cases[i].address, &err),
				 cases[i].sentence ? -ENODEV : 0);
		assert_string_equal(err.text, cases[i].sentence ? cases[i].sentence : "");
	}
}

static void list(void **state)
{
	struct el_pci *l = NULL;
	char none[] = "/nonexistent";

	(void)state;
	assert_int_equal(el_pci_list(sys, &l), 3);
	assert_string_equal(l[0].address, "0000:01:00.0");
	assert_string_equal(l[0].interface, "ens1");
	assert_int_equal(l[0].n_virtual_functions, 2);
	assert_int_equal(l[0].numa_node, -1);
	assert_string_equal(l[0].override, "");
	assert_false(l[0].virtual_function);
	assert_string_equal(l[1].driver, "vfio-pci");
	assert_string_equal(l[1].override, "vfio-pci");
	assert_string_equal(l[1].iommu_group, "11");
	assert_int_equal(l[1].numa_node, 1);
	assert_true(l[1].virtual_function);
	assert_string_equal(l[2].interface, "eth0");
	assert_string_equal(l[2].override, "");
	assert_int_equal(l[2].id.vendor, 0x1af4);
	assert_int_equal(l[2].id.device, 0x1041);
	free(l);
	assert_int_equal(el_pci_list(none, &l), 0);
	assert_int_equal(el_pci_use("vfio-pci"), EL_PCI_USERS);
	assert_int_equal(el_pci_use("mlx5_core"), EL_PCI_BIFURCATED);
	assert_int_equal(el_pci_use(""), EL_PCI_KERNEL);
}

static void check_name(uint16_t vendor, uint16_t device, const char *expected)
{
	const struct el_pci_id id = {vendor, device};
	char file[64], text[64] = "";
	struct el_str s = EL_STR_INIT(text);

	snprintf(file, sizeof(file), "%s/pci.ids", sys);
	el_pci_add_name(file, &id, &s);
	assert_string_equal(text, expected);
}

static void names(void **state)
{
	(void)state;
	make_file("/pci.ids", "# a list\n\n8086  Intel\n\t100e  82540EM\n\t\t1af4 1100  emulated\n"
			      "\t10d3  82574L\n1af4  Red Hat\n\t1041  Virtio\nC 02  Network\n");
	check_name(0x8086, 0x100e, "Intel 82540EM");
	check_name(0x8086, 0x10d3, "Intel 82574L");
	check_name(0x8086, 0x1041, "Intel"); /* another's device */
	check_name(0x1af4, 0x1100, "Red Hat");
	check_name(0x1af4, 0x1041, "Red Hat Virtio");
	check_name(0x144d, 0x1041, "");
	remove_file("/pci.ids");
	check_name(0x8086, 0x100e, "");
}

/* What each NIC lacks, and what mends it. */
static void lacks(void **state)
{
	struct el_nic_machine machine;
	struct el_nic n;
	struct el_pci pci;

	(void)state;
	assert_int_equal(el_pci_read(sys, "0000:01:00.0", &pci), 0);
	assert_int_equal(el_nic_read(sys, UNIT_PROFILE_DIR, &pci, &n, NULL), 0);
	assert_int_equal(n.use, EL_PCI_KERNEL);
	assert_int_equal(n.link, -1);
	assert_int_equal(n.lacks.count, 2);
	assert_string_equal(n.lacks.items[0].what, "it is with the kernel's driver ixgbe");
	assert_string_equal(n.lacks.items[0].command, "echolane-bind bind 0000:01:00.0");
	assert_string_equal(n.lacks.items[1].command, "ip link set dev ens1 up");
	assert_int_equal(el_pci_read(sys, "0000:02:00.0", &pci), 0);
	assert_int_equal(el_nic_read(sys, UNIT_PROFILE_DIR, &pci, &n, NULL), 0);
	assert_int_equal(n.lacks.count, 0);
	assert_int_equal(el_nic_read(sys, "/nonexistent", &pci, &n, NULL), -ENOENT);
	for (int i = 0; i < 2 * EL_NIC_LACKS_MAX; i++)
		el_nic_lacks_add(&n.lacks, "something", NULL);
	assert_int_equal(n.lacks.count, EL_NIC_LACKS_MAX);

	el_nic_machine_read(sys, sys, &machine);
	assert_false(machine.iommu);
	assert_string_equal(machine.lacks.items[1].what, "this kernel has no module vfio-pci");
	make_dir("/kernel/iommu_groups/11");
	make_file("/modules.dep", "kernel/a/b.ko:\nkernel/vfio/pci/vfio-pci.ko: kernel/x.ko\n");
	el_nic_machine_read(sys, sys, &machine);
	assert_true(machine.iommu);
	assert_string_equal(machine.lacks.items[0].command, "modprobe vfio-pci");
	make_dir("/bus/pci/drivers/vfio-pci");
	el_nic_machine_read(sys, sys, &machine);
	for (uint32_t i = 0; i < machine.lacks.count; i++)
		assert_null(strstr(machine.lacks.items[i].what, "vfio"));
}

/* What a function is given before its driver is known: by its ids, or by the profile that its port
 * names. */
static void arguments(void **state)
{
	char i40e[] = "i40e", nonsense[] = "nonsense", device[] = "0000:05:00.0";
	struct el_conf_port port = {.device = device};
	struct el_profile p;
	char text[256];
	struct el_str s = EL_STR_INIT(text);

	(void)state;
	assert_int_equal(profile_of_pci(sys, UNIT_PROFILE_DIR, &port, device, &p, NULL), 0);
	assert_string_equal(p.name, "generic");
	profile_add_pci_device(&s, device, &p);
	assert_string_equal(text, "0000:05:00.0");
	make_file("/bus/pci/devices/0000:05:00.0/vendor", "0x8086\n");
	make_file("/bus/pci/devices/0000:05:00.0/device", "0x1572\n");
	assert_int_equal(profile_of_pci(sys, UNIT_PROFILE_DIR, &port, device, &p, NULL), 0);
	assert_string_equal(p.name, "i40e");
	port.profile = i40e;
	assert_int_equal(profile_of_pci("/none", UNIT_PROFILE_DIR, &port, device, &p, NULL), 0);
	el_str_init(&s, text, sizeof(text));
	profile_add_pci_device(&s, device, &p);
	assert_string_equal(text, "0000:05:00.0,support-multi-driver=1");
	port.profile = nonsense;
	assert_int_equal(profile_of_pci(sys, UNIT_PROFILE_DIR, &port, device, &p, NULL), -ENOENT);
	port.profile = NULL;
	assert_int_equal(profile_of_pci("/none", UNIT_PROFILE_DIR, &port, device, &p, NULL),
			 -ENODEV);
}

static void ports(void **state)
{
	static const struct {
		const char *device, *profile;
		int code;
		const char *sentence;
	} cases[] = {
	    {"af_packet:lo", NULL, 0, ""},
	    {"tap:new0", NULL, 0, ""},
	    {"net_memif0,role=client", NULL, 0, ""},
	    {"net_af_packet0,iface=lo", NULL, 0, ""},
	    {"lo", NULL, -EINVAL, "lo is an interface of the kernel: did you mean af_packet:lo?"},
	    {"af_packet:elnone0", NULL, -ENODEV, "this machine has no interface elnone0"},
	    {"net_af_packet0,iface=elnone0", NULL, -ENODEV,
	     "this machine has no interface elnone0"},
	    {"af_paket:lo", NULL, -EINVAL, "there is no driver profile af_paket in "},
	    {"net_null0", "nul", -EINVAL, "there is no driver profile nul in "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct el_conf_port port = {.device = (char *)(uintptr_t)cases[i].device,
						  .profile = (char *)(uintptr_t)cases[i].profile};
		struct el_error err = {""};

		assert_int_equal(el_port_look(&port, UNIT_PROFILE_DIR, &err), cases[i].code);
		if (strncmp(err.text, cases[i].sentence, strlen(cases[i].sentence)) != 0)
			fail_msg("%s: %s", cases[i].device, err.text);
		if (cases[i].code == -EINVAL && strstr(err.text, "profile"))
			assert_non_null(strstr(err.text, "did you mean"));
	}
}

/* Frames that have no Ethernet header would be taken for ones that have. */
static void interfaces_without_ethernet(void **state)
{
	static const char *const devices[] = {"af_packet:elt0", "af_xdp:elt0",
					      "net_af_packet0,iface=elt0",
					      "net_af_xdp0,iface=elt0,start_queue=0"};
	struct ifreq tun = {.ifr_name = "elt0", .ifr_flags = IFF_TUN};
	struct ifreq tap = {.ifr_name = "elt1", .ifr_flags = IFF_TAP};
	struct el_conf_port port = {.device = (char *)(uintptr_t) "af_packet:elt1"};
	int fd, tap_fd;
	struct el_error err;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip();
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || tap_fd < 0)
		skip();
	assert_int_equal(ioctl(fd, TUNSETIFF, &tun), 0);
	assert_int_equal(ioctl(tap_fd, TUNSETIFF, &tap), 0);
	assert_int_equal(el_port_look(&port, UNIT_PROFILE_DIR, &err), 0);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		port.device = (char *)(uintptr_t)devices[i];
		assert_int_equal(el_port_look(&port, UNIT_PROFILE_DIR, &err), -ENODEV);
		assert_string_equal(err.text,
				    "interface elt0 is no Ethernet interface: it has no link "
				    "layer, as tun and WireGuard (type 65534), and probes are "
				    "Ethernet frames");
	}
	close(fd);
	close(tap_fd);
}

static void drivers(void **state)
{
	static const char *const cases[][2] = {{"net_memfi0", "; did you mean net_memif0?"},
					       {"net_af_paket3", "; did you mean net_af_packet3?"},
					       {"memif0", "; did you mean net_memif0?"},
					       {"net_telepathy0", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[96] = "";
		struct el_str s = EL_STR_INIT(text);
		struct el_device device;

		assert_int_equal(el_device_parse(cases[i][0], &device, NULL), 0);
		look_add_driver(&device, &s);
		assert_string_equal(text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pci),       cmocka_unit_test(list),
	    cmocka_unit_test(arguments), cmocka_unit_test(names),
	    cmocka_unit_test(lacks),     cmocka_unit_test(ports),
	    cmocka_unit_test(drivers),   cmocka_unit_test(interfaces_without_ethernet),
	};
	return cmocka_run_group_tests_name("port_look", tests, make_sys, remove_sys);
}
