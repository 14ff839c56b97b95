/*
 * A client of other authors reads what mkdelta wrote: tuf-js, by node.  scripts/deps
 * installs it where npm reaches its registry; elsewhere this is skipped, and says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

/* METADATA-DIR URL OUT [TARGET...]: refresh, then download each; the file's name has
 * '_' for '/'.  Status 2: a target that nobody lists. */
static const char script[] =
    "import { Updater } from 'tuf-js';\n"
    "const [,, dir, url, out, ...targets] = process.argv;\n"
    "const u = new Updater({ metadataDir: dir, targetDir: out,\n"
    "  metadataBaseUrl: url + '/metadata', targetBaseUrl: url + '/targets' });\n"
    "try {\n"
    "  await u.refresh();\n"
    "  for (const t of targets) {\n"
    "    const info = await u.getTargetInfo(t);\n"
    "    if (!info) { console.error('not listed: ' + t); process.exit(2); }\n"
    "    await u.downloadTarget(info, out + '/' + t.replaceAll('/', '_'));\n"
    "  }\n"
    "} catch (e) { console.error(String(e)); process.exit(1); }\n";

static struct lab *l;

static int
close_lab(void **state)
{
	(void)state;
	lab_close(l);
	return 0;
}

/* Where it was installed: beside bin, or beside the build folder of sanitizers. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_write(l, "tuf.mjs", "%s", script);
	(void)lab_run(l, "for d in \"$BIN\"/../tuf-js \"$BIN\"/../../tuf-js; do "
	    "test -e $d/node_modules/tuf-js && ln -s $d/node_modules . && break; done");
	return 0;
}

static void
need_tuf_js(void)
{
	if (lab_exists(l, "node_modules") && lab_run(l, "node --version") == 0)
		return;
	print_message("skipped: tuf-js is not here (npm or its registry was not)\n");
	skip();
}

/* A product with two channels; tuf-js gets the root as any device does. */
static void
make_repository(const char *options)
{
	lab_ok(l, "rm -rf repo* m out && mkdelta init -q repo --channel stable --channel "
	    "beta %s && mkdir m out && cp repo/metadata/1.root.json m/root.json", options);
	lab_fill(l, "t/bin/app", 100000, 1);
	for (int i = 1; i <= 2; i++)
		lab_ok(l, "echo %d > t/n; mkdelta release -q repo t", i);
	lab_serve(l, "repo", NULL);
}

static void
tuf_js(int status, const char *targets)
{
	lab_expect(l, status, "node tuf.mjs m http://127.0.0.1:%d out %s", l->port,
	    targets);
}

static void
same(const char *got, const char *object)
{
	lab_ok(l, "cmp out/%s repo/targets/%s", got, object);
}

static void
check_reads(const char *options)
{
	make_repository(options);
	tuf_js(0, "2/any.tree.zst 2/any.tar.zst 2/any.from-1.delta");
	same("2_any.tree.zst", "2/*.any.tree.zst");
	same("2_any.tar.zst", "2/*.any.tar.zst");
	same("2_any.from-1.delta", "2/*.any.from-1.delta");
	lab_ok(l, "cmp m/timestamp.json repo/metadata/timestamp.json");
	tuf_js(2, "7/any.tree.zst");
}

static void
tuf_js_reads_a_repository_of_mkdelta(void **state)
{
	(void)state;
	need_tuf_js();
	check_reads("");
}

static void
tuf_js_reads_one_of_p256_keys(void **state)
{
	(void)state;
	need_tuf_js();
	check_reads("--key-type p256");
}

/* Every key is another one; then a release that a channel got from another. */
static void
tuf_js_follows_a_rotation_of_every_key_and_a_channel(void **state)
{
	static const char *const roles[] = { "online", "root", "targets", "stable" };

	(void)state;
	need_tuf_js();
	make_repository("--root-keys 1");
	tuf_js(0, "2/any.tree.zst");
	for (int i = 0; i < 4; i++) {
		char target[32];

		lab_ok(l, "mkdelta key rotate -q repo %s && echo r%d > t/n && "
		    "mkdelta release -q repo t", roles[i], i);
		(void)snprintf(target, sizeof target, "%d/any.tree.zst", i + 3);
		tuf_js(0, target);
	}
	lab_ok(l, "mkdelta promote -q repo 6 --to beta && mkdelta key rotate -q repo beta "
	    "&& echo beta > t/n && mkdelta release -q repo t --channel beta && "
	    "mkdelta verify repo");
	tuf_js(0, "6/any.tree.zst 7/any.tree.zst 7/any.from-6.delta");
	same("7_any.tree.zst", "7/*.any.tree.zst");
	same("7_any.from-6.delta", "7/*.any.from-6.delta");
	lab_ok(l, "cmp m/root.json \"$(ls repo/metadata/*.root.json | sort -V | "
	    "tail -n 1)\" && test -e m/beta.any.json");
}

/* What makes it say no must be there, else it would prove nothing above. */
static void
tuf_js_refuses_what_was_not_signed(void **state)
{
	(void)state;
	need_tuf_js();
	make_repository("");
	lab_ok(l, "for f in repo/targets/2/*.tree.zst; do printf x | "
	    "dd of=$f bs=1 seek=9 conv=notrunc status=none; done");
	tuf_js(1, "2/any.tree.zst");
	lab_ok(l, "cp repo/metadata/timestamp.json t1 && mkdelta refresh -q repo");
	tuf_js(0, "");
	lab_ok(l, "cp t1 repo/metadata/timestamp.json");
	tuf_js(1, "");
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(tuf_js_reads_a_repository_of_mkdelta),
		FLOW(tuf_js_reads_one_of_p256_keys),
		FLOW(tuf_js_follows_a_rotation_of_every_key_and_a_channel),
		FLOW(tuf_js_refuses_what_was_not_signed),
	};

	return cmocka_run_group_tests_name("tuf-js", tests, NULL, NULL);
}
