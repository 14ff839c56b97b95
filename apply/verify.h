/*
 * verify.h - is a tree on the disk exactly what its listing says?
 *
 * Every entry: type, mode, size, content, link target, hard links, owner and
 * attributes where the listing has them; nothing extra, nothing missing.  Times
 * are ignored.  What belongs to the device is left out: .delta/ (but not its
 * listed hooks) and persist paths, as the tree notes them or `conf` names them
 * (conf may be NULL).  Nothing is followed, nothing is changed.
 */
#ifndef APPLY_VERIFY_H
#define APPLY_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/conf.h"

enum verify_what {
	VERIFY_MISSING, VERIFY_EXTRA, VERIFY_TYPE, VERIFY_MODE, VERIFY_OWNER,
	VERIFY_SIZE, VERIFY_CONTENT, VERIFY_TARGET, VERIFY_LINKS, VERIFY_XATTR,
	VERIFY_UNREADABLE
};

struct verify_difference {
	enum verify_what what;
	char *path;		/* owned, raw bytes: print through log.h */
	char text[160];		/* printable: "mode 0644 instead of 0755" */
};

enum { VERIFY_REPORT_MAX = 1000 };

struct verify_report {
	struct verify_difference *items;	/* the first VERIFY_REPORT_MAX */
	size_t n;
	uint64_t total;		/* differences, 0: the tree is its listing */
	uint64_t files, bytes;	/* hashed */
};

/* 0 when it could be looked at, whatever was found; -1 only for what makes
 * looking impossible (ERR_IO, ERR_NOMEM, ERR_CANCEL).  The report starts empty
 * and is the caller's to clear in any case. */
int verify_tree(int tree, const struct listing *, const struct conf *,
    struct verify_report *, struct err *);
void verify_report_clear(struct verify_report *);
/* A stable word: "missing", "extra", "mode"... */
const char *verify_word(enum verify_what);
/* ERR_TRUST with the first difference and how many more there are, "what" in
 * front ("releases/42"); 0 when there is none. */
int verify_report_err(const struct verify_report *, const char *what, struct err *);

#endif
