#include <stdlib.h>
#include <string.h>

#include "manifest/listing.h"

#include "manifest/listing_index.h"

size_t
listing_group_first(const struct listing *l, size_t i)
{
	uint32_t group = l->entries[i].group;

	return group == 0 || group > l->index->groups ? i : l->index->first[group - 1];
}

static int
compare_content(const struct entry *x, const struct sha256 *id, uint64_t size)
{
	int d = memcmp(x->sha256.bytes, id->bytes, SHA256_BYTES);

	if (d != 0)
		return d;
	return x->size < size ? -1 : x->size > size;
}

static int
compare_places(const void *a, const void *b, void *entries)
{
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	const struct entry *x = (const struct entry *)entries + i;
	const struct entry *y = (const struct entry *)entries + k;
	int d = compare_content(x, &y->sha256, y->size);

	if (d != 0)
		return d;
	return i < k ? -1 : i > k;
}

static int
build(const struct listing *l, struct err *e)
{
	struct listing_index *index = l->index;
	size_t *places, n = 0;

	if (index->by_content != NULL)
		return 0;
	if ((places = calloc(l->n + 1, sizeof *places)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for an index of files");
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].type == ENTRY_FILE && l->entries[i].has_sha256)
			places[n++] = i;
	qsort_r(places, n, sizeof *places, compare_places, l->entries);
	index->by_content = places;
	index->contents = n;
	return 0;
}

int
listing_index(struct listing *l, struct err *e)
{
	return build(l, e);
}

/* The same answer where there is no memory for the index. */
static long
find_slowly(const struct listing *l, const struct sha256 *id, uint64_t size)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].type == ENTRY_FILE && l->entries[i].has_sha256 &&
		    compare_content(&l->entries[i], id, size) == 0)
			return (long)i;
	return -1;
}

long
listing_find_content(const struct listing *l, const struct sha256 *id, uint64_t size)
{
	struct err ignored = ERR_INIT;
	size_t low = 0, high;

	if (build(l, &ignored) == -1)
		return find_slowly(l, id, size);
	high = l->index->contents;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct entry *x = &l->entries[l->index->by_content[mid]];

		if (compare_content(x, id, size) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == l->index->contents ||
	    compare_content(&l->entries[l->index->by_content[low]], id, size) != 0)
		return -1;
	return (long)l->index->by_content[low];
}

void
listing_set_hash(struct listing *l, size_t i, const struct sha256 *id)
{
	uint32_t group = l->entries[i].group;
	size_t end = group == 0 ? i + 1 : l->n;
	uint32_t left = group == 0 ? 1 : l->entries[i].nlink;

	for (size_t k = listing_group_first(l, i); k < end && left > 0; k++) {
		struct entry *x = &l->entries[k];

		if (k != i && (group == 0 || x->group != group))
			continue;
		x->sha256 = *id;
		x->has_sha256 = true;
		left--;
	}
	free(l->index->by_content);	/* no longer true */
	l->index->by_content = NULL;
}
