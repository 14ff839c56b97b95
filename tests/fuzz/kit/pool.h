/*
 * pool.h - large blocks are kept from one run to the next, in FAST builds (pool.c).
 */
#ifndef TESTS_FUZZ_KIT_POOL_H
#define TESTS_FUZZ_KIT_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* Called, if set, with what is taken and (below 0) given back: the allocator's hooks do
 * not see it. */
extern void (*pool_changed)(int64_t bytes);
/* The pool itself takes memory just now. */
extern bool pool_grows;

#endif
