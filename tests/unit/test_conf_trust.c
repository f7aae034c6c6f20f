/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration that somebody else can change gives nobody the rights of who runs the program. */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "el_conf.h"

#define SOMEBODY 65534
#define HEAD                                                                                       \
	"global: {probe_name: a, interval: 10, nb_proc: 1, logging_level: INFO, "                  \
	"prometheus_port: 8000, dns_update_interval: 0}\ngroups: {g: {}}\n"                        \
	"targets:\n  t: {type: ICMPping, destination: 192.0.2.1, nb_packets: 10}\n"

static char base[64], file[80];

/* What gives something away, and as what it is told. */
static const struct {
	const char *text, *place;
} giving[] = {
    {"dataplane: {eal_args: ['-d', '/tmp/x.so']}\n", "dataplane.eal_args"},
    {"dataplane: {inventories: {directory: /usr/bin}}\n", "dataplane.inventories"},
    {"dataplane: {ports: [{device: 'af_packet:eth1'}, {device: 'net_pcap0,tx_pcap=/etc/x'}]}\n",
     "dataplane.ports[1].device"},
    {"dataplane: {ports: [{device: 'net_memif0'}]}\n", "dataplane.ports[0].device"},
    {"dataplane: {responder: {allow: [192.0.2.1], stamp: {port: 862, key_file: /etc/x}}}\n",
     "dataplane.responder.stamp.key_file"},
    {"  s: {type: STAMP, destination: 192.0.2.1, stamp: {mode: authenticated, key_file: /etc/x}}\n",
     "targets.s.stamp.key_file"},
};
#define N_GIVING (sizeof(giving) / sizeof(giving[0]))
static const char *const plain[] = {
    "", "dataplane: {ports: [{device: 'af_packet:eth1'}, {device: '0000:3b:00.0'}]}\n"};

static void write_file(const char *text)
{
	int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, HEAD, strlen(HEAD)), strlen(HEAD));
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void expect(const char *path, int expected, bool is_error, const char *place,
		   const char *why)
{
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	int rc = el_conf_load(path, &conf, &diags);

	for (size_t i = 0; i < diags.count; i++)
		print_message("%s\n", diags.items[i].text);
	assert_int_equal(rc, expected);
	assert_int_equal(conf != NULL, rc == 0);
	assert_int_equal(diags.count, place ? 1 : 0);
	if (place) {
		assert_int_equal(diags.items[0].is_error, is_error);
		assert_non_null(strstr(diags.items[0].text, place));
		assert_non_null(strstr(diags.items[0].text, why));
	}
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

/* Whatever is in the file, read by this path, is taken; nothing is said. */
static void is_believed(const char *path)
{
	for (size_t i = 0; i < N_GIVING; i++) {
		write_file(giving[i].text);
		expect(path, 0, false, NULL, NULL);
	}
}

/* What gives nothing away is taken with one warning, what does is refused. */
static void is_doubted(const char *path, const char *why)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		write_file(plain[i]);
		expect(path, 0, false, "others can change this file", why);
	}
	for (size_t i = 0; i < N_GIVING; i++) {
		write_file(giving[i].text);
		expect(path, -EINVAL, true, giving[i].place, why);
	}
}

static void of_our_own(void **state)
{
	char relative[PATH_MAX];

	(void)state;
	is_believed(file);
	assert_non_null(getcwd(relative, sizeof(relative)));
	assert_int_equal(chdir(base), 0);
	expect("config.yaml", 0, false, NULL, NULL);
	assert_int_equal(chdir(relative), 0);
}

static void others_can_write(void **state)
{
	(void)state;
	write_file("");
	assert_int_equal(chmod(file, 0620), 0);
	is_doubted(file, "chmod go-w");
	assert_int_equal(chmod(file, 0602), 0);
	is_doubted(file, "chmod go-w");
	assert_int_equal(chmod(file, 0644), 0);
	is_believed(file);
	assert_int_equal(chmod(base, 0777), 0);
	is_doubted(file, "chmod go-w");
	assert_int_equal(chmod(base, 0755), 0);
}

static void others_own_it(void **state)
{
	char link[80];

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file("");
	assert_int_equal(chown(file, SOMEBODY, 0), 0);
	is_doubted(file, "belongs to user 65534");
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(chown(base, SOMEBODY, 0), 0);
	is_doubted(file, "belongs to user 65534");
	assert_int_equal(chown(base, 0, 0), 0);
	snprintf(link, sizeof(link), "%s/link", base);
	assert_int_equal(symlink("config.yaml", link), 0);
	is_believed(link);
	assert_int_equal(lchown(link, SOMEBODY, 0), 0);
	is_doubted(link, "belongs to user 65534");
	unlink(link);
}

/* Standard input of a shell's `<(...)`: what made the pipe decides. */
static void by_descriptor(void **state)
{
	char path[64];

	(void)state;
	for (int others = 0; others <= (geteuid() == 0); others++) {
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_true(write(ends[1], HEAD, strlen(HEAD)) > 0);
		assert_true(write(ends[1], giving[0].text, strlen(giving[0].text)) > 0);
		if (others)
			assert_int_equal(fchown(ends[1], SOMEBODY, 0), 0);
		close(ends[1]);
		snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
		expect(path, others ? -EINVAL : 0, true, others ? giving[0].place : NULL, "");
		close(ends[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_our_own),
	    cmocka_unit_test(others_can_write),
	    cmocka_unit_test(others_own_it),
	    cmocka_unit_test(by_descriptor),
	};
	int failed;

	strcpy(base, "/tmp/el_conf_trust_XXXXXX");
	if (!mkdtemp(base))
		return 1;
	snprintf(file, sizeof(file), "%s/config.yaml", base);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	rmdir(base);
	return failed;
}
