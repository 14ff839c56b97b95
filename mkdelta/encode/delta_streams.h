/*
 * delta_streams.h - a plan becomes the plain bytes of a delta's streams.
 */
#ifndef MKDELTA_ENCODE_DELTA_STREAMS_H
#define MKDELTA_ENCODE_DELTA_STREAMS_H

#include "apply/patch/delta_format.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/delta_plan.h"
#include "mkdelta/encode/spill.h"

/* Appended to plain[kind]: the listing, then all outputs in order.  The files
 * are read in blocks. */
int delta_streams_write(const struct delta_plan *, struct spill plain[DELTA_KINDS],
    struct err *);

#endif
