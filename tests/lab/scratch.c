#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/scratch.h"

int
scratch_open(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct scratch *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -1;
	(void)snprintf(s->path, sizeof s->path, "%s/scratch.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(s->path) == NULL ||
	    (s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1) {
		free(s);
		return -1;
	}
	*state = s;
	return 0;
}

static int
open_up(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (kind == FTW_D || kind == FTW_DNR)
		(void)chmod(path, 0700);
	return 0;
}

static int
take_away(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int
scratch_close(void **state)
{
	struct scratch *s = *state;

	(void)close(s->dir);
	(void)nftw(s->path, open_up, 16, FTW_PHYS);
	if (nftw(s->path, take_away, 16, FTW_PHYS | FTW_DEPTH) != 0)
		return -1;
	free(s);
	return 0;
}

void
scratch_file(const struct scratch *s, const char *rel, const char *text)
{
	int fd = openat(s->dir, rel, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

void
scratch_dir(const struct scratch *s, const char *rel)
{
	assert_int_equal(mkdirat(s->dir, rel, 0755), 0);
}

void
scratch_link(const struct scratch *s, const char *target, const char *rel)
{
	assert_int_equal(symlinkat(target, s->dir, rel), 0);
}

bool
scratch_holds(const struct scratch *s, const char *rel, const char *text)
{
	char got[4096];
	int fd = openat(s->dir, rel, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, got, sizeof got);
	(void)close(fd);
	return n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0;
}

bool
scratch_exists(const struct scratch *s, const char *rel)
{
	struct stat st;

	return fstatat(s->dir, rel, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

mode_t
scratch_mode(const struct scratch *s, const char *rel)
{
	struct stat st;

	assert_int_equal(fstatat(s->dir, rel, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

int
scratch_count(const struct scratch *s, const char *rel)
{
	int fd = openat(s->dir, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = -2;
	DIR *dir = fdopendir(fd);

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}
