/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What control knows besides the figures, for those who look inside: an immutable state that
 * control publishes every second and after each reload, and that readers on other threads take
 * counted references to. */
#include <stdbool.h>
#include <stdint.h>

#include "el_base.h"
#include "el_plan.h"
#include "el_stats.h"

#define EL_FACTS_PORTS_MAX 32
#define EL_FACTS_PLANS_MAX 32

/* A next hop. */
struct el_neighbour_fact {
	struct el_ip ip;
	const char *state; /* one word; a constant */
	uint16_t port;     /* of el_network_facts.ports */
	uint16_t plans;    /* that use it, the configuration being one */
	uint8_t mac[6];
	bool has_mac;
};

/* A route of the configuration, or that a port has the kernel's. */
struct el_route_fact {
	uint16_t port;
	bool is_kernel;      /* the kernel is asked for each destination: nothing else is set */
	bool is_advertised;  /* a router says so */
	struct el_prefix to; /* length 0: the default route */
	struct el_ip via;    /* family 0: it is on the link */
	struct el_ip source; /* family 0: the port's */
};

/* Changes seldom, and is large: counted by itself. */
struct el_network_facts {
	_Atomic uint32_t refs;
	char ports[EL_FACTS_PORTS_MAX][64]; /* names */
	struct el_neighbour_fact *neighbours;
	uint32_t n_neighbours;
	struct el_route_fact *routes;
	uint32_t n_routes;
};

/* Of the plan that is executed. */
struct el_plan_facts {
	uint64_t generation, n_probes;
	uint64_t window_ns, period_ns, timeout_ns, limit_ns; /* as in el_plan_set */
	double iteration_s, requested_pps, skew;
	uint32_t n_blocks, n_workers;
	struct el_id_layout ids;
	struct {
		uint64_t n_probes;
		uint32_t n_slices, n_classes, n_half_open;
	} workers[EL_PLAN_WORKERS_MAX];
};

struct el_rounds_facts {
	const char *state; /* one word; a constant */
	uint64_t skipped;
	bool is_making; /* another plan is being made */
	uint32_t n_plans;
	/* Those that are not over, the oldest first; the last one is executed. */
	struct {
		uint64_t generation, first_round;
		bool is_open; /* some of its rounds are not published yet */
	} plans[EL_FACTS_PLANS_MAX];
	uint64_t begun[EL_PLAN_WORKERS_MAX]; /* the round that a worker has begun last; 0: none */
};

struct el_clock_facts {
	struct el_clock_state all;
	struct {
		uint64_t steps;
		double error_ppm, skew_s; /* against control's core */
		bool monotonic;           /* times are the kernel's */
	} workers[EL_PLAN_WORKERS_MAX];
};

struct el_reload_facts {
	enum { EL_RELOAD_NONE, EL_RELOAD_TAKEN, EL_RELOAD_REFUSED } result; /* of the last one */
	bool is_wanted;          /* another is waited for or under way */
	uint64_t taken, refused; /* how many, since the start */
	int64_t time_s;          /* of the last one, since 1970 */
	char error[512];         /* why it was refused */
};

struct el_facts {
	_Atomic uint32_t refs;
	struct el_network_facts *network; /* one reference held; NULL: there was no memory for it */
	uint32_t n_workers;
	struct el_plan_facts plan;
	struct el_rounds_facts rounds;
	struct el_clock_facts clock;
	struct el_reload_facts reload;
};

/* One reference each, all zero; NULL: no memory. */
struct el_network_facts *el_network_facts_create(uint32_t n_neighbours, uint32_t n_routes);
struct el_facts *el_facts_create(void);
struct el_network_facts *el_network_facts_get(struct el_network_facts *f);
void el_network_facts_put(struct el_network_facts *f); /* NULL is fine */
void el_facts_put(struct el_facts *f);                 /* likewise */

/* Where the current facts live, as el_snapshot_store. */
struct el_facts_store;
struct el_facts_store *el_facts_store_create(void); /* NULL: no memory */
void el_facts_store_destroy(struct el_facts_store *store);
/* Takes over the caller's reference. */
void el_facts_store_publish(struct el_facts_store *store, struct el_facts *f);
/* A new reference, or NULL while nothing is published. */
struct el_facts *el_facts_store_take(struct el_facts_store *store);
