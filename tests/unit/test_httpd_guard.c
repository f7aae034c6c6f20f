/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose turn it is to have a page, in simulated time: slow readers of any number of addresses, who
 * come again once they are shut down, against scrapers that read what comes. */
#include "unit.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "guard.h"

#define STEP_MS 4
#define CLIENTS_MAX 1000
#define COMES_AGAIN_NS 20000000
#define FIRST_FD 1000000 /* none that is open */

struct client {
	uint32_t address;
	uint64_t bytes_per_ms;       /* that it takes; 0: slow */
	bool takes_all;              /* there is: what holds it up is us */
	struct guard_connection *at; /* NULL: not connected */
	uint64_t left_ns;
	unsigned n_pages, n_refused, n_broken; /* of a scraper */
};

struct world {
	struct guard guard;
	uint64_t now_ns, page_bytes;
	struct client clients[CLIENTS_MAX];
	unsigned n_clients;
};

static struct world *world;

int __wrap_ioctl(int fd, unsigned long request, int *ret_queued);

int __wrap_ioctl(int fd, unsigned long request, int *ret_queued)
{
	assert_int_equal(request, SIOCOUTQ);
	assert_in_range(fd, FIRST_FD, FIRST_FD + CLIENTS_MAX - 1);
	*ret_queued = world->clients[fd - FIRST_FD].takes_all ? 0 : 1;
	return 0;
}

static struct world *world_create(uint64_t page_bytes)
{
	struct el_httpd_config config = {0};
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	guard_init(&w->guard, &config);
	w->now_ns = EL_NS_PER_S;
	w->page_bytes = page_bytes;
	world = w;
	return w;
}

static void world_destroy(struct world *w)
{
	for (unsigned i = 0; i < w->n_clients; i++) {
		if (w->clients[i].at)
			guard_remove(&w->guard, w->clients[i].at);
	}
	guard_fini(&w->guard);
	free(w);
}

static struct client *add_client(struct world *w, uint32_t address, uint64_t bytes_per_ms)
{
	struct client *c = &w->clients[w->n_clients++];

	assert_true(w->n_clients <= CLIENTS_MAX);
	*c = (struct client){.address = address, .bytes_per_ms = bytes_per_ms};
	return c;
}

static void add_slow(struct world *w, unsigned n_addresses, unsigned per_address)
{
	for (unsigned i = 0; i < n_addresses * per_address; i++)
		add_client(w, 0x7f010000 + i % n_addresses, 0);
}

/* ---- what the server does ---- */

static void ask(struct world *w, struct client *c)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(c->address)};

	c->at = guard_add(&w->guard, FIRST_FD + (int)(c - w->clients),
			  (const struct sockaddr *)&peer, w->now_ns);
	assert_non_null(c->at);
	c->at->owner = c;
	guard_begin_page(&w->guard, c->at, w->now_ns);
}

static void hang_up(struct world *w, struct client *c)
{
	guard_remove(&w->guard, c->at);
	c->at = NULL;
	c->left_ns = w->now_ns;
}

static void read_page(struct world *w, struct client *c)
{
	c->at->bytes += STEP_MS * c->bytes_per_ms;
	if (c->bytes_per_ms == 0 || c->at->bytes < w->page_bytes)
		return;
	guard_end_request(&w->guard, c->at, true, w->now_ns);
	c->n_pages++;
	hang_up(w, c);
}

static void step_client(struct world *w, struct client *c)
{
	if (!c->at) {
		if (c->bytes_per_ms == 0 && w->now_ns >= c->left_ns + COMES_AGAIN_NS)
			ask(w, c);
	} else if (c->at->state == GUARD_LEAVING || c->at->state == GUARD_REFUSED) {
		c->n_refused += c->at->state == GUARD_REFUSED;
		c->n_broken += c->at->state == GUARD_LEAVING;
		guard_end_request(&w->guard, c->at, false, w->now_ns);
		hang_up(w, c);
	} else if (c->at->state == GUARD_PAGE && !c->at->held) {
		read_page(w, c);
	}
}

static void step(struct world *w)
{
	w->now_ns += STEP_MS * 1000000ULL;
	for (unsigned i = 0; i < w->n_clients; i++)
		step_client(w, &w->clients[i]);
	while (guard_next(&w->guard, w->now_ns))
		;
	assert_true(w->guard.n[GUARD_PAGE] <= w->guard.max_pages);
	assert_true(guard_deadline_ns(&w->guard) > w->now_ns);
}

static void run_ms(struct world *w, unsigned ms)
{
	for (unsigned i = 0; i < ms; i += STEP_MS)
		step(w);
}

/* Asks, and reads the page to its end. Returns how long it took until it had begun, in ms. */
static unsigned scrape(struct world *w, struct client *c)
{
	unsigned n_pages = c->n_pages, waited_ms = 0;

	ask(w, c);
	for (; c->n_pages == n_pages; step(w)) {
		if (!c->at)
			fail_msg("no page: %u refused, %u broken", c->n_refused, c->n_broken);
		waited_ms += c->at->state == GUARD_WAIT ? STEP_MS : 0;
	}
	return waited_ms;
}

/* ---- tests ---- */

static const unsigned numbers[] = {1, 8, 9, 40, 100, 240};

/* A scraper that nobody knows has its turn after the addresses that were there before it, one page
 * each; and, once it is known, before them. Its page takes a second. */
static void who_reads_is_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (unsigned per_address = 1; per_address <= 4; per_address += 3) {
			struct world *w = world_create(2000000);
			struct client *scraper = add_client(w, 0x7f000001, 2000);
			unsigned waited_ms, turns = numbers[i] / 8 + 1;

			add_slow(w, numbers[i], per_address);
			run_ms(w, 7);
			waited_ms = scrape(w, scraper);
			if (waited_ms > turns * 256)
				fail_msg("%u ms, %u addresses", waited_ms, numbers[i]);
			for (int round = 0; round < 2; round++) {
				run_ms(w, 1000 + 77 * (unsigned)round);
				waited_ms = scrape(w, scraper);
				if (waited_ms > 256)
					fail_msg("%u ms in round %d, %u addresses", waited_ms,
						 round, numbers[i]);
			}
			world_destroy(w);
		}
	}
}

/* However many come, even more than can be connected: who was served before is served again. */
static void who_is_known_to_read_is_never_crowded_out(void **state)
{
	struct world *w = world_create(2000000);
	struct client *scraper = add_client(w, 0x7f000001, 2000);

	(void)state;
	assert_int_equal(scrape(w, scraper), 0);
	add_slow(w, CLIENTS_MAX - 1, 1);
	for (int round = 0; round < 2; round++) {
		run_ms(w, 500);
		assert_in_range(scrape(w, scraper), 0, 256);
	}
	world_destroy(w);
}

/* A page that takes six seconds since we have no more time for it: the reader takes all there is.
 */
static void our_own_slowness_is_not_the_readers(void **state)
{
	struct world *w = world_create(600000);
	struct client *scraper = add_client(w, 0x7f000001, 100);

	(void)state;
	scraper->takes_all = true;
	add_slow(w, 40, 2);
	run_ms(w, 7);
	assert_in_range(scrape(w, scraper), 0, 6 * 256);
	world_destroy(w);
}

/* Scrapers of more addresses than there are places, all at the same time: none is ended, and they
 * have their turns. The line to them is slow. */
static void scrapers_do_not_end_each_other(void **state)
{
	struct world *w = world_create(2000000);
	struct client *scrapers[12];

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		scrapers[i] = add_client(w, 0x7f000001 + i, 500);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 12; i++)
			ask(w, scrapers[i]);
		run_ms(w, 9000);
		for (unsigned i = 0; i < 12; i++)
			assert_int_equal(scrapers[i]->n_pages, round + 1);
	}
	world_destroy(w);
}

/* A small page may end in the buffers of who does not read: to be known is no right to hold a page.
 */
static void who_is_known_may_not_hold(void **state)
{
	struct world *w = world_create(100000);
	struct client *scraper = add_client(w, 0x7f000001, 2000);
	struct guard_connection *c;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		scrape(w, add_client(w, 0x7f010000 + i, 2000));
	add_slow(w, 8, 2);
	run_ms(w, 7);
	assert_true(TAILQ_EMPTY(&w->guard.readers));
	TAILQ_FOREACH(c, &w->guard.in[GUARD_PAGE], entry)
	assert_true(c->address->reads);
	assert_in_range(scrape(w, scraper), 1, 2 * 256);
	world_destroy(w);
}

/* An address whose last page had to be ended is like any other again, though it had read one. */
static void who_reads_no_more_is_forgotten(void **state)
{
	struct world *w = world_create(2000000);
	struct client *turned = add_client(w, 0x7f000001, 2000);

	(void)state;
	scrape(w, turned);
	turned->bytes_per_ms = 0;
	add_slow(w, 100, 2);
	run_ms(w, 6000);
	assert_non_null(turned->at);
	assert_false(turned->at->address->reads);
	world_destroy(w);
}

/* One address has half of the places, and its own pages give way to its own. */
static void an_address_has_its_share(void **state)
{
	struct world *w = world_create(2000000);
	struct client *scraper = add_client(w, 0x7f000001, 2000),
		      *neighbour = add_client(w, 0x7f010000, 2000);

	(void)state;
	add_slow(w, 1, 12);
	run_ms(w, 7);
	assert_int_equal(w->guard.n[GUARD_PAGE], 4);
	assert_int_equal(scrape(w, scraper), 0);
	assert_in_range(scrape(w, neighbour), 1, 768);
	world_destroy(w);
}

/* Where nobody waits, a page may take its time, up to the deadline. */
static void nobody_is_ended_for_nobody(void **state)
{
	struct world *w = world_create(50000);
	struct client *slow = add_client(w, 0x7f000001, 1);

	(void)state;
	scrape(w, slow);
	assert_int_equal(slow->n_broken, 0);
	world_destroy(w);
}

static unsigned count_refused(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_clients; i++)
		n += w->clients[i].n_refused;
	return n;
}

/* Who has waited for too long, since those before it read for as long as they may, is told. */
static void who_can_not_be_served_is_told(void **state)
{
	struct world *w = world_create(3000000);

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		add_client(w, 0x7f000001 + i, 500);
		ask(w, &w->clients[i]);
	}
	run_ms(w, 9990);
	assert_int_equal(count_refused(w), 0);
	run_ms(w, 20);
	assert_int_equal(count_refused(w), 8);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_reads_is_served),
	    cmocka_unit_test(who_is_known_to_read_is_never_crowded_out),
	    cmocka_unit_test(our_own_slowness_is_not_the_readers),
	    cmocka_unit_test(scrapers_do_not_end_each_other),
	    cmocka_unit_test(who_is_known_may_not_hold),
	    cmocka_unit_test(who_reads_no_more_is_forgotten),
	    cmocka_unit_test(an_address_has_its_share),
	    cmocka_unit_test(nobody_is_ended_for_nobody),
	    cmocka_unit_test(who_can_not_be_served_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
