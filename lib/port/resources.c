/* SPDX-License-Identifier: BSD-3-Clause */
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_descriptors(uint32_t wanted, struct el_error *err)
{
	int *fds = malloc(wanted * sizeof(*fds));
	uint32_t n = 0;
	int error = 0;

	if (!fds)
		return el_error_set(err, -ENOMEM, "not enough memory");
	while (n < wanted && !error) {
		fds[n] = n ? fcntl(fds[0], F_DUPFD_CLOEXEC, 0)
			   : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[n] < 0)
			error = errno;
		else
			n++;
	}
	for (uint32_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	if (!error)
		return 0;
	return el_error_set(err, -error,
			    "%u file descriptors are needed and only %u more can be had: raise %s",
			    wanted, n,
			    error == ENFILE ? "the system's limit (sysctl fs.file-max)"
					    : "their limit (ulimit -n, LimitNOFILE= of systemd)");
}

/* Ends when it may. */
static void *wait_for_lock(void *arg)
{
	pthread_mutex_t *lock = arg;

	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	return NULL;
}

static int check_threads(uint32_t wanted, struct el_error *err)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t *threads = calloc(wanted, sizeof(*threads));
	uint32_t n = 0;
	int error = 0;

	if (!threads)
		return el_error_set(err, -ENOMEM, "not enough memory");
	pthread_mutex_lock(&lock);
	while (n < wanted && !error) {
		error = pthread_create(&threads[n], NULL, wait_for_lock, &lock);
		n += !error;
	}
	pthread_mutex_unlock(&lock);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	if (!error)
		return 0;
	return el_error_set(
	    err, -EAGAIN,
	    "%u threads are needed and only %u can be had: raise the limit of processes "
	    "(ulimit -u, TasksMax= of systemd) or of address space (ulimit -v)",
	    wanted, n);
}

int resources_check(uint32_t descriptors, uint32_t threads, struct el_error *err)
{
	int r = check_descriptors(descriptors, err);

	return r < 0 ? r : check_threads(threads, err);
}
