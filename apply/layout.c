#include <sys/stat.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/persist.h"

#include "apply/layout.h"

/* The folder .delta may be shipped for its hooks; the rest in it is written here. */
static int
check_own(const struct entry *entry, struct err *e)
{
	const char *path = entry->path;

	if (strcmp(path, ".delta") == 0 ? entry->type == ENTRY_DIR :
	    strncmp(path, ".delta/", 7) != 0 || strcmp(path, ".delta/hooks") == 0 ||
	    strncmp(path, ".delta/hooks/", 13) == 0)
		return 0;
	return err_set(e, ERR_FORMAT, "%s: .delta/ is reserved, but for hooks/", path);
}

static int
make_link(const struct layout *l, const struct entry *entry, struct err *e)
{
	if (fs_symlink(l->tree, entry->link, entry->path, e) == -1 ||
	    owners_set_link(&l->owners, l->tree, entry, e) == -1)
		return -1;
	return fs_set_time(l->tree, entry->path, l->created, e);
}

int
layout_begin(const struct layout *l, struct err *e)
{
	for (size_t i = 0; i < l->listing->n; i++) {
		const struct entry *entry = &l->listing->entries[i];

		if (check_own(entry, e) == -1)
			return -1;
		if (entry->type == ENTRY_DIR && strcmp(entry->path, ".") != 0 &&
		    fs_mkdir(l->tree, entry->path, 0700, e) == -1)
			return -1;
		if (entry->type == ENTRY_LINK && make_link(l, entry, e) == -1)
			return -1;
	}
	return 0;
}

int
layout_file(const struct layout *l, int fd, const struct entry *entry, struct err *e)
{
	if (owners_set_fd(&l->owners, fd, entry, e) == -1)
		return -1;
	return fs_set_time_fd(fd, l->created, e);
}

/* Mode bits added to those of the listing; at `path`. */
static int
finish_folder(const struct layout *l, const struct entry *entry, const char *path,
    uint32_t more, struct err *e)
{
	struct entry open = *entry;
	int rc, fd = fs_open_dir_at(l->tree, path, e);

	if (fd == -1)
		return -1;
	open.mode |= more;
	if ((rc = owners_set_fd(&l->owners, fd, &open, e)) == 0)
		rc = fs_set_time_fd(fd, l->created, e);
	(void)close(fd);
	return rc;
}

static int
link_name(const struct layout *l, size_t i, struct err *e)
{
	size_t first = listing_group_first(l->listing, i);

	if (first == i)
		return 0;
	return fs_link(l->tree, l->listing->entries[first].path, l->tree,
	    l->listing->entries[i].path, e);
}

int
layout_names(const struct layout *l, struct err *e)
{
	for (size_t i = 0; i < l->listing->n; i++)
		if (l->listing->entries[i].type == ENTRY_FILE && link_name(l, i, e) == -1)
			return -1;
	for (size_t i = l->listing->n; i-- > 0;) {
		const struct entry *entry = &l->listing->entries[i];

		if (entry->type == ENTRY_DIR &&
		    finish_folder(l, entry, entry->path, S_IRWXU, e) == -1)
			return -1;
	}
	return 0;
}

/* What is below comes first: a folder may end without permission to enter. */
int
layout_end(const struct layout *l, const struct conf *conf, struct err *e)
{
	struct buf where = BUF_INIT(16384);
	struct persist_mask mask;
	int rc = 0;

	if (persist_mask_read(l->tree, conf, &mask, e) == -1)
		return -1;
	for (size_t i = l->listing->n; rc == 0 && i-- > 0;) {
		const struct entry *entry = &l->listing->entries[i];

		/* The tree's own time was touched by what the device put there. */
		if (entry->type != ENTRY_DIR ||
		    ((entry->mode & S_IRWXU) == S_IRWXU && strcmp(entry->path, ".") != 0))
			continue;
		if ((rc = persist_where(&mask, entry->path, &where, e)) == 0)
			rc = finish_folder(l, entry, buf_text(&where), 0, e);
	}
	persist_mask_clear(&mask);
	buf_free(&where);
	return rc;
}
