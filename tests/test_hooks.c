#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/hook_log.h"
#include "apply/hooks.h"

#include "tests/lab/device.h"

/* Release 1 is live, 2 stands beside it; both ship the hook `backup`. */
static struct lab_device *lab;
static struct run run;
static char state_path[300], line[1024];
static char name[] = "demo", nobody[] = "nobody", root[] = "root";

static void
ship(int n, const char *hook, const char *text)
{
	lab_device_sh(lab, "mkdir -p app/releases/%d/.delta/hooks && cat > "
	    "app/releases/%d/.delta/hooks/%s <<'END'\n%s\nEND\n"
	    "chmod 755 app/releases/%d/.delta/hooks/%s", n, n, hook, text, n, hook);
}

static int
open_lab(void **state)
{
	struct err e = ERR_INIT;
	int n;

	(void)state;
	log_setup("test", LOG_QUIET);
	lab = lab_device_open(SWAP_SYMLINK, NULL);
	(void)chmod(lab->dir, 0755);
	(void)snprintf(state_path, sizeof state_path, "%s/state", lab->dir);
	lab->conf.name = name;
	lab->conf.state = state_path;
	for (n = 0; n < HOOK_COUNT; n++)
		lab->conf.hook_timeout_s[n] = 20;
	for (n = 1; n <= 2; n++) {
		char path[64];

		lab_device_sh(lab, "mkdir -p app/releases/%d && echo %d > "
		    "app/releases/%d/number", n, n, n);
		(void)snprintf(line, sizeof line,
		    "#!/bin/sh\necho shipped %d as $(id -un) "
		    "from $0",
		    n);
		ship(n, "backup", line);
		ship(n, "stop", line);
		(void)snprintf(path, sizeof path, "app/releases/%d", n);
		lab_device_sign(lab, path, (uint64_t)n);
	}
	if (live_switch(&lab->dev, 0, 1, &e) == -1 ||
	    run_open(&run, &lab->dev, &e) == -1)
		fail_msg("%s", e.text);
	run.mark.step = STEP_BACKUP;
	run.mark.from = 1;
	run.mark.to = 2;
	run.mark.attempt = 4;
	return 0;
}

static int
close_lab(void **state)
{
	(void)state;
	run_close(&run);
	lab_device_close(lab);
	return 0;
}

static const char *
log_text(void)
{
	static struct buf text = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	buf_reset(&text);
	if (fs_read_file(lab->dev.state, HOOK_LOG, &text, &e) == -1)
		fail_msg("%s", e.text);
	return buf_text(&text);
}

static void
configure(enum hook h, const char *command)
{
	(void)snprintf(line, sizeof line, "%s", command);
	lab->conf.hooks[h] = line;
}

static void
no_hook_is_no_failure(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(hook_run(&run, HOOK_MIGRATE, false, &e), HOOK_NONE);
	assert_false(hook_exists(&run, HOOK_BACKUP, false));
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_NONE);
}

static void
the_environment_says_what_goes_on_and_nothing_else(void **state)
{
	struct err e = ERR_INIT;
	char want[4096], me[512];

	(void)state;
	(void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	(void)strcpy(run.mark.reason, "health-failed");
	configure(HOOK_BACKUP, "/usr/bin/env");
	(void)snprintf(me, sizeof me, "%s", getpwuid(geteuid())->pw_dir);
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_OK);
	(void)snprintf(want, sizeof want, "hook backup, 1 -> 2: ok\n"
	    "DELTA_APP=demo\nDELTA_FROM=1\nDELTA_TO=2\n"
	    "DELTA_FROM_VERSION=v1\nDELTA_TO_VERSION=v2\n"
	    "DELTA_OLD_TREE=%s/app/releases/1\nDELTA_NEW_TREE=%s/app/releases/2\n"
	    "DELTA_BACKUP_DIR=%s/app/backup/2\nDELTA_ATTEMPT=4\nDELTA_STEP=backup\n"
	    "DELTA_REASON=health-failed\n"
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	    "HOME=%s\nLANG=C.UTF-8\n", lab->dir, lab->dir, lab->dir, me);
	/* The first line begins with the time. */
	assert_string_equal(strstr(log_text(), "hook backup"), want);
}

static void
a_failure_names_the_hook_and_the_log(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	configure(HOOK_MIGRATE, "echo secret words; exit 9");
	assert_int_equal(hook_run(&run, HOOK_MIGRATE, false, &e), HOOK_FAILED);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text,
	    "hook migrate: exit status 9; what it printed is in "));
	assert_null(strstr(e.text, "secret"));
	assert_non_null(strstr(log_text(), "secret words"));
}

static void
the_log_is_cut_and_turned(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;
	int i;

	(void)state;
	configure(HOOK_MIGRATE, "head -c 1048576 /dev/zero | tr '\\0' x");
	for (i = 0; i < 12; i++)
		assert_int_equal(hook_run(&run, HOOK_MIGRATE, false, &e), HOOK_OK);
	assert_non_null(strstr(log_text(), "[983040 bytes left out]"));
	assert_int_equal(fs_stat_at(lab->dev.state, HOOK_LOG, &st, &e), 1);
	assert_true(st.st_size <= HOOK_LOG_MAX);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fs_stat_at(lab->dev.state, HOOK_LOG ".1", &st, &e), 1);
	assert_true(st.st_size <= HOOK_LOG_MAX);
}

static void
a_hook_that_others_may_write_is_refused_to_root(void **state)
{
	struct err e = ERR_INIT;
	char path[400];

	(void)state;
	if (geteuid() != 0)
		skip();
	lab_device_sh(lab, "printf '#!/bin/sh\\n' > hook && chmod 777 hook");
	(void)snprintf(path, sizeof path, "%s/hook", lab->dir);
	configure(HOOK_STOP, path);
	assert_int_equal(hook_run(&run, HOOK_STOP, true, &e), HOOK_FAILED);
	assert_int_equal(e.code, ERR_POLICY);
	lab_device_sh(lab, "chmod 755 hook");
	assert_int_equal(hook_run(&run, HOOK_STOP, true, &e), HOOK_OK);
}

static void
shipped_hooks_run_only_when_asked_for(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_NONE);
	lab->conf.hooks_from_release = true;
	if (geteuid() != 0) {
		assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_OK);
		return;
	}
	/* As root the user has to be written out. */
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_FAILED);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "[hooks] user is missing"));
	lab->conf.hook_user = root;
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_OK);
	assert_non_null(strstr(log_text(), "shipped 2 as root"));
}

static void
shipped_hooks_run_from_a_copy_as_the_user(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;
	char want[600];

	(void)state;
	if (geteuid() != 0)
		skip();
	lab->conf.hooks_from_release = true;
	lab->conf.hook_user = nobody;
	assert_true(hook_exists(&run, HOOK_STOP, true));
	assert_false(hook_exists(&run, HOOK_MIGRATE, false));
	assert_int_equal(hook_run(&run, HOOK_STOP, true, &e), HOOK_OK);
	(void)snprintf(want, sizeof want, "shipped 1 as nobody from %s/app/.hooks/1/stop",
	    lab->dir);
	assert_non_null(strstr(log_text(), want));
	assert_int_equal(fs_stat_at(lab->dev.base, ".hooks/1/stop", &st, &e), 1);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void
a_changed_copy_is_made_anew(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	lab->conf.hooks_from_release = true;
	lab->conf.hook_user = geteuid() == 0 ? root : NULL;
	assert_int_equal(hooks_prepare(&run, &e), 0);
	lab_device_sh(lab, "test -x app/.hooks/1/stop -a -x app/.hooks/2/backup -a"
	    " ! -e app/.hooks/1/backup");
	lab_device_sh(lab, "printf '#!/bin/sh\\necho evil\\n' > app/.hooks/2/backup");
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_OK);
	assert_null(strstr(log_text(), "evil"));
	assert_non_null(strstr(log_text(), "shipped 2"));
	assert_int_equal(hooks_clear(&lab->dev, &e), 0);
	lab_device_sh(lab, "test ! -e app/.hooks");
}

static void
a_changed_hook_in_the_tree_is_refused(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	lab->conf.hooks_from_release = true;
	lab->conf.hook_user = geteuid() == 0 ? root : NULL;
	lab_device_sh(lab, "printf '#!/bin/sh\\necho evil\\n' > "
	    "app/releases/2/.delta/hooks/backup");
	assert_int_equal(hook_run(&run, HOOK_BACKUP, false, &e), HOOK_FAILED);
	assert_int_equal(e.code, ERR_TRUST);
	lab_device_sh(lab, "test ! -e app/.hooks/2/backup");
}

static void
a_good_copy_serves_when_the_disk_is_full_or_the_tree_damaged(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	lab->conf.hooks_from_release = true;
	lab->conf.hook_user = geteuid() == 0 ? root : NULL;
	assert_int_equal(hooks_prepare(&run, &e), 0);
	lab_device_sh(lab, "rm app/releases/1/.delta/hooks/stop");
	assert_int_equal(hook_run(&run, HOOK_STOP, true, &e), HOOK_OK);
	assert_non_null(strstr(log_text(), "shipped 1"));
}

static void
a_user_nobody_knows_is_named(void **state)
{
	struct err e = ERR_INIT;
	char who[] = "nosuchuser";

	(void)state;
	lab->conf.hook_user = who;
	configure(HOOK_STOP, "true");
	assert_int_equal(hook_run(&run, HOOK_STOP, true, &e), HOOK_FAILED);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "nobody is called nosuchuser"));
}

#define HOOK_TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOOK_TEST(no_hook_is_no_failure),
		HOOK_TEST(the_environment_says_what_goes_on_and_nothing_else),
		HOOK_TEST(a_failure_names_the_hook_and_the_log),
		HOOK_TEST(the_log_is_cut_and_turned),
		HOOK_TEST(a_hook_that_others_may_write_is_refused_to_root),
		HOOK_TEST(shipped_hooks_run_only_when_asked_for),
		HOOK_TEST(shipped_hooks_run_from_a_copy_as_the_user),
		HOOK_TEST(a_changed_copy_is_made_anew),
		HOOK_TEST(a_changed_hook_in_the_tree_is_refused),
		HOOK_TEST(a_good_copy_serves_when_the_disk_is_full_or_the_tree_damaged),
		HOOK_TEST(a_user_nobody_knows_is_named),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
