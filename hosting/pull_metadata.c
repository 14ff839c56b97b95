#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_names.h"
#include "manifest/tuf_write.h"

#include "hosting/pull_metadata.h"

enum { UNNAMED_MAX = 64 };

#define TIMESTAMP "metadata/timestamp.json"

/* The repository's own first root is what its owner trusts. */
static int
trust_own_root(int repo, int dir, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	int rc;

	if (fs_read_file(repo, "metadata/1.root.json", &root, e) == 0) {
		rc = tuf_trust(dir, root.data, root.len, e);
	} else if ((rc = e->code == ERR_ABSENT ? 0 : -1) == 0) {
		err_clear(e);
	}
	buf_free(&root);
	return rc;
}

int
pull_open_folder(int repo, const struct view_trust *t, struct err *e)
{
	int dir;

	if (fs_mkdirs(repo, PULL_FOLDER, 0700, e) == -1 ||
	    (dir = fs_open_dir_at(repo, PULL_FOLDER, e)) == -1)
		return -1;
	if (t->root_file != NULL || trust_own_root(repo, dir, e) == 0)
		return dir;
	(void)close(dir);
	return -1;
}

/* The version of a timestamp and of the snapshot that it names. */
static int
read_timestamp(const struct buf *b, uint64_t *version, uint64_t *snapshot, struct err *e)
{
	struct jv *top = jv_parse(b->data, b->len, e);
	const struct jv *part;
	int rc = -1;

	if (top != NULL && (part = jv_get_kind(top, "signed", JV_OBJECT, e)) != NULL &&
	    jv_get_u64(part, "version", version, e) == 0)
		rc = jv_get_u64(jv_get(jv_get(part, "meta"), "snapshot.json"), "version",
		    snapshot, e);
	jv_free(top);
	return rc == -1 ? err_wrap(e, TIMESTAMP) : 0;
}

/* Has the host the file that the folder has, byte for byte?  1, 0, -1. */
static int
same_file(const struct site *s, int repo, const char *name, struct err *e)
{
	struct buf ours = BUF_INIT(TUF_SNAPSHOT_MAX), theirs = BUF_INIT(TUF_SNAPSHOT_MAX);
	int rc = -1;

	if (fs_read_file(repo, name, &ours, e) == -1)
		goto out;
	if (site_read(s, name, &theirs, e) == 0)
		rc = ours.len == theirs.len &&
		    memcmp(ours.data, theirs.data, ours.len) == 0;
	else if (e->code == ERR_ABSENT || e->code == ERR_FORMAT)
		rc = 0;
out:
	buf_free(&ours);
	buf_free(&theirs);
	return rc;
}

static int
parted(const struct site *s, struct err *e)
{
	return err_set(e, ERR_POLICY, "the repository holds a state that %s does not "
	    "have: publish that, or pull into an empty folder and make the release "
	    "there", s->where);
}

int
pull_same_line(const struct site *s, int repo, const struct view *v, bool *current,
    struct err *e)
{
	struct buf ours = BUF_INIT(TUF_TIMESTAMP_MAX), host = BUF_INIT(TUF_TIMESTAMP_MAX);
	char name[VIEW_FILE_MAX];
	uint64_t version, snapshot;
	int rc = -1, same;

	*current = false;
	if (fs_read_file(repo, TIMESTAMP, &ours, e) == -1) {
		if ((rc = e->code == ERR_ABSENT ? 0 : -1) == 0)
			err_clear(e);
		goto out;
	}
	if (read_timestamp(&ours, &version, &snapshot, e) == -1 ||
	    fs_read_file(v->dir, "timestamp.json", &host, e) == -1)
		goto out;
	*current = ours.len == host.len && memcmp(ours.data, host.data, ours.len) == 0;
	if (*current)
		rc = 0;
	else if (version >= v->timestamp)
		rc = parted(s, e);
	else if (view_role_file("snapshot", snapshot, name, e) == 0 &&
	    (same = same_file(s, repo, name, e)) != -1)
		rc = same == 1 ? (err_clear(e), 0) : parted(s, e);
out:
	buf_free(&ours);
	buf_free(&host);
	return rc;
}

/* An immutable name gets these bytes, or has them already. */
static int
put_file(int repo, const char *name, const struct buf *bytes, struct err *e)
{
	struct buf old = BUF_INIT(TUF_TARGETS_MAX);
	int rc = fs_read_file(repo, name, &old, e);

	if (rc == -1 && e->code == ERR_ABSENT) {
		err_clear(e);
		rc = fs_write_file(repo, name, bytes->data, bytes->len, 0644, e);
	} else if (rc == 0 && (old.len != bytes->len ||
	    memcmp(old.data, bytes->data, old.len) != 0)) {
		rc = err_set(e, ERR_POLICY, "%s: the repository holds other bytes than "
		    "the host", name);
	}
	buf_free(&old);
	return rc;
}

/* Roots from 1 on, each signed by the one before and by itself; the last must be the
 * very one that is trusted. */
static int
put_roots(const struct site *s, int repo, const struct view *v, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_ROOT_MAX), last = BUF_INIT(TUF_ROOT_MAX);
	struct jv *before = NULL, *by_old = NULL, *part = NULL;
	char name[VIEW_FILE_MAX];
	int rc = fs_read_file(v->dir, "root.json", &last, e);

	for (uint64_t n = 1; rc == 0 && n <= v->root; n++) {
		rc = -1;
		buf_reset(&bytes);
		if (view_role_file("root", n, name, e) == -1 ||
		    site_read(s, name, &bytes, e) == -1)
			break;
		if (before != NULL && (by_old = tuf_verify_file(before, "root",
		    bytes.data, bytes.len, e)) == NULL)
			break;
		jv_free(by_old);
		by_old = NULL;
		if ((part = tuf_verify_file(NULL, "root", bytes.data, bytes.len, e)) == NULL)
			break;
		jv_free(before);
		before = part;
		if (n == v->root && (bytes.len != last.len ||
		    memcmp(bytes.data, last.data, last.len) != 0)) {
			(void)err_set(e, ERR_TRUST, "not the root that is trusted");
			break;
		}
		rc = put_file(repo, name, &bytes, e);
	}
	if (rc == -1)
		(void)err_wrap(e, "%s", name);
	jv_free(before);
	buf_free(&bytes);
	buf_free(&last);
	return rc;
}

/* What the client verified, under the name that it has on the host. */
static int
put_role(int repo, const struct view *v, const char *role, uint64_t version,
    struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX), file = BUF_INIT(VIEW_FILE_MAX);
	char name[VIEW_FILE_MAX];
	int rc = -1;

	if (tuf_role_file(role, 0, &file, e) == 0 &&
	    fs_read_file(v->dir, buf_text(&file), &bytes, e) == 0 &&
	    view_role_file(role, version, name, e) == 0)
		rc = put_file(repo, name, &bytes, e);
	buf_free(&bytes);
	buf_free(&file);
	return rc;
}

/* Names above the version in force that the host has: of a publish that died, or is
 * under way. */
static int
put_unnamed(const struct site *s, int repo, const char *role, uint64_t version,
    uint64_t *unnamed, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX);
	char name[VIEW_FILE_MAX];
	int rc = 0;

	for (uint64_t n = version + 1; rc == 0; n++) {
		if (n - version > UNNAMED_MAX) {
			rc = err_set(e, ERR_FORMAT, "%s: the host has too many files that "
			    "nothing names", role);
			break;
		}
		buf_reset(&bytes);
		rc = -1;
		if (view_role_file(role, n, name, e) == -1)
			break;
		if (site_read(s, name, &bytes, e) == -1) {
			if ((rc = e->code == ERR_ABSENT ? 0 : -1) == 0)
				err_clear(e);
			break;
		}
		(*unnamed)++;
		rc = put_file(repo, name, &bytes, e);
	}
	buf_free(&bytes);
	return rc;
}

int
pull_metadata(const struct site *s, int repo, const struct view *v, uint64_t *unnamed,
    struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TIMESTAMP_MAX);
	int rc = -1;

	if (fs_mkdirs(repo, "metadata", 0755, e) == -1 || put_roots(s, repo, v, e) == -1)
		return -1;
	for (size_t i = 0; i < v->n_roles; i++) {
		const char *role = view_role_name(&v->roles[i]);

		if (put_role(repo, v, role, v->roles[i].version, e) == -1 ||
		    put_unnamed(s, repo, role, v->roles[i].version, unnamed, e) == -1)
			return -1;
	}
	if (put_role(repo, v, "snapshot", v->snapshot, e) == 0 &&
	    put_unnamed(s, repo, "snapshot", v->snapshot, unnamed, e) == 0 &&
	    fs_read_file(v->dir, "timestamp.json", &bytes, e) == 0 &&
	    fs_sync_dir(repo, ".", e) == 0)
		rc = fs_write_file(repo, TIMESTAMP, bytes.data, bytes.len, 0644, e);
	buf_free(&bytes);
	return rc;
}

static int
forget_part(void *arg, const struct fs_visit *v, struct err *e)
{
	size_t n = strlen(v->name);

	(void)arg;
	if (n > 5 && strcmp(v->name + n - 5, ".part") == 0 &&
	    fs_unlink(v->parent, v->name, e) == -1)
		return FS_WALK_STOP;
	return FS_WALK_ON;
}

int
pull_forget_parts(int repo, struct err *e)
{
	int dir = fs_open_dir_at(repo, PULL_FOLDER, e), rc;

	if (dir == -1)
		return -1;
	rc = fs_walk(dir, forget_part, NULL, e);
	(void)close(dir);
	return rc;
}
