#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/hook_copy.h"
#include "apply/hooks.h"
#include "apply/prune.h"
#include "apply/refetch.h"
#include "apply/reuse.h"
#include "apply/service.h"
#include "apply/session.h"
#include "apply/spool.h"
#include "apply/stage.h"
#include "apply/status.h"
#include "apply/steps.h"
#include "apply/switching.h"

#include "apply/repair.h"

/* What is signed of the release, from the metadata that are trusted here. */
static int
read_signed(struct repair *p, uint64_t release, struct err *e)
{
	struct session *s = session_open(p->run->dev, NULL, e);
	const struct record *rec = NULL;
	const struct edge *full = NULL;
	int rc = -1;

	if (s != NULL && (rc = session_local(s, e)) == 0) {
		rec = catalog_record(session_catalog(s), release);
		full = catalog_full(session_catalog(s), release);
	}
	if (rec != NULL && (rc = record_copy(&p->record, rec, e)) == 0)
		p->is_signed = true;
	if (p->is_signed && full != NULL && (rc = edge_copy(&p->full, full, e)) == 0)
		p->has_full = true;
	session_close(s);
	/* Never refreshed: only the tree speaks for itself. */
	if (rc == -1 && e->code == ERR_ABSENT) {
		err_clear(e);
		rc = 0;
	}
	return rc;
}

/* The signed listing from the host, for a tree that lost its own. */
static int
fetch_listing(struct repair *p, struct err *e)
{
	const struct object *object = &p->record.object;
	const struct device *dev = p->run->dev;
	struct buf url = BUF_INIT(8192);
	struct fetch *fetch = run_fetch(p->run, e);

	if (fetch != NULL && object_url(dev->conf, object, &url, e) == 0 &&
	    fetch_object(fetch, dev, buf_text(&url), object, e) == 0)
		p->listing = stage_listing(dev, &p->record, e);
	buf_free(&url);
	return p->listing == NULL ? -1 : 0;
}

/* Record and listing to go by. */
static int
find_listing(struct repair *p, int tree, uint64_t release, struct err *e)
{
	struct record own;
	struct err why = ERR_INIT;
	bool good = tree_record_read(tree, &own, &p->listing, &why) == 0;

	if (!good && !p->is_signed)
		return err_set(e, ERR_TRUST, "release %" PRIu64 " has no record of what it "
		    "should be (%s), and the metadata here do not list it", release,
		    why.text);
	if (good && !p->is_signed) {
		p->record = own;
		return 0;
	}
	good = good && own.release == release &&
	    sha256_equal(&own.listing, &p->record.listing);
	record_clear(&own);
	if (good)
		return 0;
	p->lost_note = true;
	listing_free(p->listing);
	p->listing = NULL;
	return fetch_listing(p, e);
}

int
repair_look(struct repair *p, struct run *r, struct err *e)
{
	struct live live;
	int tree, rc = -1;

	memset(p, 0, sizeof *p);
	p->run = r;
	memset(&live, 0, sizeof live);
	switch (live_read(r->dev, &live, e)) {
	case LIVE_STUCK:
		return -1;
	case LIVE_NONE:
		return err_set(e, ERR_FAIL, "nothing is installed");
	case LIVE_RELEASE:
		break;
	}
	if (read_signed(p, live.release, e) == -1 ||
	    (tree = live_open_tree(r->dev, live.release, e)) == -1)
		return -1;
	if (find_listing(p, tree, live.release, e) == 0)
		rc = verify_tree(tree, p->listing, r->dev->conf, &p->report, e);
	(void)close(tree);
	p->mend = (struct mend){ .run = r, .release = live.release,
		.full = p->has_full ? &p->full : NULL, .report = &p->report };
	r->mark.from = r->mark.to = live.release;
	r->mark.began = utc_now();
	return rc;
}

/* Another like it, for those who take theirs. */
static struct listing *
copy_listing(const struct listing *l, struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *copy = NULL;

	if (listing_emit(l, &text, e) == 0)
		copy = listing_parse(text.data, text.len, false, e);
	buf_free(&text);
	return copy;
}

int
repair_count(struct repair *p, struct err *e)
{
	static const struct persist_mask nothing;
	struct listing *listing = copy_listing(p->listing, e);
	struct content *c = listing == NULL ? NULL : content_new(listing, e);
	int tree = -1, rc = -1;

	if (c != NULL && (tree = live_open_tree(p->run->dev, p->mend.release, e)) != -1 &&
	    content_at_tree(c, tree, &nothing, e) == 0)
		rc = mend_content(&p->mend, c, -1, e);
	content_free(c);
	mend_end(&p->mend);
	if (tree != -1)
		(void)close(tree);
	return rc;
}

/* The tree's own note of what it is: everything else looks there. */
static int
write_note(struct repair *p, struct err *e)
{
	int tree = live_open_tree(p->run->dev, p->mend.release, e), rc;

	if (tree == -1)
		return -1;
	rc = tree_record_write(tree, &p->record, p->listing, e);
	if (rc == 0)
		rc = fs_sync_all(tree, e);
	(void)close(tree);
	return rc;
}

int
repair_build(struct repair *p, struct err *e)
{
	struct listing *listing;
	struct record rec;
	int rc;

	if (p->lost_note && write_note(p, e) == -1)
		return -1;
	status_step(p->run, STEP_STAGE);
	if (p->report.total == 0)
		return 0;
	if ((listing = copy_listing(p->listing, e)) == NULL)
		return -1;
	rc = stage_again(p->run->dev, &p->record, listing, mend_content, &p->mend, e);
	mend_end(&p->mend);
	if (rc == -1 && p->mend.refused) {
		log_detail("%s: %s; fetching the whole full", p->run->dev->conf->name,
		    e->text);
		err_clear(e);
		memset(&rec, 0, sizeof rec);
		rc = tree_stage_full(p->run, p->mend.release, &rec, e);
		record_clear(&rec);
		p->whole = rc == 0;
	}
	if (rc == 0)
		status_step(p->run, STEP_VERIFY);
	return rc == -1 ? -1 : tree_staged_is(p->run->dev, &p->record, e);
}

/* Files that both trees share could be written to until the service had stopped. */
static int
look_again(struct repair *p, struct err *e)
{
	int tree = stage_open_tree(p->run->dev, p->mend.release, e), rc;

	if (tree == -1)
		return -1;
	rc = reuse_recheck_tree(tree, p->listing, p->run->dev->conf, e);
	(void)close(tree);
	return rc == -1 ? err_wrap(e, "written to during the repair") : 0;
}

static int
prepare_hooks(struct repair *p, struct err *e)
{
	const struct device *dev = p->run->dev;
	int tree, rc;

	if (hooks_check(dev->conf, e) == -1)
		return -1;
	if (!dev->conf->hooks_from_release)
		return 0;
	if ((tree = stage_open_tree(dev, p->mend.release, e)) == -1)
		return -1;
	rc = hook_copies(dev, p->mend.release, tree, p->listing, e);
	(void)close(tree);
	return rc;
}

static void
set_step(struct run *r, enum step step)
{
	r->mark.step = step;
	status_step(r, step);
	device_say(r->dev, step_name(step));
}

/* The service is stopped. */
static int
exchange(struct repair *p, struct err *e)
{
	struct run *r = p->run;

	set_step(r, STEP_SWAP);
	if (look_again(p, e) == -1)
		return -1;
	if (tree_exchange(r->dev, p->mend.release, e) == -1) {
		if (e->sys == EINVAL || e->sys == ENOSYS)
			(void)err_hint(e, "the filesystem of %s cannot exchange two folders",
			    r->dev->root_path);
		return -1;
	}
	p->swapped = true;
	return 0;
}

/* Whatever went before, the service is to run. */
static int
start(struct repair *p, struct err *e)
{
	struct run *r = p->run;

	set_step(r, STEP_START);
	if (service_start(r, true, e) == -1)
		return -1;
	set_step(r, STEP_HEALTH);
	return health_check(r, true, e);
}

int
repair_swap(struct repair *p, struct err *e)
{
	struct run *r = p->run;
	struct err why = ERR_INIT, failed = ERR_INIT;

	if (prepare_hooks(p, e) == -1)
		return -1;
	switching_hold(true);
	if (switching_on(r, e) == -1) {
		switching_hold(false);
		return -1;
	}
	set_step(r, STEP_STOP);
	if (service_stop(r, true, &failed) == 0)
		(void)exchange(p, &failed);
	if (start(p, &why) == -1 && failed.code == ERR_NONE) {
		failed = why;
		(void)err_wrap(&failed, "release %" PRIu64 " is right again, but",
		    p->mend.release);
	}
	set_step(r, STEP_COMMIT);
	if (r->fetch != NULL)
		fetch_counts(r->fetch, &r->requests, &r->mark.bytes);
	if (p->swapped) {
		steps_history(r, "repaired", "");
		repair_tidy(p);
	}
	if (switching_off(r, &why) == -1 && failed.code == ERR_NONE)
		failed = why;
	switching_hold(false);
	*e = failed;
	return failed.code == ERR_NONE ? 0 : -1;
}

void
repair_tidy(struct repair *p)
{
	const struct device *dev = p->run->dev;
	struct err why = ERR_INIT;
	int bad = 0;

	bad |= stage_clear(dev, &why);
	bad |= hooks_clear(dev, &why);
	bad |= spool_clean(dev, NULL, &why);
	bad |= prune_sync(dev, &why);
	if (bad != 0)
		log_warn("%s: clearing up: %s", dev->conf->name, why.text);
}

void
repair_close(struct repair *p)
{
	listing_free(p->listing);
	record_clear(&p->record);
	if (p->has_full)
		edge_clear(&p->full);
	verify_report_clear(&p->report);
}
