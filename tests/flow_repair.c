/*
 * A damaged tree is put right: what differs is named, content comes from where it
 * costs least, and a repair that is cut off anywhere leaves the old tree or the new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/cut.h"
#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

enum { BIG = 5000000, CUTS_MAX = 2000 };

static void
configure(const char *more)
{
	char url[300];

	if (l->port != 0)
		(void)snprintf(url, sizeof url, "http://127.0.0.1:%d", l->port);
	else
		(void)snprintf(url, sizeof url, "file://%s/repo", l->dir);
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\nurl = %s\n"
	    "state = %s/dev/state\nrun = %s/dev/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n[net]\nretries = 1\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n"
	    "update-probe = no\n"
	    "[service]\nstart = echo start >> %s/service\nstop = echo stop >> %s/service\n"
	    "%s", l->dir, url, l->dir, l->dir, l->dir, l->dir, l->dir, more);
}

/* t is the newest: release 2 adds lib/new and changes bin/big. */
static int
open_master(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/big", BIG, 1);
	lab_fill(master, "t/lib/old", 300000, 2);
	lab_write(master, "t/etc/conf", "one\n");
	lab_ok(master, "ln -s ../etc/conf t/lib/link && ln t/lib/old t/lib/twin && "
	    "chmod 4755 t/bin/big && chmod 755 t/bin/big && mkdelta release -q repo t");
	lab_fill(master, "t/lib/new", 1500000, 3);
	lab_fill(master, "t/zz/last", 400000, 4);
	lab_ok(master, "printf x >> t/bin/big && mkdelta release -q repo t");
	l = master;
	configure("");
	lab_ok(l, DELTA_APPLY "-q update --to 1");
	lab_ok(l, DELTA_APPLY "-q update");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -al '%s/repo' . && cp -a '%s/t' '%s/dev' .", master->dir, master->dir,
	    master->dir);
	lab_serve(l, "repo", NULL);
	configure("");
	return 0;
}

static uint64_t
full_bytes(void)
{
	lab_ok(l, "stat -c %%s repo/targets/2/*.tar.zst");
	return strtoull(l->out, NULL, 10);
}

static void
is_right(void)
{
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "verify");
	lab_must_say(l, "exactly as signed");
	lab_ok(l, "! find dev \\( -name '.staging-*' -o -name switching -o -name '.hooks' "
	    "-o -path '*/spool/*' \\) | grep .");
}

static void
a_tree_that_is_right_is_left_alone(void **state)
{
	(void)state;
	app_remember(l, "before");
	lab_ok(l, DELTA_APPLY "repair");
	lab_must_say(l, "nothing to repair");
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"repaired\": false");
	app_remember(l, "after");
	lab_ok(l, "diff before after");
	assert_false(lab_exists(l, "service"));
	assert_int_equal(lab_requests(l, "targets"), 0);
}

/* Every kind of difference; nothing of it is only on the host. */
static void
damage_here(void)
{
	lab_ok(l, "cd dev/demo/current && cp lib/old x && printf damage >> x && "
	    "mv x lib/old && "
	    "cp etc/conf x && chmod 600 x && mv x etc/conf && "
	    "rm lib/link && ln -s /etc/passwd lib/link && mkdir -p more/of && "
	    "echo evil > more/of/this && rm lib/twin && mkdir lib/twin");
}

static void
other_releases_give_what_they_have_without_a_network(void **state)
{
	(void)state;
	lab_serve_stop(l);
	damage_here();
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"repaired\": true");
	lab_must_say(l, "\"requests\": 0");
	lab_must_say(l, "\"from-here\": 1");
	lab_must_say(l, "\"path\": \"more\"");
	is_right();
	lab_ok(l, "printf 'stop\\nstart\\n' | cmp - service");
	lab_ok(l, DELTA_APPLY "history --json");
	lab_must_say(l, "\"result\": \"repaired\"");
	lab_ok(l, DELTA_APPLY "repair");
	lab_must_say(l, "nothing to repair");
}

static void
a_dry_run_only_says(void **state)
{
	(void)state;
	damage_here();
	lab_ok(l, "printf x >> dev/demo/current/lib/new");
	app_remember(l, "before");
	lab_ok(l, DELTA_APPLY "repair --dry-run");
	lab_must_say(l, "lib/old");
	lab_must_say(l, "mode 0600");
	lab_must_say(l, "would be put right");
	lab_must_say(l, "would take content of 1 files from here, 1 from the host");
	app_remember(l, "after");
	lab_ok(l, "diff before after");
	assert_false(lab_exists(l, "service"));
	assert_int_equal(lab_requests(l, "targets"), 0);
}

static void
the_host_gives_only_the_frames_that_are_missing(void **state)
{
	(void)state;
	lab_ok(l, "printf x >> dev/demo/current/zz/last; rm dev/demo/current/etc/conf");
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"from-here\": 1");
	lab_must_say(l, "\"from-host\": 1");
	lab_must_say(l, "\"whole-full\": false");
	/* The index and one run of frames. */
	assert_int_equal(lab_requests(l, ".tar.zst"), 2);
	assert_int_equal(lab_requests(l, " 206 "), 2);
	assert_true(lab_sent_bytes(l) < full_bytes() / 2);
	is_right();
}

/* In the middle of a file that several frames hold. */
static void
a_large_file_is_put_together_from_its_frames(void **state)
{
	(void)state;
	lab_flip(l, "dev/demo/releases/2/bin/big", BIG / 2);
	lab_ok(l, DELTA_APPLY "repair");
	lab_must_say(l, "1 from the host");
	assert_int_equal(lab_requests(l, " 206 "), 2);
	is_right();
}

static void
files_of_the_same_host_need_no_server(void **state)
{
	(void)state;
	l->port = 0;
	configure("");
	lab_ok(l, "rm dev/demo/current/zz/last dev/demo/current/bin/big");
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"whole-full\": false");
	is_right();
}

static void
a_host_without_ranges_gives_the_whole_full(void **state)
{
	(void)state;
	lab_ok(l, "sed -i 's/max_ranges .*/max_ranges 0;/' nginx/site.conf && "
	    "kill -HUP $(cat nginx/pid) && sleep 1");
	lab_log_clear(l);
	lab_ok(l, "rm dev/demo/current/zz/last");
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"whole-full\": true");
	is_right();
}

static void
without_the_host_nothing_is_touched(void **state)
{
	(void)state;
	lab_serve_stop(l);
	lab_ok(l, "rm dev/demo/current/zz/last");
	lab_expect(l, 3, DELTA_APPLY "--set net.retries=0 repair");
	lab_must_say(l, "zz/last");
	assert_false(lab_exists(l, "service"));
	lab_ok(l, "! ls -A dev/demo/releases | grep staging");
	lab_expect(l, 4, DELTA_APPLY "verify");
}

static void
a_host_that_lies_is_not_believed(void **state)
{
	(void)state;
	lab_ok(l, "f=$(ls repo/targets/2/*.tar.zst); cp $f bad && mv bad $f");
	lab_ok(l, "ls repo/targets/2/*.tar.zst");
	l->out[strcspn(l->out, "\n")] = '\0';
	{
		char full[512];

		(void)snprintf(full, sizeof full, "%s", l->out);
		for (long at = 1000; at < 40000; at += 1000)
			lab_flip(l, full, -at - 20000);
	}
	lab_ok(l, "rm dev/demo/current/zz/last");
	lab_expect(l, 4, DELTA_APPLY "repair");
	assert_false(lab_exists(l, "service"));
	lab_ok(l, "! ls -A dev/demo/releases | grep staging");
}

static void
a_tree_without_its_listing_gets_it_back(void **state)
{
	(void)state;
	lab_ok(l, "echo > dev/demo/current/.delta/listing; printf x >> "
	    "dev/demo/current/etc/conf");
	lab_expect(l, 4, DELTA_APPLY "verify");
	lab_ok(l, DELTA_APPLY "repair");
	lab_must_say(l, ".delta/listing");
	is_right();
	/* Nothing else: no service has to stop for it. */
	lab_ok(l, "rm service; rm dev/demo/current/.delta/record.json");
	lab_ok(l, DELTA_APPLY "repair");
	assert_false(lab_exists(l, "service"));
	is_right();
}

static void
a_tree_of_another_release_is_made_the_one_it_says_it_is(void **state)
{
	(void)state;
	lab_ok(l, "rm -rf dev/demo/releases/2; cp -a dev/demo/releases/1 "
	    "dev/demo/releases/2; sed -i 's|1/any.tree|2/any.tree|; "
	    "s|\"release\": 1|\"release\": 2|' dev/demo/releases/2/.delta/record.json");
	lab_ok(l, DELTA_APPLY "repair");
	is_right();
}

static void
exchange_mode_exchanges_the_live_tree(void **state)
{
	(void)state;
	lab_ok(l, "rm -rf dev service");
	configure("[app]\nswap = exchange\n[persist]\npaths = var\n");
	lab_ok(l, DELTA_APPLY "-q update --to 1");
	lab_ok(l, DELTA_APPLY "-q update && rm service && echo mine > dev/demo/var/data");
	lab_ok(l, "printf x >> dev/demo/lib/old; rm dev/demo/zz/last; rm -r dev/demo/etc");
	lab_ok(l, DELTA_APPLY "repair");
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, "grep -qx mine dev/demo/var/data && ! cmp -s dev/demo/lib/old /dev/null && "
	    "cmp t/lib/old dev/demo/lib/old && cmp t/zz/last dev/demo/zz/last && "
	    "printf 'stop\\nstart\\n' | cmp - service");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 2");
}

static void
what_belongs_to_the_device_stays(void **state)
{
	(void)state;
	lab_ok(l, "rm -rf dev service");
	configure("[persist]\npaths = etc/conf\ncopy = venv\n");
	lab_ok(l, DELTA_APPLY "-q update");
	lab_ok(l, "echo mine > dev/demo/current/etc/conf; mkdir -p dev/demo/current/venv && "
	    "echo kept > dev/demo/current/venv/pkg; printf x >> dev/demo/current/lib/old");
	lab_ok(l, DELTA_APPLY "repair");
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, "grep -qx mine dev/demo/current/etc/conf && "
	    "grep -qx kept dev/demo/current/venv/pkg && "
	    "cmp t/lib/old dev/demo/current/lib/old");
}

static void
a_service_that_does_not_stop_keeps_its_tree(void **state)
{
	(void)state;
	configure("[hooks]\nstop = false\n");
	damage_here();
	lab_expect(l, 5, DELTA_APPLY "repair");
	lab_must_say(l, "stop");
	lab_expect(l, 4, DELTA_APPLY "verify");
	lab_ok(l, "grep -qx start service");
	configure("");
	lab_ok(l, DELTA_APPLY "repair");
	is_right();
}

static void
a_right_tree_that_is_not_healthy_is_5(void **state)
{
	(void)state;
	configure("[health]\ncommand = false\n");
	damage_here();
	lab_expect(l, 5, DELTA_APPLY "repair");
	lab_must_say(l, "is right again, but");
	is_right();
}

static void
an_update_under_way_comes_first(void **state)
{
	(void)state;
	lab_ok(l, "cp -a dev dev0; mkdir stash");
	for (unsigned n = 1; !lab_said(l, "step rollback"); n++) {
		assert_true(n < 50);
		lab_ok(l, "rm -rf dev; cp -a dev0 dev");
		lab_expect(l, CUT_STATUS, "CUT_AT=%u CUT_MODE=kill CUT_STASH=$PWD/stash exec "
		    "$BIN/../tests/cut/delta-apply --config app.conf rollback", n + 3);
		lab_ok(l, DELTA_APPLY "status");
	}
	damage_here();
	lab_expect(l, 5, DELTA_APPLY "repair");
	lab_must_say(l, "is in step rollback");
	lab_expect(l, 4, DELTA_APPLY "verify");
}

/* The tree of another release that it shares files with is damaged with it. */
static void
what_two_releases_lost_together_comes_from_the_host(void **state)
{
	(void)state;
	lab_ok(l, "rm dev/demo/releases/*/lib/old");
	lab_ok(l, DELTA_APPLY "repair --json");
	lab_must_say(l, "\"from-host\": 1");
	is_right();
}

/* Old or new, the next repair completes, and the service ran last. */
static void
check_after_cut(unsigned n, bool power)
{
	int as_before = lab_run(l, "diff -r --no-dereference dev/demo/releases/2/lib damaged/lib"
	    " && diff dev/demo/releases/2/etc damaged/etc");

	if (as_before != 0 && lab_run(l, DELTA_APPLY "verify") != 0)
		fail_msg("cut at %u: neither the old tree nor the new: %s", n, l->out);
	/* A boot starts the application itself, after this. */
	if (power)
		lab_ok(l, DELTA_APPLY "recover && rm -f service");
	/* An update that has nothing to do starts the service and clears up. */
	lab_ok(l, DELTA_APPLY "-q update");
	lab_ok(l, "! ls dev/state | grep switching; ! ls -A dev/demo/releases | grep staging;"
	    " [ ! -e service ] || tail -n 1 service | grep -qx start");
	/* Frames stay in the spool for the next update to clear. */
	lab_ok(l, DELTA_APPLY "repair && rm -rf dev/state/spool/*");
	is_right();
}

static void
a_repair_that_is_cut_off_leaves_the_old_tree_or_the_new(void **state)
{
	unsigned step = getenv("CUT_ALL") == NULL ? 11 : 1, tried = 0;

	(void)state;
	l->port = 0;
	configure("");
	damage_here();
	lab_ok(l, "rm -f dev/demo/current/zz/last; cp -a dev/demo/releases/2 damaged; "
	    "cp -a dev dev0");
	for (int power = 0; power <= 1; power++)
		for (unsigned n = 1;; n += step) {
			assert_true(n < CUTS_MAX);
			lab_ok(l, "rm -rf dev stash service; cp -a dev0 dev; mkdir stash");
			lab_run(l, "CUT_AT=%u CUT_MODE=%s CUT_SEED=%u CUT_STASH=$PWD/stash "
			    "exec $BIN/../tests/cut/delta-apply --config app.conf repair",
			    n, power ? "power" : "kill", n);
			if (l->status == 0)
				break;
			if (l->status != CUT_STATUS)
				fail_msg("cut at %u: status %d: %s", n, l->status, l->err);
			tried++;
			check_after_cut(n, power == 1);
		}
	print_message("repair: %u points tried, 0 violations\n", tried);
	assert_true(tried > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_tree_that_is_right_is_left_alone),
		FLOW(other_releases_give_what_they_have_without_a_network),
		FLOW(a_dry_run_only_says),
		FLOW(the_host_gives_only_the_frames_that_are_missing),
		FLOW(a_large_file_is_put_together_from_its_frames),
		FLOW(files_of_the_same_host_need_no_server),
		FLOW(a_host_without_ranges_gives_the_whole_full),
		FLOW(without_the_host_nothing_is_touched),
		FLOW(a_host_that_lies_is_not_believed),
		FLOW(a_tree_without_its_listing_gets_it_back),
		FLOW(a_tree_of_another_release_is_made_the_one_it_says_it_is),
		FLOW(exchange_mode_exchanges_the_live_tree),
		FLOW(what_belongs_to_the_device_stays),
		FLOW(a_service_that_does_not_stop_keeps_its_tree),
		FLOW(a_right_tree_that_is_not_healthy_is_5),
		FLOW(an_update_under_way_comes_first),
		FLOW(what_two_releases_lost_together_comes_from_the_host),
		FLOW(a_repair_that_is_cut_off_leaves_the_old_tree_or_the_new),
	};

	return cmocka_run_group_tests_name("repair", tests, open_master, close_master);
}
