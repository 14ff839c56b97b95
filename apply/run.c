#include <string.h>
#include <time.h>

#include "manifest/base/log.h"

#include "apply/decoder_child.h"
#include "apply/fetch.h"
#include "apply/session.h"

#include "apply/run.h"

int
run_open(struct run *r, struct device *dev, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool lost = false;

	memset(r, 0, sizeof *r);
	r->dev = dev;
	/* What is wrong with it is said when it is needed. */
	(void)decoder_child_hold(&ignored);
	if ((r->journal = journal_open(dev->state, &lost, e)) == NULL)
		return err_wrap(e, "%s", dev->conf->name);
	if (lost)
		log_warn("%s: the journal is damaged; going by what is live",
		    dev->conf->name);
	return 0;
}

void
run_close(struct run *r)
{
	if (r->has_plan)
		plan_clear(&r->plan);
	session_close(r->session);
	fetch_free(r->fetch);
	journal_close(r->journal);
	memset(r, 0, sizeof *r);
}

struct fetch *
run_fetch(struct run *r, struct err *e)
{
	if (r->fetch == NULL)
		r->fetch = fetch_new(r->dev->conf, e);
	return r->fetch;
}

time_t
run_seconds(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int
run_refresh(struct run *r, struct err *e)
{
	if (r->refreshed)
		return 0;
	if (r->session == NULL) {
		struct fetch *fetch = run_fetch(r, e);

		if (fetch == NULL)
			return -1;
		if ((r->session = session_open(r->dev, fetch, e)) == NULL)
			return -1;
	}
	if (session_refresh(r->session, e) == -1)
		return -1;
	r->refreshed = true;
	r->refreshed_at = run_seconds();
	return 0;
}
