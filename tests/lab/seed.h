/*
 * seed.h - chance that can be repeated: SEED=N in the environment, else another one
 * each time.  A test that fails says which it was, and what was tried last.
 */
#ifndef TESTS_LAB_SEED_H
#define TESTS_LAB_SEED_H

#include <stdint.h>

/* First of all in main(): reads SEED or makes one up, and has it told at the end of a
 * process that failed. */
void seed_start(void);
uint64_t seed_next(void);
uint64_t seed_below(uint64_t n);	/* 0 to n - 1; n is not 0 */
/* What is tried now. */
void seed_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
