/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file or a piece of memory to a configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value.h"
#include "walk.h"

void el_conf_free(struct el_conf *conf)
{
	if (!conf)
		return;
	conf_map_release(&conf_root_map, conf);
	for (size_t i = 0; i < conf->duplicate_targets.count; i++)
		free(conf->duplicate_targets.items[i]);
	free(conf->duplicate_targets.items);
	free(conf);
}

/* Reads a document into a new configuration. */
static int load(const char *text, size_t len, struct el_conf **ret_conf,
		struct conf_diag_list *list)
{
	struct conf_walk w = {.diags = list};
	struct conf_tree tree;
	struct el_conf *conf;
	int rc = conf_tree_parse(&tree, text, len, list);

	conf = calloc(1, sizeof(*conf));
	if (rc == 0 && !conf)
		rc = -ENOMEM;
	if (rc == 0 && !tree.root) {
		conf_diag_error(list, (struct conf_pos){0}, "",
				"empty: there is no configuration in it");
		rc = -EINVAL;
	}
	if (rc == 0) {
		w.tree = &tree;
		w.repetitions = &conf->duplicate_targets;
		conf_walk_root(&w, tree.root, conf);
		rc = w.rc ? w.rc : list->errors ? -EINVAL : 0;
	}
	conf_tree_fini(&tree);
	if (rc < 0) {
		el_conf_free(conf);
		return rc;
	}
	*ret_conf = conf;
	return 0;
}

/* Ends a run: what could not be said for want of memory is said now. */
static int finish(int rc, struct conf_diag_list *list, struct el_conf_diags *diags)
{
	if (rc == -ENOMEM)
		list->out_of_memory = true;
	conf_diag_finish(list, diags);
	return rc;
}

int el_conf_load_buffer(const char *name, const char *text, size_t len, struct el_conf **ret_conf,
			struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = name};

	return finish(load(text, len, ret_conf, &list), &list, diags);
}

/* Reads all of `fd`, up to one byte more than a configuration may have. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	size_t len = 0, capacity = 0;
	char *text = NULL, *bigger;
	ssize_t n;

	for (;;) {
		if (len == capacity) {
			capacity = capacity ? 2 * capacity : 65536;
			bigger = realloc(text, capacity);
			if (!bigger) {
				free(text);
				return -ENOMEM;
			}
			text = bigger;
		}
		n = read(fd, text + len, capacity - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int rc = -errno;

			free(text);
			return rc;
		}
		len += (size_t)n;
		if (n == 0 || len > CONF_TREE_BYTES_MAX)
			break;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int el_conf_load(const char *path, struct el_conf **ret_conf, struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = path};
	char *text = NULL;
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	rc = fd < 0 ? -errno : read_all(fd, &text, &len);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		rc = load(text, len, ret_conf, &list);
	else if (rc != -ENOMEM)
		conf_diag_error(&list, (struct conf_pos){0}, "", "can't be read: %s",
				strerror(-rc));
	free(text);
	return finish(rc, &list, diags);
}
