/*
 * key.h - public keys as TUF writes them.
 */
#ifndef MANIFEST_KEY_H
#define MANIFEST_KEY_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/jv.h"

enum key_scheme { KEY_UNKNOWN, KEY_ED25519, KEY_ECDSA_P256, KEY_RSA_PSS };

struct key {
	struct sha256 id;       /* as it was checked, see key_parse() */
	enum key_scheme scheme; /* KEY_UNKNOWN never verifies, and is no error */
	char *public_text; /* 64 hex digits (ed25519) or PEM; owned, NULL if unknown */
};

/* A key object and the id it stands under: the hash of its canonical form, whole or
 * without members that TUF does not know.  Another id: ERR_TRUST. */
int key_parse(const struct jv *object, const char *id, struct key *, struct err *);
void key_clear(struct key *);
/* The id of the whole object, as we write it. */
int key_id_of(const struct jv *object, struct sha256 *, struct err *);
/* The key object for these; owned by the caller. */
struct jv *key_to_json(enum key_scheme, const char *public_text, struct err *);

/* verify.c: is `sig` (hex) this key's signature of the n bytes?  Any defect of
 * key or signature is simply false. */
bool key_verifies(const struct key *, const void *data, size_t n, const char *sig);
/* Are both the same public key, whatever their ids?  One holder counts once. */
bool key_same(const struct key *, const struct key *);

#endif
