/* SPDX-License-Identifier: BSD-3-Clause */
/* The STAMP reflector in a worker: its sessions, the packet around its answers, and T3, which is
 * read just before they go out.
 *
 * A worker counts the sessions whose packets come in at it. A port that spreads by addresses (RSS
 * over source and destination, as the profiles ask for) gives all packets of a session to one
 * worker; one that has no RSS has all come in at one queue. Where it is neither, the counts of a
 * session are those of several workers, and its sender sees them go back. */
#include "el_respond_plain.h"
#include "el_stamp_plain.h"
#include "respond_internal.h"

#include <rte_malloc.h>

#define TTL 255 /* RFC 8762 section 4.3 */

/* ---- sessions ---- */

struct sessions *respond_sessions_create(uint32_t n, int socket)
{
	uint32_t sets = 1;
	struct sessions *s;

	while (sets * SESSION_WAYS < n)
		sets *= 2;
	s = rte_zmalloc_socket("el_sessions", sizeof(*s) + sets * sizeof(s->sets[0]),
			       RTE_CACHE_LINE_SIZE, socket);
	if (s) {
		s->refs = 1;
		s->mask = sets - 1;
	}
	return s;
}

/* What tells sessions between two addresses apart. Never 0. */
static uint64_t session_which(const struct el_worker_responder *r, const struct el_pkt *pkt)
{
	return (uint64_t)pkt->family << 56 |
	       el_stamp_session_which(pkt->l4, pkt->l4_len, r->reflector.authenticated);
}

static bool is_session(const struct session *s, const struct el_pkt *pkt, uint64_t which)
{
	return s->which == which &&
	       (pkt->family == 4 ? el_load64(s->addresses) == el_load64(pkt->ip.src)
				 : memcmp(s->addresses, pkt->ip.src, 32) == 0);
}

/* The session of a packet, or else the place for one: an empty one, or the one that has been idle
 * the longest. */
static struct session *find_session(const struct el_worker *w, const struct el_pkt *pkt,
				    uint64_t hash, uint64_t which, bool *ret_found)
{
	const struct el_worker_responder *r = w->responder;
	uint64_t mixed = (hash ^ which) * r->pair_key;
	struct session *set = r->sessions->sets[(mixed >> 32) & r->sessions->mask];
	struct session *oldest = &set[0];

	*ret_found = true;
	for (int i = 0; i < SESSION_WAYS; i++) {
		if (is_session(&set[i], pkt, which))
			return &set[i];
		if (oldest->which &&
		    (!set[i].which || (int64_t)(set[i].last_ns - oldest->last_ns) < 0))
			oldest = &set[i];
	}
	*ret_found = false;
	return oldest;
}

/* Answers that wait are of the session no more. */
static void forget_session(struct el_worker_responder *r, const struct session *s,
			   uint32_t n_queues)
{
	for (uint32_t i = 0; i < n_queues; i++) {
		struct answers *list = &r->waiting[i];

		for (uint32_t k = 0; k < list->n; k++) {
			if (list->types[k] == ANSWER_STAMP && list->items[k].session == &s->counts)
				list->items[k].session = NULL;
		}
	}
}

/* Gives a place to a new session. */
static void begin_session(struct el_worker *w, struct session *s, const struct el_pkt *pkt,
			  uint64_t which)
{
	if (s->which) {
		forget_session(w->responder, s, w->n_queues);
		if (w->iteration_ns - s->last_ns < SESSION_ALIVE_NS)
			count(w, EL_COUNTER_STAMP_SESSIONS_REPLACED, 1);
	}
	*s = (struct session){.which = which};
	memcpy(s->addresses, pkt->ip.src, pkt->family == 4 ? 8 : 32);
}

void respond_refused(struct el_worker *w, const struct el_pkt *pkt, uint64_t hash)
{
	struct session *s;
	bool found;

	/* whose signature nobody has looked at may be anybody's */
	if (!w->responder->sessions || w->responder->reflector.authenticated)
		return;
	s = find_session(w, pkt, hash, session_which(w->responder, pkt), &found);
	if (found)
		el_stamp_session_refuse(&s->counts);
}

/* ---- answers ---- */

/* T2 as packets have it. */
static uint64_t encode_t2(struct el_worker *w, uint64_t at_ns)
{
	struct el_worker_responder *r = w->responder;

	if (r->t2_ns != at_ns) {
		r->t2_ns = at_ns;
		r->t2 = el_stamp_encode(r->reflector.format, worker_real_ns(w, at_ns),
					r->reflector.tai_offset_s);
	}
	return r->t2;
}

/* The session of a plain request, which counts it; NULL: there are none. */
static struct el_stamp_session *count_plain(struct el_worker *w, const struct el_pkt *pkt,
					    uint64_t hash)
{
	struct session *s;
	uint64_t which;
	bool found;

	if (!w->responder->sessions)
		return NULL;
	which = session_which(w->responder, pkt);
	s = find_session(w, pkt, hash, which, &found);
	if (unlikely(!found))
		begin_session(w, s, pkt, which);
	s->last_ns = w->iteration_ns;
	s->counts.n_received++;
	s->counts.n_replied++;
	s->counts.sequence++;
	return &s->counts;
}

static bool is_plain(const struct el_worker_responder *r, const struct el_pkt *pkt)
{
	return !r->reflector.authenticated && pkt->l4_len == 8 + EL_STAMP_LEN &&
	       el_get16(pkt->l4 + 4) == 8 + EL_STAMP_LEN &&
	       el_get16(pkt->l4) != el_get16(pkt->l4 + 2) && el_get16(pkt->l4) != EL_STAMP_PORT;
}

static uint8_t ttl_of(const struct el_pkt *pkt)
{
	return pkt->l3[pkt->family == 4 ? 8 : 7];
}

/* As respond_reflect, of a request that is plain. */
static uint32_t reflect_plain(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			      uint64_t hash, uint8_t *l3, struct answer *ret)
{
	const uint16_t len = 8 + EL_STAMP_LEN;
	const struct el_worker_responder *r = w->responder;
	struct el_stamp_session *session = count_plain(w, pkt, hash);
	const uint8_t *request = pkt->l4 + 8;
	uint32_t sequence = session ? session->sequence - 1 : el_get32(request);
	const uint32_t ports_be = el_respond_ports(pkt);
	const uint16_t len_be = htobe16(len);
	uint8_t *udp = l3 + el_respond_ip_header(pkt, l3, IPPROTO_UDP,
						 el_respond_tos(pkt) & EL_RESPOND_DSCP, TTL, len);

	memcpy(udp, &ports_be, 4);
	memcpy(udp + 4, &len_be, 2);
	/* the sum of the pseudo header is the same both ways */
	ret->sum = el_stamp_plain_reflect(&r->reflector, request, sequence, encode_t2(w, at_ns),
					  ttl_of(pkt), udp + 8);
	ret->sum = el_sum_add(ret->sum, el_sum_pseudo(pkt->l3, IPPROTO_UDP, len));
	ret->sum = el_sum_add(ret->sum, (uint64_t)ports_be + len_be);
	ret->session = session;
	ret->l4 = (uint8_t)(udp - l3);
	ret->plain = true;
	return (uint32_t)(udp - l3) + len;
}

static enum el_stamp_reflect reflect(struct el_worker *w, const struct el_pkt *pkt,
				     const struct el_stamp_received *request, uint64_t hash,
				     uint8_t *reply, uint32_t capacity,
				     struct el_stamp_reflected *ret,
				     struct el_stamp_session **ret_session)
{
	struct el_worker_responder *r = w->responder;
	struct el_stamp_session fresh = {0};
	enum el_stamp_reflect verdict;
	struct session *s;
	uint64_t which;
	bool found;

	*ret_session = NULL;
	if (!r->sessions)
		return el_stamp_reflect(&r->reflector, request, NULL, reply, capacity, ret);
	which = session_which(r, pkt);
	s = find_session(w, pkt, hash, which, &found);
	verdict = el_stamp_reflect(&r->reflector, request, found ? &s->counts : &fresh, reply,
				   capacity, ret);
	/* only what is a request begins a session */
	if (verdict != EL_STAMP_REFLECTED && verdict != EL_STAMP_REFLECT_UNWANTED)
		return verdict;
	if (!found) {
		begin_session(w, s, pkt, which);
		s->counts = fresh;
	}
	s->last_ns = w->iteration_ns;
	*ret_session = &s->counts;
	return verdict;
}

static uint32_t reflect_any(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			    uint64_t hash, bool verified, uint8_t *l3, uint32_t capacity,
			    struct answer *ret)
{
	static const enum el_worker_counter counters[EL_STAMP_REFLECTS] = {
	    [EL_STAMP_REFLECT_SHORT] = EL_COUNTER_REFUSED_STAMP_SHORT,
	    [EL_STAMP_REFLECT_PORTS] = EL_COUNTER_REFUSED_STAMP_PORTS,
	    [EL_STAMP_REFLECT_WRONG_HMAC] = EL_COUNTER_REFUSED_STAMP_HMAC,
	    [EL_STAMP_REFLECT_UNWANTED] = EL_COUNTER_REFUSED_STAMP_UNWANTED,
	    [EL_STAMP_REFLECT_NO_ROOM] = EL_COUNTER_REFUSED_NO_ROOM,
	};
	const struct el_worker_responder *r = w->responder;
	uint32_t ip_len = pkt->family == 4 ? 20 : 40, udp_len = el_get16(pkt->l4 + 4);
	uint8_t *udp = l3 + ip_len;
	struct el_stamp_received request = {.packet = pkt->l4 + 8,
					    .len = udp_len - 8,
					    .t2_ns = worker_real_ns(w, at_ns),
					    .ttl = ttl_of(pkt),
					    .tos = el_respond_tos(pkt),
					    .family = pkt->family,
					    .source_port = el_get16(pkt->l4),
					    .destination_port = el_get16(pkt->l4 + 2),
					    .source = pkt->ip.src,
					    .destination = pkt->ip.dst,
					    .source_mac = pkt->l2 + 6,
					    .verified = verified};
	struct el_stamp_reflected reflected;
	enum el_stamp_reflect verdict;

	if (udp_len < 8 || udp_len > pkt->l4_len) {
		count(w, EL_COUNTER_REFUSED_STAMP_SHORT, 1);
		return 0;
	}
	verdict = reflect(w, pkt, &request, hash, udp + 8, capacity - ip_len - 8, &reflected,
			  &ret->session);
	if (verdict != EL_STAMP_REFLECTED) {
		count(w, counters[verdict], 1);
		return 0;
	}
	el_respond_udp(pkt, l3, (uint8_t)(reflected.dscp << 2), TTL, reflected.len);
	ret->l4 = (uint8_t)ip_len;
	ret->plain = false;
	if (!r->reflector.authenticated) /* else it is signed first */
		ret->sum = el_respond_udp_sum(l3, udp, (uint16_t)(8 + reflected.len));
	return (uint32_t)(ip_len + 8 + reflected.len);
}

uint32_t respond_reflect(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			 uint64_t hash, bool verified, uint8_t *l3, uint32_t capacity,
			 struct answer *ret)
{
	if (likely(is_plain(w->responder, pkt)))
		return reflect_plain(w, pkt, at_ns, hash, l3, ret);
	return reflect_any(w, pkt, at_ns, hash, verified, l3, capacity, ret);
}

/* ---- T3 ---- */

static inline void set_plain_t3(struct answer *a, uint8_t *frame, uint64_t t3)
{
	uint8_t *udp = frame + a->l3 + a->l4, *reply = udp + 8;

	el_respond_udp_set_checksum(udp, el_stamp_plain_set_t3(t3, reply, a->sum));
	if (a->session) {
		a->session->last_sequence = el_get32(reply);
		a->session->last_timestamp = t3;
	}
}

/* Of n answers that are not plain, at most EL_STAMP_AT_ONCE. */
static void set_t3(const struct el_stamp_reflector *r, struct answer *const *answers,
		   uint8_t *const *frames, uint32_t n, int64_t t3_ns)
{
	struct el_stamp_session *sessions[EL_STAMP_AT_ONCE] = {NULL};
	uint8_t *replies[EL_STAMP_AT_ONCE] = {NULL};

	for (uint32_t i = 0; i < n; i++) {
		sessions[i] = answers[i]->session;
		replies[i] = frames[i] + answers[i]->l3 + answers[i]->l4 + 8;
	}
	el_stamp_reflect_stamp_all(r, sessions, replies, n, t3_ns);
	for (uint32_t i = 0; i < n; i++) {
		const struct answer *a = answers[i];
		uint8_t *l3 = frames[i] + a->l3, *udp = l3 + a->l4;

		if (r->authenticated) {
			memset(udp + 6, 0, 2);
			el_respond_udp_set_checksum(
			    udp, el_respond_udp_sum(l3, udp, (uint16_t)(a->len - a->l3 - a->l4)));
		} else {
			el_respond_udp_set_checksum(
			    udp,
			    el_sum(replies[i] + offsetof(struct el_stamp_reply_wire, timestamp), 8,
				   a->sum));
		}
	}
}

void respond_set_times(struct el_worker *w, struct answers *list, uint32_t first, uint32_t n)
{
	const struct el_stamp_reflector *r = &w->responder->reflector;
	int64_t t3_ns = worker_real_ns(w, worker_now(w));
	uint64_t t3 = el_stamp_encode(r->format, t3_ns, r->tai_offset_s);
	struct answer *others[EL_STAMP_AT_ONCE] = {NULL};
	uint8_t *frames[EL_STAMP_AT_ONCE] = {NULL};
	uint32_t n_others = 0;

	for (uint32_t i = first; i < first + n; i++) {
		struct answer *a = &list->items[i];
		uint8_t *frame = rte_pktmbuf_mtod(list->mbufs[i], uint8_t *);

		if (list->types[i] != ANSWER_STAMP)
			continue;
		if (likely(a->plain)) {
			set_plain_t3(a, frame, t3);
			continue;
		}
		others[n_others] = a;
		frames[n_others++] = frame;
		if (n_others == EL_STAMP_AT_ONCE) {
			set_t3(r, others, frames, n_others, t3_ns);
			n_others = 0;
		}
	}
	if (n_others)
		set_t3(r, others, frames, n_others, t3_ns);
}

void respond_clock(struct el_worker *w)
{
	struct el_stamp_reflector *r = &w->responder->reflector;
	const struct el_wall_line *line = &w->wall_line;
	uint64_t us = line->error_ns / 1000 + 1;
	struct el_stamp_clock clock = {.synchronised = line->synchronised,
				       .maxerror_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us};

	w->responder->t2_ns = 0; /* it is another time now */
	r->tai_offset_s = line->tai_offset_s;
	r->error_estimate = el_stamp_error_estimate(&clock, r->format);
	r->sync = line->synchronised ? EL_STAMP_SYNC_NTP : EL_STAMP_SYNC_LOCAL;
}
