#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/passphrase.h"

#include "mkdelta/key_source.h"

extern char **environ;

int
key_source_check(const char *name, const struct stat *st, struct err *e)
{
	if ((st->st_mode & 077) != 0)
		return err_set(e, ERR_USAGE, "%s: others can read it (mode %03o); "
		    "a private key is for its owner alone: chmod go= %s", name,
		    (unsigned)st->st_mode & 0777, name);
	if (st->st_uid != geteuid() && geteuid() != 0)
		return err_set(e, ERR_USAGE, "%s: belongs to another user (%u)", name,
		    (unsigned)st->st_uid);
	return 0;
}

static struct signer *
from_pem(const void *pem, size_t n, const char *name, struct err *e)
{
	const char *passphrase = NULL;
	struct signer *signer = NULL;

	if (memmem(pem, n, "ENCRYPTED", 9) != NULL)
		passphrase = passphrase_for(name, e);
	if (e->code == ERR_NONE)
		signer = signer_from_pem(pem, n, passphrase, e);
	if (signer == NULL)
		(void)err_wrap(e, "%s", name);
	return signer;
}

struct signer *
key_source_pem(int fd, const char *name, struct err *e)
{
	struct buf pem = BUF_INIT(KEY_PEM_MAX);
	struct signer *signer = NULL;

	err_clear(e);
	/* Room at once: growing would leave copies of the key behind. */
	if (buf_reserve(&pem, KEY_PEM_MAX, e) == 0 && fs_read_fd(fd, &pem, e) == 0)
		signer = from_pem(pem.data, pem.len, name, e);
	if (pem.data != NULL)
		explicit_bzero(pem.data, pem.cap);
	buf_free(&pem);
	return signer;
}

static struct signer *
from_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct signer *signer = NULL;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)err_sys(e, "%s", path);
		e->code = ERR_USAGE;
	} else if (key_source_check(path, &st, e) == 0) {
		signer = key_source_pem(fd, path, e);
	}
	if (fd != -1)
		(void)close(fd);
	return signer;
}

static struct signer *
from_environment(const char *name, struct err *e)
{
	const char *pem = getenv(name);

	err_clear(e);
	if (pem != NULL && *pem != '\0')
		return from_pem(pem, strlen(pem), name, e);
	(void)err_set(e, ERR_USAGE, "the environment has no %s", name);
	return NULL;
}

static struct signer *
from_descriptor(const char *number, struct err *e)
{
	uint64_t fd;

	if (u64_parse(number, 65535, &fd) == 0)
		return key_source_pem((int)fd, number, e);
	(void)err_set(e, ERR_USAGE, "\"%s\" is no number of a descriptor", number);
	return NULL;
}

static struct signer *
from_store(const char *uri, struct err *e)
{
	const char *passphrase;
	struct signer *signer;

	err_clear(e);
	passphrase = passphrase_known(e);
	if (e->code != ERR_NONE)
		return NULL;
	signer = signer_from_store(uri, passphrase, e);
	if (signer != NULL || passphrase != NULL || isatty(0) != 1)
		return signer;
	err_clear(e);
	passphrase = passphrase_for(uri, e);
	return passphrase == NULL ? NULL : signer_from_store(uri, passphrase, e);
}

/* The bytes as a file without a name: no command can make us wait by not reading. */
static int
bytes_as_file(const void *data, size_t n, struct err *e)
{
	int fd = memfd_create("payload", MFD_CLOEXEC);

	if (fd == -1)
		return err_sys(e, "sign");
	if (fs_write(fd, data, n, e) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int
spawn(const char *command, int in, int out, pid_t *pid, struct err *e)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	posix_spawn_file_actions_t files;
	int rc;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in, 0);
	(void)posix_spawn_file_actions_adddup2(&files, out, 1);
	rc = posix_spawn(pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv,
	    environ);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc == 0 ? 0 :
	    err_set(e, ERR_FAIL, "/bin/sh: cannot be run: %s", strerror(rc));
}

/* arg is "PUBLIC.pem:COMMAND". */
static int
ask_command(void *arg, const void *data, size_t n, struct buf *out, struct err *e)
{
	const char *command = strchr(arg, ':') + 1;
	int ends[2], status = 0, rc, in = bytes_as_file(data, n, e);
	pid_t pid;

	if (in == -1)
		return -1;
	if (pipe2(ends, O_CLOEXEC) == -1) {
		(void)close(in);
		return err_sys(e, "sign");
	}
	rc = spawn(command, in, ends[1], &pid, e);
	(void)close(in);
	(void)close(ends[1]);
	if (rc == 0) {
		rc = fs_read_fd(ends[0], out, e);
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
	}
	(void)close(ends[0]);
	if (rc == 0 && status != 0)
		rc = err_set(e, ERR_FAIL, "the command that signs failed with status %d",
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return rc;
}

static struct signer *
from_command(const char *words, struct err *e)
{
	const char *colon = strchr(words, ':');
	union {
		const char *borrowed;
		void *arg;
	} same = { words };
	struct buf path = BUF_INIT(4096), pem = BUF_INIT(KEY_PEM_MAX);
	struct signer *signer = NULL;

	if (colon == NULL || colon == words || colon[1] == '\0')
		(void)err_set(e, ERR_USAGE, "must be cmd:PUBLIC.pem:COMMAND");
	else if (buf_add(&path, words, (size_t)(colon - words), e) == 0 &&
	    fs_read_path(buf_text(&path), &pem, e) == 0)
		signer = signer_from_public(pem.data, pem.len, ask_command, same.arg, e);
	buf_free(&path);
	buf_free(&pem);
	return signer;
}

struct signer *
key_source_open(const char *where, struct err *e)
{
	static const struct {
		const char *prefix;
		struct signer *(*open)(const char *, struct err *);
	} kinds[] = {
		{ "file:", from_file },
		{ "env:", from_environment },
		{ "fd:", from_descriptor },
		{ "store:", from_store },
		{ "cmd:", from_command },
	};
	struct signer *signer;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(where, kinds[i].prefix, n) != 0)
			continue;
		if ((signer = kinds[i].open(where + n, e)) == NULL)
			(void)err_wrap(e, "--key %.*s", (int)(n - 1), where);
		return signer;
	}
	if ((signer = from_file(where, e)) == NULL)
		(void)err_wrap(e, "--key");
	return signer;
}
