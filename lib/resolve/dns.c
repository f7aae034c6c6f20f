/* SPDX-License-Identifier: BSD-3-Clause */
/* c-ares and its sockets. Servers, search domains and options are those of resolv.conf; tries and
 * timeouts are ours. Sockets come and go in an epoll set of our own. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "resolve_internal.h"

#define EVENTS_A_RUN 16

static void socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = data;
	struct epoll_event e = {
	    .events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
	    .data.fd = fd,
	};

	if (!e.events) {
		epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, fd, &e) == 0)
		return;
	if (errno != ENOENT || epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		el_log(EL_LOG_ERROR, "resolve", "epoll_ctl: %s", strerror(errno));
}

static int errno_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_ENONAME:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ECONNREFUSED: /* of a server that fails, too */
	case ARES_EFORMERR:
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EREFUSED:
	case ARES_EBADRESP:
		return -EREMOTEIO;
	case ARES_EBADNAME:
	case ARES_EBADQUERY:
	case ARES_EBADSTR:
		return -EINVAL;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int channel_open(struct dns *d, const struct el_resolve_config *config, ares_channel *ret,
			struct el_error *err)
{
	/* ares_init_options copies what these point to */
	union {
		const char *in;
		char *out;
	} conf = {.in = d->resolv_conf};
	char lookups[] = "fb"; /* the hosts file, then DNS */
	struct ares_options options = {
	    .flags = ARES_FLAG_NOALIASES,
	    .timeout = (int)config->timeout_ms,
	    .tries = (int)config->tries,
	    .lookups = lookups,
	    .sock_state_cb = socket_changed,
	    .sock_state_cb_data = d,
	    .resolvconf_path = conf.out,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
		   ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
	ares_channel channel;
	int status = ares_init_options(&channel, &options, mask);

	if (status != ARES_SUCCESS)
		return el_error_set(err, errno_of(status), "names can't be resolved: %s",
				    ares_strerror(status));
	if (config->servers) {
		status = ares_set_servers_ports_csv(channel, config->servers);
		if (status != ARES_SUCCESS) {
			ares_destroy(channel);
			return el_error_set(err, errno_of(status), "name servers \"%s\": %s",
					    config->servers, ares_strerror(status));
		}
	}
	*ret = channel;
	return 0;
}

static void stat_conf(const char *path, struct stat *ret_stat)
{
	if (stat(path, ret_stat) < 0)
		memset(ret_stat, 0, sizeof(*ret_stat));
}

bool dns_conf_changed(const struct dns *d)
{
	struct stat now;

	stat_conf(d->resolv_conf, &now);
	return now.st_ino != d->conf.st_ino || now.st_dev != d->conf.st_dev ||
	       now.st_size != d->conf.st_size || now.st_mtim.tv_sec != d->conf.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != d->conf.st_mtim.tv_nsec;
}

static const char *reason_of(int status)
{
	if (status == ARES_SUCCESS)
		return "";
	/* c-ares forgets which of these it was, having tried the other servers */
	if (status == ARES_ECONNREFUSED)
		return "no name server can be reached, or all of them fail";
	return ares_strerror(status);
}

int dns_init(struct dns *d, const struct el_resolve_config *config, struct el_error *err)
{
	int status = ares_library_init(ARES_LIB_INIT_ALL), ret;

	*d = (struct dns){.epoll_fd = -1, .resolv_conf = config->resolv_conf};
	if (status != ARES_SUCCESS)
		return el_error_set(err, errno_of(status), "c-ares: %s", ares_strerror(status));
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll_fd < 0) {
		ret = el_error_set(err, -errno, "epoll: %s", strerror(errno));
	} else {
		stat_conf(d->resolv_conf, &d->conf);
		ret = channel_open(d, config, &d->channel, err);
	}
	if (ret < 0) {
		if (d->epoll_fd >= 0)
			close(d->epoll_fd);
		d->epoll_fd = -1;
		ares_library_cleanup();
	}
	return ret;
}

void dns_fini(struct dns *d)
{
	if (!d->channel)
		return;
	ares_destroy(d->channel);
	close(d->epoll_fd);
	ares_library_cleanup();
	*d = (struct dns){.epoll_fd = -1};
}

int dns_reopen(struct dns *d, const struct el_resolve_config *config, struct el_error *err)
{
	ares_channel channel = NULL;
	int ret;

	stat_conf(d->resolv_conf, &d->conf);
	ret = channel_open(d, config, &channel, err);
	if (ret < 0)
		return ret;
	ares_destroy(d->channel);
	d->channel = channel;
	return 0;
}

void dns_process(struct dns *d)
{
	struct epoll_event events[EVENTS_A_RUN];
	int n = epoll_wait(d->epoll_fd, events, EVENTS_A_RUN, 0);

	for (int i = 0; i < n; i++) {
		ares_socket_t fd = events[i].data.fd;
		uint32_t what = events[i].events;

		ares_process_fd(d->channel, what & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
				what & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int dns_timeout_ms(struct dns *d)
{
	struct timeval t;

	if (!ares_timeout(d->channel, NULL, &t))
		return -1;
	return (int)(t.tv_sec * 1000 + (t.tv_usec + 999) / 1000);
}

/* False if it is of another family. */
static bool address_of(const struct ares_addrinfo_node *node, unsigned family,
		       struct el_ip *ret_address)
{
	struct el_ip ip = {.family = (uint8_t)family};

	if (family == 4 && node->ai_family == AF_INET) {
		struct sockaddr_in sa;

		memcpy(&sa, node->ai_addr, sizeof(sa));
		memcpy(ip.bytes, &sa.sin_addr, 4);
	} else if (family == 6 && node->ai_family == AF_INET6) {
		struct sockaddr_in6 sa;

		memcpy(&sa, node->ai_addr, sizeof(sa));
		memcpy(ip.bytes, &sa.sin6_addr, 16);
	} else {
		return false;
	}
	*ret_address = ip;
	return true;
}

/* The address that the name had last, if that is among the answers, else the first one. */
static struct el_ip choose(const struct name *n, const struct ares_addrinfo *answers)
{
	struct el_ip first = {0}, ip;

	for (const struct ares_addrinfo_node *a = answers->nodes; a; a = a->ai_next) {
		if (!address_of(a, n->family, &ip))
			continue;
		if (n->last.family && el_ip_equal(&ip, &n->last))
			return ip;
		if (!first.family)
			first = ip;
	}
	return first;
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *answers)
{
	struct name *n = arg;
	struct el_ip address = {0};

	(void)timeouts;
	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS && answers)
		address = choose(n, answers);
	if (status == ARES_SUCCESS && !address.family)
		status = ARES_ENODATA;
	ares_freeaddrinfo(answers);
	name_answered(n, errno_of(status), reason_of(status), &address);
}

void dns_ask(struct dns *d, struct name *n)
{
	/* NOSORT: in the order of the answer, and no socket for each address to find its source.
	 * ENVHOSTS: the environment's CARES_HOSTS may name another hosts file. */
	const struct ares_addrinfo_hints hints = {
	    .ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS,
	    .ai_family = n->family == 4 ? AF_INET : AF_INET6,
	    .ai_socktype = SOCK_DGRAM,
	};

	ares_getaddrinfo(d->channel, n->text, NULL, &hints, answered, n);
}
