/*
 * release.h - trees become one numbered release of a channel.
 *
 *	release_input    words and options become trees with listings
 *	release_decide   number, version, time; or: it is released already
 *	release_make     full, listing, notes and proved deltas as files in REPO_WORK
 *	release_publish  they get their names, the roles list them, all is signed
 *
 * Nothing that a reader sees changes before release_publish().
 */
#ifndef MKDELTA_RELEASE_H
#define MKDELTA_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/opt.h"
#include "manifest/listing.h"
#include "manifest/record.h"
#include "manifest/edges.h"
#include "mkdelta/ingest.h"
#include "mkdelta/keys.h"
#include "mkdelta/repo.h"

enum { RELEASE_TREES_MAX = 32, RELEASE_TEMP_MAX = 96 };

struct release_says {		/* to devices; NULL and 0: not said */
	uint64_t requires_release, requires_schema, schema, reads, attempt;
	const char *requires_applier, *data;
	struct opt_list hardware;
};

struct release_want {		/* the command line; NULL and 0: not said */
	const char *channel, *platform, *number, *version, *notes;
	struct keys_from keys;
	bool require_clean, owners, xattrs;
	uint32_t jobs;
	uint64_t memory_bytes;
	uint32_t effort;	/* 0: the default */
	uint32_t without;	/* of deltas: mask of enum without */
	struct release_says says;
};

struct release_delta {
	const struct record *from;	/* in the tree's catalog `old` */
	struct edge edge;
	char temp[RELEASE_TEMP_MAX];	/* in REPO_WORK */
	bool elsewhere;			/* another channel has it: nothing is made */
	bool kept;
	uint64_t instead_bytes;		/* dropped: what the other way costs */
};

struct release_tree {
	char platform[NAME_MAX_PLATFORM + 1];
	const char *path;		/* as the user wrote it */
	const struct repo_role *promoted;	/* the role that has it, NULL: new */
	struct ingest in;
	struct listing *listing;
	struct buf text;		/* of the listing */
	struct catalog old;		/* what the channel lists of this platform */
	struct record record;
	struct edge full;
	char tree_temp[RELEASE_TEMP_MAX], full_temp[RELEASE_TEMP_MAX];
	char notes_temp[RELEASE_TEMP_MAX];
	struct object notes;
	struct release_delta deltas[EDGES_MAX];
	size_t n_deltas;
};

struct release {
	const struct release_want *want;
	struct repo *repo;
	struct release_tree trees[RELEASE_TREES_MAX];
	size_t n;
	uint64_t number;
	char version[NAME_MAX_VERSION + 1];
	bool version_given;		/* by option or VERSION file */
	char commit[65];
	int64_t created;
	struct buf notes;		/* empty: none */
};

/* The words behind REPO: one tree, or PLATFORM=TREE...  Only names are checked. */
int release_words(struct release *, int n, char **words, struct err *);
/* Read the trees, the notes, the VERSION file, git's commit.  keys_path: what must
 * not be inside a tree, as the repository. */
int release_input(struct release *, const char *keys_path, struct err *);

/* 1: go on, number, version and created are set.  0: these trees are release
 * r->number already.  2: they are, and only a higher attempt is to be signed.
 * ERR_POLICY, ERR_USAGE: refused, and why. */
int release_decide(struct release *, struct err *);

/* Do the options make sense?  ERR_USAGE says which does not. */
int release_says_check(const struct release_says *, struct err *);
/* ERR_POLICY when no device could fulfil --requires-release by an update. */
int release_says_reachable(const struct release *, struct err *);
int release_says_fill(const struct release_says *, struct record *, struct err *);
/* Of r->number, which stands already: 0 nothing given differs from it, 1 only the
 * attempt is higher, ERR_POLICY. */
int release_says_compare(const struct release *, struct err *);
int release_raise_attempt(struct release *, const struct keys *, struct err *);

int release_make(struct release *, struct err *);
/* The deltas of all trees; part of release_make(). */
int release_deltas(struct release *, struct err *);
int release_publish(struct release *, const struct keys *, struct err *);

/* Bytes that a device on `from` (NULL: nothing) downloads for the new tree, over all
 * that is offered after this release; UINT64_MAX when there is no way. */
uint64_t release_cost(const struct release_tree *, const struct record *from);

struct release *release_new(struct repo *, const struct release_want *, struct err *);
void release_free(struct release *);		/* NULL is fine */
void release_drop_last(struct release *);	/* the last of the trees */

#endif
