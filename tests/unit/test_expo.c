/* SPDX-License-Identifier: BSD-3-Clause */
#include "expo_sample.h"

static bool has_line(const struct page *page, const char *line)
{
	const char *at = page->text;
	size_t n = strlen(line);

	while ((at = strstr(at, line)) != NULL) {
		if ((at == page->text || at[-1] == '\n') && at[n] == '\n')
			return true;
		at += n;
	}
	return false;
}

static void assert_line(const struct page *page, const char *line)
{
	if (!has_line(page, line))
		fail_msg("no line '%s' in:\n%s", line, page->text);
}

static void assert_no(const struct page *page, const char *text)
{
	if (strstr(page->text, text) != NULL)
		fail_msg("'%s' is in:\n%s", text, page->text);
}

/* With EL_TEST_GOLDEN_WRITE set, the page becomes the golden file. */
static void page_is_golden(void **state)
{
	const char *path = getenv("EL_TEST_GOLDEN");
	struct page page, golden = {0};
	struct sample s;
	FILE *file;

	(void)state;
	assert_non_null(path);
	sample_init(&s);
	page = render(&s.in, 1 << 20);
	if (getenv("EL_TEST_GOLDEN_WRITE") != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(page.text, 1, page.len, file), page.len);
		fclose(file);
	}
	file = fopen(path, "r");
	assert_non_null(file);
	golden.text = calloc(1, 1 << 20);
	golden.len = fread(golden.text, 1, (1 << 20) - 1, file);
	fclose(file);
	assert_string_equal(page.text, golden.text);
	free(golden.text);
	free(page.text);
	sample_fini(&s);
}

/* Of two ports with one device the second has only what is the link's. */
static void a_device_is_told_once(void **state)
{
	struct el_port_view ports[2];
	unsigned told = 0;
	struct page page;
	struct sample s;

	(void)state;
	sample_init(&s);
	ports[0] = s.ports[0];
	ports[1] = (struct el_port_view){.name = "wan0.100", .is_link = 1, .neighbour_moves = 77};
	s.in.ports = ports;
	s.in.n_ports = 2;
	page = render(&s.in, 1 << 20);
	for (char *line = page.text; (line = strstr(line, "port=\"wan0.100\"")) != NULL; line++) {
		while (line > page.text && line[-1] != '\n')
			line--;
		assert_true(strstr(line, "echolane_port_address_conflicts") == line ||
			    strstr(line, "echolane_port_duplicate_addresses") == line ||
			    strstr(line, "echolane_port_neighbour_") == line);
		line = strchr(line, '\n');
		told++;
	}
	assert_int_equal(told, 4);
	free(page.text);
	sample_fini(&s);
}

/* The shape of netprobify's own lines, and who has which. */
static void lines_are_netprobifys(void **state)
{
	struct page page;
	struct sample s;

	(void)state;
	sample_init(&s);
	page = render(&s.in, 1 << 20);
	assert_line(&page,
		    "tcpsyn_round_trip_seconds{address_family=\"ipv4\",destination=\"tcp_closed\","
		    "group=\"standard\",percentile=\"95\",probe_name=\"lab\","
		    "state=\"in production\"} 0.000054383278");
	assert_line(
	    &page, "threshold{address_family=\"ipv4\",alert_level=\"no_alert\",destination=\"udp\","
		   "group=\"standard\",probe_name=\"lab\",state=\"None\",type=\"loss\"} 0.05");
	assert_line(&page, "netprobify_info{scapy_version=\"\",version=\"1.2.3\"} 1");
	assert_line(
	    &page,
	    "tcpsyn_sent_total{address_family=\"ipv6\",destination=\"tcp_v6\",group=\"dscp-46\","
	    "probe_name=\"lab\",state=\"validation\"} 30");
	assert_line(
	    &page,
	    "icmp_loss_ratio{address_family=\"ipv4\",destination=\"gateway\",group=\"standard\","
	    "probe_name=\"lab\",state=\"None\"} 0.06666666666666667");
	assert_line(&page, "app_target_name_dup_total{target_name=\"udp\"} 2");
	assert_line(&page, "app_target_name_dup_total{target_name=\"gateway\"} 1");
	assert_line(&page, "app_host_resolution_status{address_family=\"ipv4\",destination=\"off\","
			   "probe_name=\"lab\"} 0");
	assert_line(&page, "app_time_ooo_total{address_family=\"ipv4\",destination=\"tcp_closed\","
			   "group=\"dscp-46\",probe_name=\"lab\"} 4");
	assert_line(&page, "app_iteration_time_seconds{probe_name=\"lab\"} 1.25");
	/* of a target that is off, only thresholds and its resolution; of one that sent nothing,
	 * what is local */
	assert_line(
	    &page, "threshold{address_family=\"ipv4\",alert_level=\"no_alert\",destination=\"off\","
		   "group=\"standard\",probe_name=\"lab\",state=\"None\",type=\"loss\"} 1");
	assert_no(&page, "udp_unreachable_sent_total{address_family=\"ipv4\",destination=\"off\"");
	assert_no(&page, "tcpsyn_sent_total{address_family=\"ipv4\",destination=\"quiet\"");
	assert_line(&page,
		    "echolane_probes_local_total{address_family=\"ipv4\",destination=\"quiet\","
		    "group=\"standard\",probe_name=\"lab\",state=\"None\"} 8");
	assert_line(&page, "echolane_requested_probes_per_second{probe_name=\"lab\"} +Inf");
	assert_line(&page, "echolane_port_rx_packets_total{port=\"wan0\",probe_name=\"lab\"} "
			   "18446744073709551615");
	free(page.text);
	sample_fini(&s);
}

/* Whether a label is among those of a sample. */
static bool has_label(const char *sample, const char *label)
{
	const char *labels = strchr(sample, '{');

	return labels && strstr(labels, label);
}

/* Rules join our metrics to netprobify's by probe_name: each series has it, and each family of ours
 * is on the page, or this would say nothing about it. Versions alone are of the program, not of the
 * probe, and netprobify's own metric of names that occur twice has no such label. */
static void every_series_has_the_probes_name(void **state)
{
	static const char *const without[] = {"netprobify_info", "echolane_build_info",
					      "app_target_name_dup_total"};
	char family[128] = "", *save;
	bool is_exempt = true, is_empty = false;
	struct page page;
	struct sample s;

	(void)state;
	sample_init(&s);
	page = render(&s.in, 1 << 20);
	for (char *l = strtok_r(page.text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (l[0] == '#') {
			assert_false(is_empty && strncmp(l, "# HELP ", 7) == 0);
			is_empty = true;
			assert_int_equal(sscanf(l, "# %*s %127s", family), 1);
			is_exempt = false;
			for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
				is_exempt |= strcmp(family, without[i]) == 0;
			continue;
		}
		is_empty = false;
		if (!is_exempt && !has_label(l, "probe_name=\"lab\""))
			fail_msg("no probe_name: %s", l);
	}
	assert_false(is_empty);
	free(page.text);
	sample_fini(&s);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* No sample twice, though a percentile is asked for twice. */
static void no_sample_is_printed_twice(void **state)
{
	char *lines[2000], *save;
	struct page page;
	struct sample s;
	size_t n = 0;

	(void)state;
	sample_init(&s);
	page = render(&s.in, 1 << 20);
	for (char *l = strtok_r(page.text, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save)) {
		assert_true(n < 2000);
		if (l[0] != '#')
			*strrchr(l, ' ') = '\0';
		lines[n++] = l;
	}
	qsort(lines, n, sizeof(lines[0]), compare_text);
	for (size_t i = 1; i < n; i++)
		assert_string_not_equal(lines[i - 1], lines[i]);
	free(page.text);
	sample_fini(&s);
}

static void slices_make_the_same_page(void **state)
{
	static const size_t caps[] = {EL_EXPO_LINE_MAX, EL_EXPO_LINE_MAX + 100, 65536};
	struct page whole;
	struct sample s;

	(void)state;
	sample_init(&s);
	whole = render(&s.in, 1 << 20);
	assert_int_equal(whole.calls, 1);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		struct page page = render(&s.in, caps[i]);

		assert_string_equal(page.text, whole.text);
		free(page.text);
	}
	free(whole.text);
	sample_fini(&s);
}

/* Long runs of rows without a line: a call ends early there, but the page stays the same. */
static void sparse_pages_are_whole(void **state)
{
	struct hand_model *h = hand_model_create(25000, 1, percentiles, 2);
	struct el_snapshot *s = el_snapshot_next(NULL, &h->model, NULL);
	struct el_expo_input in = {.snapshot = s, .version = "1", .dpdk_version = "2"};
	struct page whole, page;

	(void)state;
	s->measured[4] = s->measured[15000] = s->measured[24999] = true;
	whole = render(&in, 1 << 24);
	assert_true(whole.calls > 1);
	assert_line(&whole,
		    "tcpsyn_sent_total{address_family=\"ipv4\",destination=\"t4\",group=\"g0\","
		    "probe_name=\"lab\",state=\"None\"} 0");
	assert_line(&whole,
		    "echolane_icmp_errors_total{address_family=\"ipv4\",destination=\"t24999\","
		    "group=\"g0\",probe_name=\"lab\",state=\"None\"} 0");
	page = render(&in, EL_EXPO_LINE_MAX);
	assert_true(strcmp(page.text, whole.text) == 0);
	free(page.text);
	free(whole.text);
	el_snapshot_put(s);
	hand_model_destroy(h);
}

/* Before anything is known, not even what the probe is called: versions. */
static void page_without_a_snapshot(void **state)
{
	struct page page;
	struct sample s;

	(void)state;
	sample_init(&s);
	s.in.snapshot = NULL;
	page = render(&s.in, 65536);
	assert_line(&page,
		    "echolane_build_info{dpdk_version=\"DPDK 22.11.11\",version=\"1.2.3\"} 1");
	assert_line(&page, "# TYPE tcpsyn_sent_total counter");
	assert_line(&page, "# TYPE echolane_worker_rx_packets_total counter");
	assert_no(&page, "\necholane_worker");
	assert_no(&page, "\necholane_port");
	assert_no(&page, "destination");
	assert_no(&page, "\necholane_round");
	free(page.text);
	sample_fini(&s);
}

static void labels_are_escaped(void **state)
{
	struct page page;
	struct sample s;
	char *longest;

	(void)state;
	sample_init(&s);
	hand_rename(&s.h->model.targets[1].name, "a\\b\"c\nd");
	page = render(&s.in, 1 << 20);
	assert_line(&page, "icmp_sent_total{address_family=\"ipv4\",destination="
			   "\"a\\\\b\\\"c\\nd\",group=\"standard\","
			   "probe_name=\"lab\",state=\"None\"} 30");
	free(page.text);

	/* a line that is longer than any may be is left out, whole */
	longest = malloc(EL_EXPO_LINE_MAX + 1);
	memset(longest, 'x', EL_EXPO_LINE_MAX);
	longest[EL_EXPO_LINE_MAX] = '\0';
	hand_rename(&s.h->model.targets[1].name, longest);
	page = render(&s.in, 1 << 20);
	assert_no(&page, "xxx");
	assert_line(&page, "# TYPE icmp_sent_total counter");
	free(longest);
	free(page.text);
	sample_fini(&s);
}

/* Every number reads back as it was. */
static void numbers_read_back(void **state)
{
	uint64_t seed = unit_seed();
	struct sample s;

	(void)state;
	sample_init(&s);
	for (int i = 0; i < 2000; i++) {
		double v = (double)(unit_random(&seed) >> (unit_random(&seed) % 60)) /
			   (double)(1 + (unit_random(&seed) >> (unit_random(&seed) % 60)));
		double ns = (double)(unit_random(&seed) >> (12 + unit_random(&seed) % 50));
		struct page page;
		const char *at;

		s.snapshot->achieved_pps = v;
		s.snapshot->percentile_ns[0] = ns;
		page = render(&s.in, 1 << 20);
		at = strstr(page.text, "\necholane_achieved_probes_per_second");
		assert_true(strtod(strchr(at, ' '), NULL) == v);
		at = strstr(page.text, "\ntcpsyn_round_trip_seconds");
		at = strstr(at, "} ");
		assert_true(fabs(strtod(at + 2, NULL) - ns / 1e9) <= 0.51e-12 + ns * 1e-24);
		assert_null(memchr(at, 'e', (size_t)(strchr(at, '\n') - at)));
		free(page.text);
	}
	sample_fini(&s);
}

/* Every comparison of texts in this program passes here (by the linker's --wrap). */
static uint64_t n_comparisons, max_comparisons = UINT64_MAX;

int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);

int __wrap_strcmp(const char *a, const char *b)
{
	if (++n_comparisons > max_comparisons) {
		max_comparisons = UINT64_MAX;
		fail_msg("too many comparisons");
	}
	return __real_strcmp(a, b);
}

static int no_address(void *ctx, const char *name, uint8_t family, struct el_ip *ret)
{
	(void)ctx, (void)name, (void)family, (void)ret;
	return -ENOENT;
}

/* Two inventories of 100,000 targets each with the same names: from the list of repetitions to the
 * page with a few comparisons a name. Every tenth name occurs three times. */
static void many_duplicates(void **state)
{
	const uint32_t n_names = 100000, n = n_names + n_names / 10;
	struct el_conf conf = {.global = {.probe_name = (char[]){"lab"}}};
	struct el_model_input model_input = {.conf = &conf, .resolve = no_address};
	struct el_expo_input in = {.version = "1", .dpdk_version = "2"};
	struct el_snapshot *s;
	struct el_model *m;
	struct el_error err;
	struct page page;
	size_t n_lines = 0;

	(void)state;
	conf.duplicates = calloc(n, sizeof(*conf.duplicates));
	for (uint32_t i = 0; i < n; i++)
		conf.duplicates[i] = (struct el_conf_target){
		    .name = hand_name("name%u", i < n_names ? i : 10 * (i - n_names)),
		    .address_family = 4};
	conf.n_duplicates = n;
	n_comparisons = 0;
	max_comparisons = 20 * (uint64_t)n;
	m = el_model_create(&model_input, &err);
	assert_non_null(m);
	in.snapshot = s = el_snapshot_next(NULL, m, NULL);
	page = render(&in, 1 << 16);
	max_comparisons = UINT64_MAX;
	assert_line(&page, "app_target_name_dup_total{target_name=\"name20\"} 2");
	assert_line(&page, "app_target_name_dup_total{target_name=\"name99999\"} 1");
	for (const char *p = page.text, *end = p + page.len; p < end; p++) {
		static const char name[] = "app_target_name_dup_total{";

		n_lines += (size_t)(end - p) > strlen(name) && memcmp(p, name, strlen(name)) == 0;
		p = memchr(p, '\n', (size_t)(end - p));
	}
	assert_int_equal(n_lines, n_names);
	free(page.text);
	el_snapshot_put(s);
	el_model_put(m);
	for (uint32_t i = 0; i < n; i++)
		free(conf.duplicates[i].name);
	free(conf.duplicates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(page_is_golden),
	    cmocka_unit_test(a_device_is_told_once),
	    cmocka_unit_test(many_duplicates),
	    cmocka_unit_test(lines_are_netprobifys),
	    cmocka_unit_test(every_series_has_the_probes_name),
	    cmocka_unit_test(no_sample_is_printed_twice),
	    cmocka_unit_test(slices_make_the_same_page),
	    cmocka_unit_test(sparse_pages_are_whole),
	    cmocka_unit_test(page_without_a_snapshot),
	    cmocka_unit_test(labels_are_escaped),
	    cmocka_unit_test(numbers_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
