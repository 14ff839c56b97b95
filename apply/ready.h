/*
 * ready.h - does releases/N stand there, complete?
 */
#ifndef APPLY_READY_H
#define APPLY_READY_H

#include "manifest/base/err.h"
#include "manifest/record.h"

#include "apply/device.h"
#include "apply/verify.h"

/* The tree open as `tree` has this record and is its listing: 1; 0 when not, the
 * report (cleared by the caller) or *why says what is wrong; -1 when that cannot
 * be found out. */
int ready_tree(int tree, const struct record *, const struct conf *,
    struct verify_report *, struct err *why);
/* The same for releases/N of the record: 1, 0, -1. */
int ready_release(const struct device *, const struct record *, struct err *);

#endif
