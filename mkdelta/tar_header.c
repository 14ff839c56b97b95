#include <stdio.h>
#include <string.h>

#include "mkdelta/tar_header.h"

/* Where the fields of a ustar header are. */
enum {
	AT_NAME = 0, NAME_BYTES = 100,
	AT_MODE = 100, AT_UID = 108, AT_GID = 116, SMALL_BYTES = 8,
	AT_SIZE = 124, AT_MTIME = 136, LARGE_BYTES = 12,
	AT_SUM = 148, AT_TYPE = 156,
	AT_LINK = 157, LINK_BYTES = 100,
	AT_MAGIC = 257, AT_MAJOR = 329, AT_MINOR = 337,
	AT_PREFIX = 345, PREFIX_BYTES = 155
};

#define SMALL_MAX 07777777u
#define LARGE_MAX 077777777777u

struct fields {
	const char *path;		/* folders end in '/' */
	const char *link;		/* "" none */
	char type;
	uint32_t mode;
	uint64_t uid, gid, size;
};

/* An octal number with leading zeros and a NUL; 0 where it does not fit, as the
 * extended header then says it. */
static void
put_octal(uint8_t *field, size_t bytes, uint64_t v, uint64_t max)
{
	if (v > max)
		v = 0;
	field[--bytes] = '\0';
	while (bytes > 0) {
		field[--bytes] = (uint8_t)('0' + (v & 7));
		v >>= 3;
	}
}

/* As much as fits; a NUL behind is there only where there is room. */
static void
put_text(uint8_t *field, size_t bytes, const char *text)
{
	for (size_t i = 0; i < bytes && text[i] != '\0'; i++)
		field[i] = (uint8_t)text[i];
}

/* How many bytes of the path go to `prefix`; 0: none are needed.  -1: the path
 * does not fit. */
static long
split_at(const char *path)
{
	size_t n = strlen(path);

	if (n <= NAME_BYTES)
		return 0;
	for (size_t i = 1; i <= PREFIX_BYTES && i + 1 < n; i++)
		if (path[i] == '/' && n - i - 1 <= NAME_BYTES)
			return (long)i;
	return -1;
}

static int
put_header(struct buf *out, const struct fields *f, struct err *e)
{
	uint8_t h[TAR_BLOCK] = { 0 };
	long split = split_at(f->path);
	const char *name = f->path;
	unsigned sum = 0;

	if (split > 0) {
		put_text(h + AT_PREFIX, (size_t)split, f->path);
		name += split + 1;
	}
	put_text(h + AT_NAME, NAME_BYTES, name);
	put_octal(h + AT_MODE, SMALL_BYTES, f->mode, SMALL_MAX);
	put_octal(h + AT_UID, SMALL_BYTES, f->uid, SMALL_MAX);
	put_octal(h + AT_GID, SMALL_BYTES, f->gid, SMALL_MAX);
	put_octal(h + AT_SIZE, LARGE_BYTES, f->size, LARGE_MAX);
	put_octal(h + AT_MTIME, LARGE_BYTES, 0, LARGE_MAX);
	h[AT_TYPE] = (uint8_t)f->type;
	put_text(h + AT_LINK, LINK_BYTES, f->link);
	memcpy(h + AT_MAGIC, "ustar\0" "00", 8);
	put_octal(h + AT_MAJOR, SMALL_BYTES, 0, SMALL_MAX);
	put_octal(h + AT_MINOR, SMALL_BYTES, 0, SMALL_MAX);
	memset(h + AT_SUM, ' ', SMALL_BYTES);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += h[i];
	put_octal(h + AT_SUM, SMALL_BYTES - 1, sum, SMALL_MAX);	/* then a blank */
	return buf_add(out, h, sizeof h, e);
}

/* "<length> key=value\n", whose length counts its own digits. */
static int
put_record(struct buf *out, const char *key, const char *value, struct err *e)
{
	size_t rest = strlen(key) + strlen(value) + 3, n = rest, before;

	do {
		before = n;
		n = rest + (size_t)snprintf(NULL, 0, "%zu", before);
	} while (n != before);
	return buf_addf(out, e, "%zu %s=%s\n", n, key, value);
}

static int
put_number(struct buf *out, const char *key, uint64_t v, uint64_t max, struct err *e)
{
	char text[24];

	if (v <= max)
		return 0;
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	return put_record(out, key, text, e);
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7e)
			return false;
	return true;
}

/* What ustar has no room for.  Names in it are said to be bytes when they are not
 * ASCII, so that no reader converts them. */
static int
put_records(struct buf *out, const struct fields *f, struct err *e)
{
	bool long_path = split_at(f->path) == -1;
	bool long_link = strlen(f->link) > LINK_BYTES;

	if (((long_path && !is_ascii(f->path)) || (long_link && !is_ascii(f->link))) &&
	    put_record(out, "hdrcharset", "BINARY", e) == -1)
		return -1;
	if (long_path && put_record(out, "path", f->path, e) == -1)
		return -1;
	if (long_link && put_record(out, "linkpath", f->link, e) == -1)
		return -1;
	if (put_number(out, "size", f->size, LARGE_MAX, e) == -1 ||
	    put_number(out, "uid", f->uid, SMALL_MAX, e) == -1)
		return -1;
	return put_number(out, "gid", f->gid, SMALL_MAX, e);
}

static int
put_extended(struct buf *out, size_t i, const struct buf *records, struct err *e)
{
	static const uint8_t zeros[TAR_BLOCK];
	char name[64];
	struct fields f = { name, "", 'x', 0644, 0, 0, records->len };
	size_t pad = (TAR_BLOCK - records->len % TAR_BLOCK) % TAR_BLOCK;

	(void)snprintf(name, sizeof name, "./PaxHeaders/%zu", i);
	if (put_header(out, &f, e) == -1 ||
	    buf_add(out, records->data, records->len, e) == -1)
		return -1;
	return buf_add(out, zeros, pad, e);
}

static void
fill_fields(struct fields *f, const struct listing *l, size_t i, bool owners)
{
	const struct entry *x = &l->entries[i];
	size_t first = listing_group_first(l, i);

	f->mode = x->mode;
	f->uid = owners && x->has_owner ? x->uid : 0;
	f->gid = owners && x->has_owner ? x->gid : 0;
	if (x->type == ENTRY_DIR) {
		f->type = '5';
	} else if (x->type == ENTRY_LINK) {
		f->type = '2';
		f->link = x->link;
	} else if (first != i) {
		f->type = '1';
		f->link = l->entries[first].path;
	} else {
		f->type = '0';
		f->size = x->size;
	}
}

int
tar_header(struct buf *out, const struct listing *l, size_t i, bool owners, struct err *e)
{
	struct buf path = BUF_INIT(8192), records = BUF_INIT(32768);
	struct fields f = { NULL, "", '0', 0, 0, 0, 0 };
	int rc = -1;

	fill_fields(&f, l, i, owners);
	if (buf_add_text(&path, l->entries[i].path, e) == -1 ||
	    (f.type == '5' && buf_add_byte(&path, '/', e) == -1))
		goto out;
	f.path = buf_text(&path);
	if (put_records(&records, &f, e) == -1 ||
	    (records.len > 0 && put_extended(out, i, &records, e) == -1))
		goto out;
	rc = put_header(out, &f, e);
out:
	buf_free(&path);
	buf_free(&records);
	return rc;
}
