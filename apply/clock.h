/*
 * clock.h - the time that metadata are held against.
 */
#ifndef APPLY_CLOCK_H
#define APPLY_CLOCK_H

#include "manifest/tuf_client.h"

/* The system clock, and the day this program was built. */
void clock_now(struct tuf_clock *, bool untrusted);
/* After a refresh: tell people when the clock is an hour or more behind what was
 * signed. */
void clock_say_if_behind(const struct tuf *);

#endif
