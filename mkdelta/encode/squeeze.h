/*
 * squeeze.h - the streams of a delta, each packed by whatever makes it smallest.
 */
#ifndef MKDELTA_ENCODE_SQUEEZE_H
#define MKDELTA_ENCODE_SQUEEZE_H

#include <stdbool.h>

#include "apply/patch/delta_header.h"
#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/effort.h"
#include "mkdelta/encode/spill.h"

/* Pack plain[kind] of each kind into packed[kind] (empty before) and say in
 * streams[kind] how; empty ones are not there.  The bytes do not depend on jobs.
 * work_bytes: of memory, that the decoder needs beside.  may_join: changes may stand
 * among the runs (joined.h), where that is smaller. */
int squeeze(const struct spill plain[DELTA_KINDS], uint64_t work_bytes,
    const struct effort *effort, bool may_join, unsigned jobs,
    struct spill packed[DELTA_KINDS], struct delta_stream streams[DELTA_KINDS],
    struct err *);

/* About what a sample of a stream becomes. */
int squeeze_guess(enum delta_kind, const struct effort *, const struct buf *plain,
    size_t *bytes, struct err *);

#endif
