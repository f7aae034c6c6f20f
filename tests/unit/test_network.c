/* SPDX-License-Identifier: BSD-3-Clause */
/* What control does when addresses turn out to be others', links go down and up, and routers
 * advertise. Two links on one device; workers and device are the test's. */
#include "unit.h"

#include "addresses.h"
#include "el_ticks.h"
#include "frames.h"
#include "network_private.h"

#define MS (EL_NS_PER_S / 1000)
#define S EL_NS_PER_S
#define OWN "192.0.2.10"
#define OTHER "192.0.2.11"
#define OWN_TAGGED "198.51.100.10"
#define VLAN 100

static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 0x10};

/* ---- workers and device ---- */

static bool is_up, is_told_down;

bool el_worker_command(struct el_worker *w, const struct el_command *command)
{
	(void)w;
	if (command->kind == EL_COMMAND_PORT) {
		assert_int_equal(command->index, 0);
		is_told_down = command->down;
	}
	return true;
}

bool el_worker_inject(struct el_worker *w, struct rte_mbuf *frame, uint32_t queue)
{
	(void)w;
	(void)frame;
	(void)queue;
	return false;
}

unsigned el_worker_punted(struct el_worker *w, struct rte_mbuf **ret_frames, unsigned max)
{
	(void)w;
	(void)ret_frames;
	(void)max;
	return 0;
}

uint64_t el_worker_own_taken(const struct el_worker *w)
{
	(void)w;
	return 0;
}

uint64_t el_worker_ports_taken(const struct el_worker *w)
{
	(void)w;
	return 0;
}

bool el_port_is_up(const struct el_port *port)
{
	(void)port;
	return is_up;
}

uint64_t el_port_link_period_ns(const struct el_port *port)
{
	(void)port;
	return 0;
}

bool el_port_link_is_known(const struct el_port *port)
{
	(void)port;
	return true;
}

uint64_t el_port_link_downs(const struct el_port *port)
{
	(void)port;
	return 0;
}

bool el_port_is_removed(const struct el_port *port)
{
	(void)port;
	return false;
}

void el_port_detach(struct el_port *port)
{
	(void)port;
}

bool el_port_is_there_again(struct el_port *port)
{
	(void)port;
	return false;
}

int el_port_receive_multicast(struct el_port *port, struct el_error *err)
{
	(void)port;
	(void)err;
	return 0;
}

uint64_t network_sent(const struct network *n, uint16_t port)
{
	(void)n;
	(void)port;
	return 0;
}

bool network_was_away(struct network *n)
{
	(void)n;
	return false;
}

struct rte_mempool *__wrap_rte_pktmbuf_pool_create(const char *name, unsigned n, unsigned cache,
						   uint16_t private, uint16_t room, int socket);
struct rte_mempool *__wrap_rte_pktmbuf_pool_create(const char *name, unsigned n, unsigned cache,
						   uint16_t private, uint16_t room, int socket)
{
	static uint64_t pool; /* nothing is taken from it */

	(void)name;
	(void)n;
	(void)cache;
	(void)private;
	(void)room;
	(void)socket;
	return (struct rte_mempool *)&pool;
}

/* ---- the network ---- */

static struct network net;
static struct el_port device;
static struct el_conf_port conf_ports[2];
static struct el_prefix addresses[2], tagged[1];
static char names[2][8] = {"port", "tagged"};
static struct el_worker *const workers[1];

static void refresh(void)
{
	for (uint32_t i = 0; i < net.n_ports; i++) {
		bool changed;

		assert_int_equal(net_port_refresh(&net.ports[i], &net.kernel, net.now_ns, &changed),
				 0);
	}
	neighbours_own_changed(&net);
	net.addresses_changed = false;
}

static int setup(void **state)
{
	const struct el_conf conf = {.dataplane = {.ports = conf_ports, .n_ports = 2}};
	struct el_error err;

	(void)state;
	is_up = true;
	is_told_down = false;
	addresses[0] = prefix(OWN "/24");
	addresses[1] = prefix(OTHER "/24");
	tagged[0] = prefix(OWN_TAGGED "/24");
	device = (struct el_port){.n_queues = 1, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500};
	conf_ports[0] = (struct el_conf_port){.name = names[0],
					      .addresses = addresses,
					      .n_addresses = 2,
					      .dad = true,
					      .accept_ra = true};
	conf_ports[1] = (struct el_conf_port){
	    .name = names[1], .addresses = tagged, .n_addresses = 1, .dad = true, .vlan = VLAN};
	net = (struct network){.ports = calloc(2, sizeof(*net.ports)),
			       .n_ports = 2,
			       .compile.hops = hops_create(EL_NEXT_HOPS_MAX),
			       .now_ns = 1000 * S};
	for (uint16_t i = 0; i < 2; i++)
		net_port_init(&net.ports[i], &device, &conf_ports[i], 0, false, net.now_ns);
	assert_int_equal(neighbours_init(&net, &conf, &err), 0);
	refresh();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	neighbours_fini(&net);
	for (uint32_t i = 0; i < net.n_ports; i++)
		net_port_fini(&net.ports[i]);
	hops_destroy(net.compile.hops);
	free(net.views);
	free(net.ports);
	return 0;
}

/* Time passes; frames that are to be sent find no way out. */
static void pass(uint64_t ns)
{
	network_poll(&net, net.now_ns + ns);
}

static bool is_down(void)
{
	net.workers = workers;
	net.n_workers = 1;
	network_read_links(&net, net.now_ns);
	net.workers = NULL;
	net.n_workers = 0;
	return is_told_down;
}

/* ---- addresses that turn out to be others' ---- */

/* Another host answers that it has the address. */
static void is_anothers(uint16_t port, const struct el_ip *ip)
{
	const bool is_tagged = conf_ports[port].vlan;
	struct frame f;

	if (ip->family == 6) {
		const struct el_ip all = {.family = 6, .bytes = {0xff, 2, [15] = 1}};
		uint8_t body[32] = {136, 0, 0, 0, 0x20, [24] = 2, 1};

		memcpy(body + 8, ip->bytes, 16);
		memcpy(body + 26, peer_mac, 6);
		frame_ether(&f, 0, 0x86dd);
		memcpy(f.bytes, "\x33\x33\0\0\0\1", 6);
		frame_ipv6(&f, 58, ip->bytes, all.bytes, body, sizeof(body));
		f.bytes[14 + 7] = 255;
		put16(f.bytes + 14 + 40 + 2,
		      naive_l4_checksum(f.bytes + 14 + 8, 16, 58, f.bytes + 14 + 40, sizeof(body)));
	} else {
		frame_ether(&f, is_tagged, 0x0806);
		memcpy(f.bytes, device.mac, 6);
		frame_add(&f, "\0\1\x08\0\6\4\0\2", 8);
		frame_add(&f, peer_mac, 6);
		frame_add(&f, ip->bytes, 4);
		frame_add(&f, device.mac, 6);
		frame_add(&f, "\0\0\0", 4);
		frame_add(&f, (uint8_t[18]){0}, 18);
	}
	memcpy(f.bytes + 6, peer_mac, 6);
	el_neigh_input(net.neigh, (struct el_port_idx){port}, f.bytes, f.len, net.now_ns);
}

static void refuse(uint16_t port, const char *text)
{
	const struct el_ip own = ip(text);

	is_anothers(port, &own);
	assert_true(net_port_is_refused(&net.ports[port], &own));
}

/* Nothing is sent to the device, by any link, until the plan that is executed knows: not one that
 * was ordered before, nor one that knows of another address alone. */
static void nothing_is_sent_until_the_plan_knows(void **state)
{
	for (uint16_t link = 0; link < 2; link++) {
		struct network_plan before = {.n_refusals = 0}, after = {.n_refusals = 1};

		teardown(state);
		setup(state);
		network_execute(&net, &before);
		assert_false(is_down());
		refuse(link, link ? OWN_TAGGED : OWN);
		assert_true(net.addresses_changed);
		assert_int_equal(network_refusals(&net), 1);
		assert_true(is_down());
		network_execute(&net, &before);
		assert_true(is_down());
		refuse(0, OTHER); /* while the plan is made */
		network_execute(&net, &after);
		assert_true(is_down());
		after.n_refusals = 2;
		network_execute(&net, &after);
		assert_false(is_down());
	}
}

/* A plan that would be the same is not made: the one that there is knows as much. */
static void a_plan_that_stays_is_told(void **state)
{
	struct network_plan plan = {0};

	(void)state;
	refuse(0, OWN);
	network_execute(&net, &plan);
	assert_true(is_down());
	network_confirm(&plan, network_refusals(&net));
	network_execute(&net, &plan);
	assert_false(is_down());
	/* what is known already is no news */
	is_anothers(0, &addresses[0].ip);
	assert_false(is_down());
}

/* The network of a plan is as it was when the plan was ordered. */
static void a_plan_knows_what_it_was_made_with(void **state)
{
	struct network_view *view = calloc(1, sizeof(*view));
	struct network_plan plan = {.view = view};

	(void)state;
	view->n_refusals = network_refusals(&net);
	refuse(0, OWN);
	network_adopt(&net, &plan);
	network_execute(&net, &plan);
	assert_true(is_down());
	network_release(&net, &plan);
	view->n_refusals = network_refusals(&net);
	network_adopt(&net, &plan);
	network_execute(&net, &plan);
	assert_false(is_down());
	network_release(&net, &plan);
	free(view);
}

/* ---- the link ---- */

/* Addresses are checked again before anything is sent; where no end comes of it, for others come
 * and go meanwhile, or nothing can be asked, that is not waited for. */
static void a_check_that_does_not_end(void **state)
{
	(void)state;
	assert_false(is_down());
	is_up = false;
	assert_true(is_down());
	is_up = true;
	assert_true(is_down());
	pass(2900 * MS);
	assert_true(is_down());
	pass(100 * MS);
	assert_true(el_neigh_is_checking(net.neigh, (struct el_port_idx){0}));
	assert_false(is_down());
}

/* ---- routers ---- */

/* From a router; makes_address: with a prefix. */
static void advertise(uint32_t mtu, bool makes_address)
{
	const struct el_ip router = ip("fe80::1"), all = ip("ff02::1"), net64 = ip("2001:db8:aa::");
	uint8_t body[16 + 8 + 32] = {134, [4] = 64, [6] = 7, [16] = 5, 1, [24] = 3, 4, 64, 0xc0};
	size_t len = makes_address ? sizeof(body) : 24;
	struct frame f;

	put16(body + 22, mtu);
	put16(body + 24 + 6, 9000);
	put16(body + 24 + 10, 9000);
	memcpy(body + 24 + 16, net64.bytes, 16);
	frame_ether(&f, 0, 0x86dd);
	memcpy(f.bytes, "\x33\x33\0\0\0\1", 6);
	memcpy(f.bytes + 6, peer_mac, 6);
	frame_ipv6(&f, 58, router.bytes, all.bytes, body, len);
	f.bytes[14 + 7] = 255;
	put16(f.bytes + 14 + 40 + 2,
	      naive_l4_checksum(f.bytes + 14 + 8, 16, 58, f.bytes + 14 + 40, len));
	advertised_input(&net, 0, f.bytes, f.len);
}

/* Whether there is a change that a plan is made for, which is taken. */
static unsigned take_change(void)
{
	bool changed = net.addresses_changed;

	net.addresses_changed = false;
	return changed;
}

/* Eight changes count at once, then one in three seconds, however fast they come; the last state
 * counts in the end, although nothing more is heard, and that once. */
static void changes_of_routers_are_paced(void **state)
{
	const uint64_t from_ns = net.now_ns;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		advertise(1400 + i, false);
		n += take_change();
	}
	assert_int_equal(n, 8);
	for (unsigned i = 0; net.now_ns < from_ns + 60 * S; i++) {
		pass(100 * MS);
		advertise(1300 + i % 2, false);
		n += take_change();
	}
	assert_in_range(n, 8 + 19, 8 + 20);
	for (unsigned i = 0; i < 1000 && !net.ports[0].change_waits; i++) {
		pass(100 * MS);
		n = take_change();
		advertise(net.ports[0].ra.mtu == 1300 ? 1301 : 1300, false);
	}
	assert_true(net.ports[0].change_waits);
	n = take_change();
	for (unsigned i = 0; i < 100; i++) {
		pass(100 * MS);
		if (i == 30)
			assert_int_equal(n, 1);
		n += take_change();
	}
	assert_int_equal(n, 1);
	/* and after a while as many at once as ever */
	pass(60 * S);
	n = take_change(); /* the router is gone */
	for (unsigned i = 0; i < 20; i++) {
		advertise(1400 + i, false);
		n += take_change();
	}
	assert_int_equal(n, 8);
}

/* Who advertises may have each address refused: the device is not held for that. */
static void advertised_addresses_hold_nothing(void **state)
{
	(void)state;
	advertise(1400, true);
	refresh();
	assert_int_equal(net.ports[0].n_advertised, 1);
	is_anothers(0, &net.ports[0].advertised[0].ip);
	assert_true(net_port_is_refused(&net.ports[0], &net.ports[0].advertised[0].ip));
	assert_true(take_change());
	assert_int_equal(network_refusals(&net), 0);
	assert_false(is_down());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_sent_until_the_plan_knows), TEST(a_plan_that_stays_is_told),
	    TEST(a_plan_knows_what_it_was_made_with),   TEST(a_check_that_does_not_end),
	    TEST(changes_of_routers_are_paced),         TEST(advertised_addresses_hold_nothing),
	};

	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
