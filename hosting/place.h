/*
 * place.h - folders of the command line, that may have to be made first.
 */
#ifndef HOSTING_PLACE_H
#define HOSTING_PLACE_H

#include <sys/types.h>

#include "manifest/base/err.h"

/* The folder at path, made (durably) when its parent is there. */
int place_make(const char *path, mode_t mode, int *fd, struct err *);
/* The real path of the folder that `path` is to lie in, and its name there; both the
 * caller's to free. */
int place_split(const char *path, char **above, char **name, struct err *);
/* Where path is, or would be: its parent's real path and its own name; owned. */
char *place_real(const char *path, struct err *);
/* ERR_USAGE when one lies in the other.  Asked before anything is made. */
int place_apart(const char *a, const char *b, struct err *);

#endif
