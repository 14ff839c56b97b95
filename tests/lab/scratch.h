/*
 * scratch.h - an empty folder for each unit test, as cmocka's setup and
 * teardown: cmocka_unit_test_setup_teardown(fact, scratch_open, scratch_close).
 */
#ifndef TESTS_LAB_SCRATCH_H
#define TESTS_LAB_SCRATCH_H

#include <sys/types.h>

#include <stdbool.h>

struct scratch {
	int dir;		/* the folder, open */
	char path[256];
};

int scratch_open(void **state);
int scratch_close(void **state);

/* By plain system calls, not by the code under test; any failure fails the test. */
void scratch_file(const struct scratch *, const char *rel, const char *text);
void scratch_dir(const struct scratch *, const char *rel);
void scratch_link(const struct scratch *, const char *target, const char *rel);
bool scratch_holds(const struct scratch *, const char *rel, const char *text);
bool scratch_exists(const struct scratch *, const char *rel);
mode_t scratch_mode(const struct scratch *, const char *rel);	/* 07777 of lstat */
int scratch_count(const struct scratch *, const char *rel);	/* entries */

#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_open, scratch_close)

#endif
