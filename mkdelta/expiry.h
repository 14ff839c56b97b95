/*
 * expiry.h - for how long each role is signed, and how much of it is left.
 *
 * A role's period is the distance from its x-signed to its expires: whoever signs
 * it again keeps the period without being told.
 */
#ifndef MKDELTA_EXPIRY_H
#define MKDELTA_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { EXPIRY_DAYS_MAX = 3650 };

struct expiry {			/* seconds */
	int64_t root, targets, channel, snapshot, timestamp;
};

/* Root two years, targets and channels one, snapshot and timestamp seven days. */
void expiry_default(struct expiry *);
/* "timestamp=30" sets one of them; "online" both of snapshot and timestamp. */
int expiry_set(struct expiry *, const char *role_is_days, struct err *);

enum expiry_state { EXPIRY_FINE, EXPIRY_SOON, EXPIRY_OVER };

/* Soon: less than a third of the period is left. */
enum expiry_state expiry_state(int64_t signed_at, int64_t expires, int64_t now);
/* Is half of the period over?  Then who has the keys at hand signs it again. */
bool expiry_half_over(int64_t signed_at, int64_t expires, int64_t now);
const char *expiry_word(enum expiry_state);	/* "fine", "soon", "expired" */

/* "in 6 days", "3 hours ago" into out. */
enum { EXPIRY_TEXT_MAX = 48 };
const char *expiry_text(char out[static EXPIRY_TEXT_MAX], int64_t when, int64_t now);

#endif
