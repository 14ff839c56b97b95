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
#include "mkdelta/repo_state.h"

#include "mkdelta/repo.h"

enum { CLOCK_SLACK = 3600, FILE_NAME_MAX = NAME_MAX_PATH * 3 + 32 };

struct output {			/* one file to be written */
	struct repo_role *role;
	char name[FILE_NAME_MAX];
	struct buf bytes;
};

struct commit {
	struct repo *repo;
	const struct keys *keys;
	int64_t now;
	struct output *files;
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
name_file(struct output *f, struct err *e)
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

/* Sign one role and prove what was made as a reader will. */
static int
sign_role(struct commit *c, struct repo_role *role, struct err *e)
{
	const struct jv *holder = repo_state_delegator(c->repo, role);
	const struct jv *entry = tuf_role_entry(holder, role->name);
	bool is_root = strcmp(role->name, "root") == 0;
	struct output *f = &c->files[c->n];
	struct signer *signers[KEYS_MAX];
	struct jv *proof;
	size_t n;

	if (repo_can_sign(c->repo, c->keys, role->name, e) == -1 ||
	    set_head(c, role, e) == -1)
		return -1;
	f->role = role;
	buf_init(&f->bytes, TUF_TARGETS_MAX);
	c->n++;
	n = keys_for(c->keys, jv_get(entry, "keyids"), signers, KEYS_MAX);
	if (name_file(f, e) == -1 || tuf_sign(role->part, signers, n, &f->bytes, e) == -1)
		return -1;
	proof = tuf_verify_file(is_root ? NULL : holder, role->name, f->bytes.data,
	    f->bytes.len, e);
	if (proof == NULL)
		return err_wrap(e, "what was just signed");
	jv_free(proof);
	role->bytes = f->bytes.len;
	return 0;
}

/* `lister` names the file: it is changed by that. */
static int
list_file(struct repo_role *lister, const struct output *f, struct err *e)
{
	lister->changed = true;
	return tuf_set_meta(lister->part, f->role->name, f->role->version, f->bytes.data,
	    f->bytes.len, e);
}

static int
sign_all(struct commit *c, struct err *e)
{
	struct repo_role *snapshot = repo_role(c->repo, "snapshot");
	struct repo_role *timestamp = repo_role(c->repo, "timestamp");

	for (struct repo_role *role = c->repo->roles; role != NULL; role = role->next) {
		if (!role->changed || role == snapshot || role == timestamp)
			continue;
		if (sign_role(c, role, e) == -1)
			return -1;
		if (strcmp(role->name, "root") != 0 &&
		    list_file(snapshot, &c->files[c->n - 1], e) == -1)
			return -1;
	}
	if (snapshot->changed && (sign_role(c, snapshot, e) == -1 ||
	    list_file(timestamp, &c->files[c->n - 1], e) == -1))
		return -1;
	return timestamp->changed ? sign_role(c, timestamp, e) : 0;
}

static int
write_all(const struct commit *c, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct output *f = &c->files[i];
		char rel[FILE_NAME_MAX + 16];

		(void)snprintf(rel, sizeof rel, "metadata/%s", f->name);
		if (fs_write_file(c->repo->dir, rel, f->bytes.data, f->bytes.len, 0644,
		    e) == -1)
			return err_wrap(e, "%s", c->repo->path);
	}
	return 0;
}

int
repo_commit(struct repo *r, const struct keys *keys, int64_t now, bool force,
    struct err *e)
{
	struct commit c = { .repo = r, .keys = keys, .now = now };
	int rc = -1;

	if (pick_time(&c, force, e) == -1)
		return -1;
	if ((c.files = calloc(repo_state_count(r), sizeof *c.files)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (sign_all(&c, e) == 0)
		rc = write_all(&c, e);
	for (size_t i = 0; i < c.n; i++)
		buf_free(&c.files[i].bytes);
	for (struct repo_role *role = r->roles; role != NULL; role = role->next)
		role->changed = role->changed && rc != 0;
	free(c.files);
	return rc;
}
