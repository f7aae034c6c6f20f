/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Pages, and a snapshot that everything on a page is printed from. */
#include "hand_model.h"

#include <math.h>

#include "el_expo.h"

static const int percentiles[] = {95, 50, 95};

struct page {
	char *text;
	size_t len, cap;
	unsigned calls;
};

static inline struct page render(const struct el_expo_input *in, size_t cap)
{
	struct el_expo_cursor cursor = {0};
	struct page page = {0};
	char *buf = malloc(cap + 1);

	while (!cursor.done) {
		size_t n;

		buf[cap] = 0x55;
		n = el_expo_render(in, &cursor, buf, cap);
		assert_true(n <= cap);
		assert_int_equal(buf[cap], 0x55);
		assert_true(n > 0 || cursor.done);
		assert_true(n == 0 || in->format != EL_EXPO_TEXT || buf[n - 1] == '\n');
		if (page.len + n >= page.cap) {
			page.cap = 2 * (page.len + n) + 1;
			page.text = realloc(page.text, page.cap);
		}
		memcpy(page.text + page.len, buf, n);
		page.len += n;
		page.text[page.len] = '\0';
		page.calls++;
	}
	assert_int_equal(el_expo_render(in, &cursor, buf, cap), 0);
	free(buf);
	return page;
}

/* ---- a page with everything on it ---- */

struct sample {
	struct hand_model *h;
	struct el_snapshot *snapshot;
	struct el_worker_view workers[2];
	struct el_port_view ports[1];
	struct el_expo_input in;
};

/* Of 0 ns to some seconds; a boundary of classic buckets and what is just above it; none in the
 * first series. */
static inline struct el_histograms *sample_histograms(uint32_t n_series)
{
	static const uint64_t ns[] = {0,       41000,   41200,   52000,      1953125,
				      1953126, 4000000, 4000000, 4000000001, 1};
	static uint32_t counts[EL_HISTOGRAM_BUCKETS];
	struct el_histograms *h =
	    el_histograms_create(n_series, n_series * sizeof(ns) / sizeof(ns[0]));

	for (uint32_t s = 0; s < n_series; s++)
		el_histograms_append(h, ns, s % (sizeof(ns) / sizeof(ns[0]) + 1), counts);
	return h;
}

static inline struct el_round_figures *sample_figures(const struct el_model *m)
{
	struct el_round_figures *f = calloc(1, sizeof(*f));

	*f = (struct el_round_figures){.refs = 1,
				       .round = 3,
				       .n_series = m->n_series,
				       .n_percentiles = m->n_percentiles,
				       .poll_gap_ns = 12500,
				       .skipped_ns = 2000000000,
				       .uncertain = 4,
				       .answered = 200,
				       .uncertain_answers = 50,
				       .stamp_bound_ns = {512, 1024, 2048, 1 << 20},
				       .tx_refused = 5,
				       .local_drops = 6,
				       .forwarded = 8,
				       .unsent = 7};
	f->series = calloc(m->n_series, sizeof(*f->series));
	f->percentile_ns = calloc(m->n_series * m->n_percentiles, sizeof(double));
	f->certain_percentile_ns = calloc(m->n_series * m->n_percentiles, sizeof(double));
	for (uint32_t s = 0; s < m->n_series; s++) {
		f->series[s] = (struct el_figures){.sent = 30, .answered = 30 - s, .lost = s};
		for (uint32_t p = 0; p < m->n_percentiles; p++)
			f->percentile_ns[s * m->n_percentiles + p] =
			    p == 1 ? 41000 + s : 54383.27789306638 + s;
		for (uint32_t p = 0; p < m->n_percentiles; p++)
			f->certain_percentile_ns[s * m->n_percentiles + p] =
			    s == 1 ? NAN : 40000 + 10 * s + p;
	}
	for (int k = 0; m->histograms && k < EL_MEASURES; k++)
		f->histograms[k] = sample_histograms(m->n_series);
	f->series[1].late = 1;
	f->series[1].duplicates = 2;
	f->series[1].icmp_errors = 3;
	f->series[1].out_of_order = 4;
	f->series[1].local = 5;
	f->series[1].uncertain = 6;
	return f;
}

/* Targets tcp_closed, gateway, udp, quiet in groups standard and dscp-46. The last has sent nothing
 * yet. */
static inline void sample_init(struct sample *s)
{
	static const char *const names[] = {"tcp_closed", "gateway", "udp",      "quiet",
					    "tcp_v6",     "off",     "reflector"};
	struct hand_model *h = hand_model_create(7, 2, percentiles, 3);
	struct el_model *m = &h->model;
	struct el_round_figures *f;

	memset(s, 0, sizeof(*s));
	s->h = h;
	m->certain_percentiles = true;
	m->histograms = EL_CONF_HISTOGRAMS_BOTH;
	for (int i = 0; i < 7; i++)
		hand_rename(&m->targets[i].name, names[i]);
	hand_rename(&m->groups[0].name, "standard");
	hand_rename(&m->groups[1].name, "dscp-46");
	m->targets[0].threshold_latency_s = 0.01;
	m->targets[0].alert_level = EL_ALERT_PAGING;
	m->targets[0].state = EL_STATE_PRODUCTION;
	m->targets[2].threshold_loss = 0.05;
	m->targets[3].type = m->targets[4].type = EL_PROBE_TCPSYN;
	m->targets[5].type = EL_PROBE_UDPUNREACHABLE;
	m->targets[6].type = EL_PROBE_STAMP;
	m->targets[4].family = 6;
	m->targets[4].state = EL_STATE_VALIDATION;
	m->targets[5].enabled = false; /* its name does not resolve any more */
	m->targets[5].status = EL_MODEL_UNRESOLVED;
	for (uint32_t i = 0; i < m->targets[5].n_series; i++)
		m->series[m->targets[5].first_series + i].status = EL_MODEL_UNRESOLVED;
	m->targets[5].address = (struct el_ip){0};
	m->targets[5].threshold_loss = 1;
	m->duplicates = calloc(2, sizeof(*m->duplicates));
	m->duplicates[0] = (struct el_model_duplicate){strdup("udp"), 2};
	m->duplicates[1] = (struct el_model_duplicate){strdup("gateway"), 1};
	m->n_duplicates = 2;
	m->absent = calloc(2, sizeof(*m->absent));
	m->absent[0] = (struct el_model_absent){strdup("nowhere"), strdup(""), 4, EL_STATE_NONE,
						EL_MODEL_NO_GROUP};
	m->absent[1] = (struct el_model_absent){strdup("udp"), strdup("gone"), 6,
						EL_STATE_PRODUCTION, EL_MODEL_REPEATED_NAME};
	m->n_absent = 2;
	el_model_count_not_probed(m);
	f = sample_figures(m);
	f->series[6] = f->series[7] = (struct el_figures){.local = 8};
	s->snapshot = el_snapshot_next(NULL, m, f);
	s->snapshot->stamp->totals[12] = (struct el_stamp_totals){
	    {5, 6, 7}, 8, 13, 9, 10, 11, 12, {20, 1, 2, 3, 4}, {100, 90, 80}};
	s->snapshot->stamp->gauges[12] = (struct el_stamp_figures){
	    30,
	    30,
	    20,
	    8,
	    .asks = 1U << EL_STAMP_TLV_CLASS_OF_SERVICE | 1U << EL_STAMP_TLV_DIRECT_MEASUREMENT,
	    .skew_ppm = -12.5,
	    .skew_error_ppm = 0.125};
	s->snapshot->stamp->gauges[13] =
	    (struct el_stamp_figures){30, 29, 0, 0, .skew_ppm = NAN, .skew_error_ppm = NAN};
	for (int p = 0; p < 3; p++)
		for (int k = 0; k < EL_STAMP_MEASURES; k++)
			s->snapshot->stamp->percentile_ns[k][12 * 3 + p] = 30000 + 1000 * k + p;
	s->snapshot->iteration_s = 1.25;
	s->snapshot->requested_pps = INFINITY;
	s->snapshot->worker_skew = 1.125;
	s->snapshot->achieved_pps = 12345.5;
	s->snapshot->clock =
	    (struct el_clock_state){.reason = "measured", .error_ppm = 0.25, .skew_s = 4e-8};
	s->snapshot->control_loop_s = 0.0625;
	s->snapshot->control_loop_cpu_s = 0.03125;
	s->snapshot->app.rounds_skipped = 1;
	s->snapshot->app.rounds_timed_out = 2;
	s->snapshot->targets[0].match_ack_fail = 11;
	s->snapshot->targets[0].port_mismatch = 12;
	s->snapshot->targets[2].port_mismatch = 13;
	for (int w = 0; w < 2; w++) {
		for (int i = 0; i < EL_COUNTERS; i++)
			s->workers[w].v[i] = (uint64_t)(1000 * w + i);
		s->workers[w].poll_gap_max_s = 0.001;
		s->workers[w].poll_gap_last_s = 0.0000125;
	}
	s->ports[0] = (struct el_port_view){.name = "wan0",
					    .up = 1,
					    .link_downs = 3,
					    .imissed = 1,
					    .ierrors = 2,
					    .rx_nombuf = 3,
					    .oerrors = 4,
					    .socket_drops = 5,
					    .interface_drops = 8,
					    .placement = EL_PLACEMENT_COMPUTED,
					    .arrival = EL_ARRIVAL_NIC,
					    .rx_packets = 18446744073709551615ULL,
					    .tx_packets = 7,
					    .driver_errors = {12, 13},
					    .worker_packets = {14, 15},
					    .unaccounted = {16, 17},
					    .counters_believed = {1, 0},
					    .address_conflicts = 9,
					    .neighbour_conflicts = 10,
					    .neighbour_moves = 11};
	s->in = (struct el_expo_input){.snapshot = s->snapshot,
				       .version = "1.2.3",
				       .dpdk_version = "DPDK 22.11.11",
				       .workers = s->workers,
				       .n_workers = 2,
				       .ports = s->ports,
				       .n_ports = 1};
}

static inline void sample_fini(struct sample *s)
{
	el_snapshot_put(s->snapshot);
	hand_model_destroy(s->h);
}
