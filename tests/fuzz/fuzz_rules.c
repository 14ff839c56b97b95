/*
 * fuzz_rules.c - any bytes as an old file that the rules read.  The first byte says how
 * the file is cut into parts; whatever that is, the same references must be found.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/patch/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FILE_MAX = 1 << 18, ARENA_MAX = 4 << 20, ALL = (1 << RULE_IDS) - 1 };

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct found {
	struct ref *list;
	size_t n;
};

static int
read_old(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct bytes *b = arg;

	(void)e;
	if (at > b->n || n > b->n - at)
		abort();
	memcpy(out, b->p + at, n);
	return 0;
}

static void
check(const struct image *im, const struct ref *r, const struct ref *before)
{
	size_t bytes = ref_bytes((enum ref_kind)r->kind);

	if (r->kind >= REF_KINDS || r->at > im->bytes || bytes > im->bytes - r->at)
		abort();
	if (before != NULL &&
	    r->at < before->at + ref_bytes((enum ref_kind)before->kind))
		abort();
}

/* All references, asked for in parts of `step` bytes. */
static struct found
find_all(const struct image *im, const struct spans *spans, uint64_t step)
{
	struct found f = { calloc(im->bytes / REF_BYTES_MIN + RULES_REFS,
	    sizeof *f.list), 0 };
	struct err e = ERR_INIT;

	if (f.list == NULL)
		abort();
	for (uint64_t at = 0; at < im->bytes; at += step) {
		uint64_t left = im->bytes - at;
		struct refs refs = { f.list + f.n, 0, RULES_REFS };

		if (rules_find(im, spans, at, at + (left < step ? left : step), &refs,
		    &e) == -1)
			abort();
		f.n += refs.n;
	}
	for (size_t i = 0; i < f.n; i++)
		check(im, &f.list[i], i == 0 ? NULL : &f.list[i - 1]);
	return f;
}

static void
compare(const struct found *a, const struct found *b)
{
	if (a->n != b->n)
		abort();
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].at != b->list[i].at ||
		    a->list[i].target != b->list[i].target ||
		    a->list[i].kind != b->list[i].kind ||
		    a->list[i].aux != b->list[i].aux ||
		    a->list[i].rule != b->list[i].rule)
			abort();
}

static void
look(struct image *im, unsigned how)
{
	struct err e = ERR_INIT;
	struct spans spans;
	struct found whole, parts;

	if (rules_open(im, how % 2 == 0 ? ALL : (uint32_t)how, &spans, &e) == -1)
		return;
	whole = find_all(im, &spans, RULES_PART);
	parts = find_all(im, &spans, how * 7 + 1);
	compare(&whole, &parts);
	free(whole.list);
	free(parts.list);
	spans_free(&spans);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes file = { data + (n > 0), n - (n > 0) };
	struct old old = { &file, read_old, n - (n > 0) };
	struct arena arena = { .limit = ARENA_MAX };
	struct err e = ERR_INIT;
	struct image im;

	if (n < 1 || n > FILE_MAX)
		return 0;
	if (image_open(&im, &old, 0, old.bytes, &arena, &e) == 1) {
		look(&im, data[0]);
		image_close(&im);
	}
	if (arena.used != 0 || arena.peak > arena.limit)
		abort();
	return 0;
}
