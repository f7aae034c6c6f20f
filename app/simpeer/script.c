/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "el_conf_table.h"

#define FILE_BYTES_MAX (1024 * 1024)
/* Counters of one rule with `per_destination`: one for each address of its prefix. */
#define PER_DESTINATION_LEN_MIN 12
#define OFFSET_DEFAULT UINT32_MAX
#define ALL_TYPES ((1U << SIMPEER_TYPES) - 1)

static const struct conf_word protocol_words[] = {
    {"tcp", 1 << SIMPEER_TCP}, {"icmp", 1 << SIMPEER_ICMP}, {"udp", 1 << SIMPEER_UDP}, {NULL, 0}};
static const struct conf_word reply_words[] = {{"plain", SIMPEER_REPLY_PLAIN},
					       {"synack", SIMPEER_REPLY_SYNACK},
					       {"rst", SIMPEER_REPLY_RST},
					       {"rstack", SIMPEER_REPLY_RSTACK},
					       {"bare_rst", SIMPEER_REPLY_BARE_RST},
					       {"challenge_ack", SIMPEER_REPLY_CHALLENGE_ACK},
					       {"echo", SIMPEER_REPLY_ECHO},
					       {"unreachable", SIMPEER_REPLY_UNREACHABLE},
					       {"time_exceeded", SIMPEER_REPLY_TIME_EXCEEDED},
					       {"stamp", SIMPEER_REPLY_STAMP},
					       {"none", SIMPEER_REPLY_NONE},
					       {NULL, 0}};
static const struct conf_word delay_words[] = {{"fixed", SIMPEER_DELAY_FIXED},
					       {"uniform", SIMPEER_DELAY_UNIFORM},
					       {"exponential", SIMPEER_DELAY_EXPONENTIAL},
					       {"normal", SIMPEER_DELAY_NORMAL},
					       {NULL, 0}};
static const struct conf_word quote_words[] = {{"zero_ip_id", SIMPEER_QUOTE_ZERO_IP_ID},
					       {"zero_checksum", SIMPEER_QUOTE_ZERO_CHECKSUM},
					       {"truncate", SIMPEER_QUOTE_TRUNCATE},
					       {"wrong_port", SIMPEER_QUOTE_WRONG_PORT},
					       {"flip_payload", SIMPEER_QUOTE_FLIP_PAYLOAD},
					       {"wrong_address", SIMPEER_QUOTE_WRONG_ADDRESS},
					       {NULL, 0}};
static const struct conf_word side_words[] = {
    {"from", SIMPEER_PORT_FROM}, {"to", SIMPEER_PORT_TO}, {NULL, 0}};
static const struct conf_word reuse_words[] = {{"ignore", 0}, {"challenge_ack", 1}, {NULL, 0}};

static const char *const impairment_words[SIMPEER_IMPAIRMENTS] = {
    [SIMPEER_DROP] = "drop",
    [SIMPEER_LOSE] = "lose",
    [SIMPEER_DELAY] = "delay",
    [SIMPEER_DUPLICATE] = "duplicate",
    [SIMPEER_REORDER] = "reorder",
    [SIMPEER_WRONG_PORT] = "wrong_port",
    [SIMPEER_WRONG_ACK] = "wrong_ack",
    [SIMPEER_WRONG_ADDRESS] = "wrong_address",
    [SIMPEER_CORRUPT_QUOTE] = "corrupt_quote",
    [SIMPEER_CORRUPT_PAYLOAD] = "corrupt_payload",
    [SIMPEER_BAD_CHECKSUM] = "bad_checksum",
};

#define FORM_ANY                                                                                   \
	(SIMPEER_FORM_TCP | SIMPEER_FORM_ECHO | SIMPEER_FORM_UDP | SIMPEER_FORM_ICMP_ERROR |       \
	 SIMPEER_FORM_STAMP)

/* The answers that an impairment can be done to. */
static const uint32_t impairment_forms[SIMPEER_IMPAIRMENTS] = {
    [SIMPEER_DROP] = FORM_ANY,
    [SIMPEER_LOSE] = FORM_ANY,
    [SIMPEER_DELAY] = FORM_ANY,
    [SIMPEER_DUPLICATE] = FORM_ANY,
    [SIMPEER_REORDER] = FORM_ANY,
    [SIMPEER_WRONG_PORT] = SIMPEER_FORM_TCP | SIMPEER_FORM_UDP | SIMPEER_FORM_ICMP_ERROR,
    [SIMPEER_WRONG_ACK] = SIMPEER_FORM_TCP,
    [SIMPEER_WRONG_ADDRESS] = FORM_ANY,
    [SIMPEER_CORRUPT_QUOTE] = SIMPEER_FORM_ICMP_ERROR,
    [SIMPEER_CORRUPT_PAYLOAD] = SIMPEER_FORM_ECHO | SIMPEER_FORM_UDP,
    [SIMPEER_BAD_CHECKSUM] = FORM_ANY,
};

static bool parse_name(const struct conf_key *key, const char *text, void *field)
{
	size_t len = strlen(text);

	if (len >= key->size || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != len)
		return false;
	memcpy(field, text, len + 1);
	return true;
}

static bool parse_ipv4(const struct conf_key *key, const char *text, void *field)
{
	struct el_ip ip;

	(void)key;
	if (el_ip_parse(text, &ip) < 0 || ip.family != 4)
		return false;
	*(uint32_t *)field = el_ip_v4(&ip);
	return true;
}

static bool parse_prefix(const struct conf_key *key, const char *text, void *field)
{
	struct simpeer_prefix *p = field;
	struct el_prefix prefix;

	(void)key;
	if (el_prefix_parse(text, &prefix) < 0 || prefix.ip.family != 4)
		return false;
	p->mask = prefix.len ? htonl(UINT32_MAX << (32 - prefix.len)) : 0;
	p->net = el_ip_v4(&prefix.ip) & p->mask;
	return true;
}

static bool parse_ports(const struct conf_key *key, const char *text, void *field)
{
	struct simpeer_ports ports;
	int end = 0;

	(void)key;
	if (strspn(text, "0123456789-") != strlen(text) || strlen(text) > 11 || text[0] == '-')
		return false;
	if (sscanf(text, "%hu%n-%hu%n", &ports.first, &end, &ports.last, &end) == 1)
		ports.last = ports.first;
	*(struct simpeer_ports *)field = ports;
	return text[end] == '\0' && ports.first <= ports.last;
}

#define EVERY(i) .offset = offsetof(struct simpeer_rule, every[i].every), .size = sizeof(uint32_t)
#define OFFSET(i) .offset = offsetof(struct simpeer_rule, every[i].offset), .size = sizeof(uint32_t)
#define EVERY_KEY(word, i, text)                                                                   \
	{                                                                                          \
		.name = word, .kind = CONF_INT, EVERY(i), .min = 1, .max = U32_MAX - 1,            \
		.help = text                                                                       \
	}
#define OFFSET_KEY(word, i)                                                                        \
	{                                                                                          \
		.name = word, .kind = CONF_INT, OFFSET(i), .max = U32_MAX - 2, .unset = true,      \
		.help = "which of every n, counted from 0; default the last"                       \
	}
#define EVERY_KEYS(i, word, text) EVERY_KEY(word "_every", i, text), OFFSET_KEY(word "_offset", i)
#define INT_KEY(type, member, from, to, otherwise, text)                                           \
	{                                                                                          \
		.name = #member, .kind = CONF_INT, FIELD(type, member), .min = from, .max = to,    \
		.def = otherwise, .help = text                                                     \
	}
#define BOOL_KEY(type, member, otherwise, text)                                                    \
	{                                                                                          \
		.name = #member, .kind = CONF_BOOL, FIELD(type, member), .def = otherwise,         \
		.help = text                                                                       \
	}
#define WORD_KEY(word, member, list, otherwise, text)                                              \
	{                                                                                          \
		.name = word, .kind = CONF_ENUM, FIELD(simpeer_rule, member), .words = list,       \
		.def = otherwise, .help = text                                                     \
	}
#define TEXT_KEY(member, reader, expected, otherwise, text)                                        \
	{                                                                                          \
		.name = #member, .kind = CONF_STR, FIELD(simpeer_rule, member), .parse = reader,   \
		.what = expected, .def = otherwise, .help = text                                   \
	}
#define PREFIXES_KEY(member, is_required, text)                                                    \
	{                                                                                          \
		.name = #member, .kind = CONF_LIST, FIELD(simpeer_script, member), .fixed = true,  \
		.item = &prefix, .max = SIMPEER_PREFIXES_MAX, .required = is_required,             \
		.help = text                                                                       \
	}
/* A map whose keys are the rule's own. */
#define SUBMAP_KEY(word, of, text)                                                                 \
	{                                                                                          \
		.name = word, .kind = CONF_MAP, .map = of, .help = text                            \
	}
#define A_PREFIX "an IPv4 address or prefix"
#define PORTS "a port or a range as 80-90"

static const struct conf_key match_keys[] = {
    WORD_KEY("protocol", types, protocol_words, NULL,
	     "tcp (a SYN), icmp (an echo request) or udp; default any"),
    TEXT_KEY(src, parse_prefix, A_PREFIX, NULL, "source prefix of the probe"),
    TEXT_KEY(dst, parse_prefix, A_PREFIX, NULL, "destination prefix of the probe"),
    TEXT_KEY(src_port, parse_ports, PORTS, "0-65535",
	     "port or range (80-90) of a TCP or UDP probe"),
    TEXT_KEY(dst_port, parse_ports, PORTS, "0-65535", "the same"),
};
static const struct conf_map match_map = {MAP(match_keys)};

/* For an error in what stands at a key of the map being checked. */
#define AT(key) w, conf_walk_pos(w, map, entries, key), key

static void check_delay(struct conf_walk *w, const struct conf_map *map,
			const struct conf_entry *entries, void *obj)
{
	struct simpeer_rule *rule = obj;

	if (!rule->every[SIMPEER_DELAY].every)
		rule->every[SIMPEER_DELAY].every = 1;
	if (rule->delay_jitter_us && (rule->delay_kind == SIMPEER_DELAY_FIXED ||
				      rule->delay_kind == SIMPEER_DELAY_EXPONENTIAL))
		conf_walk_error(AT("jitter_us"), "only for uniform and normal");
	if (rule->delay_kind == SIMPEER_DELAY_UNIFORM && rule->delay_jitter_us > rule->delay_us)
		conf_walk_error(AT("jitter_us"), "larger than us");
}

static const struct conf_key delay_keys[] = {
    WORD_KEY("kind", delay_kind, delay_words, NULL,
	     "fixed (default), uniform, exponential or normal"),
    {.name = "us",
     .kind = CONF_INT,
     FIELD(simpeer_rule, delay_us),
     .max = SIMPEER_DELAY_US_MAX,
     .help = "mean, in microseconds"},
    {.name = "jitter_us",
     .kind = CONF_INT,
     FIELD(simpeer_rule, delay_jitter_us),
     .max = SIMPEER_DELAY_US_MAX,
     .help = "half the width (uniform) or standard deviation (normal)"},
    EVERY_KEY("every", SIMPEER_DELAY, "default 1"),
    OFFSET_KEY("offset", SIMPEER_DELAY),
};
static const struct conf_map delay_map = {MAP(delay_keys), .check = check_delay};

static void check_quote(struct conf_walk *w, const struct conf_map *map,
			const struct conf_entry *entries, void *obj)
{
	struct simpeer_rule *rule = obj;

	(void)w, (void)map, (void)entries;
	if (!rule->every[SIMPEER_CORRUPT_QUOTE].every)
		rule->every[SIMPEER_CORRUPT_QUOTE].every = 1;
}

static const struct conf_key quote_keys[] = {
    WORD_KEY("how", quote_fault, quote_words, NULL,
	     "zero_ip_id (default), zero_checksum (UDP's), truncate (after the ports), wrong_port, "
	     "flip_payload or wrong_address"),
    EVERY_KEY("every", SIMPEER_CORRUPT_QUOTE, "default 1"),
    OFFSET_KEY("offset", SIMPEER_CORRUPT_QUOTE),
};
static const struct conf_map quote_map = {MAP(quote_keys), .check = check_quote};

static const struct conf_key stamp_keys[] = {
    {.name = "forward_us",
     .kind = CONF_INT,
     FIELD(simpeer_rule, stamp_forward_us),
     .max = SIMPEER_DELAY_US_MAX,
     .help = "how long a request is under way, besides; the rule's delay is that of the way back"},
    {.name = "residence_us",
     .kind = CONF_INT,
     FIELD(simpeer_rule, stamp_residence_us),
     .max = SIMPEER_DELAY_US_MAX,
     .help = "how long the reflector keeps it"},
    {.name = "stateless",
     .kind = CONF_BOOL,
     FIELD(simpeer_rule, stamp_stateless),
     .help = "count no sessions; default false"},
};
static const struct conf_map stamp_map = {MAP(stamp_keys)};

#define CLOCK_KEY(word, member, most, text)                                                        \
	{                                                                                          \
		.name = word, .kind = CONF_FLOAT, FIELD(simpeer_script, clock.member),             \
		.min = -(most), .max = most, .def = "0", .help = text                              \
	}
static const struct conf_key clock_keys[] = {
    CLOCK_KEY("offset_us", offset_us, 1e13, "ahead of CLOCK_REALTIME; default 0"),
    CLOCK_KEY("skew_ppm", skew_ppm, 1e5, "how much faster it goes; default 0"),
    CLOCK_KEY("step_us", step_us, 1e13, "by how much it is set; default 0"),
    CLOCK_KEY("step_at_s", step_at_s, 1e9, "so long after the first request; default 0"),
    CLOCK_KEY("error_us", error_us, 4e9,
	      "the error that it says it has; default 0: it is not synchronised"),
};
static const struct conf_map clock_map = {MAP(clock_keys)};

static const struct conf_key rule_keys[] = {
    TEXT_KEY(name, parse_name, "1 to 31 of a-z 0-9 _ - .", NULL,
	     "for the summary; default rule0, rule1, ..."),
    SUBMAP_KEY("match", &match_map, "what probes the rule is for; default all"),
    WORD_KEY("reply", reply, reply_words, NULL,
	     "plain (default: SYN/ACK, echo reply, port unreachable), synack, rst, rstack, "
	     "bare_rst, challenge_ack, echo (ICMP or UDP), unreachable, time_exceeded, stamp (UDP) "
	     "or none"),
    {.name = "code",
     .kind = CONF_INT,
     FIELD(simpeer_rule, code),
     .max = 15,
     .unset = true,
     .help = "of the ICMP error; default 3 (port) for unreachable, 0 for time_exceeded"},
    TEXT_KEY(from_router, parse_ipv4, "an IPv4 address", NULL,
	     "source address of ICMP errors; default the probed address"),
    INT_KEY(simpeer_rule, quote_bytes, 28, 1472, "548",
	    "how much of the probe an ICMP error quotes, its IP header included; default 548"),
    BOOL_KEY(simpeer_rule, rst_acks_payload, "true",
	     "an RST acknowledges the data of a SYN, as Linux does; default true"),
    BOOL_KEY(simpeer_rule, half_open, NULL,
	     "remember SYNs until an RST comes, as a listener does; default false"),
    WORD_KEY("half_open_reuse", challenge_reuse, reuse_words, "challenge_ack",
	     "what another SYN on a half-open 4-tuple gets: challenge_ack (default) or ignore"),
    BOOL_KEY(simpeer_rule, per_destination, NULL,
	     "count every n-th for each destination address on its own; dst must be /12 or longer"),
    EVERY_KEYS(SIMPEER_DROP, "drop", "every n-th probe is not answered"),
    EVERY_KEYS(SIMPEER_LOSE, "lose", "every n-th answer is made, and counted, but not sent"),
    SUBMAP_KEY("stamp", &stamp_map, "of a STAMP reflector"),
    SUBMAP_KEY("delay", &delay_map, "how long an answer is held back"),
    EVERY_KEYS(SIMPEER_DUPLICATE, "duplicate", "every n-th answer is sent more than once"),
    INT_KEY(simpeer_rule, copies, 1, SIMPEER_COPIES_MAX, "1", "how often more; default 1"),
    INT_KEY(simpeer_rule, duplicate_delay_us, 0, SIMPEER_DELAY_US_MAX, NULL,
	    "how long after the answer; default 0"),
    EVERY_KEYS(SIMPEER_REORDER, "reorder",
	       "every n-th answer goes out just after the rule's next one"),
    EVERY_KEYS(SIMPEER_WRONG_PORT, "wrong_port",
	       "every n-th answer has a port changed (in an ICMP error: in its quote)"),
    WORD_KEY("wrong_port", wrong_port_side, side_words, NULL,
	     "which: from (default: the probe's destination port) or to"),
    EVERY_KEYS(SIMPEER_WRONG_ACK, "wrong_ack", "every n-th TCP answer acknowledges something else"),
    EVERY_KEYS(SIMPEER_WRONG_ADDRESS, "wrong_address",
	       "every n-th answer comes from another address"),
    TEXT_KEY(wrong_address, parse_ipv4, "an IPv4 address", NULL,
	     "which; default the right one with its last bit inverted"),
    SUBMAP_KEY("corrupt_quote", &quote_map, "what ICMP errors quote is damaged"),
    EVERY_KEYS(SIMPEER_CORRUPT_PAYLOAD, "corrupt_payload",
	       "every n-th echo has all bytes of its payload inverted, the checksum being right"),
    EVERY_KEYS(SIMPEER_BAD_CHECKSUM, "bad_checksum",
	       "every n-th answer has a wrong TCP, UDP or ICMP checksum"),
};

enum simpeer_form simpeer_rule_form(const struct simpeer_rule *rule, enum simpeer_type type)
{
	switch ((enum simpeer_reply)rule->reply) {
	case SIMPEER_REPLY_PLAIN:
		return type == SIMPEER_TCP    ? SIMPEER_FORM_TCP
		       : type == SIMPEER_ICMP ? SIMPEER_FORM_ECHO
					      : SIMPEER_FORM_ICMP_ERROR;
	case SIMPEER_REPLY_SYNACK:
	case SIMPEER_REPLY_RST:
	case SIMPEER_REPLY_RSTACK:
	case SIMPEER_REPLY_BARE_RST:
	case SIMPEER_REPLY_CHALLENGE_ACK:
		return type == SIMPEER_TCP ? SIMPEER_FORM_TCP : SIMPEER_FORM_NONE;
	case SIMPEER_REPLY_ECHO:
		return type == SIMPEER_ICMP  ? SIMPEER_FORM_ECHO
		       : type == SIMPEER_UDP ? SIMPEER_FORM_UDP
					     : SIMPEER_FORM_NONE;
	case SIMPEER_REPLY_UNREACHABLE:
	case SIMPEER_REPLY_TIME_EXCEEDED:
		return SIMPEER_FORM_ICMP_ERROR;
	case SIMPEER_REPLY_STAMP:
		return type == SIMPEER_UDP ? SIMPEER_FORM_STAMP : SIMPEER_FORM_NONE;
	case SIMPEER_REPLY_NONE:
		break;
	}
	return SIMPEER_FORM_NONE;
}

static void check_every(struct conf_walk *w, const struct conf_map *map,
			const struct conf_entry *entries, struct simpeer_rule *rule, uint32_t forms)
{
	for (size_t i = 0; i < SIMPEER_IMPAIRMENTS; i++) {
		bool is_map = i == SIMPEER_DELAY || i == SIMPEER_CORRUPT_QUOTE;
		struct simpeer_every *e = &rule->every[i];
		char key[32];

		snprintf(key, sizeof(key), "%s%s", impairment_words[i], is_map ? "" : "_every");
		if (e->every == 0 && e->offset != OFFSET_DEFAULT)
			conf_walk_error(AT(key), "missing, but there is an offset");
		if (e->every == 0)
			continue;
		if (e->offset == OFFSET_DEFAULT)
			e->offset = e->every - 1;
		if (e->offset >= e->every)
			conf_walk_error(AT(key), "offset %u is not below every %u", e->offset,
					e->every);
		if (!(forms & impairment_forms[i]))
			conf_walk_error(AT(key), "can't be done to any answer of this rule");
		rule->active |= SIMPEER_BIT(i);
	}
}

/* What one key alone doesn't tell. */
static void check_rule(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj)
{
	struct simpeer_rule *rule = obj;
	const char *reply = reply_words[rule->reply].text;
	uint32_t forms = 0;

	if (!rule->types)
		rule->types = ALL_TYPES;
	for (int t = 0; t < SIMPEER_TYPES; t++) {
		enum simpeer_form form = simpeer_rule_form(rule, (enum simpeer_type)t);

		if (!(rule->types & 1U << t))
			continue;
		if (form == SIMPEER_FORM_NONE && rule->reply != SIMPEER_REPLY_NONE) {
			conf_walk_error(AT("reply"), "%s is no answer to %s; give match a protocol",
					reply, protocol_words[t].text);
			return;
		}
		forms |= form;
	}
	if (rule->code >= 0 && !(forms & SIMPEER_FORM_ICMP_ERROR))
		conf_walk_error(AT("code"), "reply %s has none", reply);
	if (rule->from_router && !(forms & SIMPEER_FORM_ICMP_ERROR))
		conf_walk_error(AT("from_router"), "reply %s is no ICMP error", reply);
	if (rule->half_open &&
	    (!(rule->types & 1U << SIMPEER_TCP) ||
	     (rule->reply != SIMPEER_REPLY_PLAIN && rule->reply != SIMPEER_REPLY_SYNACK)))
		conf_walk_error(AT("half_open"), "only where a SYN/ACK is the answer");
	if (rule->per_destination && (ntohl(rule->dst.mask) >> (32 - PER_DESTINATION_LEN_MIN)) !=
					 (1U << PER_DESTINATION_LEN_MIN) - 1)
		conf_walk_error(AT("per_destination"), "match needs a dst of /%d or longer",
				PER_DESTINATION_LEN_MIN);
	check_every(w, map, entries, rule, forms);
}

static const struct conf_map rule_map = {MAP(rule_keys), .size = sizeof(struct simpeer_rule),
					 .check = check_rule};
static const struct conf_key rule_item = {
    .kind = CONF_MAP, ITEM(struct simpeer_rule), .map = &rule_map};
static const struct conf_key prefix = {
    .kind = CONF_STR, ITEM(struct simpeer_prefix), .parse = parse_prefix, .what = A_PREFIX};

static void check_script(struct conf_walk *w, const struct conf_map *map,
			 const struct conf_entry *entries, void *obj)
{
	struct simpeer_script *s = obj;

	s->has_mac = conf_walk_given(map, entries, "mac");
	if (conf_walk_valid(map, entries, "prefixes") && s->prefixes.n == 0)
		conf_walk_error(AT("prefixes"), "expected at least one");
}

static const struct conf_key script_keys[] = {
    INT_KEY(simpeer_script, seed, 0, 9007199254740991.0, "1",
	    "of random delays and TCP sequence numbers; default 1"),
    {.name = "mac",
     .kind = CONF_MAC,
     FIELD(simpeer_script, mac),
     .help = "own MAC address; default the port's"},
    BOOL_KEY(simpeer_script, promiscuous, NULL, "take frames for any MAC address; default false"),
    BOOL_KEY(simpeer_script, verify_checksums, "true",
	     "drop probes with a wrong checksum, as hosts do; default true"),
    PREFIXES_KEY(prefixes, true, "addresses that probes are answered for; required"),
    PREFIXES_KEY(except, false, "addresses among them that are somebody else's"),
    PREFIXES_KEY(arp, false, "more addresses that ARP requests are answered for, as a gateway's"),
    INT_KEY(simpeer_script, arp_drop_first, 0, U32_MAX, NULL,
	    "leave so many ARP requests unanswered; default 0"),
    INT_KEY(simpeer_script, max_delayed, 1, 4194304, "16384",
	    "answers held back at one time; default 16384"),
    INT_KEY(simpeer_script, max_half_open, 1, 4194304, "65536",
	    "4-tuples that half_open remembers; default 65536"),
    INT_KEY(simpeer_script, reorder_hold_us, 1, SIMPEER_DELAY_US_MAX, "200000",
	    "an answer waits so long for the one it is swapped with; default 200000"),
    INT_KEY(simpeer_script, drop_late_ns, 0, 1000000000, NULL,
	    "don't send an answer so late by the peer's own fault, and count it as late_dropped: "
	    "more than this past its time, or to a probe that may have waited longer before it was "
	    "received; default 0, which sends all"),
    SUBMAP_KEY("clock", &clock_map, "of STAMP reflectors"),
    {.name = "rules",
     .kind = CONF_LIST,
     FIELD(simpeer_script, rules),
     .item = &rule_item,
     .max = SIMPEER_RULES_MAX,
     .help = "the first that matches counts; where none does, answers are plain"},
};
static const struct conf_map script_map = {MAP(script_keys), .check = check_script};
IS_ARRAY(simpeer_script, rules, n_rules);

static void help_keys(FILE *out, const char *title, const struct conf_map *map)
{
	fprintf(out, "%s:\n", title);
	for (size_t i = 0; i < map->count; i++)
		fprintf(out, "  %-24s %s\n", map->keys[i].name, map->keys[i].help);
}

void simpeer_script_help(FILE *out)
{
	help_keys(out, "script", &script_map);
	help_keys(out, "a rule", &rule_map);
	help_keys(out, "match", &match_map);
	help_keys(out, "clock", &clock_map);
	help_keys(out, "stamp", &stamp_map);
	help_keys(out, "delay", &delay_map);
	help_keys(out, "corrupt_quote", &quote_map);
}

/* The names that rules were not given, and the last rule, which every script has. */
static int complete(struct simpeer_script *s)
{
	size_t n = s->n_rules;
	struct simpeer_rule *rules = realloc(s->rules, (n + 1) * sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	memset(&rules[n], 0, sizeof(rules[n]));
	conf_defaults_set(&rule_map, &rules[n]);
	rules[n].types = ALL_TYPES;
	snprintf(rules[n].name, sizeof(rules[n].name), "plain");
	for (size_t i = 0; i < n; i++)
		if (!rules[i].name[0])
			snprintf(rules[i].name, sizeof(rules[i].name), "rule%zu", i);
	return 0;
}

int simpeer_script_parse(const char *file, const char *text, size_t len, struct el_error *err,
			 struct simpeer_script **ret_script)
{
	struct simpeer_script *s = calloc(1, sizeof(*s));
	int rc = s ? el_conf_read(file, text, len, &script_map, s, err) : -ENOMEM;

	if (rc == 0)
		rc = complete(s);
	if (rc == 0)
		*ret_script = s;
	else
		simpeer_script_free(s);
	return rc == -ENOMEM ? el_error_set(err, rc, "%s: out of memory", file) : rc;
}

int simpeer_script_load(const char *path, struct el_error *err, struct simpeer_script **ret_script)
{
	FILE *f = NULL;
	char *text = NULL;
	struct stat st;
	size_t len;
	int rc;

	f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) < 0) {
		rc = el_error_set(err, -errno, "%s:1:1: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = el_error_set(err, -EINVAL, "%s:1:1: not a file", path);
		goto out;
	}
	text = malloc(FILE_BYTES_MAX + 1);
	if (!text) {
		rc = el_error_set(err, -ENOMEM, "%s:1:1: out of memory", path);
		goto out;
	}
	len = fread(text, 1, FILE_BYTES_MAX + 1, f);
	if (ferror(f))
		rc = el_error_set(err, -EIO, "%s:1:1: can't be read", path);
	else if (len > FILE_BYTES_MAX)
		rc =
		    el_error_set(err, -E2BIG, "%s:1:1: larger than %d bytes", path, FILE_BYTES_MAX);
	else
		rc = simpeer_script_parse(path, text, len, err, ret_script);
out:
	free(text);
	if (f)
		fclose(f);
	return rc;
}

void simpeer_script_free(struct simpeer_script *script)
{
	if (!script)
		return;
	free(script->rules);
	free(script);
}
