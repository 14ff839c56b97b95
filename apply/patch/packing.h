/*
 * packing.h - packed bytes of any kind that files hold, taken apart and made again:
 * deflate.h and frame.h behind one interface.
 */
#ifndef APPLY_PATCH_PACKING_H
#define APPLY_PATCH_PACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/deflate.h"
#include "apply/patch/flow.h"
#include "apply/patch/frame.h"

/* Parameters of all kinds, as one number: deflate's first. */
enum { PACKING_CODES = (int)DEFLATE_CODES + (int)FRAME_CODES };
bool packing_known(uint64_t code);
bool packing_by_library(unsigned code);	/* else it depends on none */

/* What is packed: enum opening_kind, and the header of opening.h. */
struct packing {
	uint8_t kind;
	const uint8_t *head;
};

/* Any number of streams, one after the other. */
struct unpacker {
	struct arena *arena;
	struct inflater *inflater;
	struct frame frame;
	bool framed;
};
/* Empty: { .arena = ... }; do not move it.  ERR_FORMAT, ERR_NOMEM. */
int unpacker_start(struct unpacker *, const struct packing *, struct err *);
int unpacker_run(struct unpacker *, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, struct err *);	/* as inflater_run() */
void unpacker_close(struct unpacker *);

enum { PACKER_OUT = 16 * 1024 };
struct packer {
	struct arena *arena;
	struct deflater *deflater;
	struct frame frame;
	bool framed;
	uint64_t left;		/* plain bytes to come */
	const struct sink *sink;
};
/* The same, as deflater_start() and so on.  All of `plain` bytes, more than none, are to
 * be added before the end.  ERR_FORMAT when the parameters are for another kind. */
int packer_start(struct packer *, unsigned code, const struct packing *, uint64_t plain,
    const struct sink *out, struct err *);
int packer_add(struct packer *, const uint8_t *data, size_t n, struct err *);
int packer_end(struct packer *, struct err *);
void packer_close(struct packer *);

/*
 * The name of what the library of this machine makes with these parameters, as it stands
 * in a delta's signed `needs`:
 *
 *	deflate-LEVEL-MEMLEVEL-STRATEGY-WINDOWBITS:HEX
 *	zstd-LEVEL-FLAG-LOG:HEX, xz-LEVEL-FLAG-LOG:HEX		(frame.h)
 *
 * HEX are the first eight bytes of the SHA-256 of what becomes of a fixed vector of 1 MiB
 * (deflate_vector.c): of all of it, by deflate; of its pieces by the others, the first of
 * 4 KiB, each next one twice as large to 2^LOG, then all of that size.  LOG is 12 to 20;
 * no frame is larger than 2^LOG, unless it is 20.  Devices that answer otherwise take
 * another path.
 */
enum { PACKING_NEED_MAX = 48, PACKING_LOG_MIN = 12, PACKING_LOG_MAX = 20 };
int packing_need(unsigned code, unsigned log, char out[static PACKING_NEED_MAX],
    struct err *);
/* Is it such a name, and do our libraries answer to it?  1 yes, 0 no, -1 error. */
bool packing_names(const char *need);
int packing_meets(const char *need, struct err *);

#endif
