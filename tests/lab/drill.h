/*
 * drill.h - an owner, a thief and three devices; what they do and say can be read.
 *
 * The owner has repo and repo.keys; the folder host is a copy that the thief may write
 * to.  Devices a and b run release 1 of stable; c is installed later.  DRILLS=FILE in
 * the environment: a line for each thing done goes to the end of FILE.
 */
#ifndef TESTS_LAB_DRILL_H
#define TESTS_LAB_DRILL_H

#include <stddef.h>
#include <stdint.h>

#include "tests/lab/thief.h"

extern struct thief thief;	/* his host is the one that devices read */

/* For cmocka; the lab is `l` of fixture.h. */
int drill_open(void **state);
int drill_close(void **state);
#define DRILL(f) cmocka_unit_test_setup_teardown(f, drill_open, drill_close)

void drill_begins(const char *what);
void drill_says(const char *who, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void owner_runs(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The repository as it is, over whatever is on the host. */
void owner_publishes(void);
/* The next release, above any number that the thief gave out. */
void owner_releases(unsigned number);

/* The file of repo.keys is his too: for mkdelta in `stolen`, and for thief_put(). */
void steals(const char *key);
const char *stolen_id(size_t i);	/* of the i-th; until the next call */
/* mkdelta, on the host and with what he stole. */
void thief_runs(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Snapshot and timestamp over what he put; version 0: the next one. */
void thief_lists_it(uint64_t version);

/* One run of the updater: its status, and words that it says (NULL: any). */
void device(const char *name, int status, const char *words);
void device_runs(const char *name, unsigned release);
/* All is well: who was attacked, who slept, who is new. */
void all_run(unsigned release);

#endif
