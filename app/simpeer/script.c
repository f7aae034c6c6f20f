/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "reader.h"

#define FILE_BYTES_MAX (1024 * 1024)
/* Counters of one rule with `per_destination`: one for each address of its prefix. */
#define PER_DESTINATION_LEN_MIN 12
#define OFFSET_DEFAULT UINT32_MAX

static const char *const protocol_words[] = {"tcp", "icmp", "udp", NULL};
static const char *const reply_words[] = {"plain",         "synack",        "rst",  "rstack",
					  "bare_rst",      "challenge_ack", "echo", "unreachable",
					  "time_exceeded", "none",          NULL};
static const char *const delay_words[] = {"fixed", "uniform", "exponential", "normal", NULL};
static const char *const quote_words[] = {"zero_ip_id",   "zero_checksum", "truncate", "wrong_port",
					  "flip_payload", "wrong_address", NULL};
static const char *const side_words[] = {"from", "to", NULL};
static const char *const reuse_words[] = {"ignore", "challenge_ack", NULL};

static const char *const impairment_words[SIMPEER_IMPAIRMENTS] = {
    [SIMPEER_DROP] = "drop",
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

#define FORM_ANY (SIMPEER_FORM_TCP | SIMPEER_FORM_ECHO | SIMPEER_FORM_UDP | SIMPEER_FORM_ICMP_ERROR)

/* The answers that an impairment can be done to. */
static const uint32_t impairment_forms[SIMPEER_IMPAIRMENTS] = {
    [SIMPEER_DROP] = FORM_ANY,
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

static int read_name(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field)
{
	struct simpeer_rule *rule = field;
	const char *text = simpeer_reader_text(node);
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len >= sizeof(rule->name) ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != len)
		return simpeer_reader_fail(r, node, "%s: expected 1 to 31 of a-z 0-9 _ - .",
					   key->name);
	memcpy(rule->name, text, len + 1);
	return 0;
}

static int read_protocol(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
			 void *field)
{
	uint8_t type;
	int rc = simpeer_read_word_u8(r, node, key, &type);

	if (rc == 0)
		*(uint32_t *)field = 1U << type;
	return rc;
}

static int read_mac(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		    void *field)
{
	struct simpeer_script *s = field;
	const char *text = simpeer_reader_text(node);
	unsigned int b[6];
	int end = 0;

	if (!text || strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    end != 17 || (b[0] & 1))
		return simpeer_reader_fail(
		    r, node, "%s: expected a unicast MAC address as 02:00:00:00:00:01", key->name);
	for (size_t i = 0; i < 6; i++)
		s->mac[i] = (uint8_t)b[i];
	s->has_mac = true;
	return 0;
}

#define EVERY(i) offsetof(struct simpeer_rule, every[i].every)
#define OFFSET(i) offsetof(struct simpeer_rule, every[i].offset)
#define EVERY_KEYS(i, word, text)                                                                  \
	{word "_every", simpeer_read_u32, EVERY(i), 1, UINT32_MAX - 1, NULL, text},                \
	{                                                                                          \
		word "_offset", simpeer_read_u32, OFFSET(i), 0, UINT32_MAX - 2, NULL,              \
		    "which of every n, counted from 0; default the last"                           \
	}

static const struct simpeer_key match_keys[] = {
    {"protocol", read_protocol, offsetof(struct simpeer_rule, types), 0, 0, protocol_words,
     "tcp (a SYN), icmp (an echo request) or udp; default any"},
    {"src", simpeer_read_prefix, offsetof(struct simpeer_rule, src), 0, 0, NULL,
     "source prefix of the probe"},
    {"dst", simpeer_read_prefix, offsetof(struct simpeer_rule, dst), 0, 0, NULL,
     "destination prefix of the probe"},
    {"src_port", simpeer_read_ports, offsetof(struct simpeer_rule, src_port), 0, 0, NULL,
     "port or range (80-90) of a TCP or UDP probe"},
    {"dst_port", simpeer_read_ports, offsetof(struct simpeer_rule, dst_port), 0, 0, NULL,
     "the same"},
    {0}};

static const struct simpeer_key delay_keys[] = {
    {"kind", simpeer_read_word_u8, offsetof(struct simpeer_rule, delay_kind), 0, 0, delay_words,
     "fixed (default), uniform, exponential or normal"},
    {"us", simpeer_read_u32, offsetof(struct simpeer_rule, delay_us), 0, SIMPEER_DELAY_US_MAX, NULL,
     "mean, in microseconds"},
    {"jitter_us", simpeer_read_u32, offsetof(struct simpeer_rule, delay_jitter_us), 0,
     SIMPEER_DELAY_US_MAX, NULL, "half the width (uniform) or standard deviation (normal)"},
    {"every", simpeer_read_u32, EVERY(SIMPEER_DELAY), 1, UINT32_MAX - 1, NULL, "default 1"},
    {"offset", simpeer_read_u32, OFFSET(SIMPEER_DELAY), 0, UINT32_MAX - 2, NULL,
     "which of every n, counted from 0; default the last"},
    {0}};

static const struct simpeer_key quote_keys[] = {
    {"how", simpeer_read_word_u8, offsetof(struct simpeer_rule, quote_fault), 0, 0, quote_words,
     "zero_ip_id (default), zero_checksum (UDP's), truncate (after the ports), wrong_port, "
     "flip_payload "
     "or wrong_address"},
    {"every", simpeer_read_u32, EVERY(SIMPEER_CORRUPT_QUOTE), 1, UINT32_MAX - 1, NULL, "default 1"},
    {"offset", simpeer_read_u32, OFFSET(SIMPEER_CORRUPT_QUOTE), 0, UINT32_MAX - 2, NULL,
     "which of every n, counted from 0; default the last"},
    {0}};

static int read_submap(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		       void *field)
{
	struct simpeer_rule *rule = field;

	if (strcmp(key->name, "match") == 0)
		return simpeer_reader_map(r, node, match_keys, rule);
	if (strcmp(key->name, "delay") == 0) {
		rule->every[SIMPEER_DELAY].every = 1;
		return simpeer_reader_map(r, node, delay_keys, rule);
	}
	rule->every[SIMPEER_CORRUPT_QUOTE].every = 1;
	return simpeer_reader_map(r, node, quote_keys, rule);
}

static const struct simpeer_key rule_keys[] = {
    {"name", read_name, 0, 0, 0, NULL, "for the summary; default rule0, rule1, ..."},
    {"match", read_submap, 0, 0, 0, NULL, "what probes the rule is for; default all"},
    {"reply", simpeer_read_word_u8, offsetof(struct simpeer_rule, reply), 0, 0, reply_words,
     "plain (default: SYN/ACK, echo reply, port unreachable), synack, rst, rstack, bare_rst, "
     "challenge_ack, "
     "echo (ICMP or UDP), unreachable, time_exceeded or none"},
    {"code", simpeer_read_u16, offsetof(struct simpeer_rule, code), 0, 15, NULL,
     "of the ICMP error; default 3 (port) for unreachable, 0 for time_exceeded"},
    {"from_router", simpeer_read_ipv4, offsetof(struct simpeer_rule, from_router), 0, 0, NULL,
     "source address of ICMP errors; default the probed address"},
    {"quote_bytes", simpeer_read_u16, offsetof(struct simpeer_rule, quote_bytes), 28, 1472, NULL,
     "how much of the probe an ICMP error quotes, its IP header included; default 548"},
    {"rst_acks_payload", simpeer_read_bool, offsetof(struct simpeer_rule, rst_acks_payload), 0, 0,
     NULL, "an RST acknowledges the data of a SYN, as Linux does; default true"},
    {"half_open", simpeer_read_bool, offsetof(struct simpeer_rule, half_open), 0, 0, NULL,
     "remember SYNs until an RST comes, as a listener does; default false"},
    {"half_open_reuse", simpeer_read_word_u8, offsetof(struct simpeer_rule, challenge_reuse), 0, 0,
     reuse_words,
     "what another SYN on a half-open 4-tuple gets: challenge_ack (default) or ignore"},
    {"per_destination", simpeer_read_bool, offsetof(struct simpeer_rule, per_destination), 0, 0,
     NULL, "count every n-th for each destination address on its own; dst must be /12 or longer"},
    EVERY_KEYS(SIMPEER_DROP, "drop", "every n-th probe is not answered"),
    {"delay", read_submap, 0, 0, 0, NULL, "how long an answer is held back"},
    EVERY_KEYS(SIMPEER_DUPLICATE, "duplicate", "every n-th answer is sent more than once"),
    {"copies", simpeer_read_u32, offsetof(struct simpeer_rule, copies), 1, SIMPEER_COPIES_MAX, NULL,
     "how often more; default 1"},
    {"duplicate_delay_us", simpeer_read_u32, offsetof(struct simpeer_rule, duplicate_delay_us), 0,
     SIMPEER_DELAY_US_MAX, NULL, "how long after the answer; default 0"},
    EVERY_KEYS(SIMPEER_REORDER, "reorder",
	       "every n-th answer goes out just after the rule's next one"),
    EVERY_KEYS(SIMPEER_WRONG_PORT, "wrong_port",
	       "every n-th answer has a port changed (in an ICMP error: in its quote)"),
    {"wrong_port", simpeer_read_word_u8, offsetof(struct simpeer_rule, wrong_port_side), 0, 0,
     side_words, "which: from (default: the probe's destination port) or to"},
    EVERY_KEYS(SIMPEER_WRONG_ACK, "wrong_ack", "every n-th TCP answer acknowledges something else"),
    EVERY_KEYS(SIMPEER_WRONG_ADDRESS, "wrong_address",
	       "every n-th answer comes from another address"),
    {"wrong_address", simpeer_read_ipv4, offsetof(struct simpeer_rule, wrong_address), 0, 0, NULL,
     "which; default the right one with its last bit inverted"},
    {"corrupt_quote", read_submap, 0, 0, 0, NULL, "what ICMP errors quote is damaged"},
    EVERY_KEYS(SIMPEER_CORRUPT_PAYLOAD, "corrupt_payload",
	       "every n-th echo has all bytes of its payload inverted, the checksum being right"),
    EVERY_KEYS(SIMPEER_BAD_CHECKSUM, "bad_checksum",
	       "every n-th answer has a wrong TCP, UDP or ICMP checksum"),
    {0}};

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
	case SIMPEER_REPLY_NONE:
		break;
	}
	return SIMPEER_FORM_NONE;
}

static void rule_init(struct simpeer_rule *rule, uint32_t index)
{
	*rule = (struct simpeer_rule){
	    .types = (1U << SIMPEER_TYPES) - 1,
	    .src_port = {0, 65535},
	    .dst_port = {0, 65535},
	    .code = -1,
	    .quote_bytes = 548,
	    .rst_acks_payload = true,
	    .challenge_reuse = true,
	    .copies = 1,
	};
	for (size_t i = 0; i < SIMPEER_IMPAIRMENTS; i++)
		rule->every[i].offset = OFFSET_DEFAULT;
	snprintf(rule->name, sizeof(rule->name), "rule%u", index);
}

static int check_every(struct simpeer_reader *r, const yaml_node_t *node, struct simpeer_rule *rule,
		       uint32_t forms)
{
	for (size_t i = 0; i < SIMPEER_IMPAIRMENTS; i++) {
		struct simpeer_every *e = &rule->every[i];

		if (e->every == 0 && e->offset != OFFSET_DEFAULT)
			return simpeer_reader_fail(r, node, "%s: an offset without every",
						   impairment_words[i]);
		if (e->every == 0)
			continue;
		if (e->offset == OFFSET_DEFAULT)
			e->offset = e->every - 1;
		if (e->offset >= e->every)
			return simpeer_reader_fail(r, node, "%s: offset %u is not below every %u",
						   impairment_words[i], e->offset, e->every);
		if (!(forms & impairment_forms[i]))
			return simpeer_reader_fail(r, node,
						   "%s: can't be done to any answer of this rule",
						   impairment_words[i]);
		rule->active |= SIMPEER_BIT(i);
	}
	return 0;
}

/* What one key alone doesn't tell. */
static int check_rule(struct simpeer_reader *r, const yaml_node_t *node, struct simpeer_rule *rule)
{
	const char *reply = reply_words[rule->reply];
	uint32_t forms = 0;

	for (int t = 0; t < SIMPEER_TYPES; t++) {
		enum simpeer_form form = simpeer_rule_form(rule, (enum simpeer_type)t);

		if (!(rule->types & 1U << t))
			continue;
		if (form == SIMPEER_FORM_NONE && rule->reply != SIMPEER_REPLY_NONE)
			return simpeer_reader_fail(
			    r, node, "reply: %s is no answer to %s; give match a protocol", reply,
			    protocol_words[t]);
		forms |= form;
	}
	if (rule->code >= 0 && !(forms & SIMPEER_FORM_ICMP_ERROR))
		return simpeer_reader_fail(r, node, "code: reply %s has none", reply);
	if (rule->from_router && !(forms & SIMPEER_FORM_ICMP_ERROR))
		return simpeer_reader_fail(r, node, "from_router: reply %s is no ICMP error",
					   reply);
	if (rule->half_open &&
	    (!(rule->types & 1U << SIMPEER_TCP) ||
	     (rule->reply != SIMPEER_REPLY_PLAIN && rule->reply != SIMPEER_REPLY_SYNACK)))
		return simpeer_reader_fail(r, node,
					   "half_open: only where a SYN/ACK is the answer");
	if (rule->per_destination && (ntohl(rule->dst.mask) >> (32 - PER_DESTINATION_LEN_MIN)) !=
					 (1U << PER_DESTINATION_LEN_MIN) - 1)
		return simpeer_reader_fail(r, node,
					   "per_destination: match needs a dst of /%d or longer",
					   PER_DESTINATION_LEN_MIN);
	if (rule->delay_jitter_us && (rule->delay_kind == SIMPEER_DELAY_FIXED ||
				      rule->delay_kind == SIMPEER_DELAY_EXPONENTIAL))
		return simpeer_reader_fail(r, node, "delay: jitter_us is for uniform and normal");
	if (rule->delay_kind == SIMPEER_DELAY_UNIFORM && rule->delay_jitter_us > rule->delay_us)
		return simpeer_reader_fail(r, node, "delay: jitter_us is larger than us");
	return check_every(r, node, rule, forms);
}

static int read_rules(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		      void *field)
{
	struct simpeer_script *s = field;

	if (!node || node->type != YAML_SEQUENCE_NODE)
		return simpeer_reader_fail(r, node, "%s: expected a list of rules", key->name);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		struct simpeer_rule *rule = &s->rules[s->n_rules];
		int rc;

		if (s->n_rules == SIMPEER_RULES_MAX)
			return simpeer_reader_fail(r, item, "%s: more than %d", key->name,
						   SIMPEER_RULES_MAX);
		rule_init(rule, s->n_rules);
		rc = simpeer_reader_map(r, item, rule_keys, rule);
		if (rc == 0)
			rc = check_rule(r, item, rule);
		if (rc < 0)
			return rc;
		s->n_rules++;
	}
	return 0;
}

static const struct simpeer_key script_keys[] = {
    {"seed", simpeer_read_u64, offsetof(struct simpeer_script, seed), 0, UINT64_MAX, NULL,
     "of random delays and TCP sequence numbers; default 1"},
    {"mac", read_mac, 0, 0, 0, NULL, "own MAC address; default the port's"},
    {"promiscuous", simpeer_read_bool, offsetof(struct simpeer_script, promiscuous), 0, 0, NULL,
     "take frames for any MAC address; default false"},
    {"verify_checksums", simpeer_read_bool, offsetof(struct simpeer_script, verify_checksums), 0, 0,
     NULL, "drop probes with a wrong checksum, as hosts do; default true"},
    {"prefixes", simpeer_read_prefixes, offsetof(struct simpeer_script, prefixes), 0, 0, NULL,
     "addresses that probes are answered for; required"},
    {"except", simpeer_read_prefixes, offsetof(struct simpeer_script, except), 0, 0, NULL,
     "addresses among them that are somebody else's"},
    {"arp", simpeer_read_prefixes, offsetof(struct simpeer_script, arp), 0, 0, NULL,
     "more addresses that ARP requests are answered for, as a gateway's"},
    {"arp_drop_first", simpeer_read_u32, offsetof(struct simpeer_script, arp_drop_first), 0,
     UINT32_MAX, NULL, "leave so many ARP requests unanswered; default 0"},
    {"max_delayed", simpeer_read_u32, offsetof(struct simpeer_script, max_delayed), 1, 4194304,
     NULL, "answers held back at one time; default 16384"},
    {"max_half_open", simpeer_read_u32, offsetof(struct simpeer_script, max_half_open), 1, 4194304,
     NULL, "4-tuples that half_open remembers; default 65536"},
    {"reorder_hold_us", simpeer_read_u32, offsetof(struct simpeer_script, reorder_hold_us), 1,
     SIMPEER_DELAY_US_MAX, NULL,
     "an answer waits so long for the one it is swapped with; default 200000"},
    {"rules", read_rules, 0, 0, 0, NULL,
     "the first that matches counts; where none does, answers are plain"},
    {0}};

static void help_keys(FILE *out, const char *title, const struct simpeer_key *keys)
{
	fprintf(out, "%s:\n", title);
	for (; keys->name; keys++)
		fprintf(out, "  %-24s %s\n", keys->name, keys->help);
}

void simpeer_script_help(FILE *out)
{
	help_keys(out, "script", script_keys);
	help_keys(out, "a rule", rule_keys);
	help_keys(out, "match", match_keys);
	help_keys(out, "delay", delay_keys);
	help_keys(out, "corrupt_quote", quote_keys);
}

static int read_document(const char *file, yaml_parser_t *parser, yaml_document_t *doc,
			 struct el_error *err, struct simpeer_script *s)
{
	struct simpeer_reader r = {.file = file, .doc = doc, .err = err};
	yaml_node_t *root = yaml_document_get_root_node(doc);
	yaml_document_t more;
	bool ended;
	int rc;

	rc = simpeer_reader_map(&r, root, script_keys, s);
	if (rc < 0)
		return rc;
	if (s->prefixes.n == 0)
		return simpeer_reader_fail(&r, root, "prefixes: required");
	if (!yaml_parser_load(parser, &more))
		return el_error_set(err, -EINVAL, "%s:%zu:%zu: %s", file,
				    parser->problem_mark.line + 1, parser->problem_mark.column + 1,
				    parser->problem);
	ended = yaml_document_get_root_node(&more) == NULL;
	yaml_document_delete(&more);
	return ended ? 0 : simpeer_reader_fail(&r, root, "more than one document");
}

int simpeer_script_parse(const char *file, const char *text, size_t len, struct el_error *err,
			 struct simpeer_script **ret_script)
{
	struct simpeer_script *s = calloc(1, sizeof(*s));
	yaml_parser_t parser;
	yaml_document_t doc;
	int rc;

	if (s)
		s->rules = calloc(SIMPEER_RULES_MAX + 1, sizeof(*s->rules));
	if (!s || !s->rules || !yaml_parser_initialize(&parser)) {
		simpeer_script_free(s);
		return el_error_set(err, -ENOMEM, "%s: out of memory", file);
	}
	s->seed = 1;
	s->verify_checksums = true;
	s->max_delayed = 16384;
	s->max_half_open = 65536;
	s->reorder_hold_us = 200000;

	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &doc)) {
		rc = el_error_set(err, -EINVAL, "%s:%zu:%zu: %s", file,
				  parser.problem_mark.line + 1, parser.problem_mark.column + 1,
				  parser.problem ? parser.problem : "can't be read");
	} else {
		rc = read_document(file, &parser, &doc, err, s);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	if (rc < 0) {
		simpeer_script_free(s);
		return rc;
	}
	rule_init(&s->rules[s->n_rules], s->n_rules);
	snprintf(s->rules[s->n_rules].name, sizeof(s->rules[s->n_rules].name), "plain");
	*ret_script = s;
	return 0;
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
