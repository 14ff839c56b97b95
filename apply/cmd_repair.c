/*
 * cmd_repair.c - what runs is made exactly what was signed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"

#include "apply/commands.h"
#include "apply/differences.h"
#include "apply/drive.h"
#include "apply/fetch.h"
#include "apply/repair.h"
#include "apply/service.h"
#include "apply/state_json.h"
#include "apply/status.h"
#include "apply/switching.h"

static struct {
	bool dry_run;
} want;

static int
print_json(const struct repair *p, struct err *e)
{
	const struct run *r = p->run;
	struct jv *v = jv_new_object();

	json_put_text(&v, "name", r->dev->conf->name);
	json_put_u64(&v, "release", p->mend.release);
	json_put_text(&v, "version", p->record.version);
	json_put_text(&v, "signed", p->is_signed ? "same" : "unknown");
	json_put_bool(&v, "repaired", p->swapped || (p->lost_note && !want.dry_run));
	json_put_bool(&v, "listing-damaged", p->lost_note);
	json_put_u64(&v, "from-here", p->mend.local);
	json_put_u64(&v, "from-host", p->mend.host);
	json_put_bool(&v, "whole-full", p->whole);
	json_put_u64(&v, "requests", r->requests);
	json_put_u64(&v, "received-bytes", r->bytes);
	differences_put(&p->report, &v);
	return commands_print(v, e);
}

/* "2 files from here, 1 from the host" */
static void
print_sources(const struct repair *p, const char *verb)
{
	const struct mend *m = &p->mend;

	if (m->local + m->host == 0)
		printf("  no content is missing\n");
	else
		printf("  %s content of %zu files from here, %zu from the host%s\n", verb,
		    m->local, m->host, p->whole ? " (the whole full)" : "");
}

static void
print_text(const struct repair *p)
{
	const char *name = p->run->dev->conf->name;
	char bytes[BYTES_TEXT_MAX];

	differences_print(&p->report);
	if (p->lost_note)
		printf("%-10s  .delta/listing: is not what was signed\n", "content");
	printf("%s: release %" PRIu64 " (%s): ", name, p->mend.release, p->record.version);
	if (p->report.total == 0 && !p->lost_note) {
		printf("exactly as %s, nothing to repair\n",
		    p->is_signed ? "signed" : "installed");
		return;
	}
	printf("%" PRIu64 " differences, %s\n", p->report.total + p->lost_note,
	    want.dry_run ? "would be put right" :
	    p->swapped || p->report.total == 0 ? "put right" : "not put right");
	if (p->report.total > 0)
		print_sources(p, want.dry_run ? "would take" : "took");
	if (p->run->bytes > 0)
		printf("  received %s in %" PRIu64 " requests\n",
		    bytes_text(bytes, p->run->bytes), p->run->requests);
}

/* An earlier repair may have been cut off with the service stopped. */
static int
finish_earlier(struct run *r, struct err *e)
{
	int on = switching_is_on(r, e);

	if (on != 1)
		return on;
	if (service_start(r, true, e) == -1)
		return -1;
	return switching_off(r, e);
}

static int
work(struct repair *p, struct run *r, struct err *e)
{
	if (!want.dry_run && drive_make_idle(r, e) == -1)
		return -1;
	if (repair_look(p, r, e) == -1)
		return -1;
	if (want.dry_run)
		return p->report.total > 0 ? repair_count(p, e) : 0;
	if (p->report.total == 0 && !p->lost_note)
		return finish_earlier(r, e);
	if (repair_build(p, e) == -1)
		return -1;
	if (p->report.total > 0)
		return repair_swap(p, e);
	repair_tidy(p);
	return finish_earlier(r, e);
}

static void
say(struct repair *p, struct run *r, int rc, struct err *e)
{
	struct err why = ERR_INIT;

	if (r->fetch != NULL)
		fetch_counts(r->fetch, &r->requests, &r->bytes);
	if (p->listing != NULL && common.json && print_json(p, &why) == -1 && rc == 0)
		*e = why;
	else if (p->listing != NULL && !common.json)
		print_text(p);
	r->mark.step = STEP_IDLE;
	if (!want.dry_run)
		status_end(r, rc == 0 ? 0 : err_exit_status(e), rc == -1 ?
		    "repair-failed" : p->swapped ? "repaired" : "intact");
}

static int
repair(const struct conf *c, struct err *e)
{
	struct device d;
	struct repair p;
	struct run r;
	int rc = -1;

	memset(&p, 0, sizeof p);
	if (device_open(c, false, &d, e) == -1)
		return e->code == ERR_ABSENT ?
		    err_set(e, ERR_FAIL, "%s: nothing is installed", c->name) : -1;
	memset(&r, 0, sizeof r);
	if (device_lock(&d, e) == 0 && run_open(&r, &d, e) == 0) {
		if ((rc = work(&p, &r, e)) == 0)
			err_clear(e);
		say(&p, &r, rc, e);
		if (rc == -1)
			(void)err_wrap(e, "%s", c->name);
		repair_close(&p);
	}
	if (r.dev != NULL)
		run_close(&r);
	device_close(&d);
	return e->code == ERR_NONE ? 0 : -1;
}

static const struct opt options[] = { COMMON_OPTIONS,
	{ "dry-run", 'n', OPT_FLAG, &want.dry_run, NULL, "say what would be done" },
	JSON_OPTION, OPT_END };

static int
run_repair(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(repair, e);
}

const struct opt_command cmd_repair = {
	"repair", "", "make the installed tree exactly what was signed again",
	"Names each difference as verify does, builds the tree anew beside the damaged\n"
	"one, and exchanges both with the service stopped.  Content that is missing comes\n"
	"from other releases here, else in parts from the host.\n",
	options, 0, 0, run_repair
};
