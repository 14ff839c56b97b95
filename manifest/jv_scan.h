/*
 * jv_scan.h - bounds on JSON text before a parser allocates for it.
 *
 * A few bytes of text can cost a tree of values a hundred times their size in
 * memory, and nesting costs stack; so both are counted first, without memory.
 */
#ifndef MANIFEST_JV_SCAN_H
#define MANIFEST_JV_SCAN_H

#include <stddef.h>

#include "manifest/base/err.h"

enum { JV_DEPTH_MAX = 32, JV_VALUES_MAX = 100000 };

/* 0, or ERR_FORMAT when the n bytes nest deeper or hold more values than that.
 * Says nothing on whether they are JSON: the parser does. */
int jv_scan(const void *data, size_t n, struct err *);

#endif
