/*
 * audit.h - everything that a repository offers, really looked at: each object's
 * presence, size and hash; each full unpacked and compared with its listing; each
 * delta applied by the device's decoder and compared.
 */
#ifndef MKDELTA_AUDIT_H
#define MKDELTA_AUDIT_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "mkdelta/repo.h"

struct audit {
	uint64_t releases, objects, bytes;	/* looked at */
	uint64_t fulls, deltas;			/* proved */
	uint64_t unproved;			/* paths behind a named fault */
	uint64_t faults;			/* each said on standard error */
	uint64_t ignored;			/* entries this program does not know */
	struct jv *messages;			/* of the faults: list of text, owned */
};

/* 0 when all could be looked at, whatever was found; -1 when that failed. */
int audit_run(const struct repo *, unsigned jobs, struct audit *, struct err *);
void audit_clear(struct audit *);

#endif
