#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/progress.h"

#include "manifest/base/log.h"

enum { LINE_MAX_BYTES = 4096 };

static const char *name = "";
static _Atomic enum log_level level = LOG_NORMAL;

void
log_setup(const char *program, enum log_level at)
{
	name = program;
	level = at;
}

void
log_set_level(enum log_level at)
{
	level = at;
}

enum log_level
log_level_now(void)
{
	return level;
}

/* One fprintf a line, so that lines of two threads do not mix. */
__attribute__((format(printf, 2, 0)))
static void
emit(const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];

	if (vsnprintf(line, sizeof line, fmt, ap) < 0)
		return;
	(void)text_printable(line, sizeof line, line, strlen(line), true);
	progress_hide();
	if (prefix[0] == '\0')
		(void)fprintf(stderr, "%s\n", line);
	else
		(void)fprintf(stderr, "%s: %s%s\n", name, prefix, line);
}

void
log_say(const char *fmt, ...)
{
	va_list ap;

	if (level < LOG_NORMAL)
		return;
	va_start(ap, fmt);
	emit("", fmt, ap);
	va_end(ap);
}

void
log_detail(const char *fmt, ...)
{
	va_list ap;

	if (level < LOG_VERBOSE)
		return;
	va_start(ap, fmt);
	emit("", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("warning: ", fmt, ap);
	va_end(ap);
}

void
log_error(const struct err *e)
{
	char line[ERR_TEXT_MAX];

	(void)text_printable(line, sizeof line, e->text, strlen(e->text), false);
	progress_hide();
	(void)fprintf(stderr, "%s: %s\n", name, line);
}
