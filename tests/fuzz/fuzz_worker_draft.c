/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_worker_draft.h"

#include "frames.h"
#include "worker_bench.h"

#define CHANGES_MAX 16

uint8_t fuzz_next(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static size_t next16(struct fuzz_input *in)
{
	size_t high = fuzz_next(in);

	return high << 8 | fuzz_next(in);
}

/* The checksums of a frame that can be parsed are made right. */
static void make_right(struct fuzz_draft *d)
{
	struct el_pkt pkt;
	uint8_t *l3, *l4;
	size_t at;

	if (el_pkt_parse(d->bytes, d->len, &pkt) != EL_PKT_OK)
		return;
	l3 = d->bytes + (pkt.l3 - d->bytes);
	l4 = d->bytes + (pkt.l4 - d->bytes);
	at = pkt.protocol == IPPROTO_TCP ? 16 : pkt.protocol == IPPROTO_UDP ? 6 : 2;
	if (pkt.family == 4) {
		put16(l3 + 10, 0);
		put16(l3 + 10, naive_checksum(l3, (size_t)(l4 - l3), NULL, 0));
	}
	put16(l4 + at, 0);
	put16(l4 + at, pkt.protocol == IPPROTO_ICMP
			   ? naive_checksum(l4, pkt.l4_len, NULL, 0)
			   : naive_l4_checksum(pkt.ip.src, pkt.family == 4 ? 4 : 16, pkt.protocol,
					       l4, pkt.l4_len));
}

/* The length that the IP header tells is made that of the frame. */
static void make_length_right(struct fuzz_draft *d)
{
	if (d->len >= 54 && el_get16(d->bytes + 12) == 0x0800)
		el_put16(d->bytes + 16, (uint16_t)(d->len - 14));
	else if (d->len >= 54 && el_get16(d->bytes + 12) == 0x86dd)
		el_put16(d->bytes + 18, (uint16_t)(d->len - 54));
}

/* `n` bytes at `at` come in between. */
static void insert(struct fuzz_draft *d, size_t at, const uint8_t *bytes, size_t n)
{
	if (at > d->len || d->len + n > FUZZ_FRAME_MAX)
		return;
	memmove(d->bytes + at + n, d->bytes + at, d->len - at);
	memcpy(d->bytes + at, bytes, n);
	d->len += n;
}

enum change {
	AS_IT_IS, /* ends the changes */
	/* at some place */
	FLIP,
	SET,
	SET_16,
	ADD,  /* to 32 bits */
	COPY, /* bytes of any probe */
	TRUNCATE,
	EXTEND,
	INSERT,
	/* of all of it */
	TAG,
	LENGTH,
	CHECKSUMS,
	/* what does not change the bytes */
	QUEUE,
	SEGMENTS,
	NIC_FLAGS,
	CHANGES
};

static void insert_of_input(struct fuzz_input *in, struct fuzz_draft *d, size_t at, size_t n)
{
	uint8_t bytes[256];

	for (size_t i = 0; i < n; i++)
		bytes[i] = fuzz_next(in);
	insert(d, at, bytes, n);
}

static void copy_of_probe(struct fuzz_input *in, struct fuzz_draft *d, size_t at)
{
	const struct fuzz_probe *p = &in->probes[fuzz_next(in) % in->n_probes];
	size_t from = fuzz_next(in) % p->len, n = fuzz_next(in) % 17;

	n = RTE_MIN(n, RTE_MIN(d->len - at, p->len - from));
	memcpy(d->bytes + at, p->frame + from, n);
}

static void change_at(struct fuzz_input *in, struct fuzz_draft *d, enum change c, size_t at)
{
	switch (c) {
	case FLIP:
		d->bytes[at == d->len ? 0 : at] ^= fuzz_next(in);
		break;
	case SET:
		d->bytes[at == d->len ? 0 : at] = fuzz_next(in);
		break;
	case SET_16:
		if (at + 2 <= d->len)
			el_put16(d->bytes + at, (uint16_t)next16(in));
		break;
	case ADD:
		if (at + 4 <= d->len)
			el_put32(d->bytes + at, el_get32(d->bytes + at) + (uint32_t)next16(in));
		break;
	case COPY:
		copy_of_probe(in, d, at);
		break;
	case TRUNCATE:
		d->len = at;
		break;
	case EXTEND:
		insert_of_input(in, d, d->len, fuzz_next(in));
		break;
	case INSERT:
		insert_of_input(in, d, at, fuzz_next(in) % 64 * 4);
		break;
	default:
		break;
	}
}

static uint64_t nic_flags(uint8_t said)
{
	return (said & 1 ? RTE_MBUF_F_RX_IP_CKSUM_BAD : 0) |
	       (said & 2 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0) |
	       (said & 4 ? RTE_MBUF_F_RX_L4_CKSUM_BAD : 0) |
	       (said & 8 ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0);
}

/* False: that was all. */
static bool change(struct fuzz_input *in, struct fuzz_draft *d)
{
	static const uint8_t tags[2][4] = {{0x88, 0xa8, 0, 0}, {0x81, 0, 0, 7}};
	enum change c = fuzz_next(in) % CHANGES;

	if (c != AS_IT_IS && (c < QUEUE || c == NIC_FLAGS))
		d->meant.probe = NULL;
	switch (c) {
	case AS_IT_IS:
		return false;
	case TAG:
		insert(d, 12, tags[fuzz_next(in) & 1], 4);
		break;
	case LENGTH:
		make_length_right(d);
		break;
	case CHECKSUMS:
		make_right(d);
		break;
	case QUEUE:
		d->queue ^= 1;
		break;
	case SEGMENTS: /* 32 at most */
		d->segment = d->len / 32 + 1 + fuzz_next(in);
		break;
	case NIC_FLAGS:
		d->ol_flags = nic_flags(fuzz_next(in));
		break;
	default:
		change_at(in, d, c, next16(in) % (d->len + 1));
	}
	return true;
}

void fuzz_draft_answer(struct fuzz_input *in, struct fuzz_draft *d)
{
	static const struct {
		unsigned n;
		enum reply kinds[4];
	} replies[] = {
	    [EL_PROBE_TCPSYN] = {4, {REPLY_SYNACK, REPLY_RST, REPLY_UNREACHABLE, REPLY_ROUTER}},
	    [EL_PROBE_ICMPPING] = {3, {REPLY_ECHO, REPLY_UNREACHABLE, REPLY_ROUTER}},
	    [EL_PROBE_UDPUNREACHABLE] = {2, {REPLY_UNREACHABLE, REPLY_ROUTER}},
	};
	struct fuzz_probe *p = &in->probes[fuzz_next(in) % in->n_probes];
	uint8_t choice = fuzz_next(in);
	enum reply kind = replies[p->type].kinds[choice % replies[p->type].n];

	family = p->family;
	d->queue = (uint32_t)(p - in->probes) & 1;
	d->len = answer(p->frame, p->len, kind, d->bytes);
	if (kind == REPLY_RST && choice & 0x80) { /* it acknowledges the payload, too */
		uint8_t *acknowledged = d->bytes + ETH + L3 + 8;

		el_put32(acknowledged, el_get32(acknowledged) + (uint32_t)p->l4_len - 20);
		fix_checksums(d->bytes);
	}
	d->meant = (struct fuzz_answer){
	    p, kind == REPLY_ROUTER || (kind == REPLY_UNREACHABLE && p->type == EL_PROBE_ICMPPING)};
}

void fuzz_draft_raw(struct fuzz_input *in, struct fuzz_draft *d)
{
	d->len = fuzz_next(in);
	for (size_t i = 0; i < d->len; i++)
		d->bytes[i] = fuzz_next(in);
}

void fuzz_draft_change(struct fuzz_input *in, struct fuzz_draft *d)
{
	for (int i = 0; i < CHANGES_MAX && change(in, d); i++)
		;
}
