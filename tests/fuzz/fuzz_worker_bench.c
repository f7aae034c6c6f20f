/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_worker_bench.h"

#include <sanitizer/asan_interface.h>

#include <rte_ethdev.h>

#include "el_port.h"
#include "fuzz.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200;

#define V6_HOP 4
#define SILENT "198.51.100.5"

const struct fuzz_target fuzz_targets[FUZZ_TARGETS] = {
    {EL_PROBE_TCPSYN, "198.51.100.1", EL_CONF_UNSET},
    {EL_PROBE_TCPSYN, "2001:db8:100::1", EL_CONF_UNSET},
    {EL_PROBE_ICMPPING, "2001:db8:100::2", EL_CONF_UNSET},
    {EL_PROBE_ICMPPING, "198.51.100.2", EL_CONF_UNSET},
    /* where SYNs go, too: nothing but the protocol tells them apart */
    {EL_PROBE_UDPUNREACHABLE, "198.51.100.1", EL_CONF_UNSET},
    {EL_PROBE_UDPUNREACHABLE, "2001:db8:100::1", EL_CONF_UNSET},
    {EL_PROBE_ICMPPING, "198.51.100.4", 9}, /* too short for a cookie */
    {EL_PROBE_TCPSYN, "198.51.100.5", 33},  /* with a payload */
    {EL_PROBE_TCPSYN, "2001:db8:100::5", 27},
};

static struct bench *made;

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	if (destination->family == 6)
		r.next_hop.v = V6_HOP;
	return r;
}

static void finish(void)
{
	bench_free(made);
	el_eal_fini();
}

static struct bench *make(void)
{
	struct el_command hop = {.kind = EL_COMMAND_NEXT_HOP, .index = V6_HOP};
	struct fixture *f;
	struct bench *b;

	FUZZ_ASSERT(worker_bench_start() == 0);
	f = fixture(1, FUZZ_PACKETS);
	f->in.asap = true;
	f->in.route = route;
	for (size_t i = 0; i < FUZZ_TARGETS; i++) {
		add_target(f, fuzz_targets[i].type, fuzz_targets[i].address, FUZZ_PACKETS);
		f->targets[i].timeout_s = 0.05;
		f->targets[i].ip_payload_size = fuzz_targets[i].payload;
	}
	rx_checksum_flags = FUZZ_BELIEVED;
	FUZZ_ASSERT(el_prefix_parse(SILENT, &silent[0]) == 0);
	n_silent = 1;
	family = 4;
	b = bench(f, WORKERS);
	family = 6;
	hop.next_hop = next_hop(mac_a, EL_NEXT_HOP_READY);
	for (uint32_t w = 0; w < WORKERS; w++)
		FUZZ_ASSERT(el_worker_command(b->workers[w], &hop));
	return b;
}

struct bench *fuzz_bench(void)
{
	if (!made) {
		made = make();
		atexit(finish);
	}
	return made;
}

struct fuzz_port fuzz_bench_port(const struct bench *b)
{
	return (struct fuzz_port){mac_own, b->own[0].ip.bytes, b->own[1].ip.bytes,
				  silent[0].ip.bytes};
}

/* Where the record of a probe is: the one thing that its bytes do not say. */
static const el_record *record_of(const struct bench *b, const struct fuzz_probe *p)
{
	const struct el_id_key *key = &b->set->key;
	uint32_t wire, id;
	struct el_id at;

	if (p->type == EL_PROBE_UDPUNREACHABLE && p->family == 4)
		wire = (uint32_t)el_get16(p->l3 + 4) << 16 | el_get16(p->l4 + 6);
	else if (p->type == EL_PROBE_TCPSYN || p->l4_len < 12)
		wire = el_get32(p->l4 + 4);
	else
		wire = el_get32(p->l4 + 8);
	id = p->type == EL_PROBE_UDPUNREACHABLE ? el_id_unpermute_nonzero(key, wire)
						: el_id_unpermute(key, wire);
	FUZZ_ASSERT(el_id_unpack(&b->set->ids, id, &at) && at.worker < WORKERS);
	FUZZ_ASSERT(at.index < b->set->plans[at.worker]->n_records);
	return &b->ordered[at.worker]->records[at.index];
}

void fuzz_bench_send(struct bench *b, struct fuzz_probe probes[FUZZ_PROBES])
{
	size_t n = 0;

	for (uint32_t w = 0; w < WORKERS; w++)
		for (uint32_t i = 0; b->streams && i < b->set->plans[w]->n_half_open; i++)
			el_half_open_set(&b->streams->of[w].half_open[i], 0);
	order_round(b, 1);
	for (int i = 0; i < 100 && n < FUZZ_PROBES; i++) {
		poll_all(b);
		for (uint32_t w = 0; w < WORKERS; w++) {
			struct rte_mbuf *m;
			while ((m = take(b, w)) != NULL) {
				FUZZ_ASSERT(n < FUZZ_PROBES);
				fuzz_probe_init(&probes[n], rte_pktmbuf_mtod(m, uint8_t *),
						m->data_len);
				probes[n].record = record_of(b, &probes[n]);
				FUZZ_ASSERT(el_record_state(*probes[n].record) == EL_RECORD_SENT);
				probes[n].sent_ns = el_record_time(*probes[n].record);
				n++;
				rte_pktmbuf_free(m);
			}
		}
	}
	FUZZ_ASSERT(n == FUZZ_PROBES);
}

/* A buffer of the frame's next bytes; what is round them is not to be read. */
static struct rte_mbuf *buffer(const struct bench *b, const uint8_t *bytes, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	FUZZ_ASSERT(m);
	ASAN_UNPOISON_MEMORY_REGION(m->buf_addr, m->buf_len);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	ASAN_POISON_MEMORY_REGION(m->buf_addr, m->data_off);
	ASAN_POISON_MEMORY_REGION(rte_pktmbuf_mtod(m, uint8_t *) + n, rte_pktmbuf_tailroom(m));
	return m;
}

void fuzz_bench_give(struct bench *b, const struct fuzz_draft *d)
{
	size_t at = 0, segment = d->segment ? d->segment : FUZZ_FRAME_MAX;
	struct rte_mbuf *head = NULL;

	do {
		size_t n = RTE_MIN(d->len - at, segment);
		struct rte_mbuf *m = buffer(b, d->bytes + at, n);

		if (head)
			FUZZ_ASSERT(rte_pktmbuf_chain(head, m) == 0);
		else
			head = m;
		at += n;
	} while (at < d->len);
	head->ol_flags |= d->ol_flags;
	FUZZ_ASSERT(rte_ring_enqueue(b->in[d->queue], head) == 0);
}
