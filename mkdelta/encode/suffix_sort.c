#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/suffix_sort.h"

enum {
	PAIRS = 1 << 16,
	KEY = 8,
	FEW = 12,		/* are sorted by insertion */
	AHEAD = 8		/* places whose text is fetched before it is needed */
};

struct item {
	uint64_t key;
	uint32_t place;
};

struct sorter {
	const uint8_t *text;
	size_t n_text, depth;
	struct item *items, *spare;	/* as many as the largest bucket has */
};

/* Eight bytes as a number that sorts as they do; behind the end there are zeros. */
static uint64_t
key_at(const struct sorter *s, size_t at)
{
	uint64_t key = 0;

	if (at + KEY <= s->n_text) {
		memcpy(&key, s->text + at, KEY);
		return be64toh(key);
	}
	for (size_t i = 0; at + i < s->n_text; i++)
		key |= (uint64_t)s->text[at + i] << (56 - 8 * i);
	return key;
}

static unsigned
pair_at(const struct sorter *s, size_t at)
{
	return (unsigned)s->text[at] << 8 |
	    (at + 1 < s->n_text ? s->text[at + 1] : 0u);
}

static void
insertion(struct item *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct item x = list[i];
		size_t k = i;

		for (; k > 0 && list[k - 1].key > x.key; k--)
			list[k] = list[k - 1];
		list[k] = x;
	}
}

/* Stable: equal keys stay in order of place. */
static void
merge_sort(struct item *list, struct item *spare, size_t n)
{
	size_t half = n / 2, a = 0, b = half;

	if (n <= FEW) {
		insertion(list, n);
		return;
	}
	merge_sort(list, spare, half);
	merge_sort(list + half, spare, n - half);
	if (list[half - 1].key <= list[half].key)
		return;
	memcpy(spare, list, half * sizeof *spare);
	for (size_t i = 0; a < half; i++)
		list[i] = b == n || spare[a].key <= list[b].key ? spare[a++] : list[b++];
}

/* By what is `from` bytes behind each place and beyond; it goes 8 deeper each time,
 * to the depth at most. */
static void
sort_from(struct sorter *s, struct item *list, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(s->text + list[i + AHEAD].place + from);
		list[i].key = key_at(s, list[i].place + from);
	}
	merge_sort(list, s->spare, n);
	if (from + KEY >= s->depth)
		return;
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && list[k].key == list[i].key; k++)
			;
		if (k - i > 1)
			sort_from(s, list + i, k - i, from + KEY);
	}
}

static void
sort_bucket(struct sorter *s, uint32_t *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->items[i].place = places[i];
	sort_from(s, s->items, n, 2);
	for (size_t i = 0; i < n; i++)
		places[i] = s->items[i].place;
}

/* Into buckets by their first two bytes, in order of place; end[]: where each ends. */
static int
distribute(const struct sorter *s, uint32_t *places, size_t n, size_t *end)
{
	uint32_t *copy = malloc((n + 1) * sizeof *copy);
	size_t sum = 0;

	if (copy == NULL)
		return -1;
	memcpy(copy, places, n * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		end[pair_at(s, copy[i])]++;
	for (size_t i = 0; i < PAIRS; i++) {
		size_t here = end[i];

		end[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		places[end[pair_at(s, copy[i])]++] = copy[i];
	free(copy);
	return 0;
}

static int
sort_buckets(struct sorter *s, uint32_t *places, const size_t *end)
{
	size_t most = 0;

	for (size_t i = 0; i < PAIRS; i++) {
		size_t n = end[i] - (i == 0 ? 0 : end[i - 1]);

		most = n > most ? n : most;
	}
	s->items = malloc((most + 1) * sizeof *s->items);
	s->spare = malloc((most / 2 + 1) * sizeof *s->spare);
	if (s->items == NULL || s->spare == NULL)
		return -1;
	for (size_t i = 0, at = 0; i < PAIRS; at = end[i++])
		sort_bucket(s, places + at, end[i] - at);
	return 0;
}

int
suffix_sort(const uint8_t *text, size_t n_text, uint32_t *places, size_t n, size_t depth,
    struct err *e)
{
	struct sorter s = { .text = text, .n_text = n_text, .depth = depth };
	size_t *end = calloc(PAIRS, sizeof *end);
	int rc = -1;

	if (end != NULL && distribute(&s, places, n, end) == 0)
		rc = sort_buckets(&s, places, end);
	free(end);
	free(s.items);
	free(s.spare);
	return rc == -1 ? err_set(e, ERR_NOMEM, "out of memory for matches") : 0;
}
