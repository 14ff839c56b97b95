/*
 * record.h - what is signed about one tree of one release, and the edges to it.
 *
 * The custom members of targets in a platform's role.  docs/metadata.md has the
 * table; unknown members are ignored, a name in `critical` that is unknown makes
 * the entry unusable.
 */
#ifndef MANIFEST_RECORD_H
#define MANIFEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/jv.h"
#include "manifest/names.h"

enum data_class { DATA_NONE, DATA_REVERSIBLE, DATA_FORWARD_ONLY };

struct object {			/* one file on the host */
	char path[NAME_MAX_PATH];
	uint64_t bytes;
	struct sha256 sha256;
};

struct record {			/* kind tree */
	uint64_t release;
	char platform[NAME_MAX_PLATFORM + 1];
	char version[NAME_MAX_VERSION + 1];
	struct sha256 listing;		/* identity of the tree */
	uint64_t listing_bytes;		/* of the text */
	uint64_t files, content_bytes;
	int64_t created;		/* seconds since 1970 */
	char commit[65];		/* git, "" none */
	uint64_t requires_release;	/* minimum running release, 0 none */
	uint64_t requires_schema;	/* data schema, 0 none */
	char requires_applier[24];	/* minimum delta-apply, "" any */
	struct jv *requires_hardware;	/* list of text, NULL any; owned */
	enum data_class data;
	uint64_t data_schema;		/* 0: says nothing */
	uint64_t data_reads;		/* lowest schema it can read */
	uint64_t attempt;		/* 0 at first */
	struct jv *needs;		/* list of text, NULL; owned */
	bool usable;			/* false: an unknown `critical` name */
	bool archived;			/* out of an archive role: on the way, no goal */
	struct object object;		/* the compressed listing on the host */
};

struct edge {			/* kind full or delta */
	bool is_full;
	uint64_t release;		/* to */
	uint64_t from_release;		/* deltas */
	struct sha256 from, to;		/* listing hashes; full: only `to` */
	uint64_t output_bytes;		/* delta: bytes it builds; full: unpacked bytes */
	uint64_t memory_bytes;		/* decoder memory */
	uint64_t scratch_bytes;
	struct jv *needs;		/* owned; NULL none */
	struct jv *frames;		/* full: {offset, bytes, sha256} of the frame
					 * index at its end; owned, NULL none */
	bool usable;
	struct object object;
};

/* Everything one platform role lists, sorted by release. */
struct catalog {
	struct record *records;
	size_t n_records;
	struct edge *edges;
	size_t n_edges;
	uint64_t ignored;		/* entries that were not understood */
};

/* From a role's signed part.  A record counts only if its release equals the
 * path's and its platform equals `platform`; an edge only if its listing hashes
 * are those of records here.  The rest is skipped and counted.  ERR_FORMAT only
 * when the part itself is no targets metadata; ERR_NOMEM. */
int catalog_read(const struct jv *signed_part, const char *platform,
    struct catalog *, struct err *);
/* The same of a role and archive roles behind it, whose records are `archived`; an
 * edge may lead from one of these parts to another. */
int catalog_read_parts(const struct jv *const *parts, size_t n, const char *platform,
    struct catalog *, struct err *);
void catalog_clear(struct catalog *);
const struct record *catalog_record(const struct catalog *, uint64_t release);
const struct record *catalog_by_listing(const struct catalog *, const struct sha256 *);
const struct edge *catalog_full(const struct catalog *, uint64_t release);

/* The custom objects for signing; owned.  NULL: ERR_NOMEM. */
struct jv *record_to_json(const struct record *, struct err *);
struct jv *edge_to_json(const struct edge *, struct err *);
/* Copies that own what they point to. */
int record_copy(struct record *, const struct record *, struct err *);
int edge_copy(struct edge *, const struct edge *, struct err *);
void record_clear(struct record *);
void edge_clear(struct edge *);

/* Is each name in `needs` one that the decoder has?  The first that is not goes to
 * *missing (borrowed). */
bool needs_met(const struct jv *needs, bool (*has)(const char *name),
    const char **missing);

#endif
