#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"

#include "apply/content.h"

struct scan {
	struct listing *found;
	uint64_t *sizes;		/* wanted, sorted */
	size_t n;
};

static int
compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct scan *s = arg;
	struct entry entry = { .type = ENTRY_DIR, .mode = 0755, .nlink = 1 };
	struct err unread = ERR_INIT;
	struct stat st;
	int fd;

	if (cancel_check(e) == -1)
		return FS_WALK_STOP;
	if ((entry.path = strdup(v->path)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a tree");
	if (S_ISREG(v->st->st_mode)) {
		entry.type = ENTRY_FILE;
		entry.size = (uint64_t)v->st->st_size;
		if (entry.size == 0 || bsearch(&entry.size, s->sizes, s->n,
		    sizeof *s->sizes, compare_sizes) == NULL ||
		    (fd = fs_open_file(v->parent, v->name, &st, &unread)) == -1) {
			free(entry.path);
			return FS_WALK_ON;
		}
		entry.has_sha256 =
		    sha256_of_fd(fd, &entry.sha256, &entry.size, &unread) == 0;
		(void)close(fd);
	}
	fd = S_ISDIR(v->st->st_mode) || entry.has_sha256 ?
	    listing_add(s->found, &entry, e) : 0;
	free(entry.path);
	return fd == -1 ? FS_WALK_STOP : FS_WALK_ON;
}

struct content *
content_scan(int tree, const struct listing *wanted, struct err *e)
{
	static const struct persist_mask nothing;
	struct scan s = { NULL, calloc(wanted->n + 1, sizeof(uint64_t)), 0 };
	struct content *c = NULL;

	if (s.sizes == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a tree");
		return NULL;
	}
	for (size_t i = 0; i < wanted->n; i++)
		if (wanted->entries[i].type == ENTRY_FILE)
			s.sizes[s.n++] = wanted->entries[i].size;
	qsort(s.sizes, s.n, sizeof *s.sizes, compare_sizes);
	if ((s.found = listing_new(e)) != NULL && fs_walk(tree, visit, &s, e) == 0 &&
	    listing_finish(s.found, e) == 0) {
		c = content_new(s.found, e);
		s.found = NULL;
		if (c != NULL && content_at_tree(c, tree, &nothing, e) == -1) {
			content_free(c);
			c = NULL;
		}
	}
	listing_free(s.found);
	free(s.sizes);
	return c;
}
