#include <stdlib.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"

#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/joined.h"
#include "mkdelta/encode/lzwrite.h"
#include "mkdelta/encode/zwrite.h"

#include "mkdelta/encode/squeeze.h"

enum {
	BLOCK_BYTES = 128 * 1024,
	TRIALS_MAX = (DELTA_KINDS + 1) * 5,
	ZSTD_LEVEL = 19,
	CONTEXTS = 2
};

#define ZSTD_BYTES ((uint64_t)1 << 20)	/* above, zstd has never been the smallest */
#define SMALL_BYTES ((uint64_t)256 << 10)
#define SLOW_BYTES ((uint64_t)64 << 20)	/* above, no "extreme" */

/* One stream by one codec. */
struct trial {
	enum delta_kind kind;
	enum delta_codec codec;
	struct lzwrite_options lzma;
	const struct spill *plain;
	unsigned window_log;
	struct spill packed;
};

struct trials {
	struct trial list[TRIALS_MAX];
	size_t n;
	unsigned logs[DELTA_KINDS];	/* of windows */
	struct spill joined;		/* runs and changes */
};

/* lc, lp, pb to try; only the first for streams of more than one_bytes.  Numbers
 * have little context, code has words of four bytes. */
static const struct {
	uint64_t one_bytes;
	struct {
		unsigned lc, lp, pb;
	} bits[CONTEXTS];
} contexts[DELTA_KINDS] = {
	[DELTA_CONTROL] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_SEEK] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_COPY] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_FRESH] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_RUNS] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_CHANGES] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_DIFF] = { 1 << 20, { { 3, 0, 2 }, { 0, 2, 2 } } },
	[DELTA_EXTRA] = { 32 << 20, { { 3, 0, 0 }, { 3, 0, 2 } } },
	[DELTA_CODE] = { 32 << 20, { { 3, 0, 2 }, { 2, 2, 2 } } },
	[DELTA_TARGETS] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
	[DELTA_LISTS] = { UINT64_MAX, { { 0, 0, 0 }, { 1, 0, 0 } } },
};

/* Larger windows gain nothing that was measured. */
static const unsigned char window_log_max[DELTA_KINDS] = {
	[DELTA_CONTROL] = 18, [DELTA_SEEK] = 18, [DELTA_COPY] = 18, [DELTA_FRESH] = 18,
	[DELTA_RUNS] = 19, [DELTA_CHANGES] = 19, [DELTA_DIFF] = 20,
	[DELTA_EXTRA] = 23, [DELTA_CODE] = 22, [DELTA_TARGETS] = 18,
	[DELTA_LISTS] = 18,
};

static unsigned
window_log(enum delta_kind kind, uint64_t bytes)
{
	unsigned log = DELTA_WINDOW_LOG_MIN;

	while (log < window_log_max[kind] && (uint64_t)1 << log < bytes)
		log++;
	return log;
}

/* The windows, the largest halved until all streams fit beside what else the decoder
 * needs. */
static void
fit_windows(const struct spill plain[DELTA_KINDS], uint64_t work_bytes,
    unsigned logs[DELTA_KINDS])
{
	for (;;) {
		uint64_t sum = DELTA_MEMORY_FIXED + work_bytes;
		int largest = 0;

		for (int kind = 0; kind < DELTA_KINDS; kind++) {
			if (spill_bytes(&plain[kind]) == 0)
				continue;
			sum += ((uint64_t)1 << logs[kind]) +
			    (spill_bytes(&plain[kind]) <= ZSTD_BYTES ? DELTA_MEMORY_ZSTD :
			    DELTA_MEMORY_LZMA);
			if (logs[kind] > logs[largest])
				largest = kind;
		}
		if (sum <= DELTA_MEMORY_MAX || logs[largest] <= DELTA_WINDOW_LOG_MIN)
			return;
		logs[largest]--;
	}
}

static int
drain(struct buf *from, struct spill *to, struct err *e)
{
	int rc = spill_add(to, from->data, from->len, e);

	buf_reset(from);
	return rc;
}

/* The plain bytes by zstd or lzma, whichever is not NULL. */
static int
feed(struct trial *t, struct zwrite *zstd, struct lzwrite *lzma, uint8_t *block,
    struct buf *out, struct err *e)
{
	uint64_t bytes = spill_bytes(t->plain);

	for (uint64_t at = 0; at < bytes;) {
		size_t n = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES;

		if (cancel_check(e) == -1 ||
		    spill_read(t->plain, block, n, at, e) == -1 ||
		    (zstd != NULL && zwrite_add(zstd, block, n, e) == -1) ||
		    (lzma != NULL && lzwrite_add(lzma, block, n, e) == -1) ||
		    drain(out, &t->packed, e) == -1)
			return -1;
		at += n;
	}
	if ((zstd != NULL && zwrite_end(zstd, e) == -1) ||
	    (lzma != NULL && lzwrite_end(lzma, e) == -1))
		return -1;
	return drain(out, &t->packed, e);
}

static int
run_trial(void *arg, size_t i, struct err *e)
{
	struct trial *t = &((struct trials *)arg)->list[i];
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	struct zwrite *zstd = NULL;
	struct lzwrite *lzma = NULL;
	uint8_t *block = malloc(BLOCK_BYTES);
	int rc = -1;

	if (block == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (t->codec == DELTA_ZSTD)
		zstd = zwrite_open(ZSTD_LEVEL, t->window_log, spill_bytes(t->plain), &out,
		    e);
	else
		lzma = lzwrite_open(&t->lzma, &out, e);
	if (zstd != NULL || lzma != NULL)
		rc = feed(t, zstd, lzma, block, &out, e);
	zwrite_close(zstd);
	lzwrite_close(lzma);
	buf_free(&out);
	free(block);
	return rc;
}

static struct trial *
add_trial(struct trials *all, enum delta_kind kind, enum delta_codec codec,
    const struct spill *plain, unsigned log)
{
	struct trial *t = &all->list[all->n++];

	t->kind = kind;
	t->codec = codec;
	t->plain = plain;
	t->window_log = log;
	spill_init(&t->packed);
	return t;
}

static struct lzwrite_options
lzma_options(enum delta_kind kind, size_t context, const struct effort *effort,
    uint64_t bytes, unsigned log)
{
	return (struct lzwrite_options){ effort->preset,
		effort->extreme && bytes <= SLOW_BYTES, log,
		contexts[kind].bits[context].lc, contexts[kind].bits[context].lp,
		contexts[kind].bits[context].pb };
}

/* Small streams are tried in every way: it costs nothing.  What less effort would do
 * is among it, so that more never gives more bytes. */
static void
add_trials(struct trials *all, enum delta_kind kind, const struct effort *effort,
    const struct spill *plain, unsigned log)
{
	uint64_t bytes = spill_bytes(plain);
	bool every = effort->all_codecs || bytes <= SMALL_BYTES;
	size_t n = every && bytes <= contexts[kind].one_bytes ? CONTEXTS : 1;

	if (bytes == 0)
		return;
	if (every && bytes <= ZSTD_BYTES)
		(void)add_trial(all, kind, DELTA_ZSTD, plain, log);
	for (size_t i = 0; i < n; i++)
		add_trial(all, kind, DELTA_LZMA, plain, log)->lzma = lzma_options(kind, i,
		    effort, bytes, log);
	if (every && bytes <= SMALL_BYTES)
		for (size_t i = 0; i < n; i++)
			add_trial(all, kind, DELTA_LZMA, plain, log)->lzma = lzma_options(
			    kind, i, effort_of(EFFORT_MIN), bytes, log);
}

static int
keep_stored(const struct spill *plain, struct spill *packed, struct delta_stream *s,
    struct err *e)
{
	uint8_t block[4096];
	uint64_t bytes = spill_bytes(plain);

	for (uint64_t at = 0; at < bytes;) {
		size_t n = bytes - at < sizeof block ? (size_t)(bytes - at) :
		    sizeof block;

		if (spill_read(plain, block, n, at, e) == -1 ||
		    spill_add(packed, block, n, e) == -1)
			return -1;
		at += n;
	}
	*s = (struct delta_stream){ .there = true, .codec = DELTA_STORED, .packed = bytes,
		.plain = bytes };
	return 0;
}

/* The smallest trial of a stream; among equals the first.  NULL: it is empty. */
static struct trial *
best_of(struct trials *all, const struct spill *plain)
{
	struct trial *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		struct trial *t = &all->list[i];

		if (t->plain == plain && (best == NULL ||
		    spill_bytes(&t->packed) < spill_bytes(&best->packed)))
			best = t;
	}
	return best;
}

static int
choose(struct trials *all, const struct spill *plain, struct spill *packed,
    struct delta_stream *s, struct err *e)
{
	struct trial *best = best_of(all, plain);

	*s = (struct delta_stream){ .there = false };
	if (best == NULL)
		return 0;
	if (spill_bytes(plain) <= spill_bytes(&best->packed))
		return keep_stored(plain, packed, s, e);
	spill_free(packed);
	*packed = best->packed;
	spill_init(&best->packed);
	*s = (struct delta_stream){ .there = true, .codec = best->codec,
		.window_log = best->window_log, .packed = spill_bytes(packed),
		.plain = spill_bytes(plain) };
	return 0;
}

/* ---- runs and changes in one stream ---- */

/* A window that the decoder has room for where the two had theirs. */
static int
add_joined(struct trials *all, const struct spill plain[DELTA_KINDS],
    const struct effort *effort, struct err *e)
{
	const unsigned *logs = all->logs;
	unsigned log;

	if (spill_bytes(&plain[DELTA_CHANGES]) == 0)
		return 0;
	if (joined_make(&plain[DELTA_RUNS], &plain[DELTA_CHANGES], &all->joined, e) == -1)
		return -1;
	log = window_log(DELTA_RUNS, spill_bytes(&all->joined));
	if (log > logs[DELTA_RUNS] && log > logs[DELTA_CHANGES])
		log = logs[DELTA_RUNS] > logs[DELTA_CHANGES] ? logs[DELTA_RUNS] :
		    logs[DELTA_CHANGES];
	add_trials(all, DELTA_RUNS, effort, &all->joined, log);
	return 0;
}

/* What a stream takes of a delta, with its line of the header. */
static uint64_t
stream_costs(struct trials *all, const struct spill *plain)
{
	uint64_t bytes = spill_bytes(plain);
	uint64_t packed = spill_bytes(&best_of(all, plain)->packed);
	uint8_t number[VARINT_MAX];

	if (bytes <= packed)
		return 1 + varint_store(number, bytes) + bytes;
	return 1 + varint_store(number, packed) + varint_store(number, bytes) + packed;
}

/* Whether it is smaller than the two. */
static bool
join_pays(struct trials *all, const struct spill plain[DELTA_KINDS])
{
	return spill_bytes(&all->joined) > 0 && stream_costs(all, &all->joined) <
	    stream_costs(all, &plain[DELTA_RUNS]) +
	    stream_costs(all, &plain[DELTA_CHANGES]);
}

int
squeeze(const struct spill plain[DELTA_KINDS], uint64_t work_bytes,
    const struct effort *effort, bool may_join, unsigned jobs,
    struct spill packed[DELTA_KINDS], struct delta_stream streams[DELTA_KINDS],
    struct err *e)
{
	struct trials *all = calloc(1, sizeof *all);
	bool join;
	int rc = 0;

	if (all == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	spill_init(&all->joined);
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		all->logs[kind] = window_log((enum delta_kind)kind,
		    spill_bytes(&plain[kind]));
	fit_windows(plain, work_bytes, all->logs);
	/* The largest kinds last in the enumeration are begun first. */
	for (int kind = DELTA_KINDS - 1; kind >= 0; kind--)
		add_trials(all, (enum delta_kind)kind, effort, &plain[kind],
		    all->logs[kind]);
	if (may_join)
		rc = add_joined(all, plain, effort, e);
	if (rc == 0)
		rc = jobs_run(jobs, all->n, run_trial, all, e);
	join = rc == 0 && join_pays(all, plain);
	for (int kind = 0; rc == 0 && kind < DELTA_KINDS; kind++)
		rc = choose(all, join && kind == DELTA_RUNS ? &all->joined :
		    join && kind == DELTA_CHANGES ? NULL : &plain[kind], &packed[kind],
		    &streams[kind], e);
	for (size_t i = 0; i < all->n; i++)
		spill_free(&all->list[i].packed);
	spill_free(&all->joined);
	free(all);
	return rc;
}

int
squeeze_guess(enum delta_kind kind, const struct effort *effort, const struct buf *plain,
    size_t *bytes, struct err *e)
{
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	struct lzwrite_options options = lzma_options(kind, 0, effort, plain->len,
	    window_log(kind, plain->len));
	struct lzwrite *lzma = lzwrite_open(&options, &out, e);
	int rc = -1;

	if (lzma != NULL && lzwrite_add(lzma, plain->data, plain->len, e) == 0)
		rc = lzwrite_end(lzma, e);
	*bytes = out.len;
	lzwrite_close(lzma);
	buf_free(&out);
	return rc;
}
