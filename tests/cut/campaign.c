#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "apply/journal.h"

#include "tests/cut/cut.h"

#include "tests/cut/campaign.h"

enum { UPDATES_MAX = 3, SAY_MAX = 4000 };

static char said[SAY_MAX];

static const char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(said, sizeof said, fmt, ap);
	va_end(ap);
	return said;
}

static const char *
say_run(const struct lab *l, const char *what)
{
	return say("%s: status %d\n%.1500s%.1500s", what, l->status, l->out, l->err);
}

/* The program that can be cut, over the lab's device. */
static int
run(struct lab *l, const struct scene *s, const char *environment, const char *words)
{
	return lab_run(l, "%s CUT_BOOT=%s/boot exec $BIN/../tests/cut/delta-apply"
	    " --config app.conf %s %s", environment, l->dir, words, s->settings);
}

/* Uncut, and without waiting for a real disk. */
static int
run_whole(struct lab *l, const struct scene *s, const char *words)
{
	return run(l, s, "CUT_MODE=kill", words);
}

static void
restore(struct lab *l, const struct scene *s)
{
	lab_ok(l, "rm -rf dev && cp -a %s dev && printf boot > boot",
	    s->device);
}

static struct shape
live_shape(const struct lab *l, const struct scene *s)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/dev/app%s", l->dir,
	    s->exchange ? "" : "/current");
	return shape_of(path);
}

static void
read_data(struct lab *l, char out[static 16])
{
	char *text = lab_read(l, "dev/data");

	(void)snprintf(out, 16, "%s", text == NULL ? "" : text);
	free(text);
}

static char *
all_names(const struct lab *l)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/dev", l->dir);
	return shape_names(path);
}

static void
read_calls(struct lab *l, struct scene *s)
{
	char *log = lab_read(l, "log"), *line, *rest = log;

	assert_non_null(log);
	s->calls = 0;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		assert_true(s->calls + 1 < CALLS_MAX);
		s->calls++;
		s->volatile_call[s->calls] = strstr(line, "/dev/run/") != NULL;
		(void)snprintf(s->call[s->calls], CALL_TEXT_MAX, "%s", line);
	}
	(void)snprintf(s->call[s->calls + 1], CALL_TEXT_MAX, "the end");
	free(log);
}

void
scene_begin(struct lab *l, struct scene *s)
{
	int status = s->stays ? 5 : 0;

	if (s->stays) {		/* what it would come to if all went well */
		struct scene well = *s;

		well.settings = "";
		restore(l, s);
		assert_int_equal(run_whole(l, &well, s->command), 0);
		s->after = live_shape(l, s);
		read_data(l, s->data_after);
	}
	restore(l, s);
	s->before = live_shape(l, s);
	read_data(l, s->data_before);
	if (run(l, s, "CUT_MODE=kill CUT_LOG=log", s->command) != status)
		fail_msg("%s: %s", s->name, say_run(l, "uncut"));
	read_calls(l, s);
	s->end = live_shape(l, s);
	if (!s->stays) {
		s->after = s->end;
		read_data(l, s->data_after);
	}
	assert_int_equal(s->stays, shape_equal(&s->before, &s->end));
	if (run_whole(l, s, "update") != 0)
		fail_msg("%s: %s", s->name, say_run(l, "again"));
	s->names = all_names(l);
}

void
scene_end(struct scene *s)
{
	free(s->names);
	s->names = NULL;
}

/* The newest mark of a journal; false: none. */
static bool
read_mark(const struct lab *l, const char *folder, struct mark *m)
{
	char path[400];
	struct err e = ERR_INIT;
	struct journal *j;
	bool there, lost;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, folder);
	if ((fd = fs_open_dir(path, &e)) == -1)
		return false;
	j = journal_open(fd, &lost, &e);
	there = j != NULL && journal_read(j, m);
	journal_close(j);
	(void)close(fd);
	return there;
}

/* Old or new, and never less than what was promised. */
static const char *
check_live(struct lab *l, const struct scene *s, const struct mark *seen, bool ended)
{
	struct shape now = live_shape(l, s);
	bool is_new = shape_equal(&now, &s->after);
	bool is_old = shape_equal(&now, &s->before);

	if (!is_new && !is_old)
		return say("what is live is neither the old nor the new tree");
	if (ended && !shape_equal(&now, &s->end))
		return say("the command had ended, but its end did not last");
	if (seen == NULL)
		return NULL;
	if (seen->step > STEP_SWAP && seen->step < STEP_ROLLBACK && !is_new)
		return say("the journal said %s, but the old tree is live",
		    step_name(seen->step));
	if (seen->step == STEP_ROLLBACK && seen->reverted && !is_old)
		return say("the journal said reverted, but the new tree is live");
	if (seen->step > STEP_IDLE && seen->step < STEP_SWAP && !is_old)
		return say("the journal said %s, but the new tree is live",
		    step_name(seen->step));
	return NULL;
}

/* Before the application starts, it has to find the data that it can read. */
static const char *
check_data(struct lab *l, const struct scene *s)
{
	struct shape now = live_shape(l, s);
	char data[16];

	read_data(l, data);
	if (strcmp(data, shape_equal(&now, &s->after) ? s->data_after :
	    s->data_before) == 0)
		return NULL;
	return say("the data do not fit what is live: %s", data);
}

/* Status 5 is right where the release is bad, and after a boot in the middle of a
 * migration, which nobody can go on with. */
static bool
may_go_back(const struct lab *l, const struct scene *s)
{
	return s->stays || lab_said(l, "the next run tries again");
}

/* Another boot: RUN is empty, the switch is settled, then the application comes. */
static const char *
boot(struct lab *l, const struct scene *s)
{
	const char *wrong;

	lab_ok(l, "rm -rf dev/run dev/svc && printf x >> boot");
	if (run_whole(l, s, "recover") != 0 && !(s->stays && l->status == 5))
		return say_run(l, "recover");
	if ((wrong = check_live(l, s, NULL, false)) != NULL)
		return wrong;
	if ((wrong = check_data(l, s)) != NULL)
		return wrong;
	lab_ok(l, "./service > dev/svc");
	return NULL;
}

/* `update` as cron runs it, until nothing is left to do. */
static const char *
finish(struct lab *l, const struct scene *s)
{
	for (int i = 0; i < UPDATES_MAX; i++) {
		const char *wrong;

		(void)run_whole(l, s, "update");
		if (l->status != 0 && !(l->status == 5 && may_go_back(l, s)))
			return say_run(l, "update");
		if ((wrong = check_live(l, s, NULL, false)) != NULL)
			return wrong;
		if (l->status == 0)
			return NULL;
	}
	return say_run(l, "the last update");
}

static const char *
check_end(struct lab *l, const struct scene *s)
{
	struct shape now = live_shape(l, s);
	char *names = all_names(l);
	struct mark m;

	if (!shape_equal(&now, &s->end)) {
		free(names);
		return say("it ends with the wrong tree");
	}
	if (strcmp(names, s->names) != 0) {
		(void)say("other names are left:\n%s-- instead of\n%s", names, s->names);
		lab_write_bytes(l, "names-left", names, strlen(names));
		lab_write_bytes(l, "names-right", s->names, strlen(s->names));
		free(names);
		(void)lab_run(l, "diff names-right names-left");
		return say_run(l, "other names are left");
	}
	free(names);
	if (check_data(l, s) != NULL)
		return said;
	if (lab_run(l, "./service | cmp - dev/svc") != 0)
		return say_run(l, "the service does not run from what is live");
	if (!read_mark(l, "dev/state", &m) || m.step != STEP_IDLE)
		return say("the journal is not idle");
	return NULL;
}

/* Run the words until they are cut; then another boot, if the power failed. */
static const char *
run_cut(struct lab *l, const struct scene *s, const struct point *p, const char *words)
{
	char environment[600];
	struct mark seen;
	const char *wrong;
	bool has_mark, ended;

	(void)snprintf(environment, sizeof environment,
	    "rm -rf seen stash; mkdir seen stash; CUT_MODE=%s CUT_AT=%u CUT_SEED=%u"
	    " CUT_STASH=stash CUT_KEEP=dev/state/journal CUT_KEEP_AS=seen/journal"
	    " CUT_DROP='%s'", p->power ? "power" : "kill", p->at, p->seed,
	    p->drop == NULL ? "" : p->drop);
	(void)run(l, s, environment, words);
	ended = l->status != CUT_STATUS;
	if (ended && l->status != 0 && !(l->status == 5 && may_go_back(l, s)))
		return say_run(l, "the cut run");
	has_mark = read_mark(l, "seen", &seen);
	wrong = check_live(l, s, has_mark ? &seen : NULL,
	    ended && strcmp(words, s->command) == 0 && l->status == (s->stays ? 5 : 0));
	return wrong == NULL && p->power ? boot(l, s) : wrong;
}

const char *
scene_try(struct lab *l, const struct scene *s, const struct point *p)
{
	struct point second = { .at = p->again, .power = p->again % 2 != 0,
		.seed = p->again };
	const char *wrong;

	restore(l, s);
	wrong = run_cut(l, s, p, s->command);
	if (wrong == NULL && p->again != 0)
		wrong = run_cut(l, s, &second, p->again % 4 == 0 ? "recover" : "update");
	if (wrong == NULL)
		wrong = finish(l, s);
	return wrong != NULL ? wrong : check_end(l, s);
}
