/*
 * cancel.h - Ctrl-C and SIGTERM, noticed between two pieces of work.
 *
 * The handler only sets a flag; long loops ask, return ERR_CANCEL and leave
 * everything clean on the way out.  A second signal ends the process at once.
 */
#ifndef MANIFEST_BASE_CANCEL_H
#define MANIFEST_BASE_CANCEL_H

#include <stdbool.h>

#include "manifest/base/err.h"

void cancel_setup(void);	/* SIGINT, SIGTERM, SIGHUP; SIGPIPE ignored */
bool cancel_wanted(void);
int cancel_check(struct err *);	/* 0, or -1 with ERR_CANCEL "interrupted" */

#endif
