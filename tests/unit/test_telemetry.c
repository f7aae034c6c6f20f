/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands as a client sees them: through the socket of an EAL without devices or huge pages.
 */
#include "hand_model.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "el_telemetry.h"

#define TARGETS 100

static const int percentiles[] = {95, 50};
static struct hand_model *model;
static struct el_snapshot_store *store;
static struct el_facts_store *facts_store;
static int client = -1;

static struct el_snapshot *source_snapshot(void *ctx)
{
	return el_snapshot_store_take(ctx);
}

static struct el_facts *source_facts(void *ctx)
{
	(void)ctx;
	return el_facts_store_take(facts_store);
}

static struct el_paths *target_paths;

static struct el_paths *source_paths(void *ctx, const char *target)
{
	(void)ctx;
	return strcmp(target, "t8") == 0 && target_paths ? el_paths_get(target_paths) : NULL;
}

static uint32_t source_workers(void *ctx, struct el_worker_view *ret, uint32_t max)
{
	(void)ctx;
	assert_true(max >= 2);
	for (int w = 0; w < 2; w++) {
		for (int i = 0; i < EL_COUNTERS; i++)
			ret[w].v[i] = (uint64_t)(1000 * w + i);
		ret[w].poll_gap_last_s = 0.000001;
		ret[w].poll_gap_max_s = 0.5;
	}
	return 2;
}

static uint32_t source_ports(void *ctx, struct el_port_view *ret, uint32_t max)
{
	(void)ctx;
	assert_true(max >= 1);
	ret[0] = (struct el_port_view){.name = "wan0",
				       .imissed = 5,
				       .socket_drops = 18446744073709551615ULL,
				       .unaccounted = {6, 7},
				       .queues = 4,
				       .queues_dead = 2,
				       .reta_size = 128,
				       .rss_key_bytes = 40,
				       .rss_types = 0x104,
				       .placement = EL_PLACEMENT_LEARNT};
	if (max < 2)
		return 1;
	/* another port of its device, of which nothing is told */
	ret[1] = (struct el_port_view){.name = "wan0.100", .is_link = 1};
	return 2;
}

/* The reply to a command; valid until the next. */
static const char *ask(const char *command)
{
	static char reply[16 * 1024 + 1];
	ssize_t n;

	assert_int_equal(send(client, command, strlen(command), 0), (ssize_t)strlen(command));
	n = recv(client, reply, sizeof(reply) - 1, 0);
	assert_true(n > 0);
	reply[n] = '\0';
	return reply;
}

static void assert_has(const char *reply, const char *text)
{
	if (strstr(reply, text) == NULL)
		fail_msg("no '%s' in '%s'", text, reply);
}

static void assert_refused(const char *command, const char *reason)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "{\"%.*s\":{\"error\":\"%s\"}}",
		 (int)strcspn(command, ","), command, reason);
	assert_string_equal(ask(command), expected);
}

static struct el_snapshot *make_snapshot(void)
{
	struct el_snapshot *s = el_snapshot_next(NULL, &model->model, NULL);

	for (uint32_t i = 1; i < model->model.n_series; i++) {
		s->measured[i] = true;
		s->series[i] = (struct el_series_totals){.sent = 100 + i, .lost = 10};
		s->gauges[i] =
		    (struct el_figures){.sent = 20, .lost = 2, .answered = 18, .rtt_min_ns = 3000};
		s->percentile_ns[2 * i] = 4567.8;
		s->percentile_ns[2 * i + 1] = NAN;
	}
	return s;
}

static int setup(void **unused)
{
	struct el_telemetry_source source = {.version = "1.2.3",
					     .vectors = "AVX-512",
					     .snapshot = source_snapshot,
					     .facts = source_facts,
					     .paths = source_paths,
					     .workers = source_workers,
					     .ports = source_ports};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 10};
	char greeting[1024];

	(void)unused;
	model = hand_model_create(TARGETS, 2, percentiles, 2);
	source.ctx = store = el_snapshot_store_create();
	facts_store = el_facts_store_create();
	el_snapshot_store_publish(store, make_snapshot());
	assert_int_equal(el_telemetry_register(&source), 0);
	assert_int_equal(el_telemetry_register(&source), -EBUSY);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(connect(client, (const struct sockaddr *)&at, sizeof(at)), 0);
	return recv(client, greeting, sizeof(greeting), 0) > 0 ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	el_telemetry_unregister();
	assert_refused("/echolane/series", "the prober has nothing to show: it starts or ends");
	assert_refused("/echolane/top,loss,1", "the prober has nothing to show: it starts or ends");
	assert_refused("/echolane/plan", "the prober has nothing to show: it starts or ends");
	assert_refused("/echolane/worker,0", "the prober has nothing to show: it starts or ends");
	assert_string_equal(ask("/echolane/workers"), "{\"/echolane/workers\":[]}");
	close(client);
	el_facts_store_destroy(facts_store);
	el_snapshot_store_destroy(store);
	hand_model_destroy(model);
	return 0;
}

static void info_workers_and_ports(void **unused)
{
	const char *reply;

	(void)unused;
	reply = ask("/echolane/info");
	assert_has(reply, "\"version\":\"1.2.3\"");
	assert_has(reply, "\"vectors\":\"AVX-512\"");
	assert_has(reply, "\"probe_name\":\"lab\"");
	assert_has(reply, "\"series\":200");
	assert_has(reply, "\"round\":0");
	assert_string_equal(ask("/echolane/workers"), "{\"/echolane/workers\":[0,1]}");
	reply = ask("/echolane/worker,1");
	assert_has(reply, "\"rx_packets\":1000");
	assert_has(reply, "\"rx_truncated\":1014");
	assert_has(reply, "\"unmatched_late\":");
	assert_has(reply, "\"all_drops\":");
	assert_has(reply, "\"poll_gap_max_ns\":500000000}");
	assert_refused("/echolane/worker,2",
		       "expected the number of a worker, 0 to 1, got \\\"2\\\"");
	assert_refused("/echolane/worker,-1",
		       "expected the number of a worker, 0 to 1, got \\\"-1\\\"");
	assert_refused("/echolane/worker,1x",
		       "expected the number of a worker, 0 to 1, got \\\"1x\\\"");
	assert_refused("/echolane/worker,1,",
		       "expected the number of a worker, 0 to 1, got \\\"1,\\\"");
	assert_refused("/echolane/worker", "expected the number of a worker, 0 to 1, got \\\"\\\"");
	assert_refused("/echolane/info,x", "expected no parameter, got \\\"x\\\"");
	assert_refused("/echolane/workers,x", "expected no parameter, got \\\"x\\\"");
	assert_refused("/echolane/ports,0", "expected no parameter, got \\\"0\\\"");
	reply = ask("/echolane/ports");
	assert_has(reply, "{\"0\":{\"name\":\"wan0\"");
	assert_has(reply, "\"imissed\":5");
	assert_has(reply, "\"socket_drops\":18446744073709551615}}");
	reply = ask("/echolane/conservation");
	assert_has(reply, "{\"0\":{\"name\":\"wan0\",\"rx_port\":0,");
	assert_has(reply, "\"rx_unaccounted\":6");
	assert_has(reply, "\"tx_unaccounted\":7");
	assert_string_equal(
	    ask("/echolane/rss"),
	    "{\"/echolane/rss\":{\"0\":{\"name\":\"wan0\",\"queues\":4,\"queues_dead\":2,"
	    "\"types\":\"0x104\",\"key_bytes\":40,\"reta_size\":128,"
	    "\"placement\":\"learnt\"}}}");
}

static void targets_and_series(void **unused)
{
	const char *reply;

	(void)unused;
	reply = ask("/echolane/target,t7");
	assert_has(reply, "{\"14\":{\"target\":\"t7\",\"group\":\"g0\",\"state\":\"probed\","
			  "\"type\":\"STAMP\",\"address\":\"192.0.2.7\","
			  "\"sent_total\":114,\"lost_total\":10");
	assert_has(reply, "\"rtt_p95_ns\":4568}");
	assert_has(reply, "\"15\":{");
	reply = ask("/echolane/target,t7,1");
	assert_null(strstr(reply, "\"14\":{"));
	assert_has(reply, "{\"15\":{\"target\":\"t7\"");
	assert_string_equal(ask("/echolane/target,t7,2"),
			    "{\"/echolane/target\":{\"paths_state\":"
			    "\"not known yet: looked at from the next round on\"}}");
	assert_refused("/echolane/target,t", "there is no target \\\"t\\\"");
	assert_refused("/echolane/target,t7,x", "there is no target \\\"t7,x\\\"");
	assert_refused("/echolane/target", "expected the name of a target: NAME[,FIRST]");
	assert_has(ask("/echolane/series"),
		   "{\"0\":{\"target\":\"t0\",\"group\":\"g0\",\"state\":\"probed\","
		   "\"type\":\"TCPsyn\",\"address\":\"192.0.2.0\",\"sent_total\":0,"
		   "\"lost_total\":0,\"local_total\":0,\"unknown_total\":0,\"abandoned_total\":0,"
		   "\"uncertain_total\":0},"
		   "\"1\":{");
	assert_string_equal(ask("/echolane/series,200"), "{\"/echolane/series\":{}}");
	assert_refused("/echolane/series,x",
		       "expected the number of a series from 0, got \\\"x\\\"");
	assert_refused("/echolane/series,99999999999",
		       "expected the number of a series from 0, got \\\"99999999999\\\"");
}

/* Behind the series of a target are its paths, as many as a reply holds. */
static void paths_of_a_target(void **unused)
{
	const char *reply;

	(void)unused;
	target_paths = calloc(1, sizeof(*target_paths) + 300 * sizeof(target_paths->items[0]));
	target_paths->refs = 1;
	target_paths->round = 5;
	target_paths->n = 300;
	for (uint32_t i = 0; i < 300; i++)
		target_paths->items[i] =
		    (struct el_path){.series = 16 + i % 2,
				     .sent = 3,
				     .lost = 1,
				     .target = el_ip_from_v4(htonl(0xc0000208)),
				     .source = el_ip_from_v4(htonl(0xc6336401)),
				     .port = (uint16_t)(50000 + i)};
	target_paths->items[1].rtt_min_ns = 1;
	target_paths->items[1].rtt_max_ns = 3;
	target_paths->items[1].rtt_mean_ns = 1.6;
	reply = ask("/echolane/target,t8");
	assert_has(reply, "{\"16\":{\"target\":\"t8\",");
	assert_has(reply, "\"paths\":300,\"paths_left_out\":0,\"paths_round\":5,"
			  "\"path_0\":{\"group\":\"g0\",\"address\":\"192.0.2.8\","
			  "\"source\":\"198.51.100.1\",\"port\":50000,\"sent\":3,\"lost\":1,"
			  "\"local\":0,\"unknown\":0},\"path_1\":{\"group\":\"g1\",");
	assert_has(reply, "\"rtt_min_ns\":1,\"rtt_mean_ns\":2,\"rtt_max_ns\":3}");
	reply = ask("/echolane/target,t8,301");
	assert_null(strstr(reply, "\"target\""));
	assert_has(reply, "\"paths_round\":5,\"path_299\":{");
	/* of another plan */
	target_paths->generation = 1;
	assert_has(ask("/echolane/target,t8"), "\"paths_state\":\"not known yet");
	el_paths_put(target_paths);
	target_paths = NULL;
}

static const char *const bad_names[] = {"\xc3\xa9t\xc3\xa9", "a\tb", "a/b\\c\"d"};
static const char *const good_names[] = {"\\\\xc3\\\\xa9t\\\\xc3\\\\xa9", "a\\\\x09b",
					 "a/b\\\\x5cc\\\"d"};

/* Names are text of any kind, and may have a comma and a number at their end. */
static void names_of_targets(void **unused)
{
	char command[300], expected[300], name[300];

	(void)unused;
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		hand_rename(&model->model.targets[2].name, bad_names[i]);
		snprintf(command, sizeof(command), "/echolane/target,%s", bad_names[i]);
		snprintf(expected, sizeof(expected), "\"4\":{\"target\":\"%s\"", good_names[i]);
		assert_has(ask(command), expected);
	}
	hand_rename(&model->model.targets[2].name, "t1,1");
	assert_has(ask("/echolane/target,t1,1"), "{\"4\":{\"target\":\"t1,1\"");
	/* one that is cut is still text */
	memset(name, 'a', 126);
	snprintf(name + 126, sizeof(name) - 126, "\xc3\xa9 and more");
	hand_rename(&model->model.targets[2].name, name);
	snprintf(expected, sizeof(expected), "{\"4\":{\"target\":\"%.126s\",", name);
	snprintf(command, sizeof(command), "/echolane/series,4");
	assert_has(ask(command), expected);
	hand_rename(&model->model.targets[2].name, "t2");
}

/* The target that a reply has at a place. */
static void assert_at(const char *reply, unsigned place, const char *target, const char *group)
{
	char expected[96];

	snprintf(expected, sizeof(expected), "\"%u\":{\"target\":\"%s\",\"group\":\"%s\"", place,
		 target, group);
	assert_has(reply, expected);
}

static void the_worst(void **unused)
{
	static struct el_model_absent absent = {.target = (char *)(uintptr_t) "alone",
						.group = (char *)(uintptr_t) "",
						.status = EL_MODEL_NO_GROUP};
	struct el_snapshot *s = make_snapshot();
	const char *reply;

	(void)unused;
	model->model.absent = &absent;
	model->model.n_absent = 1;
	model->model.n_probed = 199;
	model->model.series[7].status = EL_MODEL_NO_ROUTE;
	for (uint32_t i = 1; i < 200; i++)
		s->gauges[i].lost = 0;
	s->gauges[42].lost = 5;
	s->gauges[43].lost = 20;
	s->gauges[43].answered = 0;
	s->gauges[44].lost = 5;
	s->gauges[44].sent = 10;
	s->percentile_ns[2 * 50] = 99999;
	s->gauges[51].local = 3;
	s->number = 1;
	el_snapshot_store_publish(store, s);
	reply = ask("/echolane/top,loss,5");
	assert_has(reply, "{\"rows\":201,\"matching\":201,\"probed\":199,\"order\":1,\"round\":0,"
			  "\"local_drops\":0,\"0\":{");
	assert_at(reply, 0, "t21", "g1");
	assert_has(reply, "\"sent\":20,\"lost\":20,"); /* and no time of a round without answers */
	assert_at(reply, 1, "t22", "g0");
	assert_at(reply, 2, "t21", "g0");
	/* what nobody knows is worse than what is good */
	assert_at(reply, 3, "t0", "g0");
	assert_has(reply, "\"4\":{\"target\":\"alone\",\"group\":\"\",\"state\":\"no_group\"}}}");
	assert_null(strstr(reply, "\"5\":{"));
	assert_at(ask("/echolane/top,rtt,1"), 0, "t25", "g0");
	assert_at(ask("/echolane/top,local,1"), 0, "t25", "g1");
	reply = ask("/echolane/top,state,2");
	assert_at(reply, 0, "alone", "");
	assert_at(reply, 1, "t3", "g1");
	assert_has(reply, "\"state\":\"no_route\"");
	/* pages and filters */
	reply = ask("/echolane/top,loss,2,1");
	assert_at(reply, 1, "t22", "g0");
	assert_at(reply, 2, "t21", "g0");
	assert_null(strstr(reply, "\"0\":{"));
	reply = ask("/echolane/top,number,0,0,T21");
	assert_has(reply, "\"matching\":2,");
	assert_at(reply, 0, "t21", "g0");
	assert_at(reply, 1, "t21", "g1");
	assert_has(ask("/echolane/top,number,0,0,no_"), "\"matching\":2,");
	assert_has(ask("/echolane/top,number,0,0,192.0.2.21"), "\"matching\":2,");
	assert_has(ask("/echolane/top,number,0,0,1,2"), "\"matching\":0,");
	assert_has(ask("/echolane/top,number,0,500"), "\"matching\":201,");
	assert_refused("/echolane/top", "expected a key before the first comma (loss, rtt, ...), "
					"got \\\"\\\"");
	assert_refused("/echolane/top,loss",
		       "expected KEY,N: the number of rows, 0 for all that the reply holds, got "
		       "\\\"loss\\\"");
	assert_refused("/echolane/top,loss,1,x",
		       "expected KEY,N,FIRST: the number of rows to leave out, got "
		       "\\\"loss,1,x\\\"");
	model->model.n_absent = 0;
	model->model.absent = NULL;
	model->model.series[7].status = EL_MODEL_ACTIVE;
	el_snapshot_store_publish(store, make_snapshot());
}

static struct el_facts *make_facts(uint32_t n_neighbours)
{
	struct el_facts *f = el_facts_create();
	struct el_network_facts *n = f->network = el_network_facts_create(n_neighbours, 2);

	snprintf(n->ports[0], sizeof(n->ports[0]), "wan0");
	for (uint32_t i = 0; i < n_neighbours; i++)
		n->neighbours[n->n_neighbours++] =
		    (struct el_neighbour_fact){.ip = el_ip_from_v4(htonl(0xc6336400 + i)),
					       .state = i ? "pending" : "ready",
					       .plans = 1,
					       .mac = {2, 0, 0, 0, 0, 1},
					       .has_mac = i == 0};
	n->routes[n->n_routes++] =
	    (struct el_route_fact){.to.ip.family = 4, .via = el_ip_from_v4(htonl(0xc6336401))};
	n->routes[n->n_routes++] = (struct el_route_fact){.is_kernel = true};
	f->n_workers = f->plan.n_workers = EL_PLAN_WORKERS_MAX;
	f->plan.n_probes = 7;
	f->plan.requested_pps = INFINITY;
	f->plan.workers[1].n_probes = 3;
	f->rounds.state = "running";
	f->rounds.n_plans = 1;
	f->rounds.plans[0].generation = 9;
	f->rounds.plans[0].first_round = 11;
	f->rounds.begun[1] = 12;
	f->clock.all.reason = "steps";
	f->clock.workers[0].skew_s = 1e-6;
	return f;
}

static void facts(void **unused)
{
	struct el_facts *f = make_facts(400);
	const char *reply;

	(void)unused;
	assert_refused("/echolane/neighbours", "the prober has nothing to show: it starts or ends");
	el_facts_store_publish(facts_store, f);
	reply = ask("/echolane/neighbours");
	assert_has(reply, "{\"total\":400,\"0\":{\"port\":\"wan0\",\"address\":\"198.51.100.0\","
			  "\"state\":\"ready\",\"mac\":\"02:00:00:00:00:01\",\"plans\":1},"
			  "\"1\":{\"port\":\"wan0\",\"address\":\"198.51.100.1\","
			  "\"state\":\"pending\",\"mac\":\"\",\"plans\":1},");
	assert_has(ask("/echolane/neighbours,399"), "{\"total\":400,\"399\":{");
	assert_string_equal(ask("/echolane/neighbours,400"),
			    "{\"/echolane/neighbours\":{\"total\":400}}");
	assert_refused("/echolane/neighbours,x",
		       "expected the number of an entry from 0, got \\\"x\\\"");
	assert_string_equal(
	    ask("/echolane/routes"),
	    "{\"/echolane/routes\":{\"total\":2,\"0\":{\"port\":\"wan0\","
	    "\"origin\":\"configuration\",\"to\":\"0.0.0.0/0\",\"via\":\"198.51.100.1\","
	    "\"source\":\"\"},\"1\":{\"port\":\"wan0\",\"origin\":\"kernel\"}}}");
	reply = ask("/echolane/plan");
	assert_has(reply, "\"probes\":7,");
	assert_null(strstr(reply, "requested")); /* as fast as possible */
	assert_has(reply, "\"worker_1_probes\":3,");
	reply = ask("/echolane/rounds");
	assert_has(reply, "\"state\":\"running\",\"plan_is_made\":0,\"skipped\":0,");
	assert_has(reply, "\"plan_9_first_round\":11,");
	assert_has(reply, "\"worker_1_begun\":12,");
	assert_has(reply, "\"worker_63_begun\":0}}");
	reply = ask("/echolane/clock");
	assert_has(reply, "{\"source\":\"tsc\",\"reason\":\"steps\",");
	assert_has(reply, "\"worker_0_skew_ns\":1000,");
	assert_refused("/echolane/clock,1", "expected no parameter, got \\\"1\\\"");
	assert_string_equal(ask("/echolane/reload"),
			    "{\"/echolane/reload\":{\"result\":\"none\",\"waiting\":0,"
			    "\"taken_total\":0,\"refused_total\":0}}");
}

/* A long reason is given in pieces, which are whole characters. */
static void reloads(void **unused)
{
	struct el_facts *f = make_facts(0);
	char expected[600];

	(void)unused;
	f->reload.result = EL_RELOAD_REFUSED;
	f->reload.refused = 1;
	f->reload.time_s = 1000;
	memset(f->reload.error, 'x', 120);
	snprintf(f->reload.error + 120, sizeof(f->reload.error) - 120, "\xc3\xa9 is wrong");
	snprintf(expected, sizeof(expected),
		 "{\"/echolane/reload\":{\"result\":\"refused\",\"waiting\":0,"
		 "\"taken_total\":0,\"refused_total\":1,\"time\":1000,\"error\":\"%.120s\","
		 "\"error_2\":\"%s\"}}",
		 f->reload.error, "\\\\xc3\\\\xa9 is wrong");
	el_facts_store_publish(facts_store, f);
	assert_string_equal(ask("/echolane/reload"), expected);
}

/* Page after page shows every series once, however long the names and figures are. */
static void pages_lose_nothing(void **unused)
{
	struct el_snapshot *s;
	uint32_t next = 0;
	int pages = 0;
	char name[201];

	(void)unused;
	for (uint32_t i = 0; i < TARGETS; i += 3) {
		memset(name, '"', sizeof(name) - 1);
		name[sizeof(name) - 1] = '\0';
		hand_rename(&model->model.targets[i].name, name);
	}
	s = make_snapshot();
	for (uint32_t i = 0; i < model->model.n_series; i++) {
		s->series[i].sent = s->gauges[i].rtt_max_ns = s->gauges[i].late = UINT64_MAX - i;
		s->percentile_ns[2 * i + 1] = 1e15;
	}
	el_snapshot_store_publish(store, s);
	while (next < model->model.n_series) {
		char command[40], expected[24];
		const char *at;
		uint32_t before = next;

		snprintf(command, sizeof(command), "/echolane/series,%u", next);
		at = ask(command);
		assert_string_equal(at + strlen(at) - 2, "}}");
		for (;; next++) {
			snprintf(expected, sizeof(expected), "\"%u\":{", next);
			if (strstr(at, expected) == NULL)
				break;
			at = strstr(at, expected) + strlen(expected);
		}
		assert_null(strstr(at, ":{"));
		assert_true(next > before);
		pages++;
	}
	assert_int_equal(next, model->model.n_series);
	assert_true(pages > 1);
}

/* What EAL leaves in its runtime directory, and that. */
static void remove_runtime_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(info_workers_and_ports),
	    cmocka_unit_test(targets_and_series),
	    cmocka_unit_test(paths_of_a_target),
	    cmocka_unit_test(names_of_targets),
	    cmocka_unit_test(the_worst),
	    cmocka_unit_test(facts),
	    cmocka_unit_test(reloads),
	    cmocka_unit_test(pages_lose_nothing),
	};
	char prefix[64], path[256];
	char program[] = "test_telemetry", no_huge[] = "--no-huge", no_pci[] = "--no-pci",
	     m[] = "-m", size[] = "32";
	char log[] = "--log-level=error";
	char *args[] = {program, no_huge, no_pci, m, size, log, prefix, NULL};
	int failed;

	snprintf(prefix, sizeof(prefix), "--file-prefix=test-telemetry-%d", (int)getpid());
	if (rte_eal_init(7, args) < 0) {
		print_message("EAL can't start here: skipped\n");
		return 77;
	}
	snprintf(path, sizeof(path), "%s", rte_eal_get_runtime_dir());
	failed = cmocka_run_group_tests(tests, setup, teardown);
	rte_eal_cleanup();
	remove_runtime_dir(path);
	return failed;
}
