#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "mkdelta/unpack.h"

#include "mkdelta/ingest.h"

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcasecmp(text + n - m, end) == 0;
}

/* Is it a tar by its name?  Then it must be one. */
static bool
named_tar(const char *path)
{
	static const char *const ends[] = { ".tar", ".tgz", ".tbz", ".tbz2", ".txz",
		".tzst", ".taz", ".tlz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst",
		".tar.lz4", ".tar.lz", ".tar.lzma", ".tar.z", NULL };

	for (size_t i = 0; ends[i] != NULL; i++)
		if (ends_with(path, ends[i]))
			return true;
	return false;
}

/* A zip is one by its name alone: jars and many others are zips inside. */
static bool
named_zip(const char *path)
{
	return ends_with(path, ".zip") || ends_with(path, ".7z");
}

static int
make_temp(struct ingest *in, const char *where, struct err *e)
{
	uint8_t random[8];
	char hex[2 * sizeof random + 1];

	if (where == NULL && ((where = getenv("TMPDIR")) == NULL || where[0] == '\0'))
		where = "/var/tmp";
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(e, "random bytes");
	hex_encode(hex, random, sizeof random);
	(void)snprintf(in->temp, sizeof in->temp, "mkdelta.%s", hex);
	if ((in->temp_at = fs_open_dir(where, e)) == -1)
		return err_wrap(e, "temporary folder");
	if (fs_mkdir(in->temp_at, in->temp, 0700, e) == -1) {
		(void)err_wrap(e, "temporary folder below %s", where);
		(void)close(in->temp_at);
		in->temp_at = -1;
		return -1;
	}
	in->dir = fs_open_dir_at(in->temp_at, in->temp, e);
	return in->dir == -1 ? -1 : 0;
}

void
ingest_close(struct ingest *in)
{
	struct err ignored = ERR_INIT;

	if (in->dir != -1)
		(void)close(in->dir);
	in->dir = -1;
	if (in->temp_at == -1)
		return;
	(void)fs_remove_tree(in->temp_at, in->temp, &ignored);
	(void)close(in->temp_at);
	in->temp_at = -1;
}

struct top {
	unsigned n;
	bool is_dir;
	char name[256];
};

static int
see_top(void *arg, const struct fs_visit *v, struct err *e)
{
	struct top *top = arg;

	(void)e;
	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	top->n++;
	top->is_dir = S_ISDIR(v->st->st_mode);
	(void)snprintf(top->name, sizeof top->name, "%s", v->name);
	return FS_WALK_SKIP;
}

/* The only folder at the top becomes the root. */
static int
strip_top(struct ingest *in, struct err *e)
{
	struct top top = { 0, false, "" };
	int below;

	if (fs_walk(in->dir, see_top, &top, e) == -1)
		return -1;
	if (top.n != 1 || !top.is_dir || strcmp(top.name, ".delta") == 0)
		return 0;
	if ((below = fs_open_dir_at(in->dir, top.name, e)) == -1)
		return -1;
	(void)close(in->dir);
	in->dir = below;
	return 0;
}

/* The tree of a single file: its name, and whether it can be run. */
static int
take_file(struct ingest *in, int fd, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	struct stat before, after;
	int out, rc = -1;

	if (lseek(fd, 0, SEEK_SET) == -1 || fstat(fd, &before) == -1)
		return err_sys(e, "%s", path);
	if ((out = fs_create(in->dir, name, 0600, e)) == -1)
		return -1;
	if (fs_copy_fd(fd, out, e) == -1 || fstat(fd, &after) == -1)
		goto out;
	if (before.st_size != after.st_size ||
	    before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
	    before.st_mtim.tv_nsec != after.st_mtim.tv_nsec) {
		(void)err_set(e, ERR_FAIL, "%s: changed while it was read", path);
		goto out;
	}
	rc = fs_chmod_fd(out, (before.st_mode & 0111) != 0 ? 0755 : 0644, e);
	if (rc == 0)
		rc = fs_chmod_fd(in->dir, 0755, e);
out:
	(void)close(out);
	return rc == -1 ? err_wrap(e, "copy %s", path) : 0;
}

static int
take_archive_or_file(struct ingest *in, int fd, const char *path,
    const struct ingest_options *want, struct err *e)
{
	struct unpack_options how = { named_zip(path), want->owners, want->xattrs };
	int rc;

	if (make_temp(in, want->temp, e) == -1)
		return -1;
	if ((rc = unpack_archive(fd, in->dir, &how, e)) == -1)
		return err_wrap(e, "%s", path);
	if (rc == 1)
		return want->strip_top ? strip_top(in, e) : 0;
	if (named_zip(path) || named_tar(path)) {
		(void)err_set(e, ERR_FORMAT,
		    "%s: is no archive, or an empty or damaged one", path);
		return err_hint(e, "give the file another name to ship it as it is");
	}
	return take_file(in, fd, path, e);
}

int
ingest_open(const char *path, const struct ingest_options *want, struct ingest *in,
    struct err *e)
{
	static const struct ingest_options usual = { .strip_top = true };
	struct stat st;
	int fd, rc = 0;

	*in = (struct ingest){ .dir = -1, .temp_at = -1 };
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)err_sys(e, "%s", path);
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		in->dir = fd;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_FAIL, "%s: is no folder, archive or regular file",
		    path);
	else
		rc = take_archive_or_file(in, fd, path, want == NULL ? &usual : want, e);
	(void)close(fd);
	if (rc == -1)
		ingest_close(in);
	return rc;
}

/* The real path of something that may not exist yet: of the nearest folder that
 * does, and the rest as it stands. */
static char *
real_path(const char *path, struct err *e)
{
	char *head = strdup(path), *real = NULL, *whole = NULL;
	size_t n = strlen(path);

	while (head != NULL && (real = realpath(head, NULL)) == NULL &&
	    errno == ENOENT && n > 0) {
		while (n > 0 && path[n - 1] == '/')	/* one component less */
			n--;
		while (n > 0 && path[n - 1] != '/')
			n--;
		memcpy(head, n > 0 ? path : ".", n > 0 ? n : 2);
		head[n > 0 ? n : 1] = '\0';
	}
	if (real == NULL)
		(void)err_sys(e, "%s", path);
	else if (asprintf(&whole, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
		     path + n) == -1)
		whole = NULL;
	if (real != NULL && whole == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	free(real);
	free(head);
	return whole;
}

int
ingest_check_apart(const char *tree_path, const char *other_path, struct err *e)
{
	char *tree = realpath(tree_path, NULL), *other;
	struct stat st;
	size_t n;
	int rc = 0;

	if (tree == NULL)
		return err_sys(e, "%s", tree_path);
	if (stat(tree, &st) == -1 || !S_ISDIR(st.st_mode)) {
		free(tree);	/* an archive: what it holds is its own */
		return 0;
	}
	if ((other = real_path(other_path, e)) == NULL) {
		free(tree);
		return -1;
	}
	n = strlen(tree);
	while (n > 0 && tree[n - 1] == '/')
		n--;
	if (strncmp(tree, other, n) == 0 && (other[n] == '/' || other[n] == '\0')) {
		rc = err_set(e, ERR_FAIL, "%s: lies in the tree %s", other_path,
		    tree_path);
		(void)err_hint(e, "keep it outside: it must never be shipped");
	}
	free(tree);
	free(other);
	return rc;
}
