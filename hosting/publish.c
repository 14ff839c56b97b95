#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/hash.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "hosting/publish.h"

#define TIMESTAMP "metadata/timestamp.json"
#define TEMPORARY ".publish.tmp"	/* in the folder it is renamed in */

enum { TIMESTAMP_MAX = 16384, HASH_DIGITS = 64 };

/* The order in which classes of files may appear. */
enum class { CLASS_OBJECT, CLASS_ROOT, CLASS_ROLE, CLASS_SNAPSHOT, CLASS_NONE };

struct item {
	char *path;
	enum class class;
	uint64_t bytes;
	bool there;		/* DEST has it */
};

struct publish {
	int repo, dest;
	struct item *items;
	size_t n, cap;
};

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* "12.root.json" has a number in front; timestamp.json has none. */
static enum class
class_of(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t digits;

	name = name == NULL ? path : name + 1;
	if (name[0] == '.')
		return CLASS_NONE;
	if (strncmp(path, "targets/", 8) == 0)
		return CLASS_OBJECT;
	digits = strspn(name, "0123456789");
	if (strncmp(path, "metadata/", 9) != 0 || digits == 0 || name[digits] != '.' ||
	    !ends_with(name, ".json"))
		return CLASS_NONE;
	if (strcmp(name + digits, ".root.json") == 0)
		return CLASS_ROOT;
	return strcmp(name + digits, ".snapshot.json") == 0 ? CLASS_SNAPSHOT : CLASS_ROLE;
}

static int
add_item(struct publish *p, const char *path, enum class class, uint64_t bytes,
    struct err *e)
{
	struct item *grown;

	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 256 : p->cap * 2;

		if ((grown = realloc(p->items, cap * sizeof *grown)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		p->items = grown;
		p->cap = cap;
	}
	p->items[p->n] = (struct item){ strdup(path), class, bytes, false };
	if (p->items[p->n].path == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->n++;
	return 0;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct publish *p = arg;
	enum class class;

	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (S_ISDIR(v->st->st_mode))
		return v->name[0] == '.' ? FS_WALK_SKIP : FS_WALK_ON;
	class = class_of(v->path);
	if (class == CLASS_NONE || !S_ISREG(v->st->st_mode))
		return FS_WALK_ON;
	return add_item(p, v->path, class, (uint64_t)v->st->st_size, e) == -1 ?
	    FS_WALK_STOP : FS_WALK_ON;
}

/* The number in front of a root's name, so that they arrive in their order. */
static unsigned long long
number_of(const struct item *item)
{
	const char *name = strrchr(item->path, '/');

	return item->class == CLASS_OBJECT ? 0 :
	    strtoull(name == NULL ? item->path : name + 1, NULL, 10);
}

static int
compare_items(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (number_of(a) != number_of(b))
		return number_of(a) < number_of(b) ? -1 : 1;
	return strcmp(a->path, b->path);
}

/* Objects are named HASH.rest: bytes that are not these never leave here. */
static int
check_object(int fd, const char *path, struct err *e)
{
	const char *name = strrchr(path, '/') + 1;
	char hex[SHA256_HEX_MAX] = "";
	struct sha256 want, got;

	if (strlen(name) <= HASH_DIGITS || name[HASH_DIGITS] != '.')
		return err_set(e, ERR_FORMAT, "%s: no object of a repository", path);
	memcpy(hex, name, HASH_DIGITS);
	if (sha256_parse(&want, hex) == -1)
		return err_set(e, ERR_FORMAT, "%s: no object of a repository", path);
	if (sha256_of_fd(fd, &got, NULL, e) == -1)
		return err_wrap(e, "%s", path);
	if (!sha256_equal(&want, &got))
		return err_set(e, ERR_TRUST, "%s: its bytes are not those of its name; "
		    "run mkdelta verify", path);
	return 0;
}

/* Is it there already?  Immutable names must hold the same bytes. */
static int
look_at_dest(struct publish *p, struct item *item, struct err *e)
{
	struct sha256 ours, theirs;
	struct stat st;
	int there, a = -1, b = -1, rc = -1;

	if (p->dest == -1)
		return 0;
	if ((there = fs_stat_at(p->dest, item->path, &st, e)) != 1)
		return there;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != item->bytes)
		return err_set(e, ERR_POLICY, "%s: the destination holds something else "
		    "under this name; it belongs to another repository?", item->path);
	item->there = true;
	if (item->class == CLASS_OBJECT)
		return 0;
	if ((a = fs_open_file(p->repo, item->path, NULL, e)) == -1 ||
	    (b = fs_open_file(p->dest, item->path, NULL, e)) == -1 ||
	    sha256_of_fd(a, &ours, NULL, e) == -1 ||
	    sha256_of_fd(b, &theirs, NULL, e) == -1)
		goto out;
	rc = sha256_equal(&ours, &theirs) ? 0 : err_set(e, ERR_POLICY,
	    "%s: the destination holds other bytes under this name; "
	    "it belongs to another repository?", item->path);
out:
	if (a != -1)
		(void)close(a);
	if (b != -1)
		(void)close(b);
	return rc;
}

static char *
folder_of(const char *path, struct err *e)
{
	char *folder = strdup(path);

	if (folder == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	*strrchr(folder, '/') = '\0';
	return folder;
}

static int
copy_to(int in, int folder, const char *name, struct err *e)
{
	int out, rc = -1;

	if (fs_unlink(folder, TEMPORARY, e) == -1 ||
	    (out = fs_create(folder, TEMPORARY, 0644, e)) == -1)
		return -1;
	if (fs_copy_fd(in, out, e) == 0 && fs_sync(out, e) == 0 &&
	    fs_rename(folder, TEMPORARY, folder, name, e) == 0)
		rc = fs_sync_dir(folder, ".", e);
	(void)close(out);
	if (rc == -1) {
		struct err ignored;

		(void)fs_unlink(folder, TEMPORARY, &ignored);
	}
	return rc;
}

static int
copy_item(struct publish *p, const struct item *item, struct err *e)
{
	char *folder = NULL;
	int in = -1, dir = -1, rc = -1;

	if (cancel_check(e) == -1)
		return -1;
	if ((in = fs_open_file(p->repo, item->path, NULL, e)) == -1 ||
	    (item->class == CLASS_OBJECT && check_object(in, item->path, e) == -1) ||
	    (folder = folder_of(item->path, e)) == NULL ||
	    fs_mkdirs(p->dest, folder, 0755, e) == -1 ||
	    (dir = fs_open_dir_at(p->dest, folder, e)) == -1)
		goto out;
	if (copy_to(in, dir, strrchr(item->path, '/') + 1, e) == -1) {
		(void)err_wrap(e, "%s", item->path);
		goto out;
	}
	progress_add(item->bytes);
	rc = 0;
out:
	if (dir != -1)
		(void)close(dir);
	if (in != -1)
		(void)close(in);
	free(folder);
	return rc;
}

static int
version_of(const struct buf *file, uint64_t *version, struct err *e)
{
	struct jv *top = jv_parse(file->data, file->len, e);
	const struct jv *part;
	int rc = -1;

	if (top == NULL)
		return err_wrap(e, TIMESTAMP);
	if ((part = jv_get_kind(top, "signed", JV_OBJECT, e)) != NULL)
		rc = jv_get_u64(part, "version", version, e);
	jv_free(top);
	return rc == -1 ? err_wrap(e, TIMESTAMP) : 0;
}

/* Compare both timestamps: going back is refused, the same is nothing to do. */
static int
compare_timestamps(struct publish *p, const struct buf *ours, struct publish_result *r,
    struct err *e)
{
	struct buf theirs = BUF_INIT(TIMESTAMP_MAX);
	uint64_t version = 0;
	int rc = -1;

	if (p->dest == -1)
		return 0;
	if (fs_read_file(p->dest, TIMESTAMP, &theirs, e) == -1) {
		rc = e->code == ERR_ABSENT ? 0 : -1;
		goto out;
	}
	r->current =
	    theirs.len == ours->len && memcmp(theirs.data, ours->data, ours->len) == 0;
	if (r->current) {
		rc = 0;
		goto out;
	}
	if (version_of(&theirs, &version, e) == -1)
		goto out;
	rc = version < r->version ? 0 : err_set(e, ERR_POLICY,
	    "the destination is at timestamp %llu, this repository at %llu: "
	    "publish from the repository that made it", (unsigned long long)version,
	    (unsigned long long)r->version);
out:
	buf_free(&theirs);
	return rc;
}

static int
gather(struct publish *p, struct publish_result *r, struct err *e)
{
	if (fs_walk(p->repo, visit, p, e) == -1)
		return -1;
	qsort(p->items, p->n, sizeof *p->items, compare_items);
	for (size_t i = 0; i < p->n; i++) {
		if (look_at_dest(p, &p->items[i], e) == -1)
			return -1;
		if (p->items[i].there) {
			r->kept++;
			continue;
		}
		r->files++;
		r->bytes += p->items[i].bytes;
	}
	return 0;
}

static int
copy_all(struct publish *p, const struct buf *timestamp, const struct publish_result *r,
    struct err *e)
{
	int rc = 0;

	/* A publish that was killed may have left its half timestamp. */
	if (fs_mkdirs(p->dest, "metadata", 0755, e) == -1 ||
	    fs_remove_temps(p->dest, "metadata", e) == -1)
		return -1;
	progress_start("publish", r->bytes, true);
	for (size_t i = 0; i < p->n && rc == 0; i++)
		if (!p->items[i].there)
			rc = copy_item(p, &p->items[i], e);
	progress_end();
	if (rc == -1 || r->current)
		return rc;
	/* The folders' own names too, whichever run made them. */
	if (fs_mkdirs(p->dest, "targets", 0755, e) == -1 ||
	    fs_sync_dir(p->dest, "targets", e) == -1 ||
	    fs_sync_dir(p->dest, ".", e) == -1)
		return -1;
	return fs_write_file(p->dest, TIMESTAMP, timestamp->data, timestamp->len, 0644,
	    e);
}

static void
publish_free(struct publish *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->items[i].path);
	free(p->items);
}

int
publish_tree(int repo, int dest, bool dry_run, struct publish_result *r, struct err *e)
{
	struct publish p = { .repo = repo, .dest = dest };
	struct buf timestamp = BUF_INIT(TIMESTAMP_MAX);
	int lock = -1, rc = -1;

	memset(r, 0, sizeof *r);
	if (fs_read_file(repo, TIMESTAMP, &timestamp, e) == -1) {
		if (e->code == ERR_ABSENT)
			(void)err_set(e, ERR_USAGE, "no repository: " TIMESTAMP
			    " is missing; mkdelta init makes one");
		goto out;
	}
	if (version_of(&timestamp, &r->version, e) == -1)
		goto out;
	if (!dry_run &&
	    (lock = fs_lock(dest, ".publish.lock", "another publish", e)) == -1)
		goto out;
	/* Names first: of another repository the age says nothing. */
	if (gather(&p, r, e) == -1 || compare_timestamps(&p, &timestamp, r, e) == -1)
		goto out;
	rc = dry_run ? 0 : copy_all(&p, &timestamp, r, e);
	if (rc == 0 && !r->current)
		r->files++, r->bytes += timestamp.len;
out:
	if (lock != -1)
		(void)close(lock);
	publish_free(&p);
	buf_free(&timestamp);
	return rc;
}
