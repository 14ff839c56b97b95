/*
 * Metadata files get their names.  The rename of timestamp.json is the moment at which
 * readers see the new state; but a new root counts as soon as it is there.  With one,
 * all files are laid down in REPO/.ready first: who comes after a killed run puts them
 * in place again, and nobody is left with a root that knows no timestamp.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/tuf_meta.h"
#include "mkdelta/repo_state.h"

#define READY ".ready"
#define READY_NEW ".ready.new"
/* In there, the names in their order, one a line. */
#define ORDER "order"
enum { ORDER_MAX = 4 << 20 };

static int
write_one(const struct repo *r, const char *folder, const char *name, const void *data,
    size_t n, struct err *e)
{
	char rel[REPO_METADATA_NAME_MAX + 16];

	(void)snprintf(rel, sizeof rel, "%s/%s", folder, name);
	if (fs_write_file(r->dir, rel, data, n, 0644, e) == 0)
		return 0;
	return err_wrap(e, "%s", r->path);
}

static int
copy_ready(const struct repo *r, const char *name, struct err *e)
{
	struct buf bytes = BUF_INIT(TUF_TARGETS_MAX);
	char rel[REPO_METADATA_NAME_MAX + 16];
	int rc;

	(void)snprintf(rel, sizeof rel, "%s/%s", READY, name);
	rc = fs_read_file(r->dir, rel, &bytes, e);
	if (rc == 0)
		rc = write_one(r, "metadata", name, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

bool
repo_write_waits(const struct repo *r)
{
	struct err ignored = ERR_INIT;
	struct stat st;

	return fs_stat_at(r->dir, READY, &st, &ignored) == 1;
}

int
repo_write_again(const struct repo *r, struct err *e)
{
	struct buf order = BUF_INIT(ORDER_MAX);
	char name[REPO_METADATA_NAME_MAX];
	int rc;

	if (fs_remove_tree(r->dir, READY_NEW, e) == -1)
		return -1;
	if (!repo_write_waits(r))
		return 0;
	rc = fs_read_file(r->dir, READY "/" ORDER, &order, e);
	for (const char *at = buf_text(&order); rc == 0 && *at != '\0';) {
		size_t n = strcspn(at, "\n");

		if (n == 0 || n >= sizeof name) {
			rc = err_set(e, ERR_FORMAT, "%s/%s: malformed", READY, ORDER);
			break;
		}
		memcpy(name, at, n);
		name[n] = '\0';
		rc = copy_ready(r, name, e);
		at += n + (at[n] == '\n');
	}
	buf_free(&order);
	/* Away by one rename: what is left of it by a kill is no work to be done. */
	if (rc == 0 && (rc = fs_rename(r->dir, READY, r->dir, READY_NEW, e)) == 0 &&
	    (rc = fs_sync_dir(r->dir, ".", e)) == 0)
		rc = fs_remove_tree(r->dir, READY_NEW, e);
	return rc;
}

static int
lay_ready(const struct repo *r, const struct repo_output *files, size_t n, struct err *e)
{
	struct buf order = BUF_INIT(ORDER_MAX);
	int rc = fs_mkdir(r->dir, READY_NEW, 0755, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = write_one(r, READY_NEW, files[i].name, files[i].bytes.data,
		    files[i].bytes.len, e);
		if (rc == 0)
			rc = buf_addf(&order, e, "%s\n", files[i].name);
	}
	if (rc == 0)
		rc = write_one(r, READY_NEW, ORDER, buf_text(&order), order.len, e);
	if (rc == 0 && (rc = fs_rename(r->dir, READY_NEW, r->dir, READY, e)) == 0)
		rc = fs_sync_dir(r->dir, ".", e);
	buf_free(&order);
	return rc;
}

int
repo_write(const struct repo *r, const struct repo_output *files, size_t n, struct err *e)
{
	bool new_root = false;

	for (size_t i = 0; i < n; i++)
		if (strcmp(files[i].role->name, "root") == 0 && r->trusted_root != NULL)
			new_root = true;
	if (new_root)
		return lay_ready(r, files, n, e) == -1 ? -1 : repo_write_again(r, e);
	for (size_t i = 0; i < n; i++)
		if (write_one(r, "metadata", files[i].name, files[i].bytes.data,
		    files[i].bytes.len, e) == -1)
			return -1;
	return 0;
}
