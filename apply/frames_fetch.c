/*
 * frames_fetch.c - contents out of the frames that hold them.
 *
 * Frames stay in the spool under their own hashes until the run that wanted them
 * has ended well: one that was cut off fetches only the rest.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "apply/decoder.h"
#include "apply/hop_file.h"
#include "apply/output.h"
#include "apply/session.h"
#include "apply/spool.h"

#include "apply/frames.h"

/* A frame holds at most 5 MiB, but for the headers of small files (docs/format.md). */
enum { FRAME_PLAIN_MAX = 16 << 20, INDEX_MAX = 64 << 20 };

struct unpack {
	const struct device *dev;
	const struct object *full;
	const struct frames *frames;
	struct content *content;
	const struct listing *listing;
	const bool *want;
	int folder;
	size_t next;		/* content that the coming bytes may be of */
	struct output out;	/* of it, when it has begun */
	char name[HOP_NAME_MAX];
};

/* The wanted entry is complete. */
static int
end_content(struct unpack *u, size_t i, struct err *e)
{
	struct sha256 id;

	if (output_end(&u->out, &id, e) == -1)
		return -1;
	if (!sha256_equal(&id, &u->listing->entries[i].sha256))
		return err_set(e, ERR_TRUST, "%s: the frames of the full hold other "
		    "bytes than are signed", u->listing->entries[i].path);
	if (content_put_built(u->content, i, u->folder, u->name, e) == -1)
		return -1;
	output_close(&u->out);
	return 0;
}

/* Bytes of the tar from position `at` on: what of them is wanted is written. */
static int
spread(struct unpack *u, uint64_t at, const uint8_t *data, size_t n, struct err *e)
{
	const uint64_t end = at + n;

	for (; u->next < u->frames->n_contents; u->next++) {
		const struct frame_content *c = &u->frames->contents[u->next];
		const struct entry *entry = &u->listing->entries[c->entry];
		uint64_t from = c->at > at ? c->at : at;
		uint64_t to = c->at + entry->size < end ? c->at + entry->size : end;

		if (c->at >= end)
			return 0;
		if (from < to && u->want[c->entry]) {
			if (from == c->at && output_start(&u->out, u->folder,
			    hop_name(c->entry, u->name), entry->size, e) == -1)
				return -1;
			if (output_write(&u->out, data + (from - at), (size_t)(to - from),
			    e) == -1 ||
			    (to == c->at + entry->size &&
			    end_content(u, c->entry, e) == -1))
				return -1;
		}
		if (c->at + entry->size > end)
			return 0;
	}
	return 0;
}

static int
unpack_frame(struct unpack *u, const struct frame *frame, struct err *e)
{
	struct buf plain = BUF_INIT(FRAME_PLAIN_MAX);
	struct object o;
	int fd, rc = -1;

	if (frame->plain_bytes < plain.max)
		plain.max = (size_t)frame->plain_bytes;
	fetch_part_object(&frame->part, u->full, &o);
	if ((fd = spool_open(u->dev, &o, e)) == -1)
		return -1;
	if (decoder_text(fd, &plain, e) == 0) {
		if (plain.len != frame->plain_bytes)
			(void)err_set(e, ERR_FORMAT, "a frame does not hold what its index "
			    "says");
		else
			rc = spread(u, frame->plain_at, plain.data, plain.len, e);
	}
	(void)close(fd);
	buf_free(&plain);
	return rc;
}

static int
unpack_all(struct unpack *u, const bool *need, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < u->frames->n && rc == 0; i++)
		if (need[i] && (rc = cancel_check(e)) == 0)
			rc = unpack_frame(u, &u->frames->list[i], e);
	if (rc == -1)
		output_drop(&u->out);
	return rc;
}

/* The index, fetched, checked and read. */
static int
get_index(struct fetch *f, const struct device *dev, const char *url,
    const struct edge *full, const struct listing *listing, struct frames *out,
    bool *refused, struct err *e)
{
	struct buf bytes = BUF_INIT(INDEX_MAX);
	struct fetch_part part;
	struct object o;
	int fd, rc = -1;

	if (frames_index_part(full, &part, e) == -1) {
		*refused = true;
		return -1;
	}
	fetch_part_object(&part, &full->object, &o);
	if (fetch_parts(f, dev, url, &full->object, &part, 1, refused, e) == -1 ||
	    (fd = spool_open(dev, &o, e)) == -1)
		return -1;
	if (fs_read_fd(fd, &bytes, e) == 0)
		rc = frames_parse(bytes.data, bytes.len, part.offset, listing, out, e);
	*refused |= rc == -1 && e->code == ERR_FORMAT;
	(void)close(fd);
	buf_free(&bytes);
	return rc;
}

static int
get_frames(struct fetch *f, const struct device *dev, const char *url,
    const struct edge *full, const struct frames *frames, const bool *need,
    bool *refused, struct err *e)
{
	struct fetch_part *list = calloc(frames->n + 1, sizeof *list);
	size_t n = 0;
	int rc;

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for frames");
	for (size_t i = 0; i < frames->n; i++)
		if (need[i])
			list[n++] = frames->list[i].part;
	rc = fetch_parts(f, dev, url, &full->object, list, n, refused, e);
	free(list);
	return rc;
}

static int
check_wanted(const struct frames *frames, const struct listing *l, const bool *want,
    struct err *e)
{
	size_t k = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (!want[i] || l->entries[i].size == 0)
			continue;
		while (k < frames->n_contents && frames->contents[k].entry < i)
			k++;
		if (k == frames->n_contents || frames->contents[k].entry != i)
			return err_set(e, ERR_FORMAT, "the index of frames lacks %s",
			    l->entries[i].path);
	}
	return 0;
}

int
frames_fetch(struct fetch *f, const struct device *dev, const struct edge *full,
    struct content *content, const bool *want, int folder, bool *refused, struct err *e)
{
	const struct listing *listing = content_listing(content);
	struct buf url = BUF_INIT(8192);
	struct frames frames = { .n = 0 };
	struct unpack u = { .dev = dev, .full = &full->object, .frames = &frames,
		.content = content, .listing = listing, .want = want, .folder = folder,
		.out = OUTPUT_INIT };
	bool *need = NULL;
	int rc = -1;

	*refused = false;
	if (object_url(dev->conf, &full->object, &url, e) == -1 ||
	    get_index(f, dev, buf_text(&url), full, listing, &frames, refused, e) == -1)
		goto out;
	if (check_wanted(&frames, listing, want, e) == -1) {
		*refused = true;
		goto out;
	}
	if ((need = calloc(frames.n + 1, sizeof *need)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for frames");
		goto out;
	}
	(void)frames_need(&frames, listing, want, need);
	if (get_frames(f, dev, buf_text(&url), full, &frames, need, refused, e) == -1)
		goto out;
	rc = unpack_all(&u, need, e);
	*refused = rc == -1 && (e->code == ERR_TRUST || e->code == ERR_FORMAT);
out:
	free(need);
	frames_clear(&frames);
	buf_free(&url);
	return rc;
}
