/*
 * Any text: refused, or read back as the very same text.  What is accepted must
 * also survive being reduced.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const uint8_t *data, size_t n, bool reduced)
{
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *l = listing_parse(data, n, reduced, &e);
	size_t *outputs;

	if (l == NULL) {
		if (e.code != ERR_FORMAT)
			abort();
		return;
	}
	if (listing_emit(l, &out, &e) == -1 || out.len != n ||
	    memcmp(out.data, data, n) != 0)
		abort();
	if ((outputs = calloc(l->n, sizeof *outputs)) == NULL)
		abort();
	if (!reduced && listing_outputs(l, outputs) != 0)
		abort();
	for (size_t i = 0; i < l->n; i++)
		if (listing_find(l, l->entries[i].path) != (long)i)
			abort();
	buf_reset(&out);
	if (listing_emit_reduced(l, NULL, &out, &e) == -1)
		abort();
	free(outputs);
	listing_free(l);
	if ((l = listing_parse(out.data, out.len, true, &e)) == NULL)
		abort();
	listing_free(l);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check(data, n, false);
	check(data, n, true);
	return 0;
}
