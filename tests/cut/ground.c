#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "tests/cut/cut.h"

#include "tests/cut/ground.h"

char cut_stash[300];
int dir = -1;
struct err e;

static char top[256];

int
cut_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char work[300];

	(void)state;
	(void)snprintf(top, sizeof top, "%s/cut.XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(top));
	(void)snprintf(cut_stash, sizeof cut_stash, "%s/stash", top);
	(void)snprintf(work, sizeof work, "%s/work", top);
	assert_int_equal(mkdir(cut_stash, 0700), 0);
	assert_int_equal(mkdir(work, 0755), 0);
	dir = fs_open_dir(work, &e);
	assert_int_not_equal(dir, -1);
	return 0;
}

int
cut_teardown(void **state)
{
	int at = fs_open_dir("/", &e);

	(void)state;
	(void)close(dir);
	assert_int_equal(fs_remove_tree(at, top + 1, &e), 0);
	(void)close(at);
	return 0;
}

void
ok(int rc)
{
	if (rc != -1)
		return;
	(void)fprintf(stderr, "%s\n", e.text);
	_exit(1);
}

/* A file as a careless program makes it. */
void
put(const char *name, const char *text)
{
	int fd = fs_open_rw(dir, name, 0644, &e);

	ok(fd);
	ok(fs_truncate(fd, 0, &e));
	ok(fs_write(fd, text, strlen(text), &e));
	(void)close(fd);
}

void
sync_file(const char *name)
{
	int fd = fs_open_rw(dir, name, 0644, &e);

	ok(fd);
	ok(fs_sync(fd, &e));
	(void)close(fd);
}

void
sync_dir(const char *name)
{
	ok(fs_sync_dir(dir, name, &e));
}

/* What is there beforehand is durable: the rig has not begun. */
void
given(const char *name, const char *text)
{
	const char *slash = strrchr(name, '/');
	char folder[64];

	if (slash != NULL) {
		(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
		ok(fs_mkdirs(dir, folder, 0755, &e));
	}
	put(name, text);
}

int
run_cut(const struct cut *cut, void (*program)(void))
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		cut_start(cut);
		program();
		exit(DONE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The program ends, and then the power fails. */
void
lose(void (*program)(void))
{
	struct cut cut = { .at = NEVER, .power = true, .stash = cut_stash };

	assert_int_equal(run_cut(&cut, program), DONE);
}

char *
text_of(const char *name)
{
	static char text[256];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return NULL;
	n = read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	(void)close(fd);
	return text;
}

void
expect(const char *name, const char *text)
{
	const char *is = text_of(name);

	if (is == NULL)
		fail_msg("%s is gone", name);
	assert_string_equal(is, text);
}

void
expect_absent(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), -1);
}
