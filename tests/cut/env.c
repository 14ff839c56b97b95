/*
 * A program that is cut by its environment:
 *
 *	CUT_AT=n  CUT_MODE=kill|power  CUT_SEED=s  CUT_STASH=DIR  CUT_LOG=FILE
 *	CUT_DROP=fsync:SUFFIX|syncfs  CUT_KEEP=FILE  CUT_KEEP_AS=FILE
 *	CUT_BOOT=FILE	read instead of the running kernel's boot id
 *
 * Without CUT_MODE it is the program as it is, but for the boot id.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cut/cut.h"

static unsigned
number(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
}

static void __attribute__((constructor))
start(void)
{
	const char *mode = getenv("CUT_MODE");
	struct cut cut = { .at = number("CUT_AT"), .seed = number("CUT_SEED"),
		.stash = getenv("CUT_STASH"), .log = getenv("CUT_LOG"),
		.drop = getenv("CUT_DROP"), .keep = getenv("CUT_KEEP"),
		.keep_as = getenv("CUT_KEEP_AS") };

	if (mode == NULL)
		return;
	cut.power = strcmp(mode, "power") == 0;
	cut_start(&cut);
}

int __real_open64(const char *, int, ...);
int __wrap_open64(const char *, int, ...);

int
__wrap_open64(const char *path, int flags, ...)
{
	const char *boot = getenv("CUT_BOOT");
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (boot != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		path = boot;
	return __real_open64(path, flags, mode);
}
