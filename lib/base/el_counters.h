/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The live counters of workers and ports, and readers' copies of them. A worker's have one writer
 * (the worker, relaxed stores) and any readers (relaxed loads), on cache lines of their own. */
#include <stdint.h>

/* X(enumerator, exported name or label value, help) */
#define EL_WORKER_PACKETS(X)                                                                       \
	X(RX_PACKETS, "rx_packets", "packets received")                                            \
	X(RX_BYTES, "rx_bytes", "bytes received")                                                  \
	X(TX_PACKETS, "tx_packets", "packets sent")                                                \
	X(TX_BYTES, "tx_bytes", "bytes sent")                                                      \
	X(TX_PROBES, "tx_probes", "probes sent")                                                   \
	X(TX_RESETS, "tx_resets", "TCP resets sent")                                               \
	X(TX_REPLIES, "tx_replies", "packets of control (ARP and the like) sent")                  \
	X(ANSWERS, "answers", "answers matched to a probe")                                        \
	X(WRONG_CHECKSUMS, "wrong_checksums",                                                      \
	  "answers accepted with a wrong checksum, which a kernel may not have filled in")         \
	X(RX_STAMPS, "rx_stamps", "packets with the NIC's arrival time")                           \
	X(RX_STAMPS_REFUSED, "rx_stamps_refused", "packets whose NIC stamp could not be true")     \
	X(FORWARDED, "forwarded", "answers passed to the worker that sent the probe")              \
	X(RESPONDER_RESETS, "responder_resets",                                                    \
	  "TCP resets received that end connections which the responder has answered")             \
	X(STAMP_SESSIONS_REPLACED, "stamp_sessions_replaced",                                      \
	  "sessions of the STAMP reflector that lost their counts to others, for there were too "  \
	  "many")

/* What the responder has answered, by what was asked. */
#define EL_WORKER_RESPONDED(X)                                                                     \
	X(RESPONDED_ICMP, "icmp", "echo requests")                                                 \
	X(RESPONDED_TCP, "tcp", "TCP segments")                                                    \
	X(RESPONDED_UDP, "udp", "UDP to closed ports")                                             \
	X(RESPONDED_STAMP, "stamp", "STAMP requests")                                              \
	X(RESPONDED_PING, "ping", "echo requests to a port's addresses that no responder takes")

/* And what not, by reason. */
#define EL_WORKER_REFUSED(X)                                                                       \
	X(REFUSED_NOT_ALLOWED, "not_allowed", "from a source that is not allowed")                 \
	X(REFUSED_LIMITED, "limited", "from a source that asks too often")                         \
	X(REFUSED_NO_HOST, "no_host", "from an address that is no other host's")                   \
	X(REFUSED_LINK, "link", "in a frame that is not to this port alone")                       \
	X(REFUSED_CHECKSUM, "checksum", "with a wrong checksum")                                   \
	X(REFUSED_NO_ROOM, "no_room", "the answer would be longer than the port's MTU")            \
	X(REFUSED_NO_MBUF, "no_mbuf", "no buffer for the answer")                                  \
	X(REFUSED_TX_FULL, "tx_full", "the device takes answers too slowly")                       \
	X(REFUSED_STAMP_SHORT, "stamp_short", "STAMP requests that are too short")                 \
	X(REFUSED_STAMP_PORTS, "stamp_ports", "between the ports of two STAMP reflectors")         \
	X(REFUSED_STAMP_HMAC, "stamp_hmac", "STAMP requests whose HMAC is wrong")                  \
	X(REFUSED_STAMP_UNWANTED, "stamp_unwanted", "STAMP requests that ask for no reply")

/* Packets that came in and were of no use, or things that were lost inside echolane. */
#define EL_WORKER_DROPS(X)                                                                         \
	X(DROP_RX_TRUNCATED, "rx_truncated", "shorter than its headers say")                       \
	X(DROP_RX_MALFORMED, "rx_malformed", "a header that can't be")                             \
	X(DROP_RX_FRAGMENT, "rx_fragment", "fragments")                                            \
	X(DROP_RX_UNSUPPORTED, "rx_unsupported", "protocols of no use")                            \
	X(DROP_RX_NOT_OURS, "rx_not_ours", "to an address that is not ours")                       \
	X(DROP_RX_VLAN, "rx_vlan", "on a VLAN that is not the port's, or not the probe's")         \
	X(DROP_RX_NOT_ANSWER, "rx_not_answer", "no kind of answer")                                \
	X(DROP_RX_NEIGHBOUR, "rx_neighbour",                                                       \
	  "ARP and neighbour discovery that concerns nobody we know, or can't be right")           \
	X(DROP_PUNT_FULL, "frames_up_full", "frames for control that found its ring full")         \
	X(DROP_EVENTS_FULL, "events_full", "events that found their ring full")                    \
	X(DROP_FORWARD_FULL, "forward_full", "answers that found their owner's ring full")         \
	X(DROP_NO_MBUF, "no_mbuf", "no buffer to send with")                                       \
	X(DROP_RESET_LIMIT, "reset_limit", "TCP resets not sent because of their rate limit")      \
	X(DROP_RESET_REFUSED, "reset_refused",                                                     \
	  "TCP resets not sent because the frame was damaged, forged or not for this port")        \
	X(DROP_URGENT_FULL, "urgent_full", "urgent packets that found their list full")            \
	X(DROP_PORT_DOWN, "port_down", "probes that were not sent, for their port was down")

/* Answers that match no probe, by reason. */
#define EL_WORKER_UNMATCHED(X)                                                                     \
	X(UNMATCHED_ID, "id", "an id that no live probe has")                                      \
	X(UNMATCHED_ADDRESS, "address", "from or to another address than the probe")               \
	X(UNMATCHED_PORT, "port", "other ports than the probe's")                                  \
	X(UNMATCHED_TCP_FLAGS, "tcp_flags", "neither SYN/ACK nor RST")                             \
	X(UNMATCHED_COOKIE, "cookie", "an echo reply with a foreign or damaged payload")           \
	X(UNMATCHED_QUOTE_SHORT, "quote_short", "an ICMP error that quotes too little")            \
	X(UNMATCHED_QUOTE_DAMAGED, "quote_damaged", "an ICMP error whose quote was changed")       \
	X(UNMATCHED_CHECKSUM, "checksum", "a wrong IPv4, TCP, ICMP or ICMPv6 checksum")            \
	X(UNMATCHED_STAMP_SHORT, "stamp_short", "a STAMP reply that is too short to be one")       \
	X(UNMATCHED_STAMP_HMAC, "stamp_hmac", "a STAMP reply whose HMAC is wrong")                 \
	X(UNMATCHED_STAMP_SSID, "stamp_ssid", "a STAMP reply of another session")                  \
	X(UNMATCHED_STAMP_TIME, "stamp_time", "a STAMP reply to a time that was not sent")         \
	X(UNMATCHED_UNSENT, "unsent", "for a probe that was not sent")                             \
	X(UNMATCHED_LATE, "late", "for a probe of a round that is over")

enum el_worker_counter {
#define EL_COUNTER_ENUM(id, name, help) EL_COUNTER_##id,
	EL_WORKER_PACKETS(EL_COUNTER_ENUM) EL_WORKER_DROPS(EL_COUNTER_ENUM)
	    EL_WORKER_UNMATCHED(EL_COUNTER_ENUM) EL_WORKER_RESPONDED(EL_COUNTER_ENUM)
		EL_WORKER_REFUSED(EL_COUNTER_ENUM)
#undef EL_COUNTER_ENUM
		    EL_COUNTERS
};

struct el_worker_counters {
	_Atomic uint64_t v[EL_COUNTERS];
	_Atomic uint64_t poll_gap_max_ns;  /* since start */
	_Atomic uint64_t poll_gap_last_ns; /* of the last finished round */
} __attribute__((aligned(64)));

/* A reader's copy. */
struct el_worker_view {
	uint64_t v[EL_COUNTERS];
	double poll_gap_max_s, poll_gap_last_s;
};

/* By what a port's streams are given to workers, so that answers come in where they are awaited:
 * nothing (by their addresses, evenly), the device's own hash, where answers came in before. */
enum el_placement { EL_PLACEMENT_NONE, EL_PLACEMENT_COMPUTED, EL_PLACEMENT_LEARNT, EL_PLACEMENTS };
#define EL_PLACEMENT_NAMES                                                                         \
	{                                                                                          \
		"none", "computed", "learnt"                                                       \
	}

/* Whose arrival times a port's answers have: the program's, or the NIC's, where it stamps and its
 * clock is known. */
enum el_arrival { EL_ARRIVAL_SOFTWARE, EL_ARRIVAL_NIC, EL_ARRIVALS };
#define EL_ARRIVAL_NAMES                                                                           \
	{                                                                                          \
		"software", "nic"                                                                  \
	}

/* Seen from the prober. */
enum el_direction { EL_DIRECTION_RX, EL_DIRECTION_TX, EL_DIRECTIONS };
#define EL_DIRECTION_NAMES                                                                         \
	{                                                                                          \
		"rx", "tx"                                                                         \
	}

/* What a port lost by itself, as control reads it, and how it spreads what comes in. */
struct el_port_view {
	char name[64];
	uint16_t queues, queues_dead; /* used; not used, for they carry nothing */
	uint16_t reta_size;           /* 0: unknown or none */
	uint8_t rss_key_bytes;        /* likewise */
	uint8_t placement;            /* enum el_placement */
	uint8_t arrival;              /* enum el_arrival */
	uint64_t up;         /* 1: its link is up; 0: not, or there is no such interface any more */
	uint64_t link_downs; /* times that it went down */
	uint64_t rss_types;  /* RTE_ETH_RSS_* */
	uint64_t imissed, ierrors, rx_nombuf, oerrors;
	uint64_t socket_drops;    /* PACKET_STATISTICS of af_packet's sockets */
	uint64_t interface_drops; /* of a kernel interface, both ways: el_rtnl_link */
	uint64_t rx_packets, tx_packets;
	uint64_t driver_errors[EL_DIRECTIONS]; /* the driver's own counters of failures */
	uint64_t counters_set_back;            /* times that a device's counter was */
	/* What workers got of the port and what it took from them; what is missing between that and
	 * its own counters; and whether these are believed, else nothing is known of it. */
	uint64_t worker_packets[EL_DIRECTIONS], unaccounted[EL_DIRECTIONS];
	uint64_t counters_believed[EL_DIRECTIONS];
	/* Of the link, and all that is said of another link on the device of a port before it
	 * (is_link): what is heard of addresses there (el_neigh_counters). */
	uint64_t is_link;
	uint64_t address_conflicts, neighbour_conflicts, neighbour_moves;
	uint64_t duplicate_addresses; /* that are not used now, for another host has them */
};
