/*
 * place.h - a path of the command line as a folder and a name in it.
 */
#ifndef MKDELTA_PLACE_H
#define MKDELTA_PLACE_H

#include <sys/types.h>

#include <stdbool.h>

#include "manifest/base/err.h"

struct place {
	int at;			/* the folder that holds it, open */
	char name[256];
};

/* The folder must exist, the name need not; slashes at the end do not count.
 * ERR_USAGE for "/", "." and "..". */
int place_open(const char *path, struct place *, struct err *);
void place_close(struct place *);

/* The folder itself, made with this mode where it is missing. */
int place_make_dir(const char *path, mode_t, struct err *);

/* Is `inner` (which need not exist yet) the folder `outer` or somewhere below it? */
bool place_is_inside(const char *outer, const char *inner);

#endif
