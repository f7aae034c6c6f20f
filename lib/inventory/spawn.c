/* SPDX-License-Identifier: BSD-3-Clause */
/* vfork, because fork would copy the page tables of all rounds and make every worker's next write
 * to each page a page fault. The child shares our memory until it is the program; it does only what
 * a signal handler may do. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICE 10
#define FIRST_FD (STDERR_FILENO + 1)

/* What the child needs, made before there is one. */
struct child {
	const char *path, *directory;
	char **environment;
	int null_fd, out_fd, err_fd;
	pid_t parent;
	int error; /* why it could not become the program */
};

/* Our environment without the password of our metrics. */
static char **make_environment(void)
{
	size_t count = 0, n = 0;
	char **copy;

	while (environ && environ[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++)
		if (strncmp(environ[i], "PROM_USER=", 10) != 0 &&
		    strncmp(environ[i], "PROM_PASSWORD=", 14) != 0)
			copy[n++] = environ[i];
	return copy;
}

static void default_signals(void)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &action, NULL); /* two can't be set, and need not */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_child(struct child *c)
{
	const struct sched_param priority = {0};
	char *argv[] = {NULL, NULL};

	/* execve promises not to change it */
	memcpy(&argv[0], &c->path, sizeof(c->path));
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
		goto fail;
	if (getppid() != c->parent) /* it has ended in the meantime */
		_exit(127);
	if (dup2(c->null_fd, STDIN_FILENO) < 0 || dup2(c->out_fd, STDOUT_FILENO) < 0 ||
	    dup2(c->err_fd, STDERR_FILENO) < 0)
		goto fail;
	close_range(FIRST_FD, ~0U, 0);
	if (chdir(c->directory) < 0)
		goto fail;
	/* niceties */
	sched_setscheduler(0, SCHED_OTHER, &priority);
	setpriority(PRIO_PROCESS, 0, NICE);
	default_signals();
	execve(c->path, argv, c->environment);
fail:
	c->error = errno;
	_exit(127);
}

static pid_t start_child(struct child *c)
{
	sigset_t all, old;
	pid_t pid;

	/* no handler of ours may run in the child */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0) {
		run_child(c);
		_exit(127);
	}
	if (pid < 0)
		c->error = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid > 0 && c->error)
		waitpid(pid, NULL, 0);
	return pid;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A pipe whose ends are not among the standard descriptors. */
static int make_pipe(int fds[2])
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, FIRST_FD);
		close(ends[i]);
	}
	if (fds[0] < 0 || fds[1] < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int spawn(const char *path, const char *directory, struct spawned *ret_spawned)
{
	struct child c = {.path = path, .directory = directory, .parent = getpid()};
	struct spawned s = {.pid_fd = -1};
	int out[2] = {-1, -1}, err[2] = {-1, -1}, rc;

	c.environment = make_environment();
	c.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rc = !c.environment ? -ENOMEM : c.null_fd < 0 ? -errno : make_pipe(out);
	if (rc == 0)
		rc = make_pipe(err);
	if (rc == 0) {
		c.out_fd = out[1];
		c.err_fd = err[1];
		s.pid = start_child(&c);
		rc = -c.error;
	}
	if (rc == 0) {
		s.pid_fd = pidfd_open(s.pid, 0);
		if (s.pid_fd < 0) {
			rc = -errno;
			kill(s.pid, SIGKILL);
			waitpid(s.pid, NULL, 0);
		}
	}
	free(c.environment);
	close_if_open(c.null_fd);
	close_if_open(out[1]);
	close_if_open(err[1]);
	if (rc < 0) {
		close_if_open(out[0]);
		close_if_open(err[0]);
		return rc;
	}
	s.out_fd = out[0];
	s.err_fd = err[0];
	*ret_spawned = s;
	return 0;
}
