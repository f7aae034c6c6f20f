/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a program. Its process group is signalled only while its leader has not been reaped,
 * so that the number can't be another's by then. */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"

#define LOG "inventory"
#define PAUSE_MIN_NS EL_NS_PER_S
#define PAUSE_MAX_NS (300 * EL_NS_PER_S)
#define LONG_RUN_NS (60 * EL_NS_PER_S)
/* What a program has to exit after it closed its output, and after SIGTERM. */
#define GRACE_NS (2 * EL_NS_PER_S)

void program_signal(struct program *p, int number)
{
	if (p->pid > 0)
		kill(-p->pid, number);
}

static void watch(struct program_stream *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	if (epoll_ctl(s->program->epoll_fd, EPOLL_CTL_ADD, s->fd, &e) < 0)
		el_log(EL_LOG_ERROR, LOG, "%s: epoll: %s", s->program->entry.name, strerror(errno));
	s->resume_ns = 0;
}

void program_pause_stream(struct program_stream *s, uint64_t until_ns)
{
	if (s->resume_ns == 0)
		epoll_ctl(s->program->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	s->resume_ns = until_ns;
}

void program_close_stream(struct program_stream *s)
{
	if (s->fd >= 0) {
		/* closing alone would leave it there while a process that was forked holds it too
		 */
		if (s->resume_ns == 0)
			epoll_ctl(s->program->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
		close(s->fd);
	}
	s->fd = -1;
	s->resume_ns = 0;
}

static void resume(struct program_stream *s, uint64_t now_ns)
{
	if (s->resume_ns && s->resume_ns <= now_ns)
		watch(s);
}

static void set_state(struct program *p, enum program_state state, uint64_t signal_ns)
{
	p->state = state;
	p->signal_ns = signal_ns;
}

/* The pause before the next start, longer each time. */
static void schedule(struct program *p)
{
	if (p->restart || p->now_ns - p->started_ns >= LONG_RUN_NS)
		p->pause_ns = PAUSE_MIN_NS;
	p->start_ns = p->now_ns + (p->restart ? 0 : p->pause_ns);
	p->pause_ns = 2 * p->pause_ns < PAUSE_MAX_NS ? 2 * p->pause_ns : PAUSE_MAX_NS;
	p->restart = false;
	set_state(p, p->removed ? PROGRAM_GONE : PROGRAM_WAITING, 0);
}

static void describe_end(const siginfo_t *info, struct el_str *out)
{
	if (info->si_code == CLD_EXITED)
		el_str_addf(out, "exited with status %d", info->si_status);
	else
		el_str_addf(out, "ended by signal %d (%s)", info->si_status,
			    strsignal(info->si_status));
}

/* The process has ended: what is left of its group goes too, and what it printed is read. */
static void process_ended(struct program_stream *s)
{
	struct program *p = s->program;
	siginfo_t info = {0};
	bool good;
	char text[96];
	struct el_str how = EL_STR_INIT(text);

	program_signal(p, SIGKILL);
	if (waitid(P_PIDFD, (id_t)s->fd, &info, WEXITED | WNOHANG) < 0 && errno != ECHILD)
		el_log(EL_LOG_ERROR, LOG, "%s: waitid: %s", p->entry.name, strerror(errno));
	p->pid = 0;
	program_close_stream(&p->process);
	good = info.si_code == CLD_EXITED && info.si_status == 0;
	output_end(p, good && !p->removed);
	describe_end(&info, &how);
	schedule(p);
	if (p->state == PROGRAM_GONE)
		el_log(EL_LOG_INFO, LOG, "%s: stopped", p->entry.name);
	else
		el_log(good ? EL_LOG_INFO : EL_LOG_WARNING, LOG,
		       "%s: %s, starts again in %u s; its list of %zu targets stays", p->entry.name,
		       how.buf, (unsigned)((p->start_ns - p->now_ns) / EL_NS_PER_S),
		       program_n_targets(p));
}

/* Its standard output is closed, so it has nothing more to say. */
void program_output_closed(struct program *p)
{
	if (p->state == PROGRAM_RUNNING)
		set_state(p, PROGRAM_LEAVING, p->now_ns + GRACE_NS);
}

void program_kill(struct program *p)
{
	program_signal(p, SIGKILL);
	program_close_stream(&p->out);
	set_state(p, PROGRAM_KILLED, 0);
}

static void start(struct program *p)
{
	struct spawn_order order = {.user = &p->user};
	struct spawned s;
	struct el_error err;
	int rc = directory_open_program(p->directory, p->entry.path, &order.directory_fd,
					&order.program_fd, &err);

	p->started_ns = p->now_ns;
	if (rc == 0) {
		rc = spawn(&order, &s);
		if (rc < 0)
			el_error_set(&err, rc, "%s: can't be run: %s", p->entry.path,
				     strerror(-rc));
		close(order.program_fd);
		close(order.directory_fd);
	}
	if (rc < 0) {
		schedule(p);
		el_log(EL_LOG_ERROR, LOG, "%s", err.text);
		return;
	}
	p->pid = s.pid;
	p->process.fd = s.pid_fd;
	p->out.fd = s.out_fd;
	p->err.fd = s.err_fd;
	watch(&p->process);
	watch(&p->out);
	watch(&p->err);
	set_state(p, PROGRAM_RUNNING, 0);
	el_log(EL_LOG_DEBUG, LOG, "%s: started, process %d", p->entry.name, p->pid);
}

size_t program_n_targets(const struct program *p)
{
	return p->list ? p->list->inventory.count : 0;
}

static void ask_to_end(struct program *p)
{
	program_signal(p, SIGTERM);
	program_signal(p, SIGCONT);
	set_state(p, PROGRAM_ASKED, p->now_ns + GRACE_NS);
}

void program_stop(struct program *p, bool remove, uint64_t now_ns)
{
	p->now_ns = now_ns;
	p->removed |= remove;
	switch (p->state) {
	case PROGRAM_WAITING:
		if (remove)
			set_state(p, PROGRAM_GONE, 0);
		else
			p->start_ns = now_ns;
		p->pause_ns = PAUSE_MIN_NS;
		break;
	case PROGRAM_RUNNING:
	case PROGRAM_LEAVING:
		program_close_stream(&p->out);
		document_fini(&p->document);
		p->restart = true;
		ask_to_end(p);
		break;
	case PROGRAM_ASKED:
	case PROGRAM_KILLED:
		p->restart = true;
		break;
	case PROGRAM_GONE:
		break;
	}
}

void program_run(struct program *p, uint64_t now_ns)
{
	p->now_ns = now_ns;
	resume(&p->out, now_ns);
	resume(&p->err, now_ns);
	if (p->state == PROGRAM_WAITING && now_ns >= p->start_ns) {
		start(p);
	} else if (p->signal_ns && now_ns >= p->signal_ns) {
		if (p->state == PROGRAM_LEAVING)
			ask_to_end(p);
		else
			program_kill(p);
	}
	output_run(p);
}

static void earliest(uint64_t *deadline_ns, uint64_t ns)
{
	if (ns && ns < *deadline_ns)
		*deadline_ns = ns;
}

uint64_t program_deadline_ns(const struct program *p)
{
	uint64_t ns = UINT64_MAX;

	if (p->state == PROGRAM_WAITING)
		ns = p->start_ns;
	earliest(&ns, p->signal_ns);
	earliest(&ns, p->out.resume_ns);
	earliest(&ns, p->err.resume_ns);
	earliest(&ns, p->hint_ns);
	if (p->pending && !p->parse)
		earliest(&ns, p->parse_ns + 1);
	return ns;
}

struct program *program_create(struct directory_entry *entry, const char *directory,
			       const struct spawn_user *user, uint32_t max_addresses, int epoll_fd,
			       int parsed_fd, uint64_t now_ns)
{
	struct program *p = calloc(1, sizeof(*p));
	char *copy = strdup(directory);

	if (!p || !copy) {
		free(p);
		free(copy);
		return NULL;
	}
	*p = (struct program){.entry = *entry,
			      .directory = copy,
			      .user = *user,
			      .max_addresses = max_addresses,
			      .epoll_fd = epoll_fd,
			      .parsed_fd = parsed_fd,
			      .start_ns = now_ns,
			      .pause_ns = PAUSE_MIN_NS};
	*entry = (struct directory_entry){0};
	p->process = (struct program_stream){.fd = -1, .ready = process_ended, .program = p};
	p->out = (struct program_stream){.fd = -1, .ready = output_ready, .program = p};
	p->err = (struct program_stream){.fd = -1, .ready = output_error_ready, .program = p};
	return p;
}

void program_destroy(struct program *p)
{
	struct el_conf_diags diags;

	program_signal(p, SIGKILL);
	if (p->pid > 0)
		waitpid(p->pid, NULL, WNOHANG);
	program_close_stream(&p->process);
	program_close_stream(&p->out);
	program_close_stream(&p->err);
	if (p->parse) {
		list_put(parse_finish(p->parse, &diags));
		el_conf_diags_fini(&diags);
	}
	document_fini(&p->document);
	list_put(p->list);
	list_put(p->old);
	free(p->pending);
	free(p->directory);
	free(p->entry.name);
	free(p->entry.path);
	free(p);
}
