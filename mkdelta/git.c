#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/fs.h"

#include "mkdelta/git.h"

enum { OUTPUT_MAX = 16 << 20 };
extern char **environ;

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* git's exit status and standard output; its complaints go nowhere. */
static int
run_git(const char *dir, const char *a, const char *b, struct buf *out, int *status,
    struct err *e)
{
	const char *argv[] = { "git", "-C", dir, a, b, NULL };
	posix_spawn_file_actions_t files;
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_sys(e, "git");
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, ends[1], 1);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(&pid, "git", &files, NULL, (char *const *)(uintptr_t)argv,
	    environ);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)close(ends[1]);
	if (rc != 0) {
		(void)close(ends[0]);
		return err_set(e, ERR_FAIL, "git: cannot be run: %s", strerror(rc));
	}
	rc = fs_read_fd(ends[0], out, e);
	(void)close(ends[0]);
	*status = wait_for(pid);
	return rc;
}

/* The folder in which to ask: path itself, or what holds it. */
static void
folder_of(const char *path, char out[static PATH_MAX])
{
	struct stat st;
	char *slash;

	(void)snprintf(out, PATH_MAX, "%s", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return;
	if ((slash = strrchr(out, '/')) == NULL)
		(void)snprintf(out, PATH_MAX, ".");
	else
		slash[slash == out] = '\0';
}

static int
ask_commit(const char *dir, char commit[static GIT_COMMIT_MAX], struct err *e)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	int status = -1, rc = run_git(dir, "rev-parse", "HEAD", &out, &status, e);
	size_t n = strspn(buf_text(&out), "0123456789abcdef");

	commit[0] = '\0';
	if (rc == 0 && status == 0 && n >= 40 && n < GIT_COMMIT_MAX)
		(void)snprintf(commit, GIT_COMMIT_MAX, "%.*s", (int)n, buf_text(&out));
	buf_free(&out);
	return rc;
}

static int
check_clean(const char *dir, struct err *e)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	int status = -1, rc = run_git(dir, "status", "--porcelain", &out, &status, e);
	const char *text = buf_text(&out);

	if (rc == 0 && status != 0)
		rc = err_set(e, ERR_POLICY, "%s: git status failed", dir);
	else if (rc == 0 && out.len > 0)
		rc = err_set(e, ERR_POLICY, "%s: the git tree is not clean (%.*s); "
		    "commit or remove it, or release without --require-clean", dir,
		    (int)strcspn(text, "\n"), text);
	buf_free(&out);
	return rc;
}

int
git_clean_commit(const char *path, char commit[static GIT_COMMIT_MAX], struct err *e)
{
	char dir[PATH_MAX];

	folder_of(path, dir);
	if (ask_commit(dir, commit, e) == -1)
		return -1;
	if (commit[0] == '\0') {
		(void)snprintf(dir, sizeof dir, ".");
		if (ask_commit(dir, commit, e) == -1)
			return -1;
	}
	if (commit[0] == '\0')
		return err_set(e, ERR_POLICY, "%s: --require-clean needs a git tree with "
		    "a commit, there or in the current folder", path);
	return check_clean(dir, e);
}
