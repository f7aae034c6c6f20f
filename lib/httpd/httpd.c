/* SPDX-License-Identifier: BSD-3-Clause */
/* libmicrohttpd as an epoll descriptor in the caller's loop: start, stop, and the requests. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "el_httpd.h"
#include "guard.h"
#include "page.h"

#define CONNECTION_MEMORY_BYTES 65536
#define LISTEN_BACKLOG 64
/* Connections that have been shut down and not been closed yet. */
#define LEAVING_MAX 16

struct el_httpd {
	struct MHD_Daemon *daemon;
	struct el_httpd_source source;
	struct el_siphash_key key;
	bool auth;
	uint64_t user_digest, password_digest;
	struct guard guard;
	uint16_t port;
	int fd;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * EL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static struct guard_connection *guarded(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result add_accept(void *cls, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	struct accept *a = cls;

	(void)kind;
	if (value && strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0)
		accept_add(a, value);
	else if (value && strcasecmp(name, MHD_HTTP_HEADER_ACCEPT_ENCODING) == 0)
		accept_add_encoding(a, value);
	return MHD_YES;
}

/* What the client can read. */
static struct accept accept_of(struct MHD_Connection *c)
{
	struct accept a;

	accept_init(&a);
	MHD_get_connection_values(c, MHD_HEADER_KIND, add_accept, &a);
	return a;
}

/* Gives the response away. header: name and value of one more header, or NULL. */
static enum MHD_Result respond(struct MHD_Connection *c, unsigned status,
			       struct MHD_Response *response, const char *type, const char *header,
			       const char *value)
{
	enum MHD_Result result = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    (header == NULL || MHD_add_response_header(response, header, value) == MHD_YES))
		result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

/* The server sends it after this has returned, so it takes a copy of `text`. */
static enum MHD_Result respond_text(struct MHD_Connection *c, unsigned status, const char *text,
				    const char *header, const char *value)
{
	/* what is copied is only read, but for its type */
	union {
		const char *text;
		void *data;
	} body = {.text = text};

	return respond(
	    c, status,
	    MHD_create_response_from_buffer(strlen(text), body.data, MHD_RESPMEM_MUST_COPY),
	    text[0] == '<' ? "text/html; charset=utf-8" : "text/plain; charset=utf-8", header,
	    value);
}

/* Compares keyed digests, both of them whatever the first says: the time tells nothing of the right
 * ones. */
static bool is_authorised(const struct el_httpd *h, struct MHD_Connection *c)
{
	char *password = NULL, *user = MHD_basic_auth_get_username_password(c, &password);
	uint64_t wrong = 1;

	if (user != NULL && password != NULL)
		wrong = (el_siphash(&h->key, user, strlen(user)) ^ h->user_digest) |
			(el_siphash(&h->key, password, strlen(password)) ^ h->password_digest);
	MHD_free(user);
	MHD_free(password);
	return wrong == 0;
}

static enum MHD_Result respond_unavailable(struct MHD_Connection *c, const char *why)
{
	return respond_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, why, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

static const char *const content_types[EL_EXPO_FORMATS] = {
    [EL_EXPO_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [EL_EXPO_PROTOBUF] = "application/vnd.google.protobuf; "
			 "proto=io.prometheus.client.MetricFamily; encoding=delimited"};

/* MHD calls it again once a connection that waited is resumed: the page is opened then. */
static enum MHD_Result get_metrics(struct el_httpd *h, struct MHD_Connection *c, bool head)
{
	struct MHD_Response *response;
	enum guard_state state;
	struct accept accept;
	struct page *p;

	if (h->auth && !is_authorised(h, c))
		return respond_text(c, MHD_HTTP_UNAUTHORIZED, "name and password needed\n",
				    MHD_HTTP_HEADER_WWW_AUTHENTICATE,
				    "Basic realm=\"echolane\", charset=\"UTF-8\"");
	state = guard_begin_page(&h->guard, guarded(c), now_ns());
	if (state == GUARD_WAIT) {
		MHD_suspend_connection(c);
		return MHD_YES;
	}
	if (state != GUARD_PAGE)
		return respond_unavailable(c, "too many readers at a time\n");
	accept = accept_of(c);
	p = page_open(&h->source, guarded(c), &accept);
	if (p == NULL)
		return respond_unavailable(c, "nothing to show yet\n");
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PAGE_SLICE_BYTES, page_read,
						     p, page_close);
	if (response == NULL) {
		page_close(p);
		return MHD_NO;
	}
	/* To HEAD, MHD would send the last chunk of a chunked body: no chunks, and the connection
	 * ends. */
	if (head)
		MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	if (page_is_packed(p) && MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING,
							 "gzip") != MHD_YES) {
		MHD_destroy_response(response);
		return MHD_NO;
	}
	return respond(c, MHD_HTTP_OK, response, content_types[accept_format(&accept)],
		       MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
}

/* A word where all is well, else 503 and why it is not. */
static enum MHD_Result respond_state(struct MHD_Connection *c, const char *well, const char *why)
{
	char text[640];

	snprintf(text, sizeof(text), "%s\n", why ? why : well);
	return why ? respond_unavailable(c, text) : respond_text(c, MHD_HTTP_OK, text, NULL, NULL);
}

static enum MHD_Result get_healthy(struct el_httpd *h, struct MHD_Connection *c, bool head)
{
	(void)head;
	return respond_state(c, "healthy", h->source.not_healthy(h->source.ctx));
}

static enum MHD_Result get_ready(struct el_httpd *h, struct MHD_Connection *c, bool head)
{
	(void)head;
	return respond_state(c, "ready", h->source.not_ready(h->source.ctx));
}

static enum MHD_Result get_landing(struct el_httpd *h, struct MHD_Connection *c, bool head)
{
	(void)h, (void)head;
	return respond_text(
	    c, MHD_HTTP_OK,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><title>echolane</title></head><body>\n"
	    "<h1>echolane</h1>\n<ul>\n<li><a href=\"/metrics\">metrics</a></li>\n"
	    "<li><a href=\"/-/healthy\">healthy</a></li>\n"
	    "<li><a href=\"/-/ready\">ready</a></li>\n</ul>\n</body></html>\n",
	    NULL, NULL);
}

static const struct {
	const char *path;
	enum MHD_Result (*get)(struct el_httpd *h, struct MHD_Connection *c, bool head);
} paths[] = {
    {"/metrics", get_metrics},
    {"/-/healthy", get_healthy},
    {"/-/ready", get_ready},
    {"/", get_landing},
};

/* MHD calls it once with the headers, then with what there is of a body, at last without. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **request)
{
	struct el_httpd *h = cls;

	(void)version, (void)upload;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(url, paths[i].path) != 0)
			continue;
		if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return respond_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n",
					    MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
		if (*request == NULL || *upload_len != 0) {
			*request = h;
			*upload_len = 0;
			return MHD_YES;
		}
		return paths[i].get(h, c, strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
	}
	return respond_text(c, MHD_HTTP_NOT_FOUND, "not found\n", NULL, NULL);
}

/* Of each connection once it is accepted, and when it is closed. One without a guard for want of
 * memory is ended at once. */
static void connection_changed(void *cls, struct MHD_Connection *c, void **context,
			       enum MHD_ConnectionNotificationCode code)
{
	struct el_httpd *h = cls;
	int fd;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			guard_remove(&h->guard, *context);
		return;
	}
	fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	*context = guard_add(
	    &h->guard, fd,
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, now_ns());
	if (*context)
		((struct guard_connection *)*context)->owner = c;
	else
		shutdown(fd, SHUT_RDWR);
}

/* With a request's first line, before its header. What it returns is what `handle` finds. */
static void *request_begins(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct el_httpd *h = cls;

	(void)uri;
	if (guarded(c))
		guard_begin_request(&h->guard, guarded(c), now_ns());
	return NULL;
}

static void request_ended(void *cls, struct MHD_Connection *c, void **request,
			  enum MHD_RequestTerminationCode code)
{
	struct el_httpd *h = cls;

	(void)request;
	if (guarded(c))
		guard_end_request(&h->guard, guarded(c),
				  code == MHD_REQUEST_TERMINATED_COMPLETED_OK, now_ns());
}

static void log_line(void *cls, const char *fmt, va_list args)
{
	char text[256];

	(void)cls;
	if (!el_log_enabled(EL_LOG_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	el_log(EL_LOG_DEBUG, "httpd", "%.*s", (int)strcspn(text, "\n"), text);
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int listen_at(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
	    (ai->ai_family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) == 0) &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* A listening socket, or a negative errno. */
static int listen_on(const char *address, uint16_t port, struct el_error *err)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	char service[8];
	int rc;

	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(address, service, &hints, &list);
	if (rc != 0)
		return el_error_set(err, -EADDRNOTAVAIL, "can't serve metrics on address '%s': %s",
				    address, gai_strerror(rc));
	rc = -EADDRNOTAVAIL;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		rc = listen_at(ai);
		if (rc >= 0)
			break;
	}
	freeaddrinfo(list);
	if (rc < 0)
		el_error_set(err, rc, "can't serve metrics on address %s, port %u: %s", address,
			     port, strerror(-rc));
	return rc;
}

static uint16_t port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {0};
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) < 0)
		return 0;
	return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static int auth_init(struct el_httpd *h, const struct el_httpd_config *config)
{
	const char *user = config->user, *password = config->password;

	bool has_user = user != NULL && *user, has_password = password != NULL && *password;

	if (has_user != has_password)
		return -EINVAL;
	if (!has_user)
		return 0;
	if (getrandom(&h->key, sizeof(h->key), 0) != sizeof(h->key))
		return -EIO;
	h->auth = true;
	h->user_digest = el_siphash(&h->key, user, strlen(user));
	h->password_digest = el_siphash(&h->key, password, strlen(password));
	return 0;
}

int el_httpd_create(const struct el_httpd_config *config, struct el_httpd **ret_httpd,
		    struct el_error *err)
{
	const char *address =
	    config->address != NULL && *config->address != '\0' ? config->address : "0.0.0.0";
	struct el_httpd *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM, fd = -1;

	if (h == NULL)
		goto fail;
	h->source = config->source;
	guard_init(&h->guard, config);
	rc = auth_init(h, config);
	if (rc == -EINVAL) {
		free(h);
		return el_error_set(
		    err, rc,
		    "metrics can't be protected: a user name and a password are both "
		    "needed, or neither");
	}
	if (rc < 0)
		goto fail;
	rc = fd = listen_on(address, config->port, err);
	if (rc < 0) {
		free(h);
		return rc;
	}
	h->port = port_of(fd);
	h->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, h,
	    MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, h->guard.max_connections + LEAVING_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, h, MHD_OPTION_URI_LOG_CALLBACK,
	    request_begins, h, MHD_OPTION_NOTIFY_COMPLETED, request_ended, h, MHD_OPTION_END);
	if (h->daemon == NULL) {
		rc = errno != 0 ? -errno : -ENOMEM;
		goto fail;
	}
	h->fd = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	*ret_httpd = h;
	return 0;
fail:
	free(h);
	return el_error_set(err, rc, "can't start the HTTP server: %s", strerror(-rc));
}

/* libmicrohttpd calls a connection that is held again, and may not be stopped while one is. */
static void resume_all(struct el_httpd *h)
{
	struct guard_connection *c;

	for (int state = 0; state < GUARD_STATES; state++) {
		TAILQ_FOREACH(c, &h->guard.in[state], entry)
		{
			if (c->held)
				MHD_resume_connection(c->owner);
		}
	}
}

void el_httpd_destroy(struct el_httpd *httpd)
{
	if (httpd == NULL)
		return;
	resume_all(httpd);
	MHD_stop_daemon(httpd->daemon);
	guard_fini(&httpd->guard);
	free(httpd);
}

int el_httpd_fd(const struct el_httpd *httpd)
{
	return httpd->fd;
}

int el_httpd_timeout_ms(struct el_httpd *httpd)
{
	uint64_t deadline_ns = guard_deadline_ns(&httpd->guard), now, ms = UINT64_MAX;
	MHD_UNSIGNED_LONG_LONG mhd_ms;

	if (deadline_ns != UINT64_MAX) {
		now = now_ns();
		ms = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
	}
	if (MHD_get_timeout(httpd->daemon, &mhd_ms) == MHD_YES && mhd_ms < ms)
		ms = mhd_ms;
	return ms == UINT64_MAX ? -1 : ms < INT_MAX ? (int)ms : INT_MAX;
}

void el_httpd_run(struct el_httpd *httpd)
{
	struct guard_connection *c;

	while ((c = guard_next(&httpd->guard, now_ns())) != NULL)
		MHD_resume_connection(c->owner);
	MHD_run(httpd->daemon);
}

uint16_t el_httpd_port(const struct el_httpd *httpd)
{
	return httpd->port;
}
