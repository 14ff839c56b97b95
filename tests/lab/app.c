#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/app.h"

void
app_configure(struct lab *l, const char *more)
{
	char url[400];

	if (l->port != 0)
		(void)snprintf(url, sizeof url, "http://127.0.0.1:%d", l->port);
	else
		(void)snprintf(url, sizeof url, "file://%s/repo", l->dir);
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\nurl = %s\n"
	    "state = %s/dev/state\nrun = %s/dev/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n[net]\nretries = 0\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n%s",
	    l->dir, url, l->dir, l->dir, l->dir, more);
}

void
app_releases(struct lab *l, size_t bytes)
{
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", bytes, 1);
	lab_ok(l, "mkdelta release -q --version v1.0 repo t");
	lab_write(l, "t/etc/conf", "two\n");
	lab_ok(l, "mkdelta release -q --version v1.1 repo t");
	lab_fill(l, "t/lib/three", 3000, 3);
	lab_ok(l, "mkdelta release -q --version v1.2 repo t");
}

void
app_runs(struct lab *l, unsigned release)
{
	char text[64];

	lab_ok(l, DELTA_APPLY "version");
	if (release == 0)
		(void)snprintf(text, sizeof text, "demo - -");
	else
		(void)snprintf(text, sizeof text, "demo %u ", release);
	lab_must_say(l, text);
	if (release != 0)
		lab_ok(l, DELTA_APPLY "verify");
}

void
app_remember(struct lab *l, const char *file)
{
	lab_ok(l, "find dev -path dev/run -prune -o -printf '%%p %%T@ %%C@ %%s %%l\\n' "
	    "| sort > %s", file);
}

void
app_unchanged_since(struct lab *l, const char *file)
{
	app_remember(l, ".now");
	lab_ok(l, "diff %s .now", file);
}

uint64_t
app_object_bytes(struct lab *l)
{
	/* nginx writes its log after the answer: the last line may be late. */
	lab_ok(l, "sleep 0.1; awk '/ \\/targets\\//{s += $4} END {print s + 0}' "
	    "nginx/access.log");
	return strtoull(l->out, NULL, 10);
}

uint64_t
app_number(const struct lab *l, const char *key)
{
	char text[64];
	const char *at;

	(void)snprintf(text, sizeof text, "\"%s\": ", key);
	if ((at = strstr(l->out, text)) == NULL)
		fail_msg("no %s in: %s", key, l->out);
	return strtoull(at + strlen(text), NULL, 10);
}
