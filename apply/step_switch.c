#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"

#include "apply/check.h"
#include "apply/data.h"
#include "apply/drive.h"
#include "apply/hooks.h"
#include "apply/probe.h"
#include "apply/reuse.h"
#include "apply/service.h"
#include "apply/steps.h"

#include "apply/run.h"

/* The old tree is what rollback goes back to: it has to be what it was. */
static void
look_at_old_tree(struct run *r)
{
	struct err why = ERR_INIT;
	enum check_end end;

	if (r->mark.from == 0)
		return;
	end = check_repair(r->dev, r->mark.from, r->mark.to, &why);
	r->mark.old_modified = end != CHECK_SAME;
	if (end == CHECK_UNKNOWN)
		log_detail("%s: release %" PRIu64 " has no record; a rollback goes back"
		    " to it as it is", r->dev->conf->name, r->mark.from);
	else if (end != CHECK_SAME)
		log_warn("%s: %s; a rollback goes back to it as it is",
		    r->dev->conf->name, why.text);
}

/* "Can I still update?" counts later only if it worked right before. */
static void
probe_before(struct run *r)
{
	struct err why = ERR_INIT;

	r->mark.probe_passed = r->dev->conf->health_update_probe &&
	    probe_update(r, &why) == PROBE_PASSED;
}

/* The new tree shares a file with the old one, and that was written to. */
static enum step_result
shared_file_changed(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (e->code != ERR_TRUST && e->code != ERR_FORMAT)
		return STEP_FAIL;
	if (steps_remove_tree(r, r->mark.to, &why) == -1) {
		*e = why;
		return STEP_FAIL;
	}
	r->tree_modified = true;
	return STEP_AGAIN;
}

enum step_result
step_stop(struct run *r, struct err *e)
{
	/* At boot nothing runs yet, and the old tree is the live one. */
	if (r->recovering)
		return STEP_LATER;
	/* Looked at while the application still runs: this may take its time. */
	if (r->mark.tries == 1) {
		if (reuse_recheck(r, e) == -1)
			return shared_file_changed(r, e);
		look_at_old_tree(r);
		probe_before(r);
		if (drive_mark(r, e) == -1)
			return STEP_FAIL;
	}
	if (service_stop(r, true, e) == -1)
		return STEP_FAIL;
	/* Cheap unless something was written on the way down. */
	return reuse_recheck(r, e) == -1 ? STEP_FAIL : STEP_DONE;
}

int
steps_sync(struct run *r, struct err *e)
{
	return fs_sync_all(r->dev->base, e) == -1 ? -1 : fs_sync_all(r->dev->state, e);
}

/* An empty BASE/backup/TO that the hook's user can write to. */
static int
backup_folder(struct run *r, struct err *e)
{
	char path[DATA_BACKUP_PATH_MAX];
	uid_t uid;
	gid_t gid;
	int fd, rc;

	(void)data_backup_path(r->mark.to, path);
	if (fs_mkdirs(r->dev->base, DATA_BACKUP, 0711, e) == -1 ||
	    fs_remove_tree(r->dev->base, path, e) == -1 ||
	    fs_mkdir(r->dev->base, path, 0700, e) == -1)
		return -1;
	if (hook_user_ids(r->dev->conf, &uid, &gid, e) == -1 ||
	    (fd = fs_open_dir_at(r->dev->base, path, e)) == -1)
		return -1;
	rc = uid == geteuid() ? 0 : fs_chown_fd(fd, uid, gid, e);
	(void)close(fd);
	return rc;
}

enum step_result
step_backup(struct run *r, struct err *e)
{
	if (r->recovering)
		return STEP_LATER;
	if (!hook_exists(r, HOOK_BACKUP, false))
		return STEP_DONE;
	if (backup_folder(r, e) == -1)
		return STEP_FAIL;
	if (hook_run(r, HOOK_BACKUP, false, e) == HOOK_FAILED)
		return STEP_FAIL;
	if (steps_sync(r, e) == -1)
		return STEP_FAIL;
	r->mark.backed_up = true;
	return STEP_DONE;
}

enum step_result
step_migrate(struct run *r, struct err *e)
{
	uint64_t schema;

	if (r->recovering)
		return STEP_LATER;
	if (steps_need_plan(r, e) == -1)
		return STEP_FAIL;
	if (hook_exists(r, HOOK_MIGRATE, false)) {
		r->mark.migrated = true;
		if (drive_mark(r, e) == -1)
			return STEP_FAIL;
		if (hook_run(r, HOOK_MIGRATE, false, e) == HOOK_FAILED ||
		    steps_sync(r, e) == -1)
			return STEP_FAIL;
	}
	/* Older releases have to know whose data this is from here on. */
	schema = r->plan.to.data_schema;
	if (schema > r->mark.schema_before) {
		r->mark.migrated = true;
		if (drive_mark(r, e) == -1 || data_schema_set(r->dev, schema, e) == -1)
			return STEP_FAIL;
	}
	return STEP_DONE;
}

enum step_result
step_swap(struct run *r, struct err *e)
{
	if (live_switch(r->dev, r->mark.from, r->mark.to, e) == 0)
		return STEP_DONE;
	/* Its tree was taken away meanwhile: the release is not to blame. */
	if (e->code == ERR_ABSENT)
		(void)snprintf(r->mark.reason, sizeof r->mark.reason, "live-changed");
	return STEP_FAIL;
}

enum step_result
step_start(struct run *r, struct err *e)
{
	/* At boot the application comes after this, started by others. */
	if (r->recovering)
		return STEP_LATER;
	return service_start(r, false, e) == -1 ? STEP_FAIL : STEP_DONE;
}
