/*
 * Many releases: what every device reads stays small, and one that slept through all of
 * them still finds its way by deltas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

enum { RELEASES = 40, UPDATE_METADATA_MAX = 24 * 1024 };

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 60000, 1);
	/* 13 is passed by whoever is below it. */
	lab_ok(master, "for i in $(seq 1 %d); do echo $i > t/n; mkdelta release -q repo t "
	    "--effort 1 --notes \"Release $i\" $(test $i = 20 && echo "
	    "--requires-release 13); test $i != 2 || cp -a repo repo2; "
	    "test $i != 38 || cp -a repo repo38; done", RELEASES);
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s'/repo* . && mkdir www && mv repo www/new", master->dir);
	return 0;
}

/* A device on what `old` has as its newest, then with the repository of today. */
static void
device_on(const char *old)
{
	lab_ok(l, "mv %s repo", old);
	lab_serve(l, "repo", NULL);
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "mv repo/metadata repo/metadata.old && cp -a www/new/* repo/ && "
	    "cp -a www/new/metadata repo/");
	lab_log_clear(l);
}

static void
recent_devices_read_little_and_no_archive(void **state)
{
	(void)state;
	device_on("repo38");
	lab_ok(l, DELTA_APPLY "check || test $? = 8");
	assert_in_range(lab_sent_bytes(l), 1, UPDATE_METADATA_MAX);
	assert_int_equal(lab_requests(l, "archive"), 0);
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, RELEASES);
}

static void
a_device_that_slept_reads_the_archives_it_needs(void **state)
{
	(void)state;
	device_on("repo2");
	lab_ok(l, DELTA_APPLY "plan");
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(lab_requests(l, "archive-1.json"), 1);
	/* By deltas, not by a full. */
	assert_int_equal(lab_requests(l, ".tar.zst"), 0);
	for (int i = 0; i < 3; i++)
		lab_ok(l, DELTA_APPLY "update");
	app_runs(l, RELEASES);
}

static void
archives_are_read_by_the_release_side_too(void **state)
{
	(void)state;
	lab_ok(l, "cp -a '%s'/repo.keys . && cp -a www/new repo", master->dir);
	lab_ok(l, "mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, "test $(mkdelta list repo | grep -c stable) = %d", RELEASES);
	lab_ok(l, "mkdelta show repo 1 && mkdelta show repo stable.any.archive-1");
	lab_expect(l, 5, "cp -a '%s'/t . && mkdelta release repo t --number 7 --version 99",
	    master->dir);
	lab_ok(l, "mkdelta withdraw repo 7 && mkdelta verify repo");
	lab_ok(l, "test $(mkdelta list repo | grep -c stable) = %d", RELEASES - 1);
	lab_ok(l, "mkdelta refresh repo --role stable && mkdelta key rotate repo stable && "
	    "mkdelta verify repo");
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json && "
	    "delta-apply get --metadata-dir m --metadata-url file://$PWD/repo/metadata "
	    "--targets-url file://$PWD/repo/targets --output out 1/any.tree.zst");
}

/* A release is listed once, wherever that is; deltas go with either end. */
static void
what_belongs_to_an_archived_release_stays_in_its_archive(void **state)
{
	(void)state;
	lab_ok(l, "cp -a '%s'/repo.keys '%s'/t . && cp -a www/new repo", master->dir,
	    master->dir);
	lab_ok(l, "echo 7 > t/n && mkdelta release repo t --number 7 --attempt 3");
	lab_must_say(l, "release 7 is now at attempt 3");
	lab_ok(l, "mkdelta show repo 7 && mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, "test $(mkdelta list repo | grep -c stable) = %d", RELEASES);
	lab_write(l, "facts.py",
	    "import json, re\n"
	    "def part(name):\n"
	    "    return json.load(open('repo/metadata/' + name))['signed']\n"
	    "meta = part('%%d.snapshot.json' %% part('timestamp.json')['meta']"
	    "['snapshot.json']['version'])['meta']\n"
	    "roles = {n: part('%%d.%%s' %% (meta[n]['version'], n))['targets']\n"
	    "    for n in meta if n.startswith('stable.any')}\n"
	    "trees = {n: {p.split('/')[0] for p in r if p.endswith('.tree.zst')}\n"
	    "    for n, r in roles.items()}\n"
	    "assert '7' in trees['stable.any.archive-1.json'], trees\n"
	    "here = roles['stable.any.archive-1.json']['7/any.tree.zst']\n"
	    "assert here['custom']['attempt'] == 3, here\n"
	    "paths = [p for r in roles.values() for p in r]\n"
	    "assert len(paths) == len(set(paths)), 'listed twice'\n"
	    "live = trees['stable.any.json']\n"
	    "for name, role in roles.items():\n"
	    "    for path in role:\n"
	    "        m = re.match(r'(\\d+)/any.from-(\\d+).delta', path)\n"
	    "        if m: assert (set(m.groups()) <= live) == (name == "
	    "'stable.any.json'), path\n");
	lab_ok(l, "python3 facts.py");
	/* A new one still gets deltas from old ones, and they go there. */
	lab_ok(l, "echo 41 > t/n && mkdelta release repo t && echo 42 > t/n && "
	    "mkdelta release repo t && python3 facts.py && mkdelta verify repo");
	lab_expect(l, 5, "mkdelta release repo t --number 7 --attempt 4");
	lab_must_say(l, "with other content");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(recent_devices_read_little_and_no_archive),
		FLOW(a_device_that_slept_reads_the_archives_it_needs),
		FLOW(archives_are_read_by_the_release_side_too),
		FLOW(what_belongs_to_an_archived_release_stays_in_its_archive),
	};

	return cmocka_run_group_tests_name("archive", tests, open_master, close_master);
}
