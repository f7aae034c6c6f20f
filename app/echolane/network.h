/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The ports with their addresses, routes and next hops, as control keeps them: decides by which
 * port, from which address and over which next hop a stream leaves, resolves next hops and tells
 * the workers. */
#include "el_conf.h"
#include "el_facts.h"
#include "el_plan.h"
#include "el_port.h"
#include "el_worker.h"

struct network;
struct network_view;
struct network_plan;

/* Opens all ports of the configuration, with up to n_workers queues each, and finds their addresses
 * and routes. 0, or -errno with a sentence. */
int network_open(const struct el_conf *conf, uint32_t n_workers, const char *profile_dir,
		 struct network **ret_network, struct el_error *err);
void network_close(struct network *n);

/* How many workers have at least one queue. */
uint32_t network_workers(const struct network *n);
/* The queues of a worker, into ret[EL_WORKER_QUEUES_MAX]; how many. */
uint32_t network_queues(const struct network *n, uint32_t worker, struct el_worker_queue *ret);
/* The largest MTU; the NUMA node of the first port. */
uint16_t network_mtu(const struct network *n);
int network_socket(const struct network *n);
/* Packets a second that all ports together may be asked for by default; 0: no cap. */
uint64_t network_default_pps(const struct network *n);

/* Reads what has changed of the kernel's links, addresses and routes since the last call, and which
 * next hops are to be reached that others stand in for: a set of el_rtnl_change. Addresses of our
 * own follow at once, ways with the next plan. At each tick of control. */
unsigned network_follow(struct network *n);

/* A port whose interface was deleted and made again, or has another MAC address: its driver is
 * still bound to what it was opened on. Or whose device was removed, and is there again. As
 * network_follow and network_read_links found; NULL: none. */
const struct el_port *network_find_replaced(const struct network *n);

/* ---- plans: a plan is made by the network as it was when the plan was ordered ---- */

/* The network as it is now. NULL: no memory. */
struct network_view *network_take_view(const struct network *n);
void network_view_free(struct network_view *view); /* any thread; NULL is fine */

/* What the plan uses of the network is asked for from now on, and ours: its next hops, and the
 * source addresses of its groups. As soon as the plan is there. */
void network_adopt(struct network *n, struct network_plan *plan);
/* The plan is the one that is executed. Ports of which an address turned out to be another host's
 * send nothing as long as the plan was made before that, for it may send from that address. At each
 * tick. */
void network_execute(struct network *n, const struct network_plan *plan);
/* How many addresses of ours turned out to be others', ever; and a plan that was made when there
 * were fewer would be the same now. */
uint64_t network_refusals(const struct network *n);
void network_confirm(struct network_plan *plan, uint64_t refusals);
/* No worker has the plan any more: what no other that was adopted uses is let go of. Before it is
 * freed. NULL, or one that is not adopted: nothing. */
void network_release(struct network *n, struct network_plan *plan);

/* What follows, up to network_learn, is for the thread that makes plans and frees them, and for
 * that only. */

/* What a plan uses of the network: next hops, and the source addresses of `conf`'s groups. Takes
 * the view over. NULL: no memory. */
struct network_plan *network_plan_begin(struct network *n, struct network_view *view,
					const struct el_conf *conf);
void network_plan_free(struct network_plan *plan); /* NULL is fine */
/* The prober's addresses: those of the ports and the groups' source addresses, but not their
 * subnets; the plan's. */
const struct el_ip *network_plan_addresses(const struct network_plan *plan, size_t *ret_count);
/* A number for the ways that the streams of the plan go, in the order of network_route's calls: the
 * same where all go the same way from the same addresses, whatever others there are. */
uint64_t network_plan_digest(const struct network_plan *plan);
/* Says what of the plan, when it is made, was left out for want of next hops. */
void network_plan_report(const struct network_plan *plan);

/* el_plan_input.route, with a network_plan as context. */
struct el_plan_route network_route(void *network_plan, const struct el_model_target *target,
				   const struct el_model_group *group,
				   const struct el_ip *destination);

/* el_plan_input.place, likewise: the worker whose queue the answers come in on, as far as that can
 * be told. */
uint32_t network_place(void *network_plan, const struct el_slice *slice);
/* Has the plans from now on made by where the answers of another came in. */
void network_learn(struct network *n, const struct el_streams *streams);

/* ---- control ---- */

/* Whether there is a port where learning would be of use. */
bool network_can_learn(const struct network *n);
/* Whether there is room now for what the last plan was short of because of those before it: it is
 * to be made anew. Once. */
bool network_take_room(struct network *n);

/* From now on these workers are told of next hops, their frames are read and answered. Once. */
void network_attach(struct network *n, struct el_worker *const *workers, uint32_t n_workers);
/* Reads frames, moves timers; to be called every few milliseconds on the control thread. */
void network_poll(struct network *n, uint64_t now_ns);
/* True once each next hop has been resolved or given up. */
bool network_settled(const struct network *n);
/* True once the workers have been told of all next hops and addresses, or will be before anything
 * else that is sent to them from now on. */
bool network_told(const struct network *n);

/* Reads the ports' counters again; what they, and the rings between workers, have dropped since the
 * last call. */
uint64_t network_read_drops(struct network *n);
/* Reads the ports' links, and has nothing sent where they are down; at each tick. */
void network_read_links(struct network *n, uint64_t now_ns);
/* Whether any port is up. */
bool network_is_up(const struct network *n);
/* Reads the clocks of NICs that stamp what they receive, and tells the workers; ten times a second.
 */
void network_read_clocks(struct network *n);
/* The counters as last read. */
uint32_t network_n_ports(const struct network *n);
/* Whether one of them is by this driver of DPDK's. */
bool network_has_driver(const struct network *n, const char *driver);
const struct el_port_view *network_port_views(const struct network *n);

/* A number that is another once network_facts would be, though only soon. */
uint64_t network_changes(const struct network *n);
/* Next hops and routes as they are now, one reference; NULL: no memory. Some 20 ns a next hop. */
struct el_network_facts *network_facts(const struct network *n);
