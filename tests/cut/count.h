/*
 * count.h - the n-th call, and the end: between cut.h and the wrapped calls.
 */
#ifndef TESTS_CUT_COUNT_H
#define TESTS_CUT_COUNT_H

#include <stdbool.h>

/* Does this call count?  fd: what it changes, or the folder it does it in.
 * errno stays. */
bool count_ours(int fd);
/* One more, and perhaps the last.  True: the change has to be made undoable. */
bool count_step(const char *call, int fd, const char *name);
bool count_dropped(const char *call, int fd);

#endif
