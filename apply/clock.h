/*
 * clock.h - the time that metadata are held against.
 */
#ifndef APPLY_CLOCK_H
#define APPLY_CLOCK_H

#include "manifest/tuf_client.h"

/* The system clock, and the day this program was built. */
void clock_now(struct tuf_clock *, bool untrusted);

#endif
