/* SPDX-License-Identifier: BSD-3-Clause */
#include "planner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct queue {
	struct planner_job *first, **end;
};

struct planner {
	struct control *control;
	pthread_t thread;
	pthread_mutex_t lock; /* protects all below */
	pthread_cond_t wake;
	struct queue todo, done;
	bool stop;
	int fd;
};

static void push(struct queue *q, struct planner_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct planner_job *pop(struct queue *q)
{
	struct planner_job *job = q->first;

	if (job) {
		q->first = job->next;
		if (!q->first)
			q->end = &q->first;
	}
	return job;
}

/* What is no regular file is not looked at again: a FIFO would be waited for. */
static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

uint64_t planning_file_digest(const char *path)
{
	const struct el_siphash_key key = {1, 2};
	uint64_t digest = 1;
	char buf[65536];
	ssize_t n;
	int fd = is_file(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		digest = digest * 31 + el_siphash(&key, buf, (size_t)n);
	close(fd);
	return n < 0 ? 0 : digest;
}

/* The configuration of the command line once more, with its ports; everything wrong is logged. */
static int load(struct control *c, struct shared_conf **ret, struct el_error *err)
{
	const struct options *o = c->options;
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	int code;

	el_log_forget(); /* who changes a file waits for what is said of it */
	if (!is_file(o->config))
		return el_error_set(err, -EINVAL, "%s is not a file", o->config);
	code = el_conf_load(o->config, &conf, &diags);
	for (size_t i = 0; i < diags.count; i++)
		el_log(diags.items[i].is_error ? EL_LOG_ERROR : EL_LOG_WARNING, "reload", "%s",
		       diags.items[i].text);
	el_conf_diags_fini(&diags);
	if (code < 0)
		return el_error_set(err, code, "%s has errors", o->config);
	for (uint32_t i = 0; i < o->n_ports && code == 0; i++)
		code = el_conf_add_port(conf, o->ports[i], err);
	if (code == 0) {
		const struct el_inventory_settings settings = el_inventory_settings_of(conf);

		code = el_inventory_check(&settings, err);
	}
	if (code < 0) {
		el_conf_free(conf);
		return code;
	}
	*ret = shared_conf_create(conf);
	return *ret ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

static void work(struct control *c, struct planner_job *job)
{
	if (job->kind == PLANNER_LOAD) {
		uint64_t digest = planning_file_digest(c->options->config);
		job->status = job->only_if_changed && digest == job->digest;
		job->digest = digest;
		if (job->status == 0)
			job->status = load(c, &job->shared, &job->err);
		if (job->status != 0)
			return;
	}
	job->status = planning_make(c, &job->order, job->shared, &job->planning, &job->err);
	job->shared = NULL;
	el_plan_set_put(job->order.learn_from);
	job->order.learn_from = NULL;
}

static void *run(void *arg)
{
	struct planner *p = arg;
	const uint64_t one = 1;
	struct planner_job *job;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		job = pop(&p->todo);
		if (!job) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		if (job->kind == PLANNER_FREE) {
			planning_fini(&job->planning);
			free(job);
			pthread_mutex_lock(&p->lock);
			continue;
		}
		work(p->control, job);
		pthread_mutex_lock(&p->lock);
		push(&p->done, job);
		/* can't fail: the counter is nowhere near its end */
		if (write(p->fd, &one, sizeof(one)) < 0)
			el_log(EL_LOG_ERROR, "planner", "eventfd refused");
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct planner *planner_create(struct control *c)
{
	struct planner *p = calloc(1, sizeof(*p));
	int error;

	if (!p)
		return NULL;
	p->control = c;
	p->todo.end = &p->todo.first;
	p->done.end = &p->done.first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = p->fd < 0 ? errno : pthread_create(&p->thread, NULL, run, p);
	if (!error)
		return p;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	errno = error;
	return NULL;
}

static void free_jobs(struct queue *q)
{
	struct planner_job *job;

	while ((job = pop(q)) != NULL) {
		shared_conf_put(job->shared);
		el_plan_set_put(job->order.learn_from);
		planning_fini(&job->planning);
		free(job);
	}
}

void planner_destroy(struct planner *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	free_jobs(&p->todo);
	free_jobs(&p->done);
	close(p->fd);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int planner_fd(const struct planner *p)
{
	return p->fd;
}

void planner_submit(struct planner *p, struct planner_job *job)
{
	pthread_mutex_lock(&p->lock);
	push(&p->todo, job);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void planner_free(struct planner *p, struct planning *planning)
{
	struct planner_job *job = calloc(1, sizeof(*job));

	if (!job) { /* then control waits for it */
		planning_fini(planning);
		return;
	}
	job->kind = PLANNER_FREE;
	job->planning = *planning;
	*planning = (struct planning){0};
	planner_submit(p, job);
}

struct planner_job *planner_take(struct planner *p)
{
	struct planner_job *job;

	pthread_mutex_lock(&p->lock);
	job = pop(&p->done);
	pthread_mutex_unlock(&p->lock);
	return job;
}
