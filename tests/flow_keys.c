/*
 * Keys and signatures through the real programs: where private keys come from, how
 * they change, and changes that several people sign.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/fixture.h"

/* A repository with one release, and a TUF client that trusts its first root. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo && mkdir t && echo 1 > t/a && "
	    "mkdelta release -q repo t");
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	return 0;
}

#define REFRESH "delta-apply refresh --metadata-dir m --metadata-url file://$PWD/repo/metadata"

/* The nth key of a role, by the order of its metadata. */
#define KEY_OF(role, n) "$(mkdelta show repo " role " --json | python3 -c 'import json," \
	"sys; print(json.load(sys.stdin)[\"role\"][\"keys\"][" n "])')"

static void
keys_come_from_everywhere_but_the_command_line(void **state)
{
	(void)state;
	lab_ok(l, "mv repo.keys safe && cp safe/online.pem . && "
	    "openssl pkey -in online.pem -pubout -out pub.pem");
	lab_expect(l, 1, "mkdelta refresh repo");
	lab_ok(l, "mkdelta refresh repo --key online.pem");
	lab_ok(l, "mkdelta refresh repo --key file:online.pem");
	lab_ok(l, "SECRET=\"$(cat online.pem)\" mkdelta refresh repo --key env:SECRET");
	lab_ok(l, "mkdelta refresh repo --key fd:7 7< online.pem");
	lab_ok(l, "mkdelta refresh repo --key store:file:$PWD/online.pem");
	lab_must_say(l, "timestamp 7");
	lab_ok(l, REFRESH);
	lab_expect(l, 2, "mkdelta refresh repo --key env:MISSING");
	lab_must_say(l, "MISSING");
	lab_expect(l, 2, "mkdelta refresh repo --key fd:x");
	lab_expect(l, 2, "mkdelta refresh repo --key store:file:/nowhere");
	lab_expect(l, 5, "mkdelta refresh repo --key safe/targets.pem");
	lab_ok(l, "chmod 640 online.pem");
	lab_expect(l, 2, "mkdelta refresh repo --key online.pem");
	lab_must_say(l, "others can read it");
}

/* An HSM, a cloud's key service: they sign what they are given and answer in one form
 * or another. */
static void
a_command_signs_standard_input(void **state)
{
	static const char *const forms[] = { "cat", "base64", "base64 -w0",
		"od -An -v -tx1 | tr -dc 0-9a-f" };

	(void)state;
	lab_ok(l, "mkdelta init -q p256 --key-type p256 && mv p256.keys k && "
	    "openssl pkey -in k/online.pem -pubout -out pub.pem");
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		lab_ok(l, "mkdelta refresh p256 --key 'cmd:pub.pem:openssl dgst -sha256 "
		    "-sign k/online.pem | %s'", forms[i]);
	lab_must_say(l, "timestamp 5");
	lab_expect(l, 4, "mkdelta refresh p256 --key 'cmd:pub.pem:openssl dgst -sha256 "
	    "-sign k/targets.pem'");
	lab_must_say(l, "no signature by this key");
	lab_expect(l, 1, "mkdelta refresh p256 --key 'cmd:pub.pem:exit 7'");
	lab_must_say(l, "status 7");
	lab_expect(l, 2, "mkdelta refresh p256 --key cmd:pub.pem");
	lab_ok(l, "mkdelta verify p256");
}

static void
passphrases_come_by_file_environment_or_prompt(void **state)
{
	(void)state;
	lab_ok(l, "echo 'open sesame' > pass && chmod 600 pass");
	lab_ok(l, "mkdelta init -q e --passphrase-file pass");
	lab_ok(l, "grep -l 'BEGIN ENCRYPTED' e.keys/*.pem | wc -l | grep -qx 5");
	lab_expect(l, 2, "mkdelta refresh e < /dev/null");
	lab_must_say(l, "no passphrase was given");
	lab_ok(l, "mkdelta refresh e --passphrase-file pass");
	lab_ok(l, "MKDELTA_PASSPHRASE_FILE=pass mkdelta refresh e");
	lab_ok(l, "MKDELTA_PASSPHRASE='open sesame' mkdelta refresh e");
	lab_ok(l, "(sleep 1; echo open sesame; sleep 2) | script -qec 'mkdelta refresh e' "
	    "/dev/null");
	lab_must_say(l, "timestamp 5");
	lab_expect(l, 2, "MKDELTA_PASSPHRASE=wrong mkdelta refresh e");
	lab_ok(l, "chmod 644 pass");
	lab_expect(l, 2, "mkdelta refresh e --passphrase-file pass");
	lab_must_say(l, "others can read it");
	lab_ok(l, "chmod 600 pass; mkdelta key new e stable --passphrase-file pass && "
	    "grep -q 'BEGIN ENCRYPTED' e.keys/channel-stable-2.pem");
}

/* Each role's key goes; devices follow, and the old key is worth nothing. */
static void
every_role_rotates_and_devices_follow(void **state)
{
	static const char *const roles[] = { "online", "targets", "stable", "snapshot",
		"timestamp" };

	(void)state;
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		lab_ok(l, "mkdelta key rotate repo %s", roles[i]);
		lab_must_say(l, "published");
		lab_ok(l, REFRESH);
	}
	lab_expect(l, 2, "mkdelta key rotate repo root");
	lab_must_say(l, "say which is to go");
	lab_ok(l, "mkdelta key rotate repo root " KEY_OF("root", "0"));
	lab_ok(l, REFRESH " && cmp m/root.json repo/metadata/6.root.json");
	lab_ok(l, "mkdelta verify repo && echo 2 > t/a && mkdelta release repo t");
	lab_ok(l, "mkdir -m 700 old && cp repo.keys/online.pem "
	    "repo.keys/channel-stable.pem old && echo 3 > t/a");
	lab_expect(l, 5, "mkdelta release repo t --keys old");
	lab_ok(l, REFRESH);
}

static void
keys_are_added_and_revoked_and_thresholds_hold(void **state)
{
	(void)state;
	lab_expect(l, 5, "mkdelta key threshold repo stable 2");
	lab_must_say(l, "cannot make the 2 signatures");
	lab_ok(l, "mkdelta key new bob.pem");
	lab_ok(l, "mkdelta key new repo stable --public bob.pub.pem");
	lab_expect(l, 2, "mkdelta key new repo stable --public bob.pub.pem");
	lab_must_say(l, "signs it already");
	lab_ok(l, "mkdelta key threshold repo stable 2 --key bob.pem");
	lab_ok(l, "mkdelta key list repo");
	lab_must_say(l, "stable stable.any");
	lab_expect(l, 5, "mkdelta key revoke repo stable " KEY_OF("stable", "1"));
	lab_expect(l, 2, "mkdelta key revoke repo stable 12345");
	lab_expect(l, 2, "mkdelta key revoke repo stable 0000000");
	lab_ok(l, "mkdelta key threshold repo stable 1");
	lab_ok(l, "mkdelta key revoke repo stable " KEY_OF("stable", "1"));
	lab_ok(l, "mkdelta show repo stable");
	lab_must_say(l, "1 of 1 keys");
	lab_expect(l, 2, "mkdelta key revoke repo stable.any 123456");
	lab_expect(l, 2, "mkdelta key new repo nobody");
	lab_expect(l, 2, "mkdelta key frobnicate repo stable");
	lab_ok(l, REFRESH " && mkdelta verify repo");
}

/* Two people for each release of stable: nothing is seen before the second signed. */
static void
a_release_waits_for_its_second_signature(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta key new repo stable && mkdelta key threshold repo stable 2");
	lab_ok(l, "mkdir -m 700 ci bob && mv repo.keys/channel-stable.pem "
	    "repo.keys/online.pem ci && mv repo.keys/channel-stable-2.pem bob");
	lab_ok(l, "find repo/[mt]* -type f | sort | xargs sha256sum > before; echo 2 > t/a");
	lab_ok(l, "mkdelta release repo t --keys ci");
	lab_must_say(l, "not published yet");
	lab_must_say(l, "1 of 2 signatures");
	lab_ok(l, "find repo/[mt]* -type f | sort | xargs sha256sum | cmp - before");
	lab_ok(l, "test \"$(stat -c %%a repo.pending)\" = 700");
	lab_ok(l, "mkdelta show repo pending --json | python3 -c 'import json, sys; "
	    "p = json.load(sys.stdin)[\"pending\"]; "
	    "assert [x[\"lacks\"] for x in p] == [1], p'");
	lab_expect(l, 5, "mkdelta release repo t --keys ci --version 9");
	lab_must_say(l, "waits for its signatures");
	lab_ok(l, "mkdelta refresh repo --keys ci");
	lab_ok(l, "mkdir other && echo 3 > other/a");
	lab_expect(l, 4, "mkdelta sign repo --keys bob --reproduce other");
	lab_must_say(l, "not signed");
	lab_ok(l, "mkdelta sign repo --keys bob --reproduce t");
	lab_must_say(l, "where the online key is");
	lab_ok(l, REFRESH " && ! ls m/stable.any.json 2> /dev/null");
	lab_ok(l, "mkdelta sign repo --keys ci");
	lab_must_say(l, "published: release 2 of stable");
	lab_ok(l, "! test -e repo.pending && mkdelta verify repo && mkdelta list repo");
	lab_ok(l, REFRESH);
	lab_expect(l, 2, "mkdelta sign repo --keys ci");
	/* Programs are told in one piece of JSON. */
	lab_ok(l, "echo 4 > t/a && mkdelta release repo t --keys ci --json | python3 -c "
	    "'import json, sys; assert json.load(sys.stdin)[\"waits\"] is True'");
	/* And so does a refresh of a role that needs more than is here. */
	lab_ok(l, "mkdelta sign repo --drop && mkdelta refresh repo --role stable --keys ci");
	lab_must_say(l, "not published yet");
	lab_must_say(l, "1 of 2 signatures");
}

/* The commands of docs/trust.md, as they stand there. */
static void
a_signature_verifies_by_hand_as_the_docs_say(void **state)
{
	char *docs = realpath("docs/trust.md", NULL);

	(void)state;
	assert_non_null(docs);
	lab_ok(l, "sed -n '/^## A signature by hand/,/^## Each/p' '%s' | "
	    "sed -n '/^```sh/,/^```$/p' | sed '/^```/d' > hand && test -s hand", docs);
	free(docs);
	lab_write(l, "first.py", "import json\n"
	    "root = json.load(open('repo/metadata/1.root.json'))\n"
	    "one = root['signatures'][0]\n"
	    "print(one['sig'], root['signed']['keys'][one['keyid']]['keyval']['public'])\n");
	lab_ok(l, "set -- $(python3 first.py) && sed -e 's/REPO/repo/' -e \"s/echo SIG/echo "
	    "$1/\" -e \"s/echo KEY/echo $2/\" hand > hand.sh && sh -e hand.sh");
	lab_must_say(l, "Signature Verified Successfully");
	lab_ok(l, "sed -i 's/\"threshold\":1/\"threshold\":2/' repo/metadata/1.root.json");
	lab_expect(l, 1, "sh -e hand.sh");
}

/* Who builds it again need not know how it was listed. */
static void
owners_and_attributes_are_reproduced_too(void **state)
{
	static const char *const ways[] = { "--owners", "--xattrs", "--owners --xattrs" };

	(void)state;
	lab_ok(l, "mkdelta key new repo stable && mkdelta key threshold repo stable 2");
	lab_ok(l, "mkdir -m 700 ci bob && mv repo.keys/channel-stable.pem "
	    "repo.keys/online.pem ci && mv repo.keys/channel-stable-2.pem bob");
	if (lab_run(l, "setfattr -n user.kind -v tool t/a") != 0)
		skip();		/* a filesystem without attributes */
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		lab_ok(l, "echo %zu > t/b && cp -a t other && mkdelta release repo t %s "
		    "--keys ci", i, ways[i]);
		lab_ok(l, "setfattr -n user.kind -v toy other/a && touch other/.x && "
		    "rm other/.x");
		if (strstr(ways[i], "xattrs") != NULL)
			lab_expect(l, 4, "mkdelta sign repo --keys bob --reproduce other");
		lab_ok(l, "echo no > other/b");
		lab_expect(l, 4, "mkdelta sign repo --keys bob --reproduce other");
		lab_ok(l, "mkdelta sign repo --keys bob --reproduce t && "
		    "mkdelta sign repo --keys ci && rm -r other");
		lab_must_say(l, "published: release");
	}
	lab_ok(l, "mkdelta verify repo");
}

/* Three root keys, two needed, in three safes; the one who plans has none of them. */
static void
a_root_is_signed_by_several_in_any_order(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta init -q r --root-keys 3 --threshold 2 && mkdir -m 700 a b c && "
	    "mv r.keys/root-1.pem a && mv r.keys/root-2.pem b && mv r.keys/root-3.pem c");
	lab_ok(l, "mkdelta key rotate r online");
	lab_must_say(l, "root, as the new root says: 0 of 2 signatures");
	lab_ok(l, "! test -e r/metadata/2.root.json");
	lab_expect(l, 5, "mkdelta key new r targets");
	lab_must_say(l, "another change waits");
	lab_ok(l, "mkdelta sign r --keys c");
	lab_must_say(l, "1 of 2 signatures");
	lab_ok(l, "mkdelta sign r --keys c");
	lab_must_say(l, "1 of 2 signatures");
	lab_ok(l, "mkdelta sign r --keys a && ! test -e r/metadata/2.root.json");
	lab_ok(l, "mkdelta sign r");
	lab_must_say(l, "published: key rotate online");
	lab_ok(l, "mkdelta verify r");
	/* Out of date: somebody was faster. */
	lab_ok(l, "mkdelta key new r stable --keys a");
	lab_ok(l, "mv r.pending aside && mkdelta refresh r --role targets && "
	    "mv aside r.pending");
	lab_expect(l, 5, "mkdelta sign r");
	lab_must_say(l, "out of date");
	lab_ok(l, "mkdelta sign --drop r && ! test -e r.pending");
}

/* Somebody who can write to REPO.pending cannot make others publish what is no
 * metadata of this repository. */
static void
a_pending_change_is_checked_like_any_metadata(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta init -q r && mkdir -m 700 a && mv r.keys/root-*.pem a && "
	    "mkdelta key rotate r targets");
	lab_ok(l, "cp -a r.pending clean && sed -i 's/\"version\":2/\"version\":3/' "
	    "r.pending/2.root.json");
	lab_expect(l, 4, "mkdelta sign r --keys a");
	lab_ok(l, "rm -r r.pending && cp -a clean r.pending && echo junk > "
	    "r.pending/2.root.json");
	lab_expect(l, 4, "mkdelta sign r --keys a");
	lab_ok(l, "rm -r r.pending && cp -a clean r.pending && P=$(mkdelta show r --json | "
	    "sed -n 's/.*product\": \"\\(.*\\)\".*/\\1/p') && "
	    "sed -i \"s/$P/00000000000000000000000000000000/\" r.pending/2.root.json");
	lab_expect(l, 4, "mkdelta sign r --keys a");
	lab_ok(l, "! test -e r/metadata/2.root.json");
	lab_ok(l, "rm -r r.pending && mv clean r.pending && mkdelta sign r --keys a && "
	    "mkdelta sign r && mkdelta verify r");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(keys_come_from_everywhere_but_the_command_line),
		FLOW(a_command_signs_standard_input),
		FLOW(passphrases_come_by_file_environment_or_prompt),
		FLOW(every_role_rotates_and_devices_follow),
		FLOW(keys_are_added_and_revoked_and_thresholds_hold),
		FLOW(a_release_waits_for_its_second_signature),
		FLOW(a_signature_verifies_by_hand_as_the_docs_say),
		FLOW(owners_and_attributes_are_reproduced_too),
		FLOW(a_root_is_signed_by_several_in_any_order),
		FLOW(a_pending_change_is_checked_like_any_metadata),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
