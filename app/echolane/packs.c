/* SPDX-License-Identifier: BSD-3-Clause */
#include "packs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "el_base.h"
#include "job_thread.h"

/* Pages are made for that long after somebody has asked: longer than Prometheus waits for the next
 * scrape before it takes a series for gone. */
#define LATELY_NS (300 * EL_NS_PER_S)
/* So long the page of a snapshot is shown behind the next one. */
#define BEHIND_NS (5 * EL_NS_PER_S)
/* Of a page that is larger nothing is kept. */
#define PACKED_BYTES_MAX ((size_t)256 << 20)
#define NICE 19

struct pack_job {
	struct job base;
	struct el_snapshot *snapshot; /* one reference, which the thread drops */
	struct el_expo_input in;
	uint64_t number; /* of the snapshot */
	char *probe_name;
	bool wanted[EL_EXPO_FORMATS];
	struct el_expo_packed *page[EL_EXPO_FORMATS]; /* NULL: it can't be had */
};

/* The thread's work. */
static bool work(void *ctx, struct job *base)
{
	struct pack_job *job = (struct pack_job *)base;

	(void)ctx;
	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone */
	for (int f = 0; f < EL_EXPO_FORMATS; f++) {
		job->in.format = (enum el_expo_format)f;
		if (job->wanted[f])
			job->page[f] = el_expo_pack(&job->in, PACKED_BYTES_MAX);
		if (job->wanted[f] && !job->page[f])
			el_log(EL_LOG_WARNING, "httpd", "a page can't be packed: %s",
			       strerror(errno));
	}
	el_snapshot_put(job->snapshot);
	job->snapshot = NULL;
	return true;
}

static void drop(struct job *base)
{
	struct pack_job *job = (struct pack_job *)base;

	el_snapshot_put(job->snapshot);
	for (int f = 0; f < EL_EXPO_FORMATS; f++)
		el_expo_packed_put(job->page[f]);
	free(job->probe_name);
	free(job);
}

static void set_page(struct packs *p, int format, struct el_expo_packed *page,
		     const char *probe_name)
{
	el_expo_packed_put(p->of[format].page);
	free(p->of[format].probe_name);
	p->of[format].page = page;
	p->of[format].probe_name = page ? strdup(probe_name) : NULL;
}

/* What the thread has finished takes the place of what is there. */
static void take_results(struct packs *p)
{
	struct job *base;

	while (p->thread && (base = job_thread_take(p->thread)) != NULL) {
		struct pack_job *job = (struct pack_job *)base;

		for (int f = 0; f < EL_EXPO_FORMATS; f++) {
			if (!job->wanted[f])
				continue;
			set_page(p, f, job->page[f], job->probe_name);
			p->of[f].number = job->number;
			job->page[f] = NULL;
		}
		drop(base);
	}
}

static void start_thread(struct packs *p)
{
	if (p->thread || p->can_not)
		return;
	p->thread = job_thread_create("pages", work, drop, NULL);
	if (!p->thread) {
		p->can_not = true;
		el_log(EL_LOG_WARNING, "httpd", "pages go out unpacked: no thread can be had: %s",
		       strerror(errno));
	} else if (p->core >= 0 && job_thread_pin(p->thread, p->core) < 0) {
		el_log(EL_LOG_WARNING, "httpd", "core %d is not to be had for packing", p->core);
	}
}

/* Has pages made; what waits to be made is of an older snapshot, and left out. */
static void order(struct packs *p, const bool *wanted, const struct el_expo_input *in,
		  struct el_snapshot *s)
{
	struct pack_job *job;

	start_thread(p);
	job = p->thread ? calloc(1, sizeof(*job)) : NULL;
	if (!job)
		return;
	job->probe_name = strdup(s->model->probe_name);
	if (!job->probe_name) {
		free(job);
		return;
	}
	job->number = p->n_published;
	job->snapshot = el_snapshot_get(s);
	job->in = (struct el_expo_input){
	    .snapshot = s, .version = in->version, .dpdk_version = in->dpdk_version};
	memcpy(job->wanted, wanted, sizeof(job->wanted));
	job_thread_submit(p->thread, &job->base, 1);
}

/* Has the pages made that somebody has asked for lately, and drops the others. */
static void make_pages(struct packs *p, const struct el_expo_input *in, struct el_snapshot *s,
		       uint64_t now_ns)
{
	bool wanted[EL_EXPO_FORMATS] = {false}, any = false;

	take_results(p);
	for (int f = 0; f < EL_EXPO_FORMATS; f++) {
		uint64_t asked_ns = p->of[f].asked_ns;

		wanted[f] = asked_ns != 0 && now_ns - asked_ns <= LATELY_NS;
		any |= wanted[f];
		if (!wanted[f]) {
			p->of[f].asked_ns = 0;
			set_page(p, f, NULL, NULL);
		}
	}
	if (any)
		order(p, wanted, in, s);
}

void packs_follow(struct packs *p, const struct el_expo_input *in, struct el_snapshot *s,
		  uint64_t now_ns)
{
	p->n_published++;
	p->published_ns[p->n_published % PACKS_TIMES] = now_ns;
	make_pages(p, in, s, now_ns);
}

/* Whether the page of a snapshot may be shown while a later one may be published. */
static bool is_recent(const struct packs *p, uint64_t number, uint64_t now_ns)
{
	if (number == p->n_published)
		return true;
	return p->n_published - number < PACKS_TIMES &&
	       now_ns - p->published_ns[(number + 1) % PACKS_TIMES] <= BEHIND_NS;
}

struct el_expo_packed *packs_take(struct packs *p, const struct el_expo_input *in,
				  struct el_snapshot *s, uint64_t now_ns)
{
	bool is_first = p->of[in->format].asked_ns == 0;
	const char *probe_name;
	bool is_good;

	take_results(p);
	p->of[in->format].asked_ns = now_ns;
	if (is_first)
		make_pages(p, in, s, now_ns);
	/* the live part of the page has the name of today */
	probe_name = p->of[in->format].probe_name;
	is_good = p->of[in->format].page && probe_name &&
		  strcmp(probe_name, s->model->probe_name) == 0 &&
		  p->of[in->format].number >= p->of[in->format].shown &&
		  is_recent(p, p->of[in->format].number, now_ns);
	p->of[in->format].shown = is_good ? p->of[in->format].number : p->n_published;
	return is_good ? el_expo_packed_get(p->of[in->format].page) : NULL;
}

void packs_fini(struct packs *p)
{
	job_thread_destroy(p->thread, 0);
	for (int f = 0; f < EL_EXPO_FORMATS; f++)
		set_page(p, f, NULL, NULL);
}
