#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "apply/owners.h"

#include "apply/persist.h"

#define SEEDING ".seeding"

struct site {
	const struct device *dev;
	int tree, old, shared;
	const char *path;		/* the persist path under work */
	struct buf seed;		/* .delta/seed/PATH */
	struct buf note;
	struct owners owners;
};

/* The folder part of path into out, "" when there is none. */
static const char *
parent_of(const char *path, char out[static 4097])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	memcpy(out, path, n);
	out[n] = '\0';
	return out;
}

static int
make_parents(int at, const char *path, struct err *e)
{
	char parent[4097];

	return *parent_of(path, parent) == '\0' ? 0 : fs_mkdirs(at, parent, 0755, e);
}

/* Folders that lead to the path; those the release lacks belong to its owner. */
static int
lead_to(struct site *s, struct err *e)
{
	char part[4097];
	struct stat st;
	size_t n = strlen(s->path);

	for (size_t i = 1; i < n; i++) {
		int there;

		if (s->path[i] != '/')
			continue;
		memcpy(part, s->path, i);
		part[i] = '\0';
		if ((there = fs_stat_at(s->tree, part, &st, e)) == -1)
			return -1;
		if (there == 1 && !S_ISDIR(st.st_mode))
			return err_set(e, ERR_POLICY,
			    "persist path %s: %s is no folder in this release", s->path,
			    part);
		if (there == 0 && (fs_mkdir(s->tree, part, 0755, e) == -1 ||
		    (s->owners.change && fs_chown_link(s->tree, part, s->owners.uid,
		    s->owners.gid, e) == -1)))
			return -1;
	}
	return 0;
}

/* 1 when the release ships something there, which is then in the seed. */
static int
move_to_seed(struct site *s, struct err *e)
{
	struct stat st;
	int there = fs_stat_at(s->tree, s->path, &st, e);

	if (there != 1)
		return there;
	if (make_parents(s->tree, buf_text(&s->seed), e) == -1 ||
	    fs_rename_new(s->tree, s->path, s->tree, buf_text(&s->seed), e) == -1)
		return -1;
	return 1;
}

/* 1 when the old tree has something of its own there: no link. */
static int
old_has(const struct site *s, struct err *e)
{
	struct stat st;
	int there = s->old == -1 ? 0 : fs_stat_at(s->old, s->path, &st, e);

	return there != 1 ? there : !S_ISLNK(st.st_mode);
}

static int
empty_folder(const struct site *s, const char *name, struct err *e)
{
	if (fs_mkdir(s->shared, name, 0755, e) == -1)
		return -1;
	return s->owners.change ?
	    fs_chown_link(s->shared, name, s->owners.uid, s->owners.gid, e) : 0;
}

/* Everything under a name of its own first: shared/P is whole or absent. */
static int
seed_shared(struct site *s, bool shipped, struct err *e)
{
	char parent[4097];
	struct stat st;
	int there = fs_stat_at(s->shared, s->path, &st, e), old;

	if (there != 0)
		return there == 1 ? 0 : -1;
	if ((old = old_has(s, e)) == -1 || fs_remove_tree(s->shared, SEEDING, e) == -1)
		return -1;
	if (old)
		there = fs_copy_tree(s->old, s->path, s->shared, SEEDING, e);
	else if (shipped)
		there = fs_copy_tree(s->tree, buf_text(&s->seed), s->shared, SEEDING, e);
	else
		there = empty_folder(s, SEEDING, e);
	if (there == -1 || make_parents(s->shared, s->path, e) == -1 ||
	    fs_sync_all(s->shared, e) == -1 ||
	    fs_rename_new(s->shared, SEEDING, s->shared, s->path, e) == -1)
		return err_wrap(e, "seed shared/%s", s->path);
	(void)parent_of(s->path, parent);
	return fs_sync_dir(s->shared, *parent == '\0' ? "." : parent, e);
}

static int
put_link(struct site *s, bool shipped, struct err *e)
{
	struct buf target = BUF_INIT(8192);
	int rc = -1;

	if (seed_shared(s, shipped, e) == 0 &&
	    persist_shared_path(s->dev->conf, &target, e) == 0 &&
	    buf_addf(&target, e, "/%s", s->path) == 0)
		rc = fs_symlink(s->tree, buf_text(&target), s->path, e);
	buf_free(&target);
	return rc;
}

/* From the old tree, from shared/ when the path was a link there, else from
 * what the release ships. */
static int
put_copy(struct site *s, bool shipped, struct err *e)
{
	struct stat st;
	int there = s->old == -1 ? 0 : fs_stat_at(s->old, s->path, &st, e);

	if (there == -1)
		return -1;
	if (there == 1 && !S_ISLNK(st.st_mode))
		return fs_copy_tree(s->old, s->path, s->tree, s->path, e);
	if (there == 1 && (there = fs_stat_at(s->shared, s->path, &st, e)) == 1)
		return fs_copy_tree(s->shared, s->path, s->tree, s->path, e);
	if (there == -1)
		return -1;
	return !shipped ? 0 :
	    fs_copy_tree(s->tree, buf_text(&s->seed), s->tree, s->path, e);
}

static int
apply_one(struct site *s, const struct persist_path *p, struct err *e)
{
	int shipped;

	s->path = p->path;
	buf_reset(&s->seed);
	if (buf_addf(&s->seed, e, PERSIST_SEED "/%s", p->path) == -1 ||
	    lead_to(s, e) == -1 || (shipped = move_to_seed(s, e)) == -1 ||
	    (p->copy ? put_copy(s, shipped, e) : put_link(s, shipped, e)) == -1)
		return err_wrap(e, "persist %s", p->path);
	return buf_addf(&s->note, e, "%s %s\n", p->copy ? "copy" : "link", p->path);
}

static int
check_apart(const struct persist_mask *mask, struct err *e)
{
	for (size_t i = 0; i < mask->n; i++) {
		const char *path = mask->paths[i].path;

		if (strcmp(path, ".delta") == 0 || strncmp(path, ".delta/", 7) == 0 ||
		    strchr(path, '\n') != NULL)
			return err_set(e, ERR_USAGE, "persist path %s: not possible",
			    path);
		for (size_t k = 0; k < mask->n; k++) {
			struct persist_mask one = { &mask->paths[k], 1 };

			if (persist_place(&one, path, NULL) == PERSIST_BELOW)
				return err_set(e, ERR_USAGE,
				    "persist path %s: inside another one, %s", path,
				    mask->paths[k].path);
		}
	}
	return 0;
}

static int
open_shared(const struct device *dev, struct err *e)
{
	if (fs_mkdirs(dev->base, "shared", 0755, e) == -1)
		return -1;
	return fs_open_dir_at(dev->base, "shared", e);
}

static int
apply_all(struct site *s, const struct persist_mask *mask, struct err *e)
{
	if (check_apart(mask, e) == -1 || (s->shared = open_shared(s->dev, e)) == -1)
		return -1;
	if (fs_mkdir(s->tree, ".delta", 0755, e) == -1 && e->sys != EEXIST)
		return -1;
	for (size_t i = 0; i < mask->n; i++)
		if (apply_one(s, &mask->paths[i], e) == -1)
			return -1;
	return fs_put_file(s->tree, PERSIST_NOTE, s->note.data, s->note.len, 0644, e);
}

int
persist_apply(const struct device *dev, int tree, int old_tree, struct err *e)
{
	struct site s = { .dev = dev, .tree = tree, .old = old_tree, .shared = -1,
		.seed = BUF_INIT(8192), .note = BUF_INIT(1 << 20) };
	struct persist_mask mask;
	int rc;

	owners_of(dev->conf, &s.owners);
	if (persist_mask_read(-1, dev->conf, &mask, e) == -1)
		return -1;
	rc = mask.n == 0 ? 0 : apply_all(&s, &mask, e);
	if (s.shared != -1)
		(void)close(s.shared);
	persist_mask_clear(&mask);
	buf_free(&s.seed);
	buf_free(&s.note);
	return rc;
}
