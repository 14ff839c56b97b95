/*
 * owners.h - who owns the files of a release, and what is refused.
 *
 * Trees belong to the user who runs the applier, or to `owner =`; owners that a
 * listing asks for count only with `allow = owners`.  Set-id bits, capabilities,
 * foreign owners and world-writable entries are refused unless `allow =` names
 * them.  Listings cannot say device node; builders never make one.
 */
#ifndef APPLY_OWNERS_H
#define APPLY_OWNERS_H

#include <sys/types.h>

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/conf.h"

struct owners {
	uid_t uid;		/* of entries that ask for nothing */
	gid_t gid;
	bool from_listing;	/* allow = owners, and no owner = */
	bool change;		/* uid or gid is not what new files get by themselves */
};

/* conf NULL: the running user. */
void owners_of(const struct conf *, struct owners *);
void owners_entry(const struct owners *, const struct entry *, uid_t *, gid_t *);

/* Every entry against `allow =`.  ERR_POLICY names the entry, the fact and the
 * word that would allow it. */
int owners_check(const struct listing *, const struct conf *, struct err *);
bool owners_allowed(const struct conf *, const char *word);

/* Owner, attributes and last the mode of an open file or folder. */
int owners_set_fd(const struct owners *, int fd, const struct entry *, struct err *);
int owners_set_link(const struct owners *, int dir, const struct entry *, struct err *);

#endif
