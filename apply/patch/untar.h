/*
 * untar.h - the entries of the full artifact, one by one; libarchive behind.
 *
 * Only file contents are taken from it: types, modes, links and owners come from
 * the signed listing.  Input is the tar.zst, read through zread.h.
 */
#ifndef APPLY_PATCH_UNTAR_H
#define APPLY_PATCH_UNTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct untar;

struct untar_entry {
	const char *path;	/* as in a listing ("bin/tool"); borrowed until next */
	bool is_file;		/* a regular file that carries its content here */
	uint64_t size;
};

/* The whole file fd (borrowed); what it unpacks to is no longer than plain_max. */
struct untar *untar_open(int fd, uint64_t bytes, uint64_t plain_max, struct err *);
/* 1 an entry, 0 the end, -1 ERR_FORMAT. */
int untar_next(struct untar *, struct untar_entry *, struct err *);
/* Content of the current file, holes as zeros; *got 0 at its end. */
int untar_read(struct untar *, void *out, size_t n, size_t *got, struct err *);
void untar_close(struct untar *);

#endif
