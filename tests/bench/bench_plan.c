/* SPDX-License-Identifier: BSD-3-Clause */
/* What large configurations cost: reading them, their model, their plan. The targets are 10.x.y.z,
 * one each, or prefixes of 65,536 addresses; the groups may have a source subnet. */
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "el_streams.h"
#include "el_conf.h"
#include "el_model.h"
#include "el_plan.h"
#include "el_port.h"

static struct el_port_rss rss; /* of a port whose every queue is one worker's */

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Memory in use, bytes. */
static double in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)info.uordblks + (double)info.hblkhd;
}

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	struct el_plan_route r = {.mtu = 1500};

	(void)ctx, (void)target, (void)group, (void)destination;
	el_ip_parse("192.0.2.10", &r.source);
	return r;
}

/* What placing a slice costs, for one worker all the same. */
static uint32_t place(void *ctx, const struct el_slice *slice)
{
	const uint8_t *target, *own;

	(void)ctx;
	el_slice_addresses(slice, &target, &own);
	return el_port_rss_queue(&rss, slice->family, target, own);
}

static char *document(uint32_t targets, bool subnets, const char *group, const char *type,
		      size_t *ret_len)
{
	char *text;
	FILE *out = open_memstream(&text, ret_len);

	fprintf(out,
		"global: {probe_name: a, interval: 10, nb_proc: 1, logging_level: INFO, "
		"prometheus_port: 9000, dns_update_interval: 0}\n"
		"groups: {g: {%s}}\ntargets:\n",
		group);
	for (uint32_t i = 0; i < targets; i++) {
		fprintf(out, " t%" PRIu32 ": {type: %s, dst_port: 80, ", i, type);
		if (subnets)
			fprintf(out, "destination: 10.%" PRIu32 ".0.0/16, is_subnet: true}\n",
				i & 255);
		else
			fprintf(out, "destination: 10.%u.%u.%u}\n", i >> 16 & 255, i >> 8 & 255,
				i & 255);
	}
	fclose(out);
	return text;
}

/* What a worker's change to the same plan takes: its table of half-open connections, in parts as
 * big as the worker takes them. */
static int measure_change(const struct el_plan_input *in, struct el_plan_set *before)
{
	struct el_half_open_walk walk = {0};
	const struct el_plan *plan = before->plans[0];
	struct el_streams *from, *to;
	struct el_plan_set *set = NULL;
	struct el_error err = {{0}};
	double longest_s = 0, begin_s = now_s(), at_s = begin_s;
	bool done = false;

	if (el_plan_compile(in, &set, &err) < 0) {
		printf("%s\n", err.text);
		return 1;
	}
	from = el_streams_create(before);
	to = el_streams_create(set);
	for (begin_s = at_s = now_s(); from && to && !done;) {
		double before_s = at_s;
		done = el_streams_inherit(to, 0, from, &walk, 16384);
		at_s = now_s();
		longest_s = fmax(longest_s, at_s - before_s);
	}
	printf("  %u 4-tuples in %u ranges taken over in %.2f ms, %.0f us at a time at most\n",
	       plan->n_half_open, plan->n_ranges, (at_s - begin_s) * 1e3, longest_s * 1e6);
	el_streams_put(from);
	el_streams_put(to);
	el_plan_set_put(set);
	return done ? 0 : 1;
}

static int measure(const char *what, uint32_t targets, bool subnets, const char *group,
		   const char *type)
{
	static uint8_t payload[EL_PLAN_PAYLOAD_BYTES];
	static const uint8_t random[32] = {1};
	struct el_plan_input in = {.key = el_id_key_init(random),
				   .n_workers = 1,
				   .interval_s = 10,
				   .max_probes = 100000000,
				   .generation = 1,
				   .payload = payload,
				   .route = route,
				   .place = place};
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	struct el_plan_set *set = NULL;
	struct el_error err = {{0}};
	size_t len;
	char *text = document(targets, subnets, group, type, &len);
	double memory[4], time[4];

	memory[0] = in_use();
	time[0] = now_s();
	if (el_conf_load_buffer("bench", text, len, &conf, &diags) < 0) {
		printf("%s\n", diags.items[0].text);
		return 1;
	}
	el_conf_diags_fini(&diags);
	time[1] = now_s();
	memory[1] = in_use();
	in.model = el_model_create(&(struct el_model_input){.conf = conf}, NULL);
	time[2] = now_s();
	memory[2] = in_use();
	if (!in.model || el_plan_compile(&in, &set, &err) < 0) {
		printf("%s\n", err.text);
		return 1;
	}
	time[3] = now_s();
	memory[3] = in_use();
	printf("%s: %u targets, %u streams, %u slices: configuration %.3f s (%.0f bytes a target), "
	       "model %.3f s (%.0f bytes a stream), plan %.3f s (%.0f bytes a slice)\n",
	       what, in.model->n_targets, in.model->n_streams, set->plans[0]->n_slices,
	       time[1] - time[0], (memory[1] - memory[0]) / targets, time[2] - time[1],
	       (memory[2] - memory[1]) / in.model->n_streams, time[3] - time[2],
	       (memory[3] - memory[2]) / set->plans[0]->n_slices);
	if (set->plans[0]->n_ranges && measure_change(&in, set))
		return 1;
	el_plan_set_put(set);
	el_model_put(in.model);
	el_conf_put(conf);
	free(text);
	return 0;
}

int main(void)
{
	struct rusage usage;
	int rc;

	el_log_set_level(EL_LOG_ERROR);
	rss.reta_size = 128;
	memset(rss.key, 0x6d, sizeof(rss.key));
	rc = measure("single addresses, ICMP", 100000, false, "", "ICMPping") ||
	     measure("single addresses, TCP", 100000, false, "", "TCPsyn") ||
	     measure("subnets, ICMP", 16, true, "", "ICMPping") ||
	     measure("subnets, TCP", 16, true, "", "TCPsyn") ||
	     measure("single addresses, TCP", 900000, false, "", "TCPsyn") ||
	     measure("subnets from a subnet, UDP", 16, true, "src_subnet_ipv4: 192.0.2.0/24",
		     "UDPunreachable");
	getrusage(RUSAGE_SELF, &usage);
	printf("most memory: %.0f MB\n", (double)usage.ru_maxrss / 1024);
	return rc;
}
