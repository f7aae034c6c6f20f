/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as the parameters of each telemetry command (the first byte chooses one), over a small
 * snapshot. The calls that build a reply are watched on their way to DPDK: what is wrong is
 * refused, pages go on where they are asked to, and no reply is longer than DPDK sends. */
#include "fuzz.h"

#include <inttypes.h>

#include "hand_model.h"

#include <rte_telemetry.h>

#include "el_rank.h"
#include "el_telemetry.h"

#define REPLY_MAX (16 * 1024) /* of DPDK */
#define COMMANDS_MAX 16
#define TARGETS 40
#define GROUPS 2
#define WORKERS 2
#define NEIGHBOURS 500

static struct command {
	const char *name;
	telemetry_cb fn;
} commands[COMMANDS_MAX];
static size_t n_commands;

/* A dictionary of a reply, and how long its JSON is. */
struct dict {
	struct rte_tel_data *d;
	size_t bytes;
};

/* What is seen of a reply. */
static struct {
	struct dict root, rows[256]; /* rows: those that are not freed */
	size_t n_rows;
	bool is_refused;
	uint32_t n_items, first_item, next_item;
} reply;

static struct el_snapshot_store *store;
static struct el_facts *facts;

int __wrap_rte_telemetry_register_cmd(const char *cmd, telemetry_cb fn, const char *help);
struct rte_tel_data *__real_rte_tel_data_alloc(void);
struct rte_tel_data *__wrap_rte_tel_data_alloc(void);
void __real_rte_tel_data_free(struct rte_tel_data *d);
void __wrap_rte_tel_data_free(struct rte_tel_data *d);
int __real_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *val, int keep);
int __wrap_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *val, int keep);
int __real_rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val);
int __wrap_rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val);
int __real_rte_tel_data_add_dict_string(struct rte_tel_data *d, const char *name, const char *val);
int __wrap_rte_tel_data_add_dict_string(struct rte_tel_data *d, const char *name, const char *val);

int __wrap_rte_telemetry_register_cmd(const char *cmd, telemetry_cb fn, const char *help)
{
	FUZZ_ASSERT(n_commands < COMMANDS_MAX && help && strlen(cmd) < 56);
	commands[n_commands++] = (struct command){cmd, fn};
	return 0;
}

static struct dict *find(const struct rte_tel_data *d)
{
	size_t i = 0;

	if (d == reply.root.d)
		return &reply.root;
	while (i < reply.n_rows && reply.rows[i].d != d)
		i++;
	FUZZ_ASSERT(i < reply.n_rows);
	return &reply.rows[i];
}

static void add_bytes(const struct rte_tel_data *d, const char *name, size_t bytes)
{
	FUZZ_ASSERT(
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/") ==
		strlen(name) &&
	    *name && strlen(name) < RTE_TEL_MAX_STRING_LEN);
	find(d)->bytes += strlen("\"\":,") + strlen(name) + bytes;
}

/* DPDK frees what is in a reply once it is sent; here free_reply does. */
struct rte_tel_data *__wrap_rte_tel_data_alloc(void)
{
	struct rte_tel_data *d = __real_rte_tel_data_alloc();

	FUZZ_ASSERT(d && reply.n_rows < sizeof(reply.rows) / sizeof(reply.rows[0]));
	reply.rows[reply.n_rows++] = (struct dict){d, strlen("{}")};
	return d;
}

void __wrap_rte_tel_data_free(struct rte_tel_data *d)
{
	struct dict *row = find(d);

	*row = reply.rows[--reply.n_rows];
	__real_rte_tel_data_free(d);
}

int __wrap_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *val, int keep)
{
	uint32_t item = (uint32_t)strtoul(name, NULL, 10);

	FUZZ_ASSERT(d == reply.root.d);
	if (*name >= '0' && *name <= '9') { /* else it is a path */
		FUZZ_ASSERT(reply.n_items == 0 || item == reply.next_item);
		if (reply.n_items++ == 0)
			reply.first_item = item;
		reply.next_item = item + 1;
	}
	add_bytes(d, name, find(val)->bytes);
	return __real_rte_tel_data_add_dict_container(d, name, val, keep);
}

int __wrap_rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val)
{
	int rc = __real_rte_tel_data_add_dict_u64(d, name, val);

	FUZZ_ASSERT(rc == 0); /* nothing is left out */
	add_bytes(d, name, (size_t)snprintf(NULL, 0, "%" PRIu64, val));
	return rc;
}

int __wrap_rte_tel_data_add_dict_string(struct rte_tel_data *d, const char *name, const char *val)
{
	int rc = __real_rte_tel_data_add_dict_string(d, name, val);
	size_t bytes = strlen("\"\"");

	FUZZ_ASSERT(rc == 0);
	reply.is_refused |= d == reply.root.d && strcmp(name, "error") == 0;
	for (; *val; val++) {
		FUZZ_ASSERT(*val >= ' ' && *val < 0x7f); /* DPDK's JSON takes no other */
		bytes += *val == '"' || *val == '\\' ? 2 : 1;
	}
	add_bytes(d, name, bytes);
	return rc;
}

static struct el_snapshot *source_snapshot(void *ctx)
{
	(void)ctx;
	return el_snapshot_store_take(store);
}

static struct el_facts *source_facts(void *ctx)
{
	(void)ctx;
	facts->refs++;
	return facts;
}

static struct el_paths *source_paths(void *ctx, const char *target)
{
	const uint32_t n = 100;
	struct el_paths *p = calloc(1, sizeof(*p) + n * sizeof(p->items[0]));

	(void)ctx, (void)target;
	FUZZ_ASSERT(p);
	p->refs = 1;
	p->n = n;
	for (uint32_t i = 0; i < n; i++)
		p->items[i] = (struct el_path){.sent = UINT32_MAX, .rtt_max_ns = UINT64_MAX};
	return p;
}

static uint32_t source_workers(void *ctx, struct el_worker_view *ret, uint32_t max)
{
	(void)ctx;
	FUZZ_ASSERT(max >= WORKERS);
	for (int w = 0; w < WORKERS; w++) {
		ret[w] = (struct el_worker_view){.poll_gap_last_s = 0.001, .poll_gap_max_s = 0.5};
		for (int i = 0; i < EL_COUNTERS; i++)
			ret[w].v[i] = UINT64_MAX;
	}
	return WORKERS;
}

static uint32_t source_ports(void *ctx, struct el_port_view *ret, uint32_t max)
{
	(void)ctx;
	FUZZ_ASSERT(max >= 2);
	ret[0] = (struct el_port_view){.name = "wan0", .socket_drops = UINT64_MAX};
	ret[1] = (struct el_port_view){.name = "\"", .placement = EL_PLACEMENT_LEARNT};
	return 2;
}

/* Numbers are as long as they can be. */
static void init_facts(void)
{
	facts = el_facts_create();
	facts->network = el_network_facts_create(NEIGHBOURS, 1);
	memset(facts->network->ports[0], '"', 63);
	for (uint32_t i = 0; i < NEIGHBOURS; i++)
		facts->network->neighbours[i] = (struct el_neighbour_fact){
		    .state = "ready", .has_mac = true, .plans = UINT16_MAX};
	facts->network->n_neighbours = NEIGHBOURS;
	facts->network->n_routes = 1;
	memset(&facts->plan, 0xff, sizeof(facts->plan));
	memset(&facts->rounds, 0xff, sizeof(facts->rounds));
	facts->n_workers = facts->plan.n_workers = EL_PLAN_WORKERS_MAX;
	facts->rounds.state = "running";
	facts->rounds.n_plans = EL_FACTS_PLANS_MAX;
	facts->rounds.is_making = true;
	for (uint32_t i = 0; i < EL_FACTS_PLANS_MAX; i++)
		facts->rounds.plans[i].is_open = true;
	facts->clock.all =
	    (struct el_clock_state){.reason = "steps", .error_ppm = 1e30, .skew_s = INFINITY};
	for (uint32_t w = 0; w < EL_PLAN_WORKERS_MAX; w++)
		facts->clock.workers[w].steps = UINT64_MAX;
	facts->reload.result = EL_RELOAD_REFUSED;
	memset(facts->reload.error, '\x81', sizeof(facts->reload.error) - 1);
}

/* Names that are long and have to be escaped make several pages. */
static void init(void)
{
	static const int percentiles[] = {95, 50};
	const struct el_telemetry_source source = {.version = "1.2.3",
						   .vectors = "AVX-512",
						   .snapshot = source_snapshot,
						   .facts = source_facts,
						   .paths = source_paths,
						   .workers = source_workers,
						   .ports = source_ports};
	struct hand_model *model = hand_model_create(TARGETS, GROUPS, percentiles, 2);
	struct el_snapshot *s;
	char name[201];

	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (uint32_t i = 0; i < TARGETS; i += 3)
		hand_rename(&model->model.targets[i].name, name);
	s = el_snapshot_next(NULL, &model->model, NULL);
	for (uint32_t i = 1; i < model->model.n_series; i++) {
		s->measured[i] = true;
		s->series[i] = (struct el_series_totals){.sent = UINT64_MAX - i, .lost = i};
		s->gauges[i] = (struct el_figures){.sent = 20, .rtt_max_ns = UINT64_MAX};
		s->percentile_ns[2 * i] = 1e15;
		s->percentile_ns[2 * i + 1] = NAN;
	}
	s->number = 1;
	init_facts();
	store = el_snapshot_store_create();
	el_snapshot_store_publish(store, s);
	FUZZ_ASSERT(el_telemetry_register(&source) == 0 && n_commands > 0);
}

static void free_reply(void)
{
	while (reply.n_rows > 0)
		__real_rte_tel_data_free(reply.rows[--reply.n_rows].d);
	__real_rte_tel_data_free(reply.root.d);
	memset(&reply, 0, sizeof(reply));
}

/* As a person would read it: digits alone, of 32 bits. */
static bool is_number(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || v > UINT32_MAX)
			return false;
		v = 10 * v + (uint64_t)(*c - '0');
	}
	*ret = v;
	return *text && v <= UINT32_MAX;
}

/* NAME, or NAME,NUMBER where that is none. */
static void check_target(const char *params, const struct el_model *m)
{
	const char *comma = params ? strrchr(params, ',') : NULL;
	uint64_t first = 0;
	uint32_t t = 0;

	while (params && t < m->n_targets && strcmp(m->targets[t].name, params) != 0)
		t++;
	if (comma && t == m->n_targets && is_number(comma + 1, &first)) {
		size_t n = (size_t)(comma - params);

		for (t = 0; t < m->n_targets; t++) {
			if (strlen(m->targets[t].name) == n &&
			    !memcmp(m->targets[t].name, params, n))
				break;
		}
	}
	FUZZ_ASSERT(reply.is_refused == !(params && t < m->n_targets));
	if (reply.is_refused)
		return;
	FUZZ_ASSERT(reply.n_items ==
		    (first < m->targets[t].n_series ? m->targets[t].n_series - first : 0));
	FUZZ_ASSERT(!reply.n_items || reply.first_item == m->targets[t].first_series + first);
}

/* KEY,N[,FIRST[,FILTER]] */
static void check_top(char *params, const struct el_model *m)
{
	uint64_t n = 0, first = 0;
	char *key = params ? strsep(&params, ",") : NULL;
	char *n_text = params ? strsep(&params, ",") : NULL;
	char *first_text = params && *params ? strsep(&params, ",") : NULL;
	bool right = key && el_rank_find(key, strlen(key)) >= 0 && n_text &&
		     is_number(n_text, &n) && (!first_text || is_number(first_text, &first)) &&
		     (!params || strlen(params) < 128);

	FUZZ_ASSERT(reply.is_refused == !right);
	FUZZ_ASSERT(!reply.n_items || reply.first_item == first);
	FUZZ_ASSERT(!n || reply.n_items <= n);
	FUZZ_ASSERT(reply.n_items <= m->n_series);
	/* as many as there are, or as the reply holds */
	if (right && (!params || !*params) && !n)
		FUZZ_ASSERT((reply.n_items > 0) == (first < m->n_series));
}

static void check_list(const char *params, bool is_empty, uint32_t total)
{
	uint64_t number = 0;
	bool right = is_empty || is_number(params, &number);

	FUZZ_ASSERT(reply.is_refused == !right);
	FUZZ_ASSERT(!right || (reply.n_items > 0) == (number < total));
	FUZZ_ASSERT(!reply.n_items || (reply.first_item == number && reply.next_item <= total));
}

static void check(const char *name, char *params, const struct el_model *m)
{
	uint64_t number = 0;
	bool is_empty = !params || !*params;

	FUZZ_ASSERT(reply.root.bytes < REPLY_MAX - 64); /* there is something around it */
	if (strcmp(name, "/echolane/worker") == 0)
		FUZZ_ASSERT(reply.is_refused ==
			    !(params && is_number(params, &number) && number < WORKERS));
	else if (strcmp(name, "/echolane/series") == 0)
		check_list(params, is_empty, m->n_series);
	else if (strcmp(name, "/echolane/neighbours") == 0)
		check_list(params, is_empty, NEIGHBOURS);
	else if (strcmp(name, "/echolane/routes") == 0)
		check_list(params, is_empty, 1);
	else if (strcmp(name, "/echolane/target") == 0)
		check_target(params, m);
	else if (strcmp(name, "/echolane/top") == 0)
		check_top(params, m);
	else /* what takes no parameter; a reload's own error is none of the question */
		FUZZ_ASSERT(reply.is_refused ==
			    (!is_empty || strcmp(name, "/echolane/reload") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el_snapshot *s;
	struct command *c;
	char *params;

	if (!store)
		init();
	c = &commands[size ? data[0] % n_commands : 0];
	params = size > 1 && data[1] ? fuzz_string(data + 1, size - 1) : NULL;
	reply.root = (struct dict){__real_rte_tel_data_alloc(), strlen("{}")};
	s = el_snapshot_store_take(store);
	FUZZ_ASSERT(c->fn(c->name, params, reply.root.d) == 0);
	check(c->name, params, s->model);
	el_snapshot_put(s);
	free_reply();
	free(params);
	return 0;
}
