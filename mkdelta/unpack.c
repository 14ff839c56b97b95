#include <sys/stat.h>

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/xattr.h"

#include "mkdelta/unpack.h"

enum { BLOCK_BYTES = 128 * 1024, PATH_BYTES_MAX = 4095 };

/*
 * A folder that was only implied by a path below it has IMPLIED_MODE, one that
 * has had its own entry BUILD_MODE: so a second entry for it shows, without a
 * list.  Real modes are set when all is there.
 */
enum { IMPLIED_MODE = 0755, BUILD_MODE = 0700 };

struct folder {
	char *path;
	struct archive_entry *entry;
	struct folder *next;		/* last come, first dressed: deepest first */
};

struct unpacker {
	struct archive *in;
	int fd, dir;
	struct unpack_options want;
	struct folder *folders;
	bool has_root;
};

static int
archive_fail(struct unpacker *u, struct err *e)
{
	const char *why = archive_error_string(u->in);

	return err_set(e, ERR_FORMAT, "%s", why == NULL ? "malformed archive" : why);
}

/* One of the entry's paths in the form of fs.h, "." for the root. */
static int
clean_path(const char *from, struct buf *out, struct err *e)
{
	buf_reset(out);
	if (from == NULL)
		return err_set(e, ERR_FORMAT, "a name whose bytes cannot be known");
	if (from[0] == '/')
		return err_set(e, ERR_FORMAT, "%s: an absolute path", from);
	for (const char *p = from; *p != '\0';) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, ERR_FORMAT, "%s: a path with '..'", from);
		if (n > 0 && !(n == 1 && p[0] == '.') &&
		    ((out->len > 0 && buf_add_byte(out, '/', e) == -1) ||
			buf_add(out, p, n, e) == -1))
			return err_wrap(e, "%.100s...", from);
		p += n + (p[n] == '/');
	}
	return out->len == 0 ? buf_add_byte(out, '.', e) : 0;
}

/* What libarchive only warns about.  In the C locale it hands names over as they
 * stand in the archive, and says that it did not convert them: that is wanted. */
static int
check_warning(struct unpacker *u, const char *path, struct err *e)
{
	const char *why = archive_error_string(u->in);

	if (why != NULL && strstr(why, "can't be converted") != NULL)
		return 0;
	return err_set(e, ERR_FORMAT, "%s: %s", path == NULL ? "?" : path,
	    why == NULL ? "a damaged entry" : why);
}

static int
make_parents(struct unpacker *u, const char *path, struct err *e)
{
	char parent[PATH_BYTES_MAX + 1];
	const char *slash = strrchr(path, '/');
	struct stat st;
	int there;

	if (slash == NULL)
		return 0;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	there = fs_stat_at(u->dir, parent, &st, e);
	if (there == 1 && S_ISDIR(st.st_mode))
		return 0;
	if (there == 1)
		return err_set(e, ERR_FORMAT, "%s: inside %s, which is no folder", path,
		    parent);
	if (there == 0 && fs_mkdirs(u->dir, parent, IMPLIED_MODE, e) == 0)
		return 0;
	if (e->sys != ENOTDIR && e->sys != ELOOP && e->sys != EEXIST && e->sys != EXDEV)
		return -1;
	return err_set(e, ERR_FORMAT, "%s: inside something that is no folder", path);
}

static int
already_there(struct unpacker *u, const char *path, struct err *e)
{
	struct stat st;
	int there = fs_stat_at(u->dir, path, &st, e);

	if (there == 1)
		return err_set(e, ERR_FORMAT, "%s: twice in the archive", path);
	return there;
}

static int
set_attributes(struct archive_entry *x, int fd, struct err *e)
{
	const char *name;
	const void *value;
	size_t n;

	(void)archive_entry_xattr_reset(x);
	while (archive_entry_xattr_next(x, &name, &value, &n) == ARCHIVE_OK)
		if (name != NULL && xattr_is_ours(name) &&
		    fs_set_xattr_fd(fd, name, value, n, e) == -1)
			return -1;
	return 0;
}

static int
dress(struct unpacker *u, struct archive_entry *x, int fd, struct err *e)
{
	if (u->want.owners && geteuid() == 0 &&
	    fs_chown_fd(fd, (uid_t)archive_entry_uid(x), (gid_t)archive_entry_gid(x),
		e) == -1)
		return -1;
	if (u->want.xattrs && set_attributes(x, fd, e) == -1)
		return -1;
	return fs_chmod_fd(fd, archive_entry_perm(x) & 07777, e);
}

/* Content with its holes. */
static int
copy_content(struct unpacker *u, uint64_t size, int fd, struct err *e)
{
	const void *data;
	size_t n;
	la_int64_t at;
	int rc;

	while ((rc = archive_read_data_block(u->in, &data, &n, &at)) == ARCHIVE_OK) {
		if (cancel_check(e) == -1)
			return -1;
		if (at < 0 || (uint64_t)at > size || n > size - (uint64_t)at)
			return err_set(e, ERR_FORMAT, "more content than its size");
		if (n > 0 && fs_pwrite(fd, data, n, (uint64_t)at, e) == -1)
			return -1;
	}
	if (rc != ARCHIVE_EOF)
		return archive_fail(u, e);
	return fs_truncate(fd, size, e);
}

static int
make_file(struct unpacker *u, struct archive_entry *x, const char *path, struct err *e)
{
	la_int64_t size = archive_entry_size(x);
	uint64_t bytes = 0;
	struct stat st;
	int fd, rc;

	if (archive_entry_size_is_set(x) && size < 0)
		return err_set(e, ERR_FORMAT, "%s: a negative size", path);
	if ((fd = fs_create(u->dir, path, 0600, e)) == -1)
		return -1;
	bytes = archive_entry_size_is_set(x) ? (uint64_t)size : INT64_MAX;
	rc = copy_content(u, bytes, fd, e);
	if (rc == 0 && (fstat(fd, &st) == -1 || (uint64_t)st.st_size != bytes))
		rc = err_set(e, ERR_FORMAT, "content and size differ");
	if (rc == 0)
		rc = dress(u, x, fd, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", path) : 0;
}

static int
make_hard_link(struct unpacker *u, const char *target, const char *path, struct err *e)
{
	struct buf clean = BUF_INIT(PATH_BYTES_MAX);
	struct stat st;
	int rc = -1, there;

	if (clean_path(target, &clean, e) == -1) {
		(void)err_wrap(e, "%s: hard link to", path);
		goto out;
	}
	there = fs_stat_at(u->dir, buf_text(&clean), &st, e);
	if (there == 1 && !S_ISDIR(st.st_mode))
		rc = fs_link(u->dir, buf_text(&clean), u->dir, path, e);
	else if (there != -1)
		(void)err_set(e, ERR_FORMAT,
		    "%s: hard link to %s, which is no file before it in the archive",
		    path, buf_text(&clean));
out:
	buf_free(&clean);
	return rc;
}

static int
make_folder(struct unpacker *u, struct archive_entry *x, const char *path, struct err *e)
{
	bool root = strcmp(path, ".") == 0;
	struct folder *f;
	struct stat st;
	int there = root ? u->has_root : fs_stat_at(u->dir, path, &st, e);

	if (there == -1)
		return -1;
	if (there == 1 && (root || !S_ISDIR(st.st_mode) ||
			      (st.st_mode & 07777) == BUILD_MODE))
		return err_set(e, ERR_FORMAT, "%s: twice in the archive", path);
	if (there == 1) {	/* implied until now */
		int fd = fs_open_dir_at(u->dir, path, e);
		int rc = fd == -1 ? -1 : fs_chmod_fd(fd, BUILD_MODE, e);

		if (fd != -1)
			(void)close(fd);
		if (rc == -1)
			return -1;
	} else if (!root && fs_mkdir(u->dir, path, BUILD_MODE, e) == -1) {
		return -1;
	}
	u->has_root |= root;
	if ((f = calloc(1, sizeof *f)) == NULL || (f->path = strdup(path)) == NULL ||
	    (f->entry = archive_entry_clone(x)) == NULL) {
		if (f != NULL)
			free(f->path);
		free(f);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	f->next = u->folders;
	u->folders = f;
	return 0;
}

static int
make_symlink(struct unpacker *u, struct archive_entry *x, const char *path, struct err *e)
{
	const char *target = archive_entry_symlink(x);

	if (target == NULL || target[0] == '\0')
		return err_set(e, ERR_FORMAT, "%s: a symlink without a target", path);
	if (fs_symlink(u->dir, target, path, e) == -1)
		return -1;
	if (u->want.owners && geteuid() == 0)
		return fs_chown_link(u->dir, path, (uid_t)archive_entry_uid(x),
		    (gid_t)archive_entry_gid(x), e);
	return 0;
}

static int
refuse_special(const char *path, unsigned type, struct err *e)
{
	const char *kind = type == AE_IFIFO ? "a fifo"
	    : type == AE_IFSOCK		    ? "a socket"
	    : type == AE_IFCHR || type == AE_IFBLK ? "a device"
						   : "of a type that is not known";

	(void)err_set(e, ERR_FORMAT, "%s: is %s", path, kind);
	return err_hint(e, "a release holds files, folders and symlinks only");
}

static int
make_entry(struct unpacker *u, struct archive_entry *x, const char *path, struct err *e)
{
	if (archive_entry_hardlink(x) == NULL && archive_entry_filetype(x) == AE_IFDIR)
		return make_parents(u, path, e) == -1 ? -1 : make_folder(u, x, path, e);
	if (strcmp(path, ".") == 0)
		return err_set(e, ERR_FORMAT, "an entry without a name");
	if (make_parents(u, path, e) == -1 || already_there(u, path, e) == -1)
		return -1;
	if (archive_entry_hardlink(x) != NULL)
		return make_hard_link(u, archive_entry_hardlink(x), path, e);
	if (archive_entry_filetype(x) == AE_IFREG)
		return make_file(u, x, path, e);
	if (archive_entry_filetype(x) == AE_IFLNK)
		return make_symlink(u, x, path, e);
	return refuse_special(path, archive_entry_filetype(x), e);
}

static int
dress_folders(struct unpacker *u, struct err *e)
{
	if (!u->has_root && fs_chmod_fd(u->dir, IMPLIED_MODE, e) == -1)
		return -1;
	for (struct folder *f = u->folders; f != NULL; f = f->next) {
		int fd = fs_open_dir_at(u->dir, f->path, e), rc;

		if (fd == -1)
			return -1;
		rc = dress(u, f->entry, fd, e);
		(void)close(fd);
		if (rc == -1)
			return err_wrap(e, "%s", f->path);
	}
	return 0;
}

/* A plain tar cut between two entries looks complete to libarchive, but a whole
 * one ends in zeros.  Compressions notice a cut themselves. */
static int
check_end(struct unpacker *u, struct err *e)
{
	static const char zeros[512];
	char tail[512];
	struct stat st;

	if (archive_filter_count(u->in) > 1 || u->want.zip)
		return 0;
	if (fstat(u->fd, &st) == -1)
		return err_sys(e, "the archive");
	if (st.st_size < 1024 ||
	    fs_pread(u->fd, tail, sizeof tail, (uint64_t)st.st_size - sizeof tail, e) ==
		-1 ||
	    memcmp(tail, zeros, sizeof zeros) != 0)
		return err_set(e, ERR_FORMAT, "the tar has no end: it was cut short");
	return 0;
}

static int
unpack_entries(struct unpacker *u, struct err *e)
{
	struct buf path = BUF_INIT(PATH_BYTES_MAX);
	struct archive_entry *x;
	int rc, made = 0;
	bool any = false;

	while (made == 0 && (rc = archive_read_next_header(u->in, &x)) != ARCHIVE_EOF) {
		const char *name = NULL;

		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
			made = any ? archive_fail(u, e) : 1;	/* 1: no archive at all */
			break;
		}
		any = true;
		name = archive_entry_pathname(x);
		if (cancel_check(e) == -1 ||
		    (rc == ARCHIVE_WARN && check_warning(u, name, e) == -1) ||
		    clean_path(name, &path, e) == -1 ||
		    make_entry(u, x, buf_text(&path), e) == -1)
			made = -1;
	}
	buf_free(&path);
	if (made == 0 && !any)
		made = 1;	/* zeros only: some other file */
	return made;
}

/* 1 open, 0 it is no archive, -1 error. */
static int
open_archive(struct unpacker *u, struct err *e)
{
	struct archive *a = u->in = archive_read_new();

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for an archive");
	/* Those that libarchive reads by itself, without running programs. */
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_compress(a);
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_lz4(a);
	(void)archive_read_support_filter_lzip(a);
	(void)archive_read_support_filter_lzma(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_zstd(a);
	if (u->want.zip) {
		(void)archive_read_support_format_zip(a);
		(void)archive_read_support_format_7zip(a);
	} else {
		(void)archive_read_support_format_tar(a);
	}
	if (archive_read_open_fd(a, u->fd, BLOCK_BYTES) == ARCHIVE_OK)
		return 1;
	return archive_errno(a) == EIO ? archive_fail(u, e) : 0;
}

static void
close_archive(struct unpacker *u)
{
	struct folder *next;

	for (struct folder *f = u->folders; f != NULL; f = next) {
		next = f->next;
		archive_entry_free(f->entry);
		free(f->path);
		free(f);
	}
	if (u->in != NULL)
		(void)archive_read_free(u->in);
}

int
unpack_archive(int fd, int dir, const struct unpack_options *want, struct err *e)
{
	struct unpacker u = { .fd = fd, .dir = dir, .want = *want };
	locale_t plain, before = (locale_t)0;
	int rc = -1;

	/* Under any other locale libarchive converts names, and in UTF-8 it even
	 * composes their characters anew: they would not be the same bytes. */
	if ((plain = newlocale(LC_CTYPE_MASK, "C", (locale_t)0)) == (locale_t)0)
		return err_sys(e, "the C locale");
	before = uselocale(plain);
	if ((rc = open_archive(&u, e)) != 1)
		goto out;
	if ((rc = unpack_entries(&u, e)) != 0) {
		rc = rc == 1 ? 0 : -1;
		goto out;
	}
	if (check_end(&u, e) == 0 && dress_folders(&u, e) == 0)
		rc = 1;
	else
		rc = -1;
out:
	close_archive(&u);
	(void)uselocale(before);
	freelocale(plain);
	return rc;
}
