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
#include "manifest/tuf_write.h"
#include "mkdelta/pending.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/repo.h"

enum { ROLES_MAX = 4096, ROOTS_MAX = 65536 };

static int
edited(struct err *e, const char *file, const char *what)
{
	return err_set(e, ERR_TRUST, "metadata/%s: %s: it was changed after it was "
	    "signed; put the original back (the host has it) or start from a backup",
	    file, what);
}

/* What snapshot or timestamp says of a file; it must say all three. */
static int
check_listed(const struct jv *listed, const char *file, const struct buf *bytes,
    struct err *e)
{
	const char *hex = jv_text(jv_get(jv_get(listed, "hashes"), "sha256"));
	struct sha256 want, got;
	uint64_t length;

	if (hex == NULL || sha256_parse(&want, hex) == -1 ||
	    jv_get_u64(listed, "length", &length, e) == -1)
		return err_set(e, ERR_FORMAT, "metadata/%s: signed without length or "
		    "sha256", file);
	if (length != bytes->len)
		return edited(e, file, "another length than signed");
	if (sha256_of(bytes->data, bytes->len, &got, e) == -1)
		return -1;
	return sha256_equal(&want, &got) ? 0 : edited(e, file, "other bytes than signed");
}

static int
read_metadata(const struct repo *r, const char *file, struct buf *out, struct err *e)
{
	char rel[NAME_MAX_PATH + 64];

	(void)snprintf(rel, sizeof rel, "metadata/%s", file);
	return fs_read_file(r->dir, rel, out, e);
}

/* Fill a role from its verified part. */
static int
take_part(struct repo_role *role, struct jv *part, size_t bytes, struct err *e)
{
	const char *expires = jv_get_text(part, "expires", e);
	const char *signed_at = jv_text(jv_get(part, "x-signed"));

	jv_free(role->part);
	role->part = part;
	role->bytes = bytes;
	if (expires == NULL || utc_parse(expires, &role->expires) == -1 ||
	    jv_get_u64(part, "version", &role->version, e) == -1)
		return err_set(e, ERR_FORMAT, "%s: no version or expires", role->name);
	role->base = role->version;
	if (signed_at == NULL || utc_parse(signed_at, &role->signed_at) == -1)
		return err_set(e, ERR_FORMAT, "%s: no x-signed: not made by mkdelta",
		    role->name);
	return 0;
}

static int
check_product(const struct repo *r, const char *file, const struct jv *part,
    struct err *e)
{
	const char *product = jv_text(jv_get(part, "x-product"));

	if (product == NULL || strcmp(product, r->product) != 0)
		return err_set(e, ERR_TRUST, "metadata/%s: belongs to another repository",
		    file);
	return 0;
}

/* Verify the bytes by the delegator; listed NULL: nothing vouches for length. */
static int
take_file(const struct repo *r, struct repo_role *role, const struct jv *delegator,
    const char *file, const struct buf *bytes, struct err *e)
{
	struct jv *part = tuf_verify_file(delegator, role->name, bytes->data,
	    bytes->len, e);

	if (part == NULL) {
		if (e->code == ERR_TRUST || e->code == ERR_FORMAT)
			(void)err_hint(e, "was it changed by hand?");
		return err_wrap(e, "metadata/%s", file);
	}
	if (r->product[0] != '\0' && check_product(r, file, part, e) == -1) {
		jv_free(part);
		return -1;
	}
	return take_part(role, part, bytes->len, e);
}

static int
load_listed(const struct repo *r, struct repo_role *role, const struct jv *lister,
    const struct jv *delegator, struct err *e)
{
	struct buf file = BUF_INIT(1024), key = BUF_INIT(1024);
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX);
	const struct jv *listed;
	uint64_t version = 0;
	int rc = -1;

	if (buf_addf(&key, e, "%s.json", role->name) == -1)
		goto out;
	listed = jv_get(jv_get(lister, "meta"), buf_text(&key));
	if (jv_get_u64(listed, "version", &version, e) == -1) {
		(void)err_set(e, ERR_FORMAT, "role %s: delegated, but not in snapshot",
		    role->name);
		goto out;
	}
	if (tuf_role_file(role->name, version, &file, e) == -1 ||
	    read_metadata(r, buf_text(&file), &bytes, e) == -1 ||
	    check_listed(listed, buf_text(&file), &bytes, e) == -1 ||
	    take_file(r, role, delegator, buf_text(&file), &bytes, e) == -1)
		goto out;
	rc = role->version == version ? 0 :
	    edited(e, buf_text(&file), "another version than its name");
out:
	buf_free(&file);
	buf_free(&key);
	buf_free(&bytes);
	return rc;
}

/* One more root: signed by the one before and by itself.  1 taken, 0 no more. */
static int
load_root(struct repo *r, struct repo_role *role, uint64_t version, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_ROOT_MAX);
	struct jv *by_old = NULL;
	char file[40];
	int rc = -1;

	(void)snprintf(file, sizeof file, "%" PRIu64 ".root.json", version);
	if (read_metadata(r, file, &bytes, e) == -1) {
		rc = e->code == ERR_ABSENT && version > 1 ? 0 : -1;
		if (rc == 0)
			err_clear(e);
		goto out;
	}
	if (version > 1 && (by_old = tuf_verify_file(role->part, "root", bytes.data,
	    bytes.len, e)) == NULL) {
		(void)err_wrap(e, "metadata/%s", file);
		goto out;
	}
	if (take_file(r, role, NULL, file, &bytes, e) == -1)
		goto out;
	rc = role->version == version ? 1 :
	    edited(e, file, "another version than its name");
out:
	jv_free(by_old);
	buf_free(&bytes);
	return rc;
}

static int
load_roots(struct repo *r, struct err *e)
{
	struct repo_role *root = repo_state_append(r, "root", "root", e);
	const char *product;
	uint64_t version = 1;
	int got = root == NULL ? -1 : 1;

	while (got == 1 && version < ROOTS_MAX) {
		got = load_root(r, root, version++, e);
		if (got == 1 && r->product[0] == '\0') {
			product = jv_text(jv_get(root->part, "x-product"));
			if (product == NULL || strlen(product) >= sizeof r->product)
				return err_set(e, ERR_USAGE, "%s: no repository of "
				    "mkdelta: root has no x-product", r->path);
			(void)snprintf(r->product, sizeof r->product, "%s", product);
		}
	}
	return got == -1 ? -1 : 0;
}

static int
load_timestamp(struct repo *r, const struct jv *root, struct err *e)
{
	struct repo_role *role = repo_state_append(r, "timestamp", "root", e);
	struct buf bytes = BUF_INIT(TUF_TIMESTAMP_MAX);
	int rc = -1;

	if (role != NULL && read_metadata(r, "timestamp.json", &bytes, e) == 0)
		rc = take_file(r, role, root, "timestamp.json", &bytes, e);
	buf_free(&bytes);
	return rc;
}

/* All that `by` delegates, in its order.  Names are checked by the shape. */
static int
load_delegated(struct repo *r, const struct repo_role *by, const struct jv *snapshot,
    struct err *e)
{
	const struct jv *list = jv_get(jv_get(by->part, "delegations"), "roles");

	for (size_t i = 0; i < jv_count(list); i++) {
		const char *name = jv_text(jv_get(jv_at(list, i), "name"));
		struct repo_role *role;

		if (name == NULL || strlen(name) >= NAME_MAX_PATH ||
		    repo_state_count(r) >= ROLES_MAX)
			return err_set(e, ERR_FORMAT, "role %s: too many delegations, or "
			    "too long a name", by->name);
		if (repo_role(r, name) != NULL)
			continue;
		if ((role = repo_state_append(r, name, by->name, e)) == NULL ||
		    load_listed(r, role, snapshot, by->part, e) == -1)
			return -1;
	}
	return 0;
}

static int
load_all(struct repo *r, struct err *e)
{
	const struct jv *root;
	struct repo_role *snapshot, *targets;

	if (load_roots(r, e) == -1)
		return -1;
	root = repo_role(r, "root")->part;
	if ((r->trusted_root = jv_copy(root)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (load_timestamp(r, root, e) == -1 ||
	    (snapshot = repo_state_append(r, "snapshot", "root", e)) == NULL ||
	    load_listed(r, snapshot, repo_role(r, "timestamp")->part, root, e) == -1 ||
	    (targets = repo_state_append(r, "targets", "root", e)) == NULL ||
	    load_listed(r, targets, snapshot->part, root, e) == -1)
		return -1;
	/* The list grows at its end while it is walked: breadth first. */
	for (struct repo_role *role = targets; role != NULL; role = role->next)
		if (load_delegated(r, role, snapshot->part, e) == -1)
			return -1;
	return 0;
}

static int
check_is_repo(const struct repo *r, struct err *e)
{
	struct stat st;
	int there = fs_stat_at(r->dir, "metadata/1.root.json", &st, e);

	if (there != 0)
		return there == -1 ? -1 : 0;
	return err_set(e, ERR_USAGE, "%s: no repository (metadata/1.root.json is "
	    "missing); make one with: mkdelta init %s", r->path, r->path);
}

static int
lock(struct repo *r, const char *command, struct err *e)
{
	char holder[80];

	(void)snprintf(holder, sizeof holder, "mkdelta %s, process %ld", command,
	    (long)getpid());
	if ((r->lock = fs_lock(r->dir, ".lock", holder, e)) == -1)
		return -1;
	/* Scraps of a run that was killed. */
	if (fs_remove_temps(r->dir, "metadata", e) == -1 ||
	    fs_remove_tree(r->dir, REPO_WORK, e) == -1 ||
	    fs_mkdir(r->dir, REPO_WORK, 0700, e) == -1 || repo_write_again(r, e) == -1 ||
	    pending_sweep(r, e) == -1)
		return -1;
	return (r->work = fs_open_dir_at(r->dir, REPO_WORK, e)) == -1 ? -1 : 0;
}

struct repo *
repo_open(const char *path, const char *command, struct err *e)
{
	int dir = fs_open_dir(path, e);
	struct repo *r;

	if (dir == -1) {
		if (e->code == ERR_ABSENT) {
			e->code = ERR_USAGE;
			(void)err_hint(e, "make a repository with: mkdelta init %s",
			    path);
		}
		return NULL;
	}
	if ((r = repo_new(path, dir, "", e)) == NULL)
		return NULL;
	if (check_is_repo(r, e) == -1)
		goto fail;
	if ((command != NULL && lock(r, command, e) == -1) || load_all(r, e) == -1) {
		if (command == NULL && repo_write_waits(r))
			(void)err_hint(e, "a run was killed while it published; mkdelta "
			    "refresh %s ends its work", path);
		(void)err_wrap(e, "%s", path);
		goto fail;
	}
	return r;
fail:
	repo_close(r);
	return NULL;
}
