/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A metric family is a row of a table: what it is called, how many rows it has, how one is printed.
 */
#include "el_expo.h"
#include "line.h"

struct family {
	const char *name, *type, *help;
	/* Its lines are rows * subs; each may be left out. */
	uint32_t (*rows)(const struct el_expo_input *in);
	uint32_t (*subs)(const struct el_expo_input *in); /* NULL: 1 */
	/* Labels and value of one line, behind the name; false: there is no such line, and what was
	 * written is void. */
	bool (*print)(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l);
	int probe_type; /* enum el_probe_type, or PROBE_ANY */
	/* of the value in the struct that `print` reads, or the counter's number */
	uint32_t offset;
};

#define PROBE_ANY (-1)

extern const struct family expo_families[];
extern const uint32_t expo_n_families;

/* Whether a series has measurements to print: it was sent for, and its target is still probed. */
bool expo_is_shown(const struct family *f, const struct el_expo_input *in, uint32_t series);
/* direction: NULL for none; percent: 0 for none. */
void expo_series_labels(const struct el_expo_input *in, uint32_t series, const char *direction,
			int percent, struct line *l);
/* One of the percentiles, all of which are [n_series][n_percentiles]; none where it is NaN. */
bool expo_print_percentile(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, const double *percentile_ns, struct line *l);

/* families_stamp.c: of STAMP's series alone. */
uint32_t expo_rows_stamp(const struct el_expo_input *in);
uint32_t expo_subs_lost(const struct el_expo_input *in);
bool expo_print_lost(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l);
bool expo_print_network(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l);
bool expo_print_remarked(const struct family *f, const struct el_expo_input *in, uint32_t row,
			 uint32_t sub, struct line *l);
bool expo_print_synchronised(const struct family *f, const struct el_expo_input *in, uint32_t row,
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
