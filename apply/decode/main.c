#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/decode/serve.h"

int
main(int argc, char **argv)
{
	struct stat st;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("delta-apply-decode %s\n", VERSION_TEXT);
		return 0;
	}
	if (argc == 1 && fstat(STDIN_FILENO, &st) == 0 && S_ISSOCK(st.st_mode))
		return serve(STDIN_FILENO);
	(void)fprintf(stderr,
	    "delta-apply-decode: delta-apply starts it; there is nothing to call it for\n");
	return 2;
}
