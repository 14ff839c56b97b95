/*
 * conf_keys.h - the table of known keys, between the files conf*.c.
 */
#ifndef APPLY_CONF_KEYS_H
#define APPLY_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/err.h"

#include "apply/conf.h"

enum conf_kind {
	CONF_TEXT,	/* char *, no longer than CONF_VALUE_MAX */
	CONF_DIR,	/* the same: absolute, made canonical in its slashes */
	CONF_URL,	/* the same, without slashes at the end */
	CONF_WORDS,	/* struct conf_list, words or "quoted words" */
	CONF_BOOL,	/* yes no true false on off 1 0 */
	CONF_SECONDS,	/* uint32_t */
	CONF_COUNT,	/* uint32_t */
	CONF_BYTES,	/* uint64_t, "16M" */
	CONF_SWAP, CONF_REUSE, CONF_OWNER, CONF_CLOCK, CONF_WHEN,
	CONF_HOOK_TIMEOUT	/* uint32_t of all hooks */
};

enum { CONF_VALUE_MAX = 4096 };

struct conf_key {
	const char *section, *name;
	enum conf_kind kind;
	size_t offset;		/* of the field in struct conf */
	/* What decides whom to trust, where to write and what to run is not taken
	 * from the environment under sudo. */
	bool guarded;
};

/* Ends with a NULL section. */
extern const struct conf_key conf_keys[];

const struct conf_key *conf_key_find(const char *section, const char *name);
bool conf_section_known(const char *section);
/* Sections whose keys are for later versions: accepted, without effect. */
bool conf_section_reserved(const char *section);
/* ERR_USAGE that names the nearest known section or key. */
int conf_key_unknown(const char *section, const char *name, struct err *);

#endif
