#include <inttypes.h>
#include <string.h>

#include "manifest/jv.h"

#include "apply/check.h"
#include "apply/drive.h"
#include "apply/memory.h"

#include "apply/truth.h"

/* After so many interruptions in a row the release itself is to blame. */
enum { INTERRUPTED_MAX = 2 };

static bool
is_release(const struct live *live, uint64_t release, const struct sha256 *listing)
{
	if (live->release != release)
		return false;
	return !live->has_record || sha256_equal(&live->listing, listing);
}

/* The listing of a release whose tree had none when the plan was made. */
static bool
known(const struct sha256 *listing)
{
	static const struct sha256 none;

	return !sha256_equal(listing, &none);
}

enum truth_live
truth_live(const struct run *r, struct err *e)
{
	const struct mark *m = &r->mark;
	struct live live;

	memset(&live, 0, sizeof live);
	switch (live_read(r->dev, &live, e)) {
	case LIVE_STUCK:
		return TRUTH_OTHER;
	case LIVE_NONE:
		if (m->from == 0)
			return TRUTH_FROM;
		(void)err_set(e, ERR_POLICY, "nothing is live, but %" PRIu64 " or %"
		    PRIu64 " should be", m->from, m->to);
		return TRUTH_OTHER;
	case LIVE_RELEASE:
		break;
	}
	if (is_release(&live, m->to, &m->to_listing))
		return TRUTH_TO;
	if (m->from != 0 && live.release == m->from &&
	    (!known(&m->from_listing) || is_release(&live, m->from, &m->from_listing)))
		return TRUTH_FROM;
	(void)err_set(e, ERR_POLICY, "release %" PRIu64 " is live, which is neither the %"
	    PRIu64 " nor the %" PRIu64 " of the update under way", live.release, m->from,
	    m->to);
	return TRUTH_OTHER;
}

/* How often the same update was cut short before and rolled back for it. */
static unsigned
times_interrupted(const struct run *r)
{
	struct err why = ERR_INIT;
	struct jv *list = history_list(r->dev, &why);
	unsigned times = 0;
	size_t i;

	for (i = jv_count(list); i > 0; i--) {
		const struct jv *line = jv_at(list, i - 1);
		const char *reason = jv_text(jv_get(line, "reason"));
		int64_t to = 0;

		if (jv_int(jv_get(line, "to"), &to) == -1 ||
		    (uint64_t)to != r->mark.to || reason == NULL ||
		    strcmp(reason, "interrupted") != 0)
			break;
		times++;
	}
	jv_free(list);
	return times;
}

/* stop..swap, and the old release is live. */
static enum step
before_swap(const struct run *r, const char **reason, struct err *why)
{
	const struct mark *m = &r->mark;

	if (strcmp(m->boot_id, r->dev->boot_id) == 0)
		return m->step;
	if (!m->migrated)
		return STEP_STOP;
	*reason = times_interrupted(r) < INTERRUPTED_MAX ? "interrupted" : "crashed";
	(void)err_set(why, ERR_POLICY, "the device restarted during %s",
	    step_name(m->step));
	return STEP_ROLLBACK;
}

/* swap or later, and the new release is live. */
static enum step
after_swap(const struct run *r, const char **reason, struct err *why)
{
	const struct mark *m = &r->mark;
	enum check_end end;

	/* Once it was started its own changes are no damage; health decides. */
	if (m->step != STEP_SWAP && m->step != STEP_START)
		return m->step;
	end = check_release(r->dev, m->to, why);
	if (end == CHECK_SAME)
		return m->step;
	if (end == CHECK_UNKNOWN)
		(void)err_set(why, ERR_TRUST, "the new tree has no record");
	*reason = "tree-damaged";
	return STEP_ROLLBACK;
}

static enum step
in_switch(const struct run *r, enum truth_live live, const char **reason,
    struct err *why)
{
	enum step step = r->mark.step;

	if (live == TRUTH_OTHER || (live == TRUTH_TO && step < STEP_SWAP)) {
		*reason = "live-changed";
		if (live == TRUTH_TO)
			(void)err_set(why, ERR_POLICY, "release %" PRIu64
			    " is live before its switch", r->mark.to);
		return STEP_STUCK;
	}
	if (step == STEP_ROLLBACK)
		return step;
	if (live == TRUTH_TO)
		return after_swap(r, reason, why);
	if (step <= STEP_SWAP)
		return before_swap(r, reason, why);
	*reason = "live-changed";
	(void)err_set(why, ERR_POLICY, "release %" PRIu64 " is live again during %s",
	    r->mark.from, step_name(step));
	return STEP_ROLLBACK;
}

int
truth_look(struct run *r, enum step *next, const char **reason, struct err *why)
{
	const struct mark *m = &r->mark;
	struct live live;
	enum truth_live at;

	*next = m->step;
	if (m->step == STEP_STUCK)
		return 0;
	if (drive_in_switch(r, m->step)) {
		at = truth_live(r, why);
		if (at == TRUTH_OTHER && why->code != ERR_POLICY)
			return -1;	/* it cannot be read now */
		*next = in_switch(r, at, reason, why);
		return 0;
	}
	if (live_read(r->dev, &live, why) == LIVE_STUCK)
		return -1;
	/* Idle and preflight promised nothing that would outlive a run. */
	if (m->step <= STEP_PREFLIGHT || truth_live(r, why) != TRUTH_FROM)
		*next = STEP_IDLE;
	err_clear(why);
	return 0;
}
