/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the driver profiles are. Their devargs name files and what DPDK does with them, with the
 * rights of who runs the program: so nobody else may be able to change them. */
#include "el_port.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "el_trust.h"

static int check(const char *path, struct el_error *err)
{
	struct el_error why;
	int fd = el_trust_open(path, NULL, &why);

	if (fd == -EPERM)
		return el_error_set(err, -EPERM, "driver profiles: %s", why.text);
	if (fd >= 0)
		close(fd);
	return 0; /* what can't be opened is told when it is read */
}

/* -EPERM where others can change the folder or a profile in it. */
static int check_folder(const char *folder, struct el_error *err)
{
	int ret = check(folder, err);
	DIR *dir = ret == 0 ? opendir(folder) : NULL;
	char path[PATH_MAX];
	struct dirent *e;

	while (ret == 0 && dir && (e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".yaml") != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < (int)sizeof(path))
			ret = check(path, err);
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* Who could change the program itself, in a working copy of the sources, gains nothing by changing
 * the profiles that are beside it. */
static int check_beside(const char *program, const char *folder, struct el_error *err)
{
	int fd = el_trust_open(program, NULL, NULL);

	if (fd < 0)
		return 0;
	close(fd);
	return check_folder(folder, err);
}

int el_profile_dir(const char *explicit_dir, char *buf, size_t size, struct el_error *err)
{
	static const char *const beside[] = {"/../../../drivers-cfg",
					     "/../share/echolane/drivers-cfg", NULL};
	char exe[PATH_MAX], folder[PATH_MAX], probe[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct el_str s;

	el_str_init(&s, buf, size);
	if (explicit_dir) {
		el_str_add(&s, explicit_dir);
		if (!s.truncated && access(buf, R_OK | X_OK) == 0)
			return check_folder(buf, err);
		return el_error_set(err, -ENOENT, "%s: no folder of driver profiles", explicit_dir);
	}
	exe[n > 0 ? n : 0] = '\0';
	snprintf(folder, sizeof(folder), "%s", exe);
	if (strrchr(folder, '/'))
		*strrchr(folder, '/') = '\0';
	for (const char *const *b = beside; *b; b++) {
		el_str_init(&s, buf, size);
		el_str_addf(&s, "%s%s", folder, *b);
		snprintf(probe, sizeof(probe), "%s%s/generic.yaml", folder, *b);
		if (!s.truncated && access(probe, R_OK) == 0)
			return check_beside(exe, buf, err);
	}
	el_str_init(&s, buf, size);
	el_str_add(&s, EL_PROFILE_DIR);
	if (!s.truncated && access(EL_PROFILE_DIR "/generic.yaml", R_OK) == 0)
		return check_folder(buf, err);
	return el_error_set(err, -ENOENT,
			    "no driver profiles are found beside the program or in %s",
			    EL_PROFILE_DIR);
}
