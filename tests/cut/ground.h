/*
 * ground.h - a folder, a small program in a child of its own that is cut, and a
 * look at what a new boot would find: for the tests of the rig itself.
 */
#ifndef TESTS_CUT_GROUND_H
#define TESTS_CUT_GROUND_H

#include "manifest/base/err.h"

#include "tests/cut/cut.h"

enum { NEVER = 100000, DONE = 7 };	/* beyond every call; status of who ended */

extern char cut_stash[300];
extern int dir;			/* where programs work */
extern struct err e;

int cut_setup(void **state);
int cut_teardown(void **state);

/* For programs: a failure ends the child.  put() is careless, nothing synced. */
void ok(int rc);
void put(const char *name, const char *text);
void sync_file(const char *name);
void sync_dir(const char *name);
/* There beforehand, and durable: nothing counts yet. */
void given(const char *name, const char *text);

int run_cut(const struct cut *, void (*program)(void));
/* The program ends, and then the power fails. */
void lose(void (*program)(void));

char *text_of(const char *name);	/* NULL: absent; until the next call */
void expect(const char *name, const char *text);
void expect_absent(const char *name);

#define CUT_CASE(f) cmocka_unit_test_setup_teardown(f, cut_setup, cut_teardown)

#endif
