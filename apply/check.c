#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/owners.h"
#include "apply/verify.h"

#include "apply/check.h"

/* A release's tree, opened, with its listing. */
struct tree {
	int fd;
	struct record record;
	struct listing *listing;
};

#define TREE_INIT { .fd = -1 }

static void
tree_close(struct tree *t)
{
	if (t->fd != -1)
		(void)close(t->fd);
	listing_free(t->listing);
	record_clear(&t->record);
}

/* CHECK_SAME: it is open. */
static enum check_end
tree_open(const struct device *dev, uint64_t release, struct tree *t, struct err *e)
{
	if ((t->fd = live_open_tree(dev, release, e)) == -1)
		return CHECK_ERROR;
	if (tree_record_read(t->fd, &t->record, &t->listing, e) == 0)
		return CHECK_SAME;
	return e->code == ERR_ABSENT ? CHECK_UNKNOWN : CHECK_DIFFERS;
}

static bool
counts(const struct verify_difference *d)
{
	return d->what != VERIFY_EXTRA;
}

/* What `report` says, extras aside. */
static enum check_end
judge(const struct verify_report *report, uint64_t release, struct err *e)
{
	size_t i;

	for (i = 0; i < report->n; i++) {
		const struct verify_difference *d = &report->items[i];

		if (!counts(d))
			continue;
		(void)err_set(e, ERR_TRUST, "release %" PRIu64 ": %s: %s", release,
		    d->path, d->text);
		return CHECK_DIFFERS;
	}
	if (report->total > report->n) {
		(void)err_set(e, ERR_TRUST, "release %" PRIu64 ": %" PRIu64
		    " entries differ", release, report->total);
		return CHECK_DIFFERS;
	}
	return CHECK_SAME;
}

enum check_end
check_release(const struct device *dev, uint64_t release, struct err *e)
{
	struct tree t = TREE_INIT;
	struct verify_report report;
	enum check_end end;

	memset(&report, 0, sizeof report);
	end = tree_open(dev, release, &t, e);
	if (end == CHECK_SAME) {
		if (verify_tree(t.fd, t.listing, dev->conf, &report, e) == -1)
			end = CHECK_ERROR;
		else
			end = judge(&report, release, e);
	}
	verify_report_clear(&report);
	tree_close(&t);
	if (end == CHECK_SAME)
		err_clear(e);
	return end;
}

/* Where the other tree has the content of `want`: a descriptor of a file whose
 * hash was just looked at, or -1. */
static int
open_same_content(const struct tree *other, const struct entry *want)
{
	long at = listing_find_content(other->listing, &want->sha256, want->size);
	struct err why = ERR_INIT;
	struct sha256 got;
	int fd;

	if (at == -1)
		return -1;
	fd = fs_open_file(other->fd, other->listing->entries[at].path, NULL, &why);
	if (fd == -1)
		return -1;
	if (sha256_of_fd(fd, &got, NULL, &why) == -1 ||
	    !sha256_equal(&got, &want->sha256)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Owner, attributes and mode as listed. */
static int
dress(const struct device *dev, int fd, const struct entry *want, struct err *e)
{
	struct owners owners;

	owners_of(dev->conf, &owners);
	return owners_set_fd(&owners, fd, want, e);
}

/* The folder of a rel path ("." at the top) into a fresh string. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path));
}

#define REPAIR_TEMP ".tmp.7265706169720000"	/* a name fs_is_temp() knows */

static int
replace_file(const struct device *dev, const struct tree *t, int source,
    const struct entry *want, struct err *e)
{
	char *folder = folder_of(want->path);
	const char *slash = strrchr(want->path, '/');
	const char *name = slash == NULL ? want->path : slash + 1;
	int dir = -1, fd = -1, rc = -1;

	if (folder == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if ((dir = fs_open_dir_at(t->fd, folder, e)) == -1 ||
	    fs_unlink(dir, REPAIR_TEMP, e) == -1 ||
	    (fd = fs_create(dir, REPAIR_TEMP, 0600, e)) == -1 ||
	    fs_copy_fd(source, fd, e) == -1 || dress(dev, fd, want, e) == -1 ||
	    fs_sync(fd, e) == -1 || fs_rename(dir, REPAIR_TEMP, dir, name, e) == -1 ||
	    fs_sync_dir(dir, ".", e) == -1)
		goto out;
	rc = 0;
out:
	if (fd != -1)
		(void)close(fd);
	if (dir != -1)
		(void)close(dir);
	free(folder);
	return rc;
}

/* Only what can be put right by itself: a lone file, a link, a mode. */
static int
repair_one(const struct device *dev, const struct tree *t, const struct tree *other,
    const struct verify_difference *d, struct err *e)
{
	long at = listing_find(t->listing, d->path);
	const struct entry *want;
	int fd, rc;

	if (at == -1)
		return 0;
	want = &t->listing->entries[at];
	if (want->type == ENTRY_LINK && (d->what == VERIFY_TARGET ||
	    d->what == VERIFY_MISSING))
		return fs_replace_link(t->fd, want->link, want->path, e);
	if (want->type == ENTRY_DIR && d->what == VERIFY_MISSING &&
	    fs_mkdir(t->fd, want->path, (mode_t)want->mode, e) == -1)
		return -1;
	if (want->type == ENTRY_DIR && (d->what == VERIFY_MISSING ||
	    d->what == VERIFY_MODE || d->what == VERIFY_OWNER)) {
		if ((fd = fs_open_dir_at(t->fd, want->path, e)) == -1)
			return -1;
		rc = dress(dev, fd, want, e);
		(void)close(fd);
		return rc;
	}
	if (want->type != ENTRY_FILE || want->group != 0 || d->what == VERIFY_TYPE)
		return 0;
	/* A changed mode alone has its own content as the source. */
	fd = open_same_content(t, want);
	if (fd == -1 && other->listing != NULL)
		fd = open_same_content(other, want);
	if (fd == -1)
		return 0;
	rc = replace_file(dev, t, fd, want, e);
	(void)close(fd);
	if (rc == 0)
		log_warn("%s: %s was put right (%s)", dev->conf->name, d->path, d->text);
	return rc;
}

enum check_end
check_repair(const struct device *dev, uint64_t release, uint64_t other, struct err *e)
{
	struct tree t = TREE_INIT, o = TREE_INIT;
	struct verify_report report;
	struct err why = ERR_INIT;
	enum check_end end;
	size_t i;

	memset(&report, 0, sizeof report);
	if ((end = tree_open(dev, release, &t, e)) != CHECK_SAME)
		goto out;
	if (other != 0)
		(void)tree_open(dev, other, &o, &why);
	if (verify_tree(t.fd, t.listing, dev->conf, &report, e) == -1) {
		end = CHECK_ERROR;
		goto out;
	}
	if ((end = judge(&report, release, e)) == CHECK_SAME)
		goto out;
	/* Each by itself: one that cannot be put right keeps no other from it. */
	for (i = 0; i < report.n; i++)
		if (counts(&report.items[i]) &&
		    repair_one(dev, &t, &o, &report.items[i], &why) == -1)
			log_warn("%s: %s", dev->conf->name, why.text);
	end = check_release(dev, release, e);
out:
	if (end == CHECK_SAME)
		err_clear(e);
	verify_report_clear(&report);
	tree_close(&t);
	tree_close(&o);
	return end;
}
