/*
 * JSON from anywhere: what parses has one canonical form, and writing it out and
 * reading it again changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/jv.h"

#ifdef FUZZ_POOL
#include "tests/fuzz/kit/json_pool.h"
#endif
#include "tests/fuzz/kit/tuf_case.h"

enum { OUT_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

static void
check_same(const struct jv *v, const struct buf *canonical)
{
	struct buf text = BUF_INIT(OUT_MAX), again = BUF_INIT(OUT_MAX);
	struct err e = ERR_INIT;
	struct jv *back;

	if (jv_print_sorted(v, &text, &e) == -1 ||
	    (back = jv_parse(text.data, text.len, &e)) == NULL)
		abort();
	if (jv_canonical(back, &again, &e) == -1 || again.len != canonical->len ||
	    memcmp(again.data, canonical->data, again.len) != 0)
		abort();
	jv_free(back);
	buf_free(&text);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf canonical = BUF_INIT(OUT_MAX);
	struct err e = ERR_INIT;
	struct jv *v;

#ifdef FUZZ_POOL
	json_pool_begin();
#endif
	if ((v = jv_parse(data, n, &e)) == NULL)
		return 0;
	if (jv_canonical(v, &canonical, &e) == 0) {
		if (canonical.len > n)
			abort();
		check_same(v, &canonical);
	}
	buf_free(&canonical);
	jv_free(v);
#ifdef FUZZ_POOL
	json_pool_check();
#endif
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
