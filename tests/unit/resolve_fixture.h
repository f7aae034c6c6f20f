/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A resolver with a DNS server of its own, and a clock that only the test moves. */
#include "dns_server.h"

#include <poll.h>

#include "el_resolve.h"

#define BOUND_NS (20 * EL_NS_PER_S) /* no test waits longer for anything */
#define HEARD_MAX 64

struct heard {
	uint64_t id;
	struct el_resolve_result result;
};

/* A resolver and its server; `now_ns` is the test's own clock. */
struct fixture {
	struct dns_server server;
	struct el_resolve *r;
	uint64_t now_ns;
	uint64_t longest_run_ns, longest_run_cpu_ns;
	char conf[64]; /* a resolv.conf without search domains */
	struct heard heard[HEARD_MAX];
	unsigned n_heard;
	void (*also)(struct fixture *f, const struct heard *h);
	struct el_resolve_user *users[8];
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t real_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void hear(void *ctx, uint64_t id, const struct el_resolve_result *result)
{
	struct fixture *f = ctx;
	struct heard *h = &f->heard[f->n_heard++ % HEARD_MAX];

	*h = (struct heard){id, *result};
	if (f->also)
		f->also(f, h);
}

static inline void write_conf(struct fixture *f, const char *text)
{
	FILE *out = fopen(f->conf, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* The fixture's server comes after those of `config`. */
static inline void set_up(struct fixture *f, struct dns_record *records,
			  struct el_resolve_config config)
{
	struct el_error err;
	char servers[80];
	int fd;

	memset(f, 0, sizeof(*f));
	dns_open(&f->server, records);
	snprintf(f->conf, sizeof(f->conf), "/tmp/el_test_resolve.XXXXXX");
	fd = mkstemp(f->conf);
	assert_true(fd >= 0);
	close(fd);
	config.changed = hear;
	config.ctx = f;
	snprintf(servers, sizeof(servers), "%s%s%s", config.servers ? config.servers : "",
		 config.servers ? "," : "", f->server.address);
	config.servers = servers;
	config.resolv_conf = f->conf;
	assert_int_equal(el_resolve_create(&config, &f->r, &err), 0);
	f->now_ns = 1000 * EL_NS_PER_S;
	el_resolve_run(f->r, f->now_ns);
}

static inline void tear_down(struct fixture *f)
{
	el_resolve_destroy(f->r);
	dns_close(&f->server);
	unlink(f->conf);
}

static inline struct el_resolve_counters counters(const struct fixture *f)
{
	struct el_resolve_counters c;

	el_resolve_counters_read(f->r, &c);
	return c;
}

/* Waits for something to happen, and lets both sides do their work. */
static inline void turn(struct fixture *f)
{
	int ms = el_resolve_timeout_ms(f->r, f->now_ns);
	struct pollfd fds[] = {{el_resolve_fd(f->r), POLLIN, 0},
			       {f->server.udp, POLLIN, 0},
			       {f->server.tcp, POLLIN, 0},
			       {f->server.connection, POLLIN, 0}};
	uint64_t begin_ns, begin_cpu_ns, took_ns;

	poll(fds, 4, ms < 0 || ms > 50 ? 50 : ms);
	if (f->server.udp >= 0)
		dns_serve(&f->server);
	begin_ns = real_ns();
	begin_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	el_resolve_run(f->r, f->now_ns);
	took_ns = real_ns() - begin_ns;
	if (took_ns > f->longest_run_ns)
		f->longest_run_ns = took_ns;
	took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_ns;
	if (took_ns > f->longest_run_cpu_ns)
		f->longest_run_cpu_ns = took_ns;
}

/* Until there is nothing to do at this time. */
static inline void settle(struct fixture *f)
{
	uint64_t end_ns = real_ns() + BOUND_NS;

	do {
		assert_true(real_ns() < end_ns);
		turn(f);
	} while (counters(f).under_way || el_resolve_timeout_ms(f->r, f->now_ns) == 0);
}

/* Time passes in steps of a second. */
static inline void pass(struct fixture *f, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		f->now_ns += EL_NS_PER_S;
		if (el_resolve_timeout_ms(f->r, f->now_ns) == 0)
			settle(f);
	}
}

static inline struct el_resolve_user *add(struct fixture *f, const char *name, unsigned family,
					  uint32_t interval_s, uint64_t id)
{
	struct el_resolve_user *u = NULL;

	assert_int_equal(el_resolve_add(f->r, name, family, interval_s, id, &u), 0);
	assert_non_null(u);
	return u;
}

/* What was heard last is this, and `n` things were heard in all. */
static inline void expect(const struct fixture *f, unsigned n, uint64_t id, int status,
			  const char *ip, bool changed)
{
	const struct heard *h = &f->heard[(f->n_heard - 1) % HEARD_MAX];
	char buf[EL_IP_STRLEN];

	assert_int_equal(f->n_heard, n);
	assert_int_equal(h->id, id);
	assert_int_equal(h->result.status, status);
	assert_string_equal(el_ip_format(&h->result.address, buf), ip ? ip : "-");
	assert_int_equal(h->result.changed, changed);
	assert_int_equal(strlen(h->result.reason) == 0, status == 0);
}
