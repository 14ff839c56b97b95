/*
 * promote.h - a release that one channel has becomes one of another's.
 */
#ifndef MKDELTA_PROMOTE_H
#define MKDELTA_PROMOTE_H

#include "manifest/base/err.h"
#include "mkdelta/release.h"

/* Fill the trees of release r->number from the channel `source` (NULL: any that has
 * it) for the channel r->want->channel: then release_deltas() and release_publish() do
 * the rest.  0: it is there already.  ERR_USAGE, ERR_POLICY. */
int promote_prepare(struct release *, const char *source, struct err *);

#endif
