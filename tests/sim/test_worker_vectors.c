/* SPDX-License-Identifier: BSD-3-Clause */
/* What vector instructions find in random bursts, beside what rx_find does. Each frame ends where
 * its page does, so reading past it is seen. */
#include "unit.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/mman.h>

#include "el_probe_plain.h"
#include "rx_find.h"

#define PAGE 4096U
#define ROUND 7
#define BURSTS 100000
#define REFLECTOR 862

uint64_t sim_ns, sim_step;

enum kind { ECHO, SYNACK, RST, QUOTE, REFLECTED, KINDS };

/* Of all frames of a burst, before any is changed. */
struct shape {
	enum kind kind;
	uint8_t family;
	uint32_t extra; /* bytes behind what an answer needs */
	bool behind_syn;
};

static struct el_worker *w;
static struct el_plan_set set;
static uint64_t stamp_ports[EL_PLAN_PORT_WORDS];
static struct el_plan *plan;
static struct el_block blocks[2]; /* of the newest round and of the one before */
static struct el_tags tags;       /* of all frames of a burst */
static struct rte_mbuf mbufs[BURST];
static struct rte_mbuf *burst[BURST];
static uint8_t *pages[BURST];

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	return (uint32_t)(unit_random(&seed) % n);
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)unit_random(&seed);
}

static void put_checksum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~el_sum_fold(sum);

	memcpy(p, &v, 2);
}

/* Puts the right checksums into a frame of this shape, whatever has become of it. */
static void fix(uint8_t *frame, const struct shape *s, uint32_t l4_len)
{
	bool tcp = s->kind == SYNACK || s->kind == RST, udp = s->kind == REFLECTED;
	bool v4 = s->family == 4;
	uint8_t *l3 = frame + EL_ETHER_LEN, *l4 = l3 + (v4 ? EL_IPV4_LEN : EL_IPV6_LEN);
	uint8_t *l4_sum = l4 + (tcp ? 16 : udp ? 6 : 2), protocol = l3[v4 ? 9 : 6];
	uint64_t sum = (uint64_t)htobe16(protocol) + htobe16((uint16_t)l4_len);

	if (v4) {
		memset(l3 + 10, 0, 2);
		put_checksum(l3 + 10, el_sum(l3, EL_IPV4_LEN, 0));
	}
	sum = v4 ? el_sum(l3 + 12, 8, sum) : el_sum(l3 + 8, 32, sum);
	memset(l4_sum, 0, 2);
	put_checksum(l4_sum, el_sum(l4, l4_len, v4 && !tcp && !udp ? 0 : sum));
}

static void put_tcp(uint8_t *l4, const struct shape *s, uint32_t id)
{
	el_put32(l4 + 8, el_id_permute(&w->key, id) + 1);
	l4[12] = (uint8_t)((s->extra >= 4 ? 6 : 5) << 4 | rnd(16));
	l4[13] = s->kind == SYNACK ? TH_SYN | TH_ACK : s->behind_syn ? TH_RST | TH_ACK : TH_RST;
	l4[13] |= (uint8_t)(rnd(2) ? TH_PUSH : 0);
}

static void put_echo(uint8_t *l4, const struct shape *s, uint32_t id)
{
	uint32_t wire = el_id_permute(&w->key, id);

	l4[0] = s->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	l4[1] = 0;
	el_put32(l4 + EL_ECHO_ID_OFFSET, wire);
	el_put32(l4 + EL_ECHO_ID_OFFSET + 4, ~wire);
}

static void put_quote(uint8_t *l3, uint8_t *l4, const struct shape *s, uint32_t id)
{
	uint32_t wire = el_id_permute_nonzero(&w->key, id);
	uint8_t *quote = l4 + EL_ICMP_LEN;

	if (s->family == 4) {
		l4[0] = ICMP_DEST_UNREACH;
		quote[0] = 0x45;
		el_put16(quote + 2, (uint16_t)(EL_IPV4_LEN + EL_UDP_LEN + s->extra));
		el_put16(quote + 4, (uint16_t)(wire >> 16));
		el_put16(quote + 6, (uint16_t)(rnd(2) << 14));
		quote[9] = IPPROTO_UDP;
		memcpy(quote + 16, l3 + 12, 4);
		el_put16(quote + EL_IPV4_LEN + 6, (uint16_t)wire);
	} else {
		l4[0] = ICMP6_DST_UNREACH;
		quote[0] = (uint8_t)(6 << 4 | rnd(16));
		el_put16(quote + 4, (uint16_t)(EL_UDP_TEMPLATE_LEN + s->extra));
		quote[6] = IPPROTO_UDP;
		memcpy(quote + 24, l3 + 8, 16);
		el_put32(quote + EL_IPV6_LEN + EL_UDP_LEN, wire);
	}
}

static void put_reflected(uint8_t *l4, const struct shape *s, uint32_t id)
{
	el_put16(l4, REFLECTOR);
	el_put16(l4 + 4, (uint16_t)(EL_UDP_LEN + EL_STAMP_LEN + s->extra));
	el_put32(l4 + EL_UDP_LEN + offsetof(struct el_stamp_reply_wire, sender_sequence),
		 el_id_permute(&w->key, id));
}

static uint32_t l4_len_of(const struct shape *s)
{
	static const uint32_t v4[KINDS] = {EL_ECHO_LEN, EL_TCP_LEN, EL_TCP_LEN,
					   EL_ICMP_LEN + EL_IPV4_LEN + EL_UDP_LEN,
					   EL_UDP_LEN + EL_STAMP_LEN};

	if (s->kind == QUOTE && s->family == 6)
		return EL_ICMP_LEN + EL_IPV6_LEN + EL_UDP_TEMPLATE_LEN + s->extra;
	return v4[s->kind] + s->extra;
}

/* An answer to the probe of this id; its length. */
static uint32_t make(uint8_t *frame, const struct shape *s, uint32_t id)
{
	uint32_t l3_len = s->family == 4 ? EL_IPV4_LEN : EL_IPV6_LEN, l4_len = l4_len_of(s);
	uint8_t *l3 = frame + EL_ETHER_LEN, *l4 = l3 + l3_len;
	bool tcp = s->kind == SYNACK || s->kind == RST, udp = s->kind == REFLECTED;

	fill(frame, EL_ETHER_LEN + l3_len + l4_len);
	el_put16(frame + 12, s->family == 4 ? 0x0800 : 0x86dd);
	if (s->family == 4) {
		l3[0] = 0x45;
		el_put16(l3 + 2, (uint16_t)(l3_len + l4_len));
		el_put16(l3 + 6, (uint16_t)(rnd(2) << 14));
		l3[9] = tcp ? IPPROTO_TCP : udp ? IPPROTO_UDP : IPPROTO_ICMP;
	} else {
		l3[0] = (uint8_t)(6 << 4 | rnd(16));
		el_put16(l3 + 4, (uint16_t)l4_len);
		l3[6] = tcp ? IPPROTO_TCP : udp ? IPPROTO_UDP : IPPROTO_ICMPV6;
	}
	if (tcp)
		put_tcp(l4, s, id);
	else if (s->kind == ECHO)
		put_echo(l4, s, id);
	else if (udp)
		put_reflected(l4, s, id);
	else
		put_quote(l3, l4, s, id);
	fix(frame, s, l4_len);
	return EL_ETHER_LEN + l3_len + l4_len;
}

static uint32_t random_id(void)
{
	const struct el_plan_class *last = &plan->classes[plan->n_classes - 1];

	return el_id_with_index(w->live[ROUND].id_base,
				last->base + rnd(plan->n_records - last->base));
}

/* An id that the newest round's last class does not have. */
static uint32_t another_id(void)
{
	switch (rnd(5)) {
	case 0: /* of the round before, which is open */
		return el_id_with_index(w->live[ROUND - 1].id_base, rnd(plan->n_records));
	case 1: /* of another class, if there is one */
		return el_id_with_index(w->live[ROUND].id_base, rnd(plan->n_records));
	case 2: /* past the last, or near it */
		return w->live[ROUND].id_base |
		       ((plan->n_records + rnd(3)) & w->live[ROUND].id_index_mask);
	case 3:
		return w->live[ROUND].id_base | (rnd(4) << 16 & w->live[ROUND].id_index_mask);
	default:
		return (uint32_t)unit_random(&seed);
	}
}

/* A byte near the beginning of a header, where kinds of frames are told apart. */
static uint32_t telling_byte(const struct shape *s)
{
	const uint32_t l3_len = s->family == 4 ? EL_IPV4_LEN : EL_IPV6_LEN;
	const uint32_t headers[] = {EL_ETHER_LEN - 2, EL_ETHER_LEN, EL_ETHER_LEN + l3_len,
				    EL_ETHER_LEN + l3_len + 8};

	return headers[rnd(4)] + rnd(10);
}

/* Puts a frame that is damaged, or not as the others are, into a buffer. */
static uint32_t make_odd(uint8_t *frame, struct rte_mbuf *m, const struct shape *s)
{
	struct shape other = *s;
	uint32_t len, l4_len = l4_len_of(s);

	switch (rnd(6)) {
	case 0:
		return make(frame, s, another_id());
	case 1: /* a bit, and the checksums are right, or not, or the NIC says so */
	case 2:
		len = make(frame, s, random_id());
		frame[rnd(2) ? 12 + rnd(len - 12) : telling_byte(s)] ^= (uint8_t)(1 << rnd(8));
		if (rnd(4))
			fix(frame, s, l4_len);
		m->ol_flags =
		    rnd(3) ? 0 : RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return len;
	case 3:
		return make(frame, s, random_id()) - 1 - rnd(24);
	case 4:
		m->nb_segs = 2;
		return make(frame, s, random_id());
	default:
		other.kind = rnd(KINDS);
		other.family = rnd(2) ? 4 : 6;
		other.extra = rnd(10);
		return make(frame, &other, random_id());
	}
}

/* Puts the tags into a frame, with any priority; if they are to be odd, perhaps on another VLAN, or
 * of another type. Its length then. */
static uint32_t put_tags(uint8_t *frame, uint32_t len, bool odd)
{
	if (!tags.len)
		return len;
	memmove(frame + 12 + tags.len, frame + 12, len - 12);
	memcpy(frame + 12, &tags.bytes, tags.len);
	frame[14] ^= (uint8_t)(rnd(8) << 5);
	if (odd && !rnd(4))
		frame[12 + rnd(tags.len)] ^= (uint8_t)(1 << rnd(8));
	return len + tags.len;
}

/* The number of a burst's frames, of which one is odd or none. */
static uint32_t make_burst(const struct shape *s, bool odd)
{
	uint32_t n = odd ? 8 + rnd(8) : 1 + rnd(BURST), which = rnd(n);
	uint8_t frame[512];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len, padding = rnd(2) ? rnd(8) : 0;

		mbufs[i] = (struct rte_mbuf){.buf_addr = pages[i], .nb_segs = 1};
		len = odd && i == which ? make_odd(frame, &mbufs[i], s)
					: make(frame, s, random_id()) + padding;
		len = put_tags(frame, len, odd && i == which);
		mbufs[i].data_len = (uint16_t)len;
		mbufs[i].data_off = (uint16_t)(PAGE - len);
		memcpy(pages[i] + PAGE - len, frame, len);
	}
	return n;
}

/* A plan of one class or two, with two open rounds. */
static void make_plan(void)
{
	uint32_t slices = 1 + rnd(rnd(2) ? 4 : 1500), packets = 1 + rnd(60), records = 0;

	plan->n_classes = 1 + rnd(2);
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		plan->classes[c] = (struct el_plan_class){.base = records,
							  .first_slice = c * slices,
							  .n_slices = slices,
							  .n_packets = packets,
							  .by_slices = el_fastdiv_init(slices)};
		records += slices * packets;
	}
	plan->n_records = records;
	plan->slices = calloc(2 * slices, sizeof(*plan->slices));
	assert_non_null(plan->slices);
	assert_int_equal(el_id_layout_init(1, 4, records, &set.ids), 0);
	for (uint32_t r = 0; r < 2; r++) {
		blocks[r] = (struct el_block){.set = &set, .round = ROUND - r};
		blocks[r].records = calloc(records, sizeof(el_record));
		blocks[r].stamps = calloc(records, sizeof(*blocks[r].stamps));
		assert_non_null(blocks[r].records);
		assert_non_null(blocks[r].stamps);
		w->live[ROUND - r] =
		    (struct live_round){.block = &blocks[r],
					.plan = plan,
					.id_base = el_id_base(&set.ids, 0, ROUND - r),
					.id_index_mask = el_id_index_mask(&set.ids)};
	}
	w->last_round = ROUND;
	w->newest = &w->live[ROUND];
}

static void free_plan(void)
{
	free(plan->slices);
	for (uint32_t r = 0; r < 2; r++) {
		free(blocks[r].records);
		free(blocks[r].stamps);
	}
}

static struct finding finding(void)
{
	return (struct finding){.w = w,
				.checksum_flags = RX_GOOD_FLAGS,
				.assumed_flags = rnd(4) ? 0 : RX_GOOD_FLAGS,
				.tags = tags,
				.newest = w->newest,
				.id_base = w->newest->id_base,
				.id_index_mask = w->newest->id_index_mask,
				.id_other_bits = ~w->newest->id_index_mask,
				.n_records = plan->n_records,
				.records = blocks[0].records,
				.slices = plan->slices,
				.last = plan->classes[plan->n_classes - 1]};
}

/* Looks through a burst of n; how many were found by vectors. */
static uint32_t compare(const struct finding *b, uint32_t n)
{
	static struct found vector, scalar;
	bool alike = true;
	uint32_t done;

	memset(&vector, 0xee, sizeof(vector));
	done = rx_find_avx512(b, burst, n, &vector);
	assert_true(done <= n);
	rx_find(b, burst, 0, done, &scalar, &alike);
	assert_true(alike);
	for (uint32_t i = 0; i < done; i++) {
		assert_non_null(scalar.slice[i]);
		assert_ptr_equal(vector.slice[i], scalar.slice[i]);
		assert_ptr_equal(vector.record[i], scalar.record[i]);
		assert_ptr_equal(vector.live[i], scalar.live[i]);
		assert_int_equal(vector.pass[i], scalar.pass[i]);
		assert_int_equal(vector.addr_key[i], scalar.addr_key[i]);
		assert_int_equal(vector.wire[i], scalar.wire[i]);
		assert_int_equal(vector.id[i], scalar.id[i]);
		assert_int_equal(vector.ports[i], scalar.ports[i]);
		assert_int_equal(vector.type[i], scalar.type[i]);
		assert_int_equal(vector.kind[i], scalar.kind[i]);
	}
	return done;
}

/* The same of STAMP replies: how many of the first are some, and how many of these vectors found.
 */
static uint32_t compare_reflected(const struct finding *b, uint32_t n)
{
	static struct found vector, scalar;
	uint32_t done, alike;

	memset(&vector, 0xee, sizeof(vector));
	w->conf.vectors = EL_WORKER_SCALAR;
	done = rx_stamp_find_first(b, burst, n, &scalar);
	w->conf.vectors = EL_WORKER_AVX512;
	assert_int_equal(rx_stamp_find_first(b, burst, n, &vector), done);
	for (uint32_t i = 0; i < done; i++) {
		assert_non_null(scalar.reflected[i]);
		assert_ptr_equal(vector.reflected[i], scalar.reflected[i]);
		assert_ptr_equal(vector.record[i], scalar.record[i]);
		assert_int_equal(vector.pass[i], scalar.pass[i]);
		assert_int_equal(vector.addr_key[i], scalar.addr_key[i]);
		assert_int_equal(vector.ports[i], scalar.ports[i]);
	}
	/* what only vectors write */
	for (alike = 0; alike < done && vector.id[alike] != 0xeeeeeeee; alike++)
		;
	return alike;
}

static void vectors_find_the_same(void **state)
{
	static const el_vlan vlans[] = {0, 100, 7 << 16 | 100};
	uint64_t whole = 0, found = 0;
	uint8_t bytes[32];

	(void)state;
	if (el_worker_vectors_best() != EL_WORKER_AVX512)
		skip();
	for (int i = 0; i < BURSTS; i++) {
		const struct shape shape = {.kind = rnd(KINDS),
					    .family = rnd(2) ? 4 : 6,
					    .extra = rnd(4) ? 0 : rnd(36),
					    .behind_syn = rnd(2)};
		const bool odd = i % 8 != 0;
		struct finding b;
		uint32_t n, done;

		fill(bytes, sizeof(bytes));
		w->key = el_id_key_init(bytes);
		tags = el_tags_of(vlans[rnd(3)]);
		make_plan();
		b = finding();
		n = make_burst(&shape, odd);
		done = shape.kind == REFLECTED ? compare_reflected(&b, n) : compare(&b, n);
		/* those that fit into a register, or two; a quoted id may need another walk */
		if (!odd && shape.extra <= 8) {
			whole += n & ~7U;
			found += done;
		}
		free_plan();
	}
	assert_true(whole > BURSTS / 4);
	assert_true(found <= whole && found >= whole - whole / 500);
}

static int setup(void **state)
{
	uint8_t *all = mmap(NULL, 2 * BURST * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	seed = unit_seed();
	if (all == MAP_FAILED)
		return -1;
	for (uint32_t i = 0; i < BURST; i++) {
		pages[i] = all + 2 * i * PAGE;
		burst[i] = &mbufs[i];
		if (mprotect(pages[i] + PAGE, PAGE, PROT_NONE) < 0)
			return -1;
	}
	set.stamp_ports = stamp_ports;
	stamp_ports[REFLECTOR / 64] |= 1ULL << REFLECTOR % 64;
	w = calloc(1, sizeof(*w));
	plan = calloc(1, sizeof(*plan));
	return w && plan ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(w);
	free(plan);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_find_the_same)};

	return cmocka_run_group_tests_name("worker_vectors", tests, setup, teardown);
}
