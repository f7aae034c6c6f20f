/* SPDX-License-Identifier: BSD-3-Clause */
/* simpeer: the other end of a link, for tests and benchmarks. Answers probes as a script says.
 *
 * Over memif, end simpeer before the program at the other end, or when nothing is on its way any
 * more: the driver (22.11) unmaps the rings on its own thread as soon as the other end is gone,
 * under the feet of a burst that is being copied. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "el_ticks.h"
#include "engine.h"

#define RINGS 1024
#define CALIBRATION_NS 50000000L
#define WALL_NS 100000000 /* between two looks at CLOCK_REALTIME */

struct options {
	const char *script, *stats;
	uint16_t port_id;
	double duration_s; /* 0: until told to stop */
	bool yield;
};

static atomic_bool stopping, summary_wanted;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		atomic_store_explicit(&summary_wanted, true, memory_order_relaxed);
	else
		atomic_store_explicit(&stopping, true, memory_order_relaxed);
}

static void usage(FILE *out)
{
	fputs("usage: simpeer [EAL options] -- --script FILE [options]\n"
	      "Answers TCP SYN, ICMP echo and UDP probes that arrive on a DPDK port as a script "
	      "says.\n"
	      "  --script FILE    what to answer and how (YAML)\n"
	      "  --port N         DPDK port id; default 0\n"
	      "  --duration S     stop after S seconds; default when SIGINT or SIGTERM comes\n"
	      "  --stats FILE     write the counters there, as JSON, at the end and on SIGUSR1; "
	      "default to\n"
	      "                   standard output\n"
	      "  --yield          give the processor up between polls, where it is shared\n"
	      "  --help           this, and all keys of the script\n"
	      "Prints \"ready\" once it polls. Exit status: 0; 64 bad usage, 65 bad script, 69 no "
	      "such port.\n\n",
	      out);
	simpeer_script_help(out);
}

/* 0, 1 for --help, or -EINVAL with a message printed. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum { SCRIPT = 1, PORT, DURATION, STATS, YIELD, HELP };
	static const struct option longs[] = {{"script", required_argument, NULL, SCRIPT},
					      {"port", required_argument, NULL, PORT},
					      {"duration", required_argument, NULL, DURATION},
					      {"stats", required_argument, NULL, STATS},
					      {"yield", no_argument, NULL, YIELD},
					      {"help", no_argument, NULL, HELP},
					      {0}};
	unsigned long port;
	char *end;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (opt) {
		case SCRIPT:
			o->script = optarg;
			break;
		case PORT:
			port = strtoul(optarg, &end, 10);
			if (optarg[0] < '0' || optarg[0] > '9' || *end ||
			    port >= RTE_MAX_ETHPORTS) {
				fprintf(stderr, "simpeer: --port: expected a port id, got \"%s\"\n",
					optarg);
				return -EINVAL;
			}
			o->port_id = (uint16_t)port;
			break;
		case DURATION:
			o->duration_s = strtod(optarg, &end);
			if (end == optarg || *end || !(o->duration_s > 0 && o->duration_s < 1e6)) {
				fprintf(stderr,
					"simpeer: --duration: expected seconds, got \"%s\"\n",
					optarg);
				return -EINVAL;
			}
			break;
		case STATS:
			o->stats = optarg;
			break;
		case YIELD:
			o->yield = true;
			break;
		case HELP:
			usage(stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc || !o->script) {
		fputs(optind < argc ? "simpeer: stray argument\n"
				    : "simpeer: --script is missing; see --help\n",
		      stderr);
		return -EINVAL;
	}
	return 0;
}

/* The clock of this core, as the workers of echolane have one. */
static void begin_clock(struct el_core_clock *clock)
{
	struct timespec nap = {.tv_nsec = CALIBRATION_NS};
	struct el_clock_pair first = el_clock_pair_read(EL_PAIR_READS), second;

	nanosleep(&nap, NULL);
	second = el_clock_pair_read(EL_PAIR_READS);
	el_core_clock_init(clock, &first, &second);
}

/* The same of CLOCK_REALTIME, for the times of STAMP. */
static void follow_wall(struct simpeer *peer, struct el_wall_clock *wall, uint64_t now_ns)
{
	if (likely((int64_t)(now_ns - wall->line.ns) < WALL_NS))
		return;
	el_wall_clock_read(wall);
	simpeer_set_wall(peer, &wall->line);
}

/* Adjusts it about once a second. */
static void follow_clock(struct el_core_clock *clock, uint64_t now_ns)
{
	struct el_clock_pair p;
	struct el_span step;

	if (likely(clock->monotonic || (int64_t)(now_ns - clock->adjust_ns) < 0))
		return;
	p = el_clock_pair_read(2);
	if (!el_core_clock_check(clock, &p, &step))
		fputs("simpeer: the time stamp counter has stepped\n", stderr);
}

static uint64_t read_clock(void *clock)
{
	return el_ticks_now(clock);
}

static bool holds_back(const struct simpeer_script *script)
{
	for (uint32_t i = 0; i < script->n_rules; i++)
		if ((script->rules[i].active &
		     (SIMPEER_BIT(SIMPEER_DELAY) | SIMPEER_BIT(SIMPEER_REORDER))) ||
		    script->rules[i].duplicate_delay_us || script->rules[i].stamp_forward_us ||
		    script->rules[i].stamp_residence_us)
			return true;
	return false;
}

static int start_port(uint16_t port_id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	uint16_t n_rx = RINGS, n_tx = RINGS;
	int socket = rte_eth_dev_socket_id(port_id);
	int rc;

	rc = rte_eth_dev_configure(port_id, 1, 1, &conf);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port_id, &n_rx, &n_tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(port_id, 0, n_rx, (unsigned int)socket, NULL, pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(port_id, 0, n_tx, (unsigned int)socket, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(port_id);
	if (rc == 0)
		(void)rte_eth_promiscuous_enable(
		    port_id); /* the script's address may not be the port's */
	return rc;
}

static void write_summary(struct simpeer *peer, const char *path)
{
	const struct simpeer_core *core = simpeer_state(peer);
	size_t cap = 4096 + (size_t)(core->script->n_rules + 1) * 1024;
	char *text = malloc(cap), temporary[4096];
	FILE *out = stdout;
	struct el_str s;

	if (!text)
		return;
	el_str_init(&s, text, cap);
	simpeer_core_json(core, &s);
	if (path) {
		snprintf(temporary, sizeof(temporary), "%s.new", path);
		out = fopen(temporary, "we");
	}
	if (out)
		fputs(text, out);
	if (!out || fflush(out) != 0 || (path && (fclose(out) != 0 || rename(temporary, path) < 0)))
		fprintf(stderr, "simpeer: %s: %s\n", path ? path : "standard output",
			strerror(errno));
	free(text);
}

static void loop(struct simpeer *peer, const struct options *o, struct el_core_clock *clock,
		 bool has_reflector)
{
	struct el_wall_clock wall = {.n_pairs = 0};
	uint64_t end_ns = o->duration_s > 0
			      ? el_ticks_now(clock) + (uint64_t)(o->duration_s * EL_NS_PER_S)
			      : UINT64_MAX;

	if (has_reflector)
		follow_wall(peer, &wall, el_ticks_now(clock));
	puts("ready");
	fflush(stdout);
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		uint64_t now_ns = el_ticks_now(clock);
		unsigned int moved = simpeer_send(peer, now_ns);

		moved += simpeer_receive(peer, el_ticks_now(clock));
		if (moved == 0 && o->yield)
			sched_yield();
		follow_clock(clock, now_ns);
		if (has_reflector)
			follow_wall(peer, &wall, now_ns);
		if (unlikely(now_ns >= end_ns))
			break;
		if (unlikely(atomic_load_explicit(&summary_wanted, memory_order_relaxed))) {
			atomic_store_explicit(&summary_wanted, false, memory_order_relaxed);
			write_summary(peer, o->stats);
		}
	}
}

static bool has_reflector(const struct simpeer_script *script)
{
	for (size_t i = 0; i < script->n_rules; i++) {
		if (script->rules[i].reply == SIMPEER_REPLY_STAMP)
			return true;
	}
	return false;
}

static int run(const struct options *o, const struct simpeer_script *script)
{
	struct el_core_clock clock;
	struct simpeer_config config = {
	    .script = script, .port_id = o->port_id, .read_clock = read_clock, .clock = &clock};
	unsigned int mbufs = 8191 + (holds_back(script) ? script->max_delayed : 0);
	struct simpeer *peer;
	int rc;

	if (!rte_eth_dev_is_valid_port(o->port_id)) {
		fprintf(stderr, "simpeer: there is no DPDK port %u\n", o->port_id);
		return EX_UNAVAILABLE;
	}
	config.pool = rte_pktmbuf_pool_create("simpeer", mbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					      rte_eth_dev_socket_id(o->port_id));
	if (!config.pool) {
		fprintf(stderr, "simpeer: no memory for %u packet buffers: %s\n", mbufs,
			rte_strerror(rte_errno));
		return EX_UNAVAILABLE;
	}
	rc = start_port(o->port_id, config.pool);
	if (rc < 0) {
		fprintf(stderr, "simpeer: port %u does not start: %s\n", o->port_id,
			rte_strerror(-rc));
		return EX_UNAVAILABLE;
	}
	begin_clock(&clock);
	peer = simpeer_create(&config);
	if (!peer) {
		fprintf(stderr, "simpeer: %s\n", strerror(errno));
		return EX_UNAVAILABLE;
	}
	loop(peer, o, &clock, has_reflector(script));
	write_summary(peer, o->stats);
	rte_eth_dev_stop(o->port_id);
	simpeer_destroy(peer);
	rte_eth_dev_close(o->port_id);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct options options = {0};
	struct simpeer_script *script = NULL;
	struct el_error err;
	int eal_args, rc;

	/* Options, script, then the EAL: mistakes are told at once. Before "--" everything is the
	 * EAL's. */
	for (eal_args = 1; eal_args < argc && strcmp(argv[eal_args], "--") != 0; eal_args++)
		if (strcmp(argv[eal_args], "--help") == 0 || strcmp(argv[eal_args], "-h") == 0) {
			usage(stdout);
			return 0;
		}
	if (eal_args == argc) {
		fputs("simpeer: --script is missing after --; see --help\n", stderr);
		return EX_USAGE;
	}
	argv[eal_args] = argv[0]; /* for getopt's messages */
	rc = parse_options(argc - eal_args, argv + eal_args, &options);
	if (rc != 0)
		return rc < 0 ? EX_USAGE : 0;
	if (simpeer_script_load(options.script, &err, &script) < 0) {
		fprintf(stderr, "simpeer: %s\n", err.text);
		return EX_DATAERR;
	}
	argv[eal_args] = NULL;
	if (rte_eal_init(eal_args, argv) < 0) {
		fprintf(stderr, "simpeer: DPDK does not start: %s\n", rte_strerror(rte_errno));
		rc = EX_UNAVAILABLE;
		goto out;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	rc = run(&options, script);
	rte_eal_cleanup();
out:
	simpeer_script_free(script);
	return rc;
}
