/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the simulated peer has been told to do. A script is read once from a small YAML file,
 * checked, and never changed afterwards. Plain memory; no EAL. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "el_base.h"

#define SIMPEER_RULES_MAX 256
#define SIMPEER_PREFIXES_MAX 64
#define SIMPEER_COPIES_MAX 16
#define SIMPEER_DELAY_US_MAX 60000000

/* The kinds of probe. Values index tables and are bits in `types`. */
enum simpeer_type { SIMPEER_TCP, SIMPEER_ICMP, SIMPEER_UDP, SIMPEER_TYPES };

enum simpeer_reply {
	SIMPEER_REPLY_PLAIN, /* SYN/ACK, echo reply or port unreachable */
	SIMPEER_REPLY_SYNACK,
	SIMPEER_REPLY_RST, /* RST without ACK, the acknowledgement number filled in all the same */
	SIMPEER_REPLY_RSTACK,   /* RST and ACK, as a closed port answers (RFC 9293, 3.10.7.1) */
	SIMPEER_REPLY_BARE_RST, /* RST without ACK, acknowledgement number 0 */
	SIMPEER_REPLY_CHALLENGE_ACK, /* an ACK of something else (RFC 5961, 4.2) */
	SIMPEER_REPLY_ECHO,          /* ICMP echo reply, or the UDP datagram sent back */
	SIMPEER_REPLY_UNREACHABLE,   /* ICMP type 3, `code` */
	SIMPEER_REPLY_TIME_EXCEEDED, /* ICMP type 11, `code` */
	SIMPEER_REPLY_STAMP,         /* of a STAMP reflector (RFC 8762) */
	SIMPEER_REPLY_NONE
};

/* What an answer looks like on the wire; bits, so that sets can be written. */
enum simpeer_form {
	SIMPEER_FORM_NONE = 1 << 0,
	SIMPEER_FORM_TCP = 1 << 1,
	SIMPEER_FORM_ECHO = 1 << 2,
	SIMPEER_FORM_UDP = 1 << 3,
	SIMPEER_FORM_ICMP_ERROR = 1 << 4,
	SIMPEER_FORM_STAMP = 1 << 5
};

/* What can be done to an answer. Each comes to every n-th probe of its rule. */
enum simpeer_impairment {
	SIMPEER_DROP,
	SIMPEER_LOSE, /* made, as a reflector counts it, and not sent */
	SIMPEER_DELAY,
	SIMPEER_DUPLICATE,
	SIMPEER_REORDER,
	SIMPEER_WRONG_PORT,
	SIMPEER_WRONG_ACK,
	SIMPEER_WRONG_ADDRESS,
	SIMPEER_CORRUPT_QUOTE,
	SIMPEER_CORRUPT_PAYLOAD,
	SIMPEER_BAD_CHECKSUM,
	SIMPEER_IMPAIRMENTS
};
#define SIMPEER_BIT(impairment) (1U << (impairment))

enum simpeer_port_side {
	SIMPEER_PORT_FROM, /* the port that the answer comes from: the probe's destination */
	SIMPEER_PORT_TO    /* the port that it goes to: the probe's source */
};

enum simpeer_quote_fault {
	SIMPEER_QUOTE_ZERO_IP_ID,
	SIMPEER_QUOTE_ZERO_CHECKSUM,
	SIMPEER_QUOTE_TRUNCATE, /* cut after the ports */
	SIMPEER_QUOTE_WRONG_PORT,
	SIMPEER_QUOTE_FLIP_PAYLOAD, /* every payload byte inverted */
	SIMPEER_QUOTE_WRONG_ADDRESS
};

enum simpeer_delay_kind {
	SIMPEER_DELAY_FIXED,
	SIMPEER_DELAY_UNIFORM,     /* us - jitter_us to us + jitter_us */
	SIMPEER_DELAY_EXPONENTIAL, /* mean us */
	SIMPEER_DELAY_NORMAL       /* mean us, standard deviation jitter_us */
};

/* Hits probe k (counted from 0) of a rule if k % every == offset; every 0: never. */
struct simpeer_every {
	uint32_t every, offset;
};

/* Network order, host bits clear. */
struct simpeer_prefix {
	uint32_t net, mask;
};

struct simpeer_prefixes {
	struct simpeer_prefix v[SIMPEER_PREFIXES_MAX];
	uint32_t n;
};

struct simpeer_ports {
	uint16_t first, last;
};

struct simpeer_rule {
	char name[32];
	uint32_t types; /* bits 1 << enum simpeer_type */
	struct simpeer_prefix src, dst;
	struct simpeer_ports src_port, dst_port;

	uint8_t reply;        /* enum simpeer_reply */
	int16_t code;         /* of ICMP errors; -1: the reply's usual one */
	uint16_t quote_bytes; /* of an ICMP error's quote, from the quoted IP header on */
	uint32_t from_router; /* source of ICMP errors, network order; 0: the probed address */
	bool rst_acks_payload;
	bool half_open;
	bool challenge_reuse; /* a reused half-open 4-tuple gets a challenge ACK; else nothing */
	bool per_destination; /* each destination address counts its own probes */

	struct simpeer_every every[SIMPEER_IMPAIRMENTS];
	uint32_t active; /* bits of the impairments in use */
	uint32_t copies;
	uint32_t duplicate_delay_us;
	uint8_t wrong_port_side; /* enum simpeer_port_side */
	uint32_t wrong_address;  /* network order; 0: the right one with its last bit inverted */
	uint8_t quote_fault;     /* enum simpeer_quote_fault */
	uint8_t delay_kind;      /* enum simpeer_delay_kind */
	uint32_t delay_us, delay_jitter_us;
	uint32_t stamp_forward_us, stamp_residence_us; /* the delay above is that back */
	bool stamp_stateless;
};

/* A clock that is wrong, of a STAMP reflector. */
struct simpeer_clock {
	double offset_us, skew_ppm;
	double step_at_s, step_us; /* after the first request */
	double error_us;           /* that it says it has; 0: it is not synchronised */
};

struct simpeer_script {
	uint64_t seed;
	bool has_mac;
	uint8_t mac[6];
	bool promiscuous; /* take frames for any MAC address */
	/* as real hosts do; a probe with a wrong one is dropped and counted */
	bool verify_checksums;
	uint32_t arp_drop_first;
	uint32_t max_delayed; /* answers held back at one time; a power of two is not needed */
	uint32_t max_half_open;
	uint32_t reorder_hold_us; /* how long an answer waits for the one it is swapped with */
	uint32_t
	    drop_late_ns; /* an answer that the peer itself delays longer is not sent; 0: none */
	struct simpeer_prefixes prefixes, except, arp;
	struct simpeer_clock clock;
	struct simpeer_rule *rules; /* n_rules + 1 of them */
	/* without the last one, which every script has: match all, answer plainly */
	size_t n_rules;
};

/* Reads and checks the script in `text` (`len` bytes; `file` names it in messages). 0 and a script
 * that the caller frees; or -EINVAL, -ENOMEM with one sentence in `err` that begins with the file
 * and the place. */
int simpeer_script_parse(const char *file, const char *text, size_t len, struct el_error *err,
			 struct simpeer_script **ret_script);

/* The same from a file of at most a megabyte; also -E2BIG, the errno of open and read. */
int simpeer_script_load(const char *path, struct el_error *err, struct simpeer_script **ret_script);

/* NULL is fine. */
void simpeer_script_free(struct simpeer_script *script);

/* Writes the reference of all keys. */
void simpeer_script_help(FILE *out);

/* The form that the rule's answer to a probe of this type has. */
enum simpeer_form simpeer_rule_form(const struct simpeer_rule *rule, enum simpeer_type type);

/* `addr` in network order. */
static inline bool simpeer_prefixes_contain(const struct simpeer_prefixes *p, uint32_t addr)
{
	for (uint32_t i = 0; i < p->n; i++)
		if ((addr & p->v[i].mask) == p->v[i].net)
			return true;
	return false;
}
