#include <sys/stat.h>
#include <sys/xattr.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/inode_set.h"
#include "apply/output.h"
#include "apply/reuse_list.h"

#include "apply/reuse.h"

enum { STEP = 128 * 1024 };

struct reuse {
	const struct owners *owners;
	enum reuse_mode mode;
	bool no_clone;			/* the filesystem said so once */
	bool no_link;
	struct inode_set inodes;	/* of new entries */
	struct reuse_list linked;
	struct reuse_counts counts;
	uint8_t buffer[STEP];
};

struct reuse *
reuse_new(const struct conf *conf, const struct owners *owners, struct err *e)
{
	struct reuse *r = calloc(1, sizeof *r);

	if (r == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for reuse");
		return NULL;
	}
	r->owners = owners;
	r->mode = conf == NULL ? REUSE_AUTO : conf->reuse;
	return r;
}

void
reuse_free(struct reuse *r)
{
	if (r == NULL)
		return;
	inode_set_clear(&r->inodes);
	free(r->linked.entries);
	free(r);
}

void
reuse_without_links(struct reuse *r)
{
	r->no_link = true;
}

void
reuse_counts(const struct reuse *r, struct reuse_counts *counts)
{
	*counts = r->counts;
}

const struct reuse_list *
reuse_linked(const struct reuse *r)
{
	return &r->linked;
}

static int
remember_linked(struct reuse *r, const struct entry *to, struct err *e)
{
	struct reuse_list *l = &r->linked;

	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : l->room * 2;
		const struct entry **more = realloc(l->entries,
		    room * sizeof(const struct entry *));

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for reuse");
		l->entries = more;
		l->room = room;
	}
	l->entries[l->n++] = to;
	return 0;
}

static int
wrong(const struct entry *to, struct err *e)
{
	return err_set(e, ERR_TRUST,
	    "the installed tree was modified: %s has other content", to->path);
}

/* Are the attributes of the source those of the entry, no more and no less?  The
 * label of a security module belongs to the place, not to the file. */
static bool
same_xattrs(int fd, const struct entry *to)
{
	char names[4096], value[4096];
	size_t listed = 0, found = 0;
	ssize_t n = flistxattr(fd, names, sizeof names);

	if (n == -1 && errno == ENOTSUP)
		n = 0;
	if (n == -1)
		return false;
	for (const char *name = names; name < names + n; name += strlen(name) + 1)
		found += strcmp(name, "security.selinux") != 0;
	for (const struct entry_xattr *x = to->xattrs; x != NULL; x = x->next, listed++) {
		n = fgetxattr(fd, x->name, value, sizeof value);
		if (n < 0 || (size_t)n != x->size ||
		    memcmp(value, x->value, x->size) != 0)
			return false;
	}
	return listed == found;
}

static bool
may_link(const struct reuse *r, int source, const struct stat *st,
    const struct entry *to)
{
	uid_t uid;
	gid_t gid;

	if (r->no_link || (r->mode != REUSE_AUTO && r->mode != REUSE_HARDLINK))
		return false;
	owners_entry(r->owners, to, &uid, &gid);
	return geteuid() == 0 && st->st_uid == 0 && (st->st_mode & 022) == 0 &&
	    (st->st_mode & 07777) == to->mode && st->st_uid == uid && st->st_gid == gid &&
	    !inode_set_has(&r->inodes, st->st_ino) && same_xattrs(source, to);
}

/* 1 linked, 0 copy instead, -1. */
static int
try_link(struct reuse *r, int source, const struct stat *st, int dir,
    const struct entry *to, struct err *e)
{
	struct sha256 id;

	if (sha256_of_fd(source, &id, NULL, e) == -1)
		return -1;
	if (!sha256_equal(&id, &to->sha256))
		return wrong(to, e);
	if (fs_link_fd(source, dir, to->path, e) == -1) {
		if (e->sys == EMLINK || e->sys == EXDEV || e->sys == EPERM ||
		    e->sys == ENOENT || e->sys == ENOTSUP)
			return 0;
		return -1;
	}
	if (inode_set_add(&r->inodes, st->st_ino, e) == -1)
		return -1;
	return remember_linked(r, to, e) == -1 ? -1 : 1;
}

static int
finish(const struct reuse *r, int fd, const struct entry *to, int64_t seconds,
    struct err *e)
{
	if (owners_set_fd(r->owners, fd, to, e) == -1)
		return -1;
	return fs_set_time_fd(fd, seconds, e);
}

/* 1 cloned, 0 not possible here, -1. */
static int
try_clone(struct reuse *r, int source, const struct stat *st, int dir,
    const struct entry *to, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct sha256 id;
	int rc = -1, done, fd;

	if (r->no_clone || r->mode == REUSE_COPY || r->mode == REUSE_HARDLINK)
		return 0;
	if ((fd = fs_create(dir, to->path, 0600, e)) == -1)
		return -1;
	if ((done = fs_clone_fd(source, fd, e)) == 1) {
		r->no_clone = true;
		rc = 0;
	} else if (done == 0 && sha256_of_fd(fd, &id, NULL, e) == 0) {
		/* The clone is nobody else's: what was hashed stays so. */
		if (!sha256_equal(&id, &to->sha256))
			(void)wrong(to, e);
		else if (finish(r, fd, to, st->st_mtim.tv_sec, e) == 0)
			rc = 1;
	}
	(void)close(fd);
	if (rc != 1)
		(void)fs_unlink(dir, to->path, &ignored);
	return rc;
}

static int
pump(struct reuse *r, int source, struct output *o, struct err *e)
{
	for (uint64_t at = 0; at < o->size;) {
		size_t n = o->size - at < STEP ? (size_t)(o->size - at) : STEP;

		if (fs_pread(source, r->buffer, n, at, e) == -1) {
			if (e->code == ERR_FORMAT)	/* it shrank meanwhile */
				e->code = ERR_TRUST;
			return -1;
		}
		if (output_write(o, r->buffer, n, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

static int
copy(struct reuse *r, int source, const struct stat *st, int dir,
    const struct entry *to, struct err *e)
{
	struct output o;
	struct sha256 id;
	int rc = -1;

	if (output_start(&o, dir, to->path, to->size, e) == -1)
		return -1;
	if (pump(r, source, &o, e) == -1 || output_end(&o, &id, e) == -1)
		goto out;
	if (!sha256_equal(&id, &to->sha256))
		(void)wrong(to, e);
	else
		rc = finish(r, o.fd, to, st->st_mtim.tv_sec, e);
out:
	if (rc == 0)
		output_close(&o);
	else
		output_drop(&o);
	return rc;
}

enum reuse_how
reuse_file(struct reuse *r, int source, int dir, const struct entry *to, struct err *e)
{
	struct stat st;
	int done;

	if (fstat(source, &st) == -1) {
		(void)err_sys(e, "%s", to->path);
		return REUSED_NOT;
	}
	if ((uint64_t)st.st_size != to->size) {
		(void)wrong(to, e);
		return REUSED_NOT;
	}
	if ((done = try_clone(r, source, &st, dir, to, e)) != 0) {
		r->counts.clones += done == 1;
		return done == 1 ? REUSED_CLONE : REUSED_NOT;
	}
	done = may_link(r, source, &st, to) ? try_link(r, source, &st, dir, to, e) : 0;
	if (done != 0) {
		r->counts.links += done == 1;
		return done == 1 ? REUSED_LINK : REUSED_NOT;
	}
	if (copy(r, source, &st, dir, to, e) == -1)
		return REUSED_NOT;
	r->counts.copies++;
	r->counts.copied_bytes += to->size;
	return REUSED_COPY;
}

enum reuse_how
reuse_own(struct reuse *r, int source, int dir, const struct entry *to, int64_t created,
    struct err *e)
{
	struct stat st;

	if (fstat(source, &st) == -1) {
		(void)err_sys(e, "%s", to->path);
		return REUSED_NOT;
	}
	if (!inode_set_has(&r->inodes, st.st_ino) &&
	    fs_link_fd(source, dir, to->path, e) == 0) {
		if (inode_set_add(&r->inodes, st.st_ino, e) == -1 ||
		    finish(r, source, to, created, e) == -1)
			return REUSED_NOT;
		return REUSED_LINK;
	}
	return reuse_file(r, source, dir, to, e);
}
