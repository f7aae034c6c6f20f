/* SPDX-License-Identifier: BSD-3-Clause */
#include "permission.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#define NEEDS_MAX 3
/* Bytes that no port comes near to. */
#define LOCKED_ENOUGH (1UL << 30)

/* What devices take, by driver. */
static const struct need {
	const char *driver;          /* "net_" may be before it */
	uint8_t caps[NEEDS_MAX + 1]; /* ends with 0, CAP_CHOWN, which no driver takes */
	const char *file;            /* to be opened for reading and writing; NULL: none */
	bool locks_memory;
} needs[] = {
    {"af_packet", {CAP_NET_RAW, CAP_NET_ADMIN}, NULL, true},
    {"af_xdp", {CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF}, NULL, true},
    {"tap", {CAP_NET_ADMIN}, "/dev/net/tun", false},
};

static const char *cap_name(uint8_t cap)
{
	switch (cap) {
	case CAP_NET_RAW:
		return "CAP_NET_RAW";
	case CAP_NET_ADMIN:
		return "CAP_NET_ADMIN";
	case CAP_IPC_LOCK:
		return "CAP_IPC_LOCK";
	default:
		return "CAP_BPF";
	}
}

static bool has_cap(uint8_t cap)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return true; /* not known */
	return data[cap / 32].effective & 1u << cap % 32 ||
	       (cap == CAP_BPF && data[0].effective & 1u << CAP_SYS_ADMIN);
}

/* Packet rings, and what a NIC reads and writes, are locked. */
static bool lacks_locked_memory(uint64_t *ret_kib)
{
	struct rlimit limit;

	if (has_cap(CAP_IPC_LOCK) || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
	    limit.rlim_cur >= LOCKED_ENOUGH)
		return false;
	*ret_kib = limit.rlim_cur / 1024;
	return true;
}

static void add_locked(struct el_str *out, uint64_t kib)
{
	el_str_addf(
	    out,
	    "CAP_IPC_LOCK (or a limit of locked memory above %llu KiB: ulimit -l, LimitMEMLOCK= "
	    "of systemd)",
	    (unsigned long long)kib);
}

static bool lacks_file(const char *path, struct el_str *out)
{
	if (access(path, R_OK | W_OK) == 0 || (errno != EACCES && errno != EPERM))
		return false;
	el_str_addf(out, "%s can't be opened for reading and writing by this user", path);
	return true;
}

static const char *link_end(const char *path, char *buf, size_t size)
{
	ssize_t n = readlink(path, buf, size - 1);
	const char *slash;

	if (n < 0)
		return NULL;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	return slash ? slash + 1 : buf;
}

/* A PCI function is had by its VFIO group. */
static bool lacks_vfio(const char *address, struct el_str *out)
{
	char path[128], link[PATH_MAX];
	const char *group;
	uint64_t kib;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	group = link_end(path, link, sizeof(link));
	if (!group || access("/dev/vfio", F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "/dev/vfio/%.32s", group);
	if (lacks_file("/dev/vfio/vfio", out) || lacks_file(path, out))
		return true;
	if (!lacks_locked_memory(&kib))
		return false;
	el_str_add(out, "this process lacks ");
	add_locked(out, kib);
	return true;
}

/* All capabilities that are missing, in one sentence. */
static bool lacks_caps(const struct need *n, struct el_str *out)
{
	const char *missing[NEEDS_MAX + 1];
	uint64_t kib = 0;
	size_t count = 0;

	for (size_t c = 0; n->caps[c]; c++)
		if (!has_cap(n->caps[c]))
			missing[count++] = cap_name(n->caps[c]);
	if (n->locks_memory && lacks_locked_memory(&kib))
		missing[count++] = NULL;
	for (size_t i = 0; i < count; i++) {
		el_str_add(out, i == 0 ? "this process lacks " : i + 1 < count ? ", " : " and ");
		if (missing[i])
			el_str_add(out, missing[i]);
		else
			add_locked(out, kib);
	}
	if (count)
		el_str_addf(out,
			    ", which %s takes: root has all, AmbientCapabilities= of systemd gives "
			    "them",
			    n->driver);
	return count > 0;
}

bool permission_missing(const struct el_device *device, struct el_str *out)
{
	const char *driver = device->driver + (strncmp(device->driver, "net_", 4) == 0 ? 4 : 0);

	if (device->kind == EL_DEVICE_PCI)
		return lacks_vfio(device->name, out);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strcmp(driver, needs[i].driver) == 0)
			return lacks_caps(&needs[i], out) ||
			       (needs[i].file && lacks_file(needs[i].file, out));
	return false;
}
