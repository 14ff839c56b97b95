#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/drive_end.h"
#include "apply/service.h"
#include "apply/stage.h"
#include "apply/status.h"
#include "apply/steps.h"
#include "apply/switching.h"
#include "apply/truth.h"

#include "apply/drive.h"

/* Every new plan leaves something out that failed: this many never come. */
enum { AGAIN_MAX = 2 * CHAIN_HOPS_MAX };

static const struct step_row table[STEP_COUNT] = {
	/*                   act             done            fail       tries  plan */
	[STEP_IDLE] =      { step_idle,      STEP_PREFLIGHT, STEP_IDLE,     0, false },
	[STEP_PREFLIGHT] = { step_preflight, STEP_DOWNLOAD,  STEP_IDLE,     0, false },
	[STEP_DOWNLOAD] =  { step_download,  STEP_STAGE,     STEP_IDLE,     0, true },
	[STEP_STAGE] =     { step_stage,     STEP_VERIFY,    STEP_IDLE,     0, true },
	[STEP_VERIFY] =    { step_verify,    STEP_WAIT,      STEP_IDLE,     0, true },
	[STEP_WAIT] =      { step_wait,      STEP_STOP,      STEP_IDLE,     0, true },
	[STEP_STOP] =      { step_stop,      STEP_BACKUP,    STEP_ROLLBACK, 3, false },
	[STEP_BACKUP] =    { step_backup,    STEP_MIGRATE,   STEP_ROLLBACK, 3, false },
	[STEP_MIGRATE] =   { step_migrate,   STEP_SWAP,      STEP_ROLLBACK, 3, false },
	[STEP_SWAP] =      { step_swap,      STEP_START,     STEP_ROLLBACK, 3, false },
	[STEP_START] =     { step_start,     STEP_HEALTH,    STEP_ROLLBACK, 3, false },
	[STEP_HEALTH] =    { step_health,    STEP_COMMIT,    STEP_ROLLBACK, 3, false },
	[STEP_COMMIT] =    { step_commit,    STEP_IDLE,      STEP_COMMIT,   0, false },
	[STEP_ROLLBACK] =  { step_rollback,  STEP_IDLE,      STEP_STUCK,   10, false },
	[STEP_STUCK] =     { step_stuck,     STEP_IDLE,      STEP_STUCK,    0, false },
};

const struct step_row *
drive_table(void)
{
	return table;
}

/* The row as configuration bends it: a backup of the running application
 * stands before stop. */
static struct step_row
row_of(const struct run *r, const struct step_row *rows, enum step step)
{
	struct step_row row = rows[step];

	if (!r->dev->conf->backup_running)
		return row;
	if (step == STEP_WAIT) {
		row.done = STEP_BACKUP;
	} else if (step == STEP_BACKUP) {
		row.done = STEP_STOP;
		row.fail = STEP_IDLE;
	} else if (step == STEP_STOP) {
		row.done = STEP_MIGRATE;
	}
	return row;
}

bool
drive_in_switch(const struct run *r, enum step step)
{
	if (step == STEP_BACKUP && r->dev->conf->backup_running)
		return false;
	return step >= STEP_STOP && step <= STEP_ROLLBACK;
}

int
drive_mark(struct run *r, struct err *e)
{
	(void)snprintf(r->mark.boot_id, sizeof r->mark.boot_id, "%s", r->dev->boot_id);
	return journal_write(r->journal, &r->mark, e);
}

/* Make `next` the step that is under way. */
static int
move_to(struct run *r, enum step next, struct err *e)
{
	bool was = drive_in_switch(r, r->mark.step), will = drive_in_switch(r, next);

	if (r->dry_run) {
		r->mark.step = next;
		return 0;
	}
	if (will)
		switching_hold(true);
	if (will && !was) {
		/* A signal that came before they were held: there is still time. */
		if (cancel_check(e) == -1 || switching_on(r, e) == -1)
			goto fail;
	}
	if (next == STEP_IDLE)
		memset(&r->mark, 0, sizeof r->mark);
	r->mark.step = next;
	r->mark.tries = 1;
	r->mark.paused = false;
	if (drive_mark(r, e) == -1)
		goto fail;
	if (!will && next != STEP_STUCK && switching_off(r, e) == -1)
		return -1;
	if (!will)
		switching_hold(false);
	return 0;
fail:
	if (will && !was)
		switching_hold(false);
	return -1;
}

static void
drop_plan(struct run *r)
{
	struct err why = ERR_INIT;

	if (r->has_plan)
		plan_clear(&r->plan);
	r->has_plan = false;
	if (plan_remove(r->dev, &why) == -1)
		log_warn("%s", why.text);
}

int
drive_clear(struct run *r, struct err *e)
{
	drop_plan(r);
	return move_to(r, STEP_IDLE, e);
}

int
drive_make_idle(struct run *r, struct err *e)
{
	if (!journal_read(r->journal, &r->mark) || r->mark.step == STEP_IDLE)
		return 0;
	if (drive_in_switch(r, r->mark.step))
		return err_set(e, ERR_POLICY,
		    "an update to release %" PRIu64 " is in step"
		    " %s; run `delta-apply update` to finish it first",
		    r->mark.to, step_name(r->mark.step));
	if (r->mark.step == STEP_STUCK)
		return err_set(e, ERR_POLICY, "stuck (%s): %s; put it right, then run"
		    " `delta-apply resume` first", r->mark.reason, r->mark.text);
	return drive_clear(r, e);
}

static void
set_reason(struct mark *m, const char *reason, const struct err *why)
{
	(void)snprintf(m->reason, sizeof m->reason, "%s", reason);
	(void)snprintf(m->text, sizeof m->text, "%.*s", (int)sizeof m->text - 1,
	    why->text);
}

/* The fail edge of the step under way.  1: go on there, 0: the run ends here. */
static int
take_fail(struct run *r, enum step next, const char *reason, struct err *e)
{
	enum step step = r->mark.step;
	struct err why = *e;

	if (next == STEP_ROLLBACK && !r->mark.manual)
		r->mark.blamed = step >= STEP_MIGRATE &&
				 strcmp(reason, "interrupted") != 0 &&
				 strcmp(reason, "live-changed") != 0;
	if (next == step && step != STEP_IDLE)
		return 0;
	if (next == STEP_ROLLBACK || next == STEP_STUCK)
		set_reason(&r->mark, reason, &why);
	if (next == STEP_IDLE)
		drop_plan(r);
	if (next == STEP_ROLLBACK)
		log_warn("%s: %llu: %s; going back", r->dev->conf->name,
		    (unsigned long long)r->mark.to, why.text);
	/* Nothing under way: the journal says so already. */
	if (next == STEP_IDLE && step == STEP_IDLE)
		return 0;
	if (move_to(r, next, e) == -1)
		return -1;
	if (next == STEP_STUCK)
		drive_notify(r);
	*e = why;
	return next == STEP_ROLLBACK;
}

/* The last entry of this step did not return, or ended on purpose. */
static int
enter_again(struct run *r, const struct step_row *rows, struct err *e)
{
	struct step_row row = row_of(r, rows, r->mark.step);
	struct mark *m = &r->mark;
	bool same_boot = strcmp(m->boot_id, r->dev->boot_id) == 0;
	bool counts = !(m->paused && same_boot);

	if (!drive_in_switch(r, m->step))
		return 1;
	if (counts) {
		m->tries++;
		m->crashes++;
	}
	m->paused = false;
	if ((row.tries != 0 && m->tries > row.tries) ||
	    (m->crashes > DRIVE_CRASHES_MAX && m->step < STEP_COMMIT)) {
		(void)err_set(e, ERR_POLICY, "step %s ended the applier %u times",
		    step_name(m->step), m->tries - 1);
		return take_fail(r, row.fail, "crashed", e);
	}
	return drive_mark(r, e) == -1 ? -1 : 1;
}

/* The journal knows of no switch, but its file is there: the applier died right
 * at the end of one, or lost its journal within.  The service has to run. */
static int
after_lost_switch(struct run *r, struct err *e)
{
	int there = switching_is_on(r, e);

	if (there <= 0 || r->dry_run)
		return there == -1 ? -1 : 1;
	if (!r->recovering && service_start(r, false, e) == -1)
		log_warn("%s: %s", r->dev->conf->name, e->text);
	return switching_off(r, e) == -1 ? -1 : 1;
}

/* A step before stop that was reached by an earlier run: with its plan. */
static int
go_on(struct run *r, const struct step_row *rows, struct err *e)
{
	if (!rows[r->mark.step].plan || steps_need_plan(r, e) == 0)
		return 1;
	/* What a newer applier began only it can finish. */
	if (e->code == ERR_POLICY)
		return -1;
	log_detail("%s: %s; planning anew", r->dev->conf->name, e->text);
	drop_plan(r);
	return move_to(r, STEP_IDLE, e) == -1 ? -1 : 1;
}

/* Bring the journal in line with what lives.  1: walk, 0: the run ends. */
static int
resume(struct run *r, const struct step_row *rows, struct err *e)
{
	const char *reason = "";
	enum step next;

	if (!journal_read(r->journal, &r->mark)) {
		memset(&r->mark, 0, sizeof r->mark);
		r->mark.step = STEP_IDLE;
	}
	if (drive_in_switch(r, r->mark.step)) {
		switching_hold(true);
		/* One that came before would end hooks and checks half-way. */
		if (cancel_check(e) == -1)
			return 0;
	}
	if (truth_look(r, &next, &reason, e) == -1)
		return -1;
	if (r->dry_run && r->mark.step != STEP_STUCK) {
		if (drive_in_switch(r, r->mark.step))
			return drive_say_switch(r);
		r->mark.step = STEP_IDLE;
		return 1;
	}
	if (next == STEP_ROLLBACK && r->mark.step != STEP_ROLLBACK)
		return take_fail(r, next, reason, e);
	if (next == STEP_STUCK && r->mark.step != STEP_STUCK)
		return take_fail(r, next, reason, e);
	if (next == STEP_IDLE && r->mark.step == STEP_IDLE)
		return after_lost_switch(r, e);
	if (next == r->mark.step)
		return next == STEP_STUCK ? 1 : go_on(r, rows, e) == 1 ?
		    enter_again(r, rows, e) : -1;
	if (next == STEP_IDLE) {
		/* A plan for another tree; what it fetched stays in the spool. */
		drop_plan(r);
		return move_to(r, STEP_IDLE, e) == -1 ? -1 : 1;
	}
	/* After a reboot the switch begins again at stop. */
	r->mark.crashes++;
	if (r->mark.crashes > DRIVE_CRASHES_MAX) {
		(void)err_set(e, ERR_POLICY, "the switch was cut short %u times",
		    r->mark.crashes);
		return take_fail(r, STEP_ROLLBACK, "crashed", e);
	}
	return move_to(r, next, e) == -1 ? -1 : 1;
}

/* A new plan that leaves out what failed; where nothing is left the next plan
 * says so itself. */
static int
plan_again(struct run *r, unsigned *count, struct err *e)
{
	if (++*count > AGAIN_MAX)
		return 0;
	if (e->code != ERR_NONE)
		log_warn("%s: %s; trying another path", r->dev->conf->name, e->text);
	drop_plan(r);
	if (drive_in_switch(r, r->mark.step))
		return move_to(r, STEP_IDLE, e) == -1 ? -1 : 1;
	r->mark.step = STEP_IDLE;
	return 1;
}

/* Done: along the edge.  1: go on, 0: the run ends with what *e says. */
static int
take_done(struct run *r, enum step next, struct err *e)
{
	struct mark was = r->mark;

	if (move_to(r, next, e) == -1)
		return -1;
	if (was.step == STEP_COMMIT || was.step == STEP_ROLLBACK)
		r->last = was;
	if (was.step == STEP_COMMIT)
		r->installed = true;
	if (was.step == STEP_DOWNLOAD && r->download_only)
		return drive_say_downloaded(r, &was);
	if (was.step == STEP_ROLLBACK)
		return drive_say_rolled_back(r, &was, e);
	/* At boot nothing new is begun. */
	return next == STEP_IDLE && r->recovering ? 0 : 1;
}

/* On purpose: the mark stays, and the next entry is no crash. */
static int
pause_here(struct run *r, struct err *e)
{
	struct err why = *e;

	if (drive_in_switch(r, r->mark.step)) {
		r->mark.paused = true;
		if (drive_mark(r, e) == -1)
			return -1;
	}
	*e = why;
	return 0;
}

/* Nothing to do: what an abandoned plan left in the journal goes too. */
static int
nothing(struct run *r, struct err *e)
{
	struct mark m;

	if (!r->dry_run && journal_read(r->journal, &m) && m.step != STEP_IDLE) {
		drop_plan(r);
		return move_to(r, STEP_IDLE, e);
	}
	if (r->dry_run)
		return 0;
	/* A repair that was cut off leaves its staging. */
	return stage_clear(r->dev, e) == -1 ? -1 : switching_off(r, e);
}

static const char *const fail_reasons[STEP_COUNT] = {
	[STEP_STOP] = "stop-failed", [STEP_BACKUP] = "backup-failed",
	[STEP_MIGRATE] = "migrate-failed", [STEP_SWAP] = "swap-failed",
	[STEP_START] = "start-failed", [STEP_HEALTH] = "health-failed",
	[STEP_COMMIT] = "commit-failed", [STEP_ROLLBACK] = "rollback-failed",
};

/* A step may have put its own, finer code in the mark. */
static const char *
reason_of(struct run *r, char out[static 64])
{
	const char *known = fail_reasons[r->mark.step];

	(void)snprintf(out, 64, "%s", r->mark.reason);
	if (r->mark.step == STEP_ROLLBACK || out[0] == '\0')
		(void)snprintf(out, 64, "%s", known == NULL ? "" : known);
	return out;
}

static int
walk(struct run *r, const struct step_row *rows, struct err *e)
{
	unsigned again = 0;
	char reason[64];
	int on = 1;

	while (on == 1) {
		struct step_row row = row_of(r, rows, r->mark.step);
		bool held = drive_in_switch(r, r->mark.step);

		err_clear(e);
		if (!held && cancel_check(e) == -1)
			return 0;
		status_step(r, r->mark.step);
		switch (row.act(r, e)) {
		case STEP_DONE:
			on = take_done(r, row.done, e);
			break;
		case STEP_FAIL:
			if (!held && e->code == ERR_CANCEL)
				return 0;	/* the mark stays */
			/* A disk may come to itself again: as often as a crash. */
			if (r->mark.step == STEP_ROLLBACK && (e->code == ERR_IO ||
			    e->code == ERR_ROOM || e->code == ERR_NOMEM))
				return 0;
			on = take_fail(r, row.fail, reason_of(r, reason), e);
			break;
		case STEP_LATER:
			return pause_here(r, e);
		case STEP_AGAIN:
			on = plan_again(r, &again, e);
			break;
		case STEP_NOTHING:
			return nothing(r, e);
		}
	}
	return on;
}

int
drive_with(struct run *r, const struct step_row rows[STEP_COUNT], struct err *e)
{
	int on;

	err_clear(e);
	r->installed = false;
	r->reason[0] = '\0';
	on = resume(r, rows, e);
	if (on == 1 && r->recovering && !drive_in_switch(r, r->mark.step) &&
	    r->mark.step != STEP_STUCK)
		on = 0;		/* nothing was interrupted where it matters */
	if (on == 1)
		on = walk(r, rows, e);
	switching_hold(false);
	return drive_end(r, on, e);
}

int
drive(struct run *r, struct err *e)
{
	return drive_with(r, table, e);
}

int
drive_rollback(struct run *r, const struct mark *m, struct err *e)
{
	int on;

	err_clear(e);
	r->reason[0] = '\0';
	r->mark = *m;
	r->mark.manual = true;
	r->mark.step = STEP_IDLE;
	on = move_to(r, STEP_ROLLBACK, e) == -1 ? -1 : walk(r, table, e);
	switching_hold(false);
	return drive_end(r, on, e);
}
