#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/data.h"
#include "apply/drive.h"
#include "apply/hooks.h"
#include "apply/memory.h"

#include "tests/lab/switch.h"

struct lab_device *switch_lab;
struct record switch_to;
char switch_lines[HOOK_COUNT][512];
static char words[8][300];

static char *
keep(int i, const char *fmt, const char *arg)
{
	(void)snprintf(words[i], sizeof words[i], "%s%s", arg, fmt);
	return words[i];
}

static void
configure(void)
{
	struct conf *c = &switch_lab->conf;

	c->name = keep(0, "", "demo");
	c->state = keep(1, "/state", switch_lab->dir);
	c->run = keep(2, "/run", switch_lab->dir);
	c->url = keep(3, "", "file:///nowhere");
	c->channel = keep(4, "", "stable");
	c->platform = keep(5, "", "any");
	c->trust_root = keep(6, "/no-root.json", switch_lab->dir);
	c->keep = 2;
	c->health_timeout_s = 5;
	c->health_interval_s = 0;
	c->health_retries = 0;
	c->health_hold_s = 0;
	c->service_timeout_s = 20;
}

void
switch_hook(enum hook h, const char *line)
{
	(void)snprintf(switch_lines[h], sizeof switch_lines[h],
	    "echo %s/$DELTA_STEP >> %s/LOG; %s", hook_name(h), switch_lab->dir, line);
	switch_lab->conf.hooks[h] = switch_lines[h];
	switch_lab->conf.hook_timeout_s[h] = 20;
}

void
switch_target(uint64_t release)
{
	struct err e = ERR_INIT;
	int fd = live_open_tree(&switch_lab->dev, release, &e);

	record_clear(&switch_to);
	if (fd == -1 || tree_record_read(fd, &switch_to, NULL, &e) == -1)
		fail_msg("%s", e.text);
	(void)close(fd);
}

const char *
switch_releases(void)
{
	return switch_lab->conf.swap == SWAP_SYMLINK ? "app/releases"
						     : ".app.delta/releases";
}

void
switch_release(int n)
{
	char path[64];

	lab_device_sh(switch_lab,
	    "mkdir -p %s/%d/lib && cd %s/%d && echo %d > number &&"
	    " echo same > lib/same && chmod 755 lib",
	    switch_releases(), n, switch_releases(), n, n);
	(void)snprintf(path, sizeof path, "%s/%d", switch_releases(), n);
	lab_device_sign(switch_lab, path, (uint64_t)n);
}

static int
open_with(enum swap_mode mode)
{
	struct err e = ERR_INIT;

	log_setup("test", LOG_QUIET);
	switch_lab = lab_device_open(mode, NULL);
	configure();
	(void)snprintf(switch_lab->dev.boot_id, sizeof switch_lab->dev.boot_id, "boot-a");
	switch_release(1);
	switch_release(2);
	switch_target(2);
	lab_device_sh(switch_lab, "mkdir -p app && : > LOG");
	if (mode == SWAP_EXCHANGE)
		lab_device_sh(switch_lab, "rmdir app");
	if (live_switch(&switch_lab->dev, 0, 1, &e) == -1)
		fail_msg("%s", e.text);
	return 0;
}

int
switch_open_symlink(void **state)
{
	(void)state;
	return open_with(SWAP_SYMLINK);
}

int
switch_open_exchange(void **state)
{
	(void)state;
	return open_with(SWAP_EXCHANGE);
}

int
switch_close(void **state)
{
	(void)state;
	record_clear(&switch_to);
	lab_device_close(switch_lab);
	return 0;
}

uint64_t
switch_live(void)
{
	struct err e = ERR_INIT;
	struct live l;

	memset(&l, 0, sizeof l);
	if (live_read(&switch_lab->dev, &l, &e) == LIVE_STUCK)
		fail_msg("%s", e.text);
	return l.release;
}

static enum step_result
idle(struct run *r, struct err *e)
{
	struct live l;

	memset(&l, 0, sizeof l);
	(void)live_read(r->dev, &l, e);
	if (l.release >= switch_to.release)
		return STEP_NOTHING;
	memset(&r->mark, 0, sizeof r->mark);
	r->mark.from = l.release;
	r->mark.from_listing = l.listing;
	r->mark.to = switch_to.release;
	r->mark.to_listing = switch_to.listing;
	return STEP_DONE;
}

static enum step_result
preflight(struct run *r, struct err *e)
{
	r->mark.schema_before = data_schema(r->dev, e);
	memset(&r->plan, 0, sizeof r->plan);
	if (record_copy(&r->plan.to, &switch_to, e) == -1)
		return STEP_FAIL;
	r->has_plan = true;
	return STEP_DONE;
}

static enum step_result
done(struct run *r, struct err *e)
{
	return hooks_prepare(r, e) == -1 ? STEP_FAIL : STEP_DONE;
}

int
switch_run_with(const struct switch_flags *f, char text[static 2048])
{
	struct step_row rows[STEP_COUNT];
	struct err e = ERR_INIT;
	struct run r;
	int status;

	memcpy(rows, drive_table(), sizeof rows);
	rows[STEP_IDLE].act = idle;
	rows[STEP_PREFLIGHT].act = preflight;
	rows[STEP_DOWNLOAD].act = rows[STEP_STAGE].act = rows[STEP_VERIFY].act = done;
	rows[STEP_WAIT].act = done;
	if (run_open(&r, &switch_lab->dev, &e) == -1)
		fail_msg("%s", e.text);
	r.recovering = f->recovering;
	status = f->rollback != NULL ? drive_rollback(&r, f->rollback, &e) :
	    drive_with(&r, rows, &e);
	(void)snprintf(text, 2048, "%s", e.text);
	run_close(&r);
	return status;
}

int
switch_run(void)
{
	static const struct switch_flags none;
	char text[2048];
	int status = switch_run_with(&none, text);

	if (getenv("TEST_TALK") != NULL)
		fprintf(stderr, "%d %s\n", status, text);
	return status;
}

void
switch_must_log(const char *want)
{
	struct buf got = BUF_INIT(65536);
	struct err e = ERR_INIT;
	char *p;

	assert_int_equal(fs_read_file(switch_lab->fd, "LOG", &got, &e), 0);
	for (p = (char *)got.data; p != NULL && *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
}

enum step
switch_marked(struct mark *out)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(switch_lab->dev.state, NULL, &e);
	struct mark m;

	memset(&m, 0, sizeof m);
	(void)journal_read(j, &m);
	journal_close(j);
	if (out != NULL)
		*out = m;
	return m.step;
}

bool
switch_quarantined(void)
{
	char reason[64];

	return quarantine_has(&switch_lab->dev, &switch_to, reason);
}

const char *
switch_last_result(void)
{
	static char result[32];
	struct err e = ERR_INIT;
	struct jv *list = history_list(&switch_lab->dev, &e);
	const char *text = jv_text(jv_get(jv_at(list, jv_count(list) - 1), "result"));

	(void)snprintf(result, sizeof result, "%s", text == NULL ? "" : text);
	jv_free(list);
	return result;
}

void
switch_all_hooks(void)
{
	int h;

	for (h = HOOK_STOP; h < HOOK_COUNT; h++)
		switch_hook((enum hook)h, "true");
}
