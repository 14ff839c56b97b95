#include <sys/stat.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_names.h"
#include "manifest/tuf_write.h"
#include "mkdelta/pending.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/repo.h"

enum { CLOCK_SLACK = 3600, FILE_NAME_MAX = REPO_METADATA_NAME_MAX };

struct commit {
	struct repo *repo;
	const struct keys *keys;
	int64_t now;
	struct repo_output *files;
	size_t n;
};

static int64_t
last_signed(const struct repo *r)
{
	int64_t last = 0;

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (role->version > 0 && role->signed_at > last)
			last = role->signed_at;
	return last;
}

static int
pick_time(struct commit *c, bool force, struct err *e)
{
	int64_t last = last_signed(c->repo);
	char here[UTC_TEXT_MAX], there[UTC_TEXT_MAX];

	if (last > c->now + CLOCK_SLACK && !force)
		return err_set(e, ERR_POLICY, "this machine's clock says %s, but %s was "
		    "last signed at %s; set the clock, or sign with --force",
		    utc_text(here, c->now), c->repo->path, utc_text(there, last));
	if (last > c->now)
		c->now = last;
	return 0;
}

/* The number in front of ".<role>.json", 0 when the name is another's. */
static uint64_t
version_of(const char *file, const char *role_file)
{
	const char *dot = strchr(file, '.');
	char digits[24];
	uint64_t v;

	if (dot == NULL || (size_t)(dot - file) >= sizeof digits ||
	    strcmp(dot + 1, role_file) != 0)
		return 0;
	memcpy(digits, file, (size_t)(dot - file));
	digits[dot - file] = '\0';
	return u64_parse(digits, INT64_MAX - 1, &v) == 0 ? v : 0;
}

/* One more than any file has: what a killed run left under a version may have been
 * seen by somebody, and names of metadata are never used twice. */
static int
next_version(const struct repo *r, const struct repo_role *role, uint64_t *out,
    struct err *e)
{
	struct buf file = BUF_INIT(FILE_NAME_MAX);
	int fd = -1, rc = -1;
	struct dirent *entry;
	DIR *dir = NULL;

	*out = role->version + 1;
	if (strcmp(role->name, "timestamp") == 0 || strcmp(role->name, "root") == 0)
		return 0;
	if (tuf_role_file(role->name, 0, &file, e) == -1 ||
	    (fd = fs_open_dir_at(r->dir, "metadata", e)) == -1)
		goto out;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)err_sys(e, "metadata");
		goto out;
	}
	while ((entry = readdir(dir)) != NULL) {
		uint64_t v = version_of(entry->d_name, buf_text(&file));

		if (v >= *out)
			*out = v + 1;
	}
	rc = 0;
out:
	if (dir != NULL)
		(void)closedir(dir);
	buf_free(&file);
	return rc;
}

static int
name_file(struct repo_output *f, struct err *e)
{
	struct buf name = BUF_INIT(FILE_NAME_MAX - 1);
	uint64_t version = f->role->version;
	int rc;

	if (strcmp(f->role->name, "timestamp") == 0)
		version = 0;
	rc = tuf_role_file(f->role->name, version, &name, e);
	if (rc == 0)
		(void)snprintf(f->name, sizeof f->name, "%s", buf_text(&name));
	buf_free(&name);
	return rc;
}

static int
set_head(struct commit *c, struct repo_role *role, struct err *e)
{
	const char *type = jv_get_text(role->part, "_type", e);
	struct tuf_head head = { .type = type, .product = c->repo->product };

	if (type == NULL || next_version(c->repo, role, &head.version, e) == -1)
		return -1;
	head.signed_at = c->now;
	head.expires = c->now + (role->expires - role->signed_at);
	if (tuf_set_head(role->part, &head, e) == -1)
		return -1;
	role->version = head.version;
	role->signed_at = head.signed_at;
	role->expires = head.expires;
	return 0;
}

/* The next version of the role, as far as it can be signed here. */
static int
sign_role(struct commit *c, struct repo_role *role, struct err *e)
{
	if (role->file == NULL && set_head(c, role, e) == -1)
		return -1;
	return repo_state_sign(c->repo, role, c->keys, e);
}

/* What is signed becomes a file, proved as a reader will. */
static int
output_role(struct commit *c, struct repo_role *role, struct err *e)
{
	const struct jv *holders[REPO_HOLDERS_MAX];
	struct repo_output *f = &c->files[c->n];

	f->role = role;
	buf_init(&f->bytes, TUF_TARGETS_MAX);
	c->n++;
	if (name_file(f, e) == -1 || jv_print_sorted(role->file, &f->bytes, e) == -1)
		return -1;
	for (size_t i = repo_state_holders(c->repo, role, holders); i > 0; i--) {
		struct jv *proof = tuf_verify_file(holders[i - 1], role->name,
		    f->bytes.data, f->bytes.len, e);

		if (proof == NULL)
			return err_wrap(e, "what was just signed");
		jv_free(proof);
	}
	role->bytes = f->bytes.len;
	return 0;
}

/* `lister` names the file: it is changed by that. */
static int
list_file(struct repo_role *lister, const struct repo_output *f, struct err *e)
{
	lister->changed = true;
	return tuf_set_meta(lister->part, f->role->name, f->role->version, f->bytes.data,
	    f->bytes.len, e);
}

static bool
is_online(const struct repo_role *role)
{
	return strcmp(role->name, "snapshot") == 0 ||
	    strcmp(role->name, "timestamp") == 0;
}

/* Everything but snapshot and timestamp.  1 signed by all, 0 somebody lacks, -1. */
static int
sign_all(struct commit *c, struct err *e)
{
	int complete = 1;

	for (struct repo_role *role = c->repo->roles; role != NULL; role = role->next) {
		int done;

		if (!role->changed || is_online(role))
			continue;
		if (sign_role(c, role, e) == -1 ||
		    (done = repo_state_is_signed(c->repo, role, e)) == -1)
			return -1;
		complete = complete && done == 1;
	}
	return complete && repo_can_end(c->repo, c->keys, "snapshot") &&
	    repo_can_end(c->repo, c->keys, "timestamp");
}

static int
output_online(struct commit *c, struct repo_role *role, struct err *e)
{
	return sign_role(c, role, e) == -1 ? -1 : output_role(c, role, e);
}

static int
output_all(struct commit *c, struct err *e)
{
	struct repo_role *snapshot = repo_role(c->repo, "snapshot");
	struct repo_role *timestamp = repo_role(c->repo, "timestamp");

	/* A new root may have given them other keys. */
	if (repo_role(c->repo, "root")->changed)
		snapshot->changed = timestamp->changed = true;
	for (struct repo_role *role = c->repo->roles; role != NULL; role = role->next) {
		if (!role->changed || is_online(role))
			continue;
		if (output_role(c, role, e) == -1)
			return -1;
		if (strcmp(role->name, "root") != 0 &&
		    list_file(snapshot, &c->files[c->n - 1], e) == -1)
			return -1;
	}
	if (snapshot->changed && (output_online(c, snapshot, e) == -1 ||
	    list_file(timestamp, &c->files[c->n - 1], e) == -1))
		return -1;
	return timestamp->changed ? output_online(c, timestamp, e) : 0;
}

static int
publish(struct commit *c, struct err *e)
{
	struct repo *r = c->repo;

	if (output_all(c, e) == -1 ||
	    (r->pending_loaded && pending_place_objects(r, e) == -1) ||
	    repo_write(r, c->files, c->n, e) == -1)
		return -1;
	r->waits = false;
	return r->pending_loaded ? pending_remove(r, e) : 0;
}

/* A change that waits is for people: only one at a time, and never of the online
 * roles, which are made when it is published. */
static int
let_wait(struct commit *c, struct err *e)
{
	if (!c->repo->pending_loaded && !c->repo->waits &&
	    repo_place_pending(c->repo, e) == -1)
		return -1;
	return pending_store(c->repo, e);
}

static void
forget(struct repo *r, bool all)
{
	for (struct repo_role *role = r->roles; role != NULL; role = role->next) {
		jv_free(role->file);
		role->file = NULL;
		role->changed = role->changed && !all;
		if (all)
			role->base = role->version;
	}
}

/* A job that lacks its keys altogether is told so; a change by people may be signed
 * by others alone. */
static int
check_keys(const struct commit *c, struct err *e)
{
	const struct repo *r = c->repo;

	if (r->pending_loaded || r->may_wait)
		return 0;
	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (role->changed && repo_can_sign(r, c->keys, role->name, e) == -1)
			return -1;
	if (repo_can_sign(r, c->keys, "snapshot", e) == -1)
		return -1;
	return repo_can_sign(r, c->keys, "timestamp", e);
}

int
repo_commit(struct repo *r, const struct keys *keys, int64_t now, bool force,
    struct err *e)
{
	struct commit c = { .repo = r, .keys = keys, .now = now };
	int rc = -1, complete;

	if (pick_time(&c, force, e) == -1 || check_keys(&c, e) == -1 ||
	    (!r->pending_loaded && pending_check_free(r, e) == -1) ||
	    keys_before_signing(keys, e) == -1)
		return -1;
	if ((c.files = calloc(repo_state_count(r), sizeof *c.files)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((complete = sign_all(&c, e)) == 1)
		rc = publish(&c, e);
	else if (complete == 0)
		rc = let_wait(&c, e);
	for (size_t i = 0; i < c.n; i++)
		buf_free(&c.files[i].bytes);
	forget(r, rc == 0);
	free(c.files);
	return rc;
}
