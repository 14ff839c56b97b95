#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "apply/patch/zread.h"
#include "manifest/base/fs.h"

#include "apply/patch/untar.h"

/* Frames hold at most 5 MiB, windows at most 8 MiB (docs/format.md). */
enum { INPUT_BYTES = 64 * 1024, WINDOW_LOG_MAX = 23 };

struct untar {
	struct zread *z;
	struct archive *tar;
	struct err err;			/* what zread said */
	uint64_t left;			/* it may still unpack to */
	char path[4097];
	uint8_t input[INPUT_BYTES];
};

static la_ssize_t
next_input(struct archive *tar, void *arg, const void **data)
{
	struct untar *u = arg;
	size_t got;

	if (zread_some(u->z, u->input, sizeof u->input, &got, &u->err) == -1) {
		archive_set_error(tar, EINVAL, "bad compressed bytes");
		return -1;
	}
	if (got > u->left)
		return err_set(&u->err, ERR_FORMAT, "more bytes than were signed");
	u->left -= got;
	*data = u->input;
	return (la_ssize_t)got;
}

/* zread's error where there is one, else what libarchive says. */
static int
untar_fail(struct untar *u, struct err *e)
{
	const char *why = archive_error_string(u->tar);

	if (u->err.code != ERR_NONE) {
		*e = u->err;
		return err_wrap(e, "tar");
	}
	return err_set(e, ERR_FORMAT, "tar: %s", why == NULL ? "malformed" : why);
}

struct untar *
untar_open(int fd, uint64_t bytes, uint64_t plain_max, struct err *e)
{
	struct untar *u = calloc(1, sizeof *u);

	if (u == NULL || (u->tar = archive_read_new()) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a tar");
		free(u);
		return NULL;
	}
	u->left = plain_max;
	if ((u->z = zread_open(fd, 0, bytes, WINDOW_LOG_MAX, e)) == NULL) {
		untar_close(u);
		return NULL;
	}
	/* One format and no filter: nothing is guessed from the bytes. */
	if (archive_read_support_format_tar(u->tar) != ARCHIVE_OK ||
	    archive_read_open(u->tar, u, NULL, next_input, NULL) != ARCHIVE_OK) {
		(void)untar_fail(u, e);
		untar_close(u);
		return NULL;
	}
	return u;
}

void
untar_close(struct untar *u)
{
	if (u == NULL)
		return;
	(void)archive_read_free(u->tar);
	zread_close(u->z);
	free(u);
}

/* A listing's form of the path: no "./" before, no '/' behind. */
static int
take_path(struct untar *u, const char *path, struct err *e)
{
	size_t n;

	if (path != NULL && strncmp(path, "./", 2) == 0)
		path = path[2] == '\0' ? "." : path + 2;
	n = path == NULL ? 0 : strlen(path);
	if (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof u->path)
		return err_set(e, ERR_FORMAT, "tar: a path that is empty or too long");
	memcpy(u->path, path, n);
	u->path[n] = '\0';
	if (strcmp(u->path, ".") != 0 && !fs_rel_is_safe(u->path))
		return err_set(e, ERR_FORMAT, "tar: %s: an unsafe path", u->path);
	return 0;
}

int
untar_next(struct untar *u, struct untar_entry *out, struct err *e)
{
	struct archive_entry *x = NULL;
	int rc = archive_read_next_header(u->tar, &x);

	if (rc == ARCHIVE_EOF && u->err.code == ERR_NONE)
		return 0;
	if (rc != ARCHIVE_OK)
		return untar_fail(u, e);
	if (take_path(u, archive_entry_pathname(x), e) == -1)
		return -1;
	if (archive_entry_size(x) < 0)
		return err_set(e, ERR_FORMAT, "tar: %s: a negative size", u->path);
	out->path = u->path;
	out->is_file = archive_entry_filetype(x) == AE_IFREG &&
	    archive_entry_hardlink(x) == NULL;
	out->size = out->is_file ? (uint64_t)archive_entry_size(x) : 0;
	return 1;
}

int
untar_read(struct untar *u, void *data, size_t n, size_t *got, struct err *e)
{
	la_ssize_t r = archive_read_data(u->tar, data, n);

	*got = 0;
	if (r < 0)
		return untar_fail(u, e);
	*got = (size_t)r;
	return 0;
}
