#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/hash.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/xattr.h"

#include "mkdelta/scan.h"

enum { TARGET_MAX = 4095 };

struct seen {
	char *path;
	struct stat st;			/* as the walk found it */
	struct sha256 sha256;
	char *link;
	struct entry_xattr *xattrs;
	size_t same;			/* the first of the list with this inode */
};

struct scan {
	int dir;
	struct scan_options want;
	struct seen *list;		/* in the order of the walk */
	size_t n, cap;
	size_t *inodes;			/* regular files, sorted by device and inode */
	size_t files;
};

static int
changed(const char *path, struct err *e)
{
	(void)err_set(e, ERR_FAIL, "%s: changed while the tree was read", path);
	return err_hint(e, "let whatever writes to it finish, then try again");
}

static bool
same_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_mode == b->st_mode && a->st_size == b->st_size &&
	    a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* What kind of special file, NULL for those that can be shipped. */
static const char *
special_kind(mode_t mode)
{
	if (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode))
		return NULL;
	return S_ISFIFO(mode) ? "a fifo" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static int
check_reserved(const char *path, mode_t mode, struct err *e)
{
	if (strncmp(path, ".delta", 6) != 0 || (path[6] != '\0' && path[6] != '/'))
		return 0;
	if (path[6] == '\0' && S_ISDIR(mode))
		return 0;
	if (strncmp(path + 6, "/hooks/", 7) == 0 ||
	    (strcmp(path + 6, "/hooks") == 0 && S_ISDIR(mode)))
		return 0;
	(void)err_set(e, ERR_FAIL, "%s: this name is reserved", path);
	return err_hint(e, "of .delta only the folder .delta/hooks may be in a release");
}

static int
add_seen(struct scan *s, const struct fs_visit *v, struct err *e)
{
	struct seen *more;
	size_t cap = s->cap == 0 ? 256 : s->cap * 2;

	if (s->n == LISTING_ENTRIES_MAX)
		return err_set(e, ERR_FAIL, "more than %u entries", LISTING_ENTRIES_MAX);
	if (s->n == s->cap) {
		if ((more = realloc(s->list, cap * sizeof *more)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		s->list = more;
		s->cap = cap;
	}
	memset(&s->list[s->n], 0, sizeof *s->list);
	s->list[s->n].st = *v->st;
	s->list[s->n].same = s->n;
	if ((s->list[s->n].path = strdup(v->path)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->n++;
	return 0;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct scan *s = arg;
	const char *kind = special_kind(v->st->st_mode);

	if (kind != NULL) {
		(void)err_set(e, ERR_FAIL, "%s: is %s", v->path, kind);
		(void)err_hint(e, "a release holds files, folders and symlinks only");
		return FS_WALK_STOP;
	}
	if (check_reserved(v->path, v->st->st_mode, e) == -1 || add_seen(s, v, e) == -1)
		return FS_WALK_STOP;
	return FS_WALK_ON;
}

static int
compare_inodes(const void *a, const void *b, void *list)
{
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	const struct stat *x = &((const struct seen *)list)[i].st;
	const struct stat *y = &((const struct seen *)list)[k].st;

	if (x->st_dev != y->st_dev)
		return x->st_dev < y->st_dev ? -1 : 1;
	if (x->st_ino != y->st_ino)
		return x->st_ino < y->st_ino ? -1 : 1;
	return i < k ? -1 : i > k;
}

/* Names of one inode learn which of them is the first. */
static int
find_hard_links(struct scan *s, struct err *e)
{
	if ((s->inodes = calloc(s->n + 1, sizeof *s->inodes)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		if (S_ISREG(s->list[i].st.st_mode))
			s->inodes[s->files++] = i;
	qsort_r(s->inodes, s->files, sizeof *s->inodes, compare_inodes, s->list);
	for (size_t i = 1; i < s->files; i++) {
		struct seen *a = &s->list[s->inodes[i - 1]];
		struct seen *b = &s->list[s->inodes[i]];

		if (a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino)
			b->same = a->same;
	}
	return 0;
}

static int
read_file(const struct scan *s, struct seen *x, struct err *e)
{
	struct stat before, after;
	uint64_t bytes = 0;
	int fd = fs_open_file(s->dir, x->path, &before, e), rc = -1;

	if (fd == -1)
		return e->code == ERR_ABSENT ? changed(x->path, e) : -1;
	if (!same_state(&x->st, &before)) {
		rc = changed(x->path, e);
		goto out;
	}
	if (sha256_of_fd(fd, &x->sha256, &bytes, e) == -1 ||
	    (s->want.xattrs && xattr_read(fd, &x->xattrs, e) == -1)) {
		(void)err_wrap(e, "%s", x->path);
		goto out;
	}
	if (fstat(fd, &after) == -1)
		rc = err_sys(e, "%s", x->path);
	else if (!same_state(&before, &after) || bytes != (uint64_t)after.st_size)
		rc = changed(x->path, e);
	else
		rc = 0;
out:
	(void)close(fd);
	return rc;
}

static int
read_link(const struct scan *s, struct seen *x, struct err *e)
{
	struct buf target = BUF_INIT(TARGET_MAX);
	int rc = -1;

	if (fs_read_link(s->dir, x->path, &target, e) == -1)
		(void)err_wrap(e, "read symlink");
	else if ((x->link = strdup(buf_text(&target))) == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = 0;
	buf_free(&target);
	return rc;
}

static int
read_dir(const struct scan *s, struct seen *x, struct err *e)
{
	int fd, rc;

	if (!s->want.xattrs)
		return 0;
	if ((fd = fs_open_dir_at(s->dir, x->path, e)) == -1)
		return -1;
	rc = xattr_read(fd, &x->xattrs, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", x->path) : 0;
}

static int
read_one(void *arg, size_t i, struct err *e)
{
	const struct scan *s = arg;
	struct seen *x = &s->list[i];

	if (S_ISLNK(x->st.st_mode))
		return read_link(s, x, e);
	if (S_ISDIR(x->st.st_mode))
		return read_dir(s, x, e);
	return x->same == i ? read_file(s, x, e) : 0;
}

/* Names that came, went or were replaced meanwhile show in the folders' times. */
static int
check_still(const struct scan *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct seen *x = &s->list[i];
		struct stat now;
		int there;

		if (S_ISREG(x->st.st_mode) && x->same == i)
			continue;	/* looked at after it was read */
		if (strcmp(x->path, ".") == 0)
			there = fstat(s->dir, &now) == -1 ? err_sys(e, ".") : 1;
		else
			there = fs_stat_at(s->dir, x->path, &now, e);
		if (there == -1)
			return -1;
		if (there == 0 || !same_state(&x->st, &now))
			return changed(x->path, e);
	}
	return 0;
}

/* Names of an owner on this machine, where it has them. */
static void
name_owner(struct entry *x, char user[256], char group[256])
{
	char space[4096];
	struct passwd pw, *found_user = NULL;
	struct group gr, *found_group = NULL;

	if (getpwuid_r(x->uid, &pw, space, sizeof space, &found_user) == 0 &&
	    found_user != NULL && (size_t)snprintf(user, 256, "%s", pw.pw_name) < 256)
		x->uname = user;
	if (getgrgid_r(x->gid, &gr, space, sizeof space, &found_group) == 0 &&
	    found_group != NULL && (size_t)snprintf(group, 256, "%s", gr.gr_name) < 256)
		x->gname = group;
}

static int
list_one(const struct scan *s, const struct seen *x, struct listing *l, struct err *e)
{
	const struct seen *first = &s->list[x->same];
	char user[256], group[256];
	struct entry entry = { .path = x->path, .mode = x->st.st_mode & 07777,
		.link = x->link, .xattrs = first->xattrs };

	if (S_ISREG(x->st.st_mode)) {
		entry.type = ENTRY_FILE;
		entry.size = (uint64_t)x->st.st_size;
		entry.has_sha256 = true;
		entry.sha256 = first->sha256;
		entry.group = (uint32_t)x->same + 1;	/* alone: listing_finish() */
	} else {
		entry.type = S_ISDIR(x->st.st_mode) ? ENTRY_DIR : ENTRY_LINK;
	}
	if (s->want.owners) {
		entry.has_owner = true;
		entry.uid = x->st.st_uid;
		entry.gid = x->st.st_gid;
		name_owner(&entry, user, group);
	}
	return listing_add(l, &entry, e);
}

static struct listing *
make_listing(const struct scan *s, struct err *e)
{
	struct listing *l = listing_new(e);

	if (l == NULL)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		if (list_one(s, &s->list[i], l, e) == -1)
			goto fail;
	if (listing_finish(l, e) == 0)
		return l;
fail:
	listing_free(l);
	return NULL;
}

static void
clear_scan(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].path);
		free(s->list[i].link);
		xattr_free(s->list[i].xattrs);
	}
	free(s->list);
	free(s->inodes);
}

struct listing *
scan_tree(int dirfd, const struct scan_options *want, struct err *e)
{
	struct scan s = { .dir = dirfd };
	struct listing *l = NULL;

	if (want != NULL)
		s.want = *want;
	if (fs_walk(dirfd, visit, &s, e) == -1)
		goto out;
	if (s.n < 2 && !s.want.empty) {
		(void)err_set(e, ERR_FAIL, "the tree is empty");
		(void)err_hint(e, "a release needs one entry at least");
		goto out;
	}
	if (find_hard_links(&s, e) == -1 ||
	    jobs_run(s.want.jobs, s.n, read_one, &s, e) == -1 || check_still(&s, e) == -1)
		goto out;
	l = make_listing(&s, e);
out:
	clear_scan(&s);
	return l;
}
