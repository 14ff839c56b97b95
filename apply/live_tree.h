/*
 * live_tree.h - what live.c and live_switch.c share: the link, the live tree.
 */
#ifndef APPLY_LIVE_TREE_H
#define APPLY_LIVE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/device.h"

#define LIVE_CURRENT "current"
enum { LIVE_NAME_MAX = 40 };

/* "releases/42" */
const char *live_target(uint64_t release, char out[static LIVE_NAME_MAX]);
/* "42", the name below releases/ */
const char *live_number(uint64_t release, char out[static LIVE_NAME_MAX]);

/* The number a link's text names: "releases/42", also below the root's own
 * absolute path.  0: anything else. */
uint64_t live_parse_target(const struct device *, const char *text);

/* What live_try() left behind when the power failed within is gone. */
int live_untry(const struct device *, struct err *);

/* Exchange mode: the number in releases/NAME's own record, 0 none. */
uint64_t live_record_of(const struct device *, uint64_t name);
/* Has the folder no entry at all?  1, 0, -1. */
int live_is_empty(int at, const char *name, struct err *);

#endif
