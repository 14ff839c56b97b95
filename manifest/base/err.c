#define ERR_BODIES	/* see the end of err.h */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "manifest/base/err.h"

/* Text may quote names from outside: a terminal must not obey them. */
static void
make_printable(char *s)
{
	(void)text_printable(s, ERR_TEXT_MAX, s, strlen(s), false);
}

__attribute__((format(printf, 4, 0)))
static int
fill(struct err *e, enum err_code code, int sys, const char *fmt, va_list ap)
{
	int len;

	e->code = code;
	e->sys = sys;
	len = vsnprintf(e->text, sizeof e->text, fmt, ap);
	if (len < 0)
		e->text[0] = '\0';
	make_printable(e->text);
	return -1;
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fill(e, code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_code
code_of_errno(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return ERR_ROOM;
	case ENOENT:
		return ERR_ABSENT;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	(void)fill(e, code_of_errno(sys), sys, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	(void)snprintf(e->text + len, sizeof e->text - len, ": %s", strerror(sys));
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char rest[ERR_TEXT_MAX];
	size_t len;
	va_list ap;

	memcpy(rest, e->text, sizeof rest);
	va_start(ap, fmt);
	(void)fill(e, e->code, e->sys, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	(void)snprintf(e->text + len, sizeof e->text - len, ": %.*s",
	    (int)sizeof rest - 1, rest);
	return -1;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	size_t len = strlen(e->text);
	va_list ap;

	(void)snprintf(e->text + len, sizeof e->text - len, "; ");
	len = strlen(e->text);
	va_start(ap, fmt);
	(void)vsnprintf(e->text + len, sizeof e->text - len, fmt, ap);
	va_end(ap);
	make_printable(e->text);
	return -1;
}

void
err_clear(struct err *e)
{
	e->code = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
}

/* One row a code, in the order of the enum. */
static const struct {
	int status;
	const char *word;
} codes[] = {
	[ERR_NONE] = { 0, "ok" },
	[ERR_IO] = { 1, "io" },
	[ERR_NOMEM] = { 1, "memory" },
	[ERR_FAIL] = { 1, "failed" },
	[ERR_USAGE] = { 2, "usage" },
	[ERR_NET] = { 3, "network" },
	[ERR_ABSENT] = { 3, "absent" },
	[ERR_TRUST] = { 4, "trust" },
	[ERR_FORMAT] = { 4, "format" },
	[ERR_POLICY] = { 5, "refused" },
	[ERR_BUSY] = { 6, "busy" },
	[ERR_ROOM] = { 7, "room" },
	[ERR_STALE] = { 9, "stale" },
	[ERR_CANCEL] = { 1, "interrupted" },
};

int
err_exit_status(const struct err *e)
{
	if (e->code == ERR_ABSENT && e->sys != 0)
		return 1;	/* a local file, not a host's 404 */
	return codes[e->code].status;
}

const char *
err_word(enum err_code code)
{
	return codes[code].word;
}
