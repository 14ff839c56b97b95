#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/data.h"
#include "apply/hooks.h"
#include "apply/session.h"

#include "apply/run.h"

/* "2 deltas", "the full", "nothing" */
static const char *
hops_text(const struct plan *p, char *out, size_t max)
{
	size_t i, deltas = 0, fulls = 0;

	for (i = 0; i < p->n_hops; i++) {
		if (p->hops[i].is_full)
			fulls++;
		else
			deltas++;
	}
	if (p->n_hops == 0)
		(void)snprintf(out, max, "nothing (the same tree)");
	else if (deltas == 0)
		(void)snprintf(out, max, "the full");
	else
		(void)snprintf(out, max, "%s%zu delta%s",
		    fulls > 0 ? "the full and " : "", deltas, deltas == 1 ? "" : "s");
	return out;
}

static void
say_plan(const struct run *r)
{
	const struct plan *p = &r->plan;
	char hops[64], bytes[BYTES_TEXT_MAX], full[BYTES_TEXT_MAX], from[24] = "nothing";

	if (p->from != 0)
		(void)snprintf(from, sizeof from, "%" PRIu64, p->from);
	log_say("%s: %s -> %" PRIu64 ": %s%s, %s%s%s%s", r->dev->conf->name, from,
	    p->to.release, r->dry_run ? "would download " : "download ",
	    hops_text(p, hops, sizeof hops), bytes_text(bytes, p->download_bytes),
	    p->full_bytes > p->download_bytes ? " (the full: " : "",
	    p->full_bytes > p->download_bytes ? bytes_text(full, p->full_bytes) : "",
	    p->full_bytes > p->download_bytes ? ")" : "");
}

static int
room_for(int fd, const char *where, uint64_t bytes, uint64_t inodes, struct err *e)
{
	char want[BYTES_TEXT_MAX], have[BYTES_TEXT_MAX];
	uint64_t free_bytes, free_inodes;

	if (fs_room(fd, &free_bytes, &free_inodes, e) == -1)
		return err_wrap(e, "%s", where);
	if (bytes > free_bytes)
		return err_set(e, ERR_ROOM, "%s: %s needed, %s free; make room there",
		    where, bytes_text(want, bytes), bytes_text(have, free_bytes));
	/* Filesystems without a table of inodes say 0. */
	if (inodes > free_inodes && free_inodes != 0)
		return err_set(e, ERR_ROOM, "%s: %" PRIu64 " inodes needed, %" PRIu64
		    " free; remove files there", where, inodes, free_inodes);
	return 0;
}

/* The spool and the new tree may stand on different filesystems. */
static int
check_room(const struct run *r, struct err *e)
{
	const struct plan *p = &r->plan;
	struct stat state, releases;
	uint64_t objects = p->download_bytes < p->peak_bytes ? p->download_bytes :
	    p->peak_bytes;

	if (fstat(r->dev->state, &state) == -1 ||
	    fstat(r->dev->releases, &releases) == -1)
		return err_sys(e, "look at the folders of %s", r->dev->conf->name);
	if (state.st_dev == releases.st_dev)
		return room_for(r->dev->releases, r->dev->root_path, p->peak_bytes,
		    p->inodes, e);
	if (room_for(r->dev->state, r->dev->conf->state, objects, 0, e) == -1)
		return -1;
	return room_for(r->dev->releases, r->dev->root_path, p->peak_bytes - objects,
	    p->inodes, e);
}

/* What the plan leaves out failed for a reason of its own: with no way left
 * that is what people have to know. */
static void
explain_no_path(const struct run *r, struct err *e)
{
	if (r->n_bad > 0 && r->bad_why.code != ERR_NONE &&
	    (e->code == ERR_NET || e->code == ERR_TRUST || e->code == ERR_ABSENT))
		*e = r->bad_why;
}

static int
make_plan(struct run *r, struct err *e)
{
	const struct catalog *catalog = session_catalog(r->session);
	const struct record *to = catalog_record(catalog, r->mark.to);
	struct live live;

	memset(&live, 0, sizeof live);
	if (live_read(r->dev, &live, e) == LIVE_STUCK)
		return -1;
	if (to == NULL)
		return err_set(e, ERR_FAIL, "release %" PRIu64 " is no longer offered",
		    r->mark.to);
	if (live.release != 0 && !live.has_record && r->n_bad == 0)
		log_say("%s: %" PRIu64
			" is not a release as published: the update starts "
			"from nothing",
		    r->dev->conf->name, live.release);
	/* A tree that is not its listing is no source of deltas. */
	if (r->tree_modified)
		live.has_record = false;
	if (r->has_plan)
		plan_clear(&r->plan);
	r->has_plan = false;
	if (plan_make(r->dev, catalog, &live, to, r->bad, r->n_bad, &r->plan, e) == -1) {
		explain_no_path(r, e);
		return -1;
	}
	r->has_plan = true;
	return 0;
}

/* All that going back will need is made now, while there is room for it. */
static int
way_back(struct run *r, struct err *e)
{
	if (live_try(r->dev, e) == -1 || live_prepare(r->dev, r->mark.to, e) == -1)
		return -1;
	return r->mark.from == 0 ? 0 : live_prepare(r->dev, r->mark.from, e);
}

enum step_result
step_preflight(struct run *r, struct err *e)
{
	uint64_t schema;

	/* Entered from idle only, so the metadata are those of this run. */
	if (hooks_check(r->dev->conf, e) == -1 || make_plan(r, e) == -1)
		return STEP_FAIL;
	schema = data_schema(r->dev, e);
	if (e->code != ERR_NONE)
		return STEP_FAIL;
	if (!data_readable(&r->plan.to, schema)) {
		(void)err_set(e, ERR_POLICY, "release %" PRIu64 " cannot read the data of"
		    " this device (schema %" PRIu64 ", it reads %" PRIu64 " to %" PRIu64
		    ")", r->mark.to, schema, r->plan.to.data_reads,
		    r->plan.to.data_schema);
		return STEP_FAIL;
	}
	say_plan(r);
	if (check_room(r, e) == -1)
		return STEP_FAIL;
	if (r->dry_run) {
		(void)snprintf(r->reason, sizeof r->reason, "dry-run");
		return STEP_NOTHING;
	}
	if (way_back(r, e) == -1)
		return STEP_FAIL;
	if (r->dev->conf->hooks[HOOK_PREFLIGHT] != NULL &&
	    hook_run(r, HOOK_PREFLIGHT, false, e) == HOOK_FAILED)
		return STEP_FAIL;
	r->mark.schema_before = schema;
	r->mark.began = utc_now();
	r->mark.bytes = 0;
	return plan_save(r->dev, &r->plan, e) == -1 ? STEP_FAIL : STEP_DONE;
}
