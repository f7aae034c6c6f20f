/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports from the command line. */
#include "unit.h"

#include "el_conf.h"

static struct el_conf *minimal(void)
{
	static const char text[] =
	    "global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, "
	    "prometheus_port: 9000, dns_update_interval: 0}\ngroups: {g: {}}\n"
	    "dataplane: {ports: [{device: 'af_packet:eth0', vlan: 5}]}\n";
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;

	assert_int_equal(el_conf_load_buffer("minimal", text, strlen(text), &conf, &diags), 0);
	el_conf_diags_fini(&diags);
	return conf;
}

static void ports_are_added_and_replaced(void **state)
{
	struct el_conf *c = minimal();
	const struct el_conf_port *p;
	struct el_error err;
	char buf[EL_IP_STRLEN];

	(void)state;
	assert_int_equal(
	    el_conf_add_port(c,
			     "af_packet:eth1,address=192.0.2.10/24,gateway=192.0.2.1,"
			     "address=198.51.100.1/30,route=203.0.113.9/"
			     "24>192.0.2.7,vlan=100,dad=false,ping=false,mtu=9000,checksum=strict",
			     &err),
	    0);
	assert_int_equal(c->dataplane.n_ports, 2);
	p = &c->dataplane.ports[1];
	assert_string_equal(p->name, "eth1");
	assert_string_equal(p->device, "af_packet:eth1");
	assert_int_equal(p->n_addresses, 2);
	assert_string_equal(el_prefix_format(&p->addresses[1], buf), "198.51.100.1/30");
	assert_string_equal(el_ip_format(&p->gateways[0], buf), "192.0.2.1");
	assert_string_equal(el_prefix_format(&p->routes[0].to, buf), "203.0.113.0/24");
	assert_string_equal(el_ip_format(&p->routes[0].via, buf), "192.0.2.7");
	assert_int_equal(p->vlan, 100);
	assert_false(p->dad);
	assert_false(p->ping);
	assert_int_equal(p->mtu, 9000);
	assert_int_equal(p->checksum, EL_CONF_CHECKSUM_STRICT);
	/* the same name: replaced, in its place */
	assert_int_equal(
	    el_conf_add_port(c, "net_memif0,role=client,id=0,name=eth0,profile=memif", &err), 0);
	assert_int_equal(c->dataplane.n_ports, 2);
	p = &c->dataplane.ports[0];
	assert_string_equal(p->device, "net_memif0,role=client,id=0");
	assert_string_equal(p->profile, "memif");
	assert_int_equal(p->vlan, 0);
	assert_true(p->dad);
	el_conf_put(c);
}

static void default_names(void **state)
{
	static const char *const cases[][2] = {
	    {"0000:3b:00.0", "0000:3b:00.0"}, {"af_xdp:eth7", "eth7"},
	    {"tap:probe0", "probe0"},         {"net_af_packet0,iface=eth3,qpairs=2", "eth3"},
	    {"net_ring0", "net_ring0"},       {"net_memif0,id=1", "net_memif0,id=1"}};
	struct el_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_conf *c = minimal();

		assert_int_equal(el_conf_add_port(c, cases[i][0], &err), 0);
		assert_string_equal(c->dataplane.ports[1].name, cases[i][1]);
		assert_string_equal(c->dataplane.ports[1].device, cases[i][0]);
		el_conf_put(c);
	}
}

/* Another VLAN is another link of the device, the same one replaces what was said of it. */
static void links_of_a_device(void **state)
{
	struct el_conf *c = minimal();
	const struct el_conf_port *p;
	struct el_error err;

	(void)state;
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0", &err), 0);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=100", &err), 0);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=100,outer_vlan=7", &err), 0);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth1,vlan=100", &err), 0);
	assert_int_equal(c->dataplane.n_ports, 5);
	p = c->dataplane.ports;
	assert_string_equal(p[0].name, "eth0");
	assert_string_equal(p[1].name, "eth0.0");
	assert_string_equal(p[2].name, "eth0.100");
	assert_string_equal(p[3].name, "eth0.7.100");
	assert_string_equal(p[4].name, "eth1");
	assert_int_equal(el_conf_port_vlan(&p[0]), 5);
	assert_int_equal(el_conf_port_vlan(&p[3]), 7 << 16 | 100);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(el_conf_port_first(p, i), i < 4 ? 0 : 4);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=100,mtu=1400", &err), 0);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=5,mtu=1300", &err), 0);
	assert_int_equal(c->dataplane.n_ports, 5);
	p = c->dataplane.ports;
	assert_string_equal(p[2].name, "eth0.100");
	assert_int_equal(p[2].mtu, 1400);
	assert_string_equal(p[0].name, "eth0");
	assert_int_equal(p[0].mtu, 1300);
	/* a name decides, and then the link must be free */
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=101,name=eth0.100", &err), 0);
	assert_int_equal(c->dataplane.n_ports, 5);
	assert_int_equal(c->dataplane.ports[2].vlan, 101);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth0,vlan=5,name=eth0.100", &err), -EINVAL);
	assert_int_equal(c->dataplane.ports[2].vlan, 101);
	el_conf_put(c);
}

/* However a device is written. */
static void one_device(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"3b:00.0", "0000:3B:00.0", true},
	    {"3b:00.0", "0001:3b:00.0", false},
	    {"af_packet:eth1", "af_packet:eth1", true},
	    {"af_packet:eth1", "af_xdp:eth1", false},
	    {"af_packet:eth1", "af_packet:eth2", false},
	    {"net_memif0,id=1", "net_memif0,id=1", true},
	    {"net_memif0,id=1", "net_memif1,id=1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char a[64], b[64];
		const struct el_conf_port ports[] = {{.device = strcpy(a, cases[i].a)},
						     {.device = strcpy(b, cases[i].b)}};

		assert_int_equal(el_conf_port_first(ports, 1), cases[i].same ? 0 : 1);
	}
}

/* What is no key of ours is the device's, where it has keys of its own; single addresses are no
 * network, so that any gateway will do; as on IPv6 a link-local one does. */
static void right_specs(void **state)
{
	static const char *const cases[][2] = {
	    {"net_memif0,role=client,id=0,socket=/run/a.sock,rsize=10",
	     "net_memif0,role=client,id=0,socket=/run/a.sock,rsize=10"},
	    {"net_virtio_user0,mac=02:00:00:00:00:01,path=/a,vlan=3",
	     "net_virtio_user0,mac=02:00:00:00:00:01,path=/a"},
	    {"net_null0,size=64,copy=1", "net_null0,size=64,copy=1"},
	    {"af_packet:e,address=192.0.2.10/32,gateway=198.51.100.1", "af_packet:e"},
	    {"af_packet:e,address=2001:db8::1/64,gateway=fe80::1", "af_packet:e"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_conf *c = minimal();
		struct el_error err;

		if (el_conf_add_port(c, cases[i][0], &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.text);
		assert_string_equal(c->dataplane.ports[1].device, cases[i][1]);
		el_conf_put(c);
	}
}

static void wrong_specs(void **state)
{
	static const char *const cases[][2] = {
	    {"", "expected a device"},
	    {",address=192.0.2.1", "expected a device"},
	    {"address=192.0.2.1/24", "expected a device"},
	    {"af_packet:e,address=192.0.2.300/24",
	     "address: expected an IPv4 or IPv6 prefix, got \"192.0.2.300/24\""},
	    {"af_packet:e,gateway=", "gateway: expected an IPv4 or IPv6 address"},
	    {"af_packet:e,vlan=4095", "vlan: expected an integer from 0 to 4094, got 4095"},
	    {"af_packet:e,vlan=", "vlan: nothing after"},
	    {"af_packet:e,outer_vlan=4095", "outer_vlan: expected an integer from 0 to 4094"},
	    {"af_packet:e,outer_vlan=7", "outer_vlan: expected a \"vlan\" above 0 beside it"},
	    {"af_packet:eth0,vlan=5,name=other",
	     "ports[0], \"eth0\", has the same device and VLAN: another"},
	    {"af_packet:eth0,checksum=strict",
	     "checksum: ports[0], \"eth0\", has the same device, and something else here"},
	    {"af_packet:eth0,vlan=6,profile=memif", "profile: ports[0]"},
	    {"af_packet:e,name=", "name: nothing after"},
	    {"af_packet:e,checksum=off", "checksum: expected auto or strict, got \"off\""},
	    {"af_packet:e,mtu=12", "mtu: expected 0 or at least 68"},
	    {"af_packet:e,route=10.0.0.0/8", "route: expected PREFIX>NEXTHOP"},
	    {"af_packet:e,route=10.0.0.0/8>2001:db8::1", "different families"},
	    {"af_packet:e,route=>192.0.2.1", "route: expected an IPv4 or IPv6 prefix"},
	    {"af_packet:", "expected only a name after \"af_packet:\""},
	    {"--rounds", "is no device: expected a PCI address, DRIVER:NAME"},
	    {"eth 0", "is no device"},
	    {"af_packet:eth1,addres=192.0.2.10/24",
	     "character 16: unknown key \"addres\"; did you mean \"address\"?"},
	    {"af_packet:eth1,vlan=3,colour=red",
	     "character 23: unknown key \"colour\"; expected "
	     "name, profile, vlan, outer_vlan, dad, accept_ra, ping, mtu, checksum, address, "
	     "gateway or route"},
	    {"af_packet:eth1,192.0.2.10/24", "character 16: expected KEY=VALUE, KEY being name,"},
	    {"0000:3b:00.0,gatway=192.0.2.1", "character 14: unknown key \"gatway\""},
	    {"net_memif0,role=client,adress=192.0.2.1/24",
	     "character 24: unknown key \"adress\"; did you mean \"address\"?"},
	    {"af_packet:e,address=192.0.2.10/24,gateway=192.0.3.1",
	     "gateway: 192.0.3.1 is in no network of this port's addresses (192.0.2.10/24)"},
	    {"af_packet:e,address=192.0.2.10/24,route=10.0.0.0/8>192.0.3.1",
	     "route: 192.0.3.1 is in no network"},
	    {"af_packet:e,address=192.0.2.10/24,gateway=192.0.2.10",
	     "an address of this port itself"},
	    {"0000:3b:00.0,profile=../../tmp/mine",
	     "profile: expected a name, without \"/\", got \"../../tmp/mine\""},
	    {"af_packet:e,address=224.0.0.9/24",
	     "address: expected an address of a host, got 224.0.0.9"},
	    {"af_packet:e,address=0.0.0.0/0", "expected an address of a host, got 0.0.0.0"},
	    {"af_packet:e,address=127.0.0.1/8", "expected an address of a host, got 127.0.0.1"},
	    {"af_packet:e,address=255.255.255.255/32", "expected an address of a host"},
	    {"af_packet:e,address=::1/128", "expected an address of a host, got ::1"},
	    {"af_packet:e,address=ff02::1/64", "expected an address of a host, got ff02::1"},
	    {"af_packet:e,address=::ffff:192.0.2.1/96", "expected an address of a host"},
	    {"af_packet:e,address=192.0.2.10/24,address=192.0.3.0/24",
	     "address: 192.0.3.0 is the address of its network, 192.0.3.0/24, and no host's"},
	    {"af_packet:e,address=192.0.3.255/23",
	     "address: 192.0.3.255 is the broadcast address of 192.0.2.0/23, and no host's"},
	    {"af_packet:e,address=192.0.2.10/24,address=2001:db8::1/64,address=192.0.2.10/32",
	     "address: the port has the address 192.0.2.10 already"},
	    {"af_packet:e,gateway=192.0.2.1", "needs addresses of this port beside it"},
	    {"net_memif0,socket=/run/\xe2\x82", "character 24: expected UTF-8, got byte 0xe2"},
	    {"af_packet:e,name=a\x80", "character 19: expected UTF-8, got byte 0x80"},
	    {"\x1b[31m", "\"\\x1b[31m\" is no device"},
	    {"=\n", "expected a device first, such as af_packet:eth1, got \"=\\n\""},
	    {"af_packet:e,route=10.0.0.0/8\n\x7f", "got \"10.0.0.0/8\\n\\x7f\""},
	};
	char longer[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_conf *c = minimal();
		struct el_error err = {{0}};

		if (el_conf_add_port(c, cases[i][0], &err) != -EINVAL)
			fail_msg("%s: accepted", cases[i][0]);
		if (!strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.text);
		assert_int_equal(c->dataplane.n_ports, 1);
		el_conf_put(c);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	{
		struct el_conf *c = minimal();
		struct el_error err;

		assert_int_equal(el_conf_add_port(c, longer, &err), -EINVAL);
		el_conf_put(c);
	}
}

static void ports_are_limited(void **state)
{
	struct el_conf *c = minimal();
	struct el_error err;
	char spec[64];

	(void)state;
	for (int i = 1; i < 32; i++) {
		snprintf(spec, sizeof(spec), "net_ring%d", i);
		assert_int_equal(el_conf_add_port(c, spec, &err), 0);
	}
	assert_int_equal(el_conf_add_port(c, "net_ring99", &err), -EINVAL);
	assert_string_equal(err.text, "more than 32 ports");
	assert_int_equal(el_conf_add_port(c, "net_ring5,mtu=1400", &err), 0);
	el_conf_put(c);
}

/* Ports of the file and of the command line count; what is neither is told, all of it. */
static void ports_of_groups(void **state)
{
	static const char text[] =
	    "global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, "
	    "prometheus_port: 9000, dns_update_interval: 0}\n"
	    "groups:\n  a: {port: wan0}\n  b: {port: eth1}\n  c: {}\n  d: {port: \"wan\\n\"}\n"
	    "dataplane: {ports: [{device: 'af_packet:eth0', name: wan0}]}\n";
	struct el_conf_diags diags;
	struct el_conf *c = NULL;
	struct el_error err;

	(void)state;
	assert_int_equal(el_conf_load_buffer("f", text, strlen(text), &c, &diags), 0);
	el_conf_diags_fini(&diags);
	assert_int_equal(el_conf_check_group_ports(c, "f", &diags), -EINVAL);
	assert_int_equal(diags.count, 2);
	assert_string_equal(diags.items[0].text,
			    "f:4:13: groups.b.port: there is no port \"eth1\"; the ports are wan0");
	el_conf_diags_fini(&diags);
	assert_int_equal(el_conf_add_port(c, "af_packet:eth1", &err), 0);
	assert_int_equal(el_conf_check_group_ports(c, "f", &diags), -EINVAL);
	assert_int_equal(diags.count, 1);
	assert_string_equal(
	    diags.items[0].text,
	    "f:6:13: groups.d.port: there is no port \"wan\\n\"; the ports are wan0, eth1");
	el_conf_diags_fini(&diags);
	free(c->groups[3].port);
	c->groups[3].port = NULL;
	assert_int_equal(el_conf_check_group_ports(c, "f", &diags), 0);
	assert_int_equal(diags.count, 0);
	el_conf_diags_fini(&diags);
	el_conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_are_added_and_replaced),
	    cmocka_unit_test(default_names),
	    cmocka_unit_test(links_of_a_device),
	    cmocka_unit_test(one_device),
	    cmocka_unit_test(right_specs),
	    cmocka_unit_test(wrong_specs),
	    cmocka_unit_test(ports_are_limited),
	    cmocka_unit_test(ports_of_groups),
	};
	return cmocka_run_group_tests_name("conf_port", tests, NULL, NULL);
}
