/*
 * step_tree.h - what the steps stage and verify share.
 */
#ifndef APPLY_STEP_TREE_H
#define APPLY_STEP_TREE_H

#include "manifest/base/err.h"

#include "apply/run.h"

/* Build the plan's tree in staging: DONE, AGAIN with what to leave out noted in
 * the run, LATER, FAIL. */
enum step_result tree_build(struct run *, struct err *);

#endif
