/*
 * thief.h - somebody with stolen keys and the host: signs whatever he likes with them.
 *
 *	struct thief t = { .l = l, .host = "host" };
 *	thief_steal(&t, "repo.keys/online.pem");
 *	jv_remove(jv_get_mutable(thief_part(&t, "snapshot"), "meta"), "stable.json");
 *	thief_put(&t, "snapshot", 0);
 *	thief_put(&t, "timestamp", 0);
 *	thief_end(&t);
 *
 * He knows no rule that mkdelta holds to.  Whatever fails here ends the test.
 */
#ifndef TESTS_LAB_THIEF_H
#define TESTS_LAB_THIEF_H

#include <stdint.h>

#include "manifest/jv.h"
#include "tests/lab/lab.h"

enum { THIEF_KEYS_MAX = 4, THIEF_PARTS_MAX = 8 };

struct thief {
	struct lab *l;
	const char *host;		/* the folder that devices read */
	struct signer *keys[THIEF_KEYS_MAX];
	size_t n_keys;
	struct {
		char role[64];
		struct jv *part;
		uint64_t version;
	} parts[THIEF_PARTS_MAX];
	size_t n_parts;
};

/* From now on this private key signs too. */
void thief_steal(struct thief *, const char *pem);
/* A key that he made himself, and its public half (the caller's). */
struct jv *thief_makes_key(struct thief *);

/* The signed part of a role as the host has it now, or as he changed it. */
struct jv *thief_part(struct thief *, const char *role);
/* Give it this version (0: the next), a year, his signatures, and a place on the host;
 * the parts of snapshot and timestamp list it from then on. */
void thief_put(struct thief *, const char *role, uint64_t version);

void thief_end(struct thief *);

#endif
