/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the documents of a stream end, however it is cut into pieces. */
#include "unit.h"

#include "document.h"

/* Joins the documents of a stream with "|"; "!" at the end: what is left is none. */
static void cut(const char *text, size_t piece, char *out)
{
	struct document d = {0};
	size_t len, n = strlen(text);
	char *doc;

	*out = '\0';
	while (n > 0) {
		size_t chunk = piece < n ? piece : n, used;
		char *copy = malloc(chunk); /* so that overruns are seen */
		int rc;

		memcpy(copy, text, chunk);
		rc = document_feed(&d, copy, chunk, &used);
		free(copy);
		assert_true(rc == 0 || rc == 1);
		assert_true(used > 0 && used <= chunk && (rc == 1 || used == chunk));
		text += used;
		n -= used;
		if (rc == 0)
			continue;
		doc = document_take(&d, &len);
		strncat(out, doc, len);
		strcat(out, "|");
		free(doc);
	}
	if (document_finish(&d)) {
		doc = document_take(&d, &len);
		strncat(out, doc, len);
		free(doc);
	} else {
		strcat(out, "!");
	}
	document_fini(&d);
}

static void streams_are_cut(void **state)
{
	static const struct {
		const char *stream, *documents;
	} cases[] = {
	    {"", "!"},
	    {"\n \n# nothing\n", "!"},
	    {"- a\n", "- a\n"},
	    {"- a", "- a"},
	    {"- a\n---\n- b\n", "- a\n|\n- b\n"},
	    {"---\n- a\n---\n", "---\n- a\n|!"},
	    {"---\n- a\n...\n", "---\n- a\n|!"},
	    {"---\n---\n- a\n", "\n- a\n"},
	    {"- a\n... # comment\n- b\n", "- a\n|    # comment\n- b\n"},
	    {"- a\n--- \r\n- b", "- a\n|    \r\n- b"},
	    {"%YAML 1.1\n# x\n---\n- a\n---\n", "%YAML 1.1\n# x\n---\n- a\n|!"},
	    {"- a: \"x\n---x\n --- \"\n", "- a: \"x\n---x\n --- \"\n"},
	    {"- a\n--", "- a\n--"},
	    {"- a\n---", "- a\n---"},
	    {"---", "!"},
	    /* JSON needs no marker */
	    {"[]", "[]|!"},
	    {"[]\n[{}]\n", "[]|\n[{}]|!"},
	    {" [1,[2,{\"a\":\"]\\\"]\"}]]x", " [1,[2,{\"a\":\"]\\\"]\"}]]|x"},
	    {"--- [1]\n", "--- [1]|!"},
	    {"{}", "{}|!"},
	    {"[\"\\\\\"]", "[\"\\\\\"]|!"},
	    {"[\"---\n---\n", "[\"---\n|!"},
	    /* flow collections of YAML only look like it */
	    {"[{a: ']'}, b]\n---\n", "[{a: ']'}, b]\n|!"},
	    {"[a, # ]\n b]\n---\n", "[a, # ]\n b]\n|!"},
	    {"[a}]\n---\n", "[a}]\n|!"},
	    {"- [a]\n- b\n", "- [a]\n- b\n"},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece < 12; piece++) {
			cut(cases[i].stream, piece, out);
			if (strcmp(out, cases[i].documents) != 0)
				fail_msg("%s in pieces of %zu: expected %s, got %s",
					 cases[i].stream, piece, cases[i].documents, out);
		}
	}
}

static void documents_are_bounded(void **state)
{
	struct document d = {0};
	static char text[65536];
	size_t used, len;

	(void)state;
	memset(text, ' ', sizeof(text));
	for (size_t total = 0; total < DOCUMENT_MAX; total += sizeof(text))
		assert_int_equal(document_feed(&d, text, sizeof(text), &used), 0);
	assert_int_equal(document_feed(&d, text, 1, &used), -EFBIG);
	document_fini(&d);
	memset(text, '[', sizeof(text));
	assert_int_equal(document_feed(&d, text, sizeof(text), &used), 0);
	assert_int_equal(document_feed(&d, "\n---\n", 5, &used), 1);
	free(document_take(&d, &len));
	assert_int_equal(len, sizeof(text) + 1);
	document_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_are_cut),
	    cmocka_unit_test(documents_are_bounded),
	};
	return cmocka_run_group_tests_name("inventory_document", tests, NULL, NULL);
}
