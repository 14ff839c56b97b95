#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "mkdelta/scan.h"

#include "mkdelta/subject.h"

int
subject_parent(const char *path, char **name, struct err *e)
{
	char *copy = strdup(path), *slash;
	int fd;

	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	*name = strdup(slash == NULL ? copy : slash + 1);
	if (slash == copy)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	fd = *name == NULL ? err_set(e, ERR_NOMEM, "out of memory") :
	    fs_open_dir(slash == NULL ? "." : copy, e);
	free(copy);
	if (fd == -1) {
		free(*name);
		*name = NULL;
	}
	return fd;
}

static struct listing *
list_file(int dir, const char *name, bool as_old, struct err *e)
{
	char dot[] = ".", content[] = SUBJECT_ENTRY;
	struct entry root = { .path = dot, .type = ENTRY_DIR, .mode = 0755, .nlink = 1 };
	struct entry file = { .path = content, .type = ENTRY_FILE, .mode = 0644,
	    .nlink = 1,
		.has_sha256 = true };
	struct listing *l;
	struct stat st;
	int fd, rc = -1;

	if ((fd = fs_open_file(dir, name, &st, e)) == -1)
		return NULL;
	if (!as_old)
		file.mode = st.st_mode & 07777;
	if ((l = listing_new(e)) != NULL &&
	    sha256_of_fd(fd, &file.sha256, &file.size, e) == 0 &&
	    listing_add(l, &root, e) == 0 && listing_add(l, &file, e) == 0)
		rc = listing_finish(l, e);
	(void)close(fd);
	if (rc == 0)
		return l;
	listing_free(l);
	return NULL;
}

int
subject_open(const char *path, bool as_old, unsigned jobs, struct subject *s,
    struct err *e)
{
	struct scan_options options = { .empty = true, .jobs = jobs };
	struct stat st;

	memset(s, 0, sizeof *s);
	s->dir = -1;
	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		if ((s->dir = fs_open_dir(path, e)) != -1)
			s->listing = scan_tree(s->dir, &options, e);
	} else if ((s->dir = subject_parent(path, &s->name, e)) != -1)
		s->listing = list_file(s->dir, s->name, as_old, e);
	if (s->listing == NULL || listing_index(s->listing, e) == -1) {
		subject_close(s);
		return err_wrap(e, "%s", path);
	}
	return 0;
}

void
subject_close(struct subject *s)
{
	listing_free(s->listing);
	free(s->name);
	if (s->dir != -1)
		(void)close(s->dir);
	s->listing = NULL;
	s->name = NULL;
	s->dir = -1;
}
