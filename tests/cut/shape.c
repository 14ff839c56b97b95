#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"

#include "tests/cut/shape.h"

enum { TEXT_MAX = 1 << 20 };

struct walk {
	struct buf text;
	bool names_only;
};

static void
die(const char *what)
{
	perror(what);
	abort();
}

static void
add(struct walk *w, const char *text)
{
	struct err e = ERR_INIT;

	if (buf_add_text(&w->text, text, &e) == -1)
		die(e.text);
}

static void
add_content(struct walk *w, const char *path)
{
	char hex[SHA256_HEX_MAX];
	struct sha256 sum;
	struct err e = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || sha256_of_fd(fd, &sum, NULL, &e) == -1)
		die(path);
	(void)close(fd);
	add(w, sha256_hex(&sum, hex));
}

static void
add_entry(struct walk *w, const char *path, const struct stat *st)
{
	char text[64], target[4096];
	ssize_t n;

	(void)snprintf(text, sizeof text, " %o %lld ", (unsigned)st->st_mode,
	    S_ISREG(st->st_mode) ? (long long)st->st_size : 0);
	add(w, text);
	if (S_ISREG(st->st_mode)) {
		add_content(w, path);
	} else if (S_ISLNK(st->st_mode)) {
		if ((n = readlink(path, target, sizeof target - 1)) == -1)
			die(path);
		target[n] = '\0';
		add(w, target);
	}
}

static void
walk(struct walk *w, const char *path, const char *rel)
{
	char below[4096], below_rel[4096];
	struct dirent **list;
	struct stat st;
	int n;

	if (lstat(path, &st) == -1)
		die(path);
	add(w, rel);
	/* The device's own note holds inode numbers: its name counts. */
	if (!w->names_only && strcmp(rel, "./.delta/linked") != 0)
		add_entry(w, path, &st);
	add(w, "\n");
	if (!S_ISDIR(st.st_mode))
		return;
	if ((n = scandir(path, &list, NULL, alphasort)) == -1)
		die(path);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		(void)snprintf(below, sizeof below, "%s/%s", path, name);
		(void)snprintf(below_rel, sizeof below_rel, "%s/%s", rel, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			walk(w, below, below_rel);
		free(list[i]);
	}
	free(list);
}

struct shape
shape_of(const char *path)
{
	struct walk w = { BUF_INIT(TEXT_MAX), false };
	struct shape shape = { .there = access(path, F_OK) == 0 };
	char real[4096];
	struct err e = ERR_INIT;

	if (!shape.there)
		return shape;
	/* The tree that a link shows, not the link. */
	if (realpath(path, real) == NULL)
		die(path);
	walk(&w, real, ".");
	if (sha256_of(w.text.data, w.text.len, &shape.sum, &e) == -1)
		die(e.text);
	buf_free(&w.text);
	return shape;
}

bool
shape_equal(const struct shape *a, const struct shape *b)
{
	return a->there == b->there && (!a->there || sha256_equal(&a->sum, &b->sum));
}

char *
shape_names(const char *path)
{
	struct walk w = { BUF_INIT(TEXT_MAX), true };
	char *text;

	walk(&w, path, ".");
	if ((text = strdup(buf_text(&w.text))) == NULL)
		die("strdup");
	buf_free(&w.text);
	return text;
}
