/* SPDX-License-Identifier: BSD-3-Clause */
#include "stamp.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"

#define TTL 255 /* RFC 8762 section 4.3 */

int simpeer_stamp_init(struct simpeer_stamp *s, const struct simpeer_clock *clock)
{
	struct el_stamp_clock own = {
	    .synchronised = clock->error_us > 0,
	    .maxerror_us = clock->error_us > 0 ? (uint32_t)ceil(clock->error_us) : UINT32_MAX};

	*s = (struct simpeer_stamp){.began_ns = 0};
	s->reflector = (struct el_stamp_reflector){
	    .tell_location = true,
	    .error_estimate = el_stamp_error_estimate(&own, EL_STAMP_NTP),
	    .sync = own.synchronised ? EL_STAMP_SYNC_NTP : EL_STAMP_SYNC_LOCAL,
	    .method_in = EL_STAMP_METHOD_SOFTWARE,
	    .method_out = EL_STAMP_METHOD_SOFTWARE,
	    .dscp_allowed = UINT64_MAX};
	s->sessions = calloc(SIMPEER_SESSIONS, sizeof(*s->sessions));
	return s->sessions ? 0 : -ENOMEM;
}

void simpeer_stamp_fini(struct simpeer_stamp *s)
{
	free(s->sessions);
	s->sessions = NULL;
}

int64_t simpeer_stamp_clock(const struct simpeer_stamp *s, const struct simpeer_clock *clock,
			    uint64_t ns)
{
	double since_s = (double)(int64_t)(ns - s->began_ns) * 1e-9;
	double off_us = clock->offset_us + since_s * clock->skew_ppm;

	if (clock->step_us != 0 && since_s >= clock->step_at_s)
		off_us += clock->step_us;
	return el_wall_real_ns(&s->wall, ns) + llround(off_us * 1e3);
}

/* NULL: there are too many. No session is ever forgotten, as then its counts would be wrong. */
static struct el_stamp_session *find_session(struct simpeer_stamp *s, const struct simpeer_frame *f)
{
	uint64_t which = el_stamp_session_which(f->pkt.l4, f->pkt.l4_len, false);
	uint64_t hash = (which ^ (uint64_t)f->src << 32 ^ f->dst) * 0x9e3779b97f4a7c15;

	for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
		struct simpeer_session *at = &s->sessions[i % SIMPEER_SESSIONS];

		if (at->which == which && at->src == f->src && at->dst == f->dst)
			return &at->counts;
		if (at->which)
			continue;
		if (s->n_sessions >= SIMPEER_SESSIONS / 2)
			return NULL;
		s->n_sessions++;
		*at = (struct simpeer_session){.which = which, .src = f->src, .dst = f->dst};
		return &at->counts;
	}
}

bool simpeer_stamp_reflect(struct simpeer_stamp *s, const struct simpeer_script *script,
			   const struct simpeer_rule *rule, uint64_t now_ns, struct simpeer_buf *b,
			   const struct simpeer_frame *f)
{
	const uint8_t *l3 = f->pkt.l3;
	uint8_t *reply = b->data + (f->pkt.l4 - f->pkt.l2) + SIMPEER_UDP_LEN;
	const size_t len = f->pkt.l4_len - SIMPEER_UDP_LEN;
	uint64_t t2_ns = now_ns + rule->stamp_forward_us * UINT64_C(1000);
	uint64_t t3_ns = t2_ns + rule->stamp_residence_us * UINT64_C(1000);
	struct el_stamp_session *session;
	struct el_stamp_reflected reflected;
	struct el_stamp_received request = {.packet = reply,
					    .len = len,
					    .ttl = l3[8],
					    .tos = l3[1],
					    .family = 4,
					    .source_port = f->src_port,
					    .destination_port = f->dst_port,
					    .source = f->pkt.ip.src,
					    .destination = f->pkt.ip.dst,
					    .source_mac = b->data + 6};

	if (!s->began_ns)
		s->began_ns = now_ns;
	request.t2_ns = simpeer_stamp_clock(s, &script->clock, t2_ns);
	session = rule->stamp_stateless ? NULL : find_session(s, f);
	if (el_stamp_reflect(&s->reflector, &request, session, reply, len, &reflected) !=
	    EL_STAMP_REFLECTED)
		return false;
	el_stamp_reflect_stamp(&s->reflector, session, reply,
			       simpeer_stamp_clock(s, &script->clock, t3_ns));
	simpeer_answer_udp(b, f, (uint8_t)(reflected.dscp << 2), TTL, reflected.len);
	return true;
}
