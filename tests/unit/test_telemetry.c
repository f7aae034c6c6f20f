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
static int client = -1;

static struct el_snapshot *source_snapshot(void *ctx)
{
	return el_snapshot_store_take(ctx);
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
	return 1;
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

static struct el_snapshot *make_snapshot(void)
{
	struct el_snapshot *s = el_snapshot_next(NULL, &model->model, NULL);

	for (uint32_t i = 1; i < model->model.n_series; i++) {
		s->measured[i] = true;
		s->series[i] = (struct el_series_totals){.sent = 100 + i, .lost = 10};
		s->gauges[i] = (struct el_figures){.sent = 20, .lost = 2, .rtt_min_ns = 3000};
		s->percentile_ns[2 * i] = 4567.8;
		s->percentile_ns[2 * i + 1] = NAN;
	}
	return s;
}

static int setup(void **unused)
{
	struct el_telemetry_source source = {"1.2.3", source_snapshot, source_workers, source_ports,
					     NULL};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 10};
	char greeting[1024];

	(void)unused;
	model = hand_model_create(TARGETS, 2, percentiles, 2);
	source.ctx = store = el_snapshot_store_create();
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
	assert_string_equal(ask("/echolane/series"), "{\"/echolane/series\":null}");
	assert_string_equal(ask("/echolane/workers"), "{\"/echolane/workers\":[]}");
	close(client);
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
	assert_has(reply, "\"probe_name\":\"lab\"");
	assert_has(reply, "\"series\":200");
	assert_has(reply, "\"round\":0");
	assert_string_equal(ask("/echolane/workers"), "{\"/echolane/workers\":[0,1]}");
	reply = ask("/echolane/worker,1");
	assert_has(reply, "\"rx_packets\":1000");
	assert_has(reply, "\"rx_truncated\":1012");
	assert_has(reply, "\"unmatched_late\":");
	assert_has(reply, "\"poll_gap_max_ns\":500000000}");
	assert_string_equal(ask("/echolane/worker,2"), "{\"/echolane/worker\":null}");
	assert_string_equal(ask("/echolane/worker,-1"), "{\"/echolane/worker\":null}");
	assert_string_equal(ask("/echolane/worker,1x"), "{\"/echolane/worker\":null}");
	assert_string_equal(ask("/echolane/worker"), "{\"/echolane/worker\":null}");
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
	assert_has(reply, "{\"14\":{\"target\":\"t7\",\"group\":\"g0\",\"sent_total\":114,"
			  "\"lost_total\":10");
	assert_has(reply, "\"rtt_p95_ns\":4568}");
	assert_has(reply, "\"15\":{");
	assert_string_equal(ask("/echolane/target,t"), "{\"/echolane/target\":null}");
	assert_string_equal(ask("/echolane/target"), "{\"/echolane/target\":null}");
	assert_has(ask("/echolane/series"),
		   "{\"0\":{\"target\":\"t0\",\"group\":\"g0\",\"sent_total\":0,"
		   "\"lost_total\":0,\"local_total\":0,\"unknown_total\":0,\"abandoned_total\":0,"
		   "\"uncertain_total\":0},"
		   "\"1\":{");
	assert_string_equal(ask("/echolane/series,200"), "{\"/echolane/series\":{}}");
	assert_string_equal(ask("/echolane/series,x"), "{\"/echolane/series\":null}");
	assert_string_equal(ask("/echolane/series,99999999999"), "{\"/echolane/series\":null}");
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
