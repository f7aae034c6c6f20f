/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender_keys.h"

#include <errno.h>

static int read_one(struct el_stamp_keys *keys, const struct el_conf_target *t, const char *file,
		    struct el_error *err)
{
	struct el_error why;
	int ret = el_stamp_keys_read(keys, t->stamp.key_file, &why);

	return ret < 0 ? el_error_set(err, ret, "%s:%u:%u: targets.%s.stamp.key_file: %s", file,
				      t->stamp.key_line, t->stamp.key_col, t->name, why.text)
		       : 0;
}

int sender_keys_read(const struct el_conf *conf, const char *file, struct el_stamp_keys **ret_keys,
		     struct el_error *err)
{
	struct el_stamp_keys *keys = NULL;
	int ret = 0;

	for (size_t i = 0; i < conf->n_targets && ret == 0; i++) {
		if (!conf->targets[i].stamp.key_file)
			continue;
		if (!keys && !(keys = el_stamp_keys_create()))
			return el_error_set(err, -ENOMEM, "not enough memory");
		ret = read_one(keys, &conf->targets[i], file, err);
	}
	if (ret < 0)
		el_stamp_keys_put(keys);
	else
		*ret_keys = keys;
	return ret;
}
