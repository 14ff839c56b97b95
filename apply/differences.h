/*
 * differences.h - what verification found, for people and for programs.
 */
#ifndef APPLY_DIFFERENCES_H
#define APPLY_DIFFERENCES_H

#include "manifest/jv.h"

#include "apply/verify.h"

/* One a line, on standard output. */
void differences_print(const struct verify_report *);
/* The members differences and list of an object. */
void differences_put(const struct verify_report *, struct jv **object);

#endif
