#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/fetch.h"
#include "apply/ready.h"
#include "apply/session.h"
#include "apply/stage.h"

#include "apply/refetch.h"

/* One hop, the full; the tree that is there only lends files that are right. */
static int
plan_from(const struct catalog *catalog, uint64_t release, struct plan *plan,
    struct err *e)
{
	const struct record *rec = catalog_record(catalog, release);
	const struct edge *full = catalog_full(catalog, release);

	if (rec == NULL || full == NULL || !full->usable)
		return err_set(e, ERR_ABSENT, "no full artifact of release %" PRIu64
		    " is offered", release);
	plan->from = release;
	plan->hops = calloc(1, sizeof *plan->hops);
	plan->trees = calloc(1, sizeof *plan->trees);
	if (plan->hops == NULL || plan->trees == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a plan");
	if (record_copy(&plan->to, rec, e) == -1 ||
	    edge_copy(&plan->hops[0], full, e) == -1)
		return -1;
	if (record_copy(&plan->trees[0], rec, e) == -1) {
		edge_clear(&plan->hops[0]);
		return -1;
	}
	plan->n_hops = 1;
	return 0;
}

/* From the metadata of this run, else those that were trusted last. */
static int
make_plan(struct run *r, uint64_t release, struct plan *plan, struct err *e)
{
	struct session *own = NULL;
	const struct catalog *catalog = NULL;
	int rc = -1;

	if (r->session != NULL && r->refreshed)
		catalog = session_catalog(r->session);
	else if ((own = session_open(r->dev, NULL, e)) != NULL &&
		 session_local(own, e) == 0)
		catalog = session_catalog(own);
	if (catalog != NULL)
		rc = plan_from(catalog, release, plan, e);
	session_close(own);
	return rc;
}

static int
get(struct run *r, const struct object *object, struct err *e)
{
	struct buf url = BUF_INIT(8192);
	struct fetch *fetch = run_fetch(r, e);
	int rc = -1;

	if (fetch != NULL && object_url(r->dev->conf, object, &url, e) == 0)
		rc = fetch_object(fetch, r->dev, buf_text(&url), object, e);
	buf_free(&url);
	return rc;
}

int
tree_exchange(const struct device *dev, uint64_t release, struct err *e)
{
	char staged[STAGE_NAME_MAX + 8], name[STAGE_NAME_MAX], number[STAGE_NAME_MAX];
	struct live live;
	int rc;

	(void)snprintf(staged, sizeof staged, "%s/tree", stage_name(release, name));
	(void)snprintf(number, sizeof number, "%" PRIu64, release);
	if (live_read(dev, &live, e) == LIVE_STUCK)
		return -1;
	rc = dev->parent != -1 && live.release == release ?
	    fs_exchange(dev->releases, staged, dev->parent, dev->live_name, e) :
	    fs_exchange(dev->releases, staged, dev->releases, number, e);
	return rc == -1 ? -1 : fs_sync_all(dev->releases, e);
}

int
tree_staged_is(const struct device *dev, const struct record *rec, struct err *e)
{
	struct verify_report report;
	int ready, tree = stage_open_tree(dev, rec->release, e);

	if (tree == -1)
		return -1;
	ready = ready_tree(tree, rec, dev->conf, &report, e);
	verify_report_clear(&report);
	(void)close(tree);
	return ready == 1 ? 0 : -1;
}

int
tree_stage_full(struct run *r, uint64_t release, struct record *rec, struct err *e)
{
	struct stage_failure failure;
	struct plan plan = { .from = 0 };
	int rc = -1;

	if (make_plan(r, release, &plan, e) == 0 && get(r, &plan.to.object, e) == 0 &&
	    get(r, &plan.hops[0].object, e) == 0 &&
	    stage_build(r->dev, &plan, &failure, e) == 0)
		rc = record_copy(rec, &plan.to, e);
	plan_clear(&plan);
	return rc;
}

int
tree_refetch(struct run *r, uint64_t release, struct err *e)
{
	struct record rec;
	int rc = -1;

	if (r->recovering)
		return err_set(e, ERR_NET, "nothing is fetched while the device starts");
	memset(&rec, 0, sizeof rec);
	log_warn("%s: release %" PRIu64 " is fetched again to go back to it",
	    r->dev->conf->name, release);
	if (tree_stage_full(r, release, &rec, e) == 0 &&
	    tree_staged_is(r->dev, &rec, e) == 0 &&
	    tree_exchange(r->dev, release, e) == 0)
		rc = stage_clear(r->dev, e);
	record_clear(&rec);
	return rc;
}
