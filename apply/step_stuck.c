#include <string.h>

#include "apply/steps.h"

#include "apply/run.h"

/* Nothing runs by itself any more, but a newer release may be the remedy: then
 * what lives has to be a release again. */
enum step_result
step_stuck(struct run *r, struct err *e)
{
	const struct record *to;
	struct choose_why why;
	struct live live;
	struct err unseen = ERR_INIT;

	(void)e;
	memset(&live, 0, sizeof live);
	if (r->recovering || live_read(r->dev, &live, &unseen) == LIVE_STUCK ||
	    run_refresh(r, &unseen) == -1)
		return STEP_FAIL;
	if (steps_choose(r, &live, &to, &why) != CHOICE_UPDATE ||
	    to->release <= r->mark.to)
		return STEP_FAIL;
	return STEP_DONE;
}
