/*
 * golden.h - the pairs of tests/golden/ for unit tests.
 */
#ifndef TESTS_LAB_GOLDEN_H
#define TESTS_LAB_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#include "tests/lab/scratch.h"

/* The file `path` of tests/golden/NAME.tar.xz; owned. */
uint8_t *golden_read(const char *name, const char *path, size_t *n);
/* Both sides of `file` as old/as and new/as in the scratch folder. */
void golden_put(const struct scratch *, const char *name, const char *file,
    const char *as);

#endif
