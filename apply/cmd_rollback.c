#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/check.h"
#include "apply/commands.h"
#include "apply/data.h"
#include "apply/drive.h"
#include "apply/hooks.h"
#include "apply/memory.h"
#include "apply/prune.h"
#include "apply/session.h"
#include "apply/steps.h"

static struct {
	uint64_t to;
	bool below_floor, restore;
} want;

enum { RELEASES_MAX = 4096 };

/* The kept release to go back to: the one asked for, else the newest below. */
static int
pick(const struct device *dev, const struct live *live, uint64_t *out, struct err *e)
{
	static uint64_t numbers[RELEASES_MAX];
	int i, n = releases_list(dev, numbers, RELEASES_MAX, e);

	if (n == -1)
		return -1;
	if (want.to >= live->release)
		return err_set(e, ERR_USAGE, "--to %" PRIu64 ": release %" PRIu64
		    " runs; rollback goes to an older one", want.to, live->release);
	for (i = n; i > 0; i--)
		if (want.to == 0 ? numbers[i - 1] < live->release :
		    numbers[i - 1] == want.to) {
			*out = numbers[i - 1];
			return 0;
		}
	if (want.to != 0)
		return err_set(e, ERR_POLICY, "release %" PRIu64 " is not kept here",
		    want.to);
	return err_set(e, ERR_POLICY, "no release older than %" PRIu64 " is kept here",
	    live->release);
}

/* The floor is signed; without metadata there is none that we know of. */
static int
check_floor(struct run *r, uint64_t target, struct err *e)
{
	struct session *session = session_open(r->dev, NULL, e);
	uint64_t floor = 0;

	if (session == NULL || session_local(session, e) == -1) {
		session_close(session);
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	floor = session_floor(session);
	session_close(session);
	if (target >= floor || want.below_floor)
		return 0;
	return err_set(e, ERR_POLICY,
	    "release %" PRIu64 " is below the floor %" PRIu64
	    ": it has known faults; --below-floor goes there all the same",
	    target, floor);
}

/* Which release the live one replaced, by the history; 0: unknown. */
static uint64_t
replaced_by(const struct device *dev, uint64_t live)
{
	struct err why = ERR_INIT;
	struct jv *list = history_list(dev, &why);
	int64_t from = 0, to;
	size_t i;

	for (i = jv_count(list); i > 0; i--) {
		const struct jv *line = jv_at(list, i - 1);
		const char *result = jv_text(jv_get(line, "result"));

		if (jv_int(jv_get(line, "to"), &to) == 0 && (uint64_t)to == live &&
		    result != NULL && strcmp(result, "updated") == 0 &&
		    jv_int(jv_get(line, "from"), &from) == 0)
			break;
		from = 0;
	}
	jv_free(list);
	return (uint64_t)from;
}

/* Can the old release read the data as they are?  Else only with the backup. */
static int
check_data(struct run *r, struct mark *m, const struct record *rec, struct err *e)
{
	uint64_t schema = data_schema(r->dev, e);
	char path[DATA_BACKUP_PATH_MAX];
	struct stat st;

	if (e->code != ERR_NONE)
		return -1;
	if (!want.restore && data_readable(rec, schema))
		return 0;
	if (!want.restore)
		return err_set(e, ERR_POLICY,
		    "release %" PRIu64 " cannot read the data of"
		    " this device (schema %" PRIu64 ", it reads %" PRIu64 " to %" PRIu64
		    "); --restore brings back the backup made before release %" PRIu64
		    ", and loses what was written since",
		    rec->release, schema, rec->data_reads, rec->data_schema, m->to);
	if (fs_stat_at(r->dev->base, data_backup_path(m->to, path), &st, e) != 1 ||
	    replaced_by(r->dev, m->to) != m->from)
		return err_set(e, ERR_POLICY, "--restore: no backup that release %" PRIu64
		    " could go on with is kept", m->from);
	m->migrated = m->backed_up = true;
	m->schema_before = rec->data_schema;
	return 0;
}

static int
prepare(struct run *r, struct mark *m, struct err *e)
{
	struct record rec;
	struct live live;
	int rc = -1;

	memset(m, 0, sizeof *m);
	memset(&rec, 0, sizeof rec);
	memset(&live, 0, sizeof live);
	switch (live_read(r->dev, &live, e)) {
	case LIVE_STUCK:
		return -1;
	case LIVE_NONE:
		return err_set(e, ERR_POLICY, "nothing is installed");
	case LIVE_RELEASE:
		break;
	}
	if (drive_make_idle(r, e) == -1 || pick(r->dev, &live, &m->from, e) == -1)
		return -1;
	m->to = live.release;
	m->to_listing = live.listing;
	m->began = utc_now();
	if (steps_record(r, m->from, &rec, e) == -1) {
		(void)err_wrap(e, "release %" PRIu64, m->from);
		goto out;
	}
	m->from_listing = rec.listing;
	if (check_floor(r, m->from, e) == -1 || check_data(r, m, &rec, e) == -1 ||
	    check_release(r->dev, m->from, e) != CHECK_SAME)
		goto out;
	r->mark = *m;
	if (live_try(r->dev, e) == -1 || live_prepare(r->dev, m->from, e) == -1 ||
	    live_prepare(r->dev, m->to, e) == -1 || hooks_prepare(r, e) == -1)
		goto out;
	rc = 0;
out:
	record_clear(&rec);
	return rc;
}

static int
roll_back(const struct conf *conf, struct err *e)
{
	struct device dev;
	struct mark m;
	struct run r;
	int status = -1;

	if (device_open(conf, true, &dev, e) == -1)
		return -1;
	memset(&r, 0, sizeof r);
	if (device_lock(&dev, e) == 0 && run_open(&r, &dev, e) == 0 &&
	    prepare(&r, &m, e) == 0) {
		status = drive_rollback(&r, &m, e);
		if (e->code != ERR_NONE)
			status = -1;
	}
	if (r.dev != NULL)
		run_close(&r);
	device_close(&dev);
	return status;
}

static const struct opt options[] = { COMMON_OPTIONS,
	{ "to", 0, OPT_COUNT_U64, &want.to, "N",
	    "this kept release, not the newest older" },
	{ "below-floor", 0, OPT_FLAG, &want.below_floor, NULL,
	    "also to a release with known faults" },
	{ "restore", 0, OPT_FLAG, &want.restore, NULL,
	    "bring back the data backup made before the running release" },
	OPT_END };

static int
run_rollback(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(roll_back, e);
}

const struct opt_command cmd_rollback = {
	"rollback", "", "go back to the release before",
	"The release that is left is held: updates stay away from it until something\n"
	"newer appears or `delta-apply resume` is run.\n",
	options, 0, 0, run_rollback
};
