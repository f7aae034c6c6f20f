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
	struct list *old;
	int event_fd;
	/* the thread's until `done` */
	struct list *list;
	struct el_conf_diags diags;
	int rc;
	_Atomic bool done; /* written by the thread (release), read by its owner (acquire) */
};

static void *run(void *arg)
{
	struct parse *p = arg;

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	list_put(p->old);
	p->rc = el_conf_load_inventory(p->name, p->text, p->len, p->max_addresses,
				       &p->list->inventory, &p->diags);
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
			  struct list **old, int event_fd)
{
	struct parse *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct parse){.name = name,
				    .text = text,
				    .len = len,
				    .max_addresses = max_addresses,
				    .old = *old,
				    .list = list_create(),
				    .event_fd = event_fd};
	if (p && p->list && start_thread(p) == 0) {
		*old = NULL;
		return p;
	}
	list_put(p ? p->list : NULL);
	free(text);
	free(p);
	return NULL;
}

bool parse_is_done(const struct parse *p)
{
	return atomic_load_explicit(&p->done, memory_order_acquire);
}

struct list *parse_finish(struct parse *p, struct el_conf_diags *ret_diags)
{
	struct list *list;

	pthread_join(p->thread, NULL);
	*ret_diags = p->diags;
	list = p->list;
	if (p->rc < 0) {
		list_put(list);
		list = NULL;
	}
	free(p->text);
	free(p);
	return list;
}
