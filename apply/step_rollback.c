#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/check.h"
#include "apply/data.h"
#include "apply/drive.h"
#include "apply/hooks.h"
#include "apply/memory.h"
#include "apply/prune.h"
#include "apply/refetch.h"
#include "apply/service.h"
#include "apply/spool.h"
#include "apply/stage.h"
#include "apply/steps.h"
#include "apply/truth.h"

#include "apply/run.h"

int
steps_remove_tree(struct run *r, uint64_t release, struct err *e)
{
	struct live live;

	memset(&live, 0, sizeof live);
	if (live_read(r->dev, &live, e) == LIVE_RELEASE && live.release == release)
		return err_set(e, ERR_FAIL, "release %" PRIu64 " is live", release);
	return release_remove(r->dev, release, e);
}

int
steps_record(struct run *r, uint64_t release, struct record *rec, struct err *e)
{
	int tree, rc;

	memset(rec, 0, sizeof *rec);
	if ((tree = live_open_tree(r->dev, release, e)) == -1)
		return -1;
	rc = tree_record_read(tree, rec, NULL, e);
	(void)close(tree);
	return rc;
}

/* Data without a restore point: may the old release run on them? */
static int
check_readable(struct run *r, const struct record *to, struct err *e)
{
	uint64_t schema = data_schema(r->dev, e);
	struct record from;
	int rc = 0;

	if (e->code != ERR_NONE)
		return -1;
	if (r->mark.from == 0 || to->data == DATA_REVERSIBLE)
		return data_schema_set(r->dev, r->mark.schema_before, e);
	if (schema == r->mark.schema_before)
		return 0;
	if (steps_record(r, r->mark.from, &from, e) == 0 && !data_readable(&from, schema))
		rc = err_set(e, ERR_POLICY,
		    "release %" PRIu64 " cannot read the data that"
		    " %" PRIu64 " left (schema %" PRIu64 "), and no backup was made",
		    r->mark.from, r->mark.to, schema);
	record_clear(&from);
	return rc;
}

int
steps_restore_data(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	struct record to;
	int rc = -1;

	if (!r->mark.migrated)
		return 0;
	(void)steps_record(r, r->mark.to, &to, &why);
	if ((r->mark.backed_up || to.data == DATA_REVERSIBLE) &&
	    hook_exists(r, HOOK_RESTORE, false)) {
		if (hook_run(r, HOOK_RESTORE, false, e) != HOOK_FAILED &&
		    steps_sync(r, e) == 0)
			rc = data_schema_set(r->dev, r->mark.schema_before, e);
	} else {
		rc = check_readable(r, &to, e);
	}
	record_clear(&to);
	return rc;
}

/* The old release's tree is live again.  Looks first. */
static int
swap_back(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	int tree;

	switch (truth_live(r, e)) {
	case TRUTH_FROM:
		return 0;
	case TRUTH_OTHER:
		return -1;
	case TRUTH_TO:
		break;
	}
	if (r->mark.from == 0)
		return live_remove(r->dev, r->mark.to, e);
	/* Better a release that fails than none at all. */
	if ((tree = live_open_tree(r->dev, r->mark.from, e)) == -1)
		return err_wrap(e, "the tree to go back to");
	(void)close(tree);
	if (live_prepare(r->dev, r->mark.from, &why) == -1)
		log_detail("%s: %s", r->dev->conf->name, why.text);
	return live_switch(r->dev, r->mark.to, r->mark.from, e);
}

static int
check_old_tree(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (r->mark.from == 0 || r->mark.old_modified)
		return 0;
	switch (check_repair(r->dev, r->mark.from, r->mark.to, e)) {
	case CHECK_SAME:
	case CHECK_UNKNOWN:
		err_clear(e);
		return 0;
	case CHECK_DIFFERS:
		/* Both trees may have lost the same file, written to in place. */
		if (tree_refetch(r, r->mark.from, &why) == 0) {
			err_clear(e);
			return 0;
		}
		(void)err_hint(e, "%s", why.text);
		/* With a network it can still be put right: no reason to be stuck. */
		if (why.code == ERR_NET || r->recovering)
			e->code = ERR_NET;
		break;
	case CHECK_ERROR:
		break;
	}
	return err_wrap(e, "the tree to go back to");
}

/* Tree and data as they were; once, and never again after that. */
static int
revert(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	bool swapped = truth_live(r, &why) == TRUTH_TO;

	/* A service that cannot be stopped must not keep a bad release alive. */
	if ((swapped || r->mark.migrated) && !r->recovering &&
	    service_stop(r, true, &why) == -1)
		log_warn("%s: %s", r->dev->conf->name, why.text);
	if (swap_back(r, e) == -1 || check_old_tree(r, e) == -1 ||
	    steps_restore_data(r, e) == -1)
		return -1;
	r->mark.reverted = true;
	return drive_mark(r, e);
}

/* What must be remembered.  Room for it is made first: the disk may be full. */
static int
remember(struct run *r, struct err *e)
{
	const struct mark *m = &r->mark;
	const struct device *dev = r->dev;
	struct err why = ERR_INIT;
	int bad = 0;

	if (m->manual) {
		if (live_unprepare(dev, &why) == -1)
			log_warn("%s: %s", dev->conf->name, why.text);
		return hold_set(dev, m->to, e);
	}
	steps_history(r, "rolled-back", m->reason);
	/* What was interrupted is tried again and need not be fetched anew. */
	if (m->blamed)
		bad |= spool_clean(dev, NULL, &why);
	bad |= stage_clear(dev, &why);
	bad |= plan_remove(dev, &why);
	bad |= live_unprepare(dev, &why);
	bad |= hooks_clear(dev, &why);
	if (m->blamed)
		bad |= steps_remove_tree(r, m->to, &why);
	bad |= prune_sync(dev, &why);
	if (bad != 0)
		log_warn("%s: clearing up: %s", dev->conf->name, why.text);
	if (r->has_plan)
		plan_clear(&r->plan);
	r->has_plan = false;
	if (!m->blamed)
		return 0;
	return quarantine_add(dev, m->to, &m->to_listing, m->attempt, m->reason, m->text,
	    e);
}

static int
run_old_release(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (r->mark.from != 0 && (service_start(r, true, e) == -1 ||
	    health_check(r, true, e) == -1))
		return err_wrap(e, "release %" PRIu64 " after going back to it",
		    r->mark.from);
	if (hook_run(r, HOOK_ROLLBACK, false, &why) == HOOK_FAILED)
		log_warn("%s: %s", r->dev->conf->name, why.text);
	return 0;
}

enum step_result
step_rollback(struct run *r, struct err *e)
{
	if (!r->mark.reverted && revert(r, e) == -1)
		return e->code == ERR_NET ? STEP_LATER : STEP_FAIL;
	/* At boot the application is started by others, after this. */
	if (r->recovering)
		return STEP_LATER;
	if (run_old_release(r, e) == -1)
		return STEP_FAIL;
	if (r->mark.manual)
		steps_history(r, "manual-rollback", "");
	return remember(r, e) == -1 ? STEP_FAIL : STEP_DONE;
}
