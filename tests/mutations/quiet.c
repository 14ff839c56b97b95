/*
 * Laid over the C library together with every changed file: no test of these waits
 * for the disk, and where ONE_TEST names one, no other is run.
 */
#include <stdlib.h>

extern void cmocka_set_test_filter(const char *) __attribute__((weak));
int fsync(int fd);
int fdatasync(int fd);
int syncfs(int fd);

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
syncfs(int fd)
{
	(void)fd;
	return 0;
}

static void one_test(void) __attribute__((constructor));

static void
one_test(void)
{
	const char *name = getenv("ONE_TEST");

	if (name != NULL && cmocka_set_test_filter != NULL)
		cmocka_set_test_filter(name);
}
