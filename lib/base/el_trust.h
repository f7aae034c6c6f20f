/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Files that may be believed: nobody but root and the user that this program runs as can change
 * what a path leads to, or what is in it. Whoever could would decide what is done in that user's
 * name. */
#include <sys/stat.h>

#include "el_error.h"

/* Walks from / down to `path` (where it is relative, through the working directory) and opens what
 * it leads to, with O_PATH | O_CLOEXEC: to be used instead of the path, which is looked up once
 * only. Every directory, every symbolic link and what is at the end has to belong to root or to the
 * effective user; nobody else may have the right to write to it, save for directories on the way
 * that are sticky, as /tmp is: there only its owner can put something in the place of an entry.
 * Rights of an access control list (acl(5)) count, for its mask shows as the rights of the group.
 *
 * The descriptor, the caller's, or a negative errno with a sentence that names the component:
 * -EPERM where it can't be believed, -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EACCES, ... as
 * open(2). ret_path (may be NULL): the path without symbolic links, to be freed. */
int el_trust_open(const char *path, char **ret_path, struct el_error *err);
