/*
 * fuzz_rules.c - any bytes as an old file that the rules read.
 *
 *	0   below 128: the rule of this number, modulo all; else all rules
 *	1   how the file is cut into parts
 *	2   even: the rest is the file; odd: made_elf.h makes one of it
 *
 * However it is cut, the same references must be found, each inside of the file and
 * behind the one before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/patch/rule.h"

#include "tests/fuzz/kit/made_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	HEAD = 3, INPUT_MAX = 1 << 16, ARENA_MAX = 4 << 20, ALL = (1 << RULE_IDS) - 1,
	FEW_PARTS = 16, WINDOWS = 6,
	MOST = (INPUT_MAX + MADE_ELF_BESIDE) / REF_BYTES_MIN + RULES_REFS
};

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

static size_t
find(const struct image *im, const struct spans *spans, uint64_t from, uint64_t to,
    struct ref *list)
{
	struct refs refs = { list, 0, RULES_REFS };
	struct err e = ERR_INIT;

	if (rules_find(im, spans, from, to, &refs, &e) == -1)
		abort();
	return refs.n;
}

/* All references, asked for in parts of `step` bytes. */
static void
find_all(const struct image *im, const struct spans *spans, uint64_t step,
    struct found *f)
{
	f->n = 0;
	for (uint64_t at = 0; at < im->bytes; at += step) {
		uint64_t left = im->bytes - at;

		f->n += find(im, spans, at, at + (left < step ? left : step),
		    f->list + f->n);
	}
}

static void
show(const char *name, const struct ref *list, size_t n, size_t i)
{
	if (i < n)
		(void)fprintf(stderr, "%s: rule %u, at %x, kind %u to %llx\n", name,
		    list[i].rule, list[i].at, list[i].kind,
		    (unsigned long long)list[i].target);
}

static void
compare(const struct ref *a, size_t n, const struct ref *b, size_t m)
{
	size_t i = 0;

	while (i < n && i < m && a[i].at == b[i].at && a[i].target == b[i].target &&
	    a[i].kind == b[i].kind && a[i].aux == b[i].aux &&
	    a[i].base == b[i].base && a[i].rule == b[i].rule)
		i++;
	if (i == n && i == m)
		return;
	show("whole", a, n, i);
	show("parts", b, m, i);
	abort();
}

/* Short windows here and there. */
static void
look_around(const struct image *im, const struct spans *spans, const struct found *all,
    uint32_t x)
{
	static struct ref list[RULES_REFS];

	for (unsigned i = 0; i < WINDOWS; i++) {
		uint64_t from, to;
		size_t first = 0, last, n;

		x = x * 1664525 + 1013904223;
		from = (x >> 8) % im->bytes;
		to = from + 1 + (x & 15);
		to = to < im->bytes ? to : im->bytes;
		n = find(im, spans, from, to, list);
		while (first < all->n && all->list[first].at < from)
			first++;
		last = first;
		while (last < all->n && all->list[last].at < to)
			last++;
		if (last - first != n)
			(void)fprintf(stderr, "[%llx, %llx): %zu of %zu\n",
			    (unsigned long long)from, (unsigned long long)to, n,
			    last - first);
		compare(all->list + first, last - first, list, n);
	}
}

static void
look(struct image *im, uint32_t mask, unsigned how)
{
	static struct ref lists[2][MOST];
	struct found whole = { lists[0], 0 }, parts = { lists[1], 0 };
	uint64_t step = how % RULES_PART + 1;
	struct err e = ERR_INIT;
	struct spans spans;

	if (rules_open(im, mask, &spans, &e) == -1)
		return;
	if (step < im->bytes / FEW_PARTS)
		step = im->bytes / FEW_PARTS;
	find_all(im, &spans, RULES_PART, &whole);
	for (size_t i = 0; i < whole.n; i++)
		check(im, &whole.list[i], i == 0 ? NULL : &whole.list[i - 1]);
	find_all(im, &spans, step, &parts);
	compare(whole.list, whole.n, parts.list, parts.n);
	look_around(im, &spans, &whole, (uint32_t)(how * 7 + im->bytes));
	spans_free(&spans);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t made[INPUT_MAX + MADE_ELF_BESIDE];
	struct arena arena = { .limit = ARENA_MAX };
	struct bytes file;
	struct old old = { &file, read_old, 0 };
	struct err e = ERR_INIT;
	struct image im;

	if (n < HEAD || n > INPUT_MAX)
		return 0;
	file = (struct bytes){ data + HEAD, n - HEAD };
	if (data[2] % 2 == 1)
		file = (struct bytes){ made, made_elf(file.p, file.n, made) };
	old.bytes = file.n;
	if (image_open(&im, &old, &arena, &e) == 1) {
		look(&im, data[0] >= 0x80 ? ALL : 1u << data[0] % RULE_IDS,
		    data[1] * 3u);
		image_close(&im);
	}
	if (arena.used != 0 || arena.peak > arena.limit)
		abort();
	return 0;
}
