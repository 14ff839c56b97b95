#include <inttypes.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/hooks.h"
#include "apply/steps.h"

#include "apply/run.h"

/* Metadata that is so young is what the host has now. */
enum { REFRESHED_NOW_S = 30 };

/*
 * A plan that was made by an earlier run may be old news: something newer, or
 * withdrawn, or held by a person.  Without network what was verified then holds.
 * 1: it still is what to do, 0: plan anew, -1.
 */
static int
still_wanted(struct run *r, struct err *e)
{
	const struct record *to;
	struct choose_why why;
	struct live live;

	/* A download takes its time, and a halt must not come too late. */
	if (r->refreshed && run_seconds() - r->refreshed_at < REFRESHED_NOW_S)
		return 1;
	r->refreshed = false;
	if (run_refresh(r, e) == -1) {
		if (e->code != ERR_NET)
			return -1;
		log_detail("%s: %s; going on with the plan", r->dev->conf->name, e->text);
		err_clear(e);
		return 1;
	}
	memset(&live, 0, sizeof live);
	if (live_read(r->dev, &live, e) == LIVE_STUCK)
		return -1;
	if (steps_choose(r, &live, &to, &why) != CHOICE_UPDATE)
		return 0;
	return to->release == r->mark.to && sha256_equal(&to->listing,
	    &r->mark.to_listing) && to->attempt == r->mark.attempt;
}

enum step_result
step_wait(struct run *r, struct err *e)
{
	int wanted;

	if (steps_need_plan(r, e) == -1)
		return STEP_FAIL;
	if ((wanted = still_wanted(r, e)) == -1)
		return STEP_LATER;
	if (wanted == 0)
		return STEP_AGAIN;
	/* Again: the download may have taken days. */
	if (hooks_check(r->dev->conf, e) == -1)
		return STEP_FAIL;
	/* The release's own preflight could not run before its tree stood here. */
	if (r->dev->conf->hooks[HOOK_PREFLIGHT] == NULL &&
	    hook_run(r, HOOK_PREFLIGHT, false, e) == HOOK_FAILED)
		return STEP_FAIL;
	if (hook_run(r, HOOK_DEPS, false, e) == HOOK_FAILED)
		return STEP_FAIL;
	return hooks_prepare(r, e) == -1 ? STEP_FAIL : STEP_DONE;
}
