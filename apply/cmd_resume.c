#include <inttypes.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/check.h"
#include "apply/commands.h"
#include "apply/drive.h"
#include "apply/memory.h"
#include "apply/service.h"

/* Stuck ends where a release is live again; what it is like is said. */
static int
leave_stuck(struct run *r, const struct live *live, struct err *e)
{
	const char *name = r->dev->conf->name;
	struct err why = ERR_INIT;

	if (live->release != 0 &&
	    check_release(r->dev, live->release, &why) == CHECK_DIFFERS)
		log_warn("%s: %s; the next update does without it", name, why.text);
	if (drive_clear(r, e) == -1)
		return -1;
	if (live->release != 0 && service_start(r, false, &why) == -1)
		log_warn("%s: %s", name, why.text);
	log_say("%s: no longer stuck; release %" PRIu64 " runs", name, live->release);
	return 1;
}

static int
leave_hold(struct run *r, struct err *e)
{
	uint64_t held = hold_get(r->dev);

	if (held == 0)
		return 0;
	if (hold_clear(r->dev, e) == -1)
		return -1;
	log_say("%s: releases up to %" PRIu64 " are offered again", r->dev->conf->name,
	    held);
	return 1;
}

static int
resume_run(struct run *r, struct err *e)
{
	int unstuck = 0, unheld;
	struct live live;

	/* Without a mark it is what lives that nothing can be done with. */
	memset(&live, 0, sizeof live);
	if (live_read(r->dev, &live, e) == LIVE_STUCK)
		return -1;
	if (!journal_read(r->journal, &r->mark))
		memset(&r->mark, 0, sizeof r->mark);
	if (drive_in_switch(r, r->mark.step))
		return err_set(e, ERR_POLICY,
		    "an update to release %" PRIu64 " is in step"
		    " %s; `delta-apply update` goes on with it",
		    r->mark.to, step_name(r->mark.step));
	if (r->mark.step == STEP_STUCK && (unstuck = leave_stuck(r, &live, e)) == -1)
		return -1;
	if ((unheld = leave_hold(r, e)) == -1)
		return -1;
	if (unstuck == 0 && unheld == 0)
		log_say("%s: neither stuck nor held", r->dev->conf->name);
	return 0;
}

static int
resume_one(const struct conf *conf, struct err *e)
{
	struct device dev;
	struct run r;
	int status = -1;

	if (device_open(conf, true, &dev, e) == -1)
		return -1;
	memset(&r, 0, sizeof r);
	if (device_lock(&dev, e) == 0 && run_open(&r, &dev, e) == 0)
		status = resume_run(&r, e);
	if (r.dev != NULL)
		run_close(&r);
	device_close(&dev);
	return status;
}

static const struct opt options[] = { COMMON_OPTIONS, OPT_END };

static int
run_resume(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(resume_one, e);
}

const struct opt_command cmd_resume = {
	"resume", "", "end being stuck, or the hold of a manual rollback",
	"What is live has to be a release; it is started, and updates go on.\n",
	options, 0, 0, run_resume
};
