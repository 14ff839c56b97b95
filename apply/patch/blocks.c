#include <string.h>

#include "apply/patch/blocks.h"

enum { END = 256, REPEAT = 16, ZEROS = 17, MANY_ZEROS = 18 };	/* symbols */
enum { CODE_BITS = 15, LENGTH_BITS = 7 };

/* The order in which the lengths of length codes are sent. */
static const uint8_t order[LENGTH_CODES] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12,
	3, 13, 2, 14, 1, 15 };

static unsigned
log2_of(unsigned v)
{
	return 31u - (unsigned)__builtin_clz(v);
}

/* lc: a length - 3. */
static unsigned
length_code(unsigned lc)
{
	unsigned bits;

	if (lc < 8 || lc == 255)
		return lc < 8 ? lc : 28;
	bits = log2_of(lc) - 2;
	return 4 * (bits + 1) + (lc >> bits & 3);
}

static unsigned
length_bits(unsigned code)
{
	return code < 8 || code == 28 ? 0 : code / 4 - 1;
}

unsigned
blocks_distance_code(unsigned distance)
{
	unsigned d = distance - 1, bits;

	if (d < 4)
		return d;
	bits = log2_of(d) - 1;
	return 2 * (bits + 1) + (d >> bits & 1);
}

unsigned
blocks_distance_bits(unsigned code)
{
	return code < 4 ? 0 : code / 2 - 1;
}

/* ---- what is in each kind of tree ---- */

struct kind {
	int codes;
	unsigned max_bits;
	unsigned (*extra)(int n);
	unsigned (*fixed)(int n);	/* length in the fixed tree; NULL: none */
};

static unsigned
literal_extra(int n)
{
	return n <= END ? 0 : length_bits((unsigned)n - END - 1);
}

static unsigned
literal_fixed(int n)
{
	return n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8;
}

static unsigned
distance_extra(int n)
{
	return blocks_distance_bits((unsigned)n);
}

static unsigned
distance_fixed(int n)
{
	(void)n;
	return 5;
}

static unsigned
length_extra(int n)
{
	return n < REPEAT ? 0 : n == REPEAT ? 2 : n == ZEROS ? 3 : 7;
}

static const struct kind literal_kind = { LITERAL_CODES, CODE_BITS, literal_extra,
	literal_fixed };
static const struct kind distance_kind = { DISTANCE_CODES, CODE_BITS, distance_extra,
	distance_fixed };
static const struct kind length_kind = { LENGTH_CODES, LENGTH_BITS, length_extra, NULL };

/* ---- code lengths ---- */

/* The nodes not yet joined, the lightest on top; those joined, from the back on. */
struct heap {
	int node[TREE_NODES + 1];	/* from 1 on */
	int n, joined;
	int dad[TREE_NODES];
	uint8_t depth[TREE_NODES];
};

static bool
lighter(const struct tree *t, const struct heap *h, int a, int b)
{
	return t->freq[a] < t->freq[b] ||
	    (t->freq[a] == t->freq[b] && h->depth[a] <= h->depth[b]);
}

static void
sift(const struct tree *t, struct heap *h, int at)
{
	int node = h->node[at];

	for (int child = 2 * at; child <= h->n; child = 2 * at) {
		if (child < h->n && lighter(t, h, h->node[child + 1], h->node[child]))
			child++;
		if (lighter(t, h, node, h->node[child]))
			break;
		h->node[at] = h->node[child];
		at = child;
	}
	h->node[at] = node;
}

static void
join(struct tree *t, struct heap *h, int codes)
{
	for (int next = codes; h->n >= 2; next++) {
		int a = h->node[1], b;

		h->node[1] = h->node[h->n--];
		sift(t, h, 1);
		b = h->node[1];
		h->node[--h->joined] = a;
		h->node[--h->joined] = b;
		t->freq[next] = t->freq[a] + t->freq[b];
		h->depth[next] = (uint8_t)((h->depth[a] > h->depth[b] ? h->depth[a] :
		    h->depth[b]) + 1);
		h->dad[a] = h->dad[b] = next;
		h->node[1] = next;
		sift(t, h, 1);
	}
	h->node[--h->joined] = h->node[1];
}

/* Lengths by depth, none over max_bits: leaves that are too deep move up beside others
 * that move down, the lightest last. */
static void
set_lengths(struct tree *t, struct heap *h, unsigned max_bits)
{
	unsigned count[CODE_BITS + 2] = { 0 };
	int over = 0, at;

	t->len[h->node[h->joined]] = 0;
	for (at = h->joined + 1; at < TREE_NODES; at++) {
		int n = h->node[at];
		unsigned bits = t->len[h->dad[n]] + 1u;

		if (bits > max_bits) {
			bits = max_bits;
			over++;
		}
		t->len[n] = (uint8_t)bits;
		if (n <= t->max_code)
			count[bits]++;
	}
	if (over == 0)
		return;
	for (; over > 0; over -= 2) {
		unsigned bits = max_bits - 1;

		while (count[bits] == 0)
			bits--;
		count[bits]--;
		count[bits + 1] += 2;
		count[max_bits]--;
	}
	for (unsigned bits = max_bits; bits > 0; bits--)
		while (count[bits] > 0) {
			int n = h->node[--at];

			if (n > t->max_code)
				continue;
			t->len[n] = (uint8_t)bits;
			count[bits]--;
		}
}

/* Codes of one length ascend with the symbol; they are sent from their top bit on. */
static void
set_codes(struct tree *t)
{
	unsigned count[CODE_BITS + 2] = { 0 }, next[CODE_BITS + 2] = { 0 };

	for (int n = 0; n <= t->max_code; n++)
		count[t->len[n]]++;
	count[0] = 0;
	for (unsigned bits = 1; bits <= CODE_BITS; bits++)
		next[bits] = (next[bits - 1] + count[bits - 1]) << 1;
	for (int n = 0; n <= t->max_code; n++) {
		unsigned code = t->len[n] == 0 ? 0 : next[t->len[n]]++, turned = 0;

		for (unsigned i = 0; i < t->len[n]; i++)
			turned |= (code >> i & 1) << (t->len[n] - 1u - i);
		t->code[n] = (uint16_t)turned;
	}
}

/* A tree out of frequencies; what its codes cost, in bits, goes to *own and *fixed. */
static void
build(struct tree *t, const struct kind *k, uint64_t *own, uint64_t *fixed)
{
	struct heap h = { .joined = TREE_NODES };
	uint32_t used[LITERAL_CODES];

	memcpy(used, t->freq, sizeof used);
	t->max_code = -1;
	memset(t->len, 0, sizeof t->len);
	for (int n = 0; n < k->codes; n++)
		if (t->freq[n] != 0)
			h.node[++h.n] = t->max_code = n;
	/* Two codes at least, so that each has a bit. */
	while (h.n < 2) {
		int n = t->max_code < 2 ? ++t->max_code : 0;

		h.node[++h.n] = n;
		t->freq[n] = 1;
	}
	for (int at = h.n / 2; at >= 1; at--)
		sift(t, &h, at);
	join(t, &h, k->codes);
	set_lengths(t, &h, k->max_bits);
	set_codes(t);
	for (int n = 0; n <= t->max_code; n++) {
		*own += (uint64_t)used[n] * (t->len[n] + k->extra(n));
		if (k->fixed != NULL)
			*fixed += (uint64_t)used[n] * (k->fixed(n) + k->extra(n));
	}
}

/* ---- bits ---- */

static int
drain(struct blocks_out *b, struct err *e)
{
	size_t n = b->filled;

	b->filled = 0;
	return n == 0 ? 0 : b->sink->write(b->sink->arg, b->out, n, e);
}

static int
put(struct blocks_out *b, unsigned value, unsigned n, struct err *e)
{
	b->bits |= (uint32_t)value << b->n_bits;
	for (b->n_bits += n; b->n_bits >= 8; b->n_bits -= 8) {
		b->out[b->filled++] = (uint8_t)b->bits;
		b->bits >>= 8;
		if (b->filled == sizeof b->out && drain(b, e) == -1)
			return -1;
	}
	return 0;
}

static int
put_align(struct blocks_out *b, struct err *e)
{
	return put(b, 0, (8 - b->n_bits) % 8, e);
}

static int
put_code(struct blocks_out *b, const struct tree *t, unsigned n, struct err *e)
{
	return put(b, t->code[n], t->len[n], e);
}

/* ---- code lengths as runs ---- */

/* Each run of equal lengths of a tree: what it is sent as is counted, or sent. */
static int
run_of(struct blocks_out *b, unsigned len, unsigned count, unsigned before, bool send,
    struct err *e)
{
	unsigned symbol = len, times = 1, extra = 0, bits = 0;

	if (len == 0 && count >= 3) {
		symbol = count <= 10 ? ZEROS : MANY_ZEROS;
		extra = count - (count <= 10 ? 3 : 11);
		bits = count <= 10 ? 3 : 7;
	} else if (len != 0 && count >= (before == len ? 3u : 4u)) {
		if (before != len && run_of(b, len, 1, before, send, e) == -1)
			return -1;
		symbol = REPEAT;
		extra = count - (before == len ? 3 : 4);
		bits = 2;
	} else
		times = count;
	if (!send)
		b->lengths.freq[symbol] += times;
	for (; send && times > 0; times--)
		if (put_code(b, &b->lengths, symbol, e) == -1 ||
		    put(b, extra, bits, e) == -1)
			return -1;
	return 0;
}

static int
runs_of(struct blocks_out *b, const struct tree *t, bool send, struct err *e)
{
	unsigned before = 0xff, count = 0;

	for (int n = 0; n <= t->max_code; n++) {
		unsigned len = t->len[n];
		unsigned most = len == 0 ? 138 : before == len ? 6 : 7;

		count++;
		if (count < most && n < t->max_code && t->len[n + 1] == len)
			continue;
		if (run_of(b, len, count, before, send, e) == -1)
			return -1;
		before = len;
		count = 0;
	}
	return 0;
}

/* ---- a block ---- */

static void
clear(struct blocks_out *b)
{
	memset(b->literals.freq, 0, sizeof b->literals.freq);
	memset(b->distances.freq, 0, sizeof b->distances.freq);
	memset(b->lengths.freq, 0, sizeof b->lengths.freq);
	b->literals.freq[END] = 1;
	b->tokens = b->matches = 0;
}

void
blocks_start(struct blocks_out *b, const struct sink *sink)
{
	b->sink = sink;
	b->bits = 0;
	b->n_bits = 0;
	b->filled = 0;
	clear(b);
}

void
blocks_literal(struct blocks_out *b, uint8_t byte)
{
	b->symbol[b->tokens] = byte;
	b->distance[b->tokens++] = 0;
	b->literals.freq[byte]++;
}

void
blocks_match(struct blocks_out *b, unsigned length, unsigned distance)
{
	b->symbol[b->tokens] = (uint8_t)(length - 3);
	b->distance[b->tokens++] = (uint16_t)distance;
	b->matches++;
	b->literals.freq[END + 1 + length_code(length - 3)]++;
	b->distances.freq[blocks_distance_code(distance)]++;
}

static int
put_stored(struct blocks_out *b, const uint8_t *raw, size_t n, struct err *e)
{
	if (put_align(b, e) == -1 || put(b, n & 0xff, 8, e) == -1 ||
	    put(b, n >> 8 & 0xff, 8, e) == -1 || put(b, ~n & 0xff, 8, e) == -1 ||
	    put(b, ~n >> 8 & 0xff, 8, e) == -1 || drain(b, e) == -1)
		return -1;
	return n == 0 ? 0 : b->sink->write(b->sink->arg, raw, n, e);
}

static void
set_fixed(struct tree *t, int codes, unsigned (*fixed)(int n))
{
	t->max_code = codes - 1;
	for (int n = 0; n < codes; n++)
		t->len[n] = (uint8_t)fixed(n);
	set_codes(t);
}

static int
put_trees(struct blocks_out *b, unsigned lengths, struct err *e)
{
	if (put(b, (unsigned)b->literals.max_code - 256, 5, e) == -1 ||
	    put(b, (unsigned)b->distances.max_code, 5, e) == -1 ||
	    put(b, lengths - 4, 4, e) == -1)
		return -1;
	for (unsigned i = 0; i < lengths; i++)
		if (put(b, b->lengths.len[order[i]], 3, e) == -1)
			return -1;
	if (runs_of(b, &b->literals, true, e) == -1)
		return -1;
	return runs_of(b, &b->distances, true, e);
}

static int
put_tokens(struct blocks_out *b, struct err *e)
{
	for (size_t i = 0; i < b->tokens; i++) {
		unsigned symbol = b->symbol[i], distance = b->distance[i];
		unsigned length = length_code(symbol), code, bits;

		if (distance == 0) {
			if (put_code(b, &b->literals, symbol, e) == -1)
				return -1;
			continue;
		}
		bits = length_bits(length);
		if (put_code(b, &b->literals, END + 1 + length, e) == -1 ||
		    put(b, symbol & ((1u << bits) - 1), bits, e) == -1)
			return -1;
		code = blocks_distance_code(distance);
		bits = blocks_distance_bits(code);
		if (put_code(b, &b->distances, code, e) == -1 ||
		    put(b, (distance - 1) & ((1u << bits) - 1), bits, e) == -1)
			return -1;
	}
	return put_code(b, &b->literals, END, e);
}

/* The tree of lengths; how many of them are sent. */
static unsigned
build_lengths(struct blocks_out *b, uint64_t *own)
{
	unsigned n = LENGTH_CODES;
	uint64_t none = 0;
	struct err e;

	(void)runs_of(b, &b->literals, false, &e);
	(void)runs_of(b, &b->distances, false, &e);
	build(&b->lengths, &length_kind, own, &none);
	while (n > 4 && b->lengths.len[order[n - 1]] == 0)
		n--;
	*own += 3 * n + 5 + 5 + 4;
	return n;
}

int
blocks_flush(struct blocks_out *b, const uint8_t *raw, size_t n, bool last, struct err *e)
{
	uint64_t own = 0, fixed = 0;
	unsigned lengths;
	int rc;

	build(&b->literals, &literal_kind, &own, &fixed);
	build(&b->distances, &distance_kind, &own, &fixed);
	lengths = build_lengths(b, &own);
	own = (own + 3 + 7) / 8;
	fixed = (fixed + 3 + 7) / 8;
	if (raw != NULL && n + 4 <= (fixed <= own ? fixed : own)) {
		if ((rc = put(b, last, 3, e)) == 0)
			rc = put_stored(b, raw, n, e);
	} else if (fixed <= own) {
		set_fixed(&b->literals, LITERAL_CODES + 2, literal_fixed);
		set_fixed(&b->distances, DISTANCE_CODES, distance_fixed);
		if ((rc = put(b, 2u + last, 3, e)) == 0)
			rc = put_tokens(b, e);
	} else if ((rc = put(b, 4u + last, 3, e)) == 0 &&
	    (rc = put_trees(b, lengths, e)) == 0)
		rc = put_tokens(b, e);
	clear(b);
	if (rc == 0 && last && (rc = put_align(b, e)) == 0)
		rc = drain(b, e);
	return rc;
}
