#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/cut/campaign.h"

/*
 * The process dies at every change of the disk, in kill and in power mode
 * (tests/cut/cut.h).  CUT_ALL=1 tries every point; else each scene stays below
 * its share of CUT_SECONDS (default 140) by leaving points out, evenly.
 */
enum { SHOW_MAX = 5, SCENES = 4 };

static unsigned kills, powers;

static const char conf[] =
    "[app]\nname = cut\nroot = %s/dev/app\nurl = file://%s/repo\n"
    "state = %s/dev/state\nrun = %s/dev/run\n"
    "[trust]\nroot = %s/root.json\n"
    "[service]\nstart = cd %s && ./service > dev/svc\nstop = rm -f %s/dev/svc\n"
    "[hooks]\nbackup = %s/hook backup\nmigrate = %s/hook migrate\n"
    "restore = %s/hook restore\n"
    "[health]\ncommand = %s/healthy\nhold = 0\nretries = 0\ninterval = 0\n";

static void
make_trees(struct lab *l)
{
	lab_ok(l, "mkdir -p 1/bin 1/lib 1/empty 1/doc/old &&"
	    " seq 1 9000 > 1/lib/a && seq 1 5000 > 1/lib/b &&"
	    " echo one > 1/doc/old/text && echo '#!/bin/sh' > 1/bin/app &&"
	    " chmod 755 1/bin/app && ln -s ../lib/a 1/bin/a &&"
	    " : > 1/lib/zero && echo same > 1/same && ln 1/same 1/same-too");
	lab_ok(l, "cp -a 1 2 && seq 1 9010 > 2/lib/a && echo new > 2/lib/new &&"
	    " rm -r 2/lib/b 2/doc/old && ln -sfn ../lib/new 2/bin/a && mkdir 2/doc/new &&"
	    " echo two > 2/doc/new/text && echo exit >> 2/bin/app &&"
	    " chmod 700 2/bin/app");
}

static void
make_scripts(struct lab *l)
{
	/* What the service would run from. */
	lab_write(l, "service", "#!/bin/sh\nfor tree in current .; do\n"
	    "	cat %s/dev/app/$tree/.delta/record.json 2> /dev/null && exit\ndone\n"
	    "true\n", l->dir);
	/* The service runs from what is live, and, to order, that is release 1. */
	lab_write(l, "healthy", "#!/bin/sh\ncd %s && ./service | cmp - dev/svc || exit\n"
	    "test -z \"$1\" || ls -A dev/app/current/doc/old\n", l->dir);
	/* Data that only the release that wrote them can read. */
	lab_write(l, "hook", "#!/bin/sh\ncd %s || exit\ncase $1 in\n"
	    "backup) test ! -e dev/data || cp dev/data $DELTA_BACKUP_DIR/ ;;\n"
	    "migrate) echo $DELTA_TO > dev/data ;;\n"
	    "restore) rm -f dev/data; test ! -e $DELTA_BACKUP_DIR/data ||"
	    " cp $DELTA_BACKUP_DIR/data dev/ ;;\nesac\n", l->dir);
	lab_ok(l, "chmod 755 service healthy hook");
}

static int
setup(void **state)
{
	struct lab *l;
	const char *d;

	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	*state = l = lab_open();
	d = l->dir;
	make_trees(l);
	make_scripts(l);
	lab_write(l, "app.conf", conf, d, d, d, d, d, d, d, d, d, d, d);
	lab_ok(l, "mkdelta init repo && mkdelta release repo 1 &&"
	    " mkdelta release repo 2 && cp repo/metadata/1.root.json root.json &&"
	    " mkdir dev && cp -a dev dev-0");
	lab_ok(l, "delta-apply --config app.conf update --to 1 && cp -a dev dev-1");
	lab_ok(l, "rm -r dev && mkdir dev && delta-apply --config app.conf"
	    " --set app.swap=exchange update --to 1 && cp -a dev dev-x");
	return 0;
}

static int
teardown(void **state)
{
	lab_close(*state);
	return 0;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One point; what is wrong goes to standard error.  1 wrong, 0. */
static unsigned
try_one(struct lab *l, const struct scene *s, const struct point *p, unsigned before)
{
	const char *wrong = scene_try(l, s, p);

	if (p->power)
		powers++;
	else
		kills++;
	if (wrong == NULL)
		return 0;
	if (before < SHOW_MAX)
		print_error("%s, %s %u, seed %u, again %u, before: %s\n%s\n", s->name,
		    p->power ? "power" : "kill", p->at, p->seed, p->again,
		    s->call[p->at], wrong);
	return 1;
}

/* The points, evenly spread however many are taken: 0, 1/2, 1/4, 3/4, 1/8... */
static unsigned
spread(unsigned i, unsigned bits)
{
	unsigned turned = 0;

	for (; bits > 0; bits--, i >>= 1)
		turned = turned << 1 | (i & 1);
	return turned;
}

enum { KILL, POWER, POWER_SEED, TWICE, WAYS };

static struct point
point_of(const struct scene *s, unsigned at, unsigned way)
{
	struct point p = { .at = at, .power = way != KILL };

	if (way == POWER_SEED || way == TWICE)
		p.seed = at * WAYS + way;
	/* Some other place, the same each time. */
	if (way == TWICE)
		p.again = 1 + p.seed * 2654435761u % s->calls;
	return p;
}

/* Is it worth a try?  On RUN there is nothing for the power to take, and of
 * those calls a killed process leaves less than the next call tells. */
static bool
worth(const struct scene *s, const struct point *p)
{
	if (p->at < 1 || p->at > s->calls + 1)
		return false;
	return !s->volatile_call[p->at] || (!p->power && getenv("CUT_ALL") != NULL);
}

static double
seconds_each(void)
{
	const char *given = getenv("CUT_SECONDS");

	if (getenv("CUT_ALL") != NULL)
		return 1e9;
	return (given == NULL ? 140 : strtod(given, NULL)) / SCENES;
}

static void
campaign(struct lab *l, struct scene *s)
{
	unsigned wrong = 0, tried = 0, bits = 1;
	double began = now();

	scene_begin(l, s);
	while (1u << bits < s->calls + 2)
		bits++;
	for (unsigned i = 0; i >> bits < WAYS && now() - began < seconds_each(); i++) {
		struct point p = point_of(s, spread(i / WAYS, bits), i % WAYS);

		if (!worth(s, &p))
			continue;
		wrong += try_one(l, s, &p, wrong);
		tried++;
	}
	scene_end(s);
	print_message("# %s: %u calls, %u points, %.0f s\n", s->name, s->calls, tried,
	    now() - began);
	assert_int_equal(wrong, 0);
}

static void
an_update_is_old_or_new_and_completes(void **state)
{
	static struct scene s = { .name = "update", .device = "dev-1",
		.command = "update", .settings = "" };

	campaign(*state, &s);
}

static void
a_rollback_is_old_or_new_and_completes(void **state)
{
	static struct scene s = { .name = "rollback", .device = "dev-1",
		.command = "update", .stays = true,
		.settings = "--set \"health.command=$PWD/healthy old\"" };

	campaign(*state, &s);
}

static void
a_first_install_is_nothing_or_new_and_completes(void **state)
{
	static struct scene s = { .name = "install", .device = "dev-0",
		.command = "update", .settings = "" };

	campaign(*state, &s);
}

static void
an_exchange_is_old_or_new_and_completes(void **state)
{
	static struct scene s = { .name = "exchange", .device = "dev-x",
		.command = "update", .settings = "--set app.swap=exchange",
		.exchange = true };

	campaign(*state, &s);
}

/* Without one kind of sync the power has to break something somewhere behind the
 * switch; a rig that does not see that proves nothing. */
static const struct control {
	const char *drop;
	const char *wrong;	/* part of what has to be found */
} controls[] = {
	{ "fsync:/dev/app", "the journal said start, but the old tree is live" },
	{ "syncfs", "neither the old nor the new tree" },
	{ "fsync:/dev/state/journal", "live before its switch" },
	{ "fsync:/dev/state/spool", "other names are left" },
	{ "fsync:/dev/state", "other names are left" },
};

static bool
is_noticed(struct lab *l, const struct scene *s, const struct control *c)
{
	bool switched = false;

	for (unsigned at = 1; at <= s->calls + 1; at++) {
		struct point p = { .at = at, .power = true, .drop = c->drop };
		const char *wrong;

		switched = switched || strstr(s->call[at], "/app/current") != NULL;
		if (!switched || s->volatile_call[at])
			continue;
		wrong = scene_try(l, s, &p);
		if (wrong != NULL && strstr(wrong, c->wrong) != NULL)
			return true;
	}
	return false;
}

static void
a_sync_that_is_left_out_is_noticed(void **state)
{
	static struct scene s = { .name = "control", .device = "dev-1",
		.command = "update", .settings = "" };
	unsigned missed = 0;

	scene_begin(*state, &s);
	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
		if (is_noticed(*state, &s, &controls[i]))
			continue;
		print_error("nothing is wrong without %s\n", controls[i].drop);
		missed++;
	}
	scene_end(&s);
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_that_is_left_out_is_noticed),
		cmocka_unit_test(an_update_is_old_or_new_and_completes),
		cmocka_unit_test(a_rollback_is_old_or_new_and_completes),
		cmocka_unit_test(a_first_install_is_nothing_or_new_and_completes),
		cmocka_unit_test(an_exchange_is_old_or_new_and_completes),
	};
	int failed = cmocka_run_group_tests_name("cut", tests, setup, teardown);

	(void)printf("# figure: cut points tried: %u (kill %u, power %u)\n",
	    kills + powers, kills, powers);
	return failed;
}
