#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/untar.h"
#include "apply/patch/zread.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "mkdelta/tree_write.h"

#include "mkdelta/old_tree.h"

enum { LISTING_WINDOW_LOG = 27, COPY_BYTES = 128 * 1024 };

int
old_tree_object(const struct repo *r, const struct object *o, struct err *e)
{
	int fd = repo_open_object(r, o, e);
	char file[REPO_FILE_MAX];
	struct sha256 got;

	if (fd == -1)
		return -1;
	(void)repo_object_file(o, file);
	if (sha256_of_fd(fd, &got, NULL, e) == -1)
		(void)err_wrap(e, "%s", file);
	else if (sha256_equal(&got, &o->sha256))
		return fd;
	else
		(void)err_set(e, ERR_TRUST, "%s/%s: its bytes are not those that were "
		    "signed; put the original back (the host has it)", r->path, file);
	(void)close(fd);
	return -1;
}

int
old_tree_text(const struct repo *r, const struct record *record, struct buf *out,
    struct err *e)
{
	int fd = old_tree_object(r, &record->object, e), rc;
	size_t before = out->len;
	struct sha256 got;

	if (fd == -1)
		return -1;
	rc = zread_all(fd, LISTING_WINDOW_LOG, out, e);
	(void)close(fd);
	if (rc == -1)
		return err_wrap(e, "%s", record->object.path);
	if (sha256_of(out->data + before, out->len - before, &got, e) == -1)
		return -1;
	if (out->len - before == record->listing_bytes &&
	    sha256_equal(&got, &record->listing))
		return 0;
	return err_set(e, ERR_TRUST, "%s: not the listing that its record names",
	    record->object.path);
}

/* The contents come in listing order, first names of groups: the tar has the same
 * order, so both go forward together. */
static int
copy_content(void *arg, const struct listing *l, size_t i, int fd, struct err *e)
{
	struct untar *tar = arg;
	struct untar_entry entry;
	uint8_t bytes[8192];
	size_t got;
	int more;

	do {
		if ((more = untar_next(tar, &entry, e)) != 1)
			return more == -1 ? -1 : err_set(e, ERR_TRUST,
			    "%s: not in the full artifact", l->entries[i].path);
	} while (!entry.is_file || strcmp(entry.path, l->entries[i].path) != 0);
	for (;;) {
		if (untar_read(tar, bytes, sizeof bytes, &got, e) == -1)
			return -1;
		if (got == 0)
			return 0;
		if (fs_write(fd, bytes, got, e) == -1)
			return -1;
	}
}

static int
unpack(const struct repo *r, const struct edge *full, struct old_tree *t, struct err *e)
{
	int fd = old_tree_object(r, &full->object, e), rc = -1;
	struct tree_source source = { NULL, copy_content };
	struct untar *tar;

	if (fd == -1)
		return -1;
	if ((tar = untar_open(fd, full->object.bytes, full->output_bytes, e)) != NULL) {
		source.arg = tar;
		rc = tree_write(t->at, t->name, t->listing, &source, -1, e);
	}
	if (rc == -1)
		(void)err_wrap(e, "%s", full->object.path);
	untar_close(tar);
	(void)close(fd);
	return rc;
}

int
old_tree_open(const struct repo *r, int at, const struct record *record,
    const struct edge *full, struct old_tree *t, struct err *e)
{
	memset(t, 0, sizeof *t);
	t->at = at;
	t->dir = -1;
	buf_init(&t->text, LISTING_TEXT_MAX);
	if (old_tree_text(r, record, &t->text, e) == -1)
		goto fail;
	if ((t->listing = listing_parse(t->text.data, t->text.len, false, e)) == NULL) {
		(void)err_wrap(e, "%s", record->object.path);
		goto fail;
	}
	(void)snprintf(t->name, sizeof t->name, "tree-%s-%llu", record->platform,
	    (unsigned long long)record->release);
	if (listing_index(t->listing, e) == -1 || unpack(r, full, t, e) == -1 ||
	    (t->dir = fs_open_dir_at(at, t->name, e)) == -1)
		goto fail;
	return 0;
fail:
	old_tree_close(t);
	return -1;
}

void
old_tree_close(struct old_tree *t)
{
	struct err ignored = ERR_INIT;

	if (t->dir != -1)
		(void)close(t->dir);
	if (t->name[0] != '\0')
		(void)fs_remove_tree(t->at, t->name, &ignored);
	listing_free(t->listing);
	buf_free(&t->text);
	memset(t, 0, sizeof *t);
	t->dir = -1;
}
