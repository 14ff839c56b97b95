#include "manifest/listing_text.h"

#include "manifest/listing.h"

static bool
is_known(const struct listing *from, const struct entry *x)
{
	return from != NULL && x->type == ENTRY_FILE && x->has_sha256 &&
	    listing_find_content(from, &x->sha256, x->size) != -1;
}

int
listing_emit_reduced(const struct listing *to, const struct listing *from,
    struct buf *out, struct err *e)
{
	if (buf_add_text(out, LISTING_MAGIC, e) == -1)
		return err_wrap(e, "reduced listing");
	for (size_t i = 0; i < to->n; i++) {
		const struct entry *x = &to->entries[i];

		if (listing_emit_entry(x, is_known(from, x), out, e) == -1)
			return err_wrap(e, "reduced listing");
	}
	return 0;
}

size_t
listing_outputs(const struct listing *l, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct entry *x = &l->entries[i];

		if (x->type == ENTRY_FILE && !x->has_sha256 &&
		    listing_group_first(l, i) == i)
			out[n++] = i;
	}
	return n;
}
