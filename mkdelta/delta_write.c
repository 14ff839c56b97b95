#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/hash.h"

#include "mkdelta/bsdiff.h"
#include "mkdelta/jobs.h"
#include "mkdelta/match.h"
#include "mkdelta/packed.h"

#include "mkdelta/delta_write.h"

enum { LEVEL = 19, BLOCK_BYTES = 1 << 16 };

#define MEMORY_BYTES ((uint64_t)1 << 30)

struct output {
	size_t entry;		/* of `to` */
	size_t ancestor;	/* of `from`, or NO_ANCESTOR */
	size_t repeats;		/* number of an earlier output, or itself */
	struct blocks blocks;
};

struct encoder {
	const struct delta_job *job;
	uint64_t memory_each;
	struct buf old_text, reduced;
	struct blocks listing;
	struct output *outputs;
	size_t n;
	struct packed *streams[DELTA_KINDS];
	bool there[DELTA_KINDS];	/* in the file */
	uint64_t zeros;		/* of the difference since its last other byte */
};

/* ---- what is to be built, and out of what ---- */

static int
index_outputs(struct encoder *x, struct listing *reduced, struct err *e)
{
	size_t *entries = calloc(reduced->n + 1, sizeof *entries), *ancestors = NULL;
	const struct delta_job *job = x->job;
	int rc = -1;

	if (entries == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	x->n = listing_outputs(reduced, entries);
	x->outputs = calloc(x->n + 1, sizeof *x->outputs);
	ancestors = calloc(x->n + 1, sizeof *ancestors);
	if (x->outputs == NULL || ancestors == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = match_ancestors(job->from, job->from_dir, job->to, job->to_dir, entries, x->n,
		    job->jobs, ancestors, e);
	for (size_t i = 0; rc == 0 && i < x->n; i++) {
		x->outputs[i].entry = entries[i];
		x->outputs[i].ancestor = ancestors[i];
	}
	free(entries);
	free(ancestors);
	return rc;
}

struct content_key {
	struct sha256 sha256;
	size_t output;
};

static int
compare_keys(const void *pa, const void *pb)
{
	const struct content_key *a = pa, *b = pb;
	int order = memcmp(a->sha256.bytes, b->sha256.bytes, SHA256_BYTES);

	if (order != 0)
		return order;
	return a->output < b->output ? -1 : a->output > b->output;
}

/* The same new content twice is built once. */
static int
find_repeats(struct encoder *x, struct err *e)
{
	struct content_key *keys = calloc(x->n + 1, sizeof *keys);
	size_t first = 0;

	if (keys == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < x->n; i++)
		keys[i] = (struct content_key){
			x->job->to->entries[x->outputs[i].entry].sha256, i };
	if (x->n > 0)
		qsort(keys, x->n, sizeof *keys, compare_keys);
	for (size_t i = 0; i < x->n; i++) {
		if (!sha256_equal(&keys[i].sha256, &keys[first].sha256))
			first = i;
		x->outputs[keys[i].output].repeats = keys[first].output;
	}
	free(keys);
	return 0;
}

static int
plan_outputs(struct encoder *x, struct err *e)
{
	struct listing *reduced;
	int rc;

	if (listing_emit(x->job->from, &x->old_text, e) == -1 ||
	    listing_emit_reduced(x->job->to, x->job->from, &x->reduced, e) == -1)
		return -1;
	if ((reduced = listing_parse(x->reduced.data, x->reduced.len, true, e)) == NULL)
		return -1;
	rc = index_outputs(x, reduced, e);
	listing_free(reduced);
	return rc == -1 ? -1 : find_repeats(x, e);
}

/* ---- matching, in parallel ---- */

/* `name` stands for the only file of a tree that is a single file. */
static uint8_t *
load(int dir, const char *name, const struct entry *entry, struct err *e)
{
	uint8_t *data = malloc((size_t)entry->size + 1);
	struct stat st;
	int fd;

	if (data == NULL) {
		(void)err_set(e, ERR_NOMEM, "%s: out of memory", entry->path);
		return NULL;
	}
	if ((fd = fs_open_file(dir, name == NULL ? entry->path : name, &st, e)) == -1) {
		free(data);
		return NULL;
	}
	if ((uint64_t)st.st_size != entry->size ||
	    fs_pread(fd, data, (size_t)entry->size, 0, e) == -1) {
		(void)err_set(e, ERR_FAIL, "%s: changed while it was read", entry->path);
		free(data);
		data = NULL;
	}
	(void)close(fd);
	return data;
}

static int
match_output(void *arg, size_t i, struct err *e)
{
	struct encoder *x = arg;
	struct output *output = &x->outputs[i];
	const struct entry *new = &x->job->to->entries[output->entry], *old;
	uint8_t *old_data = NULL, *new_data = NULL;
	int rc = -1;

	if (output->repeats != i || output->ancestor == NO_ANCESTOR)
		return 0;
	old = &x->job->from->entries[output->ancestor];
	if ((old_data = load(x->job->from_dir, x->job->from_name, old, e)) != NULL &&
	    (new_data = load(x->job->to_dir, x->job->to_name, new, e)) != NULL)
		rc = bsdiff_blocks(old_data, (size_t)old->size, new_data, (size_t)new->size,
		    x->memory_each, &output->blocks, e);
	free(old_data);
	free(new_data);
	return rc;
}

static int
match_all(struct encoder *x, struct err *e)
{
	if (bsdiff_blocks(x->old_text.data, x->old_text.len, x->reduced.data, x->reduced.len,
	    x->job->memory_bytes == 0 ? MEMORY_BYTES : x->job->memory_bytes, &x->listing,
	    e) == -1)
		return -1;
	return jobs_run(x->job->jobs, x->n, match_output, x, e);
}

/* ---- writing, in order ---- */

static int
put(struct encoder *x, enum delta_kind kind, const void *data, size_t n, struct err *e)
{
	return packed_add(x->streams[kind], data, n, e);
}

static int
put_number(struct encoder *x, uint64_t v, struct err *e)
{
	uint8_t bytes[VARINT_MAX];

	return put(x, DELTA_CONTROL, bytes, varint_store(bytes, v), e);
}

static int
put_method(struct encoder *x, uint8_t method, struct err *e)
{
	return put(x, DELTA_CONTROL, &method, 1, e);
}

/* The difference goes out in both forms; the smaller one is kept at the end. */
static int
put_difference(struct encoder *x, const uint8_t *diff, size_t n, struct err *e)
{
	uint8_t run[VARINT_MAX];

	for (size_t i = 0; i < n; i++) {
		if (diff[i] == 0) {
			x->zeros++;
			continue;
		}
		if (put(x, DELTA_RUNS, run, varint_store(run, x->zeros), e) == -1 ||
		    put(x, DELTA_BYTES, &diff[i], 1, e) == -1)
			return -1;
		x->zeros = 0;
	}
	return put(x, DELTA_DIFF, diff, n, e);
}

static int
put_blocks(struct encoder *x, const struct blocks *b, const uint8_t *old,
    const uint8_t *new, struct err *e)
{
	uint8_t diff[BLOCK_BYTES];
	uint64_t old_at = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		if (put_number(x, zigzag((int64_t)(k->old_at - old_at)), e) == -1 ||
		    put_number(x, k->copy, e) == -1 || put_number(x, k->extra, e) == -1)
			return -1;
		for (uint64_t done = 0; done < k->copy;) {
			size_t n = k->copy - done < BLOCK_BYTES ? (size_t)(k->copy - done) :
			    BLOCK_BYTES;

			for (size_t j = 0; j < n; j++)
				diff[j] = (uint8_t)(new[done + j] - old[k->old_at + done + j]);
			if (put_difference(x, diff, n, e) == -1)
				return -1;
			done += n;
		}
		if (put(x, DELTA_EXTRA, new + k->copy, (size_t)k->extra, e) == -1)
			return -1;
		new += k->copy + k->extra;
		old_at = k->old_at + k->copy;
	}
	return 0;
}

/* Has any block a copy at all?  Without one the source need not be named. */
static bool
copies_something(const struct blocks *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].copy > 0)
			return true;
	return false;
}

static int
put_listing(struct encoder *x, struct err *e)
{
	if (put_method(x, METHOD_COPY, e) == -1)
		return -1;
	return put_blocks(x, &x->listing, x->old_text.data, x->reduced.data, e);
}

static int
put_copy(struct encoder *x, const struct output *output, const uint8_t *new,
    struct err *e)
{
	uint8_t *old = load(x->job->from_dir, x->job->from_name,
	    &x->job->from->entries[output->ancestor], e);
	int rc = -1;

	if (old != NULL && put_method(x, METHOD_COPY, e) == 0 &&
	    put_number(x, output->ancestor, e) == 0)
		rc = put_blocks(x, &output->blocks, old, new, e);
	free(old);
	return rc;
}

static int
put_output(struct encoder *x, size_t i, struct err *e)
{
	const struct output *output = &x->outputs[i];
	const struct entry *entry = &x->job->to->entries[output->entry];
	uint8_t *new;
	int rc;

	if (output->repeats != i)
		return put_method(x, METHOD_REPEAT, e) == -1 ? -1 :
		    put_number(x, output->repeats, e);
	if ((new = load(x->job->to_dir, x->job->to_name, entry, e)) == NULL)
		return -1;
	if (copies_something(&output->blocks))
		rc = put_copy(x, output, new, e);
	else if ((rc = put_method(x, METHOD_RAW, e)) == 0)
		rc = put(x, DELTA_EXTRA, new, (size_t)entry->size, e);
	free(new);
	return rc;
}

static int
open_streams(struct encoder *x, struct err *e)
{
	int level = x->job->level == 0 ? LEVEL : x->job->level;

	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if ((x->streams[kind] = packed_open((enum delta_kind)kind, level, e)) == NULL)
			return -1;
	return 0;
}

static uint64_t
packed_size(const struct encoder *x, enum delta_kind kind)
{
	return packed_plain(x->streams[kind]) == 0 ? 0 : packed_bytes(x->streams[kind])->len;
}

/* The difference is kept in its smaller form.  A runs stream says that it is
 * sparse, and is there, empty, for a difference of zeros alone. */
static void
choose_difference(struct encoder *x)
{
	bool some = packed_plain(x->streams[DELTA_DIFF]) > 0;
	bool sparse = packed_size(x, DELTA_RUNS) + packed_size(x, DELTA_BYTES) <
	    packed_size(x, DELTA_DIFF);

	x->there[DELTA_CONTROL] = true;
	x->there[DELTA_EXTRA] = packed_plain(x->streams[DELTA_EXTRA]) > 0;
	x->there[DELTA_DIFF] = some && !sparse;
	x->there[DELTA_RUNS] = some && sparse;
	x->there[DELTA_BYTES] = sparse && packed_plain(x->streams[DELTA_BYTES]) > 0;
}

static int
fill_streams(struct encoder *x, struct err *e)
{
	if (open_streams(x, e) == -1 || put_listing(x, e) == -1)
		return -1;
	for (size_t i = 0; i < x->n; i++)
		if (cancel_check(e) == -1 || put_output(x, i, e) == -1)
			return -1;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if (packed_end(x->streams[kind], e) == -1)
			return -1;
	choose_difference(x);
	return 0;
}

static int
emit_stream(const struct packed *p, uint8_t kind, struct buf *out, struct err *e)
{
	uint64_t plain = packed_plain(p);

	if (buf_add_byte(out, kind, e) == -1 ||
	    buf_add_byte(out, plain == 0 ? DELTA_STORED : (uint8_t)packed_codec(p), e) == -1 ||
	    buf_add_varint(out, plain == 0 ? 0 : packed_bytes(p)->len, e) == -1)
		return -1;
	return buf_add_varint(out, plain, e);
}

static int
emit_header(struct encoder *x, struct buf *out, uint64_t memory, struct err *e)
{
	struct sha256 old_id, new_id;
	unsigned streams = 0;

	for (int kind = 0; kind < DELTA_KINDS; kind++)
		streams += x->there[kind];
	if (listing_id(x->job->from, &old_id, e) == -1 ||
	    listing_id(x->job->to, &new_id, e) == -1 ||
	    buf_add(out, DELTA_MAGIC, DELTA_MAGIC_BYTES, e) == -1 ||
	    buf_add(out, old_id.bytes, DELTA_ID_BYTES, e) == -1 ||
	    buf_add(out, new_id.bytes, DELTA_ID_BYTES, e) == -1 ||
	    buf_add_varint(out, memory, e) == -1 || buf_add_varint(out, 0, e) == -1 ||
	    buf_add_varint(out, x->reduced.len, e) == -1 ||
	    buf_add_varint(out, streams, e) == -1)
		return -1;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if (x->there[kind] && emit_stream(x->streams[kind], (uint8_t)kind, out, e) == -1)
			return -1;
	return 0;
}

static int
write_file(struct encoder *x, int fd, struct delta_stats *stats, struct err *e)
{
	struct buf header = BUF_INIT(DELTA_HEADER_MAX);
	int rc = -1;

	stats->memory_bytes = DELTA_MEMORY_FIXED;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		if (x->there[kind])
			stats->memory_bytes +=
			    (uint64_t)1 << packed_window_log((enum delta_kind)kind);
	if (emit_header(x, &header, stats->memory_bytes, e) == -1 ||
	    fs_write(fd, header.data, header.len, e) == -1)
		goto out;
	stats->bytes = header.len;
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		const struct buf *packed = packed_bytes(x->streams[kind]);

		if (!x->there[kind] || packed_plain(x->streams[kind]) == 0)
			continue;
		if (fs_write(fd, packed->data, packed->len, e) == -1)
			goto out;
		stats->bytes += packed->len;
	}
	rc = 0;
out:
	buf_free(&header);
	return rc;
}

static void
encoder_free(struct encoder *x)
{
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		packed_close(x->streams[kind]);
	for (size_t i = 0; x->outputs != NULL && i < x->n; i++)
		blocks_free(&x->outputs[i].blocks);
	free(x->outputs);
	blocks_free(&x->listing);
	buf_free(&x->old_text);
	buf_free(&x->reduced);
}

int
delta_write(const struct delta_job *job, int out_fd, struct delta_stats *stats,
    struct err *e)
{
	struct encoder x = { .job = job, .old_text = BUF_INIT(LISTING_TEXT_MAX),
		.reduced = BUF_INIT(LISTING_TEXT_MAX) };
	uint64_t memory = job->memory_bytes == 0 ? MEMORY_BYTES : job->memory_bytes;
	int rc = -1;

	memset(stats, 0, sizeof *stats);
	x.memory_each = memory / jobs_count(job->jobs);
	if (plan_outputs(&x, e) == 0 && match_all(&x, e) == 0 && fill_streams(&x, e) == 0)
		rc = write_file(&x, out_fd, stats, e);
	stats->outputs = x.n;
	for (size_t i = 0; x.outputs != NULL && i < x.n; i++)
		stats->output_bytes += job->to->entries[x.outputs[i].entry].size;
	encoder_free(&x);
	return rc == -1 ? err_wrap(e, "delta") : 0;
}
