/*
 * before_signing.h - a command that may say no, right before anything is signed.
 *
 * `delta-host pull --check URL REPO` as the command keeps a build machine from
 * signing over a release that another one published meanwhile.
 */
#ifndef MKDELTA_BEFORE_SIGNING_H
#define MKDELTA_BEFORE_SIGNING_H

#include "manifest/base/err.h"

/* /bin/sh runs it, its standard output goes to standard error.  NULL is fine.
 * ERR_POLICY when it does not end with 0. */
int before_signing(const char *command, struct err *);

#endif
