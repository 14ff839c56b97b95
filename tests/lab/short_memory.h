/*
 * short_memory.h - the n-th request for memory of our own code is refused.
 *
 * Needs a binary linked with the calls of MEMORY_CALLS of tests.mk wrapped.  What
 * libraries ask for passes uncounted; tests/rigs/oom.c refuses that as well.
 */
#ifndef TESTS_LAB_SHORT_MEMORY_H
#define TESTS_LAB_SHORT_MEMORY_H

#include <stdbool.h>

/* The n-th request from now (1 the next) is refused, and with `ever` all after it.
 * 0: none.  Requests are counted from here, of all threads. */
void short_memory_at(unsigned n, bool ever);
unsigned short_memory_count(void);

#endif
