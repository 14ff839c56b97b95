#include <string.h>

#include "apply/patch/untar.h"
#include "apply/patch/zread.h"

#include "apply/decode/serve.h"

enum { STEP = 64 * 1024, LISTING_WINDOW_LOG = 23 };

static int
next(struct serve *s, struct untar *tar, struct err *e)
{
	struct untar_entry entry;
	int rc = untar_next(tar, &entry, e);

	if (rc == 1)
		serve_say(s, WIRE_ENTRY, entry.is_file, entry.size, entry.path,
		    strlen(entry.path));
	else if (rc == 0)
		serve_done(s, 0);
	return rc == -1 ? -1 : 0;
}

static int
take(struct serve *s, struct untar *tar, struct err *e)
{
	uint8_t step[STEP];
	size_t got;

	do {
		if (untar_read(tar, step, sizeof step, &got, e) == -1)
			return -1;
		serve_bytes(s, step, got);
	} while (got > 0);
	serve_done(s, 0);
	return 0;
}

/* Until delta-apply has all it wants, and is gone. */
int
serve_full(struct serve *s, struct err *e)
{
	struct untar *tar = untar_open(s->object, s->start.packed, s->start.plain, e);
	int rc = tar == NULL ? -1 : 0;

	while (rc == 0) {
		serve_hear(s, NULL);
		rc = s->in.head.kind == WIRE_NEXT ? next(s, tar, e) :
		    s->in.head.kind == WIRE_TAKE ? take(s, tar, e) : serve_unasked(e);
	}
	untar_close(tar);
	return rc;
}

int
serve_packed(struct serve *s, struct err *e)
{
	struct zread *z = zread_open(s->object, 0, s->start.packed, LISTING_WINDOW_LOG,
	    e);
	uint8_t step[STEP];
	size_t got = 0;
	int rc = z == NULL ? -1 : 0;

	serve_hear(s, NULL);
	if (rc == 0 && s->in.head.kind != WIRE_TEXT)
		rc = serve_unasked(e);
	while (rc == 0 && (rc = zread_some(z, step, sizeof step, &got, e)) == 0 &&
	    got > 0)
		serve_bytes(s, step, got);
	if (rc == 0)
		serve_done(s, 0);
	zread_close(z);
	return rc;
}
