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
#include "manifest/listing.h"
#include "manifest/record.h"
#include "mkdelta/edges.h"
#include "mkdelta/ingest.h"
#include "mkdelta/keys.h"
#include "mkdelta/repo.h"

enum { RELEASE_TREES_MAX = 32, RELEASE_TEMP_MAX = 96 };

struct release_want {		/* the command line; NULL and 0: not said */
	const char *channel, *platform, *number, *version, *notes, *keys;
	bool require_clean, force, allow_root_key, owners, xattrs;
	uint32_t jobs;
	uint64_t memory_bytes;
	uint32_t effort;	/* 0: the default */
};

struct release_delta {
	const struct record *from;	/* in the tree's catalog `old` */
	struct edge edge;
	char temp[RELEASE_TEMP_MAX];	/* in REPO_WORK */
	bool kept;
	uint64_t instead_bytes;		/* dropped: what the other way costs */
};

struct release_tree {
	char platform[NAME_MAX_PLATFORM + 1];
	const char *path;		/* as the user wrote it */
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
 * r->number already.  ERR_POLICY, ERR_USAGE: refused, and why. */
int release_decide(struct release *, struct err *);

int release_make(struct release *, struct err *);
/* The deltas of all trees; part of release_make(). */
int release_deltas(struct release *, struct err *);
int release_publish(struct release *, const struct keys *, struct err *);

/* Bytes that a device on `from` (NULL: nothing) downloads for the new tree, over all
 * that is offered after this release; UINT64_MAX when there is no way. */
uint64_t release_cost(const struct release_tree *, const struct record *from);

void release_clear(struct release *);

#endif
