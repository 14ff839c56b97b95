#include "apply/ready.h"
#include "apply/spool.h"
#include "apply/stage.h"
#include "apply/step_tree.h"
#include "apply/steps.h"

#include "apply/run.h"

/* Did the spool lose what download found there? */
static bool
objects_are_here(const struct run *r)
{
	for (size_t i = 0; i < r->plan.n_hops; i++) {
		const struct edge *hop = &r->plan.hops[i];

		if (!spool_has(r->dev, &hop->object) ||
		    (hop->is_full && !spool_has(r->dev, &r->plan.trees[i].object)))
			return false;
	}
	return true;
}

/* What the next plan has to do without. */
static enum step_result
plan_again(struct run *r, const struct stage_failure *failure, const struct err *e)
{
	if (failure->tree_modified && !r->tree_modified) {
		r->tree_modified = true;
	} else if (failure->has_object) {
		steps_leave_out(r, &failure->object, e);
	} else if (objects_are_here(r)) {
		return STEP_FAIL;
	}
	return STEP_AGAIN;
}

enum step_result
tree_build(struct run *r, struct err *e)
{
	struct stage_failure failure;

	if (stage_build(r->dev, &r->plan, &failure, e) == 0)
		return STEP_DONE;
	if (e->code == ERR_CANCEL)
		return STEP_LATER;
	return plan_again(r, &failure, e);
}

enum step_result
step_stage(struct run *r, struct err *e)
{
	if (steps_need_plan(r, e) == -1)
		return STEP_FAIL;
	/* Look: verify may have been reached before, or an older run left it. */
	switch (ready_release(r->dev, &r->plan.to, e)) {
	case 1:
		return STEP_DONE;
	case 0:
		err_clear(e);
		return tree_build(r, e);
	default:
		return e->code == ERR_CANCEL ? STEP_LATER : STEP_FAIL;
	}
}
