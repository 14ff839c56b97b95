#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/sign.h"
#include "tests/lab/fixture.h"

#include "tests/lab/drill.h"

struct thief thief;

void
drill_says(const char *who, const char *fmt, ...)
{
	const char *path = getenv("DRILLS");
	FILE *out = path == NULL ? NULL : fopen(path, "a");
	va_list ap;

	if (out == NULL)
		return;
	(void)fprintf(out, "%-9s", who);
	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap);
	va_end(ap);
	(void)fprintf(out, "\n");
	(void)fclose(out);
}

static void runs(const char *who, const char *tail, const char *fmt, va_list)
    __attribute__((format(printf, 3, 0)));

static void
runs(const char *who, const char *tail, const char *fmt, va_list ap)
{
	char command[512];

	(void)vsnprintf(command, sizeof command, fmt, ap);
	lab_ok(l, "%s%s", command, tail);
	drill_says(who, "$ %s%s", command, tail);
}

void
owner_runs(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	runs("owner", "", fmt, ap);
	va_end(ap);
}

void
thief_runs(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	runs("thief", " --keys stolen", fmt, ap);
	va_end(ap);
}

void
steals(const char *key)
{
	char path[128];

	(void)snprintf(path, sizeof path, "repo.keys/%s", key);
	lab_ok(l, "mkdir -p -m 700 stolen && cp %s stolen", path);
	thief_steal(&thief, path);
	drill_says("thief", "has %s", key);
}

void
thief_lists_it(uint64_t version)
{
	thief_put(&thief, "snapshot", version);
	thief_put(&thief, "timestamp", version);
}

void
owner_publishes(void)
{
	lab_ok(l, "rm -rf host && delta-host publish -q repo host");
	drill_says("owner", "$ delta-host publish repo host");
	thief.host = "host";
}

void
device_runs(const char *name, unsigned release)
{
	char text[32];

	lab_ok(l, "delta-apply --config %s.conf version && delta-apply --config %s.conf "
	    "verify -q", name, name);
	(void)snprintf(text, sizeof text, "demo %u ", release);
	lab_must_say(l, text);
	drill_says("device", "%s runs release %u", name, release);
}

void
device(const char *name, int status, const char *words)
{
	char *line, *end;

	lab_expect(l, status, "delta-apply --config %s.conf update", name);
	if (words != NULL)
		lab_must_say(l, words);
	line = l->err_len > 0 ? l->err : l->out;
	while ((end = strchr(line, '\n')) != NULL && end[1] != '\0')
		line = end + 1;
	drill_says("device", "%s: %.*s (status %d)", name, (int)strcspn(line, "\n"), line,
	    status);
}

static void
configure(const char *name)
{
	char file[16];

	(void)snprintf(file, sizeof file, "%s.conf", name);
	lab_write(l, file, "[app]\nname = demo\nroot = %s/%s/demo\nurl = file://%s/host\n"
	    "state = %s/%s/state\nrun = %s/%s/run\n[trust]\nroot = %s/first.root.json\n"
	    "[net]\nretries = 0\n", l->dir, name, l->dir, l->dir, name, l->dir, name,
	    l->dir);
}

int
drill_open(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo --channel stable --channel beta --root-keys 3 "
	    "--threshold 2 && mkdelta key new -q repo halt");
	lab_fill(l, "t/app", 50000, 1);
	lab_ok(l, "mkdelta release -q repo t && cp repo/metadata/1.root.json "
	    "first.root.json && cp -a t evil && echo evil > evil/evil");
	lab_ok(l, "delta-host publish -q repo host");
	configure("a");
	configure("b");
	configure("c");
	lab_ok(l, "for i in a b; do delta-apply --config $i.conf update -q; done");
	thief = (struct thief){ .l = l, .host = "host" };
	return 0;
}

int
drill_close(void **state)
{
	thief_end(&thief);
	return close_lab(state);
}

void
drill_begins(const char *what)
{
	drill_says("", "%s", "");
	drill_says("==", "%s", what);
}

void
owner_releases(unsigned number)
{
	lab_ok(l, "echo %u > t/n", number);
	owner_runs("mkdelta release -q repo t --number %u", number);
}

void
all_run(unsigned release)
{
	static const char *const names[] = { "a", "b", "c" };

	for (int i = 0; i < 3; i++) {
		device(names[i], 0, NULL);
		device_runs(names[i], release);
		lab_ok(l, "! test -e %s/demo/current/evil", names[i]);
	}
}

const char *
stolen_id(size_t i)
{
	static char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct err e = ERR_INIT;

	assert_int_equal(signer_id(thief.keys[i], &id, &e), 0);
	return sha256_hex(&id, hex);
}
