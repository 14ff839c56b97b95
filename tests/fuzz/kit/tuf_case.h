/*
 * tuf_case.h - one file of metadata on its way through the TUF client.
 *
 * The client's own steps (manifest/tuf_state.h) meet it in a small repository that was
 * trusted before: no disk, no cryptography.  Linked with --wrap (tests/tests.mk):
 *
 *	key_verifies	"00" counts as a good signature, any other short one as a bad one;
 *			what has the length of a real one is looked at for real
 *	tuf_store, tuf_store_read, tuf_local, tuf_lock	the folder: memory
 *
 * What reaches tuf_store() is trusted from then on: signatures, version, expiry and
 * product are looked at once more there.
 */
#ifndef TESTS_FUZZ_KIT_TUF_CASE_H
#define TESTS_FUZZ_KIT_TUF_CASE_H

#include "manifest/tuf_state.h"

enum { CASE_NOW = 1795000000 };		/* November 2026 */

/* A client whose host has `n` bytes under the name `name` ("2.root.json") and the
 * repository's files under theirs.  Only root is loaded: tuf_case_trust() for more. */
struct tuf *tuf_case_open(const char *name, const uint8_t *data, size_t n);
void tuf_case_close(struct tuf *);

/* Trusted, as if loaded: "timestamp", "snapshot" or "targets". */
void tuf_case_trust(struct tuf *, const char *role);
/* The repository's file of the role stands in the client's folder. */
void tuf_case_in_folder(const char *role);
/* Until it is closed the input is trusted by somebody's decision, not by signatures. */
void tuf_case_by_hand(void);
/* How often the input itself was stored. */
unsigned tuf_case_stored(void);

/* The files of the repository: what a seed is made from. */
const struct buf *tuf_case_file(const char *role);

/* A mutator for JSON in which ids of keys are the hashes of the keys: half of the
 * time a value is changed, moved, doubled or dropped, else bytes. */
size_t json_mutate(uint8_t *data, size_t n, size_t max, unsigned seed);

#endif
