/*
 * sign.h - private keys and signatures.  Never linked into the device's program.
 */
#ifndef MANIFEST_SIGN_H
#define MANIFEST_SIGN_H

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "manifest/key.h"

struct signer; /* a private key in memory, wiped by signer_free() */

/* A new key of KEY_ED25519 or KEY_ECDSA_P256. */
struct signer *signer_new(enum key_scheme, struct err *);
/* A PEM private key; `passphrase` NULL when it is not encrypted (an encrypted
 * one is then ERR_USAGE, never a prompt). */
struct signer *signer_from_pem(
    const void *pem, size_t n, const char *passphrase, struct err *);
/* PKCS#8 PEM appended to out, encrypted when passphrase is not NULL. */
int signer_to_pem(
    const struct signer *, const char *passphrase, struct buf *out, struct err *);
void signer_free(struct signer *);

/* The public half as a key object (owned by the caller) and its id. */
struct jv *signer_public(const struct signer *, struct err *);
int signer_id(const struct signer *, struct sha256 *, struct err *);

/* Hex signature of the n bytes appended to out. */
int signer_sign(
    const struct signer *, const void *data, size_t n, struct buf *out, struct err *);

#endif
