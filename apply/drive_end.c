#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/fetch.h"
#include "apply/hooks.h"
#include "apply/status.h"

#include "apply/drive_end.h"

static void
set_end(struct run *r, const char *reason)
{
	(void)snprintf(r->reason, sizeof r->reason, "%s", reason);
}

void
drive_notify(struct run *r)
{
	struct err why = ERR_INIT;
	struct mark now = r->mark;

	if (r->recovering || r->dry_run)
		return;
	/* The journal is idle by then; it is told of what came to an end. */
	if (r->mark.to == 0) {
		r->mark.from = r->last.from;
		r->mark.to = r->last.to;
	}
	/* A shipped one comes from what is live by now. */
	if (hook_run(r, HOOK_NOTIFY, strcmp(r->reason, "rolled-back") == 0, &why) ==
	    HOOK_FAILED)
		log_warn("%s: %s", r->dev->conf->name, why.text);
	r->mark = now;
}

int
drive_say_switch(struct run *r)
{
	log_say("%s: %" PRIu64 " -> %" PRIu64 ": would go on with step %s",
	    r->dev->conf->name, r->mark.from, r->mark.to, step_name(r->mark.step));
	set_end(r, "dry-run");
	return 0;
}

int
drive_say_downloaded(struct run *r, const struct mark *was)
{
	log_say("%s: %" PRIu64 " -> %" PRIu64 ": downloaded; the next run goes on",
	    r->dev->conf->name, was->from, was->to);
	set_end(r, "downloaded");
	return 0;
}

int
drive_say_rolled_back(struct run *r, const struct mark *was, struct err *e)
{
	char back[48];

	if (was->from == 0)
		(void)snprintf(back, sizeof back, "nothing");
	else
		(void)snprintf(back, sizeof back, "%" PRIu64, was->from);
	if (was->manual) {
		log_say("%s: went back from %" PRIu64 " to %s; %" PRIu64
		    " is held until something newer or `resume`", r->dev->conf->name,
		    was->to, back, was->to);
		set_end(r, "manual-rollback");
		drive_notify(r);
		return 0;
	}
	set_end(r, "rolled-back");
	drive_notify(r);
	(void)err_set(e, ERR_POLICY, "release %" PRIu64 " was rolled back to %s: %s%s",
	    was->to, back, was->text,
	    was->blamed ? "; it is left alone until a newer release or `--retry`" :
	    "; the next run tries again");
	return 0;
}

static void
end_stuck(struct run *r, struct err *e)
{
	set_end(r, "stuck");
	(void)err_set(e, ERR_POLICY, "stuck (%s): %s; put it right, then run"
	    " `delta-apply resume`, or publish a newer release", r->mark.reason,
	    r->mark.text);
}

int
drive_end(struct run *r, int on, struct err *e)
{
	int status;

	if (r->fetch != NULL)
		fetch_counts(r->fetch, &r->requests, &r->bytes);
	if (on != -1 && r->mark.step == STEP_STUCK)
		end_stuck(r, e);
	/* Interrupted after the last change was complete: the work is done. */
	if (e->code == ERR_CANCEL && r->installed && r->mark.step == STEP_IDLE)
		err_clear(e);
	status = on == -1 || e->code != ERR_NONE ? err_exit_status(e) : 0;
	if (e->code == ERR_CANCEL && r->mark.step != STEP_IDLE)
		(void)err_hint(e, "the next run goes on with step %s",
		    step_name(r->mark.step));
	if (r->installed && status == 0)
		set_end(r, "updated");
	if (r->reason[0] == '\0')
		set_end(r, status == 0 ? "current" : err_word(e->code));
	r->exit_status = status;
	if (r->installed && status == 0)
		drive_notify(r);
	status_end(r, status, r->reason);
	return status;
}
