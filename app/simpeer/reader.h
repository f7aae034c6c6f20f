/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* YAML maps to structs by tables of keys. Walks only as deep as the tables do, so aliases that
 * multiply cost nothing. The first error ends the reading. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "el_base.h"

struct simpeer_reader {
	const char *file;
	yaml_document_t *doc;
	struct el_error *err;
};

struct simpeer_key {
	const char *name;
	/* Stores the value of `node` at `field` (object + offset). 0 or a negative errno, the error
	 * set. */
	int (*read)(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		    void *field);
	size_t offset;
	uint64_t min, max;        /* of numbers; both ends included */
	const char *const *words; /* of enumerations, NULL-terminated; the index is stored */
	const char *help;
};

/* Sets the error to "file:line:col: ..." and returns -EINVAL. */
int simpeer_reader_fail(struct simpeer_reader *r, const yaml_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads the map `node` by `keys` (ended by a name of NULL). Unknown and repeated keys are errors.
 */
int simpeer_reader_map(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *keys,
		       void *object);

/* The text of a scalar, or NULL. */
const char *simpeer_reader_text(const yaml_node_t *node);

/* Readers for struct simpeer_key. The type each stores is in its name. */
int simpeer_read_u32(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field);
int simpeer_read_u64(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field);
int simpeer_read_u16(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		     void *field);
int simpeer_read_bool(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		      void *field);
int simpeer_read_word_u8(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
			 void *field);
int simpeer_read_ipv4(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		      void *field); /* uint32_t in network order */
int simpeer_read_prefix(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
			void *field); /* struct simpeer_prefix */
int simpeer_read_prefixes(struct simpeer_reader *r, yaml_node_t *node,
			  const struct simpeer_key *key, void *field); /* struct simpeer_prefixes */
int simpeer_read_ports(struct simpeer_reader *r, yaml_node_t *node, const struct simpeer_key *key,
		       void *field); /* struct simpeer_ports: 80 or 80-90 */
