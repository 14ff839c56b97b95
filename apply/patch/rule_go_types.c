/*
 * Go's type descriptors (internal/abi/type.go), and all else that is read only:
 * pointers, and what functions' records refer to there (go.h).
 *
 * Descriptors are not listed anywhere in full, and lie between other data.  But their
 * first 4 words and 16 bytes are telling enough to know one when it is seen: a kind,
 * two alignments and flags in one word, sizes that fit each other, two pointers and
 * two offsets in bounds.  One pass over the types from front to back finds them; a
 * wrong find costs bytes, never correctness.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/glance.h"
#include "apply/patch/image_elf.h"

#include "apply/patch/go.h"

enum {
	KIND_ARRAY = 17, KIND_CHAN, KIND_FUNC, KIND_INTERFACE, KIND_MAP, KIND_POINTER,
	KIND_SLICE, KIND_STRING, KIND_STRUCT, KIND_LAST,
	KIND_MASK = 31, KIND_FLAGS = 0x60,
	FLAG_UNCOMMON = 1, FLAGS_END = 64,
	UNCOMMON_BYTES = 16,
	METHODS_MAX = 8192
};

struct pass {
	const struct go *go;
	struct span *span;
	struct glance glance;
	uint64_t budget;	/* words of methods */
};

static uint64_t
word(const struct pass *p, const uint8_t *b, size_t i)
{
	return p->go->word == 8 ? le64_load(b + i * 8) : le32_load(b + i * 4);
}

static bool
is_pointer(const struct pass *p, uint64_t v)
{
	return v == 0 || image_holds(p->go->image, v);
}

static bool
is_alignment(unsigned v)
{
	return v != 0 && v <= 8 && (v & (v - 1)) == 0;
}

/* size, bytes with pointers; hash, flags, two alignments, kind; equal, mask of
 * pointers; name, pointer to this type. */
static bool
is_type(const struct pass *p, const uint8_t *b)
{
	unsigned n = p->go->word;
	uint64_t types = p->go->types_end - p->go->base[GO_TYPE];
	const uint8_t *flags = b + 2 * n + 4, *end = b + 4 * n + 8;

	return (flags[3] & KIND_MASK) != 0 && (flags[3] & KIND_MASK) <= KIND_LAST &&
	    (flags[3] & ~(KIND_MASK | KIND_FLAGS)) == 0 && flags[0] < FLAGS_END &&
	    is_alignment(flags[1]) && is_alignment(flags[2]) &&
	    le32_load(flags - 4) != 0 && word(p, b, 1) <= word(p, b, 0) &&
	    word(p, b, 1) % n == 0 && is_pointer(p, word(p, b + 8, 2)) &&
	    is_pointer(p, word(p, b + 8, 3)) && le32_load(end) != 0 &&
	    le32_load(end) < types && le32_load(end + 4) < types;
}

/* Words between the common part and the uncommon one; maps: see uncommon(). */
static unsigned
words_of_kind(unsigned kind)
{
	switch (kind) {
	case KIND_ARRAY:
		return 3;
	case KIND_CHAN:
		return 2;
	case KIND_FUNC:
	case KIND_POINTER:
	case KIND_SLICE:
		return 1;
	case KIND_INTERFACE:
	case KIND_STRUCT:
		return 4;
	default:
		return 0;
	}
}

/* n words of methods: names and types, and of other types' than interfaces, behind each
 * pair two functions. */
static void
mark_methods(struct pass *p, uint64_t at, uint64_t n, unsigned third)
{
	for (uint64_t i = 0; i < n && p->budget > 0; i++, p->budget--)
		span_mark(p->span, at + 4 * i, (i & 2) != 0 ? third : GO_TYPE);
}

/* package, number of methods, of exported ones, offset of methods, 0; methods are
 * name, type and two functions.  1: marked; 0: this is none. */
static int
uncommon(struct pass *p, uint64_t at, bool sure, struct err *e)
{
	int rc;
	const uint8_t *b = glance(&p->glance, at, UNCOMMON_BYTES, &rc, e);
	uint32_t n, methods;

	if (b == NULL)
		return rc;
	n = le32_load(b + 4) & 0xffff;
	methods = le32_load(b + 8);
	if (le32_load(b + 4) >> 16 > n || le32_load(b + 12) != 0 ||
	    (!sure && methods != UNCOMMON_BYTES))
		return 0;
	span_mark(p->span, at, GO_TYPE);
	mark_methods(p, at + methods, 4 * n, GO_TEXT);
	return 1;
}

/* Maps have had several sizes, by version and word: the uncommon part, which is
 * followed by its methods at once, shows which. */
static int
uncommon_of_map(struct pass *p, uint64_t at, struct err *e)
{
	static const uint8_t words[] = { 11, 8, 6, 5 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof words; i++)
		rc = uncommon(p, at + words[i] * (uint64_t)p->go->word, false, e);
	return rc;
}

/* The type whose first bytes are b. */
static int
type(struct pass *p, uint64_t at, const uint8_t *b, struct err *e)
{
	unsigned n = p->go->word, kind = b[2 * n + 7] & KIND_MASK;
	bool more = (b[2 * n + 4] & FLAG_UNCOMMON) != 0;
	uint64_t end = at + 4 * n + 16, methods;
	int rc;

	span_mark(p->span, at + 4 * n + 8, GO_TYPE);
	span_mark(p->span, at + 4 * n + 12, GO_TYPE);
	if (kind == KIND_INTERFACE) {
		/* package, then a slice of name and type: address, length, capacity */
		if ((b = glance(&p->glance, end, 4 * n, &rc, e)) == NULL)
			return rc;
		methods = end + 4 * n + (more ? UNCOMMON_BYTES : 0);
		if (word(p, b, 2) == word(p, b, 3) && word(p, b, 2) <= METHODS_MAX)
			mark_methods(p, methods, 2 * word(p, b, 2), GO_TYPE);
	}
	if (!more)
		return 0;
	rc = kind == KIND_MAP ? uncommon_of_map(p, end, e) :
	    uncommon(p, end + words_of_kind(kind) * (uint64_t)n, true, e);
	return rc == -1 ? -1 : 0;
}

/* All types of the span, and between them what may be an address. */
static int
mark_types(const struct go *go, struct span *s, struct err *e)
{
	struct pass p = { .go = go, .span = s, .glance.image = go->image,
		.budget = s->to - s->from };

	for (uint64_t at = s->from; at < s->to; at += go->word) {
		int rc;
		const uint8_t *b = glance(&p.glance, at, 4 * go->word + 16, &rc, e);
		bool address;

		if (b == NULL)
			return rc;
		address = image_holds(go->image, word(&p, b, 0));
		if (is_type(&p, b) && type(&p, at, b, e) == -1)
			return -1;
		if (address)
			span_mark(s, at, GO_WORD);
	}
	return 0;
}

static void
mark_links(const struct go *go, struct span *s)
{
	uint64_t at;

	if (image_offset(go->image, go->links, &at))
		for (uint64_t i = 0; i < go->n_links && at + 4 * i < s->to; i++)
			span_mark(s, at + 4 * i, GO_TYPE);
}

/* Does the section hold the byte of this address? */
static bool
holds(const struct image_section *x, uint64_t address)
{
	return (x->flags & IMAGE_ALLOC) != 0 && address >= x->address &&
	    address - x->address < x->bytes;
}

/* Each thing that is looked for is in one section: where sections lie over each other,
 * no other is gone through.  `left`: what was not found yet. */
enum { TYPES = 1, FUNCTIONS = 2, LINKS = 4 };

static int
add_section(const struct go *go, const struct image_section *x, unsigned *left,
    struct spans *out, struct err *e)
{
	unsigned has = *left & ((holds(x, go->base[GO_TYPE]) ? TYPES : 0) |
	    (holds(x, go->base[GO_FUNCDATA]) ? FUNCTIONS : 0) |
	    (holds(x, go->links) ? LINKS : 0));
	uint64_t to = x->at + x->bytes;
	struct span *s;

	*left &= ~has;
	if (has == 0)
		return 0;
	if (x->at <= go->table && go->table < to)
		to = go->table;		/* the other rule's */
	if (x->at >= to)
		return 0;
	if ((s = go_span(go, out, x->at, to, e)) == NULL)
		return -1;
	mark_links(go, s);
	if ((has & FUNCTIONS) != 0 && go_mark_functions(go, s, e) == -1)
		return -1;
	return (has & (TYPES | FUNCTIONS)) != 0 ? mark_types(go, s, e) : 0;
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	struct go go;
	unsigned left = TYPES | FUNCTIONS | LINKS;
	int rc = go_open(&go, im, e);

	if (rc != 1 || go.types_end == 0)
		return rc == -1 ? -1 : 0;
	for (size_t i = 0; i < im->n_sections; i++)
		if (add_section(&go, &im->sections[i], &left, out, e) == -1)
			return -1;
	return 0;
}

const struct rule rule_go_types = {
	.name = "go-types",
	.after = GO_AFTER,
	.spans = spans,
	.find = go_find,
};
