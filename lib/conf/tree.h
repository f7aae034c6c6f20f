/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A YAML document as a tree of small nodes with their places in the file, made from libyaml's
 * events. libyaml's own documents are not used: they need five times the memory, look anchors up
 * one by one and have no bound on any of it. Here document size, depth, values (aliases expanded)
 * are bounded while it is read, and what is not text, not UTF-8, recursive or more than one
 * document is refused. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "scalar.h"

#define CONF_TREE_BYTES_MAX (64U << 20)
#define CONF_TREE_VALUES_MAX 16000000U
#define CONF_TREE_DEPTH_MAX 32
#define CONF_TREE_DIRECTIVES_MAX 100

enum conf_node_kind { CONF_NODE_SCALAR, CONF_NODE_LIST, CONF_NODE_MAP, CONF_NODE_ALIAS };

struct conf_node {
	struct conf_pos pos;
	uint32_t next;  /* the next in the same list or map; 0: the last */
	uint32_t first; /* list, map: the first child; scalar: where its text is; alias: of what */
	uint32_t count; /* list, map: children (keys and values are two); scalar: bytes */
	uint8_t kind;
	bool plain;
};

struct conf_tree {
	struct conf_node *nodes; /* number 0 is none */
	uint32_t count, capacity;
	char *text;
	size_t text_len, text_capacity;
	uint32_t root; /* 0: an empty file */
};

/* Reads a document; 0, -EINVAL with an error in `diags`, -ENOMEM. `tree` is to be freed in any
 * case. */
int conf_tree_parse(struct conf_tree *tree, const char *text, size_t len,
		    struct conf_diag_list *diags);
void conf_tree_fini(struct conf_tree *tree);

/* Node `i`, and for an alias what it stands for. */
static inline const struct conf_node *conf_tree_node(const struct conf_tree *tree, uint32_t i)
{
	const struct conf_node *n = &tree->nodes[i];

	return n->kind == CONF_NODE_ALIAS ? &tree->nodes[n->first] : n;
}

static inline struct conf_scalar conf_tree_scalar(const struct conf_tree *tree,
						  const struct conf_node *n)
{
	return (struct conf_scalar){
	    .text = tree->text + n->first, .len = n->count, .plain = n->plain};
}
