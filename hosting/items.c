#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manifest/base/fs_tree.h"

#include "hosting/items.h"

enum { HASH_DIGITS = 64 };

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* "12.root.json" has a number in front; timestamp.json has none. */
enum item_class
item_class_of(const char *path)
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

const char *
item_type(const char *path)
{
	if (ends_with(path, ".json"))
		return "application/json";
	if (ends_with(path, ".zst"))
		return "application/zstd";
	if (ends_with(path, ".md"))
		return "text/markdown";
	return "application/octet-stream";
}

int
items_add(struct items *l, const char *path, uint64_t bytes, struct err *e)
{
	struct item *grown;

	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : l->cap * 2;

		if ((grown = realloc(l->list, cap * sizeof *grown)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		l->list = grown;
		l->cap = cap;
	}
	l->list[l->n] =
	    (struct item){ strdup(path), item_class_of(path), bytes, false, 0 };
	if (l->list[l->n].path == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	l->n++;
	return 0;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct items *l = arg;

	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (S_ISDIR(v->st->st_mode))
		return v->name[0] == '.' ? FS_WALK_SKIP : FS_WALK_ON;
	if (item_class_of(v->path) == CLASS_NONE || !S_ISREG(v->st->st_mode))
		return FS_WALK_ON;
	if (items_add(l, v->path, (uint64_t)v->st->st_size, e) == -1)
		return FS_WALK_STOP;
	l->list[l->n - 1].changed = v->st->st_mtime;
	return FS_WALK_ON;
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
compare(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (number_of(a) != number_of(b))
		return number_of(a) < number_of(b) ? -1 : 1;
	return strcmp(a->path, b->path);
}

int
items_add_at(struct items *l, const char *path, uint64_t bytes, const char *time,
    const char *format, struct err *e)
{
	struct tm tm = { .tm_isdst = -1 };

	if (items_add(l, path, bytes, e) == -1)
		return -1;
	if (strptime(time, format, &tm) != NULL)
		l->list[l->n - 1].changed = mktime(&tm);
	return 0;
}

void
items_sort(struct items *l)
{
	if (l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, compare);
}

struct item *
items_find(const struct items *l, const char *path)
{
	char copy[1024];
	struct item key = { copy, item_class_of(path), 0, false, 0 };

	if (l->n == 0 || strlen(path) >= sizeof copy)
		return NULL;
	memcpy(copy, path, strlen(path) + 1);
	return bsearch(&key, l->list, l->n, sizeof *l->list, compare);
}

int
items_gather(struct items *l, int dir, struct err *e)
{
	if (fs_walk(dir, visit, l, e) == -1)
		return -1;
	items_sort(l);
	return 0;
}

void
items_clear(struct items *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].path);
	free(l->list);
	memset(l, 0, sizeof *l);
}

/* Objects are named HASH.rest: bytes that are not these never leave here. */
int
item_check_object(int fd, const char *path, struct err *e)
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
