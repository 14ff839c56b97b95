#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/delta_pair.h"
#include "tests/lab/golden.h"

enum { GOLDEN_MAX = 4 << 20 };

uint8_t *
golden_read(const char *name, const char *path, size_t *n)
{
	uint8_t *data = malloc(GOLDEN_MAX);
	char command[256];
	FILE *tar;

	assert_non_null(data);
	(void)snprintf(command, sizeof command, "tar -xJOf tests/golden/%s.tar.xz %s",
	    name, path);
	assert_non_null(tar = popen(command, "r"));
	*n = fread(data, 1, GOLDEN_MAX, tar);
	assert_int_equal(pclose(tar), 0);
	assert_true(*n > 0 && *n < GOLDEN_MAX);
	return data;
}

void
golden_put(const struct scratch *s, const char *name, const char *file, const char *as)
{
	static const char *const sides[] = { "old", "new" };
	char path[64], rel[64];
	uint8_t *data;
	size_t n;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", sides[i], file);
		(void)snprintf(rel, sizeof rel, "%s/%s", sides[i], as);
		data = golden_read(name, path, &n);
		pair_put(s, rel, data, n);
		free(data);
	}
}
