/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A metric family is a row of a table: what it is called, how many rows it has, how one is printed.
 */
#include "el_delay.h"
#include "el_expo.h"
#include "line.h"

enum family_type { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_SUMMARY, FAMILY_HISTOGRAM };

struct family {
	const char *name;
	enum family_type type;
	const char *help;
	/* Its lines are rows * subs; each may be left out. */
	uint32_t (*rows)(const struct el_expo_input *in);
	uint32_t (*subs)(const struct el_expo_input *in); /* NULL: 1 */
	/* Labels and value of one line, behind the name, or of one metric of a message; false:
	 * there is no such line, and what was written is void. */
	bool (*print)(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l);
	int probe_type; /* enum el_probe_type, or PROBE_ANY */
	/* of the value in the struct that `print` reads, or the number of the counter or measure */
	uint32_t offset;
};

#define PROBE_ANY (-1)

extern const struct family expo_families[];
extern const uint32_t expo_n_families;
/* Whether its values are not the snapshot's, but as they are when the page is asked for. */
bool expo_is_live(const struct family *f);

/* Measurements are printed of series that were sent for, as long as their target is probed. */
bool expo_is_shown(const struct family *f, const struct el_expo_input *in, uint32_t series);
/* The labels that a series has, in two parts: others may be between them. direction: NULL for none.
 */
void expo_labels_to_group(const struct el_expo_input *in, uint32_t series, const char *direction,
			  struct line *l);
void expo_labels_from_probe_name(const struct el_expo_input *in, uint32_t series, struct line *l);

static inline void expo_probe_label(const struct el_expo_input *in, struct line *l)
{
	line_label(l, "probe_name", in->snapshot->model->probe_name);
}

/* families_histogram.c: of round-trip times, and of STAMP's delays of directions. */
uint32_t expo_rows_histogram(const struct el_expo_input *in);
uint32_t expo_subs_histogram(const struct el_expo_input *in);
bool expo_print_histogram(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
uint32_t expo_rows_stamp_histogram(const struct el_expo_input *in);
uint32_t expo_subs_histogram_directions(const struct el_expo_input *in);
bool expo_print_histogram_directions(const struct family *f, const struct el_expo_input *in,
				     uint32_t row, uint32_t sub, struct line *l);

/* Both parts; percent: 0 for none. */
void expo_series_labels(const struct el_expo_input *in, uint32_t series, const char *direction,
			int percent, struct line *l);
/* One of the percentiles, all of which are [n_series][n_percentiles]; none where it is NaN.
 * direction: NULL: without. */
bool expo_print_percentile(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, const double *percentile_ns, const char *direction,
			   struct line *l);

/* families_stamp.c: of STAMP's series alone. */
extern const char *const expo_directions[EL_DELAY_DIRECTIONS];
uint32_t expo_rows_stamp(const struct el_expo_input *in);
uint32_t expo_subs_lost(const struct el_expo_input *in);
bool expo_print_lost(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l);
/* The family's `offset` is an enum el_stamp_measure; that of both directions with `direction`. */
bool expo_print_measure(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);
uint32_t expo_subs_directions(const struct el_expo_input *in);
bool expo_print_directions(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l);
/* The family's `offset` is in el_stamp_totals, in el_stamp_figures. */
bool expo_print_stamp_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
			    uint32_t sub, struct line *l);
bool expo_print_ppm(const struct family *f, const struct el_expo_input *in, uint32_t row,
		    uint32_t sub, struct line *l);
bool expo_print_remarked(const struct family *f, const struct el_expo_input *in, uint32_t row,
			 uint32_t sub, struct line *l);
bool expo_print_class_refused(const struct family *f, const struct el_expo_input *in, uint32_t row,
			      uint32_t sub, struct line *l);
uint32_t expo_subs_tlvs(const struct el_expo_input *in);
bool expo_print_tlvs(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l);
uint32_t expo_subs_counted(const struct el_expo_input *in);
bool expo_print_counted(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);
bool expo_print_synchronised(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l);

/* families_live.c: of workers and ports. */
uint32_t expo_rows_workers(const struct el_expo_input *in);
uint32_t expo_rows_ports(const struct el_expo_input *in);
/* The family's `offset` is an enum el_worker_counter; in el_worker_view. */
bool expo_print_worker(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l);
bool expo_print_worker_gap(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l);
uint32_t expo_subs_drops(const struct el_expo_input *in);
bool expo_print_drops(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l);
uint32_t expo_subs_unmatched(const struct el_expo_input *in);
bool expo_print_unmatched(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
uint32_t expo_subs_responded(const struct el_expo_input *in);
bool expo_print_responded(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
uint32_t expo_subs_refused(const struct el_expo_input *in);
bool expo_print_refused(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);
/* The family's `offset` is in el_port_view. */
bool expo_print_port(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l);
uint32_t expo_subs_port_directions(const struct el_expo_input *in);
/* The same of a device: of several ports that have it, the first alone. So it is of what follows.
 */
bool expo_print_device(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l);
bool expo_print_direction(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
bool expo_print_placement(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
bool expo_print_arrival(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);

/* Shapes of rows, in families_series.c: of the snapshot's series and targets. */
uint32_t expo_rows_series(const struct el_expo_input *in);
uint32_t expo_rows_certain(const struct el_expo_input *in);
uint32_t expo_rows_configured(const struct el_expo_input *in);
uint32_t expo_rows_targets(const struct el_expo_input *in);
uint32_t expo_rows_duplicates(const struct el_expo_input *in);
uint32_t expo_subs_percentiles(const struct el_expo_input *in);
uint32_t expo_subs_threshold(const struct el_expo_input *in);
uint32_t expo_subs_not_probed(const struct el_expo_input *in);
bool expo_print_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l);
bool expo_print_unsent(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l);
bool expo_print_out_of_order(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l);
bool expo_print_loss_ratio(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l);
bool expo_print_round_trip(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l);
bool expo_print_certain(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);
bool expo_print_threshold(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
bool expo_print_target_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l);
bool expo_print_resolution_status(const struct family *f, const struct el_expo_input *in,
				  uint32_t row, uint32_t sub, struct line *l);
bool expo_print_resolution_changes(const struct family *f, const struct el_expo_input *in,
				   uint32_t row, uint32_t sub, struct line *l);
bool expo_print_not_probed(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l);
bool expo_print_probed(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l);
bool expo_print_duplicate(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l);
