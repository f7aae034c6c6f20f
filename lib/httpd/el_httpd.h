/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The HTTP server: /metrics, in the format and encoding that a client asks for, /-/healthy,
 * /-/ready and a landing page. It has no thread: its descriptor goes into the epoll loop of the one
 * thread that calls everything here. Nothing blocks; a page is rendered slice by slice as its
 * reader takes it. */
#include <stdbool.h>
#include <stdint.h>

#include "el_base.h"
#include "el_expo.h"
#include "el_expo_pack.h"

/* Where pages come from; called on the thread that runs the server. */
struct el_httpd_source {
	/* What a new page is printed from, in ret_input->format. Returns a handle; all that
	 * *ret_input points to stays as it is until `close` gets that handle. NULL (and 503 for the
	 * client): there is nothing to print from. ret_packed: NULL, or who asks takes gzip: where
	 * a reference goes to what is packed of the page already; untouched: nothing is, and the
	 * page will go out as it is. */
	void *(*open)(void *ctx, struct el_expo_input *ret_input,
		      struct el_expo_packed **ret_packed);
	void (*close)(void *ctx, void *handle);
	/* NULL: /-/ready, or /-/healthy, is 200. Else why it is 503. */
	const char *(*not_ready)(void *ctx);
	const char *(*not_healthy)(void *ctx);
	void *ctx;
};

struct el_httpd_config {
	/* IPv4, IPv6 or a name of this host; NULL or "": 0.0.0.0. "::" takes IPv4, too */
	const char *address;
	uint16_t port; /* 0: any free one, see el_httpd_port */
	/* Basic authentication on /metrics if neither is NULL or empty; one alone is refused. */
	const char *user, *password;
	struct el_httpd_source source;
	/* Limits; 0 stands for the default. */
	unsigned max_connections; /* 256; the next one is let in, and another gives way */
	unsigned max_per_address; /* 16; an IPv6 /64 is one address */
	/* 8 at a time, half of them of an address. The next one waits until one ends or has had its
	 * time, which is 250 ms for a reader that takes nothing; 503 after 10 s, or timeout_s. */
	unsigned max_pages;
	/* 30: what asks for nothing more ends; a page may take twice that. A header may take 5 s,
	 * or this where it is less. */
	unsigned timeout_s;
};

struct el_httpd;

/* Listens. Copies what it needs of the configuration. 0 and *ret_httpd, or a negative errno with a
 * sentence in `err`: what getaddrinfo, bind or listen say (-EADDRINUSE, -EACCES, -EADDRNOTAVAIL,
 * ...), -EINVAL for a user without password or a password without user, -ENOMEM. */
int el_httpd_create(const struct el_httpd_config *config, struct el_httpd **ret_httpd,
		    struct el_error *err);

/* Ends all connections and closes their pages. NULL is fine. */
void el_httpd_destroy(struct el_httpd *httpd);

/* An epoll descriptor, readable when el_httpd_run has something to do. Stays the server's. */
int el_httpd_fd(const struct el_httpd *httpd);

/* The longest that may be waited before the next el_httpd_run, in milliseconds: 0 while there is
 * work at hand that the descriptor does not show, -1 where only the descriptor matters. Ask before
 * each wait. */
int el_httpd_timeout_ms(struct el_httpd *httpd);

/* Does what there is to do, one slice a connection, and returns. */
void el_httpd_run(struct el_httpd *httpd);

/* The port it listens on. */
uint16_t el_httpd_port(const struct el_httpd *httpd);
