#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "mkdelta/passphrase.h"

enum { TEXT_MAX = 1024 };

/* One for all keys of a run. */
static char text[TEXT_MAX];
static bool have;

/* The first line of fd, without its end. */
static int
read_line(int fd, struct err *e)
{
	size_t n = 0;
	ssize_t got;

	while (n < sizeof text - 1 && (got = read(fd, text + n, 1)) != 0) {
		if (got == -1)
			return err_sys(e, "passphrase");
		if (text[n] == '\n')
			break;
		n++;
	}
	if (n == sizeof text - 1)
		return err_set(e, ERR_USAGE, "passphrase: over %d bytes", TEXT_MAX - 2);
	text[n] = '\0';
	have = true;
	return 0;
}

int
passphrase_file(const char *path, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (path == NULL)
		return 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 || fstat(fd, &st) == -1) {
		rc = err_sys(e, "passphrase file %s", path);
		e->code = ERR_USAGE;
	} else if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		rc = err_set(e, ERR_USAGE, "passphrase file %s: others can read it (mode "
		    "%03o); chmod go= %s", path, (unsigned)st.st_mode & 0777, path);
	} else {
		rc = read_line(fd, e);
	}
	if (fd != -1)
		(void)close(fd);
	return rc;
}

const char *
passphrase_known(struct err *e)
{
	const char *given = getenv("MKDELTA_PASSPHRASE");

	err_clear(e);
	if (have)
		return text;
	if (given != NULL)
		return given;
	if (passphrase_file(getenv("MKDELTA_PASSPHRASE_FILE"), e) == -1)
		return NULL;
	return have ? text : NULL;
}

/* The terminal does not show it. */
static int
ask(const char *what, const char *again, struct err *e)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;
	struct termios shown, hidden;

	if (fd == -1 || tcgetattr(fd, &shown) == -1) {
		if (fd != -1)
			(void)close(fd);
		return err_set(e, ERR_USAGE, "passphrase: no terminal to ask at");
	}
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	(void)dprintf(fd, "passphrase of %s%s: ", what, again);
	(void)tcsetattr(fd, TCSAFLUSH, &hidden);
	rc = read_line(fd, e);
	(void)tcsetattr(fd, TCSAFLUSH, &shown);
	(void)dprintf(fd, "\n");
	(void)close(fd);
	return rc;
}

const char *
passphrase_for(const char *what, struct err *e)
{
	const char *known = passphrase_known(e);

	if (known != NULL || e->code != ERR_NONE || isatty(0) != 1)
		return known;
	return ask(what, "", e) == 0 ? text : NULL;
}

const char *
passphrase_new(struct err *e)
{
	const char *known = passphrase_known(e);
	char first[TEXT_MAX];
	bool same;

	if (known != NULL || e->code != ERR_NONE)
		return known;
	if (isatty(0) != 1) {
		(void)err_set(e, ERR_USAGE, "passphrase: none was given; name a file, or "
		    "set MKDELTA_PASSPHRASE");
		return NULL;
	}
	if (ask("the new keys", "", e) == -1)
		return NULL;
	(void)snprintf(first, sizeof first, "%s", text);
	if (ask("the new keys", " once more", e) == -1)
		return NULL;
	same = strcmp(first, text) == 0;
	explicit_bzero(first, sizeof first);
	if (same)
		return text;
	have = false;
	(void)err_set(e, ERR_USAGE, "passphrase: not the same twice");
	return NULL;
}
