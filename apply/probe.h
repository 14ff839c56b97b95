/*
 * probe.h - can this device still update?  Fetch and verify the timestamp.
 */
#ifndef APPLY_PROBE_H
#define APPLY_PROBE_H

#include "manifest/base/err.h"

#include "apply/run.h"

enum probe_end {
	PROBE_PASSED,
	PROBE_SKIPPED,		/* file://, offline or recovering */
	PROBE_LOCAL,		/* no route, name lookup, permission, trust store */
	PROBE_HOST		/* wrong answer or none: "update-path unproven" */
};
enum probe_end probe_update(struct run *, struct err *);

#endif
