/*
 * image_streams.h - what is predicted in an output, as plain bytes of streams.
 */
#ifndef MKDELTA_ENCODE_IMAGE_STREAMS_H
#define MKDELTA_ENCODE_IMAGE_STREAMS_H

#include <stdint.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/prediction.h"
#include "mkdelta/encode/spill.h"

/* Rules; images, their layouts and anchors. */
int image_streams_images(struct spill plain[DELTA_KINDS], const struct prediction *,
    struct err *);

/* A part of the output from new_at on; 0 bytes: all that is left.  pairs[] are those of
 * the output, and keep the overrides of images that begin in this part. */
int image_streams_part(struct spill plain[DELTA_KINDS], const struct prediction *,
    const struct prediction_part *, uint64_t new_at, struct pair *pairs, struct err *);

#endif
