/*
 * The release side through its real program: what a user sees when all is well.
 */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

/* Release `tree` after a change that only `seed` decides. */
static void
release_changed(struct lab *l, unsigned seed)
{
	char name[32];

	(void)snprintf(name, sizeof name, "t/var/%u", seed);
	lab_fill(l, name, 3000, seed);
	lab_ok(l, "mkdelta release repo t");
}

static void
releases_get_deltas_and_verify(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --notes 'First light'");
	lab_must_say(l, "release 1, version 1, channel stable");
	for (unsigned i = 2; i <= 8; i++)
		release_changed(l, i);
	lab_must_say(l, "from 7");
	lab_must_say(l, "a device on 7 downloads");
	lab_must_say(l, "saved");
	lab_ok(l, "mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, "mkdelta list repo");
	lab_must_say(l, "RELEASE");
	lab_ok(l, "mkdelta show repo 1");
	lab_must_say(l, "First light");
	lab_ok(l, "mkdelta list repo --json | python3 -c 'import json,sys; "
	    "d = json.load(sys.stdin); assert len(d[\"releases\"]) == 8'");
	lab_close(l);
}

static void
a_retried_job_is_harmless(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --version 1.0");
	lab_ok(l, "cp repo/metadata/timestamp.json before");
	lab_ok(l, "mkdelta release repo t --version 1.0");
	lab_must_say(l, "already released as 1");
	lab_ok(l, "mkdelta release repo t --version 1.0 --number 1");
	lab_must_say(l, "already released as 1");
	lab_ok(l, "cmp before repo/metadata/timestamp.json");
	lab_ok(l, "mkdelta release repo t --version 1.1");
	lab_must_say(l, "release 2, version 1.1");
	lab_close(l);
}

static void
several_platforms_are_signed_once(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "cp -a t t2 && echo armhf > t2/arch");
	lab_ok(l, "mkdelta release repo linux-arm64=t linux-armhf=t2");
	lab_ok(l, "mkdelta list repo");
	lab_must_say(l, "linux-arm64");
	lab_must_say(l, "linux-armhf");
	lab_ok(l, "test -e repo/metadata/2.snapshot.json");
	lab_ok(l, "test ! -e repo/metadata/3.snapshot.json");
	lab_expect(l, 2, "mkdelta release repo linux-arm64=t linux-arm64=t2");
	lab_expect(l, 2, "mkdelta release repo t t2");
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

static void
a_missing_platform_joins_a_release_as_its_equal(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo linux-arm64=t --version 1.0");
	lab_ok(l, "cp -a t t2 && echo armhf > t2/arch");
	lab_expect(l, 5, "mkdelta release repo linux-armhf=t2 --number 1 --version 1.1");
	lab_must_say(l, "its other platforms have version 1.0");
	lab_ok(l, "mkdelta release repo linux-armhf=t2 --number 1");
	lab_must_say(l, "release 1, version 1.0");
	lab_ok(l, "mkdelta show repo 1 --json | python3 -c 'import json,sys; "
	    "t = json.load(sys.stdin)[\"trees\"]; assert len(t) == 2; "
	    "assert t[0][\"record\"][\"created\"] == t[1][\"record\"][\"created\"]'");
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

static void
tars_and_single_files_are_trees_too(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t");
	lab_ok(l, "tar -cJf t.tar.xz t");
	lab_ok(l, "mkdelta release repo t.tar.xz");
	lab_must_say(l, "already released as 1");	/* the top folder is stripped */
	lab_ok(l, "mkdelta release repo t/bin/app --channel stable");
	lab_must_say(l, "1 file,");
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

static void
created_rises_by_two_seconds_at_least(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --version 1");
	lab_ok(l, "mkdelta release repo t --version 2");
	lab_ok(l, "mkdelta release repo t --version 3");
	lab_ok(l, "mkdelta list repo --json | python3 -c 'import json,sys,datetime as d; "
	    "c = [d.datetime.fromisoformat(r[\"created\"][:-1]) for r in "
	    "json.load(sys.stdin)[\"releases\"]]; "
	    "assert all((b - a).total_seconds() >= 2 for a, b in zip(c, c[1:]))'");
	lab_close(l);
}

static void
the_version_file_of_the_tree_is_the_default(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_write(l, "t/VERSION", "v1.4.2\n");
	lab_ok(l, "mkdelta release repo t");
	lab_must_say(l, "version v1.4.2");
	lab_close(l);
}

static void
require_clean_records_the_commit(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_expect(l, 5, "mkdelta release repo t --require-clean");
	lab_must_say(l, "needs a git tree");
	lab_ok(l, "cd t && git init -q && git -c user.name=a -c user.email=a@b add . && "
	    "git -c user.name=a -c user.email=a@b commit -qm 1 && cd .. && mkdir out && "
	    "cp -a t/bin out/ && mv out t/out && echo out > t/.git/info/exclude");
	lab_ok(l, "mkdelta release repo t/out --require-clean");
	lab_ok(l, "mkdelta show repo 1 | grep -q $(git -C t rev-parse HEAD)");
	lab_write(l, "t/extra", "x");
	lab_expect(l, 5, "mkdelta release repo t/out --require-clean --version 2");
	lab_must_say(l, "not clean");
	lab_must_say(l, "extra");
	lab_close(l);
}

static void
refresh_needs_the_online_key_alone(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdir -m 700 online && cp repo.keys/online.pem online/");
	lab_ok(l, "CI=true mkdelta refresh repo --keys online");
	lab_must_say(l, "timestamp 2");
	lab_expect(l, 5, "mkdelta release repo t --keys online");
	lab_must_say(l, "role stable");
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_get_deltas_and_verify),
		cmocka_unit_test(a_retried_job_is_harmless),
		cmocka_unit_test(several_platforms_are_signed_once),
		cmocka_unit_test(a_missing_platform_joins_a_release_as_its_equal),
		cmocka_unit_test(tars_and_single_files_are_trees_too),
		cmocka_unit_test(created_rises_by_two_seconds_at_least),
		cmocka_unit_test(the_version_file_of_the_tree_is_the_default),
		cmocka_unit_test(require_clean_records_the_commit),
		cmocka_unit_test(refresh_needs_the_online_key_alone),
	};

	return cmocka_run_group_tests_name("mkdelta", tests, NULL, NULL);
}
