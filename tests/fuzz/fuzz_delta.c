/*
 * fuzz_delta.c - deltas of any content over any old files (kit/delta_case.h).
 *
 * Whatever they hold: the decoder takes no more memory than the delta declares, reads
 * nothing behind the end of a file, writes no more than an output is long (and not
 * less, when it says that all is well), and does the same once more.
 */
#include <sys/mman.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "tests/fuzz/kit/delta_case.h"
#include "tests/fuzz/kit/memory_file.h"
#ifdef FUZZ_POOL
#include "tests/fuzz/kit/pool.h"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b,
    size_t n_b, uint8_t *out, size_t max, unsigned seed);

/* Of the sanitizers; not there in other builds. */
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
    void (*)(const volatile void *, size_t), void (*)(const volatile void *));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *);

enum {
	INPUT_MAX = 1 << 17, OUTPUTS_MAX = 8, OUTPUT_MAX = 1 << 18, TWICE = 16,
	LISTING_MAX = 1 << 16
};

struct world {
	const struct delta_case *c;
	uint64_t sizes[OUTPUTS_MAX], left;
	size_t at;		/* the output under way */
	uint64_t sum;
};

static int delta_fd = -1, old_fds[CASE_FILES], output_fd = -1, scratch_fd = -1;
static uint8_t built[OUTPUTS_MAX][OUTPUT_MAX];

/* ---- memory ---- */

static bool counting;
static int64_t live, peak;

static void
changed(int64_t bytes)
{
	live += bytes;
	peak = live > peak ? live : peak;
}

static void
took(const volatile void *p, size_t n)
{
	(void)p;
#ifdef FUZZ_POOL
	if (pool_grows)
		return;
#endif
	if (counting)
		changed((int64_t)n);
}

static void
gave(const volatile void *p)
{
	if (counting && p != NULL)
		changed(-(int64_t)__sanitizer_get_allocated_size(p));
}

/* ---- what the decoder asks for ---- */

/* Old files, and outputs behind them. */
static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct world *w = arg;

	if (index == 0 || index > CASE_FILES + w->at)
		return err_set(e, ERR_FORMAT, "no such source");
	if (index > CASE_FILES) {
		index -= CASE_FILES + 1;
		*fd = output_fd;
		*bytes = w->sizes[index];
		memory_file_set(output_fd, built[index], (size_t)*bytes);
		return 0;
	}
	*fd = old_fds[index - 1];
	*bytes = w->c->parts[CASE_FILE + index - 1].n;
	return 0;
}

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct world *w = arg;

	(void)e;
	if (n > w->left)
		abort();
	memcpy(built[w->at] + (w->sizes[w->at] - w->left), data, n);
	w->left -= n;
	for (size_t i = 0; i < n; i++)
		w->sum = (w->sum ^ data[i]) * 0x100000001b3;
	return 0;
}

static int
repeat(void *arg, uint64_t output, struct err *e)
{
	struct world *w = arg;

	if (output >= w->at)
		abort();
	if (w->sizes[output] != w->sizes[w->at])
		return err_set(e, ERR_FORMAT, "sizes differ");
	memcpy(built[w->at], built[output], (size_t)w->left);
	w->left = 0;
	return 0;
}

static int
scratch(void *arg, int *fd, struct err *e)
{
	(void)arg;
	if (ftruncate(scratch_fd, 0) == -1 || (*fd = dup(scratch_fd)) == -1)
		return err_sys(e, "scratch");
	return 0;
}

/* ---- one delta ---- */

/* Of refusals only those that a damaged delta can be blamed for. */
static void
check(const struct err *e, int rc)
{
	if (rc == 0)
		return;
	if ((e->code != ERR_FORMAT && e->code != ERR_TRUST && e->code != ERR_ROOM) ||
	    strstr(e->text, "the file ends too early") != NULL) {
		(void)fprintf(stderr, "refused: %s\n", e->text);
		abort();
	}
}

static size_t
read_sizes(struct world *w)
{
	const struct case_part *p = &w->c->parts[CASE_SIZES];
	size_t n = 0, at = 0, used;

	for (; n < OUTPUTS_MAX && at < p->n; n++, at += used) {
		if ((used = varint_load(p->p + at, p->n - at, &w->sizes[n])) == 0)
			break;
		w->sizes[n] %= OUTPUT_MAX;
	}
	return n;
}

static int
build_all(struct delta *d, struct world *w, struct err *e)
{
	const struct delta_io io = { .arg = w, .open_old = open_old, .write = take,
		.repeat = repeat, .scratch = scratch };
	size_t n = read_sizes(w);

	for (w->at = 0; w->at < n; w->at++) {
		w->left = w->sizes[w->at];
		if (delta_build(d, w->left, &io, e) == -1)
			return -1;
		if (w->left != 0)
			abort();
	}
	return delta_end(d, e);
}

static uint64_t
decode(struct world *w, struct buf *text)
{
	const struct case_part *old = &w->c->parts[CASE_TEXT];
	struct err e = ERR_INIT;
	struct delta *d;
	uint64_t declared = 0;
	int rc = -1;

	text->len = 0;
	w->sum = 0;
	live = peak = 0;
	counting = __sanitizer_get_allocated_size != NULL;
	if ((d = delta_open(delta_fd, DELTA_MEMORY_MAX, &e)) != NULL) {
		declared = delta_memory(d);
		rc = delta_listing(d, old->n == 0 ? (const void *)"" : old->p, old->n,
		    text, &e);
		if (rc == 0)
			rc = build_all(d, w, &e);
	}
	delta_close(d);
	counting = false;
	check(&e, rc);
	if (d != NULL && peak > (int64_t)declared) {
		(void)fprintf(stderr, "%lld bytes of %llu\n", (long long)peak,
		    (unsigned long long)declared);
		abort();
	}
	return w->sum + (rc == 0) + (uint64_t)e.code * 2;
}

static void
prepare(void)
{
	delta_fd = memory_file();
	output_fd = memory_file();
	for (size_t i = 0; i < CASE_FILES; i++)
		old_fds[i] = memory_file();
	if ((scratch_fd = memfd_create("scratch", 0)) == -1)
		abort();
#ifdef FUZZ_POOL
	pool_changed = changed;
#endif
	if (__sanitizer_install_malloc_and_free_hooks != NULL)
		(void)__sanitizer_install_malloc_and_free_hooks(took, gave);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t bytes[INPUT_MAX * 2 + CASE_BESIDE];
	static struct buf text = BUF_INIT(LISTING_MAX);
	struct err e = ERR_INIT;
	struct delta_case c;
	struct world w = { .c = &c };
	uint64_t sum;

	if (n > INPUT_MAX)
		return 0;
	if (delta_fd == -1)
		prepare();
	buf_reset(&text);
	if (buf_reserve(&text, LISTING_MAX, &e) == -1)
		abort();
	case_parse(&c, data, n);
	for (size_t i = 0; i < CASE_FILES; i++)
		memory_file_set(old_fds[i], c.parts[CASE_FILE + i].p,
		    c.parts[CASE_FILE + i].n);
	memory_file_set(delta_fd, bytes, case_delta(&c, bytes));
	sum = decode(&w, &text);
	if (sum % TWICE == 0 && decode(&w, &text) != sum)
		abort();
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return case_mutate(data, n, max, seed);
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
    uint8_t *out, size_t max, unsigned seed)
{
	struct delta_case x, y;

	case_parse(&x, a, n_a);
	case_parse(&y, b, n_b);
	return case_cross(&x, &y, out, max, seed);
}
