/*
 * Go's table of functions (.gopclntab), see go.h: its header, the offsets of file
 * names, and the functions with their records.
 */
#include "apply/patch/go.h"

enum { WORDS = 5, WORDS_AT = 8 };

/* The header's address of the text, if any, and its offsets. */
static int
add_header(const struct go *go, struct spans *out, struct err *e)
{
	uint64_t at = go->table + WORDS_AT + 2 * go->word;
	uint64_t end = at + (WORDS + (go->since >= 18)) * go->word;
	struct span *s = go_span(go, out, at, end, e);

	if (s == NULL)
		return -1;
	if (go->since >= 18) {
		span_mark(s, at, GO_WORD);
		at += go->word;
	}
	for (; at < end; at += go->word)
		span_mark(s, at, GO_HEADER);
	return 0;
}

static int
add_files(const struct go *go, struct spans *out, struct err *e)
{
	uint64_t from = go_part(go, GO_UNIT);
	uint64_t to = from + ((go_part(go, GO_FILE) - from) & ~(uint64_t)3);
	struct span *s;

	if (from == to)
		return 0;
	if ((s = go_span(go, out, from, to, e)) == NULL)
		return -1;
	for (; from < to; from += 4)
		span_mark(s, from, GO_FILE);
	return 0;
}

/* Since Go 1.26 the data of functions stand behind their records. */
static int
add_functions(const struct go *go, struct spans *out, struct err *e)
{
	struct span *s = go_span(go, out, go_part(go, GO_FUNCTION), go->end, e);

	if (s == NULL)
		return -1;
	return go_mark_functions(go, s, e);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	struct go go;
	int rc = go_open(&go, im, e);

	if (rc != 1)
		return rc;
	if (add_header(&go, out, e) == -1 || add_files(&go, out, e) == -1)
		return -1;
	return add_functions(&go, out, e);
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	go_find(s, w, false, from, to, refs);
}

const struct rule rule_go_functions = {
	.name = "go-functions",
	.after = 12,
	.spans = spans,
	.find = find,
};
