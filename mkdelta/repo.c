#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_write.h"
#include "mkdelta/pending.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/repo.h"

struct repo *
repo_new(const char *path, int dir, const char *product, struct err *e)
{
	struct repo *r = calloc(1, sizeof *r);

	if (r == NULL || (r->path = strdup(path)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		(void)close(dir);
		free(r);
		return NULL;
	}
	r->dir = dir;
	r->lock = r->work = r->pending = -1;
	(void)snprintf(r->product, sizeof r->product, "%s", product);
	return r;
}

void
repo_close(struct repo *r)
{
	struct err ignored = ERR_INIT;

	if (r == NULL)
		return;
	while (r->roles != NULL) {
		struct repo_role *gone = r->roles;

		r->roles = gone->next;
		jv_free(gone->file);
		jv_free(gone->before);
		jv_free(gone->part);
		free(gone);
	}
	if (r->work != -1) {
		(void)close(r->work);
		(void)fs_remove_tree(r->dir, REPO_WORK, &ignored);
	}
	if (r->pending != -1)
		(void)close(r->pending);
	if (r->lock != -1)
		(void)close(r->lock);
	jv_free(r->trusted_root);
	(void)close(r->dir);
	free(r->path);
	free(r);
}

struct repo_role *
repo_state_append(struct repo *r, const char *name, const char *by, struct err *e)
{
	struct repo_role *role = calloc(1, sizeof *role), **end = &r->roles;

	if (role == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	(void)snprintf(role->name, sizeof role->name, "%s", name);
	(void)snprintf(role->by, sizeof role->by, "%s", by);
	while (*end != NULL)
		end = &(*end)->next;
	*end = role;
	return role;
}

size_t
repo_state_count(const struct repo *r)
{
	size_t n = 0;

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		n++;
	return n;
}

struct repo_role *
repo_role(const struct repo *r, const char *name)
{
	for (struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (strcmp(role->name, name) == 0)
			return role;
	return NULL;
}

struct jv *
repo_state_delegator(const struct repo *r, const struct repo_role *role)
{
	const struct repo_role *by = repo_role(r, role->by);

	return by == NULL ? NULL : by->part;
}

struct repo_role *
repo_next_channel(const struct repo *r, const struct repo_role *last)
{
	struct repo_role *role = last == NULL ? r->roles : last->next;
	struct err ignored = ERR_INIT;

	while (role != NULL && (strcmp(role->by, "targets") != 0 ||
	    name_check_channel(role->name, &ignored) == -1))
		role = role->next;
	return role;
}

struct repo_role *
repo_channel(const struct repo *r, const char *channel, struct err *e)
{
	struct repo_role *one = NULL;
	struct buf names = BUF_INIT(1024);

	while ((one = repo_next_channel(r, one)) != NULL) {
		if (strcmp(one->name, channel) == 0)
			goto out;
		(void)buf_addf(&names, e, "%s%s", names.len == 0 ? "" : ", ", one->name);
	}
	(void)err_set(e, ERR_USAGE, "channel %s: %s has no such channel, only %s",
	    channel, r->path, buf_text(&names));
out:
	buf_free(&names);
	return one;
}

const char *
repo_platform_name(const struct repo_role *role)
{
	return role->name + strlen(role->by) + 1;
}

struct repo_role *
repo_next_platform(const struct repo *r, const char *channel,
    const struct repo_role *last)
{
	struct repo_role *role = last == NULL ? r->roles : last->next;
	size_t n = strlen(channel);
	struct err ignored = ERR_INIT;

	while (role != NULL && (strcmp(role->by, channel) != 0 ||
	    strncmp(role->name, channel, n) != 0 || role->name[n] != '.' ||
	    name_check_platform(role->name + n + 1, &ignored) == -1))
		role = role->next;
	return role;
}

int
repo_catalog(const struct repo *r, const struct repo_role *role, struct catalog *c,
    struct err *e)
{
	const struct repo_role *archive = NULL;
	const struct jv *parts[REPO_ARCHIVES_MAX + 1] = { role->part };
	size_t n = 1;

	while (n <= REPO_ARCHIVES_MAX &&
	    (archive = repo_next_archive(r, role, archive)) != NULL)
		parts[n++] = archive->part;
	if (catalog_read_parts(parts, n, repo_platform_name(role), c, e) == 0)
		return 0;
	return err_wrap(e, "role %s", role->name);
}

struct repo_role *
repo_next_archive(const struct repo *r, const struct repo_role *platform,
    const struct repo_role *last)
{
	struct repo_role *role = last == NULL ? r->roles : last->next;

	while (role != NULL && strcmp(role->by, platform->name) != 0)
		role = role->next;
	return role;
}

struct repo_role *
repo_add_role(struct repo *r, const char *name, const char *by, struct jv *part,
    int64_t period, struct err *e)
{
	struct repo_role *role;

	if (part == NULL || (role = repo_state_append(r, name, by, e)) == NULL) {
		jv_free(part);
		return NULL;
	}
	role->part = part;
	role->expires = period;		/* with signed_at 0: the period alone */
	role->changed = true;
	return role;
}

/* Whoever holds `by` holds a role of its platform too: keys as objects. */
static int
delegate_platform(const struct repo *r, struct repo_role *channel, const char *role,
    const char *platform, struct err *e)
{
	const struct jv *holder = repo_state_delegator(r, channel);
	const struct jv *entry = tuf_role_entry(holder, channel->name);
	const struct jv *known = jv_get(jv_get(holder, "delegations"), "keys");
	const struct jv *ids = jv_get(entry, "keyids");
	char pattern[NAME_MAX_PATH];
	const char *const paths[] = { pattern, NULL };
	struct jv *keys[KEYS_MAX];
	size_t n = jv_count(ids);
	int64_t threshold = 0;
	int rc = -1;

	if (n > KEYS_MAX ||
	    jv_get_int(entry, "threshold", 1, KEYS_MAX, &threshold, e) == -1)
		return err_set(e, ERR_FORMAT, "channel %s: no keys", channel->name);
	for (size_t i = 0; i < n; i++)
		keys[i] = jv_copy(jv_get(known, jv_text(jv_at(ids, i))));
	(void)snprintf(pattern, sizeof pattern, "*/%s.*", platform);
	rc = tuf_delegate(channel->part, role, paths, keys, n, (unsigned)threshold, e);
	for (size_t i = 0; i < n; i++)
		jv_free(keys[i]);
	channel->changed = true;
	return rc;
}

struct repo_role *
repo_platform_role(struct repo *r, const char *channel, const char *platform,
    struct err *e)
{
	struct repo_role *of = repo_channel(r, channel, e), *role;
	struct tuf_head head = { "targets", 1, 1, 0, r->product };
	char name[NAME_MAX_PATH];

	if (of == NULL)
		return NULL;
	if ((role = repo_role(r, role_of_platform(channel, platform, name))) != NULL)
		return role;
	if (delegate_platform(r, of, name, platform, e) == -1)
		return NULL;
	return repo_add_role(r, name, channel, tuf_new_signed(&head, e),
	    of->expires - of->signed_at, e);
}

const char *
repo_object_file(const struct object *o, char out[static REPO_FILE_MAX])
{
	const char *name = strrchr(o->path, '/');
	char hex[SHA256_HEX_MAX];

	name = name == NULL ? o->path : name + 1;
	(void)snprintf(out, REPO_FILE_MAX, "targets/%.*s%s.%s", (int)(name - o->path),
	    o->path, sha256_hex(&o->sha256, hex), name);
	return out;
}

struct repo_role *
repo_add_archive(struct repo *r, struct repo_role *platform, struct err *e)
{
	struct tuf_head head = { "targets", 1, 1, 0, r->product };
	const struct repo_role *one = NULL;
	char name[NAME_MAX_PATH];
	unsigned n = 1;

	while ((one = repo_next_archive(r, platform, one)) != NULL)
		n++;
	if (n > REPO_ARCHIVES_MAX) {
		(void)err_set(e, ERR_POLICY, "role %s: more than %d archives",
		    platform->name, REPO_ARCHIVES_MAX);
		return NULL;
	}
	if (snprintf(name, sizeof name, "%s.archive-%u", platform->name, n) >=
	    (int)sizeof name) {
		(void)err_set(e, ERR_FORMAT, "role %s: too long a name", platform->name);
		return NULL;
	}
	if (delegate_platform(r, platform, name, repo_platform_name(platform), e) == -1)
		return NULL;
	return repo_add_role(r, name, platform->name, tuf_new_signed(&head, e),
	    platform->expires - platform->signed_at, e);
}

int
repo_place_pending(struct repo *r, struct err *e)
{
	if (pending_is_there(r))
		return err_set(e, ERR_POLICY, "%s.pending: another change waits there for "
		    "its signatures; mkdelta show %s pending says whose, mkdelta sign "
		    "--drop %s gives it up", r->path, r->path, r->path);
	if ((r->pending = pending_new_folder(r, true, e)) == -1)
		return -1;
	r->waits = true;
	return 0;
}

int
repo_place(const struct repo *r, const char *temp, const struct object *o, struct err *e)
{
	char file[REPO_FILE_MAX], dir[REPO_FILE_MAX];
	int goal = r->pending == -1 ? r->dir : r->pending;
	int fd = fs_open_file(r->work, temp, NULL, e), rc;

	if (fd == -1)
		return -1;
	rc = fs_chmod_fd(fd, 0644, e) == -1 ? -1 : fs_sync(fd, e);
	(void)close(fd);
	if (rc == -1)
		return -1;
	(void)repo_object_file(o, file);
	(void)snprintf(dir, sizeof dir, "%s", file);
	*strrchr(dir, '/') = '\0';
	if (fs_mkdirs(goal, dir, 0755, e) == -1 ||
	    fs_rename(r->work, temp, goal, file, e) == -1 ||
	    fs_sync_dir(goal, dir, e) == -1)
		return -1;
	return fs_sync_dir(goal, "targets", e);
}

int
repo_open_object(const struct repo *r, const struct object *o, struct err *e)
{
	char file[REPO_FILE_MAX];
	struct stat st;
	int fd = fs_open_file(r->dir, repo_object_file(o, file), &st, e);

	if (fd == -1)
		return err_wrap(e, "%s", r->path);
	if ((uint64_t)st.st_size == o->bytes)
		return fd;
	(void)close(fd);
	return err_set(e, ERR_TRUST, "%s/%s: has not the size that was signed", r->path,
	    file);
}
