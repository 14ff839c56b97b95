/*
 * conf_value.h - one value of the configuration, from its text.
 */
#ifndef APPLY_CONF_VALUE_H
#define APPLY_CONF_VALUE_H

#include "manifest/base/err.h"

#include "apply/conf.h"
#include "apply/conf_keys.h"

/* Replaces what the field held.  ERR_USAGE says what the key expects; ERR_NOMEM.
 * The text of the error begins with "section.key". */
int conf_value_set(struct conf *, const struct conf_key *, const char *text,
    struct err *);

void conf_list_clear(struct conf_list *);

#endif
