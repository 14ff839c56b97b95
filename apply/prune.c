#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/names.h"

#include "apply/data.h"

#include "apply/prune.h"

#define GONE ".gone-"		/* and the number: being removed */
enum { RELEASES_MAX = 4096 };

struct names {
	uint64_t *out;
	size_t n, max;
	bool gone;		/* the .gone- ones instead */
};

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	struct names *names = arg;
	const char *digits = v->name;
	uint64_t number;

	(void)e;
	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (names->gone) {
		if (strncmp(digits, GONE, sizeof GONE - 1) != 0)
			return FS_WALK_SKIP;
		digits += sizeof GONE - 1;
	}
	/* One number, one name: no leading zeros. */
	if (digits[0] != '0' && u64_parse(digits, RELEASE_MAX, &number) == 0 &&
	    S_ISDIR(v->st->st_mode) && names->n < names->max)
		names->out[names->n++] = number;
	return FS_WALK_SKIP;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
list(int dir, bool gone, uint64_t *out, size_t max, struct err *e)
{
	struct names names = { out, 0, max, gone };

	if (fs_walk(dir, visit, &names, e) == -1)
		return -1;
	qsort(out, names.n, sizeof out[0], ascending);
	return (int)names.n;
}

int
releases_list(const struct device *dev, uint64_t *out, size_t max, struct err *e)
{
	return list(dev->releases, false, out, max, e);
}

int
release_remove(const struct device *dev, uint64_t release, struct err *e)
{
	char name[32], gone[48];
	struct stat st;
	int there;

	(void)snprintf(name, sizeof name, "%" PRIu64, release);
	(void)snprintf(gone, sizeof gone, GONE "%" PRIu64, release);
	if ((there = fs_stat_at(dev->releases, name, &st, e)) == -1)
		return -1;
	if (fs_remove_tree(dev->releases, gone, e) == -1)
		return -1;
	if (there == 0)
		return 0;
	/* Half a release under its number would look like one. */
	if (fs_rename(dev->releases, name, dev->releases, gone, e) == -1 ||
	    fs_sync_dir(dev->releases, ".", e) == -1)
		return -1;
	return fs_remove_tree(dev->releases, gone, e);
}

static int
remove_gone(const struct device *dev, uint64_t *numbers, struct err *e)
{
	char gone[48];
	int i, n;

	if ((n = list(dev->releases, true, numbers, RELEASES_MAX, e)) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		(void)snprintf(gone, sizeof gone, GONE "%" PRIu64, numbers[i]);
		if (fs_remove_tree(dev->releases, gone, e) == -1)
			return -1;
	}
	return 0;
}

/* Restore points of releases that came and went. */
static int
remove_backups(const struct device *dev, uint64_t keep, uint64_t *numbers, struct err *e)
{
	char path[DATA_BACKUP_PATH_MAX];
	int dir, i, n;

	if ((dir = fs_open_dir_at(dev->base, DATA_BACKUP, e)) == -1)
		return e->code == ERR_ABSENT ? 0 : -1;
	n = list(dir, false, numbers, RELEASES_MAX, e);
	(void)close(dir);
	for (i = 0; i < n; i++)
		if (numbers[i] != keep && fs_remove_tree(dev->base,
		    data_backup_path(numbers[i], path), e) == -1)
			return -1;
	return n == -1 ? -1 : 0;
}

int
releases_prune(const struct device *dev, uint64_t live, uint64_t previous, struct err *e)
{
	uint64_t *numbers = calloc(RELEASES_MAX, sizeof *numbers);
	uint32_t keep = dev->conf->keep < 2 ? 2 : dev->conf->keep;
	uint32_t kept = previous == 0 ? 1 : 2;
	int i, n, rc = -1;

	if (numbers == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((n = releases_list(dev, numbers, RELEASES_MAX, e)) == -1)
		goto out;
	for (i = n; i > 0; i--) {
		uint64_t number = numbers[i - 1];

		if (number == live || number == previous)
			continue;
		if (kept < keep) {
			kept++;
			continue;
		}
		if (release_remove(dev, number, e) == -1)
			goto out;
	}
	if (remove_gone(dev, numbers, e) == -1 ||
	    remove_backups(dev, live, numbers, e) == -1)
		goto out;
	err_clear(e);
	rc = 0;
out:
	free(numbers);
	return rc;
}

int
prune_sync(const struct device *dev, struct err *e)
{
	const struct { int at; const char *rel; } folders[] = {
		{ dev->base, DATA_BACKUP }, { dev->base, "." }, { dev->releases, "." },
		{ dev->state, "spool" }, { dev->state, "." },
	};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (fs_sync_dir(folders[i].at, folders[i].rel, e) == -1 &&
		    e->code != ERR_ABSENT)
			return -1;
	err_clear(e);
	return dev->parent == -1 ? 0 : fs_sync_dir(dev->parent, ".", e);
}
