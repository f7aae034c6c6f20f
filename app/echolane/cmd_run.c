/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane run`: brings everything up in order, runs control, takes everything down in reverse. */
#include "options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_mempool.h>

#include "compile.h"
#include "output.h"
#include "rights.h"
#include "sender_keys.h"
#include "signals.h"

/* TX buffers of a worker: its lists, the descriptors of its queues and a cache's worth. */
#define TX_BUFFERS 8191
/* How long a worker is waited for at the end. */
#define HALT_POLL_NS 200000
#define HALT_POLLS 50000

static int tables_init(struct control *c, struct el_error *err)
{
	if (c->options->table == TABLE_NONE)
		return 0;
	/* on a screen only the latest is of use */
	c->tables =
	    writer_create(STDOUT_FILENO, c->options->table == TABLE_SCREEN ? 1 : WRITER_DEPTH_MAX);
	return c->tables
		   ? 0
		   : el_error_set(err, -errno, "the table can't be shown: %s", strerror(errno));
}

/* Whoever reads may take their time, but not to let go of what is ours or of the network. */
static void tables_fini(struct control *c)
{
	signals_let_end();
	c->tables_error = writer_destroy(c->tables, c->stopping ? 100 : -1);
}

static int eal_init(struct control *c, struct el_error *err)
{
	const struct el_conf_dataplane *d = &c->started_with->dataplane;
	size_t n_args = d->eal_args.count + c->options->n_eal_args;
	char **args = calloc(n_args + 1, sizeof(*args));
	struct el_eal_config eal = {.huge_pages = d->huge_pages,
				    .lcores = &c->lcores,
				    .ports = d->ports,
				    .n_ports = d->n_ports,
				    .args = args,
				    .n_args = n_args};
	char dir[4096];
	cpu_set_t allowed;
	int ret;

	if (!args)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (size_t i = 0; i < n_args; i++)
		args[i] = i < d->eal_args.count ? d->eal_args.items[i]
						: c->options->eal_args[i - d->eal_args.count];
	/* that there are none is told where the ports are opened */
	if (el_profile_dir(c->options->profile_dir, dir, sizeof(dir), NULL) == 0)
		eal.profile_dir = dir;
	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	ret = el_lcores_choose(d, c->started_with->global.nb_proc, &allowed, &c->lcores, err);
	if (ret == 0)
		ret = el_eal_init(&eal, err);
	free(args);
	return ret;
}

static void eal_fini(struct control *c)
{
	(void)c;
	el_eal_fini();
}

static int need_port(struct control *c, struct el_error *err)
{
	return c->started_with->dataplane.n_ports
		   ? 0
		   : el_error_set(
			 err, -ENODEV,
			 "no port is configured: name one with --port or in dataplane.ports");
}

static int ports_init(struct control *c, struct el_error *err)
{
	char dir[4096];
	int ret;

	ret = el_profile_dir(c->options->profile_dir, dir, sizeof(dir), err);
	if (ret == 0)
		ret = network_open(c->started_with, c->lcores.n_workers, dir, &c->network, err);
	if (ret == 0)
		c->n_workers = network_workers(c->network);
	return ret;
}

static void ports_fini(struct control *c)
{
	network_close(c->network);
	/* the devices had buffers of them until now */
	for (uint32_t w = 0; w < c->n_workers; w++)
		rte_mempool_free(c->tx_pools[w]);
	responder_free_pools(c);
}

static int clocks_init(struct control *c, struct el_error *err)
{
	return clocks_create(c->started_with->dataplane.clock, c->n_workers, &c->clocks, err);
}

static void clocks_fini(struct control *c)
{
	clocks_destroy(c->clocks);
}

static int random_bytes(void *buf, size_t size, struct el_error *err)
{
	/* at most 256 bytes a call are never interrupted */
	for (size_t at = 0, n; at < size; at += n) {
		n = size - at < 256 ? size - at : 256;
		if (getrandom((uint8_t *)buf + at, n, 0) != (ssize_t)n)
			return el_error_set(err, -EIO, "no random numbers: %s", strerror(errno));
	}
	return 0;
}

static int names_init(struct control *c, struct el_error *err)
{
	return names_create(&c->names, err);
}

static void names_fini(struct control *c)
{
	names_destroy(c->names);
}

static void inventory_changed(void *ctx)
{
	struct control *c = ctx;

	c->reload.inventory_changed = true;
}

static int inventory_init(struct control *c, struct el_error *err)
{
	struct el_inventory_config config = {.settings = el_inventory_settings_of(c->started_with),
					     .changed = inventory_changed,
					     .ctx = c};

	c->inventory = el_inventory_create(&config, err);
	return c->inventory ? 0 : -errno;
}

static void inventory_fini(struct control *c)
{
	el_inventory_destroy(c->inventory);
}

static int plan_init(struct control *c, struct el_error *err)
{
	struct compile_order order = {.generation = ++c->reload.generation};
	struct generation first = {0};
	uint8_t key[32];
	int ret;

	order.keys = el_stamp_keys_get(c->started_keys);
	c->payload = malloc(EL_PLAN_PAYLOAD_BYTES);
	if (!c->payload)
		return el_error_set(err, -ENOMEM, "not enough memory");
	ret = random_bytes(c->payload, EL_PLAN_PAYLOAD_BYTES, err);
	if (ret == 0)
		ret = random_bytes(key, sizeof(key), err);
	if (ret == 0 && compile_take_snapshot(c, &order) < 0)
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	if (ret == 0) {
		c->key = el_id_key_init(key);
		ret = compile_make(c, &order, el_conf_get(c->started_with), &first, err);
	}
	compile_order_fini(&order);
	if (ret < 0)
		return ret;
	compile_adopt(c, &first);
	rollout_init(&c->rollout, &first);
	return 0;
}

static void plan_fini(struct control *c)
{
	generation_fini(&c->rollout.next);
	for (uint32_t i = 0; i < c->rollout.n; i++)
		generation_fini(&c->rollout.generations[i]);
	free(c->payload);
}

static int make_worker(struct control *c, uint32_t w, struct el_error *err)
{
	struct el_worker_queue queues[EL_WORKER_QUEUES_MAX];
	int socket = network_socket(c->network);
	uint16_t mtu = network_mtu(c->network);
	struct el_worker_config config = {
	    .index = {(uint16_t)w},
	    .socket = socket,
	    .board = c->board,
	    .queues = queues,
	    .n_queues = network_queues(c->network, w, queues),
	    .yield = !el_lcores_worker_is_alone(&c->lcores, w),
	    .vectors = c->vectors,
	};
	char name[32];

	if (el_worker_can_share(queues, config.n_queues, mtu)) {
		config.tx_pool = queues[0].pool;
		config.payload = c->payload;
	} else {
		snprintf(name, sizeof(name), "el_tx_%u", w);
		config.tx_pool = c->tx_pools[w] =
		    el_worker_tx_pool_create(name, TX_BUFFERS, mtu, socket, c->payload);
	}
	if (!config.tx_pool)
		return el_error_set(err, -ENOMEM, "not enough memory for the buffers of worker %u",
				    w);
	clocks_worker(c->clocks, w, &config);
	c->workers[w] = el_worker_create(&config, err);
	return c->workers[w] ? 0 : -errno;
}

/* The vector instructions of this CPU, or what is told to do without them: for comparison. */
static int choose_vectors(struct control *c, struct el_error *err)
{
	const char *wanted = getenv("ECHOLANE_VECTORS");

	c->vectors = el_worker_vectors_best();
	if (!wanted || strcmp(wanted, "auto") == 0)
		return 0;
	c->vectors = EL_WORKER_SCALAR;
	return strcmp(wanted, "none") == 0
		   ? 0
		   : el_error_set(
			 err, -EINVAL,
			 "ECHOLANE_VECTORS in the environment: \"auto\" or \"none\", not \"%s\"",
			 wanted);
}

static int workers_init(struct control *c, struct el_error *err)
{
	int ret = choose_vectors(c, err);

	if (ret < 0)
		return ret;
	c->board = el_board_create(c->n_workers, network_socket(c->network));
	if (!c->board)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (uint32_t w = 0; w < c->n_workers; w++) {
		ret = make_worker(c, w, err);
		if (ret < 0)
			return ret;
	}
	el_worker_connect(c->workers, c->n_workers);
	network_attach(c->network, c->workers, c->n_workers);
	return 0;
}

static void workers_fini(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++)
		el_worker_destroy(c->workers[w]);
	el_board_destroy(c->board);
}

static void wait_for_workers(void *board)
{
	if (!el_board_wait(board))
		el_log(
		    EL_LOG_ERROR, "port",
		    "a driver gives memory back that a worker, which does not go on, may be in the "
		    "midst of");
}

static int launch_init(struct control *c, struct el_error *err)
{
	for (; c->n_launched < c->n_workers; c->n_launched++) {
		struct el_worker_idx idx = {(uint16_t)c->n_launched};
		int ret = rte_eal_remote_launch(el_worker_run, c->workers[idx.v],
						el_eal_worker_lcore(idx));
		if (ret < 0)
			return el_error_set(err, ret, "worker %u can't be started", idx.v);
	}
	el_port_before_unmap(wait_for_workers, c->board);
	return 0;
}

/* Has a worker leave its loop. What it works on is freed afterwards: one that does not look at its
 * orders, or hangs in its driver, ends the program here instead. */
static void halt(struct control *c, struct el_worker_idx worker)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};
	const struct timespec pause = {.tv_nsec = HALT_POLL_NS};
	bool told = false;

	for (int i = 0; i < HALT_POLLS; i++) {
		told = told || el_worker_command(c->workers[worker.v], &stop);
		if (told && el_worker_has_ended(c->workers[worker.v])) {
			rte_eal_wait_lcore(el_eal_worker_lcore(worker));
			return;
		}
		nanosleep(&pause, NULL);
	}
	el_log(EL_LOG_CRITICAL, "control",
	       "worker %u does not stop: ending without it, and without the last figures",
	       worker.v);
	el_log_forget();
	_exit(EX_SOFTWARE);
}

static void launch_fini(struct control *c)
{
	for (uint16_t w = 0; w < c->n_launched; w++)
		halt(c, (struct el_worker_idx){w});
	el_port_before_unmap(NULL, NULL);
	control_collect_blocks(c);
}

static int stats_init(struct control *c, struct el_error *err)
{
	c->stats = stats_thread_create(c->lcores.stats);
	if (!c->stats)
		return el_error_set(err, -errno, "statistics can't be started: %s",
				    strerror(errno));
	return 0;
}

static void stats_fini(struct control *c)
{
	stats_thread_destroy(c->stats);
}

static int compile_thread_init(struct control *c, struct el_error *err)
{
	c->compile_thread = compile_create(c);
	return c->compile_thread
		   ? 0
		   : el_error_set(err, -errno, "the compile thread can't be started: %s",
				  strerror(errno));
}

static void compile_thread_fini(struct control *c)
{
	job_thread_destroy(c->compile_thread, 0);
}

static int http_init(struct control *c, struct el_error *err)
{
	struct el_httpd_config config = {.address = c->started_with->global.prometheus_address,
					 .port = c->started_with->global.prometheus_port,
					 .user = c->credentials.user,
					 .password = c->credentials.password,
					 .source = publisher_page_source(c)};

	return el_httpd_create(&config, &c->httpd, err);
}

static void http_fini(struct control *c)
{
	el_httpd_destroy(c->httpd);
}

static int telemetry_init(struct control *c, struct el_error *err)
{
	struct el_telemetry_source source = publisher_telemetry_source(c);
	int ret = el_telemetry_register(&source);

	return ret < 0 ? el_error_set(err, ret, "the telemetry commands can't be registered: %s",
				      strerror(-ret))
		       : 0;
}

static void telemetry_fini(struct control *c)
{
	(void)c;
	el_telemetry_unregister();
}

/* What is brought up, in order; taken down in reverse, also what came only half up. status: the
 * exit status of a failure. */
static const struct step {
	int (*init)(struct control *c, struct el_error *err);
	void (*fini)(struct control *c);
	int status;
} steps[] = {
    /* clang-format off */
	{need_port, NULL, EX_DATAERR},
	{tables_init, tables_fini, EX_OSERR},
	{eal_init, eal_fini, EX_UNAVAILABLE},
	{ports_init, ports_fini, EX_UNAVAILABLE},
	{clocks_init, clocks_fini, EX_SOFTWARE},
	{stats_init, stats_fini, EX_SOFTWARE},
	{names_init, names_fini, EX_SOFTWARE},
	{inventory_init, inventory_fini, EX_DATAERR},
	{plan_init, plan_fini, EX_DATAERR},
	{workers_init, workers_fini, EX_SOFTWARE},
	{responder_init, responder_fini, EX_DATAERR},
	{launch_init, launch_fini, EX_SOFTWARE},
	{compile_thread_init, compile_thread_fini, EX_SOFTWARE},
	{publisher_init, publisher_fini, EX_SOFTWARE},
	{facts_init, facts_fini, EX_SOFTWARE},
	{http_init, http_fini, EX_UNAVAILABLE},
	{control_init, control_fini, EX_SOFTWARE},
	{telemetry_init, telemetry_fini, EX_SOFTWARE},
	{service_init, service_fini, EX_USAGE},
    /* clang-format on */
};

static void log_start(struct control *c)
{
	const struct generation *first = rollout_newest(&c->rollout);

	el_log(EL_LOG_INFO, "control",
	       "echolane %s: %u targets, %u series, %llu probes a round, %u workers, vector "
	       "instructions: %s, round every %.3g s, metrics on port %u",
	       EL_VERSION, first->model->n_targets, first->model->n_series,
	       (unsigned long long)first->set->n_probes, c->n_workers,
	       el_worker_vectors_name(c->vectors), el_s_from_ns(first->set->period_ns),
	       el_httpd_port(c->httpd));
	el_log(EL_LOG_INFO, "control", "telemetry socket: %s/dpdk_telemetry.v2",
	       rte_eal_get_runtime_dir());
}

/* Descriptors, threads and the size of files are the system's, whoever needs them. */
static int exit_status(const struct step *step, int error)
{
	switch (error) {
	case -EMFILE:
	case -ENFILE:
	case -EAGAIN:
	case -EFBIG:
		return EX_OSERR;
	default:
		return step->status;
	}
}

static int bring_up_and_run(struct control *c)
{
	struct el_error err = {{0}};
	struct stdout_text page;
	bool has_page = false;
	int status = 0, n = 0;

	for (; n < (int)RTE_DIM(steps) && !status && !signals_want_stop(); n++) {
		int ret = steps[n].init(c, &err);

		if (ret < 0)
			status = exit_status(&steps[n], ret);
	}
	if (!status && n < (int)RTE_DIM(steps)) {
		el_log(EL_LOG_INFO, "control", "stopping before everything is up");
	} else if (!status) {
		log_start(c);
		rights_give_up(network_has_driver(c->network, "net_af_xdp"));
		control_run(c);
		/* to be printed when everything else has ended */
		has_page = c->options->print_metrics;
		if (has_page && stdout_begin(&page))
			publisher_print_metrics(c, page.stream);
		el_log(EL_LOG_DEBUG, "control",
		       "longest loop: %.3g ms, most processor time: %.3g ms",
		       (double)c->longest_loop_ns / 1e6, (double)c->longest_loop_cpu_ns / 1e6);
	}
	while (n-- > 0) {
		if (steps[n].fini)
			steps[n].fini(c);
	}
	if (status)
		fprintf(stderr, "echolane: %s\n", err.text);
	if (has_page)
		status = stdout_end(&page);
	if (!status && c->tables_error)
		status = stdout_failed(-c->tables_error);
	return status ? status : c->status;
}

int command_run(const struct options *options)
{
	struct control c = {.options = options, .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1};
	struct el_error err;
	int status;

	if (credentials_read(&c.credentials, &err) < 0) {
		fprintf(stderr, "echolane: %s\n", err.text);
		return EX_USAGE;
	}
	/* before it is read: what is changed meanwhile is found by the next look */
	c.reload.file_digest = compile_file_digest(options->config);
	status = load_configuration(options, &c.started_with);
	if (status)
		return status;
	if (sender_keys_read(c.started_with, options->config, &c.started_keys, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		el_conf_put(c.started_with);
		return EX_DATAERR;
	}
	el_log_set_level(c.started_with->global.logging_level);
	signal(SIGPIPE, SIG_IGN);
	status = bring_up_and_run(&c);
	el_stamp_keys_put(c.started_keys);
	el_conf_put(c.started_with);
	return status;
}
