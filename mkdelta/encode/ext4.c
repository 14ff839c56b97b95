#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "mkdelta/encode/ext4.h"

enum {
	SUPER = 1024, SUPER_BYTES = 1024,	/* the superblock */
	MAGIC_AT = SUPER + 56,
	STEP = 512,
	REGULAR = 0x8000, TYPES = 0xf000,	/* of i_mode */
	BY_EXTENTS = 0x80000,			/* of i_flags */
	WIDE = 0x80, META_GROUPS = 0x10,	/* of s_feature_incompat */
	EXTENT_MAGIC = 0xf30a, EXTENT_DEPTH = 5, EXTENT_LONGEST = 32768,
	PIECES = 65536,				/* of a file */
	SMALLEST = 2048
};

#define LARGEST ((uint64_t)1 << 29)

struct fs {
	const uint8_t *data;
	size_t n;
	uint64_t block;			/* bytes */
	uint64_t inodes, per_group, inode_bytes, descriptors, descriptor_bytes;
	bool wide;
};

static bool
open_fs(struct fs *f, const uint8_t *data, size_t n)
{
	const uint8_t *s = data + SUPER;
	uint32_t incompatible;

	if (n < SUPER + SUPER_BYTES || le16_load(data + MAGIC_AT) != 0xef53 ||
	    le32_load(s + 24) > 6)
		return false;
	incompatible = le32_load(s + 96);
	*f = (struct fs){ .data = data, .n = n,
		.block = (uint64_t)1024 << le32_load(s + 24),
		.inodes = le32_load(s), .per_group = le32_load(s + 40),
		.inode_bytes = le16_load(s + 88), .wide = (incompatible & WIDE) != 0 };
	f->descriptors = (le32_load(s + 20) + 1) * f->block;
	f->descriptor_bytes = f->wide ? le16_load(s + 254) : 32;
	return f->per_group > 0 && f->inode_bytes >= 128 && f->descriptor_bytes >= 32 &&
	    (!f->wide || f->descriptor_bytes >= 64) && le32_load(s + 20) <= 1 &&
	    (incompatible & META_GROUPS) == 0;
}

static uint64_t
fs_bytes(const struct fs *f)
{
	uint64_t blocks = le32_load(f->data + SUPER + 4);

	if (f->wide)
		blocks |= (uint64_t)le32_load(f->data + SUPER + 336) << 32;
	return blocks > f->n / f->block ? f->n : blocks * f->block;
}

size_t
ext4_next(const uint8_t *data, size_t from, size_t n, uint64_t *bytes)
{
	struct fs f;

	for (size_t at = from; at < n; at += STEP)
		if (open_fs(&f, data + at, n - at) && (*bytes = fs_bytes(&f)) > SUPER)
			return at;
	*bytes = 0;
	return n;
}

/* ---- a file ---- */

struct file {
	struct stretch list[PIECES];
	size_t n;
	uint64_t bytes;
};

/* Blocks of a file, as far as they are in it; behind those before. */
static bool
add_blocks(const struct fs *f, struct file *to, uint64_t in, uint64_t blocks, uint64_t at)
{
	uint64_t bytes;

	in *= f->block;
	if (at > f->n / f->block || in >= to->bytes)
		return in >= to->bytes;
	at *= f->block;
	bytes = blocks * f->block;
	bytes = bytes < to->bytes - in ? bytes : to->bytes - in;
	if (bytes > f->n - at || to->n == PIECES)
		return false;
	if (to->n > 0) {
		struct stretch *last = &to->list[to->n - 1];

		if (last->joined_at + last->bytes > in)
			return false;
		if (last->joined_at + last->bytes == in && last->at + last->bytes == at) {
			last->bytes += bytes;
			return true;
		}
	}
	to->list[to->n++] = (struct stretch){ at, bytes, in };
	return true;
}

/* A node of the tree of extents, n bytes. */
static bool
add_extents(const struct fs *f, const uint8_t *node, size_t n, unsigned depth,
    struct file *to)
{
	unsigned entries = le16_load(node + 2);

	if (le16_load(node) != EXTENT_MAGIC || le16_load(node + 6) != depth ||
	    depth > EXTENT_DEPTH || 12 + 12 * (size_t)entries > n)
		return false;
	for (unsigned i = 0; i < entries; i++) {
		const uint8_t *p = node + 12 + 12 * (size_t)i;
		uint64_t at;

		if (depth == 0) {
			at = le32_load(p + 8) | (uint64_t)le16_load(p + 6) << 32;
			if (le16_load(p + 4) <= EXTENT_LONGEST &&
			    !add_blocks(f, to, le32_load(p), le16_load(p + 4), at))
				return false;
			continue;
		}
		at = le32_load(p + 4) | (uint64_t)le16_load(p + 8) << 32;
		if (at >= f->n / f->block || !add_extents(f, f->data + at * f->block,
		    (size_t)f->block, depth - 1, to))
			return false;
	}
	return true;
}

static bool
read_inode(const struct fs *f, const uint8_t *inode, struct file *to)
{
	to->n = 0;
	to->bytes = le32_load(inode + 4) | (uint64_t)le32_load(inode + 108) << 32;
	if ((le16_load(inode) & TYPES) != REGULAR || to->bytes < SMALLEST ||
	    to->bytes > LARGEST || (le32_load(inode + 32) & BY_EXTENTS) == 0)
		return false;
	return add_extents(f, inode + 40, 60, le16_load(inode + 46), to) && to->n > 0;
}

/* ---- all files ---- */

static const uint8_t *
find_inode(const struct fs *f, uint64_t number)
{
	uint64_t group = number / f->per_group, at = f->descriptors +
	    group * f->descriptor_bytes, table;

	if (at > f->n - f->descriptor_bytes)
		return NULL;
	table = le32_load(f->data + at + 8);
	if (f->wide)
		table |= (uint64_t)le32_load(f->data + at + 40) << 32;
	if (table >= f->n / f->block)
		return NULL;
	at = table * f->block + number % f->per_group * f->inode_bytes;
	return at > f->n - f->inode_bytes ? NULL : f->data + at;
}

static int
compare(const void *pa, const void *pb)
{
	const struct stretch *a = pa, *b = pb;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Two files may claim the same blocks in a filesystem that lies: then none is true.
 * 1: no byte belongs to two of the places from `first` on. */
static int
disjoint(const struct image_places *p, size_t first, struct err *e)
{
	struct stretch *all;
	size_t n = 0, k = 0;
	int fine = 1;

	for (size_t i = first; i < p->n; i++)
		n += p->list[i].n_pieces;
	if ((all = calloc(n + 1, sizeof *all)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	for (size_t i = first; i < p->n; i++)
		for (size_t j = 0; j < p->list[i].n_pieces; j++)
			all[k++] = p->list[i].pieces[j];
	if (n > 0)
		qsort(all, n, sizeof *all, compare);
	for (size_t i = 1; i < n; i++)
		if (all[i].at - all[i - 1].at < all[i - 1].bytes)
			fine = 0;
	free(all);
	return fine;
}

static int
read_all(const struct fs *f, uint64_t at, struct file *file, struct image_places *out,
    struct err *e)
{
	size_t first = out->n;
	int fine;

	for (uint64_t i = 0; i < f->inodes; i++) {
		const uint8_t *inode = find_inode(f, i);

		if (inode == NULL)
			break;
		if (!read_inode(f, inode, file))
			continue;
		for (size_t k = 0; k < file->n; k++)
			file->list[k].at += at;
		if (image_places_offer(f->data - at, file->bytes, file->list,
		    file->n, out, e) == -1)
			return -1;
	}
	if ((fine = disjoint(out, first, e)) == 0)
		for (; out->n > first; out->n--)
			free(out->list[out->n - 1].pieces);
	return fine == -1 ? -1 : 0;
}

int
ext4_images(const uint8_t *data, size_t n, uint64_t at, struct image_places *out,
    struct err *e)
{
	struct file *file;
	struct fs f;
	int rc;

	if (!open_fs(&f, data, n))
		return 0;
	if ((file = malloc(sizeof *file)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	rc = read_all(&f, at, file, out, e);
	free(file);
	return rc;
}
