#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/session.h"
#include "apply/steps.h"

#include "apply/run.h"

static void
say_nothing(const struct run *r, const struct live *live, const struct choose_why *why)
{
	const char *name = r->dev->conf->name;

	if (r->installed)
		return;
	if (live->release == 0)
		log_say("%s: nothing is installed; %s", name, why->text);
	else
		log_say("%s: %" PRIu64 " (%s) stays; %s", name, live->release,
		    live->version, why->text);
}

enum choice
steps_choose(struct run *r, const struct live *live, const struct record **to,
    struct choose_why *why)
{
	memset(why, 0, sizeof *why);
	*to = NULL;
	r->options.downgrade = session_downgrade(r->session);
	r->options.floor = session_floor(r->session);
	r->options.halt = session_halt(r->session);
	r->options.time = tuf_now(session_tuf(r->session));
	return choose_release(r->dev, session_catalog(r->session), live, &r->options, to,
	    why);
}

/* What the mark has to say of the update that begins now. */
static void
begin(struct run *r, const struct live *live, const struct record *to)
{
	struct mark *m = &r->mark;

	memset(m, 0, sizeof *m);
	m->step = STEP_IDLE;
	m->from = live->release;
	if (live->release != 0 && live->has_record)
		m->from_listing = live->listing;
	m->to = to->release;
	m->to_listing = to->listing;
	m->attempt = to->attempt;
}

enum step_result
step_idle(struct run *r, struct err *e)
{
	const struct record *to = NULL;
	struct choose_why why;
	struct live live;

	memset(&live, 0, sizeof live);
	if (live_read(r->dev, &live, e) == LIVE_STUCK)
		return STEP_FAIL;
	if (run_refresh(r, e) == -1)
		return STEP_FAIL;
	if (steps_choose(r, &live, &to, &why) == CHOICE_UPDATE) {
		begin(r, &live, to);
		return STEP_DONE;
	}
	(void)snprintf(r->reason, sizeof r->reason, "%s", why.reason);
	say_nothing(r, &live, &why);
	return STEP_NOTHING;
}
