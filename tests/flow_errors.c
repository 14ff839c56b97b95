/*
 * Each system call of an update fails in turn, with each error it can have: the
 * device runs the old tree or the new one, the right exit status says so with the
 * reason, and the next run, on which nothing fails, comes to the same end as ever.
 *
 * ERRORS_ALL=1 tries all; else each scene stays below its share of ERRORS_SECONDS
 * (default 40) by leaving cases out, evenly.
 */
#include <errno.h>
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

#include "tests/cut/shape.h"
#include "tests/lab/lab.h"

enum { CASES_MAX = 20000, SHOW_MAX = 8, SHORT = 0, SCENES = 3, TEXT_MAX = 3000 };

struct one {
	unsigned call;
	int error;		/* SHORT: fewer bytes than asked for */
	char name[20];
};

struct scene {
	const char *name;
	const char *device;	/* the folder with the device as it was before */
	const char *words;	/* of the command */
	bool stays;		/* ends with the old tree and status 5 */

	struct shape before, after, end;
	char *names;		/* in the end */
	char *later;		/* after one more update */
	struct one cases[CASES_MAX];
	size_t n;
};

/* Nobody looks for leaks in a process that is traced already. */
#define TRACED "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 "
#define LATER "--url file://$PWD/repo-3 update"

static struct lab *l;
static unsigned tried;
static char said[TEXT_MAX];

static const char conf[] =
    "[app]\nname = err\nroot = %s/dev/app\nurl = file://%s/repo\n"
    "state = %s/dev/state\nrun = %s/dev/run\n[trust]\nroot = %s/root.json\n"
    "[service]\nstart = cd %s && ./service > dev/svc\nstop = rm -f %s/dev/svc\n"
    "[hooks]\nbackup = %s/hook backup\nmigrate = %s/hook migrate\n"
    "restore = %s/hook restore\n"
    "[health]\ncommand = %s/healthy\nhold = 0\nretries = 0\ninterval = 0\n";

static void
make_lab(void)
{
	const char *d = l->dir;

	lab_ok(l, "mkdir -p 1/bin 1/lib 1/empty && seq 1 3000 > 1/lib/a && "
	    "seq 1 2000 > 1/lib/b && ln -s ../lib/a 1/bin/a && echo same > 1/same && "
	    "cp -a 1 2 && seq 1 3010 > 2/lib/a && echo new > 2/lib/new && rm 2/lib/b && "
	    "chmod 700 2/lib && ln 2/same 2/too");
	lab_write(l, "service", "#!/bin/sh\ncat %s/dev/app/current/.delta/record.json\n",
	    d);
	lab_write(l, "healthy", "#!/bin/sh\ncd %s && ./service | cmp - dev/svc || exit\n"
	    "test ! -e unhealthy || test ! -e dev/app/current/lib/new\n", d);
	lab_write(l, "hook", "#!/bin/sh\ncd %s || exit\ncase $1 in\n"
	    "backup) test ! -e dev/data || cp dev/data $DELTA_BACKUP_DIR/ ;;\n"
	    "migrate) echo $DELTA_TO > dev/data ;;\n"
	    "restore) rm -f dev/data; test ! -e $DELTA_BACKUP_DIR/data ||"
	    " cp $DELTA_BACKUP_DIR/data dev/ ;;\nesac\n", d);
	lab_write(l, "app.conf", conf, d, d, d, d, d, d, d, d, d, d, d);
	lab_ok(l, "chmod 755 service healthy hook && mkdelta init -q repo && "
	    "mkdelta release -q repo 1 && mkdelta release -q repo 2 && "
	    "cp -a repo repo-3 && cp -a repo.keys repo-3.keys && cp -a 1 3 && "
	    "mkdelta release -q repo-3 3 && "
	    "cp repo/metadata/1.root.json root.json && mkdir dev && cp -a dev dev-0 && "
	    "delta-apply -q --config app.conf update --to 1 && cp -a dev dev-1");
}

static int
setup(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	l = lab_open();
	make_lab();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(l);
	return 0;
}

/* The errors that a call may have; ends with -1. */
static const int *
errors_of(const char *call, bool writes)
{
	static const struct {
		const char *calls;
		int errors[7];
	} kinds[] = {
		{ " read pread64 readv ", { EIO, EINTR, SHORT, -1 } },
		{ " write pwrite64 writev ", { ENOSPC, EDQUOT, EIO, EINTR, SHORT, -1 } },
		{ " mkdirat symlinkat linkat renameat renameat2 ",
		    { ENOSPC, EDQUOT, EROFS, EIO, -1 } },
		{ " unlinkat fchmod fchmodat fchown fchownat utimensat fsetxattr ",
		    { EROFS, EIO, -1 } },
		{ " ftruncate fallocate copy_file_range ", { ENOSPC, EIO, -1 } },
		{ " fsync fdatasync syncfs ", { EIO, ENOSPC, EDQUOT, -1 } },
		{ " clone clone3 vfork ", { EAGAIN, ENOMEM, -1 } },
		{ " pipe2 socket socketpair dup dup2 dup3 eventfd2 ", { EMFILE, -1 } },
		{ " flock fcntl ", { ENOLCK, -1 } },
		{ " poll ppoll wait4 waitid ", { EINTR, -1 } },
		{ " getrandom ", { EINTR, -1 } },
		{ " sendmsg recvmsg ", { EIO, EINTR, ENOMEM, -1 } },
	};
	static const int open_reads[] = { EMFILE, EIO, -1 };
	static const int open_writes[] = { EMFILE, EIO, ENOSPC, EROFS, -1 };
	static const int other[] = { EIO, -1 };
	char word[24];

	(void)snprintf(word, sizeof word, " %s ", call);
	if (strncmp(call, "open", 4) == 0)
		return writes ? open_writes : open_reads;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strstr(kinds[i].calls, word) != NULL)
			return kinds[i].errors;
	return other;
}

static void
read_cases(struct scene *s)
{
	char *calls = lab_read(l, "calls"), *rest = calls, *line;

	assert_non_null(calls);
	s->n = 0;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		struct one one;
		int writes;

		assert_int_equal(sscanf(line, "%19s %u %d", one.name, &one.call, &writes),
		    3);
		for (const int *x = errors_of(one.name, writes != 0); *x != -1; x++) {
			assert_true(s->n < CASES_MAX);
			one.error = *x;
			s->cases[s->n++] = one;
		}
	}
	free(calls);
	assert_true(s->n > 500);
}

static struct shape
live(void)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/dev/app/current", l->dir);
	return shape_of(path);
}

static char *
names(void)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/dev", l->dir);
	return shape_names(path);
}

static int
run(const char *before, const char *words)
{
	return lab_run(l, "%s delta-apply --config app.conf %s", before, words);
}

static void
begin(struct scene *s)
{
	lab_ok(l, "rm -rf dev unhealthy && cp -a %s dev", s->device);
	s->before = live();
	assert_int_equal(run("", s->words), 0);
	s->after = live();
	lab_ok(l, "rm -rf dev && cp -a %s dev && test %d = 0 || touch unhealthy", s->device,
	    s->stays);
	if (run(TRACED "$BIN/../tests/rigs/errat -c app.conf 9> calls", s->words) !=
	    (s->stays ? 5 : 0))
		fail_msg("%s: status %d: %s", s->name, l->status, l->err);
	s->end = live();
	assert_int_equal(run("", "update"), 0);
	s->names = names();
	assert_int_equal(run("", LATER), 0);
	s->later = names();
	read_cases(s);
}

static const char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *
say(const char *fmt, ...)
{
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(said, sizeof said, fmt, ap);
	va_end(ap);
	len = strlen(said);
	(void)snprintf(said + len, sizeof said - len, " (status %d)\n%.1500s", l->status,
	    l->err);
	return said;
}

/* Fewer bytes, or an interruption, are no error. */
static bool
is_harmless(const struct one *x)
{
	return x->error == SHORT || x->error == EINTR;
}

/* The status fits what went wrong here, on this machine: it is not the fault of the
 * host (3), of what was signed (4) or of the person who asked (2). */
static const char *
check_status(const struct scene *s, const struct one *x)
{
	bool room = x->error == ENOSPC || x->error == EDQUOT;

	if (l->status == (s->stays ? 5 : 0))
		return NULL;
	if (is_harmless(x))
		return say("what is no error is taken for one");
	if (l->status != 1 && l->status != 5 && !(room && l->status == 7))
		return say("the wrong status");
	if (strstr(l->err, strerror(x->error)) == NULL &&
	    !(x->error == ENOMEM && strstr(l->err, "memory") != NULL))
		return say("the reason is not said");
	return NULL;
}

static const char *
check_live(const struct scene *s)
{
	struct shape now = live();

	if (shape_equal(&now, &s->before) || shape_equal(&now, &s->after))
		return NULL;
	return say("neither the old nor the new tree");
}

/* What could not be cleared away goes with the next update at the latest. */
static const char *
check_names(const struct scene *s)
{
	char *left = names(), *later;
	bool same = strcmp(left, s->names) == 0;

	lab_write_bytes(l, "left", left, strlen(left));
	lab_write_bytes(l, "right", s->names, strlen(s->names));
	free(left);
	if (same)
		return NULL;
	if (run("", LATER) != 0)
		return say("one more update");
	later = names();
	same = strcmp(later, s->later) == 0;
	free(later);
	if (same)
		return NULL;
	(void)lab_run(l, "diff right left >&2");
	return say("other names are left");
}

/* Until all is done; what a failing disk had quarantined is tried again. */
static const char *
finish(const struct scene *s)
{
	struct shape now;

	for (int i = 0; i < 3; i++) {
		(void)run("", i < 2 ? "update" : "update --retry");
		if (l->status != 0 && l->status != 5)
			return say("the next run");
		now = live();
		if (l->status == 0 && shape_equal(&now, &s->end))
			break;
	}
	now = live();
	if (!shape_equal(&now, &s->end))
		return say("it ends with the wrong tree");
	if (lab_run(l, "./service | cmp - dev/svc >&2") != 0)
		return say("the service does not run from what is live");
	return check_names(s);
}

static const char *
try_one(const struct scene *s, const struct one *x)
{
	char before[200];
	const char *wrong;

	lab_ok(l, "rm -rf dev && cp -a %s dev", s->device);
	(void)snprintf(before, sizeof before, TRACED "timeout -s KILL 30 "
	    "$BIN/../tests/rigs/errat %s %u %d app.conf", x->name, x->call, x->error);
	(void)run(before, s->words);
	tried++;
	if ((wrong = check_status(s, x)) == NULL && (wrong = check_live(s)) == NULL)
		wrong = finish(s);
	return wrong;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(void)
{
	const char *given = getenv("ERRORS_SECONDS");

	if (getenv("ERRORS_ALL") != NULL)
		return 1e9;
	return (given == NULL ? 40 : strtod(given, NULL)) / SCENES;
}

static void
sweep(struct scene *s)
{
	/* A stride without a common factor sees every case once, evenly. */
	size_t stride = 7919, i = 0, done = 0;
	unsigned wrong = 0;
	double began = now();

	if (lab_run(l, "$BIN/../tests/rigs/errat -c none true") != 0) {
		print_message("skipped: no ptrace for x86-64 here\n");
		skip();
	}
	begin(s);
	while (s->n % stride == 0)
		stride += 2;
	for (; done < s->n && now() - began < seconds(); done++) {
		const char *bad = try_one(s, &s->cases[i]);

		if (bad != NULL && wrong++ < SHOW_MAX)
			print_error("%s: %s %u, %s: %s\n", s->name, s->cases[i].name,
			    s->cases[i].call, s->cases[i].error == SHORT ? "short" :
			    strerror(s->cases[i].error), bad);
		i = (i + stride) % s->n;
	}
	print_message("# %s: %zu of %zu cases, %u wrong, %.0f s\n", s->name, done, s->n,
	    wrong, now() - began);
	free(s->names);
	free(s->later);
	assert_int_equal(wrong, 0);
}

static void
an_update_survives_every_error_of_every_call(void **state)
{
	static struct scene s = { .name = "update", .device = "dev-1",
		.words = "update" };

	(void)state;
	sweep(&s);
}

static void
a_first_install_survives_every_error_of_every_call(void **state)
{
	static struct scene s = { .name = "install", .device = "dev-0",
		.words = "update" };

	(void)state;
	sweep(&s);
}

static void
a_rollback_survives_every_error_of_every_call(void **state)
{
	static struct scene s = { .name = "rollback", .device = "dev-1",
		.words = "update", .stays = true };

	(void)state;
	sweep(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update_survives_every_error_of_every_call),
		cmocka_unit_test(a_first_install_survives_every_error_of_every_call),
		cmocka_unit_test(a_rollback_survives_every_error_of_every_call),
	};
	int failed = cmocka_run_group_tests_name("errors", tests, setup, teardown);

	(void)printf("# figure: errors of system calls tried: %u\n", tried);
	return failed;
}
