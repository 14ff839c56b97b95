#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/data.h"
#include "apply/hooks.h"
#include "apply/memory.h"
#include "apply/prune.h"
#include "apply/spool.h"
#include "apply/stage.h"
#include "apply/steps.h"

#include "apply/run.h"

/* Is the newest line of the history this very one?  A power cut came between. */
static bool
written_already(const struct run *r, const struct history_entry *entry)
{
	struct err why = ERR_INIT;
	struct jv *list = history_list(r->dev, &why);
	const struct jv *last = jv_at(list, jv_count(list) - 1);
	const char *result = jv_text(jv_get(last, "result"));
	int64_t from = -1, to = -1;
	bool same;

	(void)jv_int(jv_get(last, "from"), &from);
	(void)jv_int(jv_get(last, "to"), &to);
	same = result != NULL && strcmp(result, entry->result) == 0 &&
	    (uint64_t)from == entry->from && (uint64_t)to == entry->to &&
	    r->mark.tries > 1;
	jv_free(list);
	return same;
}

void
steps_history(struct run *r, const char *result, const char *reason)
{
	struct history_entry entry;
	struct err why = ERR_INIT;
	struct record rec;

	memset(&entry, 0, sizeof entry);
	entry.from = r->mark.from;
	entry.to = r->mark.to;
	if (steps_record(r, r->mark.to, &rec, &why) == 0)
		(void)snprintf(entry.version, sizeof entry.version, "%s", rec.version);
	record_clear(&rec);
	entry.result = result;
	entry.reason = reason;
	entry.bytes = r->mark.bytes;
	if (r->mark.began != 0 && utc_now() > r->mark.began)
		entry.seconds = utc_now() - r->mark.began;
	if (!written_already(r, &entry) && history_add(r->dev, &entry, &why) == -1)
		log_warn("%s: history: %s", r->dev->conf->name, why.text);
}

/* None of this may keep a release that works from being the one that runs. */
static void
tidy(struct run *r)
{
	const struct device *dev = r->dev;
	struct err why = ERR_INIT;
	int bad = 0;

	bad |= spool_clean(dev, NULL, &why);
	bad |= plan_remove(dev, &why);
	bad |= stage_clear(dev, &why);
	bad |= live_unprepare(dev, &why);
	bad |= hooks_clear(dev, &why);
	bad |= releases_prune(dev, r->mark.to, r->mark.from, &why);
	bad |= quarantine_clear(dev, r->mark.to, &why);
	if (hold_get(dev) != 0 && hold_get(dev) < r->mark.to)
		bad |= hold_clear(dev, &why);
	bad |= prune_sync(dev, &why);
	if (bad != 0)
		log_warn("%s: clearing up: %s", dev->conf->name, why.text);
}

enum step_result
step_commit(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	struct record rec;

	(void)e;
	if (!r->recovering && hook_run(r, HOOK_COMMIT, false, &why) == HOOK_FAILED)
		log_warn("%s: %s", r->dev->conf->name, why.text);
	steps_history(r, r->mark.from == 0 ? "installed" : "updated", "");
	tidy(r);
	if (r->has_plan)
		plan_clear(&r->plan);
	r->has_plan = false;
	if (steps_record(r, r->mark.to, &rec, &why) == 0)
		log_say("%s: %" PRIu64 " (%s) runs", r->dev->conf->name, r->mark.to,
		    rec.version);
	record_clear(&rec);
	return STEP_DONE;
}
