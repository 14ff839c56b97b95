#include <stdbool.h>
#include <stdlib.h>

#include "mkdelta/archive.h"

void
archive_keep_steps(const struct catalog *c, size_t i, bool *keep)
{
	while (c->records[i].requires_release > 0) {
		uint64_t least = c->records[i].requires_release;
		size_t step = i;

		for (size_t k = i; k-- > 0 && c->records[k].release >= least;)
			if (step == i || c->records[k].requires_release <
			    c->records[step].requires_release)
				step = k;
		if (step == i)
			return;
		keep[step] = true;
		i = step;
	}
}

static bool
is_kept(const struct catalog *c, const bool *keep, uint64_t release)
{
	for (size_t i = 0; i < c->n_records; i++)
		if (c->records[i].release == release)
			return keep[i];
	return false;
}

/* Does a delta of the role begin at a release that is in an archive already? */
static bool
reaches_far(const struct repo_role *role, const struct catalog *c)
{
	const struct jv *target;
	struct target_name name;
	const char *path;
	void *it = NULL;

	while (jv_each(jv_get(role->part, "targets"), &it, &path, &target))
		if (target_parse(path, &name) == 0 && name.kind == TARGET_DELTA &&
		    catalog_record(c, name.from) == NULL)
			return true;
	return false;
}

/* Deltas go with either end. */
static bool
stays(const struct catalog *c, const bool *keep, const char *path)
{
	struct target_name name;

	return target_parse(path, &name) == -1 || (is_kept(c, keep, name.release) &&
	    (name.kind != TARGET_DELTA || is_kept(c, keep, name.from)));
}

/* The archive that takes the next ones: the newest, or one more when it is full. */
static struct repo_role *
open_archive(struct repo *r, struct repo_role *role, struct err *e)
{
	struct repo_role *archive = NULL, *next = NULL;
	size_t n = 0;

	while ((next = repo_next_archive(r, role, next)) != NULL)
		archive = next;
	if (archive != NULL) {
		const struct jv *targets = jv_get(archive->part, "targets"), *target;
		const char *path;
		struct target_name name;
		void *it = NULL;

		while (jv_each(targets, &it, &path, &target))
			n += target_parse(path, &name) == 0 && name.kind == TARGET_TREE;
	}
	return archive == NULL || n >= ARCHIVE_EACH ? repo_add_archive(r, role, e) :
	    archive;
}

static int
move(struct repo *r, struct repo_role *role, const struct catalog *c, const bool *keep,
    struct err *e)
{
	struct repo_role *archive = open_archive(r, role, e);
	struct jv *kept = jv_new_object(), *old;
	const struct jv *target;
	const char *path;
	void *it = NULL;
	int rc = 0;

	if (archive == NULL) {
		jv_free(kept);
		return -1;
	}
	old = jv_get_mutable(archive->part, "targets");
	while (rc == 0 && jv_each(jv_get(role->part, "targets"), &it, &path, &target))
		rc = jv_set(stays(c, keep, path) ? kept : old, path, jv_copy(target));
	archive->changed = role->changed = true;
	if (rc == 0)
		return jv_set(role->part, "targets", kept) == -1 ?
		    err_set(e, ERR_NOMEM, "out of memory") : 0;
	jv_free(kept);
	return err_set(e, ERR_NOMEM, "out of memory");
}

int
archive_old(struct repo *r, struct repo_role *role, struct err *e)
{
	struct catalog c;
	size_t going = 0;
	bool *keep;
	int rc = 0;

	if (role == NULL ||
	    catalog_read(role->part, repo_platform_name(role), &c, e) == -1)
		return -1;
	if ((keep = calloc(c.n_records + 1, sizeof *keep)) == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = c.n_records; rc == 0 && i-- > 0;) {
		if (c.n_records - i <= ARCHIVE_LEAST)
			keep[i] = true;
		if (keep[i])
			archive_keep_steps(&c, i, keep);
	}
	for (size_t i = 0; rc == 0 && i < c.n_records; i++)
		going += !keep[i];
	if (rc == 0 && going + ARCHIVE_LEAST <= ARCHIVE_MOST) {
		for (size_t i = 0; i < c.n_records; i++)
			keep[i] = true;
		going = reaches_far(role, &c);
	}
	if (rc == 0 && going > 0)
		rc = move(r, role, &c, keep, e);
	free(keep);
	catalog_clear(&c);
	return rc;
}
