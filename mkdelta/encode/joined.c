#include <stdbool.h>
#include <stdlib.h>

#include "manifest/base/bytes.h"

#include "mkdelta/encode/joined.h"

enum { BLOCK_BYTES = 16 << 10 };

/* A stream read from front to back. */
struct reader {
	const struct spill *from;
	uint64_t at;		/* of what is not in the block yet */
	size_t used, n;
	uint8_t block[BLOCK_BYTES];
};

static int
next(struct reader *r, uint8_t *byte, struct err *e)
{
	if (r->used == r->n) {
		uint64_t left = spill_bytes(r->from) - r->at;

		r->n = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
		r->used = 0;
		if (r->n == 0)
			return err_set(e, ERR_FAIL, "a change without a run");
		if (spill_read(r->from, r->block, r->n, r->at, e) == -1)
			return -1;
		r->at += r->n;
	}
	*byte = r->block[r->used++];
	return 0;
}

static int
join(struct reader *runs, struct reader *changes, struct spill *to, struct err *e)
{
	for (uint64_t i = spill_bytes(changes->from); i > 0; i--) {
		uint8_t both[VARINT_MAX + 1];
		size_t n = 0;

		do {
			if (next(runs, &both[n], e) == -1)
				return -1;
		} while (both[n++] >= 0x80 && n < VARINT_MAX);
		if (next(changes, &both[n], e) == -1 ||
		    spill_add(to, both, n + 1, e) == -1)
			return -1;
	}
	return 0;
}

int
joined_make(const struct spill *runs, const struct spill *changes, struct spill *to,
    struct err *e)
{
	struct reader *readers = calloc(2, sizeof *readers);
	int rc;

	if (readers == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	readers[0].from = runs;
	readers[1].from = changes;
	rc = join(&readers[0], &readers[1], to, e);
	free(readers);
	return rc;
}
