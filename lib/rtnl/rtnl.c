/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions: one request, and its answer, or the parts of it, at once. What is given up is given up
 * with its socket, so that what may still come is nobody's answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "message.h"

#define ANSWER_TIMEOUT_S 2
#define TRIES 5
#define PARTS_MAX 4096     /* of a dump: 128 MiB */
#define ANSWER_BYTES 32768 /* what the kernel fills at once, at most */
#define REQUEST_BYTES 256

struct el_rtnl {
	struct mnl_socket *socket; /* NULL: given up */
	uint32_t sequence;         /* of the last request */
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
};

static void give_up(struct el_rtnl *r)
{
	if (r->socket)
		mnl_socket_close(r->socket);
	r->socket = NULL;
}

static int connect_kernel(struct el_rtnl *r)
{
	static const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int on = 1, error;

	r->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->socket)
		return -errno;
	/* a dump is then filtered by the kernel; we don't rely on it */
	mnl_socket_setsockopt(r->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (setsockopt(mnl_socket_get_fd(r->socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) == 0 &&
	    mnl_socket_bind(r->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	error = errno;
	give_up(r);
	return -error;
}

/* The length of what came from the kernel, or -errno. */
static ssize_t receive(struct el_rtnl *r)
{
	struct sockaddr_nl from = {0};
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(mnl_socket_get_fd(r->socket), r->answer, sizeof(r->answer), MSG_TRUNC,
			     (struct sockaddr *)&from, &len);

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if ((size_t)n > sizeof(r->answer))
		return -EMSGSIZE;
	return from.nl_pid == 0 ? n : -EBADMSG;
}

/* Reads `len` bytes of an answer: 1 if more are to come, 0, or a negative errno. */
typedef int (*parse_part)(const void *buf, size_t len, const struct rtnl_request *request,
			  void *data);

static int receive_answer(struct el_rtnl *r, bool dump, parse_part parse, void *data)
{
	const struct rtnl_request request = {.sequence = r->sequence,
					     .port_id = mnl_socket_get_portid(r->socket)};
	int more = 1;

	for (int i = 0; more > 0 && i < PARTS_MAX; i++) {
		ssize_t n = receive(r);

		more = n < 0 ? (int)n : parse(r->answer, (size_t)n, &request, data);
		if (n < 0 || more == -EBADMSG || (dump && more < 0))
			give_up(r);
	}
	if (more > 0) {
		give_up(r);
		return -EMSGSIZE;
	}
	return more;
}

static int ask(struct el_rtnl *r, struct nlmsghdr *question, parse_part parse, void *data)
{
	int error = r->socket ? 0 : connect_kernel(r);

	if (error < 0)
		return error;
	question->nlmsg_seq = ++r->sequence;
	if (mnl_socket_sendto(r->socket, question, question->nlmsg_len) < 0) {
		error = errno;
		give_up(r);
		return -error;
	}
	return receive_answer(r, question->nlmsg_flags & NLM_F_DUMP, parse, data);
}

/* Begins a question in `buf`, of REQUEST_BYTES; its header, zeros, to be filled in. */
static void *begin(char *buf, uint16_t type, uint16_t flags, size_t header_size)
{
	struct nlmsghdr *question = mnl_nlmsg_put_header(buf);

	question->nlmsg_type = type;
	question->nlmsg_flags = NLM_F_REQUEST | flags;
	return mnl_nlmsg_put_extra_header(question, header_size);
}

/* ---- links ---- */

static int take_link(const void *buf, size_t len, const struct rtnl_request *request, void *data)
{
	return rtnl_parse_link(buf, len, request, data);
}

int el_rtnl_link(struct el_rtnl *r, const char *name, unsigned ifindex, struct el_rtnl_link *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES];
	struct ifinfomsg *ifi = begin(buf, RTM_GETLINK, 0, sizeof(*ifi));
	struct nlmsghdr *question = (void *)buf;

	if (name) {
		if (!name[0] || strlen(name) >= IFNAMSIZ)
			return -ENODEV;
		mnl_attr_put_strz(question, IFLA_IFNAME, name);
	} else {
		if (ifindex == 0 || ifindex > INT32_MAX)
			return -ENODEV;
		ifi->ifi_index = (int)ifindex;
	}
	return ask(r, question, take_link, ret);
}

/* ---- addresses ---- */

struct wanted_addresses {
	unsigned ifindex;
	struct rtnl_addresses found;
};

static int take_addresses(const void *buf, size_t len, const struct rtnl_request *request,
			  void *data)
{
	struct wanted_addresses *w = data;

	return rtnl_parse_addresses(buf, len, request, w->ifindex, &w->found);
}

int el_rtnl_addresses(struct el_rtnl *r, unsigned ifindex, struct el_rtnl_address **ret,
		      size_t *ret_count)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES];
	struct ifaddrmsg *ifa = begin(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa));
	struct wanted_addresses w = {.ifindex = ifindex};
	int error = -EINTR;

	ifa->ifa_index = ifindex; /* family 0: all */
	for (int i = 0; error == -EINTR && i < TRIES; i++) {
		w.found.count = 0;
		error = ask(r, (void *)buf, take_addresses, &w);
	}
	if (error < 0) {
		free(w.found.items);
		return error;
	}
	*ret = w.found.items;
	*ret_count = w.found.count;
	return 0;
}

/* ---- routes ---- */

/* A question about the way to `q->to`. */
static int ask_way(struct el_rtnl *r, const struct el_rtnl_query *q, uint32_t flags,
		   parse_part parse, void *data)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES];
	struct rtmsg *rtm = begin(buf, RTM_GETROUTE, 0, sizeof(*rtm));
	struct nlmsghdr *question = (void *)buf;
	size_t size = q->to.family == 4 ? 4 : 16;

	if ((q->to.family != 4 && q->to.family != 6) ||
	    (q->from.family && q->from.family != q->to.family))
		return -EAFNOSUPPORT;
	rtm->rtm_family = q->to.family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_flags = flags;
	if (q->to.family == 4)
		rtm->rtm_flags |= RTM_F_LOOKUP_TABLE; /* IPv6 always tells */
	rtm->rtm_dst_len = (uint8_t)(size * 8);
	mnl_attr_put(question, RTA_DST, size, q->to.bytes);
	if (q->from.family) {
		rtm->rtm_src_len = (uint8_t)(size * 8);
		mnl_attr_put(question, RTA_SRC, size, q->from.bytes);
	}
	if (q->oif)
		mnl_attr_put_u32(question, RTA_OIF, q->oif);
	return ask(r, question, parse, data);
}

struct wanted_route {
	const struct el_rtnl_query *q;
	struct el_rtnl_route *ret;
};

static int take_route(const void *buf, size_t len, const struct rtnl_request *request, void *data)
{
	const struct wanted_route *w = data;

	return rtnl_parse_route(buf, len, request, w->q, w->ret);
}

int el_rtnl_route(struct el_rtnl *r, const struct el_rtnl_query *q, struct el_rtnl_route *ret)
{
	struct wanted_route w = {.q = q, .ret = ret};

	return ask_way(r, q, 0, take_route, &w);
}

struct wanted_match {
	const struct el_rtnl_query *q;
	uint8_t *ret_len;
	uint32_t *ret_metric;
};

static int take_match(const void *buf, size_t len, const struct rtnl_request *request, void *data)
{
	const struct wanted_match *w = data;

	return rtnl_parse_match(buf, len, request, w->q, w->ret_len, w->ret_metric);
}

int el_rtnl_match(struct el_rtnl *r, const struct el_rtnl_query *q, uint8_t *ret_len,
		  uint32_t *ret_metric)
{
	struct wanted_match w = {.q = q, .ret_len = ret_len, .ret_metric = ret_metric};

	return ask_way(r, q, RTM_F_FIB_MATCH, take_match, &w);
}

/* ---- sockets ---- */

int el_rtnl_open(struct el_rtnl **ret, struct el_error *err)
{
	struct el_rtnl *r = malloc(sizeof(*r));
	int error = -ENOMEM;

	if (r) {
		r->sequence = 0;
		error = connect_kernel(r);
	}
	if (error < 0) {
		free(r);
		return el_error_set(err, error, "the kernel's network can't be asked about: %s",
				    strerror(-error));
	}
	*ret = r;
	return 0;
}

void el_rtnl_close(struct el_rtnl *r)
{
	if (!r)
		return;
	give_up(r);
	free(r);
}
