/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_echo EAL-ARGUMENTS -- SETTLE SECONDS: echo requests of 60 bytes, always the same one, as
 * fast as port 0 takes them, and a count of what comes back. Nothing is built, stamped, checked or
 * recorded, so what is left is the device and the other end: no prober gets more answers out of
 * them. One line of JSON. */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>

#define BURST 32
#define FRAME_BYTES 60
#define LINK_WAIT_S 10

static void write_request(struct rte_mempool *pool, void *arg, void *obj, unsigned index)
{
	static const struct rte_ether_hdr eth = {.dst_addr = {{2, 0, 0, 0, 0, 1}},
						 .src_addr = {{2, 0, 0, 0, 0, 9}},
						 .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = RTE_BE16(FRAME_BYTES - RTE_ETHER_HDR_LEN),
				  .time_to_live = 64,
				  .next_proto_id = IPPROTO_ICMP,
				  .src_addr = RTE_BE32(RTE_IPV4(192, 0, 2, 10)),
				  .dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1))};
	struct icmphdr icmp = {.type = ICMP_ECHO};
	struct rte_mbuf *m = obj;
	uint8_t *at = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;

	(void)pool, (void)arg, (void)index;
	m->data_len = FRAME_BYTES;
	m->pkt_len = FRAME_BYTES;
	memset(at, 0, FRAME_BYTES);
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	icmp.checksum = (uint16_t)~rte_raw_cksum(&icmp, sizeof(icmp));
	memcpy(at, &eth, sizeof(eth));
	memcpy(at + sizeof(eth), &ip, sizeof(ip));
	memcpy(at + sizeof(eth) + sizeof(ip), &icmp, sizeof(icmp));
}

static int start(struct rte_mempool **ret_requests)
{
	const struct rte_eth_conf conf = {0};
	struct rte_mempool *rx;
	struct rte_eth_link link;

	*ret_requests = rte_pktmbuf_pool_create("requests", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						SOCKET_ID_ANY);
	rx = rte_pktmbuf_pool_create("rx", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!*ret_requests || !rx)
		return -1;
	rte_mempool_obj_iter(*ret_requests, write_request, NULL);
	if (rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
	    rte_eth_rx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL, rx) < 0 ||
	    rte_eth_tx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL) < 0 || rte_eth_dev_start(0) < 0)
		return -1;
	for (int i = 0; i < LINK_WAIT_S * 100; i++) {
		if (rte_eth_link_get_nowait(0, &link) == 0 && link.link_status)
			return 0;
		rte_delay_us_sleep(10000);
	}
	return -1;
}

/* Sends and receives for so long; how many came back. The buffers go back to their pool as they
 * were, and so need not be made anew. */
static uint64_t exchange(struct rte_mempool *requests, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz()), n = 0;
	struct rte_mbuf *out[BURST], *in[BURST];
	uint16_t first = BURST, got;

	while (rte_rdtsc() < end) {
		got = rte_eth_rx_burst(0, 0, in, BURST);
		n += got;
		if (got)
			rte_mempool_put_bulk(in[0]->pool, (void **)in, got);
		if (first == BURST) {
			if (rte_mempool_get_bulk(requests, (void **)out, BURST) != 0)
				continue;
			first = 0;
		}
		first = (uint16_t)(first +
				   rte_eth_tx_burst(0, 0, out + first, (uint16_t)(BURST - first)));
	}
	if (first < BURST)
		rte_mempool_put_bulk(requests, (void **)(out + first), BURST - first);
	return n;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	struct rte_mempool *requests;
	double seconds;
	uint64_t n;

	if (used < 0 || argc - used != 3 || start(&requests) < 0)
		return 1;
	seconds = atof(argv[used + 2]);
	exchange(requests, atof(argv[used + 1]));
	n = exchange(requests, seconds);
	printf("{\"answers\": %llu, \"answers_per_second\": %.0f}\n", (unsigned long long)n,
	       (double)n / seconds);
	rte_eth_dev_stop(0);
	rte_eal_cleanup();
	return 0;
}
