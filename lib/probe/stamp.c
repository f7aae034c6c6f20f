/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe_stamp.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire.h"

/* The id is the packet's sequence number, which a reply repeats as the sender's, at another place
 * where it is authenticated: nothing in a reply says whether it is, so it may be to either of two
 * probes, and which of them it is to says the mode of their sessions. What an ICMP error quotes has
 * to reach as far as the sequence number: 12 bytes behind the IP header; the 8 of RFC 792 don't
 * tell the probe. */

#define QUOTE_LEN (EL_UDP_LEN + 4)

int el_probe_stamp_kind_init(struct el_probe_stamp_kind *kind, const struct el_stamp_sender *sender)
{
	size_t len = el_stamp_request_len(sender), base, tail_end, tail_len;
	uint8_t packet[EL_PROBE_STAMP_HEAD + EL_PROBE_STAMP_TAIL_MAX];
	struct el_stamp_sender without = *sender;

	if (len + EL_UDP_LEN > EL_PROBE_PAYLOAD_BYTES)
		return -EMSGSIZE;
	/* the length without Extra Padding, which is what a packet of any size begins with */
	without.len = 0;
	base = el_stamp_request_len(&without);
	tail_end = len > base ? base + EL_STAMP_TLV_LEN : len;
	tail_len = tail_end - EL_PROBE_STAMP_HEAD;
	without.len = (uint16_t)tail_end;
	if (el_stamp_request_build(&without, NULL, packet, sizeof(packet)) != tail_end)
		return -EMSGSIZE;
	*kind = (struct el_probe_stamp_kind){.sender = *sender,
					     .payload_len = (uint16_t)(len - tail_end),
					     .tail_len = (uint8_t)tail_len};
	if (!sender->authenticated && !sender->asks)
		kind->plain = (uint8_t)(1 + sender->format);
	kind->sender.len = (uint16_t)len;
	kind->sender.ssid = kind->sender.error_estimate = 0;
	if (len > base)
		el_put16(packet + tail_end - 2, kind->payload_len);
	memcpy(kind->tail + sizeof(kind->tail) - tail_len, packet + EL_PROBE_STAMP_HEAD, tail_len);
	return 0;
}

void el_probe_stamp_set_ssid(struct el_slice *s, const struct el_probe_stamp_kind *kind,
			     uint16_t ssid)
{
	s->cookie = ssid;
	if (!kind->sender.authenticated)
		el_put16(s->template + sizeof(s->template) - 2, ssid);
	s->l4_sum = el_sum_fold((uint64_t)s->l4_sum + htobe16(ssid));
}

void el_probe_stamp_sign(const struct el_probe_stamp_kind *kind, uint8_t *end,
			 const struct el_probe_stamp_time *time, uint16_t ssid, uint32_t n_sent)
{
	size_t len = EL_PROBE_STAMP_HEAD + (size_t)kind->tail_len;
	uint8_t *packet = end - len, *checksum = packet - 2;
	struct el_stamp_sender sender = kind->sender;
	uint64_t before = el_sum(packet, len, 0), sum;
	uint16_t old;

	sender.ssid = ssid;
	el_put16(packet + (sender.authenticated
			       ? offsetof(struct el_stamp_auth_request_wire, error_estimate)
			       : offsetof(struct el_stamp_request_wire, error_estimate)),
		 time->error_estimate);
	el_stamp_request_stamp(&sender, packet, len, el_get32(packet), time->t1, n_sent);
	memcpy(&old, checksum, 2);
	sum = (uint64_t)(uint16_t)~old + (uint16_t)~el_sum_fold(before);
	old = (uint16_t)~el_sum_fold(el_sum(packet, len, sum));
	old = old ? old : UINT16_MAX;
	memcpy(checksum, &old, 2);
}

/* ---- the type ---- */

static void build(struct el_slice *s, const struct el_slice_spec *spec, uint32_t size)
{
	uint8_t *l4 = s->template + sizeof(s->template) - EL_STAMP_TEMPLATE_LEN;

	s->header_len = EL_STAMP_TEMPLATE_LEN;
	s->payload_len = spec->stamp->payload_len;
	s->tail_len = spec->stamp->tail_len;
	s->dst_port = spec->dst_port;
	el_put16(l4 + 2, spec->dst_port);
	el_put16(l4 + 4, (uint16_t)size);
}

static void make(const struct el_id_key *key, const struct el_probe_job *job)
{
	el_make_stamp(key, job, job->slice->family);
}

static enum el_verdict recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				 struct el_answer *ret_answer)
{
	const uint8_t *udp = pkt->l4;
	size_t len;

	if (pkt->l4_len < EL_UDP_LEN + EL_STAMP_LEN ||
	    el_get16(udp + 4) < EL_UDP_LEN + EL_STAMP_LEN || el_get16(udp + 4) > pkt->l4_len)
		return EL_VERDICT_STAMP_SHORT;
	len = el_get16(udp + 4) - (size_t)EL_UDP_LEN;
	*ret_answer = (struct el_answer){.addr_key = answer_addr_key(key, pkt),
					 .own_port = el_get16(udp + 2),
					 .remote_port = el_get16(udp),
					 .type = EL_PROBE_STAMP,
					 .kind = EL_ANSWER_REFLECTED};
	el_stamp_reply_request(udp + EL_UDP_LEN, len, false, &ret_answer->wire);
	ret_answer->id = el_id_unpermute(key, ret_answer->wire);
	if (el_stamp_reply_request(udp + EL_UDP_LEN, len, true, &ret_answer->wire))
		ret_answer->flags = EL_ANSWER_MAY_BE_SIGNED;
	return EL_VERDICT_ANSWER;
}

/* Nothing that quotes the probe is an answer: a closed port says that nobody reflects. */
static enum el_verdict recognise_quote(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	const struct el_pkt_quote *q = &pkt->quote;

	if (q->l4_len < QUOTE_LEN)
		return EL_VERDICT_QUOTE_SHORT;
	answer_of_quote(key, pkt, EL_PROBE_STAMP, ret_answer);
	ret_answer->kind = EL_ANSWER_ICMP_ERROR;
	ret_answer->own_port = el_get16(q->l4);
	ret_answer->remote_port = el_get16(q->l4 + 2);
	ret_answer->wire = el_get32(q->l4 + EL_UDP_LEN);
	ret_answer->id = el_id_unpermute(key, ret_answer->wire);
	return EL_VERDICT_ANSWER;
}

static unsigned ids(const struct el_id_key *key, const struct el_answer *answer,
		    const uint16_t *lens, unsigned n_lens, uint32_t *ret_ids)
{
	(void)lens;
	(void)n_lens;
	ret_ids[0] = answer->id;
	if (!(answer->flags & EL_ANSWER_MAY_BE_SIGNED))
		return 1;
	ret_ids[1] = el_id_unpermute(key, answer->wire);
	return 2;
}

const struct el_probe_ops el_probe_stamp = {
    .name = "STAMP",
    .protocol = IPPROTO_UDP,
    .protocol_v6 = IPPROTO_UDP,
    .size_min = EL_UDP_LEN + EL_STAMP_LEN,
    .size_default = EL_UDP_LEN + EL_STAMP_LEN,
    .build = build,
    .make = make,
    .recognise = recognise,
    .recognise_quote = recognise_quote,
    .ids = ids,
    .verify = verify_ports,
};

/* ---- replies ---- */

enum el_stamp_verdict el_probe_stamp_read(const struct el_probe_stamp_kind *kind, uint16_t ssid,
					  const uint8_t *packet, size_t len,
					  struct el_stamp_note *ret_note,
					  struct el_stamp_told *ret_told)
{
	const struct el_stamp_auth_reply_wire *wire = (const void *)packet;
	struct el_stamp_sender sender = kind->sender;
	enum el_stamp_verdict verdict;
	struct el_stamp_reply reply;

	if (kind->plain)
		return el_probe_stamp_read_open(ssid, sender.ssid_needed, packet, len, ret_note);
	if (len < (sender.authenticated ? EL_STAMP_AUTH_LEN : EL_STAMP_LEN))
		return EL_STAMP_SHORT;
	if (sender.authenticated) {
		el_probe_stamp_read_fields(packet, wire->timestamp, wire->receive_timestamp,
					   wire->sender_timestamp, &wire->sender_ttl, ret_note);
		ret_note->error_estimate = el_get16(wire->error_estimate);
		el_stamp_reply_request(packet, len, true, &reply.sequence);
	} else {
		el_probe_stamp_read_open(0, false, packet, len, ret_note);
		el_stamp_reply_request(packet, len, false, &reply.sequence);
	}
	sender.ssid = ssid;
	verdict =
	    el_stamp_reply_parse(&sender, packet, len, reply.sequence, ret_note->t1, 0, &reply);
	if (verdict != EL_STAMP_ANSWER && verdict != EL_STAMP_NO_TIME)
		return verdict;
	if (reply.answered & 1U << EL_STAMP_TLV_CLASS_OF_SERVICE)
		ret_note->dscp = (uint8_t)(EL_STAMP_NOTE_DSCP | reply.dscp |
					   (reply.dscp_refused ? EL_STAMP_NOTE_DSCP_REFUSED : 0));
	*ret_told = (struct el_stamp_told){
	    .n_sent = reply.n_sent,
	    .n_received = reply.n_received,
	    .n_replied = reply.n_replied,
	    .tlvs = (uint8_t)reply.tlvs,
	    .has_counts = reply.answered >> EL_STAMP_TLV_DIRECT_MEASUREMENT & 1};
	return EL_STAMP_ANSWER;
}

bool el_probe_stamp_times(const struct el_probe_stamp_kind *kind, const struct el_stamp_note *note,
			  int64_t near_ns, int32_t tai_offset_s, struct el_stamp_times *ret)
{
	enum el_stamp_format format = el_stamp_error_format(note->error_estimate);

	ret->error_ns = el_stamp_error_ns(note->error_estimate);
	ret->synchronised = note->error_estimate & EL_STAMP_ERROR_S;
	return el_stamp_decode(kind->sender.format, note->t1, near_ns, tai_offset_s, &ret->t1_ns) &&
	       el_stamp_decode(format, note->t2, near_ns, tai_offset_s, &ret->t2_ns) &&
	       el_stamp_decode(format, note->t3, near_ns, tai_offset_s, &ret->t3_ns);
}
