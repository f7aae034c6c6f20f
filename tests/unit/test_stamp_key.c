/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys in files: what is taken, and what is no secret or no key. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

static char directory[] = "/tmp/el_stamp_key.XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/key", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void put(const void *bytes, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void taken(const char *text, const char *key_bytes, size_t len)
{
	struct el_stamp_key *key = el_stamp_key_create((const uint8_t *)key_bytes, len), *read;
	uint8_t expected[EL_STAMP_HMAC_LEN], got[EL_STAMP_HMAC_LEN];
	struct el_error err;

	put(text, strlen(text), 0600);
	if (el_stamp_key_read(path, &read, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	stamp_hmac(key, (const uint8_t *)"x", 1, NULL, 0, expected);
	stamp_hmac(read, (const uint8_t *)"x", 1, NULL, 0, got);
	assert_memory_equal(got, expected, sizeof(got));
	el_stamp_key_destroy(key);
	el_stamp_key_destroy(read);
}

static void keys_are_lines(void **state)
{
	(void)state;
	taken("12345678", "12345678", 8);
	taken("a longer key, with blanks \n", "a longer key, with blanks ", 26);
	taken("0x00112233445566778899AAbbccddeeff\n",
	      "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
	taken("0x0a0b0c0d0e0f0a0a\n", "\n\x0b\x0c\r\x0e\x0f\n\n", 8);
}

static void refused(int code, const char *says)
{
	struct el_stamp_key *key = NULL;
	struct el_error err;

	assert_int_equal(el_stamp_key_read(path, &key, &err), code);
	assert_null(key);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void what_is_none(void **state)
{
	char text[2 * EL_STAMP_KEY_MAX + 20];
	static const char *const none[] = {"", "\n", "short", "1234567\n", "0x0011"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		put(none[i], strlen(none[i]), 0600);
		refused(-EINVAL, "expected one line, a key of 8 to 512 bytes");
	}
	put("12345678\nmore\n", 14, 0600);
	refused(-EINVAL, "expected one line");
	put("0x001122334455667", 17, 0600);
	refused(-EINVAL, "hexadecimal");
	put("0x001122334455667g", 18, 0600);
	refused(-EINVAL, "hexadecimal");
	memset(text, 'k', sizeof(text));
	put(text, EL_STAMP_KEY_MAX, 0600);
	taken("12345678", "12345678", 8);
	put(text, EL_STAMP_KEY_MAX + 1, 0600);
	refused(-EINVAL, "expected one line");
	put(text, sizeof(text), 0600);
	refused(-EINVAL, "expected one line");
}

static void what_is_no_secret(void **state)
{
	(void)state;
	put("12345678", 8, 0640);
	refused(-EPERM, "others than its owner may read it");
	put("12345678", 8, 0604);
	refused(-EPERM, "others than its owner may read it");
	put("12345678", 8, 0622); /* nor one that anybody can have put there */
	refused(-EPERM, "key");
	unlink(path);
	refused(-ENOENT, "key");
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EINVAL, "it is no file");
	rmdir(path);
	put("12345678", 8, 0600);
}

/* A file is read once, whatever becomes of it; there may be as many as that. */
static void keys_by_their_files(void **state)
{
	struct el_stamp_keys *keys = el_stamp_keys_create();
	const struct el_stamp_key *first;
	struct el_error err;
	char other[2 * EL_STAMP_KEYS_MAX];

	(void)state;
	assert_null(el_stamp_keys_find(NULL, path));
	assert_null(el_stamp_keys_find(keys, path));
	put("12345678", 8, 0600);
	assert_int_equal(el_stamp_keys_read(keys, path, &err), 0);
	first = el_stamp_keys_find(keys, path);
	assert_non_null(first);
	put("1234567", 7, 0600);
	assert_int_equal(el_stamp_keys_read(keys, path, &err), 0);
	assert_ptr_equal(el_stamp_keys_find(keys, path), first);
	/* the same file by further names */
	put("abcdefgh", 8, 0600);
	for (int i = 2; i <= EL_STAMP_KEYS_MAX; i++) {
		snprintf(other, sizeof(other), "%s%0*d", directory, i, 0);
		memset(other + strlen(directory), '/', (size_t)i);
		snprintf(other + strlen(directory) + i, 4, "key");
		assert_int_equal(el_stamp_keys_read(keys, other, &err), 0);
		assert_ptr_not_equal(el_stamp_keys_find(keys, other), first);
	}
	assert_int_equal(el_stamp_keys_read(keys, "/etc/one-more", &err), -ENOSPC);
	assert_non_null(strstr(err.text, "the 256 that there may be"));
	el_stamp_keys_put(el_stamp_keys_get(keys));
	assert_ptr_equal(el_stamp_keys_find(keys, path), first);
	el_stamp_keys_put(keys);
	el_stamp_keys_put(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_lines),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(what_is_no_secret),
	    cmocka_unit_test(keys_by_their_files),
	};

	return cmocka_run_group_tests_name("stamp_key", tests, setup, teardown);
}
