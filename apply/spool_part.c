/*
 * spool_part.c - an object while it grows.
 *
 * What is counted as there may be lost by a power cut (only synced bytes are
 * sure) or be zeros in place of bytes never written: the hash of the whole,
 * taken at the end, decides.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/spool.h"

enum { SYNC_EVERY = 4 << 20 };

static void
read_etag(struct spool_part *p)
{
	struct buf text = BUF_INIT(SPOOL_ETAG_MAX - 1);
	struct err ignored = ERR_INIT;

	p->etag[0] = '\0';
	if (fs_read_file(p->dir, p->etag_name, &text, &ignored) == 0)
		(void)snprintf(p->etag, sizeof p->etag, "%s", buf_text(&text));
	buf_free(&text);
}

static int
open_file(struct spool_part *p, uint64_t bytes, struct err *e)
{
	struct stat st;

	if ((p->fd = fs_open_rw(p->dir, p->name, 0600, e)) == -1)
		return -1;
	if (fstat(p->fd, &st) == -1)
		return err_sys(e, "%s", p->name);
	p->have = p->synced = (uint64_t)st.st_size;
	read_etag(p);
	return p->have <= bytes ? 0 : spool_part_restart(p, "", e);
}

/* A new folder needs the sync of its parent, or all of it is lost. */
static int
open_spool(const struct device *d, struct err *e)
{
	int fd = fs_open_dir_at(d->state, "spool", e);

	if (fd != -1 || e->code != ERR_ABSENT)
		return fd;
	if (fs_mkdirs(d->state, "spool", 0700, e) == -1 ||
	    fs_sync_dir(d->state, ".", e) == -1)
		return -1;
	return fs_open_dir_at(d->state, "spool", e);
}

int
spool_part_open(const struct device *d, const struct object *o, struct spool_part *p,
    struct err *e)
{
	char hex[SHA256_HEX_MAX];

	memset(p, 0, sizeof *p);
	p->dir = p->fd = -1;
	(void)sha256_hex(&o->sha256, hex);
	(void)snprintf(p->name, sizeof p->name, "%s.part", hex);
	(void)snprintf(p->etag_name, sizeof p->etag_name, "%s.etag", hex);
	if ((p->dir = open_spool(d, e)) == -1 ||
	    open_file(p, o->bytes, e) == -1) {
		spool_part_close(p);
		return err_wrap(e, "spool");
	}
	return 0;
}

void
spool_part_close(struct spool_part *p)
{
	if (p->fd != -1)
		(void)close(p->fd);
	if (p->dir != -1)
		(void)close(p->dir);
	p->fd = p->dir = -1;
}

/* The part is emptied before the validator changes: a new validator never
 * stands beside old bytes. */
int
spool_part_restart(struct spool_part *p, const char *etag, struct err *e)
{
	if (p->have > 0 && (fs_truncate(p->fd, 0, e) == -1 || fs_sync(p->fd, e) == -1))
		return err_wrap(e, "spool");
	p->have = p->synced = 0;
	if (strcmp(p->etag, etag) == 0)
		return 0;
	(void)snprintf(p->etag, sizeof p->etag, "%s", etag);
	if (etag[0] == '\0')
		return fs_unlink(p->dir, p->etag_name, e);
	return fs_put_file(p->dir, p->etag_name, etag, strlen(etag), 0600, e);
}

int
spool_part_sync(struct spool_part *p, struct err *e)
{
	if (p->synced == p->have)
		return 0;
	if (fs_sync(p->fd, e) == -1)
		return err_wrap(e, "spool");
	p->synced = p->have;
	return 0;
}

int
spool_part_add(struct spool_part *p, const void *data, size_t n, struct err *e)
{
	if (fs_pwrite(p->fd, data, n, p->have, e) == -1)
		return err_wrap(e, "spool");
	p->have += n;
	return p->have - p->synced < SYNC_EVERY ? 0 : spool_part_sync(p, e);
}

int
spool_part_drop(struct spool_part *p, struct err *e)
{
	struct err ignored = ERR_INIT;

	(void)fs_unlink(p->dir, p->etag_name, &ignored);
	return fs_unlink(p->dir, p->name, e);
}

int
spool_part_finish(struct spool_part *p, const struct object *o, struct err *e)
{
	char hex[SHA256_HEX_MAX];
	struct err ignored = ERR_INIT;
	struct sha256 got;
	uint64_t bytes;

	if (spool_part_sync(p, e) == -1 || sha256_of_fd(p->fd, &got, &bytes, e) == -1)
		return -1;
	if (bytes != o->bytes || !sha256_equal(&got, &o->sha256)) {
		if (spool_part_drop(p, e) == -1)
			return -1;
		return err_set(e, ERR_TRUST,
		    "%s: the host's bytes are not those that were "
		    "signed",
		    o->path);
	}
	if (fs_rename(p->dir, p->name, p->dir, sha256_hex(&o->sha256, hex), e) == -1 ||
	    fs_sync_dir(p->dir, ".", e) == -1)
		return err_wrap(e, "spool");
	(void)fs_unlink(p->dir, p->etag_name, &ignored);
	return 0;
}
