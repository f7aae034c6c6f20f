/* SPDX-License-Identifier: BSD-3-Clause */
#include "responder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "control.h"

/* Buffers of a worker's answers: for each of its queues, one of each port, a list and descriptors;
 * and caches' worth. */
#define BUFFERS_QUEUE 512
#define BUFFERS_MIN 4095

struct responder {
	struct el_ip_set *allowed, *unlimited;
	uint16_t *tcp_ports;
	size_t n_tcp_ports;
	struct el_stamp_key *key;
	uint32_t n_workers;
	struct el_worker_responder *workers[EL_PLAN_WORKERS_MAX];
};

static void destroy(struct responder *r)
{
	if (!r)
		return;
	for (uint32_t w = 0; w < r->n_workers; w++)
		el_worker_responder_destroy(r->workers[w]);
	el_ip_set_destroy(r->allowed);
	el_ip_set_destroy(r->unlimited);
	el_stamp_key_destroy(r->key);
	free(r->tcp_ports);
	free(r);
}

/* ---- what is the same for all workers ---- */

/* Whether a range is all addresses from its first to its last: but for one byte, those before it
 * are the same in both, and those behind it are whatever they may be. */
static bool is_contiguous(const struct el_conf_range *range)
{
	size_t n = range->first.family == 4 ? 4 : 16, i = 0;

	while (i < n && range->first.bytes[i] == range->last.bytes[i])
		i++;
	for (i++; i < n; i++) {
		if (range->first.bytes[i] != 0 || range->last.bytes[i] != 0xff)
			return false;
	}
	return true;
}

/* The addresses that this configuration probes are not limited: these are peers. Of targets that it
 * names by addresses, for those of others may be anybody's tomorrow; and not by patterns. */
static struct el_ip_set *find_peers(const struct el_conf *conf)
{
	struct el_ip_range *ranges = calloc(conf->n_targets + 1, sizeof(*ranges));
	struct el_ip_set *set;
	size_t n = 0;

	if (!ranges)
		return NULL;
	for (size_t i = 0; i < conf->n_targets; i++) {
		const struct el_conf_target *t = &conf->targets[i];

		if (t->dynamic)
			continue;
		if (t->is_subnet && t->range.first.family && is_contiguous(&t->range))
			ranges[n++] = (struct el_ip_range){t->range.first, t->range.last};
		else if (!t->is_subnet && t->address.family)
			ranges[n++] = (struct el_ip_range){t->address, t->address};
	}
	set = el_ip_set_create(ranges, n);
	free(ranges);
	return set;
}

static int fill(struct responder *r, const struct el_conf *conf, struct el_error *err)
{
	const struct el_conf_responder *in = &conf->dataplane.responder;

	r->allowed = el_ip_set_of_prefixes(in->allow, in->n_allow);
	r->unlimited = find_peers(conf);
	r->n_tcp_ports = in->tcp_ports.count;
	r->tcp_ports = calloc(r->n_tcp_ports + 1, sizeof(*r->tcp_ports));
	if (!r->allowed || !r->unlimited || !r->tcp_ports)
		return el_error_set(err, -ENOMEM, "not enough memory for the responder");
	for (size_t i = 0; i < r->n_tcp_ports; i++)
		r->tcp_ports[i] = (uint16_t)in->tcp_ports.items[i];
	return in->stamp.port && in->stamp.key_file
		   ? el_stamp_key_read(in->stamp.key_file, &r->key, err)
		   : 0;
}

/* ---- the workers' ---- */

static int make_pool(struct control *c, uint32_t w, struct el_error *err)
{
	struct rte_mempool **pool = &c->responders.pools[w];
	uint32_t n = BUFFERS_QUEUE * (network_n_ports(c->network) + 1) - 1;
	char name[32];

	snprintf(name, sizeof(name), "el_answers_%u", w);
	if (!*pool)
		*pool = el_worker_respond_pool_create(name, RTE_MAX(n, (uint32_t)BUFFERS_MIN),
						      network_mtu(c->network),
						      network_socket(c->network));
	return *pool ? 0
		     : el_error_set(err, -ENOMEM, "not enough memory for the answers of worker %u",
				    w);
}

/* Makes those that follow the ones of `before`. */
static int make_workers(struct control *c, struct responder *r, const struct el_conf *conf,
			const struct responder *before, struct el_error *err)
{
	const struct el_conf_responder *in = &conf->dataplane.responder;
	struct el_worker_responder_config config = {
	    .socket = network_socket(c->network),
	    .allowed = r->allowed,
	    .unlimited = r->unlimited,
	    .max_pps = in->max_pps,
	    .echo = in->icmp,
	    .port_unreachable = in->udp,
	    .tcp_ports = r->tcp_ports,
	    .n_tcp_ports = r->n_tcp_ports,
	    .stamp = {.port = in->stamp.port,
		      .key = r->key,
		      .authenticated = in->stamp.mode == EL_CONF_STAMP_AUTHENTICATED,
		      .stateful = in->stamp.stateful,
		      .format =
			  in->stamp.timestamps == EL_CONF_STAMP_PTP ? EL_STAMP_PTP : EL_STAMP_NTP,
		      .sessions = in->stamp.sessions,
		      .answer_short = in->stamp.short_requests}};

	if (getrandom(&config.key, sizeof(config.key), 0) != (ssize_t)sizeof(config.key))
		return el_error_set(err, -EIO, "no random numbers: %s", strerror(errno));
	for (; r->n_workers < c->n_workers; r->n_workers++) {
		uint32_t w = r->n_workers;
		int ret = make_pool(c, w, err);

		if (ret < 0)
			return ret;
		config.pool = c->responders.pools[w];
		r->workers[w] =
		    el_worker_responder_create(&config, before ? before->workers[w] : NULL, err);
		if (!r->workers[w])
			return -ENOMEM;
	}
	return 0;
}

/* *ret NULL: nothing is answered. */
static int make(struct control *c, const struct el_conf *conf, const struct responder *before,
		struct responder **ret, struct el_error *err)
{
	struct responder *r;
	int code;

	*ret = NULL;
	if (!el_conf_responds(&conf->dataplane.responder))
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return el_error_set(err, -ENOMEM, "not enough memory for the responder");
	code = fill(r, conf, err);
	if (code == 0)
		code = make_workers(c, r, conf, before, err);
	if (code < 0)
		destroy(r);
	else
		*ret = r;
	return code;
}

/* ---- control ---- */

/* Passes `next` to the workers, which are done with the one before the current. */
static void hand_over(struct control *c)
{
	struct responders *all = &c->responders;
	struct el_command commands[EL_PLAN_WORKERS_MAX];

	for (uint32_t w = 0; w < c->n_workers; w++)
		commands[w] =
		    (struct el_command){.kind = EL_COMMAND_RESPOND,
					.responder = all->next ? all->next->workers[w] : NULL};
	if (!el_workers_command(c->workers, c->n_workers, commands))
		return;
	all->sent++;
	all->old = all->current;
	all->current = all->next;
	all->next = NULL;
	all->is_next = false;
}

static bool all_have_taken(const struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (el_worker_responders_taken(c->workers[w]) != c->responders.sent)
			return false;
	}
	return true;
}

void responder_poll(struct control *c)
{
	struct responders *all = &c->responders;

	if (all->old && all_have_taken(c)) {
		destroy(all->old);
		all->old = NULL;
	}
	if (all->is_next && !all->old)
		hand_over(c);
}

int responder_init(struct control *c, struct el_error *err)
{
	struct responders *all = &c->responders;
	int ret = make(c, c->started_with, NULL, &all->next, err);

	all->is_next = all->next != NULL;
	responder_poll(c);
	return ret;
}

void responder_change(struct control *c, const struct el_conf *conf)
{
	struct responders *all = &c->responders;
	struct responder *next;
	struct el_error err;

	if (make(c, conf, all->current, &next, &err) < 0) {
		el_log(EL_LOG_ERROR, "responder", "it stays as it was: %s", err.text);
		return;
	}
	destroy(all->next);
	all->next = next;
	all->is_next = next || all->current;
	responder_poll(c);
}

void responder_fini(struct control *c)
{
	destroy(c->responders.old);
	destroy(c->responders.current);
	destroy(c->responders.next);
}

void responder_free_pools(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++)
		rte_mempool_free(c->responders.pools[w]);
}

int responder_check(const struct el_conf *conf, struct el_error *err)
{
	const struct el_conf_responder *in = &conf->dataplane.responder;
	struct el_stamp_key *key = NULL;
	int ret = in->stamp.port && in->stamp.key_file
		      ? el_stamp_key_read(in->stamp.key_file, &key, err)
		      : 0;

	el_stamp_key_destroy(key);
	return ret;
}
