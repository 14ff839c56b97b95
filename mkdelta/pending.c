#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_names.h"
#include "mkdelta/place.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/pending.h"

#define CHANGE "change.json"
enum { CHANGE_MAX = 1 << 20, NAME_MAX_PENDING = 272 };

/* The folder that holds REPO, and the name REPO.pending (or .pending.new) in it. */
static int
open_place(const struct repo *r, const char *end, struct place *p,
    char name[static NAME_MAX_PENDING], struct err *e)
{
	if (place_open(r->path, p, e) == -1)
		return -1;
	(void)snprintf(name, NAME_MAX_PENDING, "%s.pending%s", p->name, end);
	return 0;
}

bool
pending_is_there(const struct repo *r)
{
	char name[NAME_MAX_PENDING];
	struct err ignored = ERR_INIT;
	struct place p;
	struct stat st;
	bool there;

	if (open_place(r, "", &p, name, &ignored) == -1)
		return false;
	there = fs_stat_at(p.at, name, &st, &ignored) == 1;
	place_close(&p);
	return there;
}

int
pending_new_folder(const struct repo *r, bool fresh, struct err *e)
{
	char name[NAME_MAX_PENDING];
	struct place p;
	int dir = -1, rc = open_place(r, ".new", &p, name, e);

	if (rc == -1)
		return -1;
	if (fresh && (fs_remove_tree(p.at, name, e) == -1 ||
	    fs_mkdir(p.at, name, 0700, e) == -1))
		rc = -1;
	if (rc == 0)
		dir = fs_open_dir_at(p.at, name, e);
	place_close(&p);
	return dir;
}

static int
open_folder(const struct repo *r, struct err *e)
{
	char name[NAME_MAX_PENDING];
	struct place p;
	int dir;

	if (open_place(r, "", &p, name, e) == -1)
		return -1;
	dir = fs_open_dir_at(p.at, name, e);
	place_close(&p);
	return dir;
}

/* Read ---------------------------------------------------------------- */

static struct jv *
read_json(int dir, const char *name, size_t max, struct err *e)
{
	struct buf bytes = BUF_INIT(max);
	struct jv *value = NULL;

	if (fs_read_file(dir, name, &bytes, e) == 0)
		value = jv_parse(bytes.data, bytes.len, e);
	buf_free(&bytes);
	if (value == NULL)
		(void)err_wrap(e, "pending: %s", name);
	return value;
}

/* The file is well-formed metadata of this role, product and version. */
static int
check_file(const struct repo *r, const char *name, const struct jv *file, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX);
	struct tuf_meta *m = NULL;
	int rc = jv_print_sorted(file, &bytes, e);

	if (rc == 0 && (m = tuf_meta_parse(bytes.data, bytes.len, e)) == NULL)
		rc = -1;
	if (rc == 0 && (tuf_meta_check(m, name, e) == -1 ||
	    tuf_meta_check_product(m, r->product, e) == -1))
		rc = -1;
	tuf_meta_free(m);
	buf_free(&bytes);
	return rc;
}

/* The role as it will be. */
static int
lay_over(struct repo *r, struct repo_role *role, struct jv *file, struct err *e)
{
	const struct jv *part = jv_get(file, "signed");
	const char *expires = jv_get_text(part, "expires", e);
	const char *signed_at = jv_get_text(part, "x-signed", e);

	if (check_file(r, role->name, file, e) == -1 || expires == NULL ||
	    signed_at == NULL || utc_parse(expires, &role->expires) == -1 ||
	    utc_parse(signed_at, &role->signed_at) == -1 ||
	    jv_get_u64(part, "version", &role->version, e) == -1) {
		jv_free(file);
		return err_wrap(e, "pending: role %s", role->name);
	}
	jv_free(role->before);
	role->before = role->part;
	role->part = jv_copy(part);
	jv_free(role->file);
	role->file = file;
	role->changed = true;
	return 0;
}

static int
load_role(struct repo *r, int dir, const struct jv *entry, struct err *e)
{
	const char *name = jv_get_text(entry, "role", e), *by = jv_get_text(entry, "by", e);
	struct buf file = BUF_INIT(1024);
	struct repo_role *role;
	uint64_t base, version;
	struct jv *value;
	int rc = -1;

	if (name == NULL || by == NULL || strlen(name) >= NAME_MAX_PATH ||
	    strlen(by) >= NAME_MAX_PATH || jv_get_u64(entry, "base", &base, e) == -1 ||
	    jv_get_u64(entry, "version", &version, e) == -1)
		return err_set(e, ERR_FORMAT, "pending: %s: malformed", CHANGE);
	role = repo_role(r, name);
	if ((role == NULL ? 0 : role->version) != base)
		return err_set(e, ERR_POLICY, "%s.pending: role %s went on to version %"
		    PRIu64 " since, so this change is out of date; drop it with mkdelta "
		    "sign --drop %s and make it again", r->path, name,
		    role == NULL ? 0 : role->version, r->path);
	if (role == NULL && (role = repo_state_append(r, name, by, e)) == NULL)
		return -1;
	if (tuf_role_file(name, version, &file, e) == 0 &&
	    (value = read_json(dir, buf_text(&file), TUF_TARGETS_MAX, e)) != NULL)
		rc = lay_over(r, role, value, e);
	buf_free(&file);
	/* Roots are counted without a gap; the others only upwards. */
	if (rc == 0 && (role->version != version || version <= base ||
	    (strcmp(name, "root") == 0 && version != base + 1)))
		rc = err_set(e, ERR_TRUST, "pending: role %s: is version %" PRIu64 ", which "
		    "does not follow %" PRIu64, name, role->version, base);
	return rc;
}

/* Left by a run that was killed between the last name and this folder's end: all
 * roles stand in the repository as they stand here. */
static bool
is_published(const struct repo *r, int dir, const struct jv *roles)
{
	bool same = jv_count(roles) > 0;

	for (size_t i = 0; same && i < jv_count(roles); i++) {
		const char *name = jv_text(jv_get(jv_at(roles, i), "role"));
		const struct repo_role *role = name == NULL ? NULL : repo_role(r, name);
		struct buf file = BUF_INIT(1024), here = BUF_INIT(TUF_TARGETS_MAX);
		struct buf there = BUF_INIT(TUF_TARGETS_MAX);
		struct err ignored = ERR_INIT;
		struct jv *value = NULL;
		uint64_t version;

		same = role != NULL &&
		    jv_get_u64(jv_at(roles, i), "version", &version, &ignored) == 0 &&
		    role->version == version &&
		    tuf_role_file(name, version, &file, &ignored) == 0 &&
		    (value = read_json(dir, buf_text(&file), TUF_TARGETS_MAX,
			&ignored)) != NULL &&
		    jv_canonical(jv_get(value, "signed"), &here, &ignored) == 0 &&
		    jv_canonical(role->part, &there, &ignored) == 0 &&
		    here.len == there.len &&
		    memcmp(here.data, there.data, here.len) == 0;
		jv_free(value);
		buf_free(&file);
		buf_free(&here);
		buf_free(&there);
	}
	return same;
}

int
pending_load(struct repo *r, struct err *e)
{
	int dir = open_folder(r, e), rc = 0;
	struct jv *change;
	const struct jv *roles;
	const char *reason;

	if (dir == -1)
		return -1;
	if ((change = read_json(dir, CHANGE, CHANGE_MAX, e)) == NULL) {
		(void)close(dir);
		return -1;
	}
	if ((reason = jv_text(jv_get(change, "reason"))) != NULL)
		(void)snprintf(r->reason, sizeof r->reason, "%s", reason);
	roles = jv_get(change, "roles");
	if (is_published(r, dir, roles)) {
		rc = err_set(e, ERR_ABSENT, "%s.pending: is published", r->path);
		if (r->lock != -1)
			(void)pending_remove(r, &(struct err)ERR_INIT);
	}
	for (size_t i = 0; rc == 0 && i < jv_count(roles); i++)
		rc = load_role(r, dir, jv_at(roles, i), e);
	jv_free(change);
	(void)close(dir);
	r->pending_loaded = rc == 0;
	return rc;
}

int
pending_check_free(const struct repo *r, struct err *e)
{
	int dir = pending_is_there(r) ? open_folder(r, e) : -1, rc = 0;
	struct jv *change;
	const struct jv *roles;

	if (dir == -1)
		return 0;
	if ((change = read_json(dir, CHANGE, CHANGE_MAX, e)) == NULL)
		rc = -1;
	roles = jv_get(change, "roles");
	for (size_t i = 0; rc == 0 && i < jv_count(roles); i++) {
		const char *name = jv_text(jv_get(jv_at(roles, i), "role"));
		const struct repo_role *role = name == NULL ? NULL : repo_role(r, name);
		const char *why = jv_text(jv_get(change, "reason"));

		if (role != NULL && role->changed && role->file == NULL)
			rc = err_set(e, ERR_POLICY, "role %s: %s.pending waits for its "
			    "signatures (%s); mkdelta show %s pending says whose, mkdelta "
			    "sign --drop %s gives it up", name, r->path,
			    why == NULL ? "a change" : why, r->path, r->path);
	}
	jv_free(change);
	(void)close(dir);
	return rc;
}

/* Write --------------------------------------------------------------- */

static int
write_json(int dir, const char *name, const struct jv *value, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX);
	int rc = jv_print_sorted(value, &bytes, e);

	if (rc == 0)
		rc = fs_write_file(dir, name, bytes.data, bytes.len, 0644, e);
	buf_free(&bytes);
	return rc;
}

static int
store_role(int dir, const struct repo_role *role, struct jv *roles, struct err *e)
{
	struct buf file = BUF_INIT(1024);
	struct jv *entry = jv_new_object();
	int rc = tuf_role_file(role->name, role->version, &file, e);

	if (rc == 0)
		rc = write_json(dir, buf_text(&file), role->file, e);
	buf_free(&file);
	if (jv_set(entry, "role", jv_new_text(role->name)) == -1 ||
	    jv_set(entry, "by", jv_new_text(role->by)) == -1 ||
	    jv_set(entry, "base", jv_new_int((int64_t)role->base)) == -1 ||
	    jv_set(entry, "version", jv_new_int((int64_t)role->version)) == -1 ||
	    jv_push(roles, entry) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	return rc;
}

static int
store_all(const struct repo *r, int dir, struct err *e)
{
	struct jv *change = jv_new_object(), *roles = jv_new_list();
	int rc = 0;

	for (const struct repo_role *role = r->roles; rc == 0 && role != NULL;
	    role = role->next)
		if (role->changed && role->file != NULL)
			rc = store_role(dir, role, roles, e);
	if (jv_set(change, "schema", jv_new_int(1)) == -1 ||
	    jv_set(change, "reason", jv_new_text(r->reason)) == -1 ||
	    jv_set(change, "roles", roles) == -1)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = write_json(dir, CHANGE, change, e);
	jv_free(change);
	return rc;
}

/* More signatures for the change that is there: file by file, each by a rename. */
int
pending_store(struct repo *r, struct err *e)
{
	char new_name[NAME_MAX_PENDING], name[NAME_MAX_PENDING];
	bool again = pending_is_there(r);
	int dir = again ? open_folder(r, e) : pending_new_folder(r, false, e);
	struct place p = { .at = -1 };
	int rc = dir == -1 ? -1 : store_all(r, dir, e);

	if (rc == 0 && !again) {
		rc = open_place(r, ".new", &p, new_name, e);
		if (rc == 0) {
			(void)snprintf(name, sizeof name, "%.*s",
			    (int)(strlen(new_name) - 4), new_name);
			rc = fs_rename(p.at, new_name, p.at, name, e) == -1 ? -1 :
			    fs_sync_dir(p.at, ".", e);
			place_close(&p);
		}
	}
	if (dir != -1)
		(void)close(dir);
	r->waits = rc == 0;
	return rc;
}

struct placing {
	const struct repo *repo;
	int from;
};

static int
place_one(void *arg, const struct fs_visit *v, struct err *e)
{
	const struct placing *p = arg;
	char path[REPO_FILE_MAX];
	int n = snprintf(path, sizeof path, "targets/%s", v->path);
	int rc;

	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (n < 0 || (size_t)n >= sizeof path) {
		(void)err_set(e, ERR_FORMAT, "pending: %s: too long a name", v->path);
		return FS_WALK_STOP;
	}
	if (S_ISDIR(v->st->st_mode))
		rc = fs_mkdirs(p->repo->dir, path, 0755, e);
	else
		rc = fs_rename(p->from, path, p->repo->dir, path, e);
	return rc == -1 ? FS_WALK_STOP : FS_WALK_ON;
}

int
pending_place_objects(const struct repo *r, struct err *e)
{
	int dir = pending_is_there(r) ? open_folder(r, e) : -1, targets, rc;
	struct placing p = { r, dir };
	struct stat st;

	if (dir == -1)
		return 0;
	if ((rc = fs_stat_at(dir, "targets", &st, e)) == 1 &&
	    (targets = fs_open_dir_at(dir, "targets", e)) != -1) {
		rc = fs_walk(targets, place_one, &p, e);
		(void)close(targets);
		if (rc == 0)
			rc = fs_sync_all(r->dir, e);
	}
	(void)close(dir);
	return rc;
}

/* Away by one rename, then in peace. */
int
pending_remove(const struct repo *r, struct err *e)
{
	char name[NAME_MAX_PENDING], gone[NAME_MAX_PENDING];
	struct place p;
	struct stat st;
	int rc;

	if (open_place(r, "", &p, name, e) == -1)
		return -1;
	(void)snprintf(gone, sizeof gone, "%.*s.new", NAME_MAX_PENDING - 5, name);
	rc = fs_remove_tree(p.at, gone, e);
	if (rc == 0 && (rc = fs_stat_at(p.at, name, &st, e)) == 1 &&
	    (rc = fs_rename(p.at, name, p.at, gone, e)) == 0)
		rc = fs_sync_dir(p.at, ".", e);
	if (rc == 0)
		rc = fs_remove_tree(p.at, gone, e);
	place_close(&p);
	return rc;
}

int
pending_sweep(const struct repo *r, struct err *e)
{
	char name[NAME_MAX_PENDING];
	struct place p;
	int rc;

	if (open_place(r, ".new", &p, name, e) == -1)
		return -1;
	rc = fs_remove_tree(p.at, name, e);
	place_close(&p);
	return rc;
}
