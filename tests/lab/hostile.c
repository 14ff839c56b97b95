#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/hash.h"

#include "tests/lab/app.h"
#include "tests/lab/hostile.h"

static struct lab *master;
static enum hostile_device device;

/* Everything but dev/ becomes read-only for the command, and the network goes. */
static const char confine[] = "#!/bin/sh\n"
    "here=$(pwd -P)\n"
    "mount --make-rprivate / && mount --bind dev dev || exit 99\n"
    "while read -r a b c d at rest; do\n"
    "	case $at in \"$here/dev\"|/proc*|/sys*|/dev/pts) continue;; esac\n"
    "	mount -o remount,bind,ro \"$at\" 2> /dev/null\n"
    "done < /proc/self/mountinfo\n"
    "cd \"$here\" || exit 99\n"
    "if touch outside/x 2> /dev/null; then echo 'not confined' >&2; exit 99; fi\n"
    "exec \"$@\"\n";

/* Types, modes, owners, sizes, links, and the times that tell of any change. */
#define AROUND "{ find outside dev/sibling app.conf repo root.json confine " \
    "-printf '%%p %%y %%m %%U %%G %%s %%l %%T@ %%C@\\n'; " \
    "find . -maxdepth 1 ! -name '.lab-*' ! -name '.said*' ! -name '.around*' " \
    "-printf '%%f %%y %%m\\n'; find dev -maxdepth 1 -printf '%%p %%y %%m %%U\\n'; } " \
    "| sort > "

static const char conf[] = "[app]\nname = demo\nroot = %s/dev/demo\n"
    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\nrun = %s/dev/run\n"
    "[trust]\nroot = %s/root.json\n[health]\nretries = 0\ninterval = 0\nhold = 0\n%s";

static void
configure(struct lab *l, const char *more)
{
	lab_write(l, "app.conf", conf, l->dir, l->dir, l->dir, l->dir, l->dir, more);
}

static void
make_around(struct lab *l)
{
	lab_ok(l, "mkdir -p outside/dir outside/hooks dev/sibling && "
	    "echo precious > outside/file && echo precious > outside/dir/file && "
	    "ln -s file outside/link && echo precious > dev/sibling/file && "
	    "chmod 600 outside/file && mkdir dev/demo dev/state dev/run && chmod 700 dev/state");
	lab_write(l, "confine", "%s", confine);
	lab_ok(l, "chmod 755 confine");
}

int
hostile_open_master(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo && cp repo/metadata/1.root.json root.json && "
	    "mkdir -p 1/bin 1/etc && seq 2000 > 1/bin/app && echo one > 1/etc/conf && "
	    "ln -s %s/outside/file 1/leak && cp -a 1 2 && seq 2100 > 2/bin/app && "
	    "echo two > 2/etc/two && mkdelta release -q repo 1 && "
	    "mkdelta release -q repo 2", master->dir);
	make_around(master);
	configure(master, "");
	lab_ok(master, "cp -a dev dev-0 && " DELTA_APPLY "update -q --to 1 && "
	    "mv dev dev-1");
	return 0;
}

int
hostile_close_master(void **state)
{
	(void)state;
	lab_close(master);
	return 0;
}

struct lab *
hostile_begin(enum hostile_device which, const char *more)
{
	struct lab *l = lab_open();

	device = which;
	lab_ok(l, "cp -a '%s'/* . && cp -a dev-%d dev", master->dir,
	    which == DEVICE_WITH_1);
	configure(l, more);
	return l;
}

void
hostile_end(struct lab *l)
{
	lab_close(l);
}

static void
run_one(struct lab *l, const char *how, int status, const char *say)
{
	lab_ok(l, "rm -rf dev && cp -a dev-%d dev && " AROUND ".around-before",
	    device == DEVICE_WITH_1);
	lab_expect(l, status, "%s delta-apply --config app.conf update", how);
	lab_must_say(l, say);
	/* Nothing of theirs acts on a terminal. */
	assert_null(strpbrk(l->err, "\033\a\b\r"));
	assert_null(strpbrk(l->out, "\033\a\b\r"));
	lab_write_bytes(l, ".said", l->err, l->err_len);
	lab_ok(l, AROUND ".around-after; diff .around-before .around-after");
}

void
hostile_update(struct lab *l, int status, const char *say)
{
	if (lab_run(l, "unshare -mn ./confine true") != 0)
		print_message("not confined: no mount namespaces here\n");
	else
		run_one(l, "unshare -mn ./confine", status, say);
	(void)lab_run(l, "mv .said .said-confined");
	run_one(l, "", status, say);
	(void)lab_run(l, "test ! -e .said-confined || diff .said .said-confined");
	assert_int_equal(l->status, 0);
}

void
hostile_refuses(struct lab *l, int status, const char *say)
{
	hostile_update(l, status, say);
	app_runs(l, device == DEVICE_WITH_1 ? 1 : 0);
	lab_ok(l, "test ! -e dev/demo/releases/2 && test ! -e dev/state/switching && "
	    "find dev -name '.tmp.*' -o -name '*staging*' | { ! grep .; }");
	if (device == DEVICE_WITH_1)
		assert_true(lab_same_tree(l, "1", "dev/demo/current"));
	else
		assert_false(lab_exists(l, "dev/demo/current"));
}

void
hostile_takes(struct lab *l, const char *tree)
{
	hostile_update(l, 0, "runs");
	assert_true(lab_same_tree(l, tree, "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "verify");
}

void
hostile_old_id(struct lab *l, uint8_t id[static 8])
{
	char *text = lab_read(l, "dev-1/demo/releases/1/.delta/listing");
	struct err e = ERR_INIT;
	struct sha256 sum;

	assert_non_null(text);
	assert_int_equal(sha256_of(text, strlen(text), &sum, &e), 0);
	memcpy(id, &sum, 8);
	free(text);
}
