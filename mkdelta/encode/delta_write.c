#include <stdlib.h>
#include <string.h>

#include "apply/patch/delta_header.h"
#include "apply/patch/patch_output.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/hash.h"

#include "mkdelta/encode/delta_plan.h"
#include "mkdelta/encode/delta_streams.h"
#include "mkdelta/encode/effort.h"
#include "mkdelta/encode/spill.h"
#include "mkdelta/encode/squeeze.h"
#include "mkdelta/encode/without.h"

#include "mkdelta/encode/delta_write.h"

enum { BLOCK_BYTES = 1 << 16 };

struct encoder {
	struct delta_job job;
	struct delta_plan plan;
	struct delta_header header;
	struct spill plain[DELTA_KINDS], packed[DELTA_KINDS];
	struct delta_stats stats;
};

static int
emit_streams(const struct delta_header *h, struct buf *out, struct err *e)
{
	uint64_t kinds = 0;

	for (int kind = 0; kind < DELTA_KINDS; kind++)
		kinds |= (uint64_t)h->streams[kind].there << kind;
	if (buf_add_varint(out, kinds, e) == -1)
		return -1;
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		const struct delta_stream *s = &h->streams[kind];
		uint8_t how = (uint8_t)(s->codec | s->window_log << 3);

		if (!s->there)
			continue;
		if (buf_add_byte(out, how, e) == -1 ||
		    buf_add_varint(out, s->packed, e) == -1)
			return -1;
		if (s->codec != DELTA_STORED && buf_add_varint(out, s->plain, e) == -1)
			return -1;
	}
	return 0;
}

static int
emit_header(const struct delta_header *h, struct buf *out, struct err *e)
{
	if (buf_add(out, DELTA_MAGIC, DELTA_MAGIC_BYTES, e) == -1 ||
	    buf_add(out, h->old_id, DELTA_ID_BYTES, e) == -1 ||
	    buf_add(out, h->new_id, DELTA_ID_BYTES, e) == -1 ||
	    buf_add_varint(out, h->memory, e) == -1 ||
	    buf_add_varint(out, h->scratch, e) == -1 ||
	    buf_add_varint(out, h->listing_bytes, e) == -1)
		return -1;
	return emit_streams(h, out, e);
}

/* The decoder's memory beside the streams: that of the output which needs the most.
 * A little is added for what is not counted one by one. */
static uint64_t
work_bytes(const struct delta_plan *p)
{
	uint64_t most = 0;

	for (size_t i = 0; i < p->n; i++) {
		uint64_t n = prediction_memory(&p->outputs[i].prediction,
		    p->outputs[i].blocks.n);

		if (p->outputs[i].expansion != NULL)
			n += p->outputs[i].expansion->memory_bytes;
		if (n > most)
			most = n;
	}
	return most == 0 ? 0 : most + most / 16 + 1024;
}

static uint64_t
scratch_bytes(const struct delta_plan *p)
{
	uint64_t most = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct expansion *x = p->outputs[i].expansion;

		if (x != NULL && x->scratch_bytes > most)
			most = x->scratch_bytes;
	}
	return most;
}

static int
fill_header(struct encoder *x, struct err *e)
{
	struct sha256 id;

	if (listing_id(x->plan.job->from, &id, e) == -1)
		return -1;
	memcpy(x->header.old_id, id.bytes, DELTA_ID_BYTES);
	if (listing_id(x->plan.job->to, &id, e) == -1)
		return -1;
	memcpy(x->header.new_id, id.bytes, DELTA_ID_BYTES);
	x->header.memory = delta_header_memory(&x->header) + work_bytes(&x->plan);
	x->header.scratch = scratch_bytes(&x->plan);
	x->header.listing_bytes = x->plan.reduced.len;
	return 0;
}

static int
write_stream(const struct spill *s, int fd, struct err *e)
{
	uint8_t block[BLOCK_BYTES];

	for (uint64_t at = 0; at < spill_bytes(s);) {
		uint64_t left = spill_bytes(s) - at;
		size_t n = left < sizeof block ? (size_t)left : sizeof block;

		if (spill_read(s, block, n, at, e) == -1 ||
		    fs_write(fd, block, n, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

static int
write_file(struct encoder *x, int fd, struct err *e)
{
	struct buf header = BUF_INIT(DELTA_HEADER_MAX);
	int rc;

	if ((rc = emit_header(&x->header, &header, e)) == 0)
		rc = fs_write(fd, header.data, header.len, e);
	for (int kind = 0; rc == 0 && kind < DELTA_KINDS; kind++)
		rc = write_stream(&x->packed[kind], fd, e);
	buf_free(&header);
	return rc;
}

/* Of the delta that is ready to be written. */
static int
count_bytes(struct encoder *x, struct err *e)
{
	struct buf header = BUF_INIT(DELTA_HEADER_MAX);
	int rc = emit_header(&x->header, &header, e);

	x->stats.bytes = header.len;
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		x->stats.bytes += spill_bytes(&x->packed[kind]);
	buf_free(&header);
	return rc;
}

/* Ascending, so that the order of outputs does not matter. */
static void
add_code(struct delta_stats *stats, unsigned code, unsigned log)
{
	size_t k = stats->n_codes;

	for (size_t i = 0; i < stats->n_codes; i++)
		if (stats->codes[i] == code) {
			stats->logs[i] = log > stats->logs[i] ? log : stats->logs[i];
			return;
		}
	for (; k > 0 && stats->codes[k - 1] > code; k--) {
		stats->codes[k] = stats->codes[k - 1];
		stats->logs[k] = stats->logs[k - 1];
	}
	stats->codes[k] = code;
	stats->logs[k] = log;
	stats->n_codes++;
}

static void
fill_stats(struct encoder *x)
{
	const struct delta_plan *p = &x->plan;
	struct delta_stats *stats = &x->stats;

	stats->outputs = p->n;
	for (size_t i = 0; i < p->n; i++) {
		stats->output_bytes += p->job->to->entries[p->outputs[i].entry].size;
		const struct expansion *expansion = p->outputs[i].expansion;

		stats->rules |= p->outputs[i].prediction.rules;
		for (size_t k = 0; expansion != NULL && k < expansion->n_codes; k++)
			add_code(stats, expansion->codes[k], expansion->logs[k]);
	}
	stats->memory_bytes = x->header.memory;
	stats->scratch_bytes = x->header.scratch;
}

static void
encoder_free(struct encoder *x)
{
	if (x == NULL)
		return;
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		spill_free(&x->plain[kind]);
		spill_free(&x->packed[kind]);
	}
	free(x);
}

static int
make(struct encoder *x, struct err *e)
{
	const struct delta_job *job = &x->job;
	int rc = -1;

	if (delta_plan_make(&x->plan, job, e) == 0 &&
	    delta_streams_write(&x->plan, x->plain, e) == 0 &&
	    squeeze(x->plain, work_bytes(&x->plan), effort_of(job->effort),
	    (job->without & WITHOUT_JOINED) == 0, job->jobs, x->packed,
	    x->header.streams, e) == 0 && fill_header(x, e) == 0) {
		fill_stats(x);
		rc = count_bytes(x, e);
	}
	delta_plan_free(&x->plan);
	for (int kind = 0; kind < DELTA_KINDS; kind++)
		spill_free(&x->plain[kind]);
	return rc;
}

/* All but the writing; NULL on errors. */
static struct encoder *
encode(const struct delta_job *job, unsigned effort, struct err *e)
{
	struct encoder *x = calloc(1, sizeof *x);

	if (x == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	x->job = *job;
	x->job.effort = effort;
	for (int kind = 0; kind < DELTA_KINDS; kind++) {
		spill_init(&x->plain[kind]);
		spill_init(&x->packed[kind]);
	}
	if (make(x, e) == 0)
		return x;
	encoder_free(x);
	return NULL;
}

/* More effort is guesses that are mostly better.  Where they are not, less of it has
 * the smaller delta. */
static struct encoder *
encode_smallest(const struct delta_job *job, struct err *e)
{
	struct encoder *least = encode(job, job->effort, e), *other;

	if (least == NULL || job->effort <= EFFORT_DEFAULT)
		return least;
	if ((other = encode(job, EFFORT_DEFAULT, e)) == NULL ||
	    other->stats.bytes < least->stats.bytes) {
		encoder_free(least);
		return other;
	}
	encoder_free(other);
	return least;
}

int
delta_write(const struct delta_job *job, int out_fd, struct delta_stats *stats,
    struct err *e)
{
	struct encoder *x = encode_smallest(job, e);
	int rc = x == NULL ? -1 : write_file(x, out_fd, e);

	memset(stats, 0, sizeof *stats);
	if (rc == 0)
		*stats = x->stats;
	encoder_free(x);
	return rc == -1 ? err_wrap(e, "delta") : 0;
}
