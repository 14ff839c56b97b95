/*
 * utc.h - points in time as TUF writes them: "2026-11-21T03:51:00Z".
 *
 * Seconds since 1970 (int64_t).  Only exactly this form is read; text order
 * is then time order.  Years 1970 to 9999.
 */
#ifndef MANIFEST_BASE_UTC_H
#define MANIFEST_BASE_UTC_H

#include <stdint.h>

enum { UTC_TEXT_MAX = 32 };	/* 20 used; room for snprintf's worst case */

const char *utc_text(char out[static UTC_TEXT_MAX], int64_t seconds);
int utc_parse(const char *text, int64_t *seconds);	/* 0, else -1 */
int64_t utc_now(void);		/* the system clock */

#endif
