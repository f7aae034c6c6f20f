/* SPDX-License-Identifier: BSD-3-Clause */
#include "inside.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX (1 << 20)
#define WAIT_S 3
#define PROGRAM "echolane"
#define SOCKET_NAME "dpdk_telemetry.v2"

/* ---- where it is ---- */

/* What was looked at, in words. */
struct search {
	struct el_str said;
	bool denied;
};

static void note(struct search *s, const char *path, const char *what)
{
	el_str_addf(&s->said, "%s%s (%s)", s->said.len ? ", " : "", path, what);
}

static int receive(int fd, char *reply, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, reply, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* The greeting says whom one talks to. */
static int read_greeting(struct inside *i)
{
	char text[4096];
	int n = receive(i->fd, text, sizeof(text));
	json_t *greeting = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	json_t *pid = json_object_get(greeting, "pid");

	i->pid = (long)json_integer_value(pid);
	json_decref(greeting);
	if (n == 0) /* as DPDK does with the eleventh client */
		return -EBUSY;
	return n < 0 ? n : pid ? 0 : -EPROTO;
}

static const char *why_not(int code)
{
	switch (-code) {
	case EBUSY:
		return "it has too many clients";
	case ECONNREFUSED:
		return "nobody listens there";
	case EAGAIN:
		return "it does not answer";
	case EPROTO:
		return "it is no telemetry socket";
	default:
		return strerror(-code);
	}
}

static int connect_to(const char *path, struct inside *ret)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct inside i = {.fd = -1};
	int code = 0;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path) + 1);
	memcpy(i.path, path, strlen(path) + 1);
	i.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (i.fd < 0)
		return -errno;
	setsockopt(i.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(i.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(i.fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		code = errno == EPROTOTYPE ? -EPROTO : -errno;
	if (code == 0)
		code = read_greeting(&i);
	if (code < 0)
		inside_close(&i);
	else
		*ret = i;
	return code;
}

static bool try(struct search *s, const char *path, struct inside *ret)
{
	int code = connect_to(path, ret);

	if (code == 0)
		return true;
	s->denied |= code == -EACCES || code == -EPERM;
	note(s, path, why_not(code));
	return false;
}

/* Those that came second: echolane-PID. */
static bool try_others(struct search *s, const char *directory, struct inside *ret)
{
	DIR *dir = opendir(directory);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char path[PATH_MAX];
		struct el_str p = EL_STR_INIT(path);

		if (strncmp(e->d_name, PROGRAM "-", strlen(PROGRAM "-")) != 0)
			continue;
		el_str_addf(&p, "%s/%s/" SOCKET_NAME, directory, e->d_name);
		found = try(s, path, ret);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* parent: NULL, there is no such place. */
static bool try_place(struct search *s, const char *parent, bool if_own, struct inside *ret)
{
	char directory[PATH_MAX], path[PATH_MAX];
	struct el_str d = EL_STR_INIT(directory), p = EL_STR_INIT(path);
	struct stat st;

	if (!parent || !*parent)
		return false;
	el_str_addf(&d, "%s/dpdk", parent);
	el_str_addf(&p, "%s/" PROGRAM "/" SOCKET_NAME, directory);
	if (if_own && lstat(directory, &st) == 0 && st.st_uid != geteuid()) {
		note(s, path, "the directory is another user's");
		return false;
	}
	return try(s, path, ret) || try_others(s, directory, ret);
}

int inside_open(const char *path, struct inside *ret, struct el_error *err)
{
	char text[sizeof(err->text)] = "";
	struct search s = {.said = EL_STR_INIT(text)};
	int code;

	if (path) {
		code = connect_to(path, ret);
		return code == 0 ? 0
				 : el_error_set(err, code, "no prober can be asked at %s: %s", path,
						why_not(code));
	}
	if (try_place(&s, getenv("RUNTIME_DIRECTORY"), false, ret) ||
	    try_place(&s, "/run/" PROGRAM, false, ret) || try_place(&s, "/var/run", false, ret) ||
	    try_place(&s, getenv("XDG_RUNTIME_DIR"), false, ret) ||
	    try_place(&s, "/tmp", true, ret))
		return 0;
	code = s.denied ? -EACCES : -ENOENT;
	return el_error_set(err, code, "%s: looked at %s",
			    s.denied ? "no prober that this user may ask" : "no prober is running",
			    text);
}

void inside_close(struct inside *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

bool inside_is_first(const struct inside *i)
{
	return strstr(i->path, "/" PROGRAM "/" SOCKET_NAME) != NULL;
}

/* ---- questions ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xNN as the bytes that they stand for, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; to++) {
		if (at[0] == '\\' && at[1] == 'x' && hex(at[2]) >= 0 && hex(at[3]) >= 0) {
			*to = (char)(hex(at[2]) << 4 | hex(at[3]));
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

/* Of all strings in it. One that is no UTF-8 stays as it was sent. */
static void unescape_all(json_t *value)
{
	json_t *item;
	const char *key;
	char *copy;

	if (json_is_object(value)) {
		json_object_foreach(value, key, item) unescape_all(item);
	} else if (json_is_string(value) && strchr(json_string_value(value), '\\')) {
		copy = strdup(json_string_value(value));
		if (copy) {
			unescape(copy);
			json_string_set(value, copy);
		}
		free(copy);
	}
}

/* The text of a reply, to be freed; NULL with -errno. */
static char *exchange(struct inside *i, const char *command, size_t *ret_len, int *ret_code)
{
	char *reply = malloc(REPLY_MAX);
	int n = reply ? 0 : -ENOMEM;

	if (n == 0 && send(i->fd, command, strlen(command), MSG_NOSIGNAL) < 0)
		n = -errno;
	if (n == 0)
		n = receive(i->fd, reply, REPLY_MAX);
	if (n == 0)
		n = -ECONNRESET;
	if (n < 0) {
		free(reply);
		*ret_code = n;
		return NULL;
	}
	*ret_len = (size_t)n;
	return reply;
}

json_t *inside_ask(struct inside *i, const char *command, int *ret_code, struct el_error *err)
{
	char name[64], *text;
	json_t *document = NULL, *answer;
	struct el_str s = EL_STR_INIT(name);
	size_t len = 0;
	int code = -ENOTCONN;

	el_str_addn(&s, command, strcspn(command, ","));
	text = i->fd >= 0 ? exchange(i, command, &len, &code) : NULL;
	if (text)
		document = json_loadb(text, len, 0, NULL);
	free(text);
	answer = json_object_get(document, name);
	if (!answer) {
		*ret_code = text ? -EPROTO : code;
		inside_close(i);
		el_error_set(err, *ret_code, "the prober is gone: %s",
			     text ? "its answer can't be read"
			     : *ret_code == -ECONNRESET || *ret_code == -EPIPE
				 ? "it has ended"
				 : why_not(*ret_code));
	} else if (json_is_null(answer) || json_object_get(answer, "error")) {
		/* a reload's own error stands behind a result */
		if (!json_is_null(answer) && json_object_get(answer, "result")) {
			answer = json_incref(answer);
		} else {
			const char *why = json_string_value(json_object_get(answer, "error"));

			*ret_code = -EINVAL;
			el_error_set(err, -EINVAL, "%s: %s", name,
				     why ? why : "the prober does not know this command");
			answer = NULL;
		}
	} else {
		answer = json_incref(answer);
	}
	if (answer)
		unescape_all(answer);
	json_decref(document);
	return answer;
}
