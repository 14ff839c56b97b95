#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/hash.h"

#include "mkdelta/encode/built.h"
#include "mkdelta/encode/delta_plan.h"

#include "mkdelta/encode/delta_check.h"
#include "mkdelta/encode/spill.h"

struct check {
	const struct listing *from, *to;
	int from_dir, old_fd;
	const char *from_name;
	struct listing *reduced;
	size_t *outputs;
	size_t now;			/* index into outputs */
	struct hash *hash;
	struct built built;
	bool repeated;
};

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct check *c = arg;

	if (index >= c->from->n)
		return built_open(&c->built, index - c->from->n, fd, bytes, e);
	if (c->from->entries[index].type != ENTRY_FILE)
		return err_set(e, ERR_FORMAT, "source %" PRIu64 " is no file", index);
	if (c->old_fd != -1)
		(void)close(c->old_fd);
	c->old_fd = delta_plan_open(c->from_dir, c->from_name, &c->from->entries[index],
	    e);
	*fd = c->old_fd;
	*bytes = c->from->entries[index].size;
	return c->old_fd == -1 ? -1 : 0;
}

static int
take_bytes(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct check *c = arg;

	return built_add(&c->built, data, n, e) == -1 ? -1 :
	    hash_add(c->hash, data, n, e);
}

static int
take_repeat(void *arg, uint64_t output, struct err *e)
{
	struct check *c = arg;
	const struct entry *then = &c->reduced->entries[c->outputs[output]];
	const struct entry *now = &c->reduced->entries[c->outputs[c->now]];

	if (then->size != now->size)
		return err_set(e, ERR_FORMAT, "a repeat of another size");
	listing_set_hash(c->reduced, c->outputs[c->now], &then->sha256);
	c->repeated = true;
	return built_repeat(&c->built, output, e);
}

static int
check_outputs(struct check *c, struct delta *d, size_t n, struct err *e)
{
	struct delta_io io = { c, open_old, take_bytes, take_repeat,
		spill_scratch, NULL };
	struct sha256 got;

	for (c->now = 0; c->now < n; c->now++) {
		size_t i = c->outputs[c->now];

		c->repeated = false;
		if (cancel_check(e) == -1 ||
		    delta_build(d, c->reduced->entries[i].size, &io, e) == -1 ||
		    hash_end(c->hash, got.bytes, e) == -1 ||
		    (!c->repeated && built_end(&c->built, e) == -1))
			return err_wrap(e, "%s", c->reduced->entries[i].path);
		if (!c->repeated)
			listing_set_hash(c->reduced, i, &got);
	}
	return delta_end(d, e);
}

static int
compare(const struct listing *got, const struct listing *want, struct err *e)
{
	struct sha256 a, b;

	if (listing_id(got, &a, e) == -1 || listing_id(want, &b, e) == -1)
		return -1;
	if (sha256_equal(&a, &b))
		return 0;
	for (size_t i = 0; i < got->n && i < want->n; i++)
		if (!sha256_equal(&got->entries[i].sha256, &want->entries[i].sha256))
			return err_set(e, ERR_TRUST,
			    "%s: the delta builds something else", want->entries[i].path);
	return err_set(e, ERR_TRUST, "the delta builds another tree");
}

static int
check_all(struct check *c, struct delta *d, struct buf *old_text, struct buf *text,
    struct err *e)
{
	size_t n;

	if (listing_emit(c->from, old_text, e) == -1 ||
	    delta_listing(d, old_text->data, old_text->len, text, e) == -1 ||
	    (c->reduced = listing_parse(text->data, text->len, true, e)) == NULL)
		return -1;
	if ((c->outputs = calloc(c->reduced->n + 1, sizeof *c->outputs)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	n = listing_outputs(c->reduced, c->outputs);
	if (check_outputs(c, d, n, e) == -1)
		return -1;
	return compare(c->reduced, c->to, e);
}

int
delta_check(const struct listing *from, int from_dir, const struct listing *to,
    int delta_fd, struct err *e)
{
	return delta_check_file(from, from_dir, NULL, to, delta_fd, e);
}

int
delta_check_file(const struct listing *from, int from_dir, const char *from_name,
    const struct listing *to, int delta_fd, struct err *e)
{
	struct check c = { .from = from, .to = to, .from_dir = from_dir,
		.from_name = from_name, .old_fd = -1 };
	struct buf old_text = BUF_INIT(LISTING_TEXT_MAX),
	    text = BUF_INIT(LISTING_TEXT_MAX);
	struct delta *d = NULL;
	int rc = -1;

	built_init(&c.built);
	if ((c.hash = hash_new(HASH_SHA256, e)) != NULL &&
	    (d = delta_open(delta_fd, UINT64_MAX, e)) != NULL)
		rc = check_all(&c, d, &old_text, &text, e);
	delta_close(d);
	hash_free(c.hash);
	built_free(&c.built);
	listing_free(c.reduced);
	free(c.outputs);
	if (c.old_fd != -1)
		(void)close(c.old_fd);
	buf_free(&old_text);
	buf_free(&text);
	return rc == -1 ? err_wrap(e, "proving a delta") : 0;
}
