/*
 * dest.h - where a repository is published to.
 *
 *	DIR			a folder on this machine		dest_dir.c
 *	rsync:WHERE, rsync://	a folder, over ssh or to a daemon	dest_rsync.c
 *	rclone:WHERE		S3 and what else rclone reaches		dest_rclone.c
 *
 * The last two run these programs.  Credentials are theirs: configuration, agent or
 * environment, never a command line.
 *
 * publish.c knows the order; a destination knows how to put names there that were not
 * there before, and how sure it can be of that.
 */
#ifndef HOSTING_DEST_H
#define HOSTING_DEST_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "hosting/items.h"
#include "hosting/scratch.h"

#define DEST_TIMESTAMP "metadata/timestamp.json"

struct dest;

struct dest_kind {
	/* Alone from here on, where that can be had; is DEST one at all? */
	int (*lock)(struct dest *, struct err *);
	/* Every file that is there, with its size, sorted. */
	int (*list)(struct dest *, struct items *, struct err *);
	/* A small file appended to out.  ERR_ABSENT. */
	int (*read)(struct dest *, const char *path, struct buf *out, struct err *);
	/* Some items of one class, none of them there; existing names are never
	 * replaced where that can be had.  ERR_POLICY: another one was faster. */
	int (*put)(struct dest *, struct item *const *, size_t n, struct err *);
	/* Read back: are they there, with these bytes?  ERR_POLICY when not. */
	int (*check)(struct dest *, struct item *const *, size_t n, struct err *);
	/* timestamp.json, in one step for whoever reads it. */
	int (*replace)(struct dest *, const struct buf *timestamp, struct err *);
	int (*remove)(struct dest *, char *const *paths, size_t n, struct err *);
	void (*close)(struct dest *);
};

struct dest {
	const struct dest_kind *kind;
	const char *where;		/* as the user wrote it */
	const char *repo_path;
	int repo;			/* the repository's folder, borrowed */
	int dir, lock;			/* dest_dir: -1 none */
	bool remote;			/* each question costs a program's run */
	bool exclusive;			/* names are created, or it fails */
	bool asked_exclusive;		/* whether that can be had is known */
	struct scratch scratch;		/* remote: lists, copies */
};

/* dry_run: a folder that is not there is not made.  ERR_USAGE. */
int dest_open(struct dest *, const char *where, const char *repo_path, int repo,
    bool dry_run, struct err *);
void dest_close(struct dest *);

int dest_dir_open(struct dest *, bool dry_run, struct err *);
extern const struct dest_kind dest_dir, dest_rsync, dest_rclone;

/* For those that run programs: paths of items as lines of a file in scratch, whose
 * path is returned (of `out`). */
int dest_write_list(struct dest *, struct item *const *, size_t n, char out[static 4200],
    struct err *);

/* Headers of each class, as "public, max-age=..." */
const char *dest_cache_control(const char *path);

#endif
