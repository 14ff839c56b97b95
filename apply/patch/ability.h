/*
 * ability.h - what this decoder can do, by the names that `needs` of signed targets use.
 *
 *	delta-1			format 1
 *	predict-NAME-1		the rule set of that name (rule.h), in its first version
 *	deflate-..., zstd-..., xz-...	a library that makes the same bytes (packing.h)
 *
 * The bytes that a rule set rewrites are part of the format: one that finds other
 * references than before needs another name.
 */
#ifndef APPLY_PATCH_ABILITY_H
#define APPLY_PATCH_ABILITY_H

#include <stdbool.h>
#include <stddef.h>

bool ability_known(const char *name);

/* The name for rule `id`, into out; NULL when there is no such rule. */
enum { ABILITY_MAX = 48 };
const char *ability_of_rule(unsigned id, char out[static ABILITY_MAX]);

#endif
