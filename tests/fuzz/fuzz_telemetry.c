/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as the parameters of each telemetry command (the first byte chooses one), over a small
 * snapshot. The calls that build a reply are watched on their way to DPDK: what is wrong is
 * refused, pages go on where they are asked to, and no reply is longer than DPDK sends. */
#include "fuzz.h"

#include <inttypes.h>

#include "hand_model.h"

#include <rte_telemetry.h>

#include "el_telemetry.h"

#define REPLY_MAX (16 * 1024) /* of DPDK */
#define COMMANDS_MAX 16
#define TARGETS 40
#define GROUPS 2
#define WORKERS 2

static struct command {
	const char *name;
	telemetry_cb fn;
} commands[COMMANDS_MAX];
static size_t n_commands;

/* What is seen of a reply. */
static struct {
	struct rte_tel_data *containers[256];
	size_t n_containers, bytes;
	uint32_t n_items, first_item, next_item;
} reply;

static struct el_snapshot_store *store;

int __wrap_rte_telemetry_register_cmd(const char *cmd, telemetry_cb fn, const char *help);
struct rte_tel_data *__real_rte_tel_data_alloc(void);
struct rte_tel_data *__wrap_rte_tel_data_alloc(void);
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
	FUZZ_ASSERT(n_commands < COMMANDS_MAX && help);
	commands[n_commands++] = (struct command){cmd, fn};
	return 0;
}

/* DPDK frees what is in a reply once it is sent; here free_reply does. */
struct rte_tel_data *__wrap_rte_tel_data_alloc(void)
{
	struct rte_tel_data *d = __real_rte_tel_data_alloc();

	FUZZ_ASSERT(d &&
		    reply.n_containers < sizeof(reply.containers) / sizeof(reply.containers[0]));
	return reply.containers[reply.n_containers++] = d;
}

int __wrap_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *val, int keep)
{
	uint32_t item = (uint32_t)strtoul(name, NULL, 10);

	FUZZ_ASSERT(reply.n_items == 0 || item == reply.next_item);
	if (reply.n_items++ == 0)
		reply.first_item = item;
	reply.next_item = item + 1;
	reply.bytes += strlen("\"\":{},") + strlen(name);
	return __real_rte_tel_data_add_dict_container(d, name, val, keep);
}

int __wrap_rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val)
{
	int rc = __real_rte_tel_data_add_dict_u64(d, name, val);

	FUZZ_ASSERT(rc == 0); /* nothing is left out */
	reply.bytes += (size_t)snprintf(NULL, 0, "\"%s\":%" PRIu64 ",", name, val);
	return rc;
}

int __wrap_rte_tel_data_add_dict_string(struct rte_tel_data *d, const char *name, const char *val)
{
	int rc = __real_rte_tel_data_add_dict_string(d, name, val);

	FUZZ_ASSERT(rc == 0);
	reply.bytes += strlen("\"\":\"\",") + strlen(name);
	for (; *val; val++)
		reply.bytes += *val == '"' || *val == '\\' ? 2 : 1;
	return rc;
}

static struct el_snapshot *source_snapshot(void *ctx)
{
	(void)ctx;
	return el_snapshot_store_take(store);
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

/* Names that are long and have to be escaped make several pages. */
static void init(void)
{
	static const int percentiles[] = {95, 50};
	const struct el_telemetry_source source = {"1.2.3", source_snapshot, source_workers,
						   source_ports, NULL};
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
	store = el_snapshot_store_create();
	el_snapshot_store_publish(store, s);
	FUZZ_ASSERT(el_telemetry_register(&source) == 0 && n_commands > 0);
}

static void free_reply(void)
{
	while (reply.n_containers > 0)
		rte_tel_data_free(reply.containers[--reply.n_containers]);
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

static void check(const char *name, const char *params, int rc, const struct el_model *m)
{
	uint64_t number = 0;
	bool right = params && is_number(params, &number);
	uint32_t t = 0;

	FUZZ_ASSERT(reply.bytes < REPLY_MAX);
	if (strcmp(name, "/echolane/worker") == 0) {
		FUZZ_ASSERT((rc == 0) == (right && number < WORKERS));
	} else if (strcmp(name, "/echolane/series") == 0) {
		FUZZ_ASSERT((rc == 0) == (right || !params));
		FUZZ_ASSERT(rc < 0 || (reply.n_items > 0) == (number < m->n_series));
		FUZZ_ASSERT(!reply.n_items ||
			    (reply.first_item == number && reply.next_item <= m->n_series));
	} else if (strcmp(name, "/echolane/target") == 0) {
		while (params && t < m->n_targets && strcmp(m->targets[t].name, params) != 0)
			t++;
		FUZZ_ASSERT((rc == 0) == (params && t < m->n_targets));
		FUZZ_ASSERT(rc < 0 || (reply.first_item == m->targets[t].first_series &&
				       reply.n_items == m->targets[t].n_series));
	} else {
		FUZZ_ASSERT(rc == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rte_tel_data *d;
	struct el_snapshot *s;
	struct command *c;
	char *params;

	if (!store)
		init();
	c = &commands[size ? data[0] % n_commands : 0];
	params = size > 1 && data[1] ? fuzz_string(data + 1, size - 1) : NULL;
	d = rte_tel_data_alloc();
	s = el_snapshot_store_take(store);
	check(c->name, params, c->fn(c->name, params, d), s->model);
	el_snapshot_put(s);
	free_reply();
	free(params);
	return 0;
}
