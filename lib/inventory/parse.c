/* SPDX-License-Identifier: BSD-3-Clause */
#include "parse.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 10

struct parse {
	pthread_t thread;
	const char *name;
	char *text;
	size_t len;
	uint32_t max_addresses;
	struct el_conf_inventory old;
	int event_fd;
	/* the thread's until `done` */
	struct el_conf_inventory inventory;
	struct el_conf_diags diags;
	int rc;
	_Atomic bool done; /* written by the thread (release), read by its owner (acquire) */
};

static void *run(void *arg)
{
	struct parse *p = arg;

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	el_conf_inventory_fini(&p->old);
	p->rc = el_conf_load_inventory(p->name, p->text, p->len, p->max_addresses, &p->inventory,
				       &p->diags);
	atomic_store_explicit(&p->done, true, memory_order_release);
	eventfd_write(p->event_fd, 1);
	return NULL;
}

static int start_thread(struct parse *p)
{
	sigset_t all, old;
	int rc;

	/* signals are control's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

struct parse *parse_start(const char *name, char *text, size_t len, uint32_t max_addresses,
			  struct el_conf_inventory *old, int event_fd)
{
	struct parse *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct parse){.name = name,
				    .text = text,
				    .len = len,
				    .max_addresses = max_addresses,
				    .old = *old,
				    .event_fd = event_fd};
	if (p && start_thread(p) == 0) {
		*old = (struct el_conf_inventory){0};
		return p;
	}
	free(text);
	free(p);
	return NULL;
}

bool parse_is_done(const struct parse *p)
{
	return atomic_load_explicit(&p->done, memory_order_acquire);
}

int parse_finish(struct parse *p, struct el_conf_inventory *ret_inventory,
		 struct el_conf_diags *ret_diags)
{
	int rc;

	pthread_join(p->thread, NULL);
	rc = p->rc;
	*ret_diags = p->diags;
	if (rc == 0)
		*ret_inventory = p->inventory;
	free(p->text);
	free(p);
	return rc;
}
