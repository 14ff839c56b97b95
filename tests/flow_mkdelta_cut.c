/*
 * The release side dies at each change it makes to the disk, by kill and by power
 * cut: what a reader finds is the old state or the new one, and the same command run
 * again succeeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/cut/cut.h"
#include "tests/lab/lab.h"

enum { CUTS_MAX = 1000 };

static const char cut_mkdelta[] = "\"$BIN\"/../tests/cut/mkdelta";

/* Run until the n-th change of the disk; false when there is no n-th. */
static bool
cut_run(struct lab *l, unsigned n, const char *mode, unsigned seed, const char *command)
{
	int status = lab_run(l, "mkdir -p stash && CUT_AT=%u CUT_MODE=%s CUT_SEED=%u "
	    "CUT_STASH=$PWD/stash %s %s", n, mode, seed, cut_mkdelta, command);

	if (status != 0 && status != CUT_STATUS)
		fail_msg("%s cut at %u: status %d\n%s", command, n, status, l->err);
	return status == CUT_STATUS;
}

static unsigned
step(void)
{
	return getenv("CUT_ALL") == NULL ? 3 : 1;
}

static unsigned
cut_init(const char *mode, unsigned seed)
{
	struct lab *l = lab_open();
	unsigned n = 1 + seed % step(), tried = 0;

	for (; n < CUTS_MAX; n += step(), tried++) {
		if (!cut_run(l, n, mode, seed, "init -q repo"))
			break;
		lab_ok(l, "mkdelta list -q repo > list 2> why || ! test -e repo");
		lab_ok(l, "mkdelta init -q repo || grep -q 'is a repository already' "
		    ".lab-err");
		lab_ok(l, "mkdelta refresh repo");
		lab_ok(l, "rm -rf repo repo.keys .repo* stash");
	}
	lab_close(l);
	return tried;
}

/* A command that is cut: from a copy of what `make` made once, and what holds after. */
struct cut_case {
	const char *make, *copy, *command, *then;
	const char *now_and_then;	/* the same for what takes long; NULL: nothing */
};

static unsigned
cut_each(const struct cut_case *c, const char *mode, unsigned seed)
{
	struct lab *l = lab_open();
	unsigned n = 1 + seed % step(), tried = 0;
	bool more = true;

	lab_fill(l, "t/app", 20000, 1);
	lab_ok(l, "%s", c->make);
	for (; more && n < CUTS_MAX; n += step(), tried += more) {
		lab_ok(l, "rm -rf repo* m stash && %s", c->copy);
		more = cut_run(l, n, mode, seed, c->command);
		lab_ok(l, "%s", c->then);
		if (tried % 8 == 0 && c->now_and_then != NULL)
			lab_ok(l, "%s", c->now_and_then);
	}
	lab_close(l);
	return tried;
}

/* Over a repository with two releases. */
static const struct cut_case release = {
	"mkdelta init -q base && mkdelta release base t && echo 2 > t/two && "
	    "mkdelta release base t && echo 3 > t/three && ln t/two t/link && "
	    "ln -s two t/symlink",
	"cp -a base repo", "release -q repo t --jobs 1 --notes hi --keys base.keys",
	"mkdelta list repo && mkdelta release repo t --keys base.keys && "
	    "mkdelta show repo 3 && ! mkdelta show repo 4",
	"mkdelta verify repo && test ! -e repo/.work"
};

/* A new root and what it has signed: after any cut a writer ends the work or drops
 * it, and a device that saw the old root goes on. */
static const struct cut_case rotation = {
	"mkdelta init -q base && mkdelta release -q base t && "
	    "delta-apply trust --metadata-dir m0 base/metadata/1.root.json && "
	    "delta-apply refresh --metadata-dir m0 --metadata-url "
	    "file://$PWD/base/metadata",
	"cp -a base repo && cp -a base.keys repo.keys && cp -a m0 m",
	"key rotate repo online",
	"mkdelta refresh repo && mkdelta list repo && "
	    "delta-apply refresh --metadata-dir m --metadata-url "
	    "file://$PWD/repo/metadata && cmp m/timestamp.json "
	    "repo/metadata/timestamp.json && ! test -e repo/.ready", NULL
};

/* The last signature of a release that waited: old state or new, and it can be
 * signed again. */
static const struct cut_case last_signature = {
	"mkdelta init -q base && mkdelta key new base stable && "
	    "mkdelta key threshold base stable 2 && mkdir -m 700 ci && "
	    "cp base.keys/channel-stable.pem base.keys/online.pem ci && "
	    "mkdelta release -q base t --keys ci && test -e base.pending",
	"cp -a base repo && cp -a base.keys repo.keys && cp -a base.pending repo.pending",
	"sign -q repo",
	"mkdelta list -q repo && (mkdelta sign repo || "
	    "grep -q 'nothing waits' .lab-err) && ! ls -d repo.pending* 2> "
	    "/dev/null && mkdelta verify repo && mkdelta show repo 1", NULL
};

/* What changes channels: seen whole or not at all, and to be had by running it again. */
static const struct cut_case promotion = {
	"mkdelta init -q base --channel stable --channel beta && mkdelta release -q base t "
	    "&& echo 2 > t/two && mkdelta release -q base t && "
	    "mkdelta promote -q base 1 --to beta",
	"cp -a base repo && cp -a base.keys repo.keys",
	"promote -q repo 2 --to beta --jobs 1",
	"mkdelta list repo && mkdelta promote repo 2 --to beta && mkdelta verify -q repo && "
	    "test $(mkdelta list repo | grep -c beta) = 2", NULL
};

static const struct cut_case withdrawal = {
	"mkdelta init -q base && mkdelta release -q base t && echo 2 > t/two && "
	    "mkdelta release -q base t",
	"cp -a base repo && cp -a base.keys repo.keys", "withdraw -q repo 2",
	"mkdelta list repo && (mkdelta withdraw repo 2 || grep -q 'has none' .lab-err) && "
	    "mkdelta verify -q repo && test $(mkdelta list repo | grep -c stable) = 1",
	NULL
};

static const struct cut_case halt = {
	"mkdelta init -q base && mkdelta key new -q base halt && "
	    "mkdelta release -q base t",
	"cp -a base repo && cp -a base.keys repo.keys", "halt -q repo 1",
	"mkdelta list repo && (mkdelta halt repo 1 || mkdelta halt repo) && "
	    "grep -q 'release 1 is halted' .lab-out && mkdelta verify -q repo", NULL
};

static void
channels_survive_a_kill_and_a_power_cut_at_every_change(void **state)
{
	static const struct cut_case *const cases[] = { &promotion, &withdrawal, &halt };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_in_range(cut_each(cases[i], "kill", 0), 3, CUTS_MAX);
		assert_in_range(cut_each(cases[i], "power", 1), 3, CUTS_MAX);
	}
}

static void
key_rotation_survives_a_kill_and_a_power_cut_at_every_change(void **state)
{
	(void)state;
	assert_in_range(cut_each(&rotation, "kill", 0), 8, CUTS_MAX);
	assert_in_range(cut_each(&rotation, "power", 1), 8, CUTS_MAX);
}

static void
sign_survives_a_kill_and_a_power_cut_at_every_change(void **state)
{
	(void)state;
	assert_in_range(cut_each(&last_signature, "kill", 0), 8, CUTS_MAX);
	assert_in_range(cut_each(&last_signature, "power", 1), 8, CUTS_MAX);
}

static void
init_survives_a_kill_at_every_change(void **state)
{
	unsigned n = cut_init("kill", 0);

	(void)state;
	assert_in_range(n, 15, CUTS_MAX);
	(void)printf("init: %u cut points by kill\n", n);
}

static void
init_survives_a_power_cut_at_every_change(void **state)
{
	unsigned n = cut_init("power", 0);

	(void)state;
	assert_in_range(n, 15, CUTS_MAX);
	(void)printf("init: %u cut points by power\n", n);
}

static void
release_survives_a_kill_at_every_change(void **state)
{
	unsigned n = cut_each(&release, "kill", 0);

	(void)state;
	assert_in_range(n, 15, CUTS_MAX);
	(void)printf("release: %u cut points by kill\n", n);
}

static void
release_survives_a_power_cut_at_every_change(void **state)
{
	unsigned n = cut_each(&release, "power", 0);

	(void)state;
	assert_in_range(n, 15, CUTS_MAX);
	(void)printf("release: %u cut points by power\n", n);
}

static void
release_survives_a_power_cut_that_keeps_some(void **state)
{
	unsigned n = cut_each(&release, "power", 7);

	(void)state;
	assert_in_range(n, 15, CUTS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_survives_a_kill_at_every_change),
		cmocka_unit_test(init_survives_a_power_cut_at_every_change),
		cmocka_unit_test(release_survives_a_kill_at_every_change),
		cmocka_unit_test(release_survives_a_power_cut_at_every_change),
		cmocka_unit_test(release_survives_a_power_cut_that_keeps_some),
		cmocka_unit_test(
		    key_rotation_survives_a_kill_and_a_power_cut_at_every_change),
		cmocka_unit_test(channels_survive_a_kill_and_a_power_cut_at_every_change),
		cmocka_unit_test(sign_survives_a_kill_and_a_power_cut_at_every_change),
	};

	return cmocka_run_group_tests_name("mkdelta_cut", tests, NULL, NULL);
}
