/*
 * listing.h - the list of a tree's entries: mtree text, and what it means.
 *
 * The text is a pure function of the tree (docs/format.md): "#mtree", then one
 * line an entry, sorted by the bytes of the path, "." first.  Its SHA-256 is the
 * identity of the tree.  libarchive's mtree reader (bsdtar) understands it.
 *
 *	#mtree
 *	. type=dir mode=0755
 *	./bin type=dir mode=0755
 *	./bin/tool type=file mode=0755 size=12 sha256digest=<64 hex>
 *	./bin/alias type=link mode=0777 link=tool
 *
 * Bytes outside 0x21..0x7e and '\\' '#' '=' are written as \ooo.  Hard links
 * carry nlink=<names in the tree> and tags=link-<n>, n counting groups in order
 * of appearance; all names of a group repeat size, mode and hash.  With owners:
 * uid= gid= uname= gname=.  Extended attributes (capabilities too) stand in
 * comment lines right before their entry: "# xattr <name> <base64>", sorted; an
 * empty value leaves out the last blank and the base64.
 *
 * Parsers take memory, never paths.  Everything is bounded: 1,000,000 entries,
 * 256 MiB of text, path of 4095 bytes, component of 255 bytes.
 */
#ifndef MANIFEST_LISTING_H
#define MANIFEST_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/base/hash.h"

#define LISTING_TEXT_MAX ((size_t)256 << 20)
#define LISTING_ENTRIES_MAX 1000000u

enum entry_type { ENTRY_DIR, ENTRY_FILE, ENTRY_LINK };

struct entry_xattr {
	char *name;
	uint8_t *value;
	size_t size;
	struct entry_xattr *next;	/* sorted by name */
};

struct entry {
	char *path;		/* "." or "bin/tool": a rel path as in fs.h, raw bytes */
	enum entry_type type;
	uint32_t mode;		/* 07777 bits */
	uint64_t size;		/* files */
	bool has_sha256;	/* false only in reduced listings */
	struct sha256 sha256;	/* files */
	char *link;		/* symlinks: the target, raw bytes */
	uint32_t group;		/* hard links: number of the group, 0 none */
	uint32_t nlink;		/* names in the group, 1 otherwise */
	bool has_owner;
	uint32_t uid, gid;
	char *uname, *gname;	/* NULL: none */
	struct entry_xattr *xattrs;
};

struct listing {
	struct entry *entries;	/* sorted by path bytes, "." first */
	size_t n;
	uint64_t content_bytes;	/* sum of file sizes, a hard link group once */
	size_t files;		/* regular files, a group once */
	struct listing_index *index;	/* private to listing*.c */
};

/* `reduced`: file entries may lack sha256digest.  Refused with ERR_FORMAT:
 * unsafe paths, wrong order, duplicates, an entry whose parent is no folder,
 * unknown types, a text that is not what listing_emit() would write. */
struct listing *listing_parse(const void *text, size_t n, bool reduced, struct err *);
void listing_free(struct listing *);

/* An empty one; entries are appended in any order (fields are copied), then
 * listing_finish() sorts, numbers hard link groups, counts and checks. */
struct listing *listing_new(struct err *);
int listing_add(struct listing *, const struct entry *, struct err *);
int listing_finish(struct listing *, struct err *);

int listing_emit(const struct listing *, struct buf *out, struct err *);
int listing_id(const struct listing *, struct sha256 *, struct err *);

/* Index of a path, -1 when not there. */
long listing_find(const struct listing *, const char *path);
/* Index of the first file with this content, -1.  Builds an index at first use
 * (not thread-safe then: call listing_index() before sharing it). */
long listing_find_content(const struct listing *, const struct sha256 *, uint64_t size);
int listing_index(struct listing *, struct err *);

bool
entry_same_meta(const struct entry *, const struct entry *); /* mode, owner, xattrs */
/* The first name of the hard link group of entry i; i itself when it is that, or
 * in none. */
size_t listing_group_first(const struct listing *, size_t i);

/*
 * Reduced listings, as they travel in deltas: the listing `to` without the
 * hashes of those files whose content `from` does not have; the decoder computes
 * these.  What a delta has to build are the files without hash, first name of a
 * group only, in listing order: its outputs.
 */
int listing_emit_reduced(const struct listing *to, const struct listing *from,
    struct buf *out, struct err *);
/* Indexes of the outputs into out[] (room for n).  Returns how many. */
size_t listing_outputs(const struct listing *reduced, size_t *out);
/* Give entry i, and all names of its group, the hash. */
void listing_set_hash(struct listing *, size_t i, const struct sha256 *);

#endif
