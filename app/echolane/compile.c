/* SPDX-License-Identifier: BSD-3-Clause */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sender_keys.h"

/* ---- from a configuration to a generation ---- */

/* What can be had without pushing anything out of memory; UINT64_MAX: not known. */
static uint64_t available_bytes(void)
{
	FILE *in = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = sscanf(line, "MemAvailable: %llu kB", &kb) == 1;
	if (in)
		fclose(in);
	return found ? kb * 1024 : UINT64_MAX;
}

/* Asked before the memory is taken: the kernel would promise it, and kill for want of it. */
static int check_memory(const struct el_plan_set *set, struct el_error *err)
{
	uint64_t wanted = el_plan_set_blocks_bytes(set), there = available_bytes();

	if (wanted <= there)
		return 0;
	return el_error_set(err, -ENOMEM,
			    "the records of %u rounds of %llu probes need %.3g GB of memory, but "
			    "%.3g GB are available%s: fewer probes, a longer interval or a shorter "
			    "timeout need less",
			    set->n_blocks, (unsigned long long)set->n_probes, (double)wanted / 1e9,
			    (double)there / 1e9,
			    set->generation > 1 ? " beside those of plans with open rounds" : "");
}

/* Hands each worker its block of a round, if there is room for all of them. */
static bool order_round(void *ctx, struct el_block *const *blocks)
{
	struct control *c = ctx;
	struct el_command commands[EL_PLAN_WORKERS_MAX];

	for (uint32_t w = 0; w < c->n_workers; w++)
		commands[w] = (struct el_command){.kind = EL_COMMAND_ROUND, .block = blocks[w]};
	return el_workers_command(c->workers, c->n_workers, commands);
}

static void submit_round(void *ctx, struct stats_job *job)
{
	struct control *c = ctx;

	stats_thread_submit(c->stats, job);
}

/* What goes with a plan: the counters of what has no record, and the blocks. */
static int make_rounds(struct control *c, struct generation *p, struct el_error *err)
{
	struct rounds_config config = {.n_workers = c->n_workers,
				       .set = p->set,
				       .last = c->options->rounds,
				       .order = order_round,
				       .submit = submit_round,
				       .ctx = c};

	int code = check_memory(p->set, err);

	if (code < 0)
		return code;
	p->events = events_create(p->model, p->set->generation);
	p->streams = el_streams_create(p->set);
	p->rounds = rounds_create(&config);
	if (p->events && p->streams && p->rounds)
		return 0;
	return el_error_set(err, -ENOMEM,
			    "not enough memory for the records of %u rounds of %llu probes",
			    p->set->n_blocks, (unsigned long long)p->set->n_probes);
}

/* Once, not with each plan that has the same to say. */
static void tell_of_ports(struct control *c, const struct el_plan_set *set)
{
	char text[sizeof(c->ports_told)];

	if (!el_plan_tight_text(&set->tight, text, sizeof(text)) ||
	    strcmp(text, c->ports_told) == 0)
		return;
	memcpy(c->ports_told, text, strlen(text) + 1);
	el_log(EL_LOG_WARNING, "plan", "%s", text);
}

static int compile(struct control *c, struct compile_order *order, struct generation *p,
		   struct el_error *err)
{
	const struct el_conf *conf = p->conf;
	uint64_t cap = conf->dataplane.max_rate_pps;
	struct el_conf view; /* with the targets of inventories */
	struct el_plan_input in = {
	    .key = c->key,
	    .n_workers = c->n_workers,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .round_timeout_s = conf->global.timeout_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .has_phase = !isnan(conf->dataplane.phase),
	    .phase = conf->dataplane.phase,
	    .rate_pps = cap ? cap : network_default_pps(c->network),
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .certain_below_s = conf->dataplane.certain_below_s,
	    .memory_bytes = available_bytes(),
	    .is_update = order->is_update,
	    .generation = order->generation,
	    .payload = c->payload,
	    .stamp_keys = order->keys,
	    .route = network_route,
	    .place = network_place,
	};
	struct el_model_input model = {.conf = &view,
				       .before = order->is_update ? order->model : NULL,
				       .resolve = names_lookup,
				       .resolve_ctx = order->names};
	int code;

	if (order->learn_from)
		network_learn(c->network, order->learn_from);
	if (el_inventory_targets(order->inventories, conf, &view) < 0 ||
	    !(p->names = names_list_create(&view, order->names)))
		return el_error_set(err, -ENOMEM, "not enough memory for the targets");
	p->net = network_plan_begin(c->network, order->network, &view);
	order->network = NULL;
	if (!p->net)
		return el_error_set(err, -ENOMEM, "not enough memory");
	in.route_ctx = p->net;
	model.own = network_plan_addresses(p->net, &model.n_own);
	p->model = el_model_create(&model, err);
	if (!p->model)
		return -errno;
	in.model = p->model;
	code = el_plan_compile(&in, &p->set, err);
	if (code == 0 && order->only_if_moved && network_plan_digest(p->net) == order->digest)
		return PLAN_NOT_NEEDED;
	if (code == 0) {
		tell_of_ports(c, p->set);
		network_plan_report(p->net);
	}
	return code;
}

int compile_take_snapshot(struct control *c, struct compile_order *order)
{
	const struct generation *newest = c->rollout.n ? rollout_newest(&c->rollout) : NULL;

	order->inventories = el_inventory_take_lists(c->inventory);
	order->names = names_take_known(c->names);
	order->network = network_take_view(c->network);
	if (newest) {
		order->keys = el_stamp_keys_get(newest->keys);
		order->model = el_model_get(newest->model);
		order->digest = network_plan_digest(newest->net);
	}
	return order->inventories && order->names && order->network ? 0 : -ENOMEM;
}

void compile_adopt(struct control *c, const struct generation *p)
{
	if (names_want(c->names, p->names) < 0)
		el_log(EL_LOG_ERROR, "resolve", "not enough memory for the names");
	network_adopt(c->network, p->net);
}

void compile_order_fini(struct compile_order *order)
{
	el_inventory_lists_free(order->inventories);
	names_known_free(order->names);
	network_view_free(order->network);
	el_model_put(order->model);
	el_stamp_keys_put(order->keys);
	el_streams_put(order->learn_from);
	*order = (struct compile_order){0};
}

int compile_make(struct control *c, struct compile_order *order, struct el_conf *conf,
		 struct generation *ret, struct el_error *err)
{
	struct generation p = {.conf = conf, .keys = el_stamp_keys_get(order->keys)};
	int code = compile(c, order, &p, err);

	if (code == 0)
		code = make_rounds(c, &p, err);
	if (code != 0) {
		generation_fini(&p);
		return code;
	}
	*ret = p;
	return 0;
}

/* ---- the thread ---- */

/* What is no regular file is not looked at again: a FIFO would be waited for. */
static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

uint64_t compile_file_digest(const char *path)
{
	const struct el_siphash_key key = {1, 2};
	uint64_t digest = 1;
	char buf[65536];
	ssize_t n;
	int fd = is_file(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		digest = digest * 31 + el_siphash(&key, buf, (size_t)n);
	close(fd);
	return n < 0 ? 0 : digest;
}

/* Says all there is to say about a configuration; `err`: the first of its errors, and how many more
 * there are. */
static void say_all(const struct el_conf_diags *diags, int code, const char *path,
		    struct el_error *err)
{
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < diags->count; i++) {
		const struct el_conf_diag *d = &diags->items[i];

		el_log(d->is_error ? EL_LOG_ERROR : EL_LOG_WARNING, "reload", "%s", d->text);
		n += d->is_error;
		first = d->is_error && !first ? d->text : first;
	}
	if (n > 1)
		el_error_set(err, code, "%.400s (and %zu more errors)", first, n - 1);
	else
		el_error_set(err, code, "%s", first ? first : path);
}

/* The keys of a configuration in place of those that an order has. */
static int read_keys(const struct control *c, const struct el_conf *conf,
		     struct compile_order *order, struct el_error *err)
{
	struct el_stamp_keys *keys;
	int code = sender_keys_read(conf, c->options->config, &keys, err);

	if (code < 0)
		return code;
	el_stamp_keys_put(order->keys);
	order->keys = keys;
	return 0;
}

/* The configuration of the command line once more, with its ports and its keys, which are the
 * order's then; everything wrong is logged. */
static int load(struct control *c, struct compile_order *order, struct el_conf **ret,
		struct el_error *err)
{
	const struct options *o = c->options;
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	int code;

	el_log_forget(); /* who changes a file waits for what is said of it */
	if (!is_file(o->config))
		return el_error_set(err, -EINVAL, "%s is not a file", o->config);
	code = el_conf_load(o->config, &conf, &diags);
	say_all(&diags, code, o->config, err);
	el_conf_diags_fini(&diags);
	if (code < 0)
		return code;
	for (uint32_t i = 0; i < o->n_ports && code == 0; i++)
		code = el_conf_add_port(conf, o->ports[i], err);
	if (code == 0) {
		code = el_conf_check_group_ports(conf, o->config, &diags);
		say_all(&diags, code, o->config, err);
		el_conf_diags_fini(&diags);
	}
	if (code == 0) {
		const struct el_inventory_settings settings = el_inventory_settings_of(conf);

		code = el_inventory_check(&settings, err);
	}
	if (code == 0)
		code = read_keys(c, conf, order, err);
	if (code < 0) {
		el_conf_put(conf);
		return code;
	}
	*ret = conf;
	return 0;
}

static bool work(void *ctx, struct job *base)
{
	struct compile_job *job = (struct compile_job *)base;
	struct control *c = ctx;

	if (job->kind == COMPILE_FREE)
		return false;
	if (job->kind == COMPILE_LOAD) {
		uint64_t digest = compile_file_digest(c->options->config);
		if (job->only_if_changed && digest == job->digest)
			job->status = PLAN_NOT_TRIED;
		job->digest = digest;
		if (job->status == 0)
			job->status = load(c, &job->order, &job->conf, &job->err);
	}
	if (job->status == 0) {
		job->status = compile_make(c, &job->order, job->conf, &job->generation, &job->err);
		job->conf = NULL;
	}
	compile_order_fini(&job->order);
	return true;
}

static void drop(struct job *base)
{
	struct compile_job *job = (struct compile_job *)base;

	el_conf_put(job->conf);
	compile_order_fini(&job->order);
	generation_fini(&job->generation);
	free(job);
}

struct job_thread *compile_create(struct control *c)
{
	return job_thread_create("plans", work, drop, c);
}

void compile_free(struct job_thread *p, struct generation *generation)
{
	struct compile_job *job = calloc(1, sizeof(*job));

	if (!job) { /* only that thread may free it: then it stays */
		el_log(EL_LOG_ERROR, "compile", "not enough memory to free a plan");
		*generation = (struct generation){0};
		return;
	}
	job->kind = COMPILE_FREE;
	job->generation = *generation;
	*generation = (struct generation){0};
	job_thread_submit(p, &job->base, 0);
}

struct compile_job *compile_take(struct job_thread *p)
{
	return (struct compile_job *)job_thread_take(p);
}
