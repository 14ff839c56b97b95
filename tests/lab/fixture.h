/*
 * fixture.h - the labs of a flow test as cmocka opens and closes them.
 *
 *	static int open_master(void **state) { master = lab_open(); ... }
 *	static int open_lab(void **state) { l = lab_open(); ... }
 *	... FLOW(a_fact), FLOW(another) ...
 *	cmocka_run_group_tests_name("name", tests, open_master, close_master);
 *
 * A program defines the setups; what they opened is closed here.
 */
#ifndef TESTS_LAB_FIXTURE_H
#define TESTS_LAB_FIXTURE_H

#include "tests/lab/lab.h"

extern struct lab *master;	/* made once; tests copy from it */
extern struct lab *l;		/* the test's own */

int close_master(void **state);
int close_lab(void **state);

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

#endif
