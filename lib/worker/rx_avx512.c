/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight answers at a time, with AVX-512: plain frames of one kind that have the same lengths and
 * flags as the first of their burst. Each frame is in one register: the addresses, over IPv4 with
 * all of the header, in the lower half, which ends where L4 begins. What follows the first 32 bytes
 * of L4, where a quoted packet goes on, is in a second one. What is not so, or in any way wrong, is
 * left to rx_find. */
#include "el_probe_plain.h"
#include "rx_find.h"

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define AVX512_INLINE AVX512 __attribute__((always_inline)) static inline

enum {
	EIGHT = 8,
	HALF = 32,
	/* from a frame's first byte to the register's, and to that of the second one */
	FROM_V4 = 2,
	FROM_V6 = 22,
	MORE_V4 = 34,
	MORE_V6 = 86,
	/* bytes of L4 that they hold: over IPv4 the second one's are in its upper half, too, so
	 * that they add up to L4's sum */
	L4_MAX_V4 = 64,
	L4_MAX_V6 = 96,
};

enum kind { ECHO, TCP, QUOTE, REFLECTED };

/* Whether more than the first 32 bytes of L4 matter. */
#define HAS_MORE(kind) ((kind) >= QUOTE)

/* What a burst's frames are compared with. */
struct pattern {
	__m512i bytes, mask;
	__m128i head, head_mask; /* IPv6: the 16 bytes before the addresses */
	__mmask64 load, load_more;
	uint32_t frame_len, l4_len;
	uint8_t type, answer_kind;
};

/* Eight frames. */
struct eight {
	const uint8_t *frames[EIGHT];
	__m512i v[EIGHT], more[EIGHT];
};

/* A frame that looks untagged: on a VLAN, from behind its tags on. */
static __rte_always_inline const uint8_t *untagged(const struct finding *b,
						   const struct rte_mbuf *m, bool tagged)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, tagged ? b->tags.len : 0);
}

AVX512_INLINE __m512i load_frame(const uint8_t *frame, uint8_t family, __mmask64 load)
{
	return _mm512_maskz_loadu_epi8(load, frame + (family == 4 ? FROM_V4 : FROM_V6));
}

/* Which bytes must be the same in all frames of a burst, from L4 on. */
static void mask_l4(uint8_t *mask, uint8_t family, enum kind kind)
{
	uint8_t *quote = mask + EL_ICMP_LEN;

	switch (kind) {
	case ECHO: /* type and code */
		memset(mask, 0xff, 2);
		break;
	case TCP: /* the header's length, flags */
		mask[12] = 0xf0;
		mask[13] = TH_SYN | TH_RST | TH_ACK | TH_FIN;
		break;
	case QUOTE: /* type; version and length, fragment, protocol of what is quoted */
		mask[0] = 0xff;
		quote[0] = family == 4 ? 0xff : 0xf0;
		if (family == 4) {
			memset(quote + 2, 0xff, 2);
			quote[6] = 0x1f;
			quote[7] = 0xff;
			quote[9] = 0xff;
		} else {
			memset(quote + 4, 0xff, 3);
		}
		break;
	case REFLECTED: /* from where; length */
		memset(mask, 0xff, 2);
		memset(mask + 4, 0xff, 2);
		break;
	}
}

/* Of the first frame, in which `plain` is. */
AVX512_INLINE struct pattern pattern_of(const uint8_t *frame, uint8_t family, enum kind kind,
					uint32_t l4_len, const struct el_plain *plain)
{
	uint32_t first = HAS_MORE(kind) ? HALF : l4_len;
	uint8_t mask[64] = {0}, head[16] = {0};
	struct pattern p = {.load = ~0ULL >> (HALF - first),
			    .l4_len = l4_len,
			    .frame_len = (family == 4 ? FROM_V4 : FROM_V6) + HALF + l4_len,
			    .type = plain->type,
			    .answer_kind = plain->kind};

	if (HAS_MORE(kind))
		p.load_more = family == 4 ? ~0ULL << HALF & ~0ULL >> (L4_MAX_V4 - l4_len)
					  : ~0ULL >> (L4_MAX_V6 - l4_len);
	if (family == 4) {
		memset(mask + 10, 0xff, 3); /* type, version and length of the header */
		memset(mask + 14, 0xff, 2); /* length */
		mask[18] = 0x3f;            /* fragment */
		mask[19] = 0xff;
		mask[21] = 0xff; /* protocol */
	} else {
		memset(head + 6, 0xff, 2);
		head[8] = 0xf0;
		memset(head + 12, 0xff, 3); /* length and protocol */
		p.head = _mm_loadu_si128((const __m128i *)(frame + 6));
		p.head_mask = _mm_loadu_si128((const __m128i *)head);
	}
	mask_l4(mask + HALF, family, kind);
	p.bytes = load_frame(frame, family, p.load);
	p.mask = _mm512_loadu_si512(mask);
	return p;
}

/* Loads eight frames; whether they are as the pattern. */
AVX512_INLINE bool load_8(const struct finding *b, struct rte_mbuf *const *mbufs, bool tagged,
			  uint8_t family, enum kind kind, const struct pattern *p, struct eight *e)
{
	enum { DIFFERS = 0x28 }; /* (a ^ b) & c */
	__m512i wrong = _mm512_setzero_si512();
	__m128i wrong_head = _mm_setzero_si128();
	uint64_t others = 0;
	uint32_t bad = 0;

	for (int i = 0; i < EIGHT; i++)
		bad |= (mbufs[i]->nb_segs ^ 1U) | (mbufs[i]->data_len - p->frame_len) >> 31;
	if (bad)
		return false;
	for (int i = 0; tagged && i < EIGHT; i++)
		others |= el_load64(rte_pktmbuf_mtod_offset(mbufs[i], const uint8_t *, 12)) ^
			  b->tags.bytes;
	if (tagged && others & b->tags.mask)
		return false;
	for (int i = 0; i < EIGHT; i++) {
		const uint8_t *frame = untagged(b, mbufs[i], tagged);

		e->frames[i] = frame;
		e->v[i] = load_frame(frame, family, p->load);
		wrong = _mm512_or_si512(
		    wrong, _mm512_ternarylogic_epi64(e->v[i], p->bytes, p->mask, DIFFERS));
		if (HAS_MORE(kind))
			e->more[i] = _mm512_maskz_loadu_epi8(
			    p->load_more, frame + (family == 4 ? MORE_V4 : MORE_V6));
		if (family == 6 && kind == QUOTE) /* it comes from whom the quoted one went to */
			wrong = _mm512_or_si512(
			    wrong, _mm512_maskz_xor_epi32(0x000f, e->v[i], e->more[i]));
		if (family == 6)
			wrong_head = _mm_or_si128(
			    wrong_head,
			    _mm_ternarylogic_epi64(_mm_loadu_si128((const __m128i *)(frame + 6)),
						   p->head, p->head_mask, DIFFERS));
	}
	if (family == 6)
		wrong = _mm512_or_si512(wrong, _mm512_zextsi128_si512(wrong_head));
	return !_mm512_test_epi32_mask(wrong, wrong);
}

/* The 16-bit words of those 32-bit ones that count, two in one sum. */
AVX512_INLINE __m512i add_halves(__m512i v, __mmask16 counts)
{
	return _mm512_add_epi32(_mm512_maskz_and_epi32(counts, v, _mm512_set1_epi32(0xffff)),
				_mm512_maskz_srli_epi32(counts, v, 16));
}

AVX512_INLINE __m512i add_pair32(__m512i a, __m512i b)
{
	return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

AVX512_INLINE __m512i add_pair64(__m512i a, __m512i b)
{
	return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

AVX512_INLINE __m512i fold(__m512i x)
{
	return _mm512_add_epi32(_mm512_and_si512(x, _mm512_set1_epi32(0xffff)),
				_mm512_srli_epi32(x, 16));
}

/* Whether the checksums of eight frames are right. */
AVX512_INLINE bool right_8(const struct eight *e, uint8_t family, enum kind kind,
			   const struct pattern *p)
{
	const bool is_icmp = kind == ECHO || kind == QUOTE;
	const uint16_t protocol = kind == TCP         ? IPPROTO_TCP
				  : kind == REFLECTED ? IPPROTO_UDP
						      : IPPROTO_ICMPV6;
	const uint32_t pseudo = (uint32_t)htobe16(protocol) + htobe16((uint16_t)p->l4_len);
	__m512i sums[EIGHT], s, r, x;

	for (int i = 0; i < EIGHT; i++) {
		sums[i] = add_halves(e->v[i], family == 4 ? 0xfff8 : 0xffff);
		if (HAS_MORE(kind))
			sums[i] = _mm512_add_epi32(sums[i], add_halves(e->more[i], 0xffff));
		if (family == 4 && !is_icmp) /* the addresses count for L4 as well */
			sums[i] = _mm512_mask_add_epi32(
			    sums[i], 0x0c00, sums[i],
			    _mm512_shuffle_i32x4(sums[i], sums[i], _MM_SHUFFLE(3, 1, 1, 0)));
	}
	/* sums of four frames in each quarter, over the same quarter of all of them */
	s = add_pair64(add_pair32(sums[0], sums[1]), add_pair32(sums[2], sums[3]));
	r = add_pair64(add_pair32(sums[4], sums[5]), add_pair32(sums[6], sums[7]));
	/* of the first four over their lower halves and over their upper ones, then of the others
	 */
	x = _mm512_add_epi32(_mm512_shuffle_i32x4(s, r, _MM_SHUFFLE(2, 0, 2, 0)),
			     _mm512_shuffle_i32x4(s, r, _MM_SHUFFLE(3, 1, 3, 1)));
	if (family == 6)
		x = _mm512_add_epi32(x, _mm512_shuffle_i32x4(x, x, _MM_SHUFFLE(2, 3, 0, 1)));
	if (family == 6 || !is_icmp)
		x = _mm512_mask_add_epi32(x, family == 4 ? 0xf0f0 : 0xffff, x,
					  _mm512_set1_epi32((int)pseudo));
	x = fold(fold(x));
	return (_mm512_cmpeq_epi32_mask(x, _mm512_set1_epi32(0xffff)) |
		_mm512_testn_epi32_mask(x, x)) == 0xffff;
}

/* A quarter of each of two registers, each twice. */
AVX512_INLINE __m512i quarters(__m512i a, __m512i b, int quarter)
{
	switch (quarter) {
	case 0:
		return _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(0, 0, 0, 0));
	case 1:
		return _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(1, 1, 1, 1));
	case 2:
		return _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(2, 2, 2, 2));
	default:
		return _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(3, 3, 3, 3));
	}
}

/* The 64-bit words of this number of eight registers. */
AVX512_INLINE __m512i column(const __m512i v[EIGHT], int word)
{
	__m512i pairs[EIGHT / 2];

	for (int i = 0; i < EIGHT / 2; i++)
		pairs[i] = word & 1 ? _mm512_unpackhi_epi64(v[2 * i], v[2 * i + 1])
				    : _mm512_unpacklo_epi64(v[2 * i], v[2 * i + 1]);
	return _mm512_shuffle_i64x2(quarters(pairs[0], pairs[1], word / 2),
				    quarters(pairs[2], pairs[3], word / 2),
				    _MM_SHUFFLE(2, 0, 2, 0));
}

AVX512_INLINE __m256i low_words(__m512i x)
{
	return _mm512_cvtepi64_epi32(x);
}

AVX512_INLINE __m256i high_words(__m512i x)
{
	return _mm512_cvtepi64_epi32(_mm512_srli_epi64(x, 32));
}

/* be32toh */
AVX512_INLINE __m256i to_host(__m256i x)
{
	const __m256i order = _mm256_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
					      12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

	return _mm256_shuffle_epi8(x, order);
}

AVX512_INLINE __m256i all(uint32_t x)
{
	return _mm256_set1_epi32((int)x);
}

AVX512_INLINE __m512i all64(uint64_t x)
{
	return _mm512_set1_epi64((int64_t)x);
}

/* el_id_unpermute */
AVX512_INLINE __m256i unpermute(const struct el_id_key *k, __m256i x)
{
	x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
	x = _mm256_sub_epi32(_mm256_mullo_epi32(x, all(k->mul_inverse[1])), all(k->add[1]));
	x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
	return _mm256_xor_si256(_mm256_mullo_epi32(x, all(k->mul_inverse[0])), all(k->add[0]));
}

/* Where the ids point to, as rx_find has it; the slices into `slices`. False: not all are of the
 * newest round and its last class. */
AVX512_INLINE bool locate_8(const struct finding *b, __m256i id, struct found *f,
			    const struct el_slice **slices, uint32_t at)
{
	const struct el_plan_class *c = &b->last;
	const uint64_t recip = c->by_slices.recip;
	__m256i bits = _mm256_and_si256(id, all(b->id_index_mask));
	__m256i index =
	    _mm256_sub_epi32(_mm256_sub_epi32(bits, all(1)), _mm256_srli_epi32(bits, 16));
	__m256i rest = _mm256_sub_epi32(index, all(c->base)), pass, slice;
	__m512i wide = _mm512_cvtepu32_epi64(rest);
	__mmask8 bad =
	    _mm256_test_epi32_mask(_mm256_xor_si256(id, all(b->id_base)), all(b->id_other_bits)) |
	    _mm256_testn_epi32_mask(bits, all(0xffff)) |
	    /* one before the class' first is more than any */
	    _mm256_cmpge_epu32_mask(rest, all(b->n_records - c->base));

	if (bad)
		return false;
	/* el_fastdiv: of a product of 96 bits the highest 32 */
	wide = _mm512_add_epi64(_mm512_mul_epu32(wide, all64(recip >> 32)),
				_mm512_srli_epi64(_mm512_mul_epu32(wide, all64(recip)), 32));
	pass = recip ? high_words(wide) : rest; /* that of 1 does not fit */
	slice =
	    _mm256_add_epi32(all(c->first_slice),
			     _mm256_sub_epi32(rest, _mm256_mullo_epi32(pass, all(c->n_slices))));
	_mm256_storeu_si256((__m256i *)(f->pass + at), pass);
	_Static_assert(sizeof(struct el_slice) == 1 << 7, "as it is used here");
	_mm512_storeu_si512(slices + at,
			    _mm512_add_epi64(all64((uintptr_t)b->slices),
					     _mm512_slli_epi64(_mm512_cvtepu32_epi64(slice), 7)));
	_mm512_storeu_si512(f->record + at,
			    _mm512_add_epi64(all64((uintptr_t)b->records),
					     _mm512_slli_epi64(_mm512_cvtepu32_epi64(index), 3)));
	_mm512_storeu_si512(f->live + at, all64((uintptr_t)b->newest));
	for (int i = 0; i < EIGHT; i++) {
		rte_prefetch0(f->record[at + i]);
		rte_prefetch0(slices[at + i]);
	}
	return true;
}

/* What an answer says: el_plain_echo and so on. The addresses over IPv4. */
struct said {
	__m256i wire, id, ports;
	__m512i addr_key;
};

AVX512_INLINE bool read_echo(const struct el_id_key *key, const struct eight *e, struct said *ret)
{
	__m512i ids = column(e->v, 5), cookie = column(e->v, 6);
	__m256i both = _mm256_xor_si256(low_words(ids), high_words(ids));

	ret->wire = to_host(low_words(ids));
	ret->id = unpermute(key, ret->wire);
	ret->ports = to_host(_mm256_xor_si256(low_words(cookie), high_words(cookie)));
	ret->addr_key = column(e->v, 3);
	return !_mm256_cmpneq_epi32_mask(both, all(UINT32_MAX));
}

AVX512_INLINE bool read_tcp(const struct el_id_key *key, const struct eight *e, struct said *ret)
{
	ret->wire = to_host(low_words(column(e->v, 5)));
	ret->id = unpermute(key, _mm256_sub_epi32(ret->wire, all(1)));
	/* the remote one is first there */
	ret->ports = _mm256_rol_epi32(to_host(low_words(column(e->v, 4))), 16);
	ret->addr_key = column(e->v, 3);
	return true;
}

AVX512_INLINE bool read_reflected(const struct el_id_key *key, const struct eight *e,
				  uint8_t family, struct said *ret)
{
	read_tcp(key, e, ret);
	ret->wire = to_host(low_words(column(e->more, family == 4 ? 4 : 0)));
	ret->id = unpermute(key, ret->wire);
	return true;
}

AVX512_INLINE bool read_quote(const struct el_id_key *key, const struct eight *e, uint8_t family,
			      struct said *ret)
{
	const __m256i low = all(0xffff);
	__mmask8 zero = 0;

	if (family == 4) {
		__m512i own = column(e->v, 6), remote = column(e->v, 7);
		__m256i ip_id = high_words(column(e->v, 5));
		__m256i sum = low_words(column(e->more, 4));

		ret->wire = to_host(_mm256_mask_blend_epi16(0xaaaa, ip_id, sum));
		ret->ports = to_host(high_words(remote));
		ret->addr_key = _mm512_mask_blend_epi32(0xaaaa, remote, own);
		zero = _mm256_testn_epi32_mask(ret->wire, all(0xffff0000)) |
		       /* it comes from whom the quoted one went to */
		       _mm256_cmpneq_epi32_mask(low_words(remote), low_words(column(e->v, 3)));
	} else {
		ret->ports = to_host(low_words(column(e->more, 2)));
		ret->wire = to_host(low_words(column(e->more, 3)));
	}
	ret->id = unpermute(key, ret->wire);
	/* el_id_unpermute_nonzero walks on from there */
	zero |= _mm256_testn_epi32_mask(ret->wire, low) | _mm256_testn_epi32_mask(ret->id, low);
	return !zero;
}

AVX512_INLINE bool find_8(const struct finding *b, struct rte_mbuf *const *mbufs, bool tagged,
			  uint8_t family, enum kind kind, const struct pattern *p, struct found *f,
			  uint32_t at)
{
	const struct el_id_key *key = &b->w->key;
	struct eight e;
	struct said said;

	if (!load_8(b, mbufs + at, tagged, family, kind, p, &e) ||
	    (finding_checks(b) && !right_8(&e, family, kind, p)) ||
	    !(kind == ECHO        ? read_echo(key, &e, &said)
	      : kind == TCP       ? read_tcp(key, &e, &said)
	      : kind == REFLECTED ? read_reflected(key, &e, family, &said)
				  : read_quote(key, &e, family, &said)) ||
	    !locate_8(b, said.id, f, kind == REFLECTED ? f->reflected : f->slice, at))
		return false;
	for (int i = 0; kind == REFLECTED && i < EIGHT; i++)
		rte_prefetch0(&b->newest->block->stamps[f->record[at + i] - b->records]);
	_mm256_storeu_si256((__m256i *)(f->wire + at), said.wire);
	_mm256_storeu_si256((__m256i *)(f->id + at), said.id);
	_mm256_storeu_si256((__m256i *)(f->ports + at), said.ports);
	if (family == 4)
		_mm512_storeu_si512(f->addr_key + at, said.addr_key);
	for (int i = 0; family == 6 && i < EIGHT; i++) {
		const uint8_t *l3 = e.frames[i] + EL_ETHER_LEN;
		const uint8_t *quote = l3 + EL_IPV6_LEN + EL_ICMP_LEN;

		f->addr_key[at + i] = kind == QUOTE ? el_addr_key_v6(key, quote + 24, quote + 8)
						    : el_addr_key_v6(key, l3 + 8, l3 + 24);
	}
	memset(f->type + at, p->type, EIGHT);
	memset(f->kind + at, p->answer_kind, EIGHT);
	return true;
}

AVX512_INLINE uint32_t find_tagged(const struct finding *b, struct rte_mbuf *const *mbufs,
				   uint32_t n, bool tagged, uint8_t family, enum kind kind,
				   uint32_t l4_len, const struct el_plain *plain, struct found *f)
{
	struct pattern p = pattern_of(untagged(b, mbufs[0], tagged), family, kind, l4_len, plain);
	uint32_t i;

	if (tagged)
		p.frame_len += b->tags.len;
	for (i = 0; i + EIGHT <= n && find_8(b, mbufs, tagged, family, kind, &p, f, i); i += EIGHT)
		;
	return i;
}

AVX512_INLINE uint32_t find_all(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
				uint8_t family, enum kind kind, uint32_t l4_len,
				const struct el_plain *plain, struct found *f)
{
	return b->tags.len ? find_tagged(b, mbufs, n, true, family, kind, l4_len, plain, f)
			   : find_tagged(b, mbufs, n, false, family, kind, l4_len, plain, f);
}

AVX512 static uint32_t find_v4(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			       uint32_t l4_len, const struct el_plain *plain, struct found *f)
{
	if (plain->type == EL_PROBE_UDPUNREACHABLE)
		return l4_len > L4_MAX_V4 ? 0 : find_all(b, mbufs, n, 4, QUOTE, l4_len, plain, f);
	if (l4_len > HALF)
		return 0;
	return plain->type == EL_PROBE_TCPSYN ? find_all(b, mbufs, n, 4, TCP, l4_len, plain, f)
					      : find_all(b, mbufs, n, 4, ECHO, l4_len, plain, f);
}

AVX512 static uint32_t find_v6(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			       uint32_t l4_len, const struct el_plain *plain, struct found *f)
{
	if (plain->type == EL_PROBE_UDPUNREACHABLE)
		return l4_len > L4_MAX_V6 ? 0 : find_all(b, mbufs, n, 6, QUOTE, l4_len, plain, f);
	if (l4_len > HALF)
		return 0;
	return plain->type == EL_PROBE_TCPSYN ? find_all(b, mbufs, n, 6, TCP, l4_len, plain, f)
					      : find_all(b, mbufs, n, 6, ECHO, l4_len, plain, f);
}

uint32_t rx_find_avx512(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			struct found *f)
{
	const uint8_t *frame = untagged(b, mbufs[0], true), *l3 = frame + EL_ETHER_LEN;
	uint32_t len = mbufs[0]->data_len - (uint32_t)b->tags.len, l4_len;
	const struct el_plain_good any = {true, true, true};
	struct el_plain plain;

	if (n < EIGHT || mbufs[0]->nb_segs > 1 ||
	    !el_tags_begin(&b->tags, frame - b->tags.len, mbufs[0]->data_len))
		return 0;
	if (el_plain_is_ipv4(frame, len, &l4_len) &&
	    el_plain_in_ipv4(&b->w->key, l3, l4_len, any, &plain))
		return find_v4(b, mbufs, n, l4_len, &plain, f);
	if (el_plain_is_ipv6(frame, len, &l4_len) &&
	    el_plain_in_ipv6(&b->w->key, l3, l4_len, any, &plain))
		return find_v6(b, mbufs, n, l4_len, &plain, f);
	return 0;
}

AVX512 uint32_t rx_stamp_find_avx512(const struct finding *b, struct rte_mbuf *const *mbufs,
				     uint32_t n, uint8_t family, uint32_t l4_len, struct found *f)
{
	const struct el_plain plain = {.type = EL_PROBE_STAMP};

	if (n < EIGHT || l4_len > (family == 4 ? L4_MAX_V4 : L4_MAX_V6))
		return 0;
	return family == 4 ? find_all(b, mbufs, n, 4, REFLECTED, l4_len, &plain, f)
			   : find_all(b, mbufs, n, 6, REFLECTED, l4_len, &plain, f);
}
