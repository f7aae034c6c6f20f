/* SPDX-License-Identifier: BSD-3-Clause */
/* vfork, because fork would copy the page tables of all rounds and make every worker's next write
 * to each page a page fault. The child shares our memory until it is the program; it does only what
 * a signal handler may do. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICE 10
#define FIRST_FD (STDERR_FILENO + 1) /* the program's */
#define EXEC_FD (FIRST_FD + 1)       /* what executes it, until then */
#define FILES_MAX 1024
#define SETPRIV "/usr/bin/setpriv"
#define ARGS_MAX 16

/* What the child needs, made before there is one. */
struct child {
	char *argv[ARGS_MAX];
	char **environment;
	int exec_fd; /* what is executed; argv says what for */
	bool is_kept;
	int program_fd, directory_fd, null_fd, out_fd, err_fd; /* all above FIRST_FD */
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
		    strncmp(environ[i], "PROM_PASSWORD=", 14) != 0 &&
		    strncmp(environ[i], "CREDENTIALS_DIRECTORY=", 22) != 0)
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

static void lower_limit(int resource, rlim_t max)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_cur < max ? limit.rlim_cur : max;
	if (resource != RLIMIT_NOFILE)
		limit.rlim_max = limit.rlim_cur;
	setrlimit(resource, &limit);
}

/* What we were given for probing is not for programs. */
static void lower_rights(void)
{
	const struct sched_param priority = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	lower_limit(RLIMIT_CORE, 0);
	lower_limit(RLIMIT_NOFILE, FILES_MAX);
	lower_limit(RLIMIT_RTPRIO, 0);
	sched_setscheduler(0, SCHED_OTHER, &priority);
	setpriority(PRIO_PROCESS, 0, NICE);
}

static void run_child(struct child *c)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
		goto fail;
	if (getppid() != c->parent) /* it has ended in the meantime */
		_exit(127);
	if (fchdir(c->directory_fd) < 0 || dup2(c->null_fd, STDIN_FILENO) < 0 ||
	    dup2(c->out_fd, STDOUT_FILENO) < 0 || dup2(c->err_fd, STDERR_FILENO) < 0 ||
	    dup2(c->program_fd, FIRST_FD) < 0)
		goto fail;
	if (!c->is_kept)
		fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	if (c->exec_fd != FIRST_FD && dup3(c->exec_fd, EXEC_FD, O_CLOEXEC) < 0)
		goto fail;
	/* at once: execve lets us go on before it closes what is marked so */
	close_range(EXEC_FD + 1, ~0U, 0);
	lower_rights();
	default_signals();
	syscall(SYS_execveat, c->exec_fd == FIRST_FD ? FIRST_FD : EXEC_FD, "", c->argv,
		c->environment, AT_EMPTY_PATH);
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

/* Moves a descriptor above those that the program gets. It is closed in any case. */
static int move_up(int fd)
{
	int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, EXEC_FD), error = errno;

	close_if_open(fd);
	errno = error;
	return up;
}

static int make_pipe(int fds[2])
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fds[0] = move_up(ends[0]);
	fds[1] = move_up(ends[1]);
	if (fds[0] < 0 || fds[1] < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* A machine's own program needs its file no more once it runs; an interpreter opens it by /dev/fd.
 */
static bool is_elf(int program_fd)
{
	char name[64], magic[4] = "";
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", program_fd);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == EACCES; /* what may only be executed has no interpreter */
	n = read(fd, magic, sizeof(magic));
	close(fd);
	return n == (ssize_t)sizeof(magic) && memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

/* What is executed: the program, or setpriv that executes it. Another user's process is never one
 * that shares our memory: its signals could hold us up. `text`: memory for the arguments. */
static int choose_program(struct child *c, const struct spawn_user *user, char text[3][32])
{
	static char path[] = "/dev/fd/3", setpriv[] = "setpriv", groups[] = "--init-groups",
		    caps[] = "--inh-caps=-all", privileges[] = "--no-new-privs",
		    signal[] = "--pdeathsig=KILL", environment[] = "--reset-env", end[] = "--";
	char *const as_user[] = {setpriv,    text[0], text[1],     groups, caps,
				 privileges, signal,  environment, end,    path};

	_Static_assert(sizeof(as_user) / sizeof(as_user[0]) < ARGS_MAX, "a NULL is behind them");
	if (!user->is_set) {
		c->argv[0] = path;
		c->exec_fd = FIRST_FD;
		c->is_kept = !is_elf(c->program_fd);
		return 0;
	}
	snprintf(text[0], sizeof(text[0]), "--reuid=%u", user->uid);
	snprintf(text[1], sizeof(text[1]), "--regid=%u", user->gid);
	memcpy(c->argv, as_user, sizeof(as_user));
	c->is_kept = true;
	c->exec_fd = move_up(open(SETPRIV, O_PATH | O_CLOEXEC));
	return c->exec_fd < 0 ? -errno : 0;
}

/* The descriptors of the child; all of `c` that is not -1 is to be closed by the caller. */
static int prepare(struct child *c, const struct spawn_order *order, int out[2], int err[2])
{
	int rc;

	c->program_fd = fcntl(order->program_fd, F_DUPFD_CLOEXEC, EXEC_FD);
	c->directory_fd = fcntl(order->directory_fd, F_DUPFD_CLOEXEC, EXEC_FD);
	c->null_fd = move_up(open("/dev/null", O_RDONLY | O_CLOEXEC));
	if (c->program_fd < 0 || c->directory_fd < 0 || c->null_fd < 0)
		return -errno;
	c->environment = make_environment();
	rc = c->environment ? make_pipe(out) : -ENOMEM;
	return rc == 0 ? make_pipe(err) : rc;
}

static int watch_child(struct child *c, struct spawned *s)
{
	s->pid = start_child(c);
	if (c->error)
		return -c->error;
	s->pid_fd = pidfd_open(s->pid, 0);
	if (s->pid_fd < 0) {
		int rc = -errno;

		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
		return rc;
	}
	return 0;
}

int spawn(const struct spawn_order *order, struct spawned *ret_spawned)
{
	struct child c = {
	    .exec_fd = -1, .program_fd = -1, .directory_fd = -1, .null_fd = -1, .parent = getpid()};
	struct spawned s = {.pid_fd = -1};
	int out[2] = {-1, -1}, err[2] = {-1, -1}, rc;
	char text[3][32];

	rc = prepare(&c, order, out, err);
	if (rc == 0)
		rc = choose_program(&c, order->user, text);
	if (rc == 0) {
		c.out_fd = out[1];
		c.err_fd = err[1];
		rc = watch_child(&c, &s);
	}
	free(c.environment);
	if (order->user->is_set)
		close_if_open(c.exec_fd);
	close_if_open(c.program_fd);
	close_if_open(c.directory_fd);
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

int spawn_find_user(const char *name, struct spawn_user *ret_user, struct el_error *err)
{
	char buf[16384];
	struct passwd user, *found = NULL;
	int error;

	if (!name) {
		*ret_user = (struct spawn_user){0};
		return 0;
	}
	error = getpwnam_r(name, &user, buf, sizeof(buf), &found);
	if (!found)
		return el_error_set(err, error ? -error : -ENOENT,
				    "dataplane.inventories.user: the user %s: %s", name,
				    error ? strerror(error) : "there is none of that name");
	if (geteuid() != 0 && user.pw_uid != geteuid())
		return el_error_set(err, -EPERM,
				    "dataplane.inventories.user: only root can run programs as %s",
				    name);
	*ret_user = (struct spawn_user){
	    .is_set = user.pw_uid != geteuid(), .uid = user.pw_uid, .gid = user.pw_gid};
	return 0;
}
