/*
 * cut.h - the process dies at its n-th change of the disk.
 *
 * Linked with DISK_WRAP of tests.mk the calls listed in fs_change.h come here
 * first.  Each is counted; right before the n-th the process ends by _exit(137).
 *
 *	kill	what was changed so far stays: the page cache survives
 *	power	what was not made durable by fsync or syncfs is lost as well:
 *		bytes, sizes, modes and owners since the last sync of that inode, and
 *		names since the last sync of their folder
 *
 * The disk of power mode is a strict one with a journal: a new file's name
 * needs the sync of its folder, a new folder's that of its parent; a rename
 * between two folders is whole, durable by the sync of either, and takes with it
 * what happened in both before.  With a seed, some of what was not synced is
 * kept: names and modes up to a random moment (a commit of the journal), and of
 * each file's bytes all, none, or a part with zeros where the rest would be.
 *
 * Syncs do not reach the real disk.  Calls of other processes (children), and
 * on the standard streams and what is neither file, folder nor link, pass
 * uncounted.
 */
#ifndef TESTS_CUT_CUT_H
#define TESTS_CUT_CUT_H

#include <stdbool.h>

enum { CUT_STATUS = 137, CUT_BROKEN = 98 };	/* 98: the rig itself failed */

struct cut {
	unsigned at;		/* 0: never.  Beyond the last: when the process ends,
				 * and then its own exit status stays */
	bool power;
	unsigned seed;		/* 0: all that was not synced is lost */
	const char *stash;	/* power: a folder on the same filesystem, which
				 * nobody else looks into */
	const char *log;	/* a line for each call, NULL none */
	const char *keep;	/* this file is copied to keep_as in the moment of the */
	const char *keep_as;	/* end, before anything is lost; NULL none */
	const char *drop;	/* "fsync:SUFFIX" (of the path) or "syncfs": these syncs
				 * do nothing; NULL none */
};

/* From here on calls count.  Once a process; what it points to stays valid. */
void cut_start(const struct cut *);
unsigned cut_count(void);

#endif
