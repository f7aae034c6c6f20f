/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets a packed page, and when one is made. */
#include "hand_model.h"

#include <unistd.h>

#include "gunzip.h"
#include "job_thread.h"
#include "packs.h"

#define S EL_NS_PER_S
static const int percentiles[] = {95};

static struct el_snapshot *snapshot(struct hand_model *h, uint64_t sent)
{
	struct el_snapshot *s = el_snapshot_next(NULL, &h->model, NULL);

	s->measured[0] = true;
	s->series[0].sent = sent;
	return s;
}

/* Asks until there is a page of `sent` probes, which others come before. */
static void await_page(struct packs *p, struct el_expo_input *in, struct el_snapshot *s,
		       uint64_t now_ns, unsigned sent)
{
	char line[64];

	snprintf(line, sizeof(line), "state=\"None\"} %u\n", sent);
	in->format = EL_EXPO_TEXT;
	for (int i = 0;; i++) {
		struct el_expo_packed *page = packs_take(p, in, s, now_ns);
		size_t n, n_rest;
		char *rest, *all, *text;
		bool found;

		assert_true(i < 20000);
		if (!page) {
			usleep(1000);
			continue;
		}
		rest = el_expo_pack_rest(page, in, &n_rest);
		all = malloc(page->n + n_rest);
		memcpy(all, page->bytes, page->n);
		memcpy(all + page->n, rest, n_rest);
		text = gunzip(all, page->n + n_rest, &n);
		found = strstr(text, line);
		free(text);
		free(all);
		free(rest);
		el_expo_packed_put(page);
		if (found)
			return;
		usleep(1000);
	}
}

static void pages_are_made_for_who_asks(void **state)
{
	struct hand_model *h = hand_model_create(1, 1, percentiles, 1);
	struct el_expo_input in = {.version = "1", .dpdk_version = "2"};
	struct packs p = {.core = -1};
	struct el_snapshot *a = snapshot(h, 11), *b = snapshot(h, 22), *c = snapshot(h, 33);
	struct el_expo_packed *page;

	(void)state;
	packs_follow(&p, &in, a, S); /* nobody has asked */
	assert_null(p.thread);
	assert_null(packs_take(&p, &in, a, 2 * S)); /* the first gets it unpacked */
	assert_non_null(p.thread);
	await_page(&p, &in, a, 3 * S, 11);
	/* each snapshot's is made, until nobody has asked for long */
	packs_follow(&p, &in, b, 4 * S);
	await_page(&p, &in, b, 5 * S, 22);
	packs_follow(&p, &in, c, 304 * S);
	await_page(&p, &in, c, 304 * S, 33);
	in.format = EL_EXPO_PROTOBUF; /* nobody has asked for that */
	assert_null(p.of[EL_EXPO_PROTOBUF].page);
	packs_follow(&p, &in, a, 700 * S);
	assert_null(p.of[EL_EXPO_TEXT].page);
	in.format = EL_EXPO_TEXT;
	assert_null(packs_take(&p, &in, a, 701 * S));
	await_page(&p, &in, a, 702 * S, 11);
	/* a page with another name of the prober is no beginning of one with today's */
	hand_rename(&h->model.probe_name, "elsewhere");
	assert_null(packs_take(&p, &in, b, 703 * S));
	packs_follow(&p, &in, b, 704 * S);
	await_page(&p, &in, b, 704 * S, 22);
	page = packs_take(&p, &in, b, 705 * S);
	packs_follow(&p, &in, c, 706 * S); /* ended while it is made, and while a page is held */
	packs_fini(&p);
	assert_true(page->n > 20);
	el_expo_packed_put(page);
	el_snapshot_put(a);
	el_snapshot_put(b);
	el_snapshot_put(c);
	hand_model_destroy(h);
}

/* A page that is made slowly is shown behind the next snapshot for 5 s, and never behind what was
 * shown already. */
static void pages_are_never_older(void **state)
{
	struct hand_model *h = hand_model_create(1, 1, percentiles, 1);
	struct el_expo_input in = {.version = "1", .dpdk_version = "2"};
	struct packs p = {.core = -1};
	struct el_snapshot *a = snapshot(h, 11), *b = snapshot(h, 22);

	(void)state;
	packs_follow(&p, &in, a, S);
	await_page(&p, &in, a, S, 11);
	/* nobody makes pages any more */
	job_thread_destroy(p.thread, -1);
	p.thread = NULL;
	p.can_not = true;
	await_page(&p, &in, a, 99 * S, 11);
	packs_follow(&p, &in, b, 100 * S);
	await_page(&p, &in, b, 105 * S, 11);
	assert_null(packs_take(&p, &in, b, 105 * S + 1));
	/* now they have seen b */
	assert_null(packs_take(&p, &in, b, 101 * S));
	p.of[EL_EXPO_TEXT].shown = 1;
	await_page(&p, &in, b, 101 * S, 11);
	/* much later, when nobody knows since when */
	p.of[EL_EXPO_TEXT].shown = 1;
	for (int i = 0; i < PACKS_TIMES; i++)
		packs_follow(&p, &in, b, 106 * S);
	assert_null(packs_take(&p, &in, b, 106 * S));
	packs_fini(&p);
	el_snapshot_put(a);
	el_snapshot_put(b);
	hand_model_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_are_made_for_who_asks),
	    cmocka_unit_test(pages_are_never_older),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
