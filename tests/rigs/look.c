/*
 * look - what a device is, in one line, without changing anything of it.
 *
 *	look LIVE OLD NEW STATE	    "old start reverted": which of the two trees LIVE is,
 *				    or none, or mixed; the step that the journal in
 *				    STATE names; reverted or - of its mark
 *	look names DIR...	    the names of everything below, sorted
 *
 * A tree that is not there is none; OLD may be one ("-"), then LIVE is old.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/journal.h"

#include "tests/cut/shape.h"

enum { SLOT = 4096 };

/* The newest valid mark, read without opening the journal as its owner would. */
static bool
read_mark(const char *state, struct mark *mark)
{
	uint8_t slots[2 * SLOT];
	uint64_t newest = 0;
	bool found = false;
	char path[4096];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/journal", state);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	n = pread(fd, slots, sizeof slots, 0);
	(void)close(fd);
	for (ssize_t i = 0; i < n / SLOT; i++) {
		struct err e = ERR_INIT;
		struct mark one;
		uint64_t sequence;

		if (journal_slot_parse(slots + i * SLOT, &sequence, &one, &e) == -1 ||
		    (found && sequence <= newest))
			continue;
		newest = sequence;
		*mark = one;
		found = true;
	}
	return found;
}

static const char *
which(const char *live, const char *old, const char *new)
{
	struct shape now = shape_of(live), was = shape_of(old), will = shape_of(new);

	if (shape_equal(&now, &was))
		return "old";
	if (shape_equal(&now, &will))
		return "new";
	return now.there ? "mixed" : "none";
}

static int
print_names(char **folders)
{
	for (; *folders != NULL; folders++) {
		char *names = shape_names(*folders);

		(void)fputs(names, stdout);
		free(names);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct mark mark;
	bool marked;

	if (argc > 2 && strcmp(argv[1], "names") == 0)
		return print_names(argv + 2);
	if (argc != 5) {
		(void)fprintf(stderr, "usage: look LIVE OLD NEW STATE | look names DIR...\n");
		return 2;
	}
	marked = read_mark(argv[4], &mark);
	(void)printf("%s %s %s\n", which(argv[1], argv[2], argv[3]),
	    marked ? step_name(mark.step) : "idle",
	    marked && mark.reverted ? "reverted" : "-");
	return 0;
}
