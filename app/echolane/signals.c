/* SPDX-License-Identifier: BSD-3-Clause */
#include "signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

static sigset_t orders_to_stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

static sigset_t orders(void)
{
	sigset_t set = orders_to_stop();

	sigaddset(&set, SIGHUP);
	return set;
}

void signals_hold(void)
{
	sigset_t set = orders();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_release(void)
{
	sigset_t set = orders();

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void signals_let_end(void)
{
	const struct timespec now = {0};
	sigset_t set = orders_to_stop();

	while (sigtimedwait(&set, NULL, &now) > 0)
		;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool signals_want_stop(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

int signals_open(void)
{
	sigset_t set = orders();

	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}
