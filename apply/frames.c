#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/frames.h"

#define INDEX_NAME "dfi1"
enum { INDEX_MAGIC = 0x184d2a5b, HEAD = 12, TAIL = 8, TAR_BLOCK = 512,
	FRAME_BYTES_MIN = 34, CONTENT_BYTES_MIN = 2 };

int
frames_index_part(const struct edge *full, struct fetch_part *part, struct err *e)
{
	const struct jv *v = full->frames;
	const char *hex = jv_text(jv_get(v, "sha256"));
	int64_t offset, bytes;

	if (v == NULL)
		return err_set(e, ERR_ABSENT, "%s: has no index of its frames",
		    full->object.path);
	if (jv_int(jv_get(v, "offset"), &offset) == -1 ||
	    jv_int(jv_get(v, "bytes"), &bytes) == -1 || offset < 0 || bytes <= 0 ||
	    (uint64_t)offset > full->object.bytes ||
	    (uint64_t)bytes > full->object.bytes - (uint64_t)offset || hex == NULL ||
	    sha256_parse(&part->sha256, hex) == -1)
		return err_set(e, ERR_FORMAT, "%s: the place of its index makes no sense",
		    full->object.path);
	part->offset = (uint64_t)offset;
	part->bytes = (uint64_t)bytes;
	return 0;
}

/* What is left of the index. */
struct rest {
	const uint8_t *p;
	size_t n;
};

static int
take(struct rest *r, uint64_t *v)
{
	size_t n = varint_load(r->p, r->n, v);

	r->p += n;
	r->n -= n;
	return n == 0 ? -1 : 0;
}

/* A count of things of at least `min` bytes each: never more than fit. */
static int
take_count(struct rest *r, size_t min, size_t *count)
{
	uint64_t v;

	if (take(r, &v) == -1 || v > r->n / min)
		return -1;
	*count = (size_t)v;
	return 0;
}

static int
take_frames(struct rest *r, uint64_t end, struct frames *f, struct err *e)
{
	uint64_t at = 0, plain = 0;

	if (take_count(r, FRAME_BYTES_MIN, &f->n) == -1)
		return -1;
	if ((f->list = calloc(f->n + 1, sizeof *f->list)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for an index of frames");
	for (size_t i = 0; i < f->n; i++) {
		struct frame *x = &f->list[i];

		if (take(r, &x->part.bytes) == -1 || take(r, &x->plain_bytes) == -1 ||
		    r->n < SHA256_BYTES)
			return -1;
		memcpy(x->part.sha256.bytes, r->p, SHA256_BYTES);
		r->p += SHA256_BYTES;
		r->n -= SHA256_BYTES;
		x->part.offset = at;
		x->plain_at = plain;
		if (x->part.bytes == 0 || x->plain_bytes == 0 ||
		    u64_add(at, x->part.bytes, &at) == -1 ||
		    u64_add(plain, x->plain_bytes, &plain) == -1)
			return -1;
	}
	return at == end ? 0 : -1;
}

/* The size of a content, 0 when entry i has none of its own. */
static uint64_t
own_size(const struct listing *l, uint64_t i)
{
	if (i >= l->n || l->entries[i].type != ENTRY_FILE ||
	    listing_group_first(l, (size_t)i) != i)
		return 0;
	return l->entries[i].size;
}

static int
take_contents(struct rest *r, const struct listing *l, struct frames *f, struct err *e)
{
	const struct frame *last = f->n > 0 ? &f->list[f->n - 1] : NULL;
	uint64_t total = last == NULL ? 0 : last->plain_at + last->plain_bytes;
	uint64_t entry = 0, at = 0;

	if (take_count(r, CONTENT_BYTES_MIN, &f->n_contents) == -1)
		return -1;
	f->contents = calloc(f->n_contents + 1, sizeof *f->contents);
	if (f->contents == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for an index of frames");
	for (size_t i = 0; i < f->n_contents; i++) {
		uint64_t step, blocks, size;

		if (take(r, &step) == -1 || take(r, &blocks) == -1 ||
		    (i > 0 && step == 0) || u64_add(entry, step, &entry) == -1 ||
		    u64_mul(blocks, TAR_BLOCK, &blocks) == -1 ||
		    u64_add(at, blocks, &at) == -1 || (size = own_size(l, entry)) == 0 ||
		    at > total || size > total - at)
			return -1;
		f->contents[i] = (struct frame_content){ (size_t)entry, at };
		if (u64_add(at, size + (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, &at)
		    == -1)
			return -1;
	}
	return 0;
}

int
frames_parse(const uint8_t *p, size_t n, uint64_t at, const struct listing *l,
    struct frames *f, struct err *e)
{
	struct rest r = { p, 0 };

	memset(f, 0, sizeof *f);
	err_clear(e);
	if (n >= HEAD + TAIL)
		r = (struct rest){ p + HEAD, n - HEAD - TAIL };
	if (n >= HEAD + TAIL && le32_load(p) == INDEX_MAGIC &&
	    le32_load(p + 4) == n - 8 && memcmp(p + 8, INDEX_NAME, 4) == 0 &&
	    le32_load(p + n - TAIL) == n &&
	    memcmp(p + n - 4, INDEX_NAME, 4) == 0 && take_frames(&r, at, f, e) == 0 &&
	    take_contents(&r, l, f, e) == 0 && r.n == 0)
		return 0;
	frames_clear(f);
	return e->code != ERR_NONE ? -1 :
	    err_set(e, ERR_FORMAT, "the index of frames makes no sense");
}

void
frames_clear(struct frames *f)
{
	free(f->list);
	free(f->contents);
	memset(f, 0, sizeof *f);
}

uint64_t
frames_need(const struct frames *f, const struct listing *l, const bool *want, bool *need)
{
	uint64_t bytes = 0;
	size_t k = 0;

	memset(need, 0, f->n * sizeof *need);
	for (size_t i = 0; i < f->n_contents; i++) {
		const struct frame_content *c = &f->contents[i];

		if (!want[c->entry])
			continue;
		while (k < f->n && f->list[k].plain_at + f->list[k].plain_bytes <= c->at)
			k++;
		/* The last of them may hold the next content too. */
		for (size_t j = k; j < f->n &&
		    f->list[j].plain_at < c->at + l->entries[c->entry].size; j++) {
			if (!need[j])
				bytes += f->list[j].part.bytes;
			need[j] = true;
		}
	}
	return bytes;
}
