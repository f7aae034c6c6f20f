/* SPDX-License-Identifier: BSD-3-Clause */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "el_names.h"

/* A list or map that is still open. */
struct frame {
	uint32_t node;
	uint32_t last_child;
	uint64_t values; /* in it so far, aliases expanded */
	struct anchor *anchor;
};

struct anchor {
	char *name;
	uint32_t node;
	uint64_t values;
	bool open;
};

struct composer {
	struct conf_tree *tree;
	struct conf_diag_list *diags;
	struct frame frames[CONF_TREE_DEPTH_MAX];
	size_t depth;
	struct el_names names; /* to the index in `anchors` */
	struct anchor **anchors;
	size_t n_anchors, anchors_capacity;
};

static struct conf_pos pos_of(const yaml_mark_t *mark)
{
	return (struct conf_pos){.line = (uint32_t)mark->line + 1,
				 .col = (uint32_t)mark->column + 1};
}

static int too_many(struct composer *c, struct conf_pos pos)
{
	conf_diag_error(c->diags, pos, "",
			"more than %u values (with aliases expanded): too much for a "
			"configuration",
			CONF_TREE_VALUES_MAX);
	return -EINVAL;
}

static int add_text(struct conf_tree *t, const char *text, size_t len, uint32_t *ret_offset)
{
	if (t->text_len + len + 1 > t->text_capacity) {
		size_t capacity = 2 * t->text_capacity + len + 4096;
		char *bigger = realloc(t->text, capacity);

		if (!bigger)
			return -ENOMEM;
		t->text = bigger;
		t->text_capacity = capacity;
	}
	memcpy(t->text + t->text_len, text, len);
	t->text[t->text_len + len] = '\0';
	*ret_offset = (uint32_t)t->text_len;
	t->text_len += len + 1;
	return 0;
}

/* Appends a node to the list or map that is open. */
static int add_node(struct composer *c, const struct conf_node *node, uint64_t values,
		    uint32_t *ret_index)
{
	struct conf_tree *t = c->tree;
	struct frame *f = c->depth ? &c->frames[c->depth - 1] : NULL;

	if (t->count >= CONF_TREE_VALUES_MAX)
		return too_many(c, node->pos);
	if (t->count == t->capacity) {
		uint32_t capacity = t->capacity ? 2 * t->capacity : 256;
		void *nodes = realloc(t->nodes, capacity * sizeof(*t->nodes));

		if (!nodes)
			return -ENOMEM;
		t->nodes = nodes;
		t->capacity = capacity;
	}
	if (t->count == 0)
		memset(&t->nodes[t->count++], 0, sizeof(t->nodes[0]));
	*ret_index = t->count;
	t->nodes[t->count++] = *node;
	if (!f) {
		t->root = *ret_index;
		return 0;
	}
	if (f->last_child)
		t->nodes[f->last_child].next = *ret_index;
	else
		t->nodes[f->node].first = *ret_index;
	f->last_child = *ret_index;
	t->nodes[f->node].count++;
	f->values += values;
	return f->values > CONF_TREE_VALUES_MAX ? too_many(c, node->pos) : 0;
}

/* Notes an anchor; a name used again stands for the newer node from then on. */
static int add_anchor(struct composer *c, const yaml_char_t *name, uint32_t node, bool open,
		      struct anchor **ret)
{
	struct el_names_entry *e;
	struct anchor *a;

	*ret = NULL;
	if (!name)
		return 0;
	if (c->n_anchors == c->anchors_capacity) {
		size_t capacity = c->anchors_capacity ? 2 * c->anchors_capacity : 16;
		void *anchors = realloc(c->anchors, capacity * sizeof(*c->anchors));

		if (!anchors)
			return -ENOMEM;
		c->anchors = anchors;
		c->anchors_capacity = capacity;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	c->anchors[c->n_anchors] = a;
	*a = (struct anchor){
	    .name = strdup((const char *)name), .node = node, .values = 1, .open = open};
	c->n_anchors++;
	if (!a->name)
		return -ENOMEM;
	e = el_names_add(&c->names, a->name, 0, NULL);
	if (!e)
		return -ENOMEM;
	e->value = (uint32_t)(c->n_anchors - 1);
	*ret = a;
	return 0;
}

static int check_tag(struct composer *c, const yaml_event_t *event, const yaml_char_t *tag,
		     const char *expected)
{
	char shown[128];

	if (!tag || strcmp((const char *)tag, expected) == 0)
		return 0;
	conf_escape((const char *)tag, strlen((const char *)tag), 60, shown, sizeof(shown));
	conf_diag_error(c->diags, pos_of(&event->start_mark), "",
			"the tag \"%s\" is not supported here", shown);
	return -EINVAL;
}

static int open_collection(struct composer *c, const yaml_event_t *event, enum conf_node_kind kind,
			   const yaml_char_t *anchor)
{
	struct conf_node node = {.pos = pos_of(&event->start_mark), .kind = (uint8_t)kind};
	struct frame f = {.values = 1};
	int rc;

	if (c->depth == CONF_TREE_DEPTH_MAX) {
		conf_diag_error(c->diags, node.pos, "", "nested more than %d deep",
				CONF_TREE_DEPTH_MAX);
		return -EINVAL;
	}
	rc = add_node(c, &node, 0, &f.node);
	if (rc == 0)
		rc = add_anchor(c, anchor, f.node, true, &f.anchor);
	if (rc == 0)
		c->frames[c->depth++] = f;
	return rc;
}

static int close_collection(struct composer *c, const yaml_event_t *event)
{
	struct frame *f = &c->frames[--c->depth];

	if (f->anchor) {
		f->anchor->values = f->values;
		f->anchor->open = false;
	}
	if (!c->depth)
		return 0;
	c->frames[c->depth - 1].values += f->values;
	if (c->frames[c->depth - 1].values > CONF_TREE_VALUES_MAX)
		return too_many(c, pos_of(&event->start_mark));
	return 0;
}

static int add_alias(struct composer *c, const yaml_event_t *event)
{
	struct conf_node node = {.pos = pos_of(&event->start_mark), .kind = CONF_NODE_ALIAS};
	const char *name = (const char *)event->data.alias.anchor;
	const struct el_names_entry *e = el_names_find(&c->names, name);
	char shown[128];
	uint32_t i;

	conf_escape(name, strlen(name), 60, shown, sizeof(shown));
	if (!e) {
		conf_diag_error(c->diags, node.pos, "",
				"the alias \"*%s\" has no anchor \"&%s\" before it", shown, shown);
		return -EINVAL;
	}
	if (c->anchors[e->value]->open) {
		conf_diag_error(c->diags, node.pos, "",
				"the alias \"*%s\" stands for what it is part of", shown);
		return -EINVAL;
	}
	node.first = c->anchors[e->value]->node;
	return add_node(c, &node, c->anchors[e->value]->values, &i);
}

/* Whether a scalar's type follows from its text: it is not quoted, or has a tag that says so. */
static int scalar_is_plain(struct composer *c, const yaml_event_t *event, bool *ret_plain)
{
	static const char *const typed[] = {YAML_INT_TAG, YAML_FLOAT_TAG, YAML_BOOL_TAG,
					    YAML_NULL_TAG};
	const char *tag = (const char *)event->data.scalar.tag;

	*ret_plain = event->data.scalar.plain_implicit;
	if (!tag)
		return 0;
	*ret_plain = false;
	if (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0)
		return 0;
	*ret_plain = true;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (strcmp(tag, typed[i]) == 0)
			return 0;
	return check_tag(c, event, event->data.scalar.tag, "");
}

static int add_scalar(struct composer *c, const yaml_event_t *event)
{
	struct conf_node node = {.pos = pos_of(&event->start_mark),
				 .kind = CONF_NODE_SCALAR,
				 .count = (uint32_t)event->data.scalar.length};
	struct anchor *anchor;
	uint32_t i;
	int rc;

	rc = scalar_is_plain(c, event, &node.plain);
	if (rc == 0)
		rc = add_text(c->tree, (const char *)event->data.scalar.value,
			      event->data.scalar.length, &node.first);
	if (rc == 0)
		rc = add_node(c, &node, 1, &i);
	if (rc == 0)
		rc = add_anchor(c, event->data.scalar.anchor, i, false, &anchor);
	return rc;
}

static int handle_event(struct composer *c, const yaml_event_t *event)
{
	int rc;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (!c->tree->root)
			return 0;
		conf_diag_error(c->diags, pos_of(&event->start_mark), "",
				"a second document begins here: a configuration is one document");
		return -EINVAL;
	case YAML_SCALAR_EVENT:
		return add_scalar(c, event);
	case YAML_ALIAS_EVENT:
		return add_alias(c, event);
	case YAML_SEQUENCE_START_EVENT:
		rc = check_tag(c, event, event->data.sequence_start.tag, YAML_SEQ_TAG);
		return rc ? rc
			  : open_collection(c, event, CONF_NODE_LIST,
					    event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		rc = check_tag(c, event, event->data.mapping_start.tag, YAML_MAP_TAG);
		return rc ? rc
			  : open_collection(c, event, CONF_NODE_MAP,
					    event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(c, event);
	default:
		return 0;
	}
}

/* The place of byte `offset`, columns counted in characters. */
static struct conf_pos pos_of_byte(const char *text, size_t offset)
{
	struct conf_pos pos = {1, 1};

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			pos.line++;
			pos.col = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			pos.col++;
		}
	}
	return pos;
}

/* The byte of a place in the text; 0: it is not in it. */
static char byte_at(const char *text, size_t len, const yaml_mark_t *mark)
{
	size_t line = 0, i = 0;

	while (i < len && line < mark->line)
		line += text[i++] == '\n';
	for (size_t column = 0; i < len && text[i] != '\n'; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && column++ == mark->column)
			return text[i];
	return 0;
}

static int syntax_error(struct composer *c, const yaml_parser_t *parser, const char *text,
			size_t len)
{
	const char *problem = parser->problem ? parser->problem : "unknown reason";
	struct conf_pos pos = pos_of(&parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		pos =
		    pos_of_byte(text, parser->problem_offset < len ? parser->problem_offset : len);
	if (byte_at(text, len, &parser->problem_mark) == '\t')
		conf_diag_error(c->diags, pos, "",
				"not valid YAML: a tab, where only spaces may indent");
	else if (parser->context)
		conf_diag_error(c->diags, pos, "", "not valid YAML: %s (%s, line %zu)", problem,
				parser->context, parser->context_mark.line + 1);
	else
		conf_diag_error(c->diags, pos, "", "not valid YAML: %s", problem);
	return -EINVAL;
}

/* Text in an encoding that YAML allows and others write, but no configuration is in here: it begins
 * with a byte order mark, or with zero bytes beside its first character. */
static const char *other_encoding(const unsigned char *p, size_t len)
{
	static const struct {
		unsigned char bytes[4];
		size_t n;
		const char *name;
	} all[] = {{{0xff, 0xfe, 0, 0}, 4, "UTF-32"},
		   {{0, 0, 0xfe, 0xff}, 4, "UTF-32"},
		   {{0xff, 0xfe}, 2, "UTF-16"},
		   {{0xfe, 0xff}, 2, "UTF-16"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (len >= all[i].n && memcmp(p, all[i].bytes, all[i].n) == 0)
			return all[i].name;
	if (len >= 4 && ((p[0] && !p[1] && p[2] && !p[3]) || (!p[0] && p[1] && !p[2] && p[3])))
		return "UTF-16";
	return NULL;
}

static bool ends_line(uint32_t code)
{
	return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* Text only, and no more directives than libyaml can cope with: it compares each with all before
 * it. */
static int check_text(struct composer *c, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t code, last = '\n';
	const char *encoding = other_encoding(p, len);
	size_t n, directives = 0;

	if (encoding) {
		conf_diag_error(c->diags, (struct conf_pos){0}, "",
				"%s text: expected UTF-8; save the file in that encoding",
				encoding);
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i += n) {
		bool control =
		    (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r') || p[i] == 0x7f;

		n = conf_utf8_decode(p + i, len - i, &code);
		if (!n || control) {
			conf_diag_error(c->diags, pos_of_byte(text, i), "",
					n ? "byte 0x%02x: not a text file"
					  : "byte 0x%02x is not UTF-8 text",
					p[i]);
			return -EINVAL;
		}
		directives += code == '%' && ends_line(last);
		if (directives > CONF_TREE_DIRECTIVES_MAX) {
			conf_diag_error(c->diags, pos_of_byte(text, i), "",
					"more than %d lines that begin with \"%%\"",
					CONF_TREE_DIRECTIVES_MAX);
			return -EINVAL;
		}
		last = code;
	}
	return 0;
}

static void composer_fini(struct composer *c)
{
	for (size_t i = 0; i < c->n_anchors; i++) {
		free(c->anchors[i]->name);
		free(c->anchors[i]);
	}
	free(c->anchors);
	el_names_fini(&c->names);
}

static int compose(struct composer *c, const char *text, size_t len)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (rc == 0 && !end) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = syntax_error(c, &parser, text, len);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		rc = handle_event(c, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

int conf_tree_parse(struct conf_tree *tree, const char *text, size_t len,
		    struct conf_diag_list *diags)
{
	static const char mark[] = {'\xef', '\xbb',
				    '\xbf'}; /* what some editors begin UTF-8 with */
	struct composer c = {.tree = tree, .diags = diags};
	int rc;

	memset(tree, 0, sizeof(*tree));
	if (len > CONF_TREE_BYTES_MAX) {
		conf_diag_error(diags, (struct conf_pos){0}, "",
				"larger than %u MiB: not a configuration",
				CONF_TREE_BYTES_MAX >> 20);
		return -EFBIG;
	}
	if (len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0) {
		text += sizeof(mark);
		len -= sizeof(mark);
	}
	el_names_init(&c.names);
	rc = check_text(&c, text, len);
	if (rc == 0)
		rc = compose(&c, text, len);
	composer_fini(&c);
	return rc;
}

void conf_tree_fini(struct conf_tree *tree)
{
	free(tree->nodes);
	free(tree->text);
	memset(tree, 0, sizeof(*tree));
}
