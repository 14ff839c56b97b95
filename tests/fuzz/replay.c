/*
 * replay.c - a fuzz target's corpus as a plain test: every file whole, and cut
 * short at some lengths.  A crash is the failure.
 */
#include <sys/types.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_MAX = 4 << 20, CUTS = 16 };

static void
replay(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	if (data == NULL || (f = fopen(path, "rb")) == NULL)
		abort();
	n = fread(data, 1, INPUT_MAX, f);
	(void)fclose(f);
	for (size_t cut = 0; cut <= CUTS; cut++) {
		size_t len = n * cut / CUTS;
		uint8_t *exact = malloc(len + 1);	/* so that a read past it shows */

		if (exact == NULL)
			abort();
		memcpy(exact, data, len);
		(void)LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
	free(data);
}

int
main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "replay_");
	char folder[1024];
	struct dirent *entry;
	unsigned files = 0;
	DIR *dir;

	if (argc > 1)
		(void)snprintf(folder, sizeof folder, "%s", argv[1]);
	else
		(void)snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s",
		    name == NULL ? "" : name + strlen("replay_"));
	if ((dir = opendir(folder)) == NULL) {
		(void)printf("not ok 1 - no corpus in %s\n", folder);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			replay(folder, entry->d_name);
			files++;
		}
	(void)closedir(dir);
	(void)printf("%sok 1 - %u inputs of %s\n", files == 0 ? "not " : "", files,
	    folder);
	return files == 0;
}
