/*
 * memory.h - what a device remembers between runs: quarantine, hold, history.
 *
 * STATE/quarantine.json, STATE/hold.json, STATE/history.ndjson (append, synced,
 * at most 1000 lines kept).  A file that cannot be read counts as empty, with a
 * warning: it never keeps a device from updating.
 */
#ifndef APPLY_MEMORY_H
#define APPLY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "manifest/record.h"

#include "apply/device.h"

/* (number, listing, attempt) with reason and time; ends by --retry, by commit
 * of a higher number, or by a higher signed attempt. */
int quarantine_add(const struct device *, uint64_t release, const struct sha256 *listing,
    uint64_t attempt, const char *reason, const char *text, struct err *);
bool quarantine_has(const struct device *, const struct record *, char reason[64]);
/* Forget all up to this release (after its commit); UINT64_MAX: all (--retry). */
int quarantine_clear(const struct device *, uint64_t up_to, struct err *);
struct jv *quarantine_list(const struct device *, struct err *);

/* A manual rollback holds: nothing up to `left` is taken until resume. */
int hold_set(const struct device *, uint64_t left, struct err *);
uint64_t hold_get(const struct device *);	/* 0: none */
int hold_clear(const struct device *, struct err *);

struct history_entry {
	uint64_t from, to;
	char version[NAME_MAX_VERSION + 1];
	const char
	    *result; /* "installed" "updated" "rolled-back" "manual-rollback" "failed" */
	const char *reason;	/* stable code, "" */
	uint64_t bytes;		/* downloaded */
	int64_t seconds;	/* from preflight to the end */
};
int history_add(const struct device *, const struct history_entry *, struct err *);
struct jv *history_list(const struct device *, struct err *);	/* newest last */

#endif
