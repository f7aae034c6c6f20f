/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds the files that are named, and those in the directories that are named, to a fuzz target. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path, size_t size)
{
	FILE *in = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1); /* of the exact size, so that overruns are seen */
	int rc = -1;

	if (in && data && fread(data, 1, size, in) == size) {
		LLVMFuzzerTestOneInput(data, size);
		rc = 0;
	} else {
		fprintf(stderr, "%s: can't be read\n", path);
	}
	free(data);
	if (in)
		fclose(in);
	return rc;
}

static int replay(const char *path, int *count);

static int replay_directory(const char *path, int *count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *name;
	int rc = dir ? 0 : -1;

	while (rc == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			abort();
		rc = replay(name, count);
		free(name);
	}
	if (dir)
		closedir(dir);
	return rc;
}

static int replay(const char *path, int *count)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return replay_directory(path, count);
	(*count)++;
	return replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++)
		if (replay(argv[i], &count) < 0)
			return 1;
	printf("%d inputs\n", count);
	return count ? 0 : 1; /* no corpus is no test */
}
