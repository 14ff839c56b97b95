#include <stdio.h>
#include <string.h>

#include "manifest/base/fs_change.h"

#include "hosting/dest.h"

int
dest_open(struct dest *d, const char *where, const char *repo_path, int repo,
    bool dry_run, struct err *e)
{
	memset(d, 0, sizeof *d);
	d->where = where;
	d->repo_path = repo_path;
	d->repo = repo;
	d->dir = d->lock = -1;
	if (strncmp(where, "rclone:", 7) == 0)
		d->kind = &dest_rclone;
	else if (strncmp(where, "rsync:", 6) == 0)
		d->kind = &dest_rsync;
	else if (strstr(where, "://") != NULL)
		return err_set(e, ERR_USAGE, "%s: publishes to a folder, rsync:WHERE or "
		    "rclone:WHERE", where);
	else
		d->kind = &dest_dir;
	d->remote = d->kind != &dest_dir;
	return d->remote ? scratch_open(&d->scratch, e) : dest_dir_open(d, dry_run, e);
}

void
dest_close(struct dest *d)
{
	if (d->kind == NULL)
		return;
	if (d->remote)
		scratch_close(&d->scratch);
	else
		d->kind->close(d);
	d->kind = NULL;
}

int
dest_write_list(struct dest *d, struct item *const *items, size_t n,
    char out[static 4200], struct err *e)
{
	struct buf text = BUF_INIT((size_t)256 << 20);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = buf_addf(&text, e, "%s\n", items[i]->path);
	if (rc == 0)
		rc = fs_put_file(d->scratch.dir, "list", text.data, text.len, 0600, e);
	(void)snprintf(out, 4200, "%s/list", d->scratch.path);
	buf_free(&text);
	return rc;
}

const char *
dest_cache_control(const char *path)
{
	return strcmp(path, DEST_TIMESTAMP) == 0 ? "public, max-age=60" :
	    "public, max-age=31536000, immutable";
}
