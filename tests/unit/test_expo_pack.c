/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages in gzip, packed in two parts. */
#include "expo_sample.h"

#include "el_expo_pack.h"
#include "gunzip.h"

/* Both parts, one after the other, unpacked. */
static struct page unpack(const struct el_expo_packed *packed, const struct el_expo_input *in)
{
	struct page page = {0};
	size_t n_rest = 0;
	char *rest = el_expo_pack_rest(packed, in, &n_rest), *all;

	assert_non_null(rest);
	all = malloc(packed->n + n_rest);
	memcpy(all, packed->bytes, packed->n);
	memcpy(all + packed->n, rest, n_rest);
	page.text = gunzip(all, packed->n + n_rest, &page.len);
	free(all);
	free(rest);
	return page;
}

static struct page render_part(struct el_expo_input in, enum el_expo_part part)
{
	in.part = part;
	return render(&in, 1 << 20);
}

static void both_parts_are_one_member(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	for (int format = 0; format < EL_EXPO_FORMATS; format++) {
		struct page first, live, all;
		struct el_expo_packed *packed;

		s.in.format = (enum el_expo_format)format;
		packed = el_expo_pack(&s.in, 1 << 20);
		assert_non_null(packed);
		/* what is live is as it is when the rest is packed */
		s.workers[0].v[0]++;
		first = render_part(s.in, EL_EXPO_OF_SNAPSHOT);
		live = render_part(s.in, EL_EXPO_LIVE);
		all = unpack(packed, &s.in);
		assert_int_equal(packed->n_page, first.len);
		assert_int_equal(all.len, first.len + live.len);
		assert_memory_equal(all.text, first.text, first.len);
		assert_memory_equal(all.text + first.len, live.text, live.len);
		assert_true(packed->n < first.len / 5);
		free(first.text);
		free(live.text);
		free(all.text);
		el_expo_packed_put(packed);
	}
	sample_fini(&s);
}

/* A page of megabytes, of which no slice is whole; and one that may not be so large. */
static void large_pages(void **state)
{
	struct hand_model *h = hand_model_create(20000, 1, percentiles, 2);
	struct el_snapshot *s = el_snapshot_next(NULL, &h->model, NULL);
	struct el_expo_input in = {.snapshot = s, .version = "1", .dpdk_version = "2"};
	struct el_expo_packed *packed;
	struct page page, all;

	(void)state;
	memset(s->measured, true, h->model.n_series);
	packed = el_expo_pack(&in, SIZE_MAX);
	assert_non_null(packed);
	page = render(&in, 1 << 25);
	all = unpack(packed, &in);
	assert_int_equal(all.len, page.len);
	free(page.text);
	free(all.text);
	errno = 0;
	assert_null(el_expo_pack(&in, packed->n - 1));
	assert_int_equal(errno, EFBIG);
	el_expo_packed_put(el_expo_packed_get(packed));
	el_expo_packed_put(packed);
	packed = el_expo_pack(&in, 5); /* not even the beginning */
	assert_null(packed);
	el_snapshot_put(s);
	hand_model_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_parts_are_one_member),
	    cmocka_unit_test(large_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
