/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of families, in the order of the page: netprobify's, then ours, those of workers and
 * ports last; and the rows of what there is only one of. */
#include "family.h"

static uint32_t rows_one(const struct el_expo_input *in)
{
	(void)in;
	return 1;
}

static uint32_t rows_snapshot(const struct el_expo_input *in)
{
	return in->snapshot != NULL;
}

static uint32_t rows_round(const struct el_expo_input *in)
{
	return in->snapshot != NULL && in->snapshot->last != NULL;
}

static bool print_info(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l)
{
	(void)f, (void)row, (void)sub;
	line_label(l, "scapy_version", "");
	line_label(l, "version", in->version);
	line_u64(l, 1);
	return true;
}

static bool print_build(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	(void)f, (void)row, (void)sub;
	line_label(l, "dpdk_version", in->dpdk_version);
	line_label(l, "version", in->version);
	line_u64(l, 1);
	return true;
}

/* A number of the snapshot: what it is follows from the type of the member. */
static bool print_snapshot_double(const struct family *f, const struct el_expo_input *in,
				  uint32_t row, uint32_t sub, struct line *l)
{
	double v;

	(void)row, (void)sub;
	memcpy(&v, (const char *)in->snapshot + f->offset, sizeof(v));
	expo_probe_label(in, l);
	line_double(l, v);
	return true;
}

static bool print_snapshot_u64(const struct family *f, const struct el_expo_input *in, uint32_t row,
			       uint32_t sub, struct line *l)
{
	uint64_t v;

	(void)row, (void)sub;
	memcpy(&v, (const char *)in->snapshot + f->offset, sizeof(v));
	expo_probe_label(in, l);
	line_u64(l, v);
	return true;
}

static bool print_reload_failed(const struct family *f, const struct el_expo_input *in,
				uint32_t row, uint32_t sub, struct line *l)
{
	(void)f, (void)row, (void)sub;
	expo_probe_label(in, l);
	line_u64(l, in->snapshot->reload_failed);
	return true;
}

static bool print_tsc_error(const struct family *f, const struct el_expo_input *in, uint32_t row,
			    uint32_t sub, struct line *l)
{
	(void)f, (void)row, (void)sub;
	expo_probe_label(in, l);
	line_double(l, in->snapshot->clock.error_ppm * 1e-6);
	return true;
}

static bool print_clock(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	static const char *const sources[] = EL_CLOCK_SOURCE_NAMES;
	const struct el_clock_state *c = &in->snapshot->clock;

	(void)f, (void)row, (void)sub;
	if (!c->reason)
		return false;
	expo_probe_label(in, l);
	line_label(l, "reason", c->reason);
	line_label(l, "source", sources[c->source]);
	line_u64(l, 1);
	return true;
}

static bool print_round_u64(const struct family *f, const struct el_expo_input *in, uint32_t row,
			    uint32_t sub, struct line *l)
{
	uint64_t v;

	(void)row, (void)sub;
	memcpy(&v, (const char *)in->snapshot->last + f->offset, sizeof(v));
	expo_probe_label(in, l);
	line_u64(l, v);
	return true;
}

/* A time that the round has. */
static bool print_round_ns(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	const struct el_round_figures *last = in->snapshot->last;
	uint64_t ns;

	(void)row, (void)sub;
	memcpy(&ns, (const char *)last + f->offset, sizeof(ns));
	expo_probe_label(in, l);
	line_seconds(l, (double)ns);
	return true;
}

static uint32_t subs_bounds(const struct el_expo_input *in)
{
	(void)in;
	return EL_BOUND_SHARES;
}

static bool print_round_bound(const struct family *f, const struct el_expo_input *in, uint32_t row,
			      uint32_t sub, struct line *l)
{
	static const char *const quantiles[EL_BOUND_SHARES] = EL_BOUND_QUANTILES;
	uint64_t ns = in->snapshot->last->stamp_bound_ns[sub];

	(void)f, (void)row;
	if (ns == 0) /* nothing was answered */
		return false;
	expo_probe_label(in, l);
	line_label(l, "quantile", quantiles[sub]);
	line_seconds(l, (double)ns);
	return true;
}

static bool print_round_certain(const struct family *f, const struct el_expo_input *in,
				uint32_t row, uint32_t sub, struct line *l)
{
	const struct el_round_figures *last = in->snapshot->last;

	(void)f, (void)row, (void)sub;
	if (last->answered == 0)
		return false;
	expo_probe_label(in, l);
	line_double(l, (double)(last->answered - last->uncertain_answers) / (double)last->answered);
	return true;
}

static bool print_round_cut(const struct family *f, const struct el_expo_input *in, uint32_t row,
			    uint32_t sub, struct line *l)
{
	(void)f, (void)row, (void)sub;
	expo_probe_label(in, l);
	line_u64(l, in->snapshot->last->cut);
	return true;
}

#define SERIES_TOTAL(name, type, member, help)                                                     \
	{                                                                                          \
		name, FAMILY_COUNTER, help, expo_rows_series, NULL, expo_print_total, type,        \
		    offsetof(struct el_series_totals, member)                                      \
	}
#define TARGET_TOTAL(name, type, member, help)                                                     \
	{                                                                                          \
		name, FAMILY_GAUGE, help, expo_rows_targets, NULL, expo_print_target_total, type,  \
		    offsetof(struct el_target_totals, member)                                      \
	}
#define PROBE(prefix, type, what)                                                                  \
	SERIES_TOTAL(prefix "_sent_total", type, sent, "Probes sent: " what "."),                  \
	    SERIES_TOTAL(prefix "_loss_total", type, lost, "Probes lost: " what "."),              \
	    {prefix "_loss_ratio",                                                                 \
	     FAMILY_GAUGE,                                                                         \
	     "Lost to sent probes of the last round: " what ".",                                   \
	     expo_rows_series,                                                                     \
	     NULL,                                                                                 \
	     expo_print_loss_ratio,                                                                \
	     type,                                                                                 \
	     0},                                                                                   \
	{                                                                                          \
		prefix "_round_trip_seconds", FAMILY_GAUGE,                                        \
		    "Percentiles of the round-trip times of the last round: " what ".",            \
		    expo_rows_series, expo_subs_percentiles, expo_print_round_trip, type, 0        \
	}
#define SNAPSHOT(name, type, print, member, help)                                                  \
	{                                                                                          \
		name, type, help, rows_snapshot, NULL, print, PROBE_ANY,                           \
		    offsetof(struct el_snapshot, member)                                           \
	}
#define ROUND(name, print, member, help)                                                           \
	{                                                                                          \
		name, FAMILY_GAUGE, help, rows_round, NULL, print, PROBE_ANY,                      \
		    offsetof(struct el_round_figures, member)                                      \
	}
#define WORKER(id, name, help)                                                                     \
	{"echolane_worker_" name "_total",                                                         \
	 FAMILY_COUNTER,                                                                           \
	 "Of a worker: " help ".",                                                                 \
	 expo_rows_workers,                                                                        \
	 NULL,                                                                                     \
	 expo_print_worker,                                                                        \
	 PROBE_ANY,                                                                                \
	 EL_COUNTER_##id},
#define PORT(member, what, type, help)                                                             \
	{                                                                                          \
		"echolane_port_" what, type, help, expo_rows_ports, NULL, expo_print_device,       \
		    PROBE_ANY, offsetof(struct el_port_view, member)                               \
	}

/* Of each port, also where several have one device. */
#define PORT_LINK(member, what, type, help)                                                        \
	{                                                                                          \
		"echolane_port_" what, type, help, expo_rows_ports, NULL, expo_print_port,         \
		    PROBE_ANY, offsetof(struct el_port_view, member)                               \
	}

#define PORT_DIRECTION(member, what, type, help)                                                   \
	{                                                                                          \
		"echolane_port_" what, type, help, expo_rows_ports, expo_subs_port_directions,     \
		    expo_print_direction, PROBE_ANY, offsetof(struct el_port_view, member)         \
	}

const struct family expo_families[] = {
    {"netprobify_info", FAMILY_GAUGE, "Version of the prober.", rows_one, NULL, print_info,
     PROBE_ANY, 0},
    PROBE("tcpsyn", EL_PROBE_TCPSYN, "TCP SYN"),
    TARGET_TOTAL("tcpsyn_match_ack_fail_count", EL_PROBE_TCPSYN, match_ack_fail,
		 "TCP answers whose acknowledgement is that of no probe."),
    TARGET_TOTAL("tcpsyn_port_mismatch_count", EL_PROBE_TCPSYN, port_mismatch,
		 "TCP answers with other ports than their probe."),
    PROBE("icmp", EL_PROBE_ICMPPING, "ICMP echo"),
    PROBE("udp_unreachable", EL_PROBE_UDPUNREACHABLE, "UDP to a closed port"),
    TARGET_TOTAL("udp_unreachable_port_mismatch_count", EL_PROBE_UDPUNREACHABLE, port_mismatch,
		 "ICMP errors that quote other ports than their probe's."),
    PROBE("stamp", EL_PROBE_STAMP, "STAMP"),
    {"echolane_probes_lost_total", FAMILY_COUNTER,
     "Lost STAMP probes by the direction in which they were lost, which the reflector's own "
     "sequence "
     "numbers tell: forward is to the target; unknown where they can't (a reflector that keeps no "
     "sessions, or was restarted; late answers). What was lost after the last reply of a round is "
     "counted once a later one has a reply, or two have none.",
     expo_rows_stamp, expo_subs_lost, expo_print_lost, EL_PROBE_STAMP, 0},
    {"echolane_round_trip_network_seconds", FAMILY_GAUGE,
     "Percentiles of the last round's round-trip times less the time that the STAMP reflector had "
     "the probe, as it says.",
     expo_rows_stamp, expo_subs_percentiles, expo_print_measure, EL_PROBE_STAMP, EL_STAMP_NETWORK},
    {"echolane_oneway_queueing_seconds", FAMILY_GAUGE,
     "Percentiles of the last round's delays of each direction over the shortest of the last four "
     "minutes, less what the clocks went apart: no clock has to be right for it.",
     expo_rows_stamp, expo_subs_directions, expo_print_directions, EL_PROBE_STAMP,
     EL_STAMP_QUEUEING},
    {"echolane_oneway_variation_seconds", FAMILY_GAUGE,
     "Percentiles of by how much the last round's delays of each direction differ from that of the "
     "probe before.",
     expo_rows_stamp, expo_subs_directions, expo_print_directions, EL_PROBE_STAMP,
     EL_STAMP_VARIATION},
    {"echolane_oneway_trip_seconds", FAMILY_GAUGE,
     "Percentiles of the last round's delays of each direction, as far as they can be known: they "
     "are off by up to echolane_oneway_trip_bound_seconds.",
     expo_rows_stamp, expo_subs_directions, expo_print_directions, EL_PROBE_STAMP, EL_STAMP_ONEWAY},
    {"echolane_oneway_trip_bound_seconds", FAMILY_GAUGE,
     "Percentiles of by how much echolane_oneway_trip_seconds may be off: half the shortest round "
     "trip, or what both ends say of their clocks where both are synchronised and it is less.",
     expo_rows_stamp, expo_subs_percentiles, expo_print_measure, EL_PROBE_STAMP, EL_STAMP_BOUND},
    {"echolane_oneway_unknown_total", FAMILY_COUNTER,
     "STAMP replies without delays of directions: a clock stepped, or it can't be told whether one "
     "did.",
     expo_rows_stamp, NULL, expo_print_stamp_total, EL_PROBE_STAMP,
     offsetof(struct el_stamp_totals, not_valued)},
    {"echolane_oneway_contradictions_total", FAMILY_COUNTER,
     "STAMP replies whose times can't be those of two synchronised clocks that are no further off "
     "than both ends say.",
     expo_rows_stamp, NULL, expo_print_stamp_total, EL_PROBE_STAMP,
     offsetof(struct el_stamp_totals, contradictions)},
    {"echolane_reflector_clock_steps_total", FAMILY_COUNTER,
     "Times that the STAMP reflector's clock, or ours, was set.", expo_rows_stamp, NULL,
     expo_print_stamp_total, EL_PROBE_STAMP, offsetof(struct el_stamp_totals, steps)},
    {"echolane_reflector_clock_rate_changes_total", FAMILY_COUNTER,
     "Times that the STAMP reflector's clock, or ours, changed its rate, as one that is slewed "
     "does.",
     expo_rows_stamp, NULL, expo_print_stamp_total, EL_PROBE_STAMP,
     offsetof(struct el_stamp_totals, rate_changes)},
    {"echolane_reflector_clock_skew_ratio", FAMILY_GAUGE,
     "By which part the STAMP reflector's clock goes faster than ours: 1e-6 is a microsecond a "
     "second.",
     expo_rows_stamp, NULL, expo_print_ppm, EL_PROBE_STAMP,
     offsetof(struct el_stamp_figures, skew_ppm)},
    {"echolane_reflector_clock_skew_error_ratio", FAMILY_GAUGE,
     "By how much echolane_reflector_clock_skew_ratio may be off.", expo_rows_stamp, NULL,
     expo_print_ppm, EL_PROBE_STAMP, offsetof(struct el_stamp_figures, skew_error_ppm)},
    {"echolane_stamp_remarked_total", FAMILY_COUNTER,
     "STAMP probes that came to their reflector with another DSCP than they were sent with, as it "
     "says (stamp.class_of_service).",
     expo_rows_stamp, NULL, expo_print_remarked, EL_PROBE_STAMP, 0},
    {"echolane_stamp_class_refused_total", FAMILY_COUNTER,
     "STAMP replies whose reflector did not use the DSCP that was wanted of them, as it says "
     "(stamp.class_of_service).",
     expo_rows_stamp, NULL, expo_print_class_refused, EL_PROBE_STAMP, 0},
    {"echolane_stamp_tlvs_total", FAMILY_COUNTER,
     "STAMP replies to probes that ask for more (TLVs), by what became of that: all was answered; "
     "something is missing, not understood by the reflector, malformed, or its HMAC was wrong.",
     expo_rows_stamp, expo_subs_tlvs, expo_print_tlvs, EL_PROBE_STAMP, 0},
    {"echolane_stamp_session_packets_total", FAMILY_COUNTER,
     "Packets by Direct Measurement (stamp.direct_measurement), from reply to reply: that were "
     "sent, that the reflector says it received, and replied to.",
     expo_rows_stamp, expo_subs_counted, expo_print_counted, EL_PROBE_STAMP, 0},
    {"echolane_stamp_reflector_synchronised", FAMILY_GAUGE,
     "1 if the clock of the STAMP reflector was synchronised in all replies of the last round, as "
     "it "
     "says, else 0.",
     expo_rows_stamp, NULL, expo_print_synchronised, EL_PROBE_STAMP, 0},
    {"stamp_port_mismatch_total", FAMILY_COUNTER,
     "STAMP replies with other ports than their probe's.", expo_rows_targets, NULL,
     expo_print_target_total, EL_PROBE_STAMP, offsetof(struct el_target_totals, port_mismatch)},
    {"threshold", FAMILY_GAUGE, "Thresholds for alerts, as configured.", expo_rows_series,
     expo_subs_threshold, expo_print_threshold, PROBE_ANY, 0},
    {"app_host_resolution_status", FAMILY_GAUGE,
     "1 while the address of the target is known, else 0.", expo_rows_targets, NULL,
     expo_print_resolution_status, PROBE_ANY, 0},
    {"app_host_resolution_change_total", FAMILY_COUNTER,
     "Changes of a target's address, the first included.", expo_rows_targets, NULL,
     expo_print_resolution_changes, PROBE_ANY, 0},
    {"app_time_ooo_total", FAMILY_COUNTER, "Answers that were stamped before their probe.",
     expo_rows_series, NULL, expo_print_out_of_order, PROBE_ANY, 0},
    SNAPSHOT("app_iteration_time_seconds", FAMILY_GAUGE, print_snapshot_double, iteration_s,
	     "Time that the last round needed, without the waiting."),
    {"app_target_name_dup_total", FAMILY_COUNTER,
     "Repetitions of a target's name in the configuration.", expo_rows_duplicates, NULL,
     expo_print_duplicate, PROBE_ANY, 0},
    SNAPSHOT("app_process_timed_out_total", FAMILY_COUNTER, print_snapshot_u64,
	     app.rounds_timed_out, "Rounds that took longer than the global timeout."),
    SNAPSHOT("app_reload_conf_failed_status", FAMILY_GAUGE, print_reload_failed, reload_failed,
	     "1 if the configuration could not be reloaded, else 0."),

    {"echolane_build_info", FAMILY_GAUGE, "Versions that this program was built with.", rows_one,
     NULL, print_build, PROBE_ANY, 0},
    {"echolane_targets_not_probed", FAMILY_GAUGE,
     "Targets that are not probed in one of their groups or at all, by reason.", rows_snapshot,
     expo_subs_not_probed, expo_print_not_probed, PROBE_ANY, 0},
    {"echolane_target_probed", FAMILY_GAUGE, "1 if the target is probed in this group, else 0.",
     expo_rows_configured, NULL, expo_print_probed, PROBE_ANY, 0},
    SERIES_TOTAL("echolane_probes_late_total", PROBE_ANY, late,
		 "Lost probes that were answered after the target's timeout."),
    SERIES_TOTAL("echolane_probes_duplicate_total", PROBE_ANY, duplicates,
		 "Further answers to an answered probe, up to 3 a probe."),
    SERIES_TOTAL("echolane_icmp_errors_total", PROBE_ANY, icmp_errors,
		 "Probes with an ICMP error from elsewhere than the target."),
    SERIES_TOTAL(
	"echolane_uncertain_answers_total", PROBE_ANY, uncertain,
	"Answers whose send or arrival time may be off by more than dataplane.certain_below."),
    {"echolane_round_trip_certain_seconds", FAMILY_GAUGE,
     "Percentiles of the last round's certain round-trip times alone (dataplane.certain_below). "
     "They are a biased choice where echolane_round_certain_ratio is small.",
     expo_rows_certain, expo_subs_percentiles, expo_print_certain, PROBE_ANY, 0},
    {"echolane_rtt_seconds", FAMILY_HISTOGRAM,
     "Round-trip times of all answers that have one, since the series is probed.",
     expo_rows_histogram, expo_subs_histogram, expo_print_histogram, PROBE_ANY, 0},
    {"echolane_oneway_delay_seconds", FAMILY_HISTOGRAM,
     "Delays of each direction of all STAMP replies that have them, since the series is probed: "
     "they are off by up to echolane_oneway_trip_bound_seconds.",
     expo_rows_stamp_histogram, expo_subs_histogram_directions, expo_print_histogram_directions,
     EL_PROBE_STAMP, 0},
    {"echolane_probes_local_total", FAMILY_COUNTER,
     "Probes that never left this machine; neither sent nor lost.", expo_rows_series, NULL,
     expo_print_unsent, PROBE_ANY, offsetof(struct el_series_totals, local)},
    {"echolane_probes_unknown_total", FAMILY_COUNTER,
     "Probes without an answer while this machine's clock stepped: neither sent nor lost, for "
     "whether they are lost can't be told.",
     expo_rows_series, NULL, expo_print_unsent, PROBE_ANY,
     offsetof(struct el_series_totals, unknown)},
    {"echolane_probes_abandoned_total", FAMILY_COUNTER,
     "Probes without an answer whose plan was closed before their timeout, for too many newer "
     "ones: "
     "neither sent nor lost.",
     expo_rows_series, NULL, expo_print_unsent, PROBE_ANY,
     offsetof(struct el_series_totals, abandoned)},
    SNAPSHOT("echolane_rounds_completed_total", FAMILY_COUNTER, print_snapshot_u64,
	     app.rounds_completed, "Rounds that were published."),
    SNAPSHOT("echolane_rounds_skipped_total", FAMILY_COUNTER, print_snapshot_u64,
	     app.rounds_skipped,
	     "Rounds that were not sent because the ones before were not finished."),
    SNAPSHOT("echolane_requested_probes_per_second", FAMILY_GAUGE, print_snapshot_double,
	     requested_pps, "Rate of the last round as configured; +Inf: as fast as possible."),
    SNAPSHOT("echolane_achieved_probes_per_second", FAMILY_GAUGE, print_snapshot_double,
	     achieved_pps, "Rate that the last round was sent at."),
    SNAPSHOT("echolane_worker_skew_ratio", FAMILY_GAUGE, print_snapshot_double, worker_skew,
	     "Probes of the worker that has most of a round, to what an even share would be."),
    SNAPSHOT("echolane_tsc_error_ratio", FAMILY_GAUGE, print_tsc_error, clock.error_ppm,
	     "Largest relative error of the clock's rate."),
    SNAPSHOT("echolane_clock_info", FAMILY_GAUGE, print_clock, clock,
	     "What times are read from: the processor's time stamp counter (tsc) or the kernel "
	     "(monotonic), and why."),
    SNAPSHOT("echolane_clock_steps_total", FAMILY_COUNTER, print_snapshot_u64, clock.steps,
	     "Times that a core's time stamp counter stepped, stopped or changed its rate."),
    SNAPSHOT("echolane_clock_skew_seconds", FAMILY_GAUGE, print_snapshot_double, clock.skew_s,
	     "Largest difference between the time stamp counters of two cores, as last measured."),
    SNAPSHOT("echolane_control_loop_max_seconds", FAMILY_GAUGE, print_snapshot_double,
	     control_loop_s, "Longest iteration of the control loop since the start."),
    SNAPSHOT("echolane_control_loop_cpu_max_seconds", FAMILY_GAUGE, print_snapshot_double,
	     control_loop_cpu_s,
	     "Most processor time that an iteration of the control loop used since the start."),
    ROUND("echolane_round_number", print_round_u64, round, "Number of the last round."),
    ROUND("echolane_round_local_drops", print_round_u64, local_drops,
	  "Packets that were lost on this machine, or late because of it, while the last round was "
	  "open."),
    ROUND("echolane_round_forwarded_answers", print_round_u64, forwarded,
	  "Answers of the last round that came in on another worker's queue."),
    ROUND("echolane_round_unsent_probes", print_round_u64, unsent,
	  "Probes of the last round for which there was no time."),
    ROUND("echolane_round_uncertain_stamps", print_round_u64, uncertain,
	  "Probes of the last round whose send took too long for an exact stamp."),
    ROUND("echolane_round_tx_refused", print_round_u64, tx_refused,
	  "Packets of the last round that the port did not take at first."),
    ROUND("echolane_round_poll_gap_seconds", print_round_ns, poll_gap_ns,
	  "Error bound of the last round: the longest time between two polls of a receive queue."),
    {"echolane_round_stamp_bound_seconds", FAMILY_SUMMARY,
     "For how long at most this share of the last round's answers lay in their receive queue: the "
     "time since it was last seen empty, up to the next power of two in nanoseconds.",
     rows_round, subs_bounds, print_round_bound, PROBE_ANY, 0},
    {"echolane_round_certain_ratio", FAMILY_GAUGE,
     "Share of the last round's answers that are certain (dataplane.certain_below). Where it is "
     "small, they are a biased choice: those that came while the prober had least to do.",
     rows_round, NULL, print_round_certain, PROBE_ANY, 0},
    ROUND("echolane_round_skipped_seconds", print_round_ns, skipped_ns,
	  "Time of the last round that pacing gave up after stalls."),
    ROUND("echolane_round_cut", print_round_cut, cut,
	  "1 if the last round was ended early, else 0."),

    /* From here on what is live, so that the rest can be packed ahead of time. */
    {"echolane_unmatched_answers_total", FAMILY_COUNTER, "Answers that match no probe, by reason.",
     expo_rows_workers, expo_subs_unmatched, expo_print_unmatched, PROBE_ANY, 0},
    {"echolane_responder_answers_total", FAMILY_COUNTER,
     "Answers sent to others' probes, by what they asked.", expo_rows_workers, expo_subs_responded,
     expo_print_responded, PROBE_ANY, 0},
    {"echolane_responder_refused_total", FAMILY_COUNTER,
     "Others' probes that were not answered, by reason.", expo_rows_workers, expo_subs_refused,
     expo_print_refused, PROBE_ANY, 0},
    {"echolane_worker_drops_total", FAMILY_COUNTER,
     "Packets of no use and losses inside, by reason.", expo_rows_workers, expo_subs_drops,
     expo_print_drops, PROBE_ANY, 0},
    {"echolane_worker_poll_gap_seconds", FAMILY_GAUGE,
     "Longest time between two polls of the receive queue in the last round.", expo_rows_workers,
     NULL, expo_print_worker_gap, PROBE_ANY, offsetof(struct el_worker_view, poll_gap_last_s)},
    {"echolane_worker_poll_gap_max_seconds", FAMILY_GAUGE,
     "Longest time between two polls of the receive queue since the start.", expo_rows_workers,
     NULL, expo_print_worker_gap, PROBE_ANY, offsetof(struct el_worker_view, poll_gap_max_s)},
    PORT(up, "up", FAMILY_GAUGE, "1 if the port's link is up, else 0."),
    PORT(link_downs, "link_downs_total", FAMILY_COUNTER,
	 "Times that the port's link was seen to be down, or its device removed."),
    PORT(rx_packets, "rx_packets_total", FAMILY_COUNTER, "Packets that the port received."),
    PORT(tx_packets, "tx_packets_total", FAMILY_COUNTER, "Packets that the port sent."),
    PORT(imissed, "imissed_total", FAMILY_COUNTER,
	 "Packets that the port dropped for want of descriptors."),
    PORT(ierrors, "ierrors_total", FAMILY_COUNTER, "Packets that the port received damaged."),
    PORT(rx_nombuf, "rx_nombuf_total", FAMILY_COUNTER, "Packets lost for want of buffers."),
    PORT(oerrors, "oerrors_total", FAMILY_COUNTER, "Packets that the port failed to send."),
    PORT(socket_drops, "socket_drops_total", FAMILY_COUNTER,
	 "Packets that the port's packet sockets dropped."),
    PORT(interface_drops, "interface_drops_total", FAMILY_COUNTER,
	 "Packets, of whoever, that the kernel dropped at the port's interface."),
    PORT_DIRECTION(
	driver_errors, "driver_errors_total", FAMILY_COUNTER,
	"Failures that the port's driver counts by names of its own (xstats): no buffers, "
	"packets missed or dropped."),
    PORT_DIRECTION(worker_packets, "worker_packets_total", FAMILY_COUNTER,
		   "Packets that workers received of the port, or that it took from them."),
    PORT_DIRECTION(unaccounted, "unaccounted_packets_total", FAMILY_COUNTER,
		   "Packets that are missing between the workers' counters and the port's."),
    PORT_DIRECTION(
	counters_believed, "counters_believed", FAMILY_GAUGE,
	"1 if the port's counters are compared with the workers', 0 if it counts nothing "
	"or other packets."),
    PORT_LINK(address_conflicts, "address_conflicts_total", FAMILY_COUNTER,
	      "ARP packets and NDP messages of somebody else that use an address of ours."),
    PORT_LINK(
	duplicate_addresses, "duplicate_addresses", FAMILY_GAUGE,
	"Addresses of the port's own that it does not use, for another host on its link has them."),
    PORT_LINK(neighbour_conflicts, "neighbour_conflicts_total", FAMILY_COUNTER,
	      "Claims of another MAC address for a neighbour that still answered at its own."),
    PORT_LINK(neighbour_moves, "neighbour_moves_total", FAMILY_COUNTER,
	      "Neighbours that answer at another MAC address than before."),
    {"echolane_port_placement", FAMILY_GAUGE,
     "1 for what streams are given to workers by, so that answers come in where they are "
     "awaited: the port's own hash (computed), where answers came in before (learnt), neither "
     "(none).",
     expo_rows_ports, NULL, expo_print_placement, PROBE_ANY, 0},
    {"echolane_port_arrival_times", FAMILY_GAUGE,
     "1 for whose arrival times the port's answers have: its NIC's (nic), or the program's "
     "(software).",
     expo_rows_ports, NULL, expo_print_arrival, PROBE_ANY, 0},
    EL_WORKER_PACKETS(WORKER)};

const uint32_t expo_n_families = sizeof(expo_families) / sizeof(expo_families[0]);
