#include <string.h>

#include "manifest/base/hash.h"
#include "manifest/listing_text.h"

#include "manifest/listing.h"

static const char *const type_words[] = {
	[ENTRY_DIR] = "dir", [ENTRY_FILE] = "file", [ENTRY_LINK] = "link"
};

static int
emit_xattrs(const struct entry *x, struct buf *out, struct err *e)
{
	for (const struct entry_xattr *a = x->xattrs; a != NULL; a = a->next) {
		if (buf_add_text(out, LISTING_XATTR, e) == -1 ||
		    listing_escape(out, a->name, e) == -1)
			return -1;
		if (a->size > 0 && (buf_add_byte(out, ' ', e) == -1 ||
			    listing_base64(out, a->value, a->size, e) == -1))
			return -1;
		if (buf_add_byte(out, '\n', e) == -1)
			return -1;
	}
	return 0;
}

/* " key=escaped text", nothing for NULL. */
static int
emit_text(struct buf *out, const char *key, const char *text, struct err *e)
{
	if (text == NULL)
		return 0;
	if (buf_addf(out, e, " %s=", key) == -1)
		return -1;
	return listing_escape(out, text, e);
}

static int
emit_owner(const struct entry *x, struct buf *out, struct err *e)
{
	if (!x->has_owner)
		return 0;
	if (buf_addf(out, e, " uid=%u gid=%u", (unsigned)x->uid, (unsigned)x->gid) ==
		-1 ||
	    emit_text(out, "uname", x->uname, e) == -1)
		return -1;
	return emit_text(out, "gname", x->gname, e);
}

static int
emit_file(const struct entry *x, bool with_hash, struct buf *out, struct err *e)
{
	char hex[SHA256_HEX_MAX];

	if (x->group != 0 && buf_addf(out, e, " nlink=%u tags=link-%u",
				 (unsigned)x->nlink, (unsigned)x->group) == -1)
		return -1;
	if (buf_addf(out, e, " size=%llu", (unsigned long long)x->size) == -1)
		return -1;
	if (!with_hash || !x->has_sha256)
		return 0;
	return buf_addf(out, e, " sha256digest=%s", sha256_hex(&x->sha256, hex));
}

int
listing_emit_entry(const struct entry *x, bool with_hash, struct buf *out,
    struct err *e)
{
	if (emit_xattrs(x, out, e) == -1 ||
	    buf_add_text(out, strcmp(x->path, ".") == 0 ? "" : "./", e) == -1 ||
	    listing_escape(out, x->path, e) == -1 ||
	    buf_addf(out, e, " type=%s mode=%04o", type_words[x->type],
		(unsigned)x->mode) == -1 ||
	    emit_owner(x, out, e) == -1)
		return -1;
	if (x->type == ENTRY_FILE && emit_file(x, with_hash, out, e) == -1)
		return -1;
	if (x->type == ENTRY_LINK && emit_text(out, "link", x->link, e) == -1)
		return -1;
	return buf_add_byte(out, '\n', e);
}

int
listing_emit(const struct listing *l, struct buf *out, struct err *e)
{
	if (buf_add_text(out, LISTING_MAGIC, e) == -1)
		return err_wrap(e, "listing");
	for (size_t i = 0; i < l->n; i++)
		if (listing_emit_entry(&l->entries[i], true, out, e) == -1)
			return err_wrap(e, "listing");
	return 0;
}

int
listing_id(const struct listing *l, struct sha256 *id, struct err *e)
{
	struct buf line = BUF_INIT(LISTING_TEXT_MAX);
	struct hash *h = hash_new(HASH_SHA256, e);
	int rc = -1;

	if (h == NULL ||
	    hash_add(h, LISTING_MAGIC, sizeof LISTING_MAGIC - 1, e) == -1)
		goto out;
	for (size_t i = 0; i < l->n; i++) {
		buf_reset(&line);
		if (listing_emit_entry(&l->entries[i], true, &line, e) == -1 ||
		    hash_add(h, line.data, line.len, e) == -1)
			goto out;
	}
	rc = hash_end(h, id->bytes, e);
out:
	hash_free(h);
	buf_free(&line);
	return rc;
}
