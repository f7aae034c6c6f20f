/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The ports with their addresses, routes and next hops, as control keeps them: decides by which
 * port, from which address and over which next hop a stream leaves, resolves next hops and tells
 * the workers. */
#include "el_conf.h"
#include "el_plan.h"
#include "el_port.h"
#include "el_worker.h"

struct network;

/* Opens all ports of the configuration, with up to n_workers queues each, and finds their addresses
 * and routes. 0, or -errno with a sentence. */
int network_open(const struct el_conf *conf, uint32_t n_workers, const char *profile_dir,
		 struct network **ret_network, struct el_error *err);
void network_close(struct network *n);

/* How many workers have at least one queue. */
uint32_t network_workers(const struct network *n);
/* The queues of a worker, into ret[EL_WORKER_QUEUES_MAX]; how many. */
uint32_t network_queues(const struct network *n, uint32_t worker, struct el_worker_queue *ret);
/* The prober's addresses: those of the ports and the groups' source addresses, but not their
 * subnets; the network's. */
const struct el_ip *network_addresses(const struct network *n, size_t *ret_count);
/* The largest MTU; the NUMA node of the first port. */
uint16_t network_mtu(const struct network *n);
int network_socket(const struct network *n);
/* Packets a second that all ports together may be asked for by default; 0: no cap. */
uint64_t network_default_pps(const struct network *n);

/* el_plan_input.route, with the network as context: asks for the next hop's resolution at the same
 * time. */
struct el_plan_route network_route(void *network, const struct el_model_target *target,
				   const struct el_model_group *group,
				   const struct el_ip *destination);

/* el_plan_input.place, likewise: the worker whose queue the answers come in on, as far as that can
 * be told. */
uint32_t network_place(void *network, const struct el_slice *slice);
/* Has the plans from now on made by where the answers to `set` came in. For the thread that makes
 * them. */
void network_learn(struct network *n, const struct el_plan_set *set);
/* Whether there is a port where that would be of use. */
bool network_can_learn(const struct network *n);

/* From now on these workers are told of next hops, their frames are read and answered. Once. */
void network_attach(struct network *n, struct el_worker *const *workers, uint32_t n_workers);
/* Reads frames, moves timers; to be called every few milliseconds on the control thread. */
void network_poll(struct network *n, uint64_t now_ns);
/* True once each next hop has been resolved or given up. */
bool network_settled(struct network *n);

/* Reads the ports' counters again; what they, and the rings between workers, have dropped since the
 * last call. */
uint64_t network_read_drops(struct network *n);
/* Reads the clocks of NICs that stamp what they receive, and tells the workers; ten times a second.
 */
void network_read_clocks(struct network *n);
/* The counters as last read. */
uint32_t network_n_ports(const struct network *n);
const struct el_port_view *network_port_views(const struct network *n);
