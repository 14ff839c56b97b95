/*
 * check.h - is the tree of a release still what its listing says?
 *
 * The tree's own .delta/ has record and listing, bound to each other by hash.
 * What an application added (caches, logs) does not count against it: nothing
 * listed is lost by it.
 */
#ifndef APPLY_CHECK_H
#define APPLY_CHECK_H

#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/device.h"

enum check_end {
	CHECK_SAME,
	CHECK_DIFFERS,		/* err names the first difference */
	CHECK_UNKNOWN,		/* no record: a tree that nobody made from a release */
	CHECK_ERROR		/* could not be looked at */
};
enum check_end check_release(const struct device *, uint64_t release, struct err *);

/* Put right what differs in `release` with files of the same content from
 * `other` (0: none); each file is replaced by one rename.  Then as
 * check_release().  Durable. */
enum check_end check_repair(const struct device *, uint64_t release, uint64_t other,
    struct err *);

#endif
