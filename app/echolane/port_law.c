/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_law.h"

#include <rte_common.h>

/* A port that has counted nothing after so many packets does not count. */
#define SILENT_PACKETS 64

static const char *const direction_names[EL_DIRECTIONS] = EL_DIRECTION_NAMES;

void port_law_init(struct port_law *law, const struct el_port *port, uint64_t now_ns)
{
	*law = (struct port_law){.counts = false};
	for (int d = 0; d < EL_DIRECTIONS; d++)
		el_conservation_init(&law->ways[d].conservation, port->slots[d], now_ns);
}

/* Packets that a port says it has dropped. Some drivers' misses are in the interface's count too.
 */
static uint64_t sum_of_drops(const struct el_port_view *v)
{
	return RTE_MAX(v->imissed, v->interface_drops) + v->ierrors + v->rx_nombuf + v->oerrors +
	       v->socket_drops;
}

/* Since the last reading. A driver's own counters may be of the same packets. */
static uint64_t counted_drops(const struct port_law *law, const struct el_port_view *v)
{
	uint64_t own = 0;

	for (int d = 0; d < EL_DIRECTIONS; d++)
		own += v->driver_errors[d] - law->last.driver_errors[d];
	return RTE_MAX(own, sum_of_drops(v) - sum_of_drops(&law->last));
}

static void doubt(struct port_law_way *way, const struct el_port_view *v, enum el_direction d)
{
	way->doubted = way->conservation.doubted = true;
	el_log(EL_LOG_WARNING, "network",
	       "port %s: its driver's %s counter is not believed, for it counts other packets than "
	       "pass through (it says %llu, the workers %llu): what it may lose can't be told",
	       v->name, direction_names[d],
	       (unsigned long long)(d == EL_DIRECTION_RX ? v->rx_packets : v->tx_packets),
	       (unsigned long long)v->worker_packets[d]);
}

static uint64_t compare(struct port_law_way *way, uint64_t now_ns, const struct el_flow *flow,
			const struct port_law_workers *workers, const struct el_port_view *v,
			enum el_direction d)
{
	uint64_t missing = el_conservation_update(&way->conservation, now_ns, flow);

	/* what is said not to have gone out was answered */
	if (missing && d == EL_DIRECTION_TX && workers->answered)
		way->conservation.doubted = true;
	if (way->conservation.doubted) {
		if (!way->doubted)
			doubt(way, v, d);
		return 0;
	}
	if (missing && !way->unaccounted)
		el_log(
		    EL_LOG_WARNING, "network",
		    d == EL_DIRECTION_TX
			? "port %s: %llu packets that it took were not sent, and it says nothing "
			  "of them: rounds that lose some are marked with local drops"
			: "port %s: %llu packets that it received did not get here, and it says "
			  "nothing of them: rounds that lose some are marked with local drops",
		    v->name, (unsigned long long)missing);
	way->unaccounted += missing;
	return missing;
}

/* Whether the port counts at all. Nothing is known of one whose counters are all zero; what went
 * through it until they are not is left out. */
static bool counts(struct port_law *law, const struct el_port_view *v)
{
	law->counts |= v->rx_packets || v->tx_packets;
	if (!law->counts && !law->said &&
	    v->worker_packets[EL_DIRECTION_RX] + v->worker_packets[EL_DIRECTION_TX] >
		SILENT_PACKETS) {
		law->said = true;
		el_log(EL_LOG_WARNING, "network",
		       "port %s: its driver counts no packets: what it may lose can't be told",
		       v->name);
	}
	return law->counts;
}

uint64_t port_law_read(struct port_law *law, uint64_t now_ns,
		       const struct port_law_workers *workers, struct el_port_view *v)
{
	uint64_t breaks = v->counters_set_back + law->said, lost = counted_drops(law, v);
	const struct el_flow flows[EL_DIRECTIONS] = {
	    [EL_DIRECTION_RX] = {.in = v->rx_packets,
				 .out = workers->received_after,
				 .dropped = v->imissed + v->ierrors + v->rx_nombuf +
					    v->driver_errors[EL_DIRECTION_RX],
				 .breaks = breaks},
	    [EL_DIRECTION_TX] = {.in = workers->sent_before,
				 .out = v->tx_packets,
				 .dropped = v->oerrors + v->driver_errors[EL_DIRECTION_TX],
				 .breaks = breaks},
	};

	law->last = *v;
	v->worker_packets[EL_DIRECTION_RX] = workers->received_after;
	v->worker_packets[EL_DIRECTION_TX] = workers->sent_before;
	if (counts(law, v) && !workers->away) {
		for (int d = 0; d < EL_DIRECTIONS; d++)
			lost += compare(&law->ways[d], now_ns, &flows[d], workers, v,
					(enum el_direction)d);
	}
	for (int d = 0; d < EL_DIRECTIONS; d++) {
		v->unaccounted[d] = law->ways[d].unaccounted;
		v->counters_believed[d] = law->counts && !law->ways[d].doubted;
	}
	return lost;
}
