/*
 * Go's table of functions (.gopclntab), see go.h: the offsets of file names,
 * and the functions with their records.
 */
#include "apply/patch/go.h"

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
	return add_files(&go, out, e) == -1 ? -1 : add_functions(&go, out, e);
}

const struct rule rule_go_functions = {
	.name = "go-functions",
	.after = GO_AFTER,
	.spans = spans,
	.find = go_find,
};
