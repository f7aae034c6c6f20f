/* SPDX-License-Identifier: BSD-3-Clause */
/* The documents that programs of dynamic inventories print. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "el_names.h"
#include "el_str.h"
#include "value.h"
#include "walk.h"

static uint32_t read_hex4(const char *p)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
				 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
							: UINT32_MAX;

		if (digit == UINT32_MAX)
			return UINT32_MAX;
		value = value << 4 | digit;
	}
	return value;
}

/* JSON writes a character beyond U+FFFF as two escapes (RFC 8259, section 7), which YAML takes for
 * two that are none. In strings they become the one that YAML knows, `\U0001f600` for
 * `\ud83d\ude00`, in a copy that is not longer than the text. */
static size_t join_surrogates(const char *text, size_t len, char *out)
{
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t high, low;

		if (text[i] == '"')
			in_string = !in_string;
		if (!in_string || text[i] != '\\' || i + 1 == len) {
			out[n++] = text[i];
			continue;
		}
		if (text[i + 1] == 'u' && len - i >= 12 && text[i + 6] == '\\' &&
		    text[i + 7] == 'u') {
			high = read_hex4(text + i + 2) - 0xd800;
			low = read_hex4(text + i + 8) - 0xdc00;
			if (high < 0x400 && low < 0x400) {
				struct el_str s;
				char escape[11];

				el_str_init(&s, escape, sizeof(escape));
				el_str_addf(&s, "\\U%08x", 0x10000 + (high << 10) + low);
				memcpy(out + n, escape, s.len);
				n += s.len;
				i += 11;
				continue;
			}
		}
		out[n++] = text[i++];
		out[n++] = text[i];
	}
	return n;
}

/* Whether a document begins as JSON does. */
static bool looks_like_json(const char *text, size_t len)
{
	size_t i = 0;

	if (len >= 3 && memcmp(text, "---", 3) == 0)
		i = 3;
	while (i < len && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	return i < len && (text[i] == '[' || text[i] == '{');
}

static char *compose_name(const char *fmt, const char *inventory, const char *hostname)
{
	char *text = NULL;

	return asprintf(&text, fmt, inventory, hostname) < 0 ? NULL : text;
}

/* Appends `groups` to the groups to register to. */
static int add_groups(struct el_conf_inventory_target *t)
{
	struct el_conf_strings *to = &t->target.register_to;
	char **items;

	if (!t->groups.count)
		return 0;
	items = realloc(to->items, (to->count + t->groups.count) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	memcpy(items + to->count, t->groups.items, t->groups.count * sizeof(*items));
	to->items = items;
	to->count += t->groups.count;
	free(t->groups.items);
	t->groups = (struct el_conf_strings){0};
	return 0;
}

void conf_check_inventory_target(struct conf_walk *w, const struct conf_map *map,
				 const struct conf_entry *entries, void *obj)
{
	struct el_conf_inventory_target *t = obj;

	t->target.dynamic = true;
	t->target.name = compose_name("%s_%s", w->inventory, t->hostname ? t->hostname : "unknown");
	free(t->target.description);
	t->target.description = compose_name("from_%s%s", w->inventory, "");
	if (conf_walk_given(map, entries, "groups") &&
	    !conf_walk_given(map, entries, "auto_register_to_groups"))
		t->target.auto_register_to_groups = false;
	if (!t->target.name || !t->target.description || add_groups(t) < 0) {
		w->rc = -ENOMEM;
		return;
	}
	if (conf_walk_valid(map, entries, "lifetime") &&
	    !conf_walk_given(map, entries, "creation_date"))
		conf_walk_warn(w, conf_walk_pos(w, map, entries, "lifetime"), "lifetime",
			       "lifetime",
			       "without creation_date it has no effect: the target stays");
	conf_check_target(w, map, entries, obj);
}

static void release_target(struct el_conf_inventory_target *t)
{
	conf_map_release(conf_inventory_key.item->map, t);
	free(t->target.name);
}

void el_conf_inventory_fini(struct el_conf_inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++)
		release_target(&inventory->items[i]);
	free(inventory->items);
	for (size_t i = 0; i < inventory->n_duplicates; i++)
		release_target(&inventory->duplicates[i]);
	free(inventory->duplicates);
	*inventory = (struct el_conf_inventory){0};
}

/* Of targets with the same name the last one stays, in the place of the first. */
static void drop_repeated(struct conf_walk *w, uint32_t list_node,
			  struct el_conf_inventory *inventory)
{
	uint32_t node = conf_tree_node(w->tree, list_node)->first;
	size_t count = inventory->count, kept = 0;
	struct el_names names;

	el_names_init(&names);
	inventory->duplicates = calloc(count, sizeof(*inventory->duplicates));
	if (count && !inventory->duplicates)
		w->rc = -ENOMEM;
	for (size_t i = 0; i < count && w->rc == 0; i++, node = w->tree->nodes[node].next) {
		struct el_conf_inventory_target t = inventory->items[i], *first;
		struct el_names_entry *e;
		int added;

		e = el_names_add(&names, t.target.name, (uint32_t)kept, &added);
		if (!e) {
			w->rc = -ENOMEM;
			break;
		}
		memset(&inventory->items[i], 0, sizeof(t));
		first = &inventory->items[e->value];
		if (!added) {
			conf_walk_enter(w, NULL, i);
			conf_walk_warn(w, w->tree->nodes[node].pos, "hostname", "repeated names",
				       "\"%s\" was used already; the last one counts", t.hostname);
			conf_walk_leave(w);
			inventory->duplicates[inventory->n_duplicates++] = *first;
			e->name = t.target.name;
		}
		*first = t;
		kept += (size_t)added;
	}
	if (w->rc == 0)
		inventory->count = kept;
	el_names_fini(&names);
}

static int load(const char *name, const char *text, size_t len, uint32_t max_addresses,
		struct el_conf_inventory *inventory, struct conf_diag_list *list)
{
	struct conf_walk w = {.diags = list, .inventory = name, .max_addresses = &max_addresses};
	struct conf_tree tree;
	int rc = conf_tree_parse(&tree, text, len, list);

	w.tree = &tree;
	if (rc == 0 && !tree.root) {
		conf_diag_error(list, (struct conf_pos){0}, "",
				"empty: an inventory without targets is []");
		rc = -EINVAL;
	}
	if (rc == 0) {
		w.place = tree.nodes[tree.root].pos;
		conf_walk_value(&w, &conf_inventory_key, tree.root, inventory);
		if (w.rc == 0 && list->errors == 0)
			drop_repeated(&w, tree.root, inventory);
		rc = w.rc ? w.rc : list->errors ? -EINVAL : 0;
	}
	conf_tree_fini(&tree);
	return rc;
}

int el_conf_load_inventory(const char *name, const char *text, size_t len, uint32_t max_addresses,
			   struct el_conf_inventory *ret_inventory, struct el_conf_diags *diags)
{
	struct conf_diag_list list = {.file = name};
	struct el_conf_inventory inventory = {0};
	char *joined = NULL;
	int rc = 0;

	if (len <= CONF_TREE_BYTES_MAX && looks_like_json(text, len)) {
		joined = malloc(len);
		if (joined)
			len = join_surrogates(text, len, joined);
		else
			rc = -ENOMEM;
	}
	if (rc == 0)
		rc = load(name, joined ? joined : text, len, max_addresses, &inventory, &list);
	free(joined);
	if (rc == -ENOMEM)
		list.out_of_memory = true;
	conf_diag_finish(&list, diags);
	if (rc == 0)
		*ret_inventory = inventory;
	else
		el_conf_inventory_fini(&inventory);
	return rc;
}

int64_t el_conf_inventory_expiry_s(const struct el_conf_inventory_target *target)
{
	if (target->creation_s == EL_CONF_UNSET || target->lifetime_s == EL_CONF_UNSET ||
	    target->lifetime_s == 0)
		return INT64_MAX;
	return target->creation_s + target->lifetime_s;
}
