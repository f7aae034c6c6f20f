/* SPDX-License-Identifier: BSD-3-Clause */
/* The protocol is a datagram of lines to a socket. libsystemd's sd_notify would wait for a manager
 * that does not read, and control, which answers for the prober's addresses meanwhile, may not: so
 * what the manager has no room for is said again at the next tick. */
#include "service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "el_str.h"
#include "el_ticks.h"

#define STATUS_NS EL_NS_PER_S /* between two lines on how it is */
#define NS_PER_US 1000

/* An absolute path, or an abstract name behind @. 0 or -errno with a sentence. */
static int read_address(const char *text, struct service *s, struct el_error *err)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(s->manager.sun_path))
		return el_error_set(err, -EINVAL,
				    "NOTIFY_SOCKET: expected a path from / or a name behind @, of "
				    "less than %zu bytes, got \"%.200s\"",
				    sizeof(s->manager.sun_path), text);
	s->manager = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(s->manager.sun_path, text, len);
	if (text[0] == '@')
		s->manager.sun_path[0] = '\0';
	s->manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

/* Twice in the time that the manager waits; 0: it does not wait, or for another process. */
static uint64_t read_watchdog_ns(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(us, NULL, 10) * NS_PER_US / 2;
}

int service_init(struct control *c, struct el_error *err)
{
	struct service *s = &c->service;
	const char *address = getenv("NOTIFY_SOCKET");
	int ret;

	s->fd = -1;
	if (!address || !*address)
		return 0;
	ret = read_address(address, s, err);
	if (ret < 0)
		return ret;
	s->watchdog_ns = read_watchdog_ns();
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return s->fd >= 0
		   ? 0
		   : el_error_set(err, -errno, "the service manager's socket can't be had: %s",
				  strerror(errno));
}

/* False: it is to be said again. A manager that is not there can't be told anything. */
static bool tell(const struct service *s, const char *text)
{
	return sendto(s->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&s->manager,
		      s->manager_len) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS);
}

static void tell_stopping(struct service *s)
{
	if (s->fd >= 0 && !s->stopping)
		s->stopping = tell(s, "STOPPING=1\nSTATUS=Stopping");
}

void service_fini(struct control *c)
{
	tell_stopping(&c->service);
	if (c->service.fd >= 0)
		close(c->service.fd);
	c->service.fd = -1;
}

static void tell_reloading(struct control *c)
{
	struct service *s = &c->service;
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(c->now_ns / NS_PER_US));
	s->reloading = tell(s, text);
}

static void tell_ready(struct service *s)
{
	if (tell(s, "READY=1")) {
		s->ready = true;
		s->reloading = false;
	}
}

/* How it is, in a line. */
static void describe(struct control *c, const char *not_ready, struct el_str *out)
{
	const struct el_snapshot *s = c->publisher.current;

	if (not_ready)
		el_str_addf(out, "Not ready: %s", not_ready);
	else
		el_str_addf(out, "%u targets, %u series, round %llu, own drops in it %llu",
			    s->model->n_targets, s->model->n_series,
			    (unsigned long long)s->last->round,
			    (unsigned long long)s->last->local_drops);
	if (c->reload.failed)
		el_str_add(out, "; the configuration could not be read again");
}

static void tell_status(struct control *c, const char *not_ready)
{
	struct service *s = &c->service;
	char line[sizeof(s->status)], text[sizeof(s->status) + 8];
	struct el_str l = EL_STR_INIT(line);

	if (s->status_ns && c->now_ns - s->status_ns < STATUS_NS)
		return;
	describe(c, not_ready, &l);
	snprintf(text, sizeof(text), "STATUS=%s", line);
	if (strcmp(line, s->status) != 0 && !tell(s, text))
		return;
	memcpy(s->status, line, sizeof(line));
	s->status_ns = c->now_ns;
}

static bool workers_progress(const struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (c->alive_ns[w] <= c->service.alive_ns)
			return false;
	}
	return true;
}

void service_poll(struct control *c)
{
	struct service *s = &c->service;
	const char *not_ready;

	if (s->fd < 0)
		return;
	not_ready = publisher_page_source(c).not_ready(c);
	if (c->stopping) {
		tell_stopping(s);
	} else if (c->reload.wanted && s->ready && !s->reloading) {
		tell_reloading(c);
	} else if (s->ready ? s->reloading && !c->reload.wanted && !c->reload.is_making
			    : !not_ready) {
		tell_ready(s);
	}
	if (!s->stopping)
		tell_status(c, not_ready);
	if (s->watchdog_ns && c->now_ns - s->alive_ns >= s->watchdog_ns && workers_progress(c) &&
	    tell(s, "WATCHDOG=1"))
		s->alive_ns = c->now_ns;
}
