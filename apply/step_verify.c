#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/ready.h"
#include "apply/stage.h"
#include "apply/step_tree.h"
#include "apply/steps.h"

#include "apply/run.h"

static enum step_result
fail(const struct err *e)
{
	return e->code == ERR_CANCEL ? STEP_LATER : STEP_FAIL;
}

/* 1 staging holds the tree, as it is signed; 0 not (any more), -1. */
static int
look_at_staging(struct run *r, struct err *e)
{
	struct verify_report report;
	int rc, tree = stage_open_tree(r->dev, r->plan.to.release, e);

	if (tree == -1)
		return e->code == ERR_ABSENT ? 0 : -1;
	rc = ready_tree(tree, &r->plan.to, r->dev->conf, &report, e);
	verify_report_clear(&report);
	(void)close(tree);
	return rc;
}

/* A tree that runs is never replaced. */
static int
check_not_live(struct run *r, struct err *e)
{
	struct live live;

	if (live_read(r->dev, &live, e) == LIVE_STUCK)
		return -1;
	if (live.release != r->plan.to.release)
		return 0;
	return err_set(e, ERR_POLICY, "release %llu runs and is not what is signed; "
	    "`delta-apply verify` lists the differences",
	    (unsigned long long)live.release);
}

enum step_result
step_verify(struct run *r, struct err *e)
{
	int ready;

	if (steps_need_plan(r, e) == -1)
		return STEP_FAIL;
	ready = ready_release(r->dev, &r->plan.to, e);
	if (ready == 1)
		return stage_clear(r->dev, e) == 0 ? STEP_DONE : fail(e);
	if (ready == -1 || check_not_live(r, e) == -1)
		return fail(e);
	/* After a power cut staging may be less than it was: build it once more. */
	if ((ready = look_at_staging(r, e)) == 0) {
		enum step_result built;

		log_detail("release %llu is built again: %s",
		    (unsigned long long)r->plan.to.release, e->text);
		if ((built = tree_build(r, e)) != STEP_DONE)
			return built;
		ready = look_at_staging(r, e);
	}
	if (ready != 1)
		return fail(e);
	return stage_publish(r->dev, r->plan.to.release, e) == 0 ? STEP_DONE : fail(e);
}
