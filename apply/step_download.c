#include <inttypes.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/fetch.h"
#include "apply/session.h"
#include "apply/spool.h"
#include "apply/steps.h"

#include "apply/run.h"

/* After a restart the plan comes from the disk. */
int
steps_need_plan(struct run *r, struct err *e)
{
	if (r->has_plan)
		return 0;
	if (plan_load(r->dev, &r->plan, e) == -1)
		return -1;
	r->has_plan = true;
	if (r->plan.to.release == r->mark.to &&
	    sha256_equal(&r->plan.to.listing, &r->mark.to_listing))
		return 0;
	return err_set(e, ERR_FORMAT, "the saved plan is for release %" PRIu64
	    ", the journal is at %" PRIu64, r->plan.to.release, r->mark.to);
}

/* This object is of no use: the next plan goes without it. */
void
steps_leave_out(struct run *r, const struct sha256 *object, const struct err *why)
{
	size_t i;

	r->bad_why = *why;
	for (i = 0; i < r->n_bad; i++)
		if (sha256_equal(&r->bad[i], object))
			return;
	if (r->n_bad < sizeof r->bad / sizeof r->bad[0])
		r->bad[r->n_bad++] = *object;
}

static int
get(struct run *r, struct fetch *fetch, const struct object *object, struct err *e)
{
	struct buf url = BUF_INIT(8192);
	int rc = -1;

	if (spool_has(r->dev, object))
		return 0;
	if (object_url(r->dev->conf, object, &url, e) == 0)
		rc = fetch_object(fetch, r->dev, buf_text(&url), object, e);
	buf_free(&url);
	return rc;
}

/* A hop and, where no delta builds it, the listing of what it makes. */
static int
get_hop(struct run *r, struct fetch *fetch, size_t i, struct err *e)
{
	const struct edge *hop = &r->plan.hops[i];

	if (get(r, fetch, &hop->object, e) == -1)
		return -1;
	return hop->is_full ? get(r, fetch, &r->plan.trees[i].object, e) : 0;
}

/* What to do about a hop that did not come. */
static enum step_result
failed(struct run *r, const struct edge *hop, struct err *e)
{
	switch (e->code) {
	case ERR_NET:
		return STEP_LATER;
	case ERR_ABSENT:
		if (e->sys != 0)
			return STEP_FAIL;	/* a local file */
		break;
	case ERR_TRUST:
	case ERR_FORMAT:
		break;
	default:
		return STEP_FAIL;
	}
	steps_leave_out(r, &hop->object.sha256, e);
	return STEP_AGAIN;
}

enum step_result
step_download(struct run *r, struct err *e)
{
	uint64_t requests, before, after;
	struct fetch *fetch;
	size_t i;

	if (steps_need_plan(r, e) == -1 || (fetch = run_fetch(r, e)) == NULL)
		return STEP_FAIL;
	fetch_counts(fetch, &requests, &before);
	for (i = 0; i < r->plan.n_hops; i++)
		if (get_hop(r, fetch, i, e) == -1)
			return failed(r, &r->plan.hops[i], e);
	fetch_counts(fetch, &requests, &after);
	r->mark.bytes += after - before;
	return STEP_DONE;
}
