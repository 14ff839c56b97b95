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
/* The one private key at an OpenSSL store URI (a provider's: pkcs11:..., or file:).
 * The passphrase is its PIN; NULL: none is given. */
struct signer *signer_from_store(const char *uri, const char *passphrase, struct err *);
/* Only the public half is here (PEM).  `sign` appends what the holder of the private
 * one answers for n bytes: the signature as bytes, hex or base64.  It is checked.
 * NULL: the key can be spoken of and cannot sign. */
typedef int signer_ask(void *arg, const void *data, size_t n, struct buf *out,
    struct err *);
struct signer *signer_from_public(
    const void *pem, size_t n, signer_ask *, void *arg, struct err *);
/* PKCS#8 PEM appended to out, encrypted when passphrase is not NULL. */
int signer_to_pem(
    const struct signer *, const char *passphrase, struct buf *out, struct err *);
void signer_free(struct signer *);

/* The public half as PEM appended to out. */
int signer_public_pem(const struct signer *, struct buf *out, struct err *);
/* The public half as a key object (owned by the caller) and its id. */
struct jv *signer_public(const struct signer *, struct err *);
int signer_id(const struct signer *, struct sha256 *, struct err *);

/* Hex signature of the n bytes appended to out. */
int signer_sign(
    const struct signer *, const void *data, size_t n, struct buf *out, struct err *);

#endif
