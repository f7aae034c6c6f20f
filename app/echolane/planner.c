/* SPDX-License-Identifier: BSD-3-Clause */
#include "planner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool work(void *ctx, struct job *base)
{
	struct planner_job *job = (struct planner_job *)base;
	struct control *c = ctx;

	if (job->kind == PLANNER_FREE)
		return false;
	if (job->kind == PLANNER_LOAD) {
		uint64_t digest = planning_file_digest(c->options->config);
		job->status = job->only_if_changed && digest == job->digest;
		job->digest = digest;
		if (job->status == 0)
			job->status = load(c, &job->shared, &job->err);
	}
	if (job->status == 0) {
		job->status = planning_make(c, &job->order, job->shared, &job->planning, &job->err);
		job->shared = NULL;
	}
	planning_order_fini(&job->order);
	return true;
}

static void drop(struct job *base)
{
	struct planner_job *job = (struct planner_job *)base;

	shared_conf_put(job->shared);
	planning_order_fini(&job->order);
	planning_fini(&job->planning);
	free(job);
}

struct job_thread *planner_create(struct control *c)
{
	return job_thread_create(work, drop, c);
}

void planner_submit(struct job_thread *p, struct planner_job *job)
{
	job_thread_submit(p, &job->base, 0);
}

void planner_free(struct job_thread *p, struct planning *planning)
{
	struct planner_job *job = calloc(1, sizeof(*job));

	if (!job) { /* only that thread may free it: then it stays */
		el_log(EL_LOG_ERROR, "planner", "not enough memory to free a plan");
		*planning = (struct planning){0};
		return;
	}
	job->kind = PLANNER_FREE;
	job->planning = *planning;
	*planning = (struct planning){0};
	planner_submit(p, job);
}

struct planner_job *planner_take(struct job_thread *p)
{
	return (struct planner_job *)job_thread_take(p);
}
