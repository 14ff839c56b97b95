#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/listing_text.h"

#include "manifest/listing.h"

/*
 * A line becomes an entry by reading its words one by one, without caring much
 * for their order or for other ways to write the same.  What is then emitted
 * from the entries must be the text, byte for byte: one form per tree.
 */

struct word {
	const char *p;
	size_t n;
};

struct parser {
	struct listing *list;
	struct entry entry;	/* under way: xattrs come before their entry */
	struct entry_xattr **xattr_end;
	bool has_type, has_size;
	size_t line;
};

/* The first word of line, which loses it and the blank behind it. */
static struct word
next_word(struct word *line)
{
	const char *blank = memchr(line->p, ' ', line->n);
	struct word w = { line->p, blank == NULL ? line->n : (size_t)(blank - line->p) };
	size_t used = blank == NULL ? line->n : w.n + 1;

	line->p += used;
	line->n -= used;
	return w;
}

static bool
word_is(struct word w, const char *text)
{
	return w.n == strlen(text) && memcmp(w.p, text, w.n) == 0;
}

static int
read_number(struct word w, unsigned base, uint64_t max, uint64_t *out, struct err *e)
{
	uint64_t v = 0;

	if (w.n == 0 || w.n > 20)
		return err_set(e, ERR_FORMAT, "not a number");
	for (size_t i = 0; i < w.n; i++) {
		unsigned digit = (unsigned char)w.p[i] - (unsigned)'0';

		if (digit >= base || v > (max - digit) / base)
			return err_set(e, ERR_FORMAT, "not a number, or too large");
		v = v * base + digit;
	}
	*out = v;
	return 0;
}

static int
read_u32(struct word w, unsigned base, uint32_t max, uint32_t *out, struct err *e)
{
	uint64_t v = 0;

	if (read_number(w, base, max, &v, e) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static int
read_text(struct word w, size_t max, char **out, struct err *e)
{
	char *text = listing_unescape(w.p, w.n, max, e);

	if (text == NULL)
		return -1;
	free(*out);
	*out = text;
	return 0;
}

static int
read_type(struct parser *p, struct word w, struct err *e)
{
	if (word_is(w, "dir"))
		p->entry.type = ENTRY_DIR;
	else if (word_is(w, "file"))
		p->entry.type = ENTRY_FILE;
	else if (word_is(w, "link"))
		p->entry.type = ENTRY_LINK;
	else
		return err_set(e, ERR_FORMAT, "a type that is none of dir, file, link");
	p->has_type = true;
	return 0;
}

static int
read_hash(struct entry *x, struct word w, struct err *e)
{
	char hex[SHA256_HEX_MAX];

	if (w.n != sizeof hex - 1)
		return err_set(e, ERR_FORMAT, "not a SHA-256");
	memcpy(hex, w.p, w.n);
	hex[w.n] = '\0';
	if (sha256_parse(&x->sha256, hex) == -1)
		return err_set(e, ERR_FORMAT, "not a SHA-256");
	x->has_sha256 = true;
	return 0;
}

static int
read_tags(struct entry *x, struct word w, struct err *e)
{
	static const char tag[] = "link-";
	size_t skip = sizeof tag - 1;

	if (w.n <= skip || memcmp(w.p, tag, skip) != 0)
		return err_set(e, ERR_FORMAT, "a tag that is no link-<n>");
	w.p += skip;
	w.n -= skip;
	return read_u32(w, 10, LISTING_ENTRIES_MAX, &x->group, e);
}

static int
read_keyword(struct parser *p, struct word key, struct word v, struct err *e)
{
	struct entry *x = &p->entry;

	if (word_is(key, "type"))
		return read_type(p, v, e);
	if (word_is(key, "mode"))
		return read_u32(v, 8, 07777, &x->mode, e);
	if (word_is(key, "size")) {
		p->has_size = true;
		return read_number(v, 10, INT64_MAX, &x->size, e);
	}
	if (word_is(key, "sha256digest"))
		return read_hash(x, v, e);
	if (word_is(key, "link"))
		return read_text(v, LISTING_PATH_MAX, &x->link, e);
	if (word_is(key, "nlink"))
		return read_u32(v, 10, LISTING_ENTRIES_MAX, &x->nlink, e);
	if (word_is(key, "tags"))
		return read_tags(x, v, e);
	if (word_is(key, "uid")) {
		x->has_owner = true;
		return read_u32(v, 10, UINT32_MAX, &x->uid, e);
	}
	if (word_is(key, "gid"))
		return read_u32(v, 10, UINT32_MAX, &x->gid, e);
	if (word_is(key, "uname"))
		return read_text(v, LISTING_NAME_MAX, &x->uname, e);
	if (word_is(key, "gname"))
		return read_text(v, LISTING_NAME_MAX, &x->gname, e);
	return err_set(e, ERR_FORMAT, "an unknown keyword");
}

static int
read_path(struct entry *x, struct word w, struct err *e)
{
	if (word_is(w, "."))
		return read_text(w, 1, &x->path, e);
	if (w.n < 3 || memcmp(w.p, "./", 2) != 0)
		return err_set(e, ERR_FORMAT, "a path that does not begin with ./");
	w.p += 2;
	w.n -= 2;
	return read_text(w, LISTING_PATH_MAX, &x->path, e);
}

/* Start the next entry: nothing known, nothing owned. */
static void
begin_entry(struct parser *p)
{
	memset(&p->entry, 0, sizeof p->entry);
	p->entry.nlink = 1;
	p->xattr_end = &p->entry.xattrs;
	p->has_type = p->has_size = false;
}

static int
read_entry(struct parser *p, struct word line, bool reduced, struct err *e)
{
	struct entry *x = &p->entry;

	if (read_path(x, next_word(&line), e) == -1)
		return -1;
	while (line.n > 0) {
		struct word value = next_word(&line), key = value;
		const char *eq = memchr(value.p, '=', value.n);

		if (eq == NULL)
			return err_set(e, ERR_FORMAT, "a word without '='");
		key.n = (size_t)(eq - key.p);
		value.p = eq + 1;
		value.n -= key.n + 1;
		if (read_keyword(p, key, value, e) == -1)
			return -1;
	}
	if (!p->has_type)
		return err_set(e, ERR_FORMAT, "an entry without type");
	if (x->type == ENTRY_FILE && (!p->has_size || (!x->has_sha256 && !reduced)))
		return err_set(e, ERR_FORMAT, "a file without size or hash");
	if (listing_take(p->list, x, e) == -1)
		return -1;
	begin_entry(p);
	return 0;
}

static int
read_xattr(struct parser *p, struct word line, struct err *e)
{
	struct word name = next_word(&line);
	struct entry_xattr *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*p->xattr_end = a;	/* whatever fails, it goes with the entry */
	p->xattr_end = &a->next;
	if ((a->name = listing_unescape(name.p, name.n, LISTING_NAME_MAX, e)) == NULL ||
	    (a->value = listing_unbase64(line.p, line.n, &a->size, e)) == NULL)
		return -1;
	return 0;
}

static int
read_line(struct parser *p, struct word line, bool reduced, struct err *e)
{
	size_t skip = sizeof LISTING_XATTR - 1;

	p->line++;
	if (line.n > skip && memcmp(line.p, LISTING_XATTR, skip) == 0) {
		line.p += skip;
		line.n -= skip;
		return read_xattr(p, line, e);
	}
	return read_entry(p, line, reduced, e);
}

static int
read_all(struct parser *p, struct word text, bool reduced, struct err *e)
{
	size_t skip = sizeof LISTING_MAGIC - 1;

	p->line = 1;
	if (text.n < skip || memcmp(text.p, LISTING_MAGIC, skip) != 0)
		return err_set(e, ERR_FORMAT, "the text does not begin with #mtree");
	text.p += skip;
	text.n -= skip;
	while (text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		struct word line = { text.p, 0 };

		if (nl == NULL)
			return err_set(e, ERR_FORMAT, "the text is cut short");
		line.n = (size_t)(nl - text.p);
		if (read_line(p, line, reduced, e) == -1)
			return -1;
		text.p = nl + 1;
		text.n -= line.n + 1;
	}
	if (p->entry.xattrs != NULL)
		return err_set(e, ERR_FORMAT, "attributes without an entry");
	return 0;
}

/* Is the text exactly what would be emitted? */
static int
check_form(const struct listing *l, struct word text, struct err *e)
{
	struct buf lines = BUF_INIT(LISTING_TEXT_MAX);
	int rc = 0;

	text.p += sizeof LISTING_MAGIC - 1;
	text.n -= sizeof LISTING_MAGIC - 1;
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		buf_reset(&lines);
		if ((rc = listing_emit_entry(&l->entries[i], true, &lines, e)) == -1)
			break;
		if (lines.len > text.n || memcmp(lines.data, text.p, lines.len) != 0) {
			rc = err_set(e, ERR_FORMAT, "%s: not in canonical form or order",
			    l->entries[i].path);
			break;
		}
		text.p += lines.len;
		text.n -= lines.len;
	}
	buf_free(&lines);
	return rc;
}

struct listing *
listing_parse(const void *text, size_t n, bool reduced, struct err *e)
{
	struct parser p = { .list = NULL };
	struct word all = { text, n };

	if (n > LISTING_TEXT_MAX) {
		(void)err_set(e, ERR_FORMAT, "listing: %zu bytes are over the limit", n);
		return NULL;
	}
	if ((p.list = listing_new(e)) == NULL)
		return NULL;
	begin_entry(&p);
	if (read_all(&p, all, reduced, e) == -1) {
		(void)err_wrap(e, "listing: line %zu", p.line);
		goto fail;
	}
	if (listing_finish(p.list, e) == -1)
		goto fail;
	if (check_form(p.list, all, e) == -1) {
		(void)err_wrap(e, "listing");
		goto fail;
	}
	return p.list;
fail:
	listing_entry_clear(&p.entry);
	listing_free(p.list);
	return NULL;
}
