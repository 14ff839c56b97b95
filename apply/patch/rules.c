#include <string.h>

#include "apply/patch/rule.h"

static const struct rule *const rules[RULE_IDS] = {
	[RULE_AARCH64] = &rule_aarch64,
	[RULE_X86] = &rule_x86,
	[RULE_ARM] = &rule_arm,
	[RULE_UNWIND] = &rule_unwind,
	[RULE_SYMBOLS] = &rule_symbols,
	[RULE_GO_FUNCTIONS] = &rule_go_functions,
	[RULE_GO_TYPES] = &rule_go_types,
	[RULE_MODULE] = &rule_module,
	[RULE_POINTERS] = &rule_pointers,
	[RULE_RISCV] = &rule_riscv,
	[RULE_TABLES] = &rule_tables,
};

const char *
rule_name(unsigned id)
{
	return id < RULE_IDS && rules[id] != NULL ? rules[id]->name : NULL;
}

void
refs_add(struct refs *r, enum ref_kind kind, unsigned aux, unsigned base, uint64_t at,
    uint64_t target)
{
	if (r->n < r->cap)
		r->list[r->n++] = (struct ref){ .target = target, .at = (uint32_t)at,
			.kind = (uint8_t)kind, .aux = (uint8_t)aux,
			.base = (uint8_t)base };
}

/* Spans in the order of the rules, and as each gave them: the bytes that two claim are
 * the first's; of one that would fall in two, or that lies over two segments, only the
 * front stays.  Those of which nothing is left go to the end. */
static void
settle(const struct image *im, struct spans *s)
{
	size_t done = 0;	/* those before are disjoint and ascend */

	for (size_t i = 0; i < s->n; i++) {
		struct span x = s->list[i];
		uint64_t together;
		size_t at = 0;

		for (; at < done && s->list[at].from <= x.from; at++)
			if (s->list[at].to > x.from)
				x.from = s->list[at].to;
		if (at < done && s->list[at].from < x.to)
			x.to = s->list[at].from;
		(void)layout_address(&im->layout, x.from, &together);
		if (x.from < x.to && together < x.to - x.from)
			x.to = x.from + together;
		if (x.from < x.to)
			done++;
		else {
			x.from = x.to = UINT64_MAX;
			at = i;
		}
		memmove(s->list + at + 1, s->list + at, (i - at) * sizeof x);
		s->list[at] = x;
	}
}

int
rules_open(struct image *im, uint32_t mask, struct spans *s, struct err *e)
{
	*s = (struct spans){ .arena = im->arena };
	for (unsigned id = 0; id < RULE_IDS; id++) {
		s->rule = (uint8_t)id;
		if ((mask >> id & 1) != 0 && rules[id] != NULL &&
		    rules[id]->spans(im, s, e) == -1) {
			spans_free(s);
			return -1;
		}
	}
	settle(im, s);
	return 0;
}

/* One span's part of [from, to). */
static int
find_in_span(const struct image *im, const struct span *s, uint64_t from, uint64_t to,
    struct refs *refs, struct err *e)
{
	uint8_t bytes[RULES_PART + 2 * RULE_CONTEXT_MAX];
	const struct rule *rule = rules[s->rule];
	struct window w = { .image = im, .bytes = bytes };
	size_t first = refs->n;
	uint64_t end;

	from = from > s->from ? from : s->from;
	to = to < s->to ? to : s->to;
	if (from >= to)
		return 0;
	w.at = from - s->from < rule->before ? s->from : from - rule->before;
	end = s->to - to < rule->after ? s->to : to + rule->after;
	w.n = (size_t)(end - w.at);
	if (image_read(im, bytes, w.n, w.at, e) == -1)
		return -1;
	rule->find(s, &w, from, to, refs);
	for (size_t i = first; i < refs->n; i++)
		refs->list[i].rule = s->rule;
	return 0;
}

/* The first span that ends after `at`. */
static size_t
first_span(const struct spans *s, uint64_t at)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->list[middle].to <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
rules_find(const struct image *im, const struct spans *s, uint64_t from, uint64_t to,
    struct refs *refs, struct err *e)
{
	if (to - from > RULES_PART)
		return err_set(e, ERR_FAIL, "too much at once for the rules");
	for (size_t i = first_span(s, from); i < s->n && s->list[i].from < to; i++)
		if (find_in_span(im, &s->list[i], from, to, refs, e) == -1)
			return -1;
	return 0;
}
