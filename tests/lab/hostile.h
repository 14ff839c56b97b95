/*
 * hostile.h - a device that is offered what was signed well and means harm.
 *
 * The lab has an honest repository of two releases (repo, repo.keys), a device
 * without any release (dev-0) and one that runs release 1 (dev-1), and around them
 * what nobody but their owner may touch: outside/, dev/sibling, the configuration.
 * Each test works on copies.
 *
 *	l = hostile_begin(DEVICE_WITH_1, "");
 *	... forge.h ...
 *	hostile_update(l, 4, "what it says");
 *
 * An update is run twice from the same state: as it is, and in a mount namespace
 * of its own where everything but dev/ is read-only and there is no network.  Both
 * have to say the same, so the first did not write elsewhere either; and what lies
 * around is compared, with all its times.
 */
#ifndef TESTS_LAB_HOSTILE_H
#define TESTS_LAB_HOSTILE_H

#include <stddef.h>

#include "manifest/base/buf.h"

#include "tests/lab/lab.h"

enum hostile_device { DEVICE_EMPTY, DEVICE_WITH_1 };

/* Group setup and teardown: makes what the tests copy. */
int hostile_open_master(void **state);
int hostile_close_master(void **state);

/* `more` goes to the end of the configuration. */
struct lab *hostile_begin(enum hostile_device, const char *more);
void hostile_end(struct lab *);		/* NULL is fine */

/* The device refuses: this status, these words (on a terminal harmless ones), runs
 * what it ran, and nothing is left that was built. */
void hostile_refuses(struct lab *, int status, const char *say);
/* The device takes it; the tree is the folder `tree` of the lab. */
void hostile_takes(struct lab *, const char *tree);
/* One run in both ways, with the same words and status; what lies around is as it
 * was.  The device is as the second run left it. */
void hostile_update(struct lab *, int status, const char *say);

/* The first 8 bytes of the SHA-256 of release 1's listing, as deltas want it. */
void hostile_old_id(struct lab *, uint8_t id[static 8]);

#endif
