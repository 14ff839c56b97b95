#include <sys/stat.h>
#include <sys/xattr.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"

#include "apply/owners.h"
#include "apply/persist.h"

#include "apply/verify.h"

struct inode {
	dev_t dev;
	ino_t ino;
	size_t entry;
};

struct look {
	int tree;
	const struct listing *listing;
	const struct conf *conf;
	struct owners owners;
	bool check_owner;		/* the configuration says what it is to be */
	struct persist_mask mask;
	struct buf shared;		/* absolute, "" without configuration */
	struct buf scratch;
	struct verify_report *report;
	unsigned char *seen;
	struct inode *inodes;		/* of files, for hard links */
	size_t n_inodes;
};

static const char *const words[] = {
	[VERIFY_MISSING] = "missing", [VERIFY_EXTRA] = "extra", [VERIFY_TYPE] = "type",
	[VERIFY_MODE] = "mode", [VERIFY_OWNER] = "owner", [VERIFY_SIZE] = "size",
	[VERIFY_CONTENT] = "content", [VERIFY_TARGET] = "target",
	[VERIFY_LINKS] = "links", [VERIFY_XATTR] = "xattr",
	[VERIFY_UNREADABLE] = "unreadable",
};

const char *
verify_word(enum verify_what what)
{
	return words[what];
}

static int differs(struct look *, enum verify_what, const char *path, struct err *,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Note a difference; -1 only when there is no memory for it. */
static int
differs(struct look *k, enum verify_what what, const char *path, struct err *e,
    const char *fmt, ...)
{
	struct verify_report *r = k->report;
	struct verify_difference *d;
	va_list ap;

	if (r->total++ >= VERIFY_REPORT_MAX)
		return 0;
	if (r->items == NULL &&
	    (r->items = calloc(VERIFY_REPORT_MAX, sizeof *r->items)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a report");
	d = &r->items[r->n];
	if ((d->path = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a report");
	d->what = what;
	va_start(ap, fmt);
	(void)vsnprintf(d->text, sizeof d->text, fmt, ap);
	va_end(ap);
	(void)text_printable(d->text, sizeof d->text, d->text, strlen(d->text), false);
	r->n++;
	return 0;
}

static const char *
type_word(mode_t mode)
{
	if (S_ISREG(mode))
		return "file";
	if (S_ISDIR(mode))
		return "folder";
	return S_ISLNK(mode) ? "link" : "special file";
}

static mode_t
type_of(const struct entry *entry)
{
	return entry->type == ENTRY_DIR ? S_IFDIR : entry->type == ENTRY_FILE ? S_IFREG :
	    S_IFLNK;
}

/* Attributes that the listing has, and a capability that it has not. */
static int
compare_xattrs(struct look *k, int fd, const struct entry *entry, struct err *e)
{
	static const char capability[] = "security.capability";
	bool listed = false;

	for (const struct entry_xattr *x = entry->xattrs; x != NULL; x = x->next) {
		uint8_t *value = malloc(x->size + 1);
		ssize_t n;
		bool same;

		if (value == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for attributes");
		n = fgetxattr(fd, x->name, value, x->size + 1);
		same = n >= 0 && (size_t)n == x->size &&
		       memcmp(value, x->value, x->size) == 0;
		free(value);
		listed = listed || strcmp(x->name, capability) == 0;
		if (!same && differs(k, VERIFY_XATTR, entry->path, e, "attribute %s %s",
		    x->name, n < 0 ? "is missing" : "has another value") == -1)
			return -1;
	}
	if (!listed && fgetxattr(fd, capability, NULL, 0) > 0)
		return differs(k, VERIFY_XATTR, entry->path, e, "has capabilities");
	return 0;
}

static int
compare_content(struct look *k, int fd, const struct entry *entry, struct err *e)
{
	struct err unread = ERR_INIT;
	struct sha256 id;
	uint64_t bytes;

	if (cancel_check(e) == -1)
		return -1;
	if (sha256_of_fd(fd, &id, &bytes, &unread) == -1)
		return differs(k, VERIFY_UNREADABLE, entry->path, e, "%.140s",
		    unread.text);
	k->report->files++;
	k->report->bytes += bytes;
	progress_add(bytes);
	if (!sha256_equal(&id, &entry->sha256))
		return differs(k, VERIFY_CONTENT, entry->path, e,
		    "its content is not the release's");
	return 0;
}

static int
compare_target(struct look *k, int at, const char *name, const struct entry *entry,
    struct err *e)
{
	struct err unread = ERR_INIT;
	struct buf text = BUF_INIT(1 << 16);
	int rc = 0;

	if (fs_read_link(at, name, &text, &unread) == -1)
		rc = differs(k, VERIFY_UNREADABLE, entry->path, e, "%.140s", unread.text);
	else if (strcmp(buf_text(&text), entry->link) != 0)
		rc = differs(k, VERIFY_TARGET, entry->path, e,
		    "points to %.60s, not %.60s", buf_text(&text), entry->link);
	buf_free(&text);
	return rc;
}

static int
compare_open(struct look *k, int at, const char *name, const struct entry *entry,
    struct err *e)
{
	struct err unread = ERR_INIT;
	struct stat st;
	bool file = entry->type == ENTRY_FILE;
	int rc, fd = file ? fs_open_file(at, name, &st, &unread) :
	    fs_open_dir_at(at, name, &unread);

	if (fd == -1)
		return differs(k, VERIFY_UNREADABLE, entry->path, e, "%.140s",
		    unread.text);
	rc = compare_xattrs(k, fd, entry, e);
	if (rc == 0 && file && (uint64_t)st.st_size == entry->size)
		rc = compare_content(k, fd, entry, e);
	(void)close(fd);
	return rc;
}

static int
compare_owner(struct look *k, const struct entry *entry, const struct stat *st,
    struct err *e)
{
	uid_t uid;
	gid_t gid;

	owners_entry(&k->owners, entry, &uid, &gid);
	if (!k->check_owner || (st->st_uid == uid && st->st_gid == gid))
		return 0;
	return differs(k, VERIFY_OWNER, entry->path, e, "owner %u:%u instead of %u:%u",
	    st->st_uid, st->st_gid, uid, gid);
}

/* Entry i stands at (at, name), which lstat says is *st. */
static int
compare(struct look *k, size_t i, int at, const char *name, const struct stat *st,
    struct err *e)
{
	const struct entry *entry = &k->listing->entries[i];

	k->seen[i] = 1;
	if ((st->st_mode & S_IFMT) != type_of(entry))
		return differs(k, VERIFY_TYPE, entry->path, e, "a %s instead of a %s",
		    type_word(st->st_mode), type_word(type_of(entry)));
	if (compare_owner(k, entry, st, e) == -1)
		return -1;
	if (entry->type == ENTRY_LINK)
		return compare_target(k, at, name, entry, e);
	if ((st->st_mode & 07777) != entry->mode &&
	    differs(k, VERIFY_MODE, entry->path, e, "mode %04o instead of %04o",
	    st->st_mode & 07777u, entry->mode) == -1)
		return -1;
	if (entry->type == ENTRY_FILE) {
		k->inodes[k->n_inodes++] = (struct inode){ st->st_dev, st->st_ino, i };
		if ((uint64_t)st->st_size != entry->size &&
		    differs(k, VERIFY_SIZE, entry->path, e, "%llu bytes instead of %llu",
		    (unsigned long long)st->st_size,
		    (unsigned long long)entry->size) == -1)
			return -1;
	}
	return compare_open(k, at, name, entry, e);
}

/* A persist path itself.  In a tree from before it was one it is still the
 * release's own entry, by now perhaps with the device's data: left alone. */
static int
compare_persist(struct look *k, const struct fs_visit *v, const struct persist_path *p,
    struct err *e)
{
	struct buf text = BUF_INIT(1 << 16);
	int rc = FS_WALK_SKIP;

	if (p->copy || (!p->noted && !S_ISLNK(v->st->st_mode)))
		return FS_WALK_SKIP;
	if (!S_ISLNK(v->st->st_mode)) {
		rc = differs(k, VERIFY_TYPE, v->path, e,
		    "a %s instead of a link to shared/", type_word(v->st->st_mode));
	} else if (k->shared.len > 0) {
		buf_reset(&k->scratch);
		if (buf_addf(&k->scratch, e, "%s/%s", buf_text(&k->shared), p->path) ==
			-1 ||
		    fs_read_link(v->parent, v->name, &text, e) == -1)
			rc = -1;
		else if (strcmp(buf_text(&text), buf_text(&k->scratch)) != 0)
			rc = differs(k, VERIFY_TARGET, v->path, e,
			    "points to %.60s, not %.60s", buf_text(&text),
			    buf_text(&k->scratch));
	}
	buf_free(&text);
	return rc == -1 ? FS_WALK_STOP : FS_WALK_SKIP;
}

/* What the device itself keeps in a tree. */
static bool
is_own(const char *path)
{
	static const char *const own[] = { ".delta/listing", ".delta/record.json",
		".delta/persist", ".delta/seed", ".delta/linked" };

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(path, own[i]) == 0)
			return true;
	return false;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct look *k = arg;
	const struct persist_path *which = NULL;
	enum persist_place place = persist_place(&k->mask, v->path, &which);
	long i = listing_find(k->listing, v->path);

	if (is_own(v->path))
		return FS_WALK_SKIP;
	if (place == PERSIST_AT)
		return compare_persist(k, v, which, e);
	if (i >= 0)
		return compare(k, (size_t)i, v->parent, v->name, v->st, e) == -1 ?
		    FS_WALK_STOP : FS_WALK_ON;
	if (S_ISDIR(v->st->st_mode) &&
	    (place == PERSIST_ABOVE || strcmp(v->path, ".delta") == 0))
		return FS_WALK_ON;
	return differs(k, VERIFY_EXTRA, v->path, e, "the release has no such %s",
	    type_word(v->st->st_mode)) == -1 ? FS_WALK_STOP : FS_WALK_SKIP;
}

/* What the walk did not meet: in the seed, left to the device, or missing. */
static int
look_for(struct look *k, size_t i, struct err *e)
{
	const char *path = k->listing->entries[i].path;
	const struct persist_path *which = NULL;
	struct stat st;
	int there;

	if (persist_place(&k->mask, path, &which) < PERSIST_AT)
		return differs(k, VERIFY_MISSING, path, e, "is missing");
	if (!which->noted)
		return 0;
	if (persist_where(&k->mask, path, &k->scratch, e) == -1 ||
	    (there = fs_stat_at(k->tree, buf_text(&k->scratch), &st, e)) == -1)
		return -1;
	if (there == 0)
		return differs(k, VERIFY_MISSING, path, e, "is missing in .delta/seed");
	return compare(k, i, k->tree, buf_text(&k->scratch), &st, e);
}

static int
compare_inodes(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Names on one inode are one group, and the names of a group on one inode. */
static int
compare_links(struct look *k, struct err *e)
{
	const struct entry *entries = k->listing->entries;

	qsort(k->inodes, k->n_inodes, sizeof *k->inodes, compare_inodes);
	for (size_t i = 0, first = 0; i < k->n_inodes; i++) {
		const struct inode *x = &k->inodes[i], *y = &k->inodes[first];
		const struct entry *entry = &entries[x->entry];
		size_t leader = listing_group_first(k->listing, x->entry);

		if (i == first || x->dev != y->dev || x->ino != y->ino) {
			first = i;
			if (leader != x->entry && k->seen[leader] &&
			    differs(k, VERIFY_LINKS, entry->path, e,
			    "is no hard link to %.100s", entries[leader].path) == -1)
				return -1;
		} else if ((entry->group == 0 ||
			       entry->group != entries[y->entry].group) &&
			   differs(k, VERIFY_LINKS, entry->path, e,
			       "is a hard link to %.100s",
			       entries[y->entry].path) == -1) {
			return -1;
		}
	}
	return 0;
}

static int
verify_all(struct look *k, struct err *e)
{
	if (persist_mask_read(k->tree, k->conf, &k->mask, e) == -1)
		return -1;
	if (k->conf != NULL && persist_shared_path(k->conf, &k->shared, e) == -1)
		return -1;
	if (fs_walk(k->tree, visit, k, e) == -1)
		return -1;
	for (size_t i = 0; i < k->listing->n; i++)
		if (!k->seen[i] && look_for(k, i, e) == -1)
			return -1;
	return compare_links(k, e);
}

int
verify_tree(int tree, const struct listing *listing, const struct conf *conf,
    struct verify_report *report, struct err *e)
{
	struct look k = { .tree = tree, .listing = listing, .conf = conf,
		.report = report, .shared = BUF_INIT(8192), .scratch = BUF_INIT(16384) };
	int rc = -1;

	memset(report, 0, sizeof *report);
	owners_of(conf, &k.owners);
	k.check_owner = conf != NULL && (conf->owner_set || k.owners.from_listing);
	k.seen = calloc(listing->n + 1, 1);
	k.inodes = calloc(listing->n + 1, sizeof *k.inodes);
	if (k.seen == NULL || k.inodes == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for verification");
	else
		rc = verify_all(&k, e);
	persist_mask_clear(&k.mask);
	buf_free(&k.shared);
	buf_free(&k.scratch);
	free(k.seen);
	free(k.inodes);
	return rc;
}

void
verify_report_clear(struct verify_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		free(report->items[i].path);
	free(report->items);
	memset(report, 0, sizeof *report);
}

int
verify_report_err(const struct verify_report *report, const char *what, struct err *e)
{
	if (report->total == 0)
		return 0;
	(void)err_set(e, ERR_TRUST, "%s: %s: %s", what, report->items[0].path,
	    report->items[0].text);
	if (report->total > 1)
		(void)err_hint(e, "%llu more differences",
		    (unsigned long long)(report->total - 1));
	return -1;
}
