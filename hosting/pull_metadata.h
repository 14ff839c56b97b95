/*
 * pull_metadata.h - what pull.c does with metadata: is this folder's line the host's,
 * and the files themselves.
 */
#ifndef HOSTING_PULL_METADATA_H
#define HOSTING_PULL_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "hosting/site.h"
#include "hosting/view.h"

/* What the TUF client trusts, and objects on their way; 0700. */
#define PULL_FOLDER ".pull"

/* REPO/.pull, where the client trusts at least what the repository begins with. */
int pull_open_folder(int repo, const struct view_trust *, struct err *);

/* ERR_POLICY: the repository holds a state that the host never had.  *current: it
 * has this very timestamp. */
int pull_same_line(const struct site *, int repo, const struct view *, bool *current,
    struct err *);

/* Every root, the roles in force, names that are taken, snapshot; timestamp last. */
int pull_metadata(const struct site *, int repo, const struct view *,
    uint64_t *unnamed, struct err *);

/* Parts of objects that runs before this one left. */
int pull_forget_parts(int repo, struct err *);

#endif
