/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A message of rtnetlink that is written attribute by attribute, and parsed. */
#include "unit.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "watch.h"

static const struct rtnl_request request = {.sequence = 5, .port_id = 77};
static const uint8_t bytes[20] = {192, 0, 2, 1};

static _Alignas(struct nlmsghdr) char buf[2048];
static struct nlmsghdr *const m = (void *)buf;

static inline void *begin(uint16_t type, size_t header_size)
{
	mnl_nlmsg_put_header(buf);
	m->nlmsg_type = type;
	m->nlmsg_seq = request.sequence;
	m->nlmsg_pid = request.port_id;
	return mnl_nlmsg_put_extra_header(m, header_size);
}

static inline void put_ip(uint16_t type, const char *text)
{
	struct el_ip ip;

	assert_int_equal(el_ip_parse(text, &ip), 0);
	mnl_attr_put(m, type, ip.family == 4 ? 4 : 16, ip.bytes);
}

/* Calls a parser with the message in memory of its exact size, so that overruns are seen. */
#define PARSE(call)                                                                                \
	({                                                                                         \
		size_t len = m->nlmsg_len;                                                         \
		void *copy = malloc(len);                                                          \
		int parsed;                                                                        \
                                                                                                   \
		assert_non_null(copy);                                                             \
		memcpy(copy, buf, len);                                                            \
		parsed = call;                                                                     \
		free(copy);                                                                        \
		parsed;                                                                            \
	})
