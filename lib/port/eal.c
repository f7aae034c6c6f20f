/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_private.h"

#include <errno.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "capture.h"
#include "interrupts.h"
#include "resources.h"
#include "runtime_dir.h"

#define ARGS_MAX 128
#define ARGS_BYTES 8192

/* Memory for the EAL's heap where nothing was asked for: buffers of a port's queue pair take some
 * 12 MiB. */
#define MEMORY_BASE_MIB 512
#define MEMORY_QUEUE_MIB 32
#define MEMORY_QUEUES_FREE 8

/* Descriptors and threads beside those of the workers, with some to spare for what comes and goes:
 * metrics' clients, name servers, inventories. */
#define DESCRIPTORS_BASE 56
#define DESCRIPTORS_WORKER 4      /* its lcore's pipes */
#define DESCRIPTORS_WORKER_PORT 4 /* a queue's sockets */
#define THREADS_BASE 10
/* Its files, all told: 48 bytes for each page of its memory, and some. */
#define FILES_BASE_KIB 1024
#define FILES_HUGE_MIB_KIB 1
#define FILES_MIB_KIB 12
/* No file of the EAL is larger. */
#define FILE_BYTES (1UL << 30)

static bool running;
static char *args_memory; /* the EAL keeps pointers into it */

/* Several ports may have one. */
static uint32_t count_devices(const struct el_eal_config *c)
{
	uint32_t n = 0;

	for (size_t i = 0; i < c->n_ports; i++)
		n += el_conf_port_first(c->ports, i) == i;
	return n;
}

static uint32_t memory_mib(const struct el_eal_config *c)
{
	uint64_t queues = (uint64_t)count_devices(c) * c->lcores->n_workers;

	if (c->memory_mib)
		return c->memory_mib;
	return MEMORY_BASE_MIB + (queues > MEMORY_QUEUES_FREE
				      ? (uint32_t)(queues - MEMORY_QUEUES_FREE) * MEMORY_QUEUE_MIB
				      : 0);
}

/* ---- arguments ---- */

struct args {
	struct el_str s;
	char **argv;
	size_t n, max;
	bool full;
};

static void add_arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_arg(struct args *a, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* its NUL is part of the argument: el_str adds one more behind it, that the next one
	 * overwrites */
	if (n < 0 || (size_t)n >= sizeof(text) || a->n + 1 >= a->max ||
	    a->s.len + (size_t)n + 1 >= a->s.cap) {
		a->full = true;
		return;
	}
	a->argv[a->n++] = a->s.buf + a->s.len;
	el_str_addn(&a->s, text, (size_t)n + 1);
}

static void add_lcores(struct args *a, const struct el_lcores *l)
{
	char text[2048];
	struct el_str s;

	el_str_init(&s, text, sizeof(text));
	el_str_addf(&s, "0@%d", l->control);
	for (uint32_t i = 0; i < l->n_workers; i++)
		el_str_addf(&s, ",%u@%d", i + 1, l->workers[i]);
	add_arg(a, "--lcores=%s", text);
	add_arg(a, "--main-lcore=0");
}

/* A PCI function with what its profile gives it. What is wrong with that is told when the port is
 * opened. */
static const char *pci_device(const struct el_eal_config *c, const struct el_conf_port *port,
			      const char *address, char *buf, size_t size)
{
	struct el_profile profile;
	struct el_str s;

	if (!c->profile_dir ||
	    profile_of_pci("/sys", c->profile_dir, port, address, &profile, NULL) < 0)
		return address;
	el_str_init(&s, buf, size);
	profile_add_pci_device(&s, address, &profile);
	return buf;
}

static void add_pci(struct args *a, const struct el_eal_config *c)
{
	char text[sizeof(((struct el_device *)0)->name) +
		  sizeof(((struct el_profile *)0)->pci_args)];
	struct el_device d;
	bool any = false;

	for (size_t i = 0; i < c->n_ports; i++) {
		if (el_conf_port_first(c->ports, i) < i ||
		    el_device_parse(c->ports[i].device, &d, NULL) < 0 || d.kind != EL_DEVICE_PCI)
			continue;
		add_arg(a, "--allow=%s", pci_device(c, &c->ports[i], d.name, text, sizeof(text)));
		any = true;
	}
	if (!any)
		add_arg(a, "--no-pci");
}

int el_eal_args(const struct el_eal_config *config, bool huge, const char *prefix, char *buf,
		size_t buf_size, char **argv, size_t argv_size)
{
	struct args a = {.argv = argv, .max = argv_size};

	el_str_init(&a.s, buf, buf_size);
	add_arg(&a, "echolane");
	add_arg(&a, "--file-prefix=%s", prefix);
	add_lcores(&a, config->lcores);
	if (huge)
		add_arg(&a, "--huge-unlink"); /* nothing is left in the file system whatever ends
						 the process */
	else
		add_arg(&a, "--no-huge");
	add_arg(&a, "-m");
	add_arg(&a, "%u", memory_mib(config));
	add_pci(&a, config);
	for (size_t i = 0; i < config->n_args; i++)
		add_arg(&a, "%s", config->args[i]);
	if (a.full)
		return -ENOSPC;
	argv[a.n] = NULL;
	return (int)a.n;
}

/* ---- huge pages ---- */

#define HUGE_SIZES_MAX 8

static uint64_t free_pages(uint64_t page_kib)
{
	char path[128];
	uint64_t pages = 0;
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", page_kib);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%" SCNu64, &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages;
}

/* The page sizes that a hugetlbfs is mounted for which we may write to. */
static unsigned mounted_sizes(uint64_t sizes_kib[HUGE_SIZES_MAX])
{
	FILE *f = setmntent("/proc/mounts", "re");
	struct mntent *m;
	unsigned n = 0;

	while (f && n < HUGE_SIZES_MAX && (m = getmntent(f))) {
		struct statfs fs;
		unsigned i = 0;

		if (strcmp(m->mnt_type, "hugetlbfs") || access(m->mnt_dir, W_OK) < 0 ||
		    statfs(m->mnt_dir, &fs) < 0)
			continue;
		while (i < n && sizes_kib[i] != (uint64_t)fs.f_bsize / 1024)
			i++;
		if (i == n)
			sizes_kib[n++] = (uint64_t)fs.f_bsize / 1024;
	}
	if (f)
		endmntent(f);
	return n;
}

uint64_t el_eal_huge_free_mib(void)
{
	uint64_t sizes_kib[HUGE_SIZES_MAX], mib = 0;
	unsigned n = mounted_sizes(sizes_kib);

	for (unsigned i = 0; i < n; i++)
		mib += free_pages(sizes_kib[i]) * sizes_kib[i] / 1024;
	return mib;
}

static int choose_huge(const struct el_eal_config *c, bool *ret_huge, struct el_error *err)
{
	uint64_t free_mib = c->huge_pages == EL_CONF_HUGE_NO ? 0 : el_eal_huge_free_mib();
	uint32_t need_mib = memory_mib(c);
	uint64_t sizes_kib[HUGE_SIZES_MAX];

	*ret_huge = free_mib >= need_mib;
	if (c->huge_pages == EL_CONF_HUGE_NO)
		*ret_huge = false;
	if (c->huge_pages == EL_CONF_HUGE_YES && !*ret_huge)
		return el_error_set(err, -ENOMEM,
				    "huge pages are asked for, and %" PRIu64
				    " MiB of them are free where %u MiB are needed%s",
				    free_mib, need_mib,
				    mounted_sizes(sizes_kib)
					? ""
					: " (no hugetlbfs that can be written to is mounted)");
	return 0;
}

/* ---- start and end ---- */

static int check_resources(const struct el_eal_config *c, struct el_error *err)
{
	uint32_t n = c->lcores->n_workers;

	return resources_check(DESCRIPTORS_BASE + n * (DESCRIPTORS_WORKER +
						       count_devices(c) * DESCRIPTORS_WORKER_PORT),
			       THREADS_BASE + n, err);
}

/* What the EAL's files may take. */
static uint64_t files_kib(const struct el_eal_config *c, bool huge)
{
	return FILES_BASE_KIB +
	       (uint64_t)memory_mib(c) * (huge ? FILES_HUGE_MIB_KIB : FILES_MIB_KIB);
}

static int check_args(const struct el_eal_config *c, struct el_error *err)
{
	for (size_t i = 0; i < c->n_args; i++)
		if (strcmp(c->args[i], "--help") == 0 || strcmp(c->args[i], "-h") == 0)
			return el_error_set(err, -EINVAL,
					    "EAL argument %s: help is for DPDK's own programs",
					    c->args[i]);
	return 0;
}

static int explain(int code, const char *why, struct el_error *err)
{
	struct rlimit size;

	/* its files, and those that its words are read from, are some MiB */
	if (getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur < FILE_BYTES)
		return el_error_set(err, -EFBIG,
				    "DPDK's EAL does not start: no file may be larger than %" PRIu64
				    " KiB (ulimit -f)",
				    (uint64_t)size.rlim_cur / 1024);
	return el_error_set(err, code, "DPDK's EAL does not start: %s", why);
}

int el_eal_init(const struct el_eal_config *config, struct el_error *err)
{
	const char *program = config->program ? config->program : "echolane";
	char prefix[64], last[256];
	char *argv[ARGS_MAX];
	struct capture capture;
	bool huge;
	int argc, r;

	if (running)
		return el_error_set(err, -EALREADY, "the EAL is running already");
	r = check_args(config, err);
	if (r == 0)
		r = check_resources(config, err);
	if (r == 0)
		r = choose_huge(config, &huge, err);
	if (r < 0)
		return r;
	r = runtime_dir_prepare(program, prefix, sizeof(prefix), err);
	if (r == 0)
		r = runtime_dir_check_space(files_kib(config, huge), err);
	if (r < 0)
		goto fail_early;
	args_memory = malloc(ARGS_BYTES);
	if (!args_memory) {
		r = el_error_set(err, -ENOMEM, "no memory to start the EAL");
		goto fail_early;
	}
	argc = el_eal_args(config, huge, prefix, args_memory, ARGS_BYTES, argv, ARGS_MAX);
	if (argc < 0) {
		r = el_error_set(err, argc, "there are too many EAL arguments");
		goto fail;
	}
	r = capture_log_open();
	if (r < 0) {
		el_error_set(err, r, "no memory to start the EAL");
		goto fail;
	}

	capture_begin(&capture);
	if (rte_eal_init(argc, argv) < 0)
		r = rte_errno > 0 ? -rte_errno : -EIO;
	runtime_dir_keep();
	capture_end(&capture, last, sizeof(last));
	if (r < 0) {
		r = explain(r, last[0] ? last : strerror(-r), err);
		goto fail;
	}
	el_log(EL_LOG_DEBUG, "port", "EAL started, %s huge pages, %u MiB",
	       huge ? "with" : "without", memory_mib(config));
	runtime_dir_sweep(program);
	running = true;
	return 0;

fail:
	capture_log_close();
	free(args_memory);
	args_memory = NULL;
fail_early:
	runtime_dir_remove();
	return r;
}

void el_eal_fini(void)
{
	struct capture capture;
	char last[256];

	if (!running)
		return;
	interrupts_park();
	capture_begin(&capture);
	rte_eal_cleanup();
	capture_end(&capture, last, sizeof(last));
	runtime_dir_remove();
	capture_log_close();
	free(args_memory);
	args_memory = NULL;
	running = false;
}
