#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/device.h"
#include "apply/guard.h"

#include "tests/lab/scratch.h"

static char words[6][400];

/* A configuration with everything below the scratch folder. */
static struct conf
conf_in(const struct scratch *s, enum swap_mode swap)
{
	static const char *const parts[] = { "opt/demo", "var/state", "run/demo",
		"root.json" };
	struct conf c;

	memset(&c, 0, sizeof c);
	for (int i = 0; i < 4; i++)
		(void)snprintf(words[i], sizeof words[i], "%s/%s", s->path, parts[i]);
	(void)snprintf(words[4], sizeof words[4], "demo");
	c.name = words[4];
	c.root = words[0];
	c.state = words[1];
	c.run = words[2];
	c.trust_root = words[3];
	c.swap = swap;
	return c;
}

/* What filesystem the next question is answered with; 0: the truth. */
static uint64_t pretended;
int __real_fstatfs64(int fd, struct statfs *);
int __wrap_fstatfs64(int fd, struct statfs *);

int
__wrap_fstatfs64(int fd, struct statfs *fs)
{
	int rc = __real_fstatfs64(fd, fs);

	if (rc == 0 && pretended != 0)
		fs->f_type = (__typeof__(fs->f_type))pretended;
	return rc;
}

static void
must_open(const struct conf *c, struct device *d)
{
	struct err e = ERR_INIT;

	if (device_open(c, true, d, &e) == -1)
		fail_msg("%s", e.text);
}

static void
must_refuse(const struct conf *c, enum err_code code, const char *says)
{
	struct err e = ERR_INIT;
	struct device d;

	assert_int_equal(device_open(c, true, &d, &e), -1);
	if (e.code != code || strstr(e.text, says) == NULL)
		fail_msg("%d, not %d: %s", (int)e.code, (int)code, e.text);
}

static void
device_makes_its_folders(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct device d;

	assert_int_equal(device_open(&c, false, &d, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_false(scratch_exists(s, "opt"));
	(void)umask(077);
	must_open(&c, &d);
	(void)umask(022);
	assert_int_equal(scratch_mode(s, "opt/demo/releases"), 0755);
	assert_int_equal(scratch_mode(s, "var/state"), 0700);
	assert_int_equal(scratch_mode(s, "run/demo"), 0755);
	assert_int_equal(strlen(d.boot_id), 36);
	device_close(&d);
	device_close(&d);	/* closing twice is fine */
	assert_int_equal(device_open(&c, false, &d, &e), 0);
	device_close(&d);
}

static void
device_of_exchange_mode_stands_beside_the_tree(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_EXCHANGE);
	struct device d;

	must_open(&c, &d);
	assert_true(scratch_exists(s, "opt/.demo.delta/releases"));
	assert_false(scratch_exists(s, "opt/demo"));
	assert_string_equal(d.live_name, "demo");
	device_close(&d);
	scratch_dir(s, "opt/demo");
	must_open(&c, &d);
	device_close(&d);
}

static void
device_refuses_a_root_that_is_no_folder(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);

	scratch_dir(s, "opt");
	scratch_dir(s, "elsewhere");
	scratch_link(s, "../elsewhere", "opt/demo");
	must_refuse(&c, ERR_POLICY, "symbolic link");
	c.swap = SWAP_EXCHANGE;
	must_refuse(&c, ERR_POLICY, "symbolic link");
	assert_int_equal(unlinkat(s->dir, "opt/demo", 0), 0);
	scratch_file(s, "opt/demo", "x");
	must_refuse(&c, ERR_POLICY, "not a folder");
}

static void
device_refuses_an_exchange_on_a_mount_point(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_EXCHANGE);

	scratch_dir(s, "opt");
	scratch_dir(s, "opt/demo");
	if (mount("none", c.root, "tmpfs", 0, "size=64k") == -1)
		skip();
	must_refuse(&c, ERR_POLICY, "mount point");
	assert_int_equal(umount(c.root), 0);
	/* A bind mount has the device number of what it shows. */
	if (mount(s->path, c.root, NULL, MS_BIND, NULL) == 0) {
		must_refuse(&c, ERR_POLICY, "mount point");
		assert_int_equal(umount(c.root), 0);
	}
}

static void
device_refuses_a_root_of_another_application(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);
	static char other[] = "other";
	struct device d;

	must_open(&c, &d);
	device_close(&d);
	c.name = other;
	must_refuse(&c, ERR_USAGE, "'demo'");
}

static void
device_refuses_folders_that_others_write_to(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);
	struct device d;

	if (geteuid() != 0)
		skip();
	must_open(&c, &d);
	device_close(&d);
	assert_int_equal(fchmodat(s->dir, "opt", 0777, 0), 0);
	must_refuse(&c, ERR_POLICY, "may be written by others");
	assert_int_equal(fchmodat(s->dir, "opt", 01777, 0), 0);	/* as /tmp */
	must_open(&c, &d);
	device_close(&d);
	assert_int_equal(fchownat(s->dir, "opt", 65534, 65534, 0), 0);
	must_refuse(&c, ERR_POLICY, "user 65534");
	assert_int_equal(fchownat(s->dir, "opt", 0, 0, 0), 0);
	assert_int_equal(fchmodat(s->dir, "var/state", 0750, 0), 0);
	must_refuse(&c, ERR_POLICY, "chmod 700");
	assert_int_equal(fchmodat(s->dir, "var/state", 0700, 0), 0);
	scratch_file(s, "root.json", "{}");
	assert_int_equal(fchmodat(s->dir, "root.json", 0666, 0), 0);
	must_refuse(&c, ERR_POLICY, "trust.root");
}

static void
guard_looks_through_symlinks(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	char path[400];

	if (geteuid() != 0)
		skip();
	scratch_dir(s, "open");
	scratch_file(s, "open/hook", "#!/bin/sh\n");
	scratch_link(s, "open/hook", "hook");
	(void)snprintf(path, sizeof path, "%s/hook", s->path);
	assert_int_equal(guard_path(path, "hook", &e), 0);
	assert_int_equal(fchmodat(s->dir, "open", 0777, 0), 0);
	assert_int_equal(guard_path(path, "hook", &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
}

static void
device_lock_names_its_holder(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct device a, b;
	char pid[32];

	must_open(&c, &a);
	must_open(&c, &b);
	assert_int_equal(device_lock(&a, &e), 0);
	assert_int_equal(device_lock(&b, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	device_say(&a, "download");
	assert_int_equal(device_lock(&b, &e), -1);
	(void)snprintf(pid, sizeof pid, "pid %ld step download", (long)getpid());
	if (strstr(e.text, pid) == NULL)
		fail_msg("%s", e.text);
	device_close(&a);
	assert_int_equal(device_lock(&b, &e), 0);
	device_close(&b);
}

static void
device_lock_also_guards_a_shared_state_or_root(void **state)
{
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK), two = c;
	static char run[400], other_state[400];
	struct err e = ERR_INIT;
	struct device a, b;

	(void)snprintf(run, sizeof run, "%s/run/two", s->path);
	(void)snprintf(other_state, sizeof other_state, "%s/var/two", s->path);
	two.run = run;
	must_open(&c, &a);
	assert_int_equal(device_lock(&a, &e), 0);
	must_open(&two, &b);
	assert_int_equal(device_lock(&b, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	device_close(&b);
	two.state = other_state;
	must_open(&two, &b);
	assert_int_equal(device_lock(&b, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.text, "opt/demo"));
	device_close(&b);
	device_close(&a);
}

static void
a_root_without_links_and_modes_is_refused(void **state)
{
	static const struct {
		uint64_t magic;
		const char *name;
	} kinds[] = { { 0x4d44, "vfat" }, { 0x2011bab0, "exfat" }, { 0x5346544e, "ntfs" } };
	const struct scratch *s = *state;
	struct conf c = conf_in(s, SWAP_SYMLINK);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		pretended = kinds[i].magic;
		must_refuse(&c, ERR_POLICY, kinds[i].name);
		must_refuse(&c, ERR_POLICY, "no symbolic links");
		/* At most the folder itself was made. */
		assert_true(rmdir(c.root) == 0 || access(c.root, F_OK) == -1);
	}
	pretended = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(device_makes_its_folders),
		SCRATCH_TEST(device_of_exchange_mode_stands_beside_the_tree),
		SCRATCH_TEST(device_refuses_a_root_that_is_no_folder),
		SCRATCH_TEST(device_refuses_an_exchange_on_a_mount_point),
		SCRATCH_TEST(device_refuses_a_root_of_another_application),
		SCRATCH_TEST(device_refuses_folders_that_others_write_to),
		SCRATCH_TEST(guard_looks_through_symlinks),
		SCRATCH_TEST(device_lock_names_its_holder),
		SCRATCH_TEST(device_lock_also_guards_a_shared_state_or_root),
		SCRATCH_TEST(a_root_without_links_and_modes_is_refused),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
