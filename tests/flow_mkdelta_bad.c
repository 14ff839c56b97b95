/*
 * One test for each thing that can be wrong with what the release side is given, and
 * for a program that is killed.
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

/* What a refusal must leave: a repository that verifies, without release n. */
static void
must_be_without(struct lab *l, const char *release)
{
	lab_ok(l, "mkdelta verify repo");
	lab_expect(l, 2, "mkdelta show repo %s", release);
	lab_must_say(l, "has none");
}

static void
a_key_file_others_can_read(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "chmod 644 repo.keys/channel-stable.pem");
	lab_expect(l, 2, "mkdelta release repo t");
	lab_must_say(l, "channel-stable.pem: others can read it");
	lab_must_say(l, "chmod");
	lab_ok(l, "chmod 600 repo.keys/channel-stable.pem && chmod 755 repo.keys");
	lab_expect(l, 2, "mkdelta refresh repo");
	lab_must_say(l, "others can read it");
	lab_close(l);
}

static void
a_repo_that_is_none(void **state)
{
	static const char *const commands[] = { "list %s", "show %s", "verify %s",
		"refresh %s", "release %s t" };
	struct lab *l = lab_with_tree();

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		char line[64], name[2][8] = { "t", "nowhere" };

		for (int k = 0; k < 2; k++) {
			int n = (int)(strchr(commands[i], '%') - commands[i]);

			(void)snprintf(line, sizeof line, "%.*s%s%s", n, commands[i],
			    name[k], commands[i] + n + 2);
			lab_expect(l, 2, "mkdelta %s", line);
			lab_must_say(l, "mkdelta init");
		}
	}
	lab_close(l);
}

static void
metadata_edited_by_hand(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --version 1.0");
	lab_ok(l, "sed -i 's/\"version\":\"1.0\"/\"version\":\"1.1\"/' "
	    "repo/metadata/1.stable.any.json");
	lab_expect(l, 4, "mkdelta list repo");
	lab_must_say(l, "metadata/1.stable.any.json");
	lab_expect(l, 4, "mkdelta release repo t --version 2");
	lab_must_say(l, "changed after it was signed");
	lab_close(l);
}

static void
a_number_used_for_other_content(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta init -q two --channel stable --channel beta");
	lab_ok(l, "mkdelta release repo t && echo more >> t/etc/app.conf");
	lab_expect(l, 5, "mkdelta release repo t --number 1");
	lab_must_say(l, "never used twice");
	must_be_without(l, "2");
	lab_ok(l, "mkdelta release two t --channel beta");
	lab_expect(l, 5, "mkdelta release two t --number 1");
	lab_must_say(l, "channel beta");
	lab_ok(l, "mkdelta release two t");
	lab_must_say(l, "release 2");
	lab_close(l);
}

static void
numbers_that_are_none(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_expect(l, 2, "mkdelta release repo t --number 0");
	lab_must_say(l, "from 1 to 9223372036854775807");
	lab_expect(l, 2, "mkdelta release repo t --number 9223372036854775808");
	lab_must_say(l, "'9223372036854775808': must be from 1 to");
	lab_expect(l, 2, "mkdelta release repo t --number -1");
	lab_expect(l, 2, "mkdelta release repo t --number 1x");
	must_be_without(l, "1");
	lab_ok(l, "mkdelta release repo t --number 9223372036854775807");
	lab_ok(l, "echo more >> t/etc/app.conf");
	lab_expect(l, 5, "mkdelta release repo t");
	lab_must_say(l, "last one is used");
	lab_close(l);
}

static void
a_number_lower_than_the_newest(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --number 7 && echo more >> t/etc/app.conf");
	lab_expect(l, 5, "mkdelta release repo t --number 6");
	lab_must_say(l, "lower than the newest");
	must_be_without(l, "6");
	lab_close(l);
}

static void
a_version_lower_than_the_newest(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --version 1.10 && echo more >> t/etc/app.conf");
	lab_expect(l, 5, "mkdelta release repo t --version 1.9");
	lab_must_say(l, "version 1.9: is lower than the newest");
	must_be_without(l, "2");
	lab_ok(l, "mkdelta release repo t --version 1.9 --force");
	lab_close(l);
}

static void
a_version_file_with_garbage(void **state)
{
	static const char *const texts[] = { "1.0\\n2.0\\n", "", "\\033[31m1.0", "a b",
		"1.0\\0002.0" };
	struct lab *l = lab_with_tree();

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		lab_ok(l, "printf '%s' > t/VERSION", texts[i]);
		lab_expect(l, 2, "mkdelta release repo t");
		lab_must_say(l, "VERSION");
		lab_must_say(l, "--version");
		assert_false(lab_said(l, "\033"));
	}
	lab_ok(l, "head -c 5000 /dev/zero | tr '\\0' 1 > t/VERSION");
	lab_expect(l, 2, "mkdelta release repo t");
	must_be_without(l, "1");
	lab_ok(l, "mkdelta release repo t --version 1.0");
	lab_close(l);
}

static void
channels_with_bad_names(void **state)
{
	static const char *const names[] = { "root", "../x", "Stable", "halt", "''" };
	struct lab *l = lab_with_tree();

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		lab_expect(l, 2, "mkdelta init other --channel %s", names[i]);
		lab_must_say(l, i % 3 == 0 ? "reserved" : "beginning with a letter");
		assert_false(lab_exists(l, "other"));
		assert_false(lab_exists(l, "other.keys"));
		lab_expect(l, 2, "mkdelta release repo t --channel %s", names[i]);
	}
	lab_expect(l, 2, "mkdelta release repo t --channel beta");
	lab_must_say(l, "only stable");
	lab_close(l);
}

static void
notes_with_terminal_escapes(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_expect(l, 2, "mkdelta release repo t --notes \"$(printf "
	    "'a\\033]0;x\\007b')\"");
	lab_must_say(l, "control characters");
	assert_false(lab_said(l, "\033"));
	lab_ok(l, "printf '# ok\\n\\nbut \\302\\233 31m\\n' > notes.md");
	lab_expect(l, 2, "mkdelta release repo t --notes notes.md");
	lab_expect(l, 2, "mkdelta release repo t --notes ''");
	must_be_without(l, "1");
	lab_ok(l, "printf '# Title\\n\\n\\tindented\\n' > notes.md");
	lab_ok(l, "mkdelta release repo t --notes notes.md");
	lab_ok(l, "mkdelta show repo 1 | grep -qx '    Title'");
	lab_close(l);
}

static void
a_tree_that_holds_repo_or_keys(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta init -q t/repo --keys keys && mkdelta init -q r2 --keys "
	    "t/keys");
	lab_expect(l, 1, "mkdelta release t/repo t --keys keys");
	lab_must_say(l, "t/repo: lies in the tree t; keep it outside");
	lab_ok(l, "rm -r t/repo");
	lab_expect(l, 1, "mkdelta release r2 t --keys t/keys");
	lab_must_say(l, "t/keys: lies in the tree t; keep it outside");
	lab_expect(l, 1, "mkdelta release repo repo");
	lab_expect(l, 2, "mkdelta init r3 --keys r3");
	lab_close(l);
}

static void
an_unreadable_file(void **state)
{
	struct lab *l = lab_with_tree();
	const char *as = geteuid() == 0 ?
	    "setpriv --reuid 65534 --regid 65534 --clear-groups" : "";

	(void)state;
	lab_ok(l, "chmod 0 t/etc/app.conf");
	if (geteuid() == 0)
		lab_ok(l, "chown -R 65534:65534 .");
	lab_expect(l, 1, "%s mkdelta release repo t", as);
	lab_must_say(l, "etc/app.conf");
	lab_must_say(l, "ermission denied");
	lab_ok(l, "chmod 644 t/etc/app.conf");
	must_be_without(l, "1");
	lab_close(l);
}

static void
files_that_change_while_they_are_read(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_fill(l, "t/log", 30000000, 9);
	lab_expect(l, 1, "(while echo x >> t/log; do :; done) & writer=$!; "
	    "mkdelta release repo t; status=$?; kill $writer; exit $status");
	lab_must_say(l, "log");
	lab_must_say(l, "chang");
	must_be_without(l, "1");
	lab_close(l);
}

static void
an_empty_tree(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdir e");
	lab_expect(l, 1, "mkdelta release repo e");
	lab_must_say(l, "e: the tree is empty");
	must_be_without(l, "1");
	lab_close(l);
}

static void
links_out_of_the_tree_are_data(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "ln -s /etc/passwd t/a && ln -s ../../.. t/b && ln -s nowhere t/c");
	lab_ok(l, "mkdelta release repo t");
	lab_ok(l, "mkdelta verify repo");
	lab_ok(l, "echo more >> t/etc/app.conf && mkdelta release repo t");
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

static void
a_truncated_or_foreign_tar(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "tar -czf t.tar.gz t && head -c 90000 t.tar.gz > cut.tar.gz");
	lab_expect(l, 4, "mkdelta release repo cut.tar.gz");
	lab_must_say(l, "cut.tar.gz");
	lab_ok(l, "tar -cPf up.tar --transform 's,^t/etc,../etc,' t");
	lab_expect(l, 4, "mkdelta release repo up.tar");
	lab_must_say(l, "a path with '..'");
	lab_ok(l, "head -c 5000 /dev/urandom > junk.tar");
	lab_expect(l, 4, "mkdelta release repo junk.tar");
	lab_must_say(l, "is no archive");
	/* The same name twice; a hard link to what is not there. */
	lab_ok(l, "tar -cf dup.tar t/etc/app.conf && tar -rf dup.tar t/etc/app.conf");
	lab_expect(l, 4, "mkdelta release repo dup.tar");
	lab_must_say(l, "twice in the archive");
	lab_ok(l, "mkdir h && echo x > h/a && ln h/a h/b && tar -cf hl.tar h/a h/b && "
	    "tar --delete -f hl.tar h/a");
	lab_expect(l, 4, "mkdelta release repo hl.tar");
	lab_must_say(l, "no file before it");
	must_be_without(l, "1");
	lab_close(l);
}

static void
every_kind_of_object_with_a_byte_flipped(void **state)
{
	static const char *const kinds[] = { "*.tree.zst", "*.tar.zst", "*.delta",
		"*.notes.md" };
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t --notes hello && echo more >> t/etc/app.conf");
	lab_ok(l, "mkdelta release repo t --notes hello");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		lab_ok(l, "rm -rf bad && cp -a repo bad && f=$(find bad/targets -name "
		    "'%s' | head -n 1) && test -n \"$f\" && echo $f > name && printf X | "
		    "dd of=$f bs=1 seek=5 conv=notrunc status=none", kinds[i]);
		lab_expect(l, 4, "mkdelta verify bad");
		lab_ok(l, "mkdelta verify bad 2>&1 | grep -qF \"$(cat name)\"");
		lab_ok(l, "f=$(cat name) && head -c 3 $f > x && cat x > $f");
		lab_expect(l, 4, "mkdelta verify bad");
		lab_must_say(l, "size");
		lab_ok(l, "rm $(cat name)");
		lab_expect(l, 4, "mkdelta verify bad");
	}
	lab_close(l);
}

static void
an_old_full_that_was_damaged_stops_a_release(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release repo t && echo more >> t/etc/app.conf");
	lab_ok(l, "printf X | dd of=$(ls repo/targets/1/*.tar.zst) bs=1 seek=9 "
	    "conv=notrunc status=none");
	lab_expect(l, 4, "mkdelta release repo t");
	lab_must_say(l, "not those that were signed");
	lab_expect(l, 2, "mkdelta show repo 2");
	lab_close(l);
}

static void
a_root_key_on_a_build_machine(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_expect(l, 5, "CI=true mkdelta release repo t");
	lab_must_say(l, "root key");
	lab_must_say(l, "--allow-root-key");
	lab_ok(l, "CI=true mkdelta release repo t --allow-root-key");
	lab_ok(l, "mkdir safe && mv repo.keys/root-*.pem safe/");
	lab_ok(l, "echo more >> t/etc/app.conf && CI=true mkdelta release repo t");
	lab_ok(l, "CI=true mkdelta init -q other");
	lab_close(l);
}

static void
keys_of_another_repository(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_expect(l, 5, "mkdelta init other --keys repo.keys");
	lab_must_say(l, "--share-keys");
	assert_false(lab_exists(l, "other"));
	lab_ok(l, "mkdelta init -q other");
	lab_expect(l, 5, "mkdelta release repo t --keys other.keys");
	lab_must_say(l, "0 of its private keys found");
	lab_close(l);
}

static void
an_init_that_was_killed_is_run_again(void **state)
{
	struct lab *l = lab_open();

	(void)state;
	for (int ms = 0; ms < 24; ms++) {
		(void)lab_run(l, "mkdelta init -q repo & sleep 0.%03d; kill -9 $!; wait",
		    ms);
		lab_ok(l, "mkdelta list repo > /dev/null || mkdelta init -q repo");
		lab_ok(l, "mkdelta refresh repo");
		lab_ok(l, "rm -rf repo repo.keys && ls -A && "
		    "test -z \"$(ls -A | grep -vE '^.(lab|repo.lock)')\"");
	}
	lab_close(l);
}

static void
an_init_that_was_killed_at_its_last_step_is_ended(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "touch repo.keys/.init-unfinished");
	lab_ok(l, "mkdelta init repo");
	assert_false(lab_exists(l, "repo.keys/.init-unfinished"));
	lab_expect(l, 5, "mkdelta init repo");
	lab_must_say(l, "is a repository already");
	lab_close(l);
}

static void
a_release_that_was_killed_leaves_the_old_state(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release -q repo t");
	for (int i = 0; i < 16; i++) {
		lab_ok(l, "echo %d >> t/etc/app.conf", i);
		(void)lab_run(l, "mkdelta release -q repo t & sleep 0.%03d; kill -9 $!; "
		    "wait", 8 * i);
		lab_ok(l, "mkdelta list repo");
		lab_ok(l, "mkdelta release -q repo t");
		lab_ok(l, "test ! -e repo/.work");
	}
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_file_others_can_read),
		cmocka_unit_test(a_repo_that_is_none),
		cmocka_unit_test(metadata_edited_by_hand),
		cmocka_unit_test(a_number_used_for_other_content),
		cmocka_unit_test(numbers_that_are_none),
		cmocka_unit_test(a_number_lower_than_the_newest),
		cmocka_unit_test(a_version_lower_than_the_newest),
		cmocka_unit_test(a_version_file_with_garbage),
		cmocka_unit_test(channels_with_bad_names),
		cmocka_unit_test(notes_with_terminal_escapes),
		cmocka_unit_test(a_tree_that_holds_repo_or_keys),
		cmocka_unit_test(an_unreadable_file),
		cmocka_unit_test(files_that_change_while_they_are_read),
		cmocka_unit_test(an_empty_tree),
		cmocka_unit_test(links_out_of_the_tree_are_data),
		cmocka_unit_test(a_truncated_or_foreign_tar),
		cmocka_unit_test(every_kind_of_object_with_a_byte_flipped),
		cmocka_unit_test(an_old_full_that_was_damaged_stops_a_release),
		cmocka_unit_test(a_root_key_on_a_build_machine),
		cmocka_unit_test(keys_of_another_repository),
		cmocka_unit_test(an_init_that_was_killed_is_run_again),
		cmocka_unit_test(an_init_that_was_killed_at_its_last_step_is_ended),
		cmocka_unit_test(a_release_that_was_killed_leaves_the_old_state),
	};

	return cmocka_run_group_tests_name("mkdelta_bad", tests, NULL, NULL);
}
