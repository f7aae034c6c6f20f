/* SPDX-License-Identifier: BSD-3-Clause */
#include "accept.h"

#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000
#define MESSAGE "io.prometheus.client.MetricFamily"

/* A piece of the field's value. */
struct piece {
	const char *text;
	size_t n;
};

/* An element of a list: a media range, or an encoding, and the parameters that we know. */
struct element {
	struct piece type, subtype; /* of an encoding: type alone */
	struct piece proto, encoding, version, charset;
	int weight;
};

void accept_init(struct accept *a)
{
	*a = (struct accept){.protobuf = ACCEPT_UNNAMED,
			     .text = ACCEPT_UNNAMED,
			     .gzip = ACCEPT_UNNAMED,
			     .identity = ACCEPT_UNNAMED,
			     .any_encoding = ACCEPT_UNNAMED};
}

static bool is(struct piece p, const char *text)
{
	return p.n == strlen(text) && strncasecmp(p.text, text, p.n) == 0;
}

/* Where it may be left out. */
static bool is_if_there(struct piece p, const char *text)
{
	return p.n == 0 || is(p, text);
}

static void skip_space(const char **at)
{
	*at += strspn(*at, " \t");
}

/* false: there is none. */
static bool take_token(const char **at, struct piece *ret)
{
	static const char *const letters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	*ret = (struct piece){*at, strspn(*at, letters)};
	*at += ret->n;
	return ret->n > 0;
}

/* Behind the end of a string whose first quote is at *at; false: it has no end. */
static bool take_quoted(const char **at, struct piece *ret)
{
	const char *end = *at + 1;

	while (*end && *end != '"')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	*ret = (struct piece){*at + 1, (size_t)(end - *at - 1)};
	*at = *end ? end + 1 : end;
	return *end == '"';
}

/* 0 to 1 with at most three digits behind the point, in thousandths; -1: it is none. */
static int weight_of(struct piece p)
{
	int weight, digit = WEIGHT_MAX / 10;

	if (p.n == 0 || p.n > 5 || (p.text[0] != '0' && p.text[0] != '1') ||
	    (p.n > 1 && p.text[1] != '.'))
		return -1;
	weight = p.text[0] == '1' ? WEIGHT_MAX : 0;
	for (size_t i = 2; i < p.n; i++, digit /= 10) {
		if (p.text[i] < '0' || p.text[i] > '9')
			return -1;
		weight += (p.text[i] - '0') * digit;
	}
	return weight <= WEIGHT_MAX ? weight : -1;
}

/* One parameter, behind its semicolon. */
static bool take_parameter(const char **at, struct element *e)
{
	struct piece name, value;
	const struct {
		const char *name;
		struct piece *value;
	} known[] = {{"proto", &e->proto},
		     {"encoding", &e->encoding},
		     {"version", &e->version},
		     {"charset", &e->charset}};

	skip_space(at);
	if (**at == ';' || **at == ',' || !**at) /* nothing */
		return true;
	if (!take_token(at, &name) || *(*at)++ != '=')
		return false;
	if (!(**at == '"' ? take_quoted(at, &value) : take_token(at, &value)))
		return false;
	if (is(name, "q")) {
		e->weight = weight_of(value);
		return e->weight >= 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (is(name, known[i].name))
			*known[i].value = value;
	}
	return true;
}

/* is_range: type and subtype. */
static bool take_element(const char **at, bool is_range, struct element *ret)
{
	*ret = (struct element){.weight = WEIGHT_MAX};
	if (!take_token(at, &ret->type))
		return false;
	if (is_range && (*(*at)++ != '/' || !take_token(at, &ret->subtype)))
		return false;
	for (;;) {
		skip_space(at);
		if (**at != ';')
			return **at == ',' || !**at;
		(*at)++;
		if (!take_parameter(at, ret))
			return false;
	}
}

/* The next element of a list that is one; false: there are no more. */
static bool next_element(const char **at, bool is_range, struct element *ret)
{
	struct piece quoted;
	const char *begin;

	for (;;) {
		*at += strspn(*at, " \t,");
		if (!**at)
			return false;
		begin = *at;
		if (take_element(at, is_range, ret))
			return true;
		for (*at = begin; **at && **at != ',';) {
			if (**at == '"')
				take_quoted(at, &quoted);
			else
				(*at)++;
		}
	}
}

static bool is_protobuf(const struct element *e)
{
	return is(e->type, "application") && is(e->subtype, "vnd.google.protobuf") &&
	       is(e->proto, MESSAGE) && is(e->encoding, "delimited");
}

/* How well a range fits our text; 0: not at all. */
static int text_rank(const struct element *e)
{
	if (is(e->type, "*"))
		return is(e->subtype, "*") ? 1 : 0;
	if (!is(e->type, "text"))
		return 0;
	if (is(e->subtype, "*"))
		return 2;
	if (!is(e->subtype, "plain") || !is_if_there(e->version, "0.0.4") ||
	    !is_if_there(e->charset, "utf-8"))
		return 0;
	return 3 + (e->version.n > 0) + (e->charset.n > 0);
}

void accept_add(struct accept *a, const char *value)
{
	struct element e;

	while (next_element(&value, true, &e)) {
		int rank = text_rank(&e);

		if (is_protobuf(&e) && e.weight > a->protobuf)
			a->protobuf = e.weight;
		if (rank > a->text_rank || (rank > 0 && rank == a->text_rank && e.weight > a->text))
			a->text = e.weight;
		a->text_rank = rank > a->text_rank ? rank : a->text_rank;
	}
}

void accept_add_encoding(struct accept *a, const char *value)
{
	struct element e;

	while (next_element(&value, false, &e)) {
		int *of = is(e.type, "gzip") || is(e.type, "x-gzip") ? &a->gzip
			  : is(e.type, "identity")                   ? &a->identity
			  : is(e.type, "*")                          ? &a->any_encoding
								     : NULL;

		if (of && e.weight > *of)
			*of = e.weight;
	}
}

enum el_expo_format accept_format(const struct accept *a)
{
	return a->protobuf > 0 && a->protobuf >= a->text ? EL_EXPO_PROTOBUF : EL_EXPO_TEXT;
}

bool accept_gzip(const struct accept *a)
{
	int gzip = a->gzip == ACCEPT_UNNAMED ? a->any_encoding : a->gzip;

	return gzip > 0 && gzip >= a->identity;
}
