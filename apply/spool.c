#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "apply/plan.h"

#include "apply/spool.h"

#define SPOOL_DIR "spool"
enum { SPOOL_PATH_MAX = 96 };

static const char *
path_of(const struct object *o, const char *suffix, char out[static SPOOL_PATH_MAX])
{
	char hex[SHA256_HEX_MAX];

	(void)snprintf(out, SPOOL_PATH_MAX, SPOOL_DIR "/%s%s",
	    sha256_hex(&o->sha256, hex), suffix);
	return out;
}

/* Size of a regular file below STATE, -1 when there is none. */
static int64_t
size_of(const struct device *d, const char *path)
{
	struct err ignored = ERR_INIT;
	struct stat st;

	if (fs_stat_at(d->state, path, &st, &ignored) != 1 || !S_ISREG(st.st_mode))
		return -1;
	return (int64_t)st.st_size;
}

bool
spool_has(const struct device *d, const struct object *o)
{
	char path[SPOOL_PATH_MAX];
	int64_t size = size_of(d, path_of(o, "", path));

	return size >= 0 && (uint64_t)size == o->bytes;
}

uint64_t
spool_have_bytes(const struct device *d, const struct object *o)
{
	char path[SPOOL_PATH_MAX];
	int64_t size;

	if (spool_has(d, o))
		return o->bytes;
	size = size_of(d, path_of(o, ".part", path));
	return size > 0 && (uint64_t)size <= o->bytes ? (uint64_t)size : 0;
}

int
spool_open(const struct device *d, const struct object *o, struct err *e)
{
	char path[SPOOL_PATH_MAX];
	struct err ignored = ERR_INIT;
	struct sha256 got;
	uint64_t bytes;
	int fd, rc;

	if ((fd = fs_open_file(d->state, path_of(o, "", path), NULL, e)) == -1)
		return err_wrap(e, "spool: %s", o->path);
	rc = sha256_of_fd(fd, &got, &bytes, e);
	if (rc == 0 && bytes == o->bytes && sha256_equal(&got, &o->sha256))
		return fd;
	(void)close(fd);
	if (rc == -1)
		return err_wrap(e, "spool: %s", o->path);
	(void)fs_unlink(d->state, path, &ignored);
	return err_set(e, ERR_TRUST, "spool: %s: the bytes have changed on the disk",
	    o->path);
}

/* Does this file of the spool belong to an object of the plan? */
static bool
wanted(const char *name, const struct plan *plan)
{
	struct sha256 id;
	char hex[SHA256_HEX_MAX];
	size_t n = strcspn(name, ".");

	if (plan == NULL || n != SHA256_HEX_MAX - 1)
		return false;
	memcpy(hex, name, n);
	hex[n] = '\0';
	if (sha256_parse(&id, hex) == -1)
		return false;
	if (sha256_equal(&id, &plan->to.object.sha256))
		return true;
	for (size_t i = 0; i < plan->n_hops; i++)
		if (sha256_equal(&id, &plan->hops[i].object.sha256) ||
		    sha256_equal(&id, &plan->trees[i].object.sha256))
			return true;
	return false;
}

static int
clean_one(void *arg, const struct fs_visit *v, struct err *e)
{
	const struct plan *plan = arg;

	if (strcmp(v->path, ".") == 0 || wanted(v->name, plan))
		return FS_WALK_ON;
	if (S_ISDIR(v->st->st_mode))
		return fs_remove_tree(v->parent, v->name, e) == -1 ? FS_WALK_STOP :
		    FS_WALK_SKIP;
	return fs_unlink(v->parent, v->name, e) == -1 ? FS_WALK_STOP : FS_WALK_ON;
}

int
spool_clean(const struct device *d, const struct plan *plan, struct err *e)
{
	union {
		const struct plan *in;
		void *out;
	} arg = { plan };	/* fs_walk() takes what its callback may change */
	int dir, rc;

	if ((dir = fs_open_dir_at(d->state, SPOOL_DIR, e)) == -1) {
		if (e->code != ERR_ABSENT)
			return err_wrap(e, "state");
		err_clear(e);
		return 0;
	}
	rc = fs_walk(dir, clean_one, arg.out, e);
	(void)close(dir);
	return rc == -1 ? err_wrap(e, "state: " SPOOL_DIR) : 0;
}
